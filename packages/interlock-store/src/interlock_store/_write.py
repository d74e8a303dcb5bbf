"""The kinds of writes in a transaction, and their conditions."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

Item: TypeAlias = dict[str, Any]


class Expect(Struct, frozen=True):
    """The conditions of a row for its write. If one does not hold, the whole transaction is rejected."""

    exists: bool | None = None
    equals: Mapping[str, Any] = {}
    absent: Sequence[str] = ()


ANYTHING = Expect()
NOTHING_THERE = Expect(exists=False)


class Put(Struct, frozen=True):
    """Write a whole row."""

    table: str
    item: Item
    expect: Expect = ANYTHING
    role: str = ""


class Update(Struct, frozen=True):
    """Set and remove attributes of a row. It creates the row unless the expectation forbids it."""

    table: str
    pk: str
    sk: str
    set: Mapping[str, Any] = {}
    remove: Sequence[str] = ()
    expect: Expect = ANYTHING
    role: str = ""


class Delete(Struct, frozen=True):
    """Delete a row."""

    table: str
    pk: str
    sk: str
    expect: Expect = ANYTHING
    role: str = ""


class Check(Struct, frozen=True):
    """Write nothing, but reject the transaction unless the row is as expected."""

    table: str
    pk: str
    sk: str
    expect: Expect
    role: str = ""


Write: TypeAlias = Put | Update | Delete | Check

FENCE = "fence"
"""The role of the write whose rejection means that another writer was first."""

LOG = "log"
"""The role of a joblog row. If its millisecond is taken, the next free one is used."""
COUNT = "count"
"""The role of a rerun row. If its number is taken, the next free one is used."""
ARRIVAL = "arrival"
"""The role of a first-sensor-arrival row. It replaces a corrupted one."""


def key_of(write: Write) -> tuple[str, str, str]:
    """The table, partition key and sort key of a write's row."""
    if isinstance(write, Put):
        return write.table, write.item["PK"], write.item["SK"]
    return write.table, write.pk, write.sk

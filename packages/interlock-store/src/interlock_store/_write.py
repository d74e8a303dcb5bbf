"""The few kinds of writes that a transaction is made of, and the conditions they may carry."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

Item: TypeAlias = dict[str, Any]


class Expect(Struct, frozen=True):
    """What must be true of a row for its write to happen: all of it, or the whole transaction is refused."""

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
    """Set and remove attributes of a row; creates the row unless the expectation forbids it."""

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
    """Write nothing, but refuse the transaction unless the row is as expected."""

    table: str
    pk: str
    sk: str
    expect: Expect
    role: str = ""


Write: TypeAlias = Put | Update | Delete | Check

FENCE = "fence"
"""Role of the write whose refusal means: somebody else got there first."""

LOG = "log"
"""Role of a joblog row: when its millisecond is taken, the next free one is used."""
COUNT = "count"
"""Role of a rerun row: when its number is taken, the next free one is used."""
ARRIVAL = "arrival"
"""Role of a first-sensor-arrival row: what stands in its place and is no arrival gives way to it."""


def key_of(write: Write) -> tuple[str, str, str]:
    """Table, partition key and sort key of the row that a write is about."""
    if isinstance(write, Put):
        return write.table, write.item["PK"], write.item["SK"]
    return write.table, write.pk, write.sk

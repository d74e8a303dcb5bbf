"""The operations that the store needs of its tables, on DynamoDB or in memory."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from interlock_store._write import Item, Write


class TableNames(Struct, frozen=True):
    """The names of the four tables. A service that does not use one may leave it empty."""

    control: str
    joblog: str = ""
    rerun: str = ""
    events: str = ""

    @classmethod
    def of_environment(cls, environment: str) -> "TableNames":
        """The table names of a deployment with the name `environment` (docs/reference/rows.md §1)."""
        prefix = f"{environment}-interlock-"
        return cls(f"{prefix}control", f"{prefix}joblog", f"{prefix}rerun", f"{prefix}events")


PROJECTED = {
    "GSI2": (
        "status",
        "attempt",
        "reason",
        "committedAt",
        "closedAt",
        "absolute",
        "relative",
        "markedAt",
    )
}
"""The attributes that an index holds, without its keys. An index that is not named here holds all."""


class StoreError(Exception):
    """The root of this package's errors."""


class TransactionRejected(StoreError):
    """A condition did not hold, so nothing was written. `indexes`: the places of the rejected writes."""

    def __init__(self, indexes: Sequence[int]) -> None:
        super().__init__(f"conditions of writes {list(indexes)} did not hold")
        self.indexes = tuple(indexes)


class TableBusy(StoreError):
    """A transaction collided with others, or the table throttled it, at every try."""


class Contended(StoreError):
    """The row changed before every try of a decision. The caller tries again later."""


class Tables(Protocol):
    """Reads and writes by key. Numbers come back as Decimal, sets as sets, missing rows as None."""

    def get(self, table: str, pk: str, sk: str) -> Item | None:
        """One row, strongly consistent."""

    def get_many(self, table: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """The rows that exist among `keys`, strongly consistent, any number of them."""

    def query(
        self,
        table: str,
        pk: str,
        *,
        prefix: str = "",
        index: str | None = None,
        after: str | None = None,
        up_to: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[Item]:
        """Rows of one partition whose sort key begins with `prefix`, is greater than `after`, or is at most `up_to`.

        Pages are read on demand. A table is read consistently, an index eventually.
        """

    def transact(self, writes: Sequence[Write]) -> None:
        """All writes or none. Raises TransactionRejected if a condition does not hold."""

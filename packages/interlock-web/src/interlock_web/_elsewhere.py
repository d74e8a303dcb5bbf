"""The unfinished runs of days that the overview does not show, however old they are, as `interlock status` has them."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from interlock_store import DateState, MalformedRow, TableNames, Tables, read_run

MOST_SHOWN = 20
MOST_ROWS = 1000
"""The rows of a partition that are read. A run has about 1 KB, and an answer of DynamoDB has room for 1 MB."""

_PARTITIONS = ("RUNNING", "WAITING")
"""The partitions of GSI1 with runs that are held, run, or wait for a slot (docs/reference/rows.md §2.11).

A run is PENDING for seconds, until its execution starts, and that partition would cost each view a further request.
"""

_Map = Callable[[Callable[[str], list[Any]], Iterable[str]], Iterable[list[Any]]]


class Elsewhere(Struct, frozen=True):
    """Unfinished runs of other days than the shown ones. dates: the oldest ones. count: the number of all.

    is_whole: no more rows exist than were read.
    """

    dates: tuple[DateState, ...] = ()
    count: int = 0
    is_whole: bool = True

    @property
    def more(self) -> int:
        """The number of those that are only counted."""
        return self.count - len(self.dates)


class Unfinished(Struct, frozen=True):
    """All unfinished runs, the oldest date first. is_whole: as in `Elsewhere`."""

    dates: tuple[DateState, ...] = ()
    is_whole: bool = True

    def chosen(self, wants: Callable[[DateState], bool]) -> Elsewhere:
        """Those that are wanted."""
        found = tuple(date for date in self.dates if wants(date))
        return Elsewhere(found[:MOST_SHOWN], len(found), self.is_whole)


def read_unfinished(tables: Tables, names: TableNames, each: _Map) -> Unfinished:
    """The unfinished runs, in one query per partition of their index. each: a map, which may use threads.

    Rows that cannot be read are left out, as in `interlock status`. The watchdog reports them.
    """

    def read(partition: str) -> list[Any]:
        return list(tables.query(names.control, partition, index="GSI1", limit=MOST_ROWS))

    pages = list(each(read, _PARTITIONS))
    # An index is eventually consistent, so that a run may be in two partitions.
    found = {date.key: date for page in pages for row in page if (date := _read(row)) is not None}
    dates = sorted(found.values(), key=lambda date: (str(date.key.date), date.key.pipeline_id, date.key.schedule_id))
    return Unfinished(tuple(dates), all(len(page) < MOST_ROWS for page in pages))


def _read(row: Any) -> DateState | None:
    if not str(row["SK"]).startswith("TRIGGER#"):
        return None
    try:
        run = read_run(row)
    except MalformedRow:
        return None
    return DateState(run.key, run.status, run.job_intent is not None) if run.is_running else None

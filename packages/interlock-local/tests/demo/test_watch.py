"""The looks of the demo: each event is seen once, and most looks read only the newest ones."""

from collections.abc import Mapping
from typing import Any

import pytest

from interlock_local.demo._script import BRONZE, GOLD
from interlock_local.demo._watch import _WHOLE_EVERY, Watcher
from interlock_store import MemoryTables, Overview, Store, TableNames
from interlock_store._write import Put

NAMES = TableNames.of_environment("demo")
BEGAN = 1_772_539_200_000


class Shown:
    """A screen that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, *parts: Any) -> None:
        self.lines.append("".join(part if isinstance(part, str) else part[1] for part in parts))

    def show(self, reports: Mapping[Any, Any], would_run: Any, note: str) -> None:
        return


class CountedTables(MemoryTables):
    """Counts the rows of events that queries have returned."""

    events = 0

    def query(self, table: str, pk: str, **wanted: Any) -> Any:
        for row in super().query(table, pk, **wanted):
            self.events += table == NAMES.events
            yield row


class Look:
    """A watcher over tables in memory."""

    def __init__(self) -> None:
        self.tables = CountedTables()
        self.screen = Shown()
        screen: Any = self.screen
        self.watcher = Watcher(Store(self.tables, NAMES), Overview(self.tables, NAMES), screen)

    def event(self, second: float, kind: str = "JOB_FAILED", pipeline: str = BRONZE) -> None:
        at = BEGAN + round(second * 1000)
        row = {
            "PK": f"PIPELINE#{pipeline}",
            "SK": f"{at}#{kind}",
            "timestamp": at,
            "eventType": kind,
            "date": "2013-02-07",
            "message": f"at {second:g}",
        }
        self.tables.transact([Put(NAMES.events, row)])

    def rows_of_a_look(self) -> int:
        before = self.tables.events
        self.watcher.look("")
        return self.tables.events - before


@pytest.fixture
def look() -> Look:
    return Look()


def test_each_event_is_printed_once(look: Look) -> None:
    for second in range(3):
        look.event(second)
        for _ in range(_WHOLE_EVERY + 1):
            look.watcher.look("")
    assert [line.partition(": ")[2] for line in look.screen.lines] == ["at 0", "at 1", "at 2"]


def test_most_looks_read_the_newest_events_only(look: Look) -> None:
    for second in range(100):
        look.event(second)
    look.event(0, pipeline=GOLD)
    read = [look.rows_of_a_look() for _ in range(_WHOLE_EVERY + 1)]
    assert (read[0], read[_WHOLE_EVERY]) == (101, 101)
    assert max(read[1:_WHOLE_EVERY]) < 25


def test_an_event_that_comes_somewhat_late_is_seen_at_once(look: Look) -> None:
    look.event(60)
    look.watcher.look("")
    look.event(45)
    look.watcher.look("")
    assert look.watcher.events == 2


def test_an_event_that_comes_very_late_is_seen_too(look: Look) -> None:
    look.event(60)
    look.watcher.look("")
    look.event(10, "SLA_BREACH")
    for _ in range(_WHOLE_EVERY):
        look.watcher.look("")
    assert (BRONZE, "SLA_BREACH") in look.watcher.seen


def test_the_last_look_reads_all_events(look: Look) -> None:
    look.event(60)
    look.watcher.look("")
    look.event(10, "SLA_BREACH")
    look.watcher.look("", is_last=True)
    assert (BRONZE, "SLA_BREACH") in look.watcher.seen

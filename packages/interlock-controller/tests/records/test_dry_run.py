"""A dry run's sensors count for the date that they name, and for other dates that wait for them."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interlock_config import decode_yaml
from interlock_controller.effects import Wakes
from interlock_controller.records import SensorIntake
from interlock_lifecycle import Sensor
from interlock_store import ConfigCache, MemoryTables, Store, TableNames
from interlock_store._write import Delete

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
PIPELINE = """
pipeline: {id: bronze}
dryRun: true
schedule:
  trigger: {key: ready, check: exists}
  evaluation: {window: 1h, interval: 5m}
validation: {rules: [{key: ready, check: exists}, {key: catalog, check: gt, field: rows, value: 0}]}
job: {type: command, config: {command: "true"}}
"""


class CountedTables(MemoryTables):
    """Counts the reads by key. `reading` is called before each read of many rows."""

    def __init__(self, changed: Any) -> None:
        super().__init__(changed)
        self.reads = 0
        self.reading: Callable[[], object] = lambda: None

    def get(self, table: str, pk: str, sk: str) -> Any:
        self.reads += 1
        return super().get(table, pk, sk)

    def get_many(self, table: str, keys: Iterable[tuple[str, str]]) -> Any:
        self.reads += 1
        found = super().get_many(table, keys)
        self.reading()
        return found


class DryRun:
    """A dry run over the in-memory tables. Sensors arrive minutes after noon."""

    def __init__(self) -> None:
        self.emitted: list[tuple[str, str]] = []
        self._tables = CountedTables(self._changed)
        self.store = Store(self._tables, TableNames.of_environment("test"))
        self.store.put_config(decode_yaml(PIPELINE, "bronze.yaml"))
        self._intake = SensorIntake(
            self.store,
            ConfigCache(self.store, lambda: NOW),
            Wakes(self.store, lambda token: False, lambda: NOW),
            execution_timeout=timedelta(hours=4),
        )

    def _changed(self, key: tuple[str, str, str], before: Any, after: Any) -> None:
        if key[2].startswith("EVENT#") and before is None:
            self.emitted.append((after["detailType"], after["detail"].partition('"date":"')[2].partition('"')[0]))

    def arrives(self, key: str, minute: int, **fields: Any) -> None:
        self.store.put_sensor("bronze", key, fields)
        self._intake.arrived(Sensor("bronze", key, fields, NOW + timedelta(minutes=minute)))

    def deleted(self, key: str, minute: int) -> None:
        self._tables.transact([Delete(self.store.names.control, "PIPELINE#bronze", f"SENSOR#{key}")])
        self._intake.emptied(Sensor("bronze", key, {}, NOW + timedelta(minutes=minute)))

    def reads_of(self, act: Callable[[], object]) -> int:
        before = self._tables.reads
        act()
        return self._tables.reads - before

    def during_the_next_read(self, act: Callable[[], object]) -> None:
        def once() -> None:
            self._tables.reading = lambda: None
            act()

        self._tables.reading = once

    def would_trigger(self) -> list[str]:
        return [date for name, date in self.emitted if name == "DRY_RUN_WOULD_TRIGGER"]


@pytest.fixture
def dry_run() -> DryRun:
    return DryRun()


def test_an_undated_sensor_counts_for_a_waiting_date(dry_run: DryRun) -> None:
    dry_run.arrives("ready", 0, date="2026-03-02")
    dry_run.arrives("catalog", 10, rows=5)
    dry_run.arrives("catalog", 11, rows=6)
    assert dry_run.would_trigger() == ["2026-03-02"]


def test_each_waiting_hour_is_evaluated(dry_run: DryRun) -> None:
    for hour in ("10", "11"):
        dry_run.arrives(f"ready#2026-03-03T{hour}", 0, date="2026-03-03", hour=hour)
    dry_run.arrives("catalog", 60, rows=5)
    assert sorted(dry_run.would_trigger()) == ["2026-03-03T10", "2026-03-03T11"]


def test_a_date_does_not_wait_beyond_its_window(dry_run: DryRun) -> None:
    dry_run.arrives("ready", 0, date="2026-03-02")
    dry_run.arrives("catalog", 61, rows=5)
    assert dry_run.would_trigger() == []


def test_a_sensor_of_another_date_is_not_late_data(dry_run: DryRun) -> None:
    dry_run.arrives("catalog", 0, rows=5)
    dry_run.arrives("ready#2026-03-02", 1, date="2026-03-02")
    dry_run.arrives("ready#2026-03-03", 2, date="2026-03-03")
    assert dry_run.would_trigger() == ["2026-03-02", "2026-03-03"]
    assert "DRY_RUN_LATE_DATA" not in {name for name, _ in dry_run.emitted}


def test_a_deleted_row_that_hid_another_row_is_judged(dry_run: DryRun) -> None:
    dry_run.arrives("ready", 0, date="2026-03-02")
    dry_run.arrives("catalog#2026-03-02", 1, rows=0)
    dry_run.arrives("catalog", 2, rows=5)
    assert dry_run.would_trigger() == []
    for minute in (3, 4):
        dry_run.deleted("catalog#2026-03-02", minute)
    assert dry_run.would_trigger() == ["2026-03-02"]
    dry_run.arrives("ready", 5, date="2026-03-02", again=True)
    assert [name for name, _ in dry_run.emitted].count("DRY_RUN_LATE_DATA") == 1


def test_a_corrupted_arrival_row_is_skipped(dry_run: DryRun) -> None:
    dry_run.store.put_sensor("bronze", "first-sensor-arrival#nonsense", {"arrivedAt": "2026-03-03T12:00:00Z"})
    dry_run.store.put_sensor("bronze", "first-sensor-arrival#2026-03-01", {"arrivedAt": "never"})
    dry_run.arrives("ready", 0, date="2026-03-02")
    dry_run.arrives("catalog", 10, rows=5)
    assert dry_run.would_trigger() == ["2026-03-02"]


def test_more_waiting_dates_need_no_more_reads() -> None:
    def reads(hours: int) -> int:
        dry_run = DryRun()
        for hour in range(hours):
            dry_run.arrives(f"ready#2026-03-03T{hour:02}", 0, date="2026-03-03", hour=f"{hour:02}")
        return dry_run.reads_of(lambda: dry_run.arrives("catalog", 10, rows=0))

    assert reads(12) == reads(2)


def test_a_date_that_changes_after_its_read_is_read_again(dry_run: DryRun) -> None:
    for day in ("2026-03-01", "2026-03-02"):
        dry_run.arrives(f"ready#{day}", 0, date=day)
    # Another delivery of the record observes both dates between the read and the commit of this one.
    dry_run.store.put_sensor("bronze", "catalog", {"rows": 5})
    dry_run.during_the_next_read(lambda: dry_run.during_the_next_read(lambda: dry_run.arrives("catalog", 10, rows=5)))
    dry_run.arrives("catalog", 10, rows=5)
    assert sorted(dry_run.would_trigger()) == ["2026-03-01", "2026-03-02"]

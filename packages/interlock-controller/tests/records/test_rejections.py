"""Floods of rerun requests: one alert with a count for a run, and a cost that does not grow with their number."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from interlock_config import decode_yaml
from interlock_controller.effects import Outbox, Wakes
from interlock_controller.records import RerunIntake
from interlock_controller.watch import Recovery
from interlock_lifecycle import RunKey
from interlock_lifecycle.runs import open_run
from interlock_sla import parse_execution_date
from interlock_store import MemoryTables, Store, TableNames, read_rerun_request
from interlock_store._write import Item, Put

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
KEY = RunKey("p", "stream", parse_execution_date("2026-03-03"))
NAMES = TableNames.of_environment("test")
PIPELINE = """
pipeline: {id: p}
schedule: {trigger: {key: ready, check: exists}}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


class CountingTables(MemoryTables):
    """Tables that count the rows that are read, and the events that are written."""

    def __init__(self) -> None:
        super().__init__(self._changed)
        self.read = 0
        self.emitted: list[Mapping[str, Any]] = []

    def _changed(self, key: tuple[str, str, str], before: Any, after: Mapping[str, Any] | None) -> None:
        if key[2].startswith("EVENT#") and before is None and after is not None:
            self.emitted.append({"type": after["detailType"], **json.loads(after["detail"])})

    def get(self, table: str, pk: str, sk: str) -> Item | None:
        self.read += 1
        return super().get(table, pk, sk)

    def get_many(self, table: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        wanted = list(keys)
        self.read += len(wanted)
        return super().get_many(table, wanted)

    def query(self, table: str, pk: str, **how: Any) -> Iterator[Item]:
        found = list(super().query(table, pk, **how))
        self.read += max(len(found), 1)
        return iter(found)


class Flood:
    """A date with a run under way, and its rerun requests."""

    def __init__(self, rest: str = "", *, date: str = "2026-03-03", runs: bool = True) -> None:
        self.tables = CountingTables()
        self.store = Store(self.tables, NAMES)
        self.store.put_config(decode_yaml(PIPELINE + rest, "p.yaml"))
        self.reruns = RerunIntake(self.store, execution_timeout=TIMEOUT)
        self.key = RunKey("p", "stream", parse_execution_date(date))
        if runs:
            self.store.commit(open_run(self.key, decided_at=NOW, execution_timeout=TIMEOUT, arrived_at=NOW))

    def ask(self, at: datetime, reason: str = "manual") -> int:
        """Request a rerun. The result is the number of rows that its answer has read."""
        row = {"PK": "PIPELINE#p", "SK": f"RERUN_REQUEST#stream#{self.key.date}", "reason": reason}
        self.tables.transact([Put(NAMES.control, {**row, "requestedAt": at.isoformat()})])
        before = self.tables.read
        self.reruns.requested(read_rerun_request({**row, "requestedAt": at.isoformat()}, at))
        return self.tables.read - before

    def tick(self, at: datetime) -> None:
        outbox = Outbox(self.store, None, None, now=lambda: at, execution_timeout=TIMEOUT)  # type: ignore[arg-type]
        recovery = Recovery(
            self.store,
            outbox,
            self.reruns,
            None,  # type: ignore[arg-type]
            Wakes(self.store, lambda token: False, lambda: NOW),
            execution_timeout=TIMEOUT,
            pending_grace=timedelta(minutes=2),
            probe_after=timedelta(minutes=5),
        )
        rows = [row for row in self.store.pending(at - timedelta(minutes=2)) if row["SK"].startswith("MARKER#")]
        self.store.pending = lambda up_to: rows  # type: ignore[method-assign]
        recovery.pending(at)
        del self.store.pending

    def counts(self) -> list[tuple[str, int]]:
        """The rejections that were emitted, with their counts."""
        return [(one["type"], one["detail"].get("count", 0)) for one in self.tables.emitted]


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_the_cost_of_a_rejection_does_not_grow() -> None:
    flood = Flood()
    costs = [flood.ask(later(number)) for number in range(1000)]
    assert costs[1:] == [costs[1]] * 999
    assert costs[1] <= costs[0] + 1
    assert len(list(flood.tables.query(NAMES.joblog, "PIPELINE#p"))) == 1


@pytest.mark.parametrize("number", [10, 1000])
def test_the_rejections_of_a_run_are_one_alert_with_a_count(number: int) -> None:
    flood = Flood()
    for second in range(number):
        flood.ask(later(second))
    assert flood.counts() == [("RERUN_REJECTED", 0)]
    flood.tick(NOW + timedelta(hours=1, minutes=1))
    assert flood.counts() == [("RERUN_REJECTED", 0)]
    for _ in range(2):
        flood.tick(NOW + timedelta(hours=1, minutes=2))
    assert flood.counts() == [("RERUN_REJECTED", 0), ("RERUN_REJECTED", number - 1)]
    assert flood.tables.emitted[-1]["message"] == (
        f"{number - 1} more rerun requests were rejected since 2026-03-03T12:00:00Z: already running"
    )
    assert {one["runToken"] for one in flood.tables.emitted} == {flood.store.run_token(flood.key)}


def test_the_next_hour_is_reported_with_its_own_count() -> None:
    flood = Flood()
    for hour in range(3):
        for second in range(5):
            flood.ask(later(hour * 3600 + 300 + second))
        flood.tick(NOW + timedelta(hours=hour + 1, minutes=8))
    assert [count for _, count in flood.counts()] == [0, 4, 5, 5]


def test_another_cause_is_an_alert_of_its_own() -> None:
    flood = Flood()
    for second in range(3):
        flood.ask(later(second))
        flood.ask(later(second + 0.5), "job-fail-retry")
    assert [one["message"].partition(": ")[2] for one in flood.tables.emitted] == [
        "already running",
        "reason 'job-fail-retry' is reserved for retries after a failed job: give another reason",
    ]


def test_requests_of_interlock_are_counted_apart() -> None:
    flood = Flood()
    for second in range(3):
        flood.ask(later(second))
        flood.ask(later(second + 0.5), "late-data")
    assert [one["detail"]["reason"] for one in flood.tables.emitted] == ["manual", "late-data"]


def test_a_dry_run_counts_alike() -> None:
    flood = Flood("dryRun: true\n", date="2099-01-01", runs=False)
    for second in range(5):
        flood.ask(later(second))
    flood.tick(NOW + timedelta(hours=2))
    assert flood.counts() == [("DRY_RUN_RERUN_REJECTED", 0), ("DRY_RUN_RERUN_REJECTED", 4)]


@pytest.mark.parametrize(
    "fields", [{"markedAt": "9999-01-01T00:00:00Z"}, {"count": "many"}, {"count": Decimal(-3)}, {"markedAt": 7}]
)
def test_a_corrupted_counter_keeps_no_count_for_ever(fields: Mapping[str, object]) -> None:
    flood = Flood()
    flood.ask(later(0))
    (row,) = [row for row in flood.tables.rows_of(NAMES.control) if row["SK"].startswith("MARKER#rerun-rejected")]
    flood.tables.transact([Put(NAMES.control, {**row, **fields})])
    flood.ask(later(1))
    flood.tick(NOW + timedelta(hours=2))
    assert flood.counts() == [("RERUN_REJECTED", 0), ("RERUN_REJECTED", 1)]


@pytest.mark.parametrize(
    ("dates", "date", "why"),
    [
        ("", "2025-01-26", "2025-01-26 is 401 days back: schedule.dates.back allows 400"),
        ("", "2025-01-27", ""),
        ("dates: {back: 2}, ", "2026-02-28", "2026-02-28 is 3 days back: schedule.dates.back allows 2"),
        ("dates: {back: 0}, ", "1970-01-01", ""),
        ("", "2026-03-05", "2026-03-05 is in the future: the last date that may be requested is 2026-03-04"),
    ],
)
@pytest.mark.parametrize("dry", [False, True])
def test_a_date_outside_the_window_is_not_rerun(dates: str, date: str, why: str, dry: bool) -> None:
    flood = Flood("dryRun: true\n" if dry else "", date=date, runs=False)
    text = PIPELINE.replace("schedule: {", "schedule: {" + dates) + ("dryRun: true\n" if dry else "")
    flood.store.put_config(decode_yaml(text, "p.yaml"))
    flood.ask(NOW)
    (event,) = flood.tables.emitted
    answers = ("DRY_RUN_RERUN_REJECTED", "DRY_RUN_WOULD_RERUN") if dry else ("RERUN_REJECTED", "RERUN_ACCEPTED")
    assert event["type"] == answers[0 if why else 1]
    assert event["message"].endswith(why)

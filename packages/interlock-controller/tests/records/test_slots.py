"""At most schedule.maxOpenDates dates of a pipeline are under way, and no date starts during a pause."""

import itertools
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from interlock_config import decode_yaml
from interlock_controller._close_facts import gather_close_facts
from interlock_controller.effects import BusEntry, Outbox, RowRepairs, Wakes
from interlock_controller.records import (
    Change,
    ConfigIntake,
    OutcomeIntake,
    RecordRouter,
    RerunIntake,
    SensorIntake,
)
from interlock_controller.watch import Recovery
from interlock_lifecycle import CloseRun, JobIntent, JobOutcome, OpenAttempt, Pause, Run, RunKey, RunStatus, WaitForSlot
from interlock_lifecycle.runs import decide_completion
from interlock_sla import ExecutionDate
from interlock_store import ConfigCache, MemoryTables, Overview, Store, TableNames, read_statuses
from interlock_store._rows import intent_row
from interlock_store._write import Delete, Put, Update

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
NAMES = TableNames.of_environment("test")
FIRST = date(2022, 1, 1)
PIPELINE = """
pipeline: {{id: p}}
schedule: {{trigger: {{key: ready, check: exists}}, maxOpenDates: {limit}, dates: {{back: 0}}}}
validation: {{rules: [{{key: ready, check: exists}}]}}
job: {{type: command, config: {{command: "true"}}, maxRetries: 2}}
"""


def key_of(number: int) -> RunKey:
    return RunKey("p", "stream", ExecutionDate(FIRST + timedelta(days=number)))


class Line:
    """A pipeline whose stream records are delivered in order, unless they are lost."""

    def __init__(self, limit: int = 64) -> None:
        self.records: deque[tuple[str, Mapping[str, Any] | None]] = deque()
        self.tables = MemoryTables(self._changed)
        self.store = Store(self.tables, NAMES)
        self.started: list[str] = []
        self.execution_status = "RUNNING"
        self.now = NOW
        self.outbox = Outbox(self.store, self, self, now=lambda: self.now, execution_timeout=TIMEOUT)
        self.reruns = RerunIntake(self.store, execution_timeout=TIMEOUT)
        cache = ConfigCache(self.store, lambda: self.now)
        self.router = RecordRouter(
            self.outbox,
            ConfigIntake(self.store, cache, Wakes(self.store, lambda token: False, lambda: NOW)),
            SensorIntake(
                self.store, cache, Wakes(self.store, lambda token: False, lambda: NOW), execution_timeout=TIMEOUT
            ),
            self.reruns,
            OutcomeIntake(self.store, cache, Wakes(self.store, lambda token: False, lambda: NOW)),
            RowRepairs(self.store, now=lambda: self.now),
        )
        self.recovery = Recovery(
            self.store,
            self.outbox,
            self.reruns,
            self,
            Wakes(self.store, lambda token: False, lambda: NOW),
            execution_timeout=TIMEOUT,
            pending_grace=timedelta(minutes=2),
            probe_after=timedelta(days=1),
        )
        self.limit(limit)

    def _changed(self, key: tuple[str, str, str], _: object, after: Mapping[str, Any] | None) -> None:
        if key[0] != NAMES.rerun:
            self.records.append((key[2], after))

    def limit(self, limit: int, rest: str = "") -> None:
        self.store.put_config(decode_yaml(PIPELINE.format(limit=limit) + rest, "p.yaml"))

    def publish(self, entries: Sequence[BusEntry]) -> None:
        """Take the events of the outbox."""

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None:
        self.started.append(str(execution_input["date"]))

    def status(self, name: str) -> str:
        return self.execution_status

    def deliver(self, *, lost: bool = False) -> None:
        """Deliver all records, except those that are quiet, or lose them."""
        while self.records:
            sk, row = self.records.popleft()
            self.now += timedelta(milliseconds=1)
            if not lost and "quiet" not in (row or {}):
                self.router.route(Change("PIPELINE#p", sk, row, self.now))

    def ask(self, *numbers: int) -> None:
        """Request a rerun of each date, as an operator."""
        for number in numbers:
            self.now += timedelta(milliseconds=1)
            self.store.request_rerun(key_of(number), reason="manual", note=None, requested_at=self.now)
            self.deliver()

    def sense(self, *numbers: int) -> None:
        for number in numbers:
            self.now += timedelta(milliseconds=1)
            day = str(key_of(number).date)
            self.store.put_sensor("p", f"ready#{day}", {"date": day, "n": number})
            self.deliver()

    def run(self, number: int) -> Run:
        run = self.store.run(key_of(number))
        assert run is not None
        return run

    def end(self, number: int, event: str = "success", *, lost: bool = False) -> None:
        """The job of a date ends."""
        self.now += timedelta(seconds=1)
        run = self.run(number)
        decision = decide_completion(
            gather_close_facts(self.store, run.key),
            run.run_token,
            JobOutcome(event, category=None if event == "success" else "TRANSIENT"),
            now=self.now,
            execution_timeout=TIMEOUT,
        )
        assert isinstance(decision, CloseRun | OpenAttempt)
        self.store.commit(decision)
        self.deliver(lost=lost)

    def tick(self, after: timedelta = timedelta(minutes=5)) -> None:
        self.now += after
        self.recovery.pending(self.now)
        self.recovery.stale_runs(self.now)
        self.recovery.waiting_dates(self.now)
        self.deliver()

    def lose_executions(self, *, lost: bool = False) -> None:
        """The server of the executions loses all of them, and the watchdog sees that."""
        self.now += timedelta(days=2)
        self.execution_status = "MISSING"
        self.recovery.dead_executions(self.now)
        self.execution_status = "RUNNING"
        self.deliver(lost=lost)

    def row_of(self, number: int) -> tuple[str, str, str]:
        """The key of a date's trigger row."""
        return NAMES.control, "PIPELINE#p", f"TRIGGER#stream#{key_of(number).date}"

    def numbers(self) -> list[int]:
        """The dates whose executions were started, in order."""
        return [(date.fromisoformat(day) - FIRST).days for day in self.started]

    def shown(self, number: int) -> tuple[str, str]:
        """The progress of a date and its reason, as `interlock status` shows them."""
        (found,) = read_statuses(self.store, Overview(self.tables, NAMES), "p", 50, self.now)
        (report,) = [run for run in found.runs if run.date == str(key_of(number).date)]
        return str(report.progress), report.reason

    def recovered(self) -> int:
        rows = self.tables.rows_of(NAMES.control)
        return sum(row.get("detailType") == "TRIGGER_RECOVERED" for row in rows)


@pytest.mark.parametrize("way", ["ask", "sense"])
def test_a_thousand_dates_start_at_most_64_jobs_at_once(way: str) -> None:
    line = Line()
    getattr(line, way)(*range(1000))
    assert line.numbers() == list(range(64))
    for number in range(1000):
        line.end(number)
        assert len(line.started) == min(1000, 65 + number)
    assert line.numbers() == list(range(1000))
    assert line.recovered() == 0


def test_a_waiting_date_is_shown_as_such() -> None:
    line = Line(2)
    line.ask(0, 1, 2)
    assert line.shown(2) == ("committed", "waits for a slot: 2 of 2 slots (schedule.maxOpenDates) are taken")
    line.end(0, lost=True)
    assert line.shown(2) == ("committed", "waits for a slot: 1 of 2 slots (schedule.maxOpenDates) are taken")
    line.limit(0)
    assert line.shown(2) == ("committed", "waits for the start of its execution")


def test_a_waiting_date_does_not_expire() -> None:
    line = Line(1)
    line.ask(0, 1)
    for _ in range(10):
        line.tick(timedelta(days=1))
    assert line.run(0).status is RunStatus.FAILED_FINAL
    assert (line.run(1).status, line.numbers(), line.recovered()) == (RunStatus.FAILED_FINAL, [0, 1], 0)
    row = line.tables.get(NAMES.control, "PIPELINE#p", f"TRIGGER#stream#{key_of(1).date}")
    assert row is not None
    assert "ttl" not in row


def test_lost_records_open_the_dates_within_two_ticks() -> None:
    line = Line(2)
    line.ask(*range(6))
    for number in range(2):
        line.end(number, lost=True)
    assert line.numbers() == [0, 1]
    line.tick()
    assert line.numbers() == [0, 1, 2, 3]


def test_a_retry_keeps_the_slot_of_its_date() -> None:
    line = Line(1)
    line.ask(0, 1)
    line.end(0, "fail")
    assert (line.numbers(), line.run(0).attempt) == ([0, 0], 1)
    line.end(0)
    assert line.numbers() == [0, 0, 1]


def test_a_later_date_waits_behind_older_ones() -> None:
    line = Line(4)
    line.ask(*range(6))
    for number in range(2):
        line.end(number, lost=True)
    line.ask(9)
    assert line.numbers() == [0, 1, 2, 3]
    line.tick()
    assert line.numbers() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("limit", [0, 5])
def test_a_raised_limit_opens_the_waiting_dates(limit: int) -> None:
    line = Line(1)
    line.ask(*range(4))
    line.limit(limit)
    line.tick()
    assert line.numbers() == [0, 1, 2, 3]


def test_a_waiting_date_of_an_invalid_config_is_closed() -> None:
    line = Line(1)
    line.ask(0, 1)
    line.tables.transact([Update(NAMES.control, "PIPELINE#p", "CONFIG", set={"config": "{"})])
    line.tick()
    assert (line.run(1).status, line.numbers()) == (RunStatus.FAILED_FINAL, [0])
    assert "the job was not started" in line.run(1).close_reason


def test_a_slot_of_no_run_is_freed() -> None:
    line = Line(2)
    for sk in ("OPEN#stream#2020-01-01", "OPEN#junk"):
        line.tables.transact([Put(NAMES.control, {"PK": "PIPELINE#p", "SK": sk})])
    line.ask(0, 1, 2)
    assert line.numbers() == []
    line.tick()
    assert line.numbers() == [0, 1]
    line.end(0)
    assert line.numbers() == [0, 1, 2]


def test_the_wait_causes_no_second_write() -> None:
    line = Line(1)
    line.ask(0, 1)
    before = line.tables.rows_of(NAMES.control)
    for _ in range(3):
        line.tick()
    assert line.tables.rows_of(NAMES.control) == before


def test_a_close_costs_one_query_for_the_next_date(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(1)
    line.ask(*range(50))
    read: list[int] = []
    query = line.tables.query

    def counted(table: str, pk: str, **how: Any) -> Any:
        rows = list(query(table, pk, **how))
        read.append(len(rows))
        return iter(rows)

    monkeypatch.setattr(line.tables, "query", counted)
    costs = []
    for number in itertools.chain(range(5), range(5, 40)):
        read.clear()
        line.end(number)
        costs.append(sum(read))
    assert set(costs[1:]) == {costs[1]}


def test_lost_executions_start_again_within_a_lowered_limit() -> None:
    line = Line(4)
    line.ask(*range(4))
    line.limit(2)
    line.lose_executions()
    assert line.numbers() == [0, 1, 2, 3, 0, 1, 2, 3]
    assert not any(line.run(number).waits_for_slot for number in range(4))


def test_a_lost_execution_without_a_slot_starts_again() -> None:
    line = Line(2)
    line.ask(0, 1)
    # The run of an earlier version has no row of a slot.
    line.tables.transact([Delete(NAMES.control, "PIPELINE#p", f"OPEN#stream#{key_of(1).date}")])
    line.limit(1)
    line.lose_executions()
    assert line.numbers() == [0, 1, 0, 1]


def test_a_run_with_a_job_does_not_wait() -> None:
    line = Line(1)
    line.ask(0, 1)
    intent = JobIntent(attempt=0, key="k", type="command", config={}, until=NOW, committed_at=NOW)
    line.tables.transact([Update(*line.row_of(1), set={"jobIntent": intent_row(intent)})])
    line.tick()
    assert line.numbers() == [0, 1]


def test_a_waiting_run_with_a_slot_starts_at_a_tick() -> None:
    line = Line(4)
    line.ask(*range(4))
    line.limit(2)
    line.lose_executions(lost=True)
    for number in (2, 3):
        line.store.commit(WaitForSlot(line.run(number)))
    line.tick()
    assert sorted(line.numbers()) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_the_start_reads_its_own_slot_only_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    line, read = Line(3), list[str]()
    get = line.tables.get

    def noted(table: str, pk: str, sk: str) -> Any:
        read.append(sk.partition("#")[0])
        return get(table, pk, sk)

    monkeypatch.setattr(line.tables, "get", noted)
    for number, reads in ((0, 0), (1, 0), (2, 0), (3, 1)):
        read.clear()
        line.ask(number)
        assert read.count("OPEN") == reads


_EXPIRED = {
    "runToken": "t",
    "leaseUntil": "2026-03-01T00:00:00Z",
    "committedAt": "2026-03-01T00:00:00Z",
    "startedToken": "t",
}


@pytest.mark.parametrize(
    ("suffix", "fields"),
    [
        ("x0", {}),
        ("", {}),
        ("", {"runToken": "t"}),
        ("", {"ttl": Decimal(4_000_000_000)}),
        ("", {"ttl": Decimal(1_800_000_000)}),
        ("", {**_EXPIRED, "attempt": "many"}),
        ("", _EXPIRED),
        ("x" * 995, {}),
    ],
)
def test_a_slot_of_an_unreadable_run_is_freed(suffix: str, fields: Mapping[str, Any]) -> None:
    line = Line(2)
    for day in ("2021-11-01", "2021-11-02"):
        end = f"#stream#{day}{suffix}"
        line.tables.transact([Put(NAMES.control, {"PK": "PIPELINE#p", "SK": f"OPEN{end}"})])
        if len(f"TRIGGER{end}") <= 1024:
            row = {"PK": "PIPELINE#p", "SK": f"TRIGGER{end}", "status": "RUNNING", **fields}
            line.tables.transact([Put(NAMES.control, row)])
    line.records.clear()
    line.ask(0, 1, 2)
    assert line.numbers() == []
    line.tick()
    assert line.numbers() == [0, 1]


@pytest.mark.parametrize(
    ("pk", "sk", "fields"),
    [
        ("PIPELINE#p", "TRIGGER#stream#2021-01-0{}", {"status": "COMPLETED"}),
        ("PIPELINE#p", "TRIGGER#stream#2021-01-0{}", {"status": "RUNNING", "ttl": Decimal(1_800_000_000)}),
        ("PIPELINE#p", "KEPT#stream#2021-01-0{}", {"status": "RUNNING", "quiet": "1"}),
        ("PIPELINE#other", "TRIGGER#stream#2021-01-0{}", {"status": "COMPLETED"}),
    ],
)
def test_rows_that_cannot_start_do_not_block_the_line(pk: str, sk: str, fields: Mapping[str, Any]) -> None:
    line = Line(2)
    for number in (1, 2):
        row = {"PK": pk, "SK": sk.format(number), "GSI1PK": "WAITING", "GSI1SK": f"p#{number}", **fields}
        line.tables.transact([Put(NAMES.control, row)])
    line.records.clear()
    line.ask(0, 1, 2)
    assert line.numbers() == [0, 1]
    line.end(0)
    assert line.numbers() == [0, 1, 2]
    line.ask(3)
    line.tick()
    assert [row["SK"] for row in line.store.waiting()] == [f"TRIGGER#stream#{key_of(3).date}"]


def test_a_started_run_leaves_the_line() -> None:
    line = Line(1)
    line.ask(0)
    before = line.tables.get(*line.row_of(0))
    place = {"GSI1PK": "WAITING", "GSI1SK": "p#0"}
    line.tables.transact([Update(*line.row_of(0), set=place)])
    line.records.clear()
    line.tick()
    assert line.tables.get(*line.row_of(0)) == before
    assert line.numbers() == [0]


def test_a_run_in_the_line_of_another_pipeline_starts() -> None:
    line = Line(1)
    line.ask(0, 1)
    line.tables.transact([Update(*line.row_of(1), set={"GSI1SK": "a#0"})])
    line.records.clear()
    line.tick()
    line.end(0)
    assert line.numbers() == [0, 1]


# --- a pause -----------------------------------------------------------------------------------------------------


class Paused(Line):
    """A pipeline that an operator pauses and resumes."""

    def pause(self, until: datetime | None = None) -> None:
        assert self.store.pause("p", Pause(until, "ada", "source is migrated"))
        self.deliver()

    def resume(self) -> None:
        assert self.store.resume("p")
        self.deliver()


@pytest.mark.parametrize("way", ["ask", "sense"])
def test_paused_pipeline_starts_nothing_until_resumed(way: str) -> None:
    line = Paused()
    line.pause()
    getattr(line, way)(2, 0, 1)
    for _ in range(3):
        line.tick()
    assert line.numbers() == []
    line.resume()
    assert line.numbers() == [2, 0, 1]


def test_end_of_a_pause_by_time_is_seen_by_the_next_tick() -> None:
    line = Paused()
    line.pause(NOW + timedelta(hours=1))
    line.ask(0, 1)
    line.tick(timedelta(minutes=50))
    assert line.numbers() == []
    line.tick(timedelta(minutes=10))
    assert line.numbers() == [0, 1]


def test_backlog_of_a_long_pause_keeps_order_and_slots() -> None:
    line = Paused(limit=20)
    line.pause()
    line.ask(*range(30))
    line.tick(timedelta(days=3))
    line.resume()
    assert line.numbers() == list(range(10))
    line.tick()
    assert line.numbers() == list(range(20))
    for number in range(10):
        line.end(number)
    assert line.numbers() == list(range(30))


def test_tick_reads_no_waiting_run_of_a_paused_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Paused()
    line.pause()
    line.ask(0, 1)
    tried: list[RunKey] = []
    monkeypatch.setattr(line.outbox, "start_run", tried.append)
    line.tick()
    assert tried == []


def test_retry_waits_for_the_end_of_the_pause() -> None:
    line = Paused()
    line.ask(0)
    line.pause()
    line.end(0, "fail")
    line.tick()
    assert line.numbers() == [0]
    line.resume()
    assert line.numbers() == [0, 0]


def test_run_with_a_job_is_followed_during_a_pause() -> None:
    line = Paused()
    line.ask(0)
    intent = JobIntent(0, "k", NOW, "command", {}, NOW, run_id="jr_1")
    line.tables.transact([Update(*line.row_of(0), set={"jobIntent": intent_row(intent)})])
    line.pause()
    line.lose_executions()
    assert line.numbers() == [0, 0]


def test_push_does_not_resume_a_pipeline() -> None:
    line = Paused()
    line.pause()
    line.limit(7)
    line.ask(0)
    line.tick()
    assert line.numbers() == []


def test_paused_run_is_shown_as_held() -> None:
    line = Paused()
    line.pause(datetime(2026, 3, 4, tzinfo=UTC))
    line.ask(0)
    said = "the pipeline is paused until 2026-03-04T00:00:00Z by ada: source is migrated"
    assert line.shown(0) == ("held", said)


@pytest.mark.parametrize("value", ["soon", 7, None, True, "2026-13-01T00:00:00Z"])
def test_unreadable_end_of_a_pause_never_ends_it(value: object) -> None:
    line = Paused()
    line.tables.transact([Update(NAMES.control, "PIPELINE#p", "CONFIG", set={"pausedUntil": value})])
    line.ask(0)
    line.tick(timedelta(days=400))
    assert line.numbers() == []
    progress, reason = line.shown(0)
    assert progress == "held"
    assert reason.startswith("the pipeline is paused until it is resumed: pausedUntil: ")


def test_pause_of_an_unknown_pipeline_writes_nothing() -> None:
    line = Line()
    assert not line.store.pause("q", Pause(None))
    assert not line.store.resume("q")
    assert not line.store.config("q").exists

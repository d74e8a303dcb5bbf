"""The records and events that wake waiting runs: sensor rows, configs, reports of external jobs, job events."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_config import decode_yaml
from interlock_controller.effects import Outbox, RowRepairs, Wakes
from interlock_controller.records import (
    Change,
    ConfigIntake,
    JobEventIntake,
    MalformedRecord,
    OutcomeIntake,
    RecordRouter,
    RerunIntake,
    SensorIntake,
)
from interlock_controller.watch import Recovery
from interlock_lifecycle import MarkStarted, OpenWait, RegisterWait, Run, RunKey, Wait
from interlock_lifecycle.runs import decide_started, open_run
from interlock_lifecycle.sensors import UnreadableSensor
from interlock_lifecycle.waits import JobName
from interlock_sla import parse_execution_date
from interlock_store import ConfigCache, MemoryTables, Store, TableBusy, TableNames
from interlock_store._rows import job_row
from interlock_store._write import Delete, Item, Put, Write, key_of

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
NAMES = TableNames.of_environment("test")
PIPELINE = """
pipeline: {id: bronze}
schedule: {trigger: {key: ready, check: equals, field: ready, value: true}, exclude: {weekends: true}}
validation: {rules: [{key: landing, check: exists}, {key: rates, check: exists, anyDate: true}]}
job: {type: glue, config: {jobName: j}}
"""
QUEUE_ARN = "arn:aws:sqs:eu-west-1:123456789012:dev-interlock-job-events"


class Counting(MemoryTables):
    """Tables that count the reads by key and the writes."""

    def __init__(self, floor: "Floor") -> None:
        super().__init__()
        self._floor = floor

    def get(self, table: str, pk: str, sk: str) -> Item | None:
        self._floor.reads += 1
        return super().get(table, pk, sk)

    def transact(self, writes: Sequence[Write]) -> None:
        self._floor.writes += 1
        for write in writes:
            _, _, sk = key_of(write)
            self._floor.before_write(sk)
            if self._floor.fails_for and sk.endswith(self._floor.fails_for):
                raise TableBusy("busy")
        super().transact(writes)


class Floor:
    """The stream-router, and the runs that wait."""

    def __init__(self) -> None:
        self.reads = self.writes = 0
        self.fails_for = ""
        self.before_write: Callable[[str], object] = lambda sk: None
        self.store = Store(Counting(self), NAMES)
        self.sent: list[str] = []
        self.is_down = False
        self.before_send: Callable[[], None] = lambda: None
        self.wakes = Wakes(self.store, self._end_wait, lambda: NOW)
        cache = ConfigCache(self.store, lambda: NOW)
        outbox = Outbox(self.store, self, self, now=lambda: NOW, execution_timeout=TIMEOUT)  # type: ignore[arg-type]
        reruns = RerunIntake(self.store, execution_timeout=TIMEOUT)
        self.router = RecordRouter(
            outbox,
            ConfigIntake(self.store, cache, self.wakes),
            SensorIntake(self.store, cache, self.wakes, execution_timeout=TIMEOUT),
            reruns,
            OutcomeIntake(self.store, cache, self.wakes),
            RowRepairs(self.store, now=lambda: NOW),
        )
        self.jobs = JobEventIntake(self.store, self.wakes)
        self.recovery = Recovery(
            self.store,
            outbox,
            reruns,
            self,
            self.wakes,
            execution_timeout=TIMEOUT,
            pending_grace=timedelta(minutes=2),
            probe_after=timedelta(minutes=5),
        )
        self.store.put_config(decode_yaml(PIPELINE, "bronze.yaml"))

    def publish(self, entries: object) -> None: ...

    def status(self, name: str) -> str:
        return "RUNNING"

    def _end_wait(self, token: str) -> bool:
        self.before_send()
        if self.is_down:
            raise ConnectionError("Step Functions does not answer")
        self.sent.append(token)
        return True

    def waiting(self, date: str, *, for_job: bool = False) -> Wait:
        """A run of the date whose execution waits at the token `task-<date>`."""
        key = RunKey("bronze", "stream", parse_execution_date(date))
        self.store.commit(open_run(key, decided_at=NOW, execution_timeout=TIMEOUT, arrived_at=NOW))
        run = self.run(key)
        started = decide_started(run, run.run_token, now=NOW, execution_timeout=TIMEOUT)
        assert isinstance(started, MarkStarted)
        self.store.commit(started)
        self.store.commit(OpenWait(self.run(key), Wait(key, run.run_token, for_job=for_job)))
        look_at = NOW + timedelta(minutes=30)
        wait = Wait(key, run.run_token, for_job=for_job, task_token=f"task-{date}", look_at=look_at)
        self.store.commit(RegisterWait(wait))
        return wait

    def run(self, key: RunKey) -> Run:
        found = self.store.run(key)
        assert found is not None
        return found

    def wakes_of(self, date: str) -> int:
        found = self.store.waits.of_run(RunKey("bronze", "stream", parse_execution_date(date)))
        assert found is not None
        return found.wakes

    def sense(self, key: str, at: datetime = NOW, **fields: object) -> None:
        self.store.put_sensor("bronze", key, fields)
        row = self.store.row("PIPELINE#bronze", f"SENSOR#{key}")
        self.route(f"SENSOR#{key}", row, at)

    def route(self, sk: str, row: Mapping[str, Any] | None, at: datetime = NOW) -> None:
        self.router.route(Change("PIPELINE#bronze", sk, dict(row) if row else None, at))

    def job_event(self, run_id: str = "jr_1", account: str | None = "123456789012", **changes: Any) -> None:
        detail = {"jobName": "j", "jobRunId": run_id, "state": "SUCCEEDED"}
        event = {"source": "aws.glue", "detail-type": "Glue Job State Change", "detail": detail, **changes}
        if account is not None:
            event["account"] = account
        self.jobs.take({"body": json.dumps(event), "eventSource": "aws:sqs", "eventSourceARN": QUEUE_ARN})


@pytest.fixture
def floor() -> Floor:
    return Floor()


# --- sensor rows -----------------------------------------------------------------------------------------------


def test_a_row_wakes_the_runs_of_its_date(floor: Floor) -> None:
    for date in ("2026-03-03", "2026-03-03T07", "2026-03-04"):
        floor.waiting(date)
    floor.sense("landing", date="2026-03-03")
    assert sorted(floor.sent) == ["task-2026-03-03", "task-2026-03-03T07"]


def test_reference_data_wakes_every_run(floor: Floor) -> None:
    floor.waiting("2026-03-03")
    floor.sense("rates", date="1999-01-01")
    floor.sense("rates", date="soon")
    assert (floor.sent, floor.wakes_of("2026-03-03")) == (["task-2026-03-03"], 2)


def test_a_row_on_an_excluded_day_wakes_its_run(floor: Floor) -> None:
    floor.waiting("2026-03-06")
    floor.sense("landing", at=datetime(2026, 3, 7, 12, tzinfo=UTC), date="2026-03-06")
    assert floor.sent == ["task-2026-03-06"]


def test_an_unreadable_row_wakes_no_run_of_a_dated_rule(floor: Floor) -> None:
    floor.waiting("2026-03-03")
    with pytest.raises(UnreadableSensor):
        floor.sense("landing", date="soon")
    assert floor.sent == []


def test_a_deleted_row_wakes_the_runs_that_read_its_key(floor: Floor) -> None:
    floor.waiting("2026-03-03")
    floor.route("SENSOR#ready", None)
    floor.route("SENSOR#postrun-baseline#2026-03-03", None)
    floor.route("JOB#stream#2026-03-03#1", None)
    assert floor.sent == []
    floor.route("SENSOR#landing", None)
    assert floor.sent == ["task-2026-03-03"]


def test_a_row_without_data_wakes_the_runs_that_read_its_key(floor: Floor) -> None:
    floor.waiting("2026-03-03")
    with pytest.raises(MalformedRecord, match="has no data"):
        floor.route("SENSOR#landing", {"PK": "PIPELINE#bronze", "SK": "SENSOR#landing"})
    assert floor.sent == ["task-2026-03-03"]


def test_another_sensor_wakes_no_run(floor: Floor) -> None:
    floor.waiting("2026-03-03")
    floor.sense("ready", ready=False, date="2026-03-03")
    floor.sense("unknown", date="2026-03-03")
    assert (floor.sent, floor.wakes_of("2026-03-03")) == ([], 0)


def test_a_success_that_fails_blocks_no_record_and_is_sent_later(floor: Floor) -> None:
    """Step Functions may reject the call for hours, such as without the permission. The watchdog reports that."""
    floor.waiting("2026-03-03")
    floor.is_down = True
    floor.sense("landing", date="2026-03-03")
    later = NOW + timedelta(minutes=5)
    with pytest.raises(ExceptionGroup, match="1"):
        floor.recovery.overdue_waits(later)
    floor.is_down = False
    assert floor.recovery.overdue_waits(later) == 1
    assert (floor.sent, floor.wakes_of("2026-03-03")) == (["task-2026-03-03"], 1)


def test_the_wake_is_recorded_before_its_success_is_sent(floor: Floor) -> None:
    """After a crash in between, the execution would otherwise wait although its rules hold."""
    floor.waiting("2026-03-03")
    seen: list[int] = []
    floor.before_send = lambda: seen.append(floor.wakes_of("2026-03-03"))
    floor.sense("landing", date="2026-03-03")
    assert seen == [1]


def test_the_watchdog_sends_a_recorded_wake(floor: Floor) -> None:
    floor.store.waits.record_wake(floor.waiting("2026-03-03"), NOW)
    assert floor.recovery.overdue_waits(NOW + timedelta(seconds=9)) == 0
    assert floor.recovery.overdue_waits(NOW + timedelta(seconds=10)) == 1
    assert floor.recovery.overdue_waits(NOW + timedelta(seconds=10)) == 0
    assert floor.sent == ["task-2026-03-03"]


def test_the_watchdog_ends_a_wait_whose_time_has_passed(floor: Floor) -> None:
    """Its token is lost, or the server does not honour time-outs."""
    floor.waiting("2026-03-03")
    assert floor.recovery.overdue_waits(NOW + timedelta(minutes=30, seconds=9)) == 0
    assert floor.recovery.overdue_waits(NOW + timedelta(minutes=30, seconds=10)) == 1
    assert floor.sent == ["task-2026-03-03"]


def test_the_watchdog_takes_stray_rows_out_of_the_index(floor: Floor) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": "WAIT#stream#2026-03-03", "GSI1PK": "LOOKING", "GSI1SK": "2026"}
    floor.store._tables.transact([Put(NAMES.control, row)])
    assert floor.recovery.overdue_waits(NOW) == 0
    assert floor.store.waits.overdue(NOW) == ([], [])


# --- configs ---------------------------------------------------------------------------------------------------


def test_an_edited_config_wakes_held_runs_only(floor: Floor) -> None:
    floor.waiting("2026-03-03")
    floor.waiting("2026-03-04", for_job=True)
    floor.route("CONFIG", floor.store.row("PIPELINE#bronze", "CONFIG"))
    assert floor.sent == ["task-2026-03-03"]


def test_a_deleted_config_wakes_held_runs(floor: Floor) -> None:
    floor.waiting("2026-03-03")
    floor.store._tables.transact([Delete(NAMES.control, "PIPELINE#bronze", "CONFIG")])
    floor.route("CONFIG", None)
    assert floor.sent == ["task-2026-03-03"]


# --- many runs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parallel", [1, 4])
def test_all_waiting_runs_are_woken_also_if_some_cannot_be(floor: Floor, parallel: int) -> None:
    waits = [floor.waiting(f"2026-03-{day:02}") for day in range(1, 9)]
    wakes = Wakes(floor.store, floor.wakes._end_wait, lambda: NOW, parallel=parallel)
    broken = replace(waits[3], key=RunKey("bronze", "stream", parse_execution_date("2026-04-01")))
    floor.fails_for = "2026-04-01"
    with pytest.raises(ExceptionGroup, match="1 of 8"):
        wakes.wake_all([*waits[:3], broken, *waits[4:]])
    assert sorted(floor.sent) == sorted(wait.task_token or "" for wait in waits if wait is not waits[3])


def test_a_record_that_comes_again_goes_on_where_it_stopped(floor: Floor) -> None:
    waits = [floor.waiting(f"2026-03-{day:02}") for day in range(1, 5)]
    for wait in waits[:2]:
        floor.wakes.wake(wait)
    order: list[str] = []
    floor.before_write = order.append
    floor.wakes.wake_all(floor.store.waits.of_pipeline("bronze"))
    assert [date for date in order if date.startswith("WAIT#")][:2] == [
        "WAIT#stream#2026-03-03",
        "WAIT#stream#2026-03-03",
    ]


# --- jobs ------------------------------------------------------------------------------------------------------


def report(floor: Floor, **attributes: object) -> None:
    floor.route(
        "JOB#stream#2026-03-03#1772542800000",
        {"PK": "PIPELINE#bronze", "SK": "JOB#stream#2026-03-03#1772542800000", "event": "success", **attributes},
    )


def test_an_external_report_wakes_the_run_that_follows_the_job(floor: Floor) -> None:
    floor.waiting("2026-03-03", for_job=True)
    report(floor, runToken="t", attempt=0)
    assert floor.sent == []
    report(floor)
    assert floor.sent == ["task-2026-03-03"]


def test_a_report_wakes_a_live_run_of_a_pipeline_that_became_dry(floor: Floor) -> None:
    floor.waiting("2026-03-03", for_job=True)
    floor.store.put_config(decode_yaml(f"dryRun: true\n{PIPELINE}", "bronze.yaml"))
    report(floor)
    assert floor.sent == ["task-2026-03-03"]


def test_an_external_report_wakes_no_held_run(floor: Floor) -> None:
    floor.waiting("2026-03-03")
    report(floor)
    assert floor.sent == []


def follows(floor: Floor, run_id: str = "jr_1") -> None:
    wait = floor.waiting("2026-03-03", for_job=True)
    row = job_row(JobName("glue", run_id), wait.key, NOW)
    floor.store._tables.transact([Put(NAMES.control, row)])


def test_the_event_of_a_job_wakes_its_run_once(floor: Floor) -> None:
    follows(floor)
    floor.job_event()
    floor.job_event()
    assert (floor.sent, floor.wakes_of("2026-03-03")) == (["task-2026-03-03"], 2)


def test_the_event_of_an_unknown_job_has_no_effect(floor: Floor) -> None:
    follows(floor)
    floor.job_event("jr_2")
    assert (floor.sent, floor.wakes_of("2026-03-03")) == ([], 0)


def test_a_burst_of_foreign_events_costs_one_read_each(floor: Floor) -> None:
    follows(floor)
    floor.reads = floor.writes = 0
    for number in range(10_000):
        floor.job_event(f"jr_other_{number}")
    assert (floor.reads, floor.writes, floor.sent) == (10_000, 0, [])
    floor.job_event()
    assert floor.sent == ["task-2026-03-03"]


@pytest.mark.parametrize(("account", "sent"), [("999999999999", 0), (None, 1)])
def test_the_event_of_another_account_wakes_no_run(floor: Floor, account: str | None, sent: int) -> None:
    follows(floor)
    floor.job_event(account=account)
    assert len(floor.sent) == sent


def test_an_event_for_a_closed_date_has_no_effect(floor: Floor) -> None:
    key = RunKey("bronze", "stream", parse_execution_date("2026-03-03"))
    row = job_row(JobName("glue", "jr_1"), key, NOW)
    floor.store._tables.transact([Put(NAMES.control, row)])
    floor.job_event()
    assert floor.sent == []


@pytest.mark.parametrize("body", ["", "no json", "[]", "7", "{}", "[" * 100_000])
def test_a_message_that_is_no_event_is_rejected(floor: Floor, body: str) -> None:
    with pytest.raises(MalformedRecord):
        floor.jobs.take({"body": body})


@pytest.mark.parametrize(
    "changes",
    [{"source": "aws.ec2"}, {"detail": {"jobRunId": ["jr_1"]}}, {"detail": "jr_1"}, {"detail-type": None}],
)
def test_an_event_of_no_known_job_is_rejected(floor: Floor, changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedRecord):
        floor.job_event(**changes)


def test_an_event_for_a_corrupted_wait_has_no_effect(floor: Floor) -> None:
    follows(floor)
    row = floor.store.row("PIPELINE#bronze", "WAIT#stream#2026-03-03")
    assert row is not None
    floor.store._tables.transact([Put(NAMES.control, {**row, "wakes": "many"})])
    floor.job_event()
    assert floor.sent == []

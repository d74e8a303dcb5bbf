"""Half-written rows of each kind on the stream: the row is repaired or a dead letter, and its date goes on."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from interlock_config import decode_yaml
from interlock_controller.effects import BusEntry, Outbox, RowRepairs, Wakes
from interlock_controller.records import (
    Change,
    ConfigIntake,
    MalformedRecord,
    OutcomeIntake,
    RecordRouter,
    RerunIntake,
    SensorIntake,
)
from interlock_dlq import NullRouter
from interlock_lifecycle import JobEntry, RunKey, RunStatus
from interlock_sla import parse_execution_date
from interlock_store import ConfigCache, CorruptedTrigger, MalformedRow, MemoryTables, Store, TableNames, format_time
from interlock_store._rows import entry_row
from interlock_store._write import Put

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
KEY = RunKey("p", "stream", parse_execution_date("2026-03-03"))
NAMES = TableNames.of_environment("test")
TRIGGER, VERDICT = "TRIGGER#stream#2026-03-03", "VERDICT#stream#2026-03-03"
LEASE = {"leaseUntil": "2026-03-03T16:30:00.000000Z"}
PIPELINE = """
pipeline: {id: p}
schedule: {trigger: {key: ready, check: equals, field: ok, value: true}}
sla: {deadline: "10:00"}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}, maxManualReruns: 3}
"""


class Router:
    """A stream-router over in-memory tables, with a record of its executions, events and dead letters."""

    def __init__(self, pipeline: str = PIPELINE) -> None:
        self.tables = MemoryTables(self._changed)
        self.store = Store(self.tables, NAMES)
        self.started: list[str] = []
        self.emitted: list[tuple[str, str]] = []
        self.letters = NullRouter()
        cache = ConfigCache(self.store, lambda: NOW)
        self._router = RecordRouter(
            Outbox(self.store, self, self, now=lambda: NOW, execution_timeout=TIMEOUT, dead_letters=self.letters),
            ConfigIntake(self.store, cache, Wakes(self.store, lambda token: False, lambda: NOW)),
            SensorIntake(
                self.store, cache, Wakes(self.store, lambda token: False, lambda: NOW), execution_timeout=TIMEOUT
            ),
            RerunIntake(self.store, execution_timeout=TIMEOUT),
            OutcomeIntake(self.store, cache, Wakes(self.store, lambda token: False, lambda: NOW)),
            RowRepairs(self.store, now=lambda: NOW, dead_letters=self.letters),
        )
        self.store.put_config(decode_yaml(pipeline, "p.yaml"))

    def _changed(self, key: tuple[str, str, str], before: Any, after: Mapping[str, Any] | None) -> None:
        if key[2].startswith("EVENT#") and before is None and after is not None and "detail" in after:
            self.emitted.append((str(after["detailType"]), json.loads(after["detail"])["message"]))

    def publish(self, entries: Sequence[BusEntry]) -> None:
        """Take the events of the outbox."""

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None:
        self.started.append(name)

    @property
    def types(self) -> list[str]:
        return [event_type for event_type, _ in self.emitted]

    def write(self, sk: str, table: str = NAMES.control, **fields: object) -> None:
        """Another process writes a row."""
        self.tables.transact([Put(table, {"PK": "PIPELINE#p", "SK": sk, **fields})])

    def deliver(self, sk: str, table: str = NAMES.control, at: datetime = NOW) -> None:
        """The stream delivers the row as it is now."""
        row = self.tables.get(table, "PIPELINE#p", sk)
        self._router.route(Change("PIPELINE#p", sk, row, at))

    def arrive(self, sk: str, table: str = NAMES.control, **fields: object) -> None:
        """Another process writes a row, and the stream delivers it."""
        self.write(sk, table, **fields)
        self.deliver(sk, table)

    def sense(self, at: datetime = NOW) -> None:
        self.write("SENSOR#ready", data={"ok": True, "date": "2026-03-03", "at": str(at)})
        self.deliver("SENSOR#ready", at=at)

    def ask(self, at: datetime = NOW) -> None:
        """An operator requests a rerun."""
        self.store.request_rerun(KEY, reason="manual", note=None, requested_at=at)
        self.deliver("RERUN_REQUEST#stream#2026-03-03", at=at)


HALF_WRITTEN: list[tuple[dict[str, object], str]] = [
    ({}, "status None is not one of"),
    ({"status": "DONE"}, "status 'DONE' is not one of"),
    ({"status": Decimal(7)}, "status Decimal('7') is not one of"),
    ({"status": "RUNNING"}, "status RUNNING has no runToken"),
    ({"status": "RUNNING", "attempt": 2}, "status RUNNING has no runToken"),
    ({"status": "RUNNING", "runToken": ""}, "status RUNNING has no runToken"),
    ({"status": "RUNNING", "runToken": Decimal(1), **LEASE}, "runToken must be a string"),
    ({"status": "RUNNING", "ttl": Decimal(5)}, "status RUNNING has no runToken"),
    ({"status": "RUNNING", "ttl": Decimal(10) ** 13}, "status RUNNING has no runToken"),
    ({"status": "RUNNING", "runToken": "t"}, "status RUNNING has no leaseUntil"),
    ({"status": "RUNNING", "runToken": "t", "leaseUntil": "soon"}, "'soon' is not a time"),
    ({"status": "RUNNING", "runToken": "t", "leaseUntil": "0001-01-01T00:00:00+14:00"}, "is out of range"),
    ({"status": "RUNNING", "runToken": "t", "leaseUntil": "9999-12-31T00:00:00Z"}, "is out of range"),
    ({"status": "RUNNING", "runToken": "t", **LEASE, "startedToken": Decimal(1)}, "startedToken must be a string"),
    ({"status": "RUNNING", "runToken": "t", **LEASE, "attempt": Decimal("1.5")}, "attempt must be a whole number"),
    ({"status": "RUNNING", "runToken": "t", **LEASE, "attempt": Decimal(-1)}, "attempt must be a whole number"),
    ({"status": "RUNNING", "runToken": "t", **LEASE, "attempt": True}, "attempt must be a whole number"),
    ({"status": "RUNNING", "runToken": "t", **LEASE, "recoveries": "many"}, "recoveries must be a whole number"),
    ({"status": "RUNNING", "runToken": "t", **LEASE, "jobIntent": "{"}, "jobIntent: "),
    ({"status": "RUNNING", "runToken": "t", **LEASE, "restOfHour": "late"}, "restOfHour 'late' is not a map"),
]


@pytest.mark.parametrize(("row", "problem"), HALF_WRITTEN)
def test_a_half_written_run_is_closed_with_its_reason(row: dict[str, object], problem: str) -> None:
    router = Router()
    router.arrive(TRIGGER, **row)
    run = router.store.run(KEY)
    assert run is not None
    assert (run.status, router.started, router.types) == (RunStatus.FAILED_FINAL, [], ["INFRA_FAILURE"])
    assert problem in router.emitted[0][1]
    assert problem in run.close_reason
    (letter,) = router.letters.letters
    assert letter.payload == {"PK": "PIPELINE#p", "SK": TRIGGER, **row}
    router.deliver(TRIGGER)
    assert (router.types, len(router.letters.letters)) == (["INFRA_FAILURE"], 1)


@pytest.mark.parametrize(("row", "problem"), HALF_WRITTEN)
def test_a_sensor_repairs_the_row_and_starts_nothing(row: dict[str, object], problem: str) -> None:
    """The record of the row itself was lost."""
    router = Router()
    router.write(TRIGGER, **row)
    router.sense(NOW + timedelta(minutes=1))
    assert (router.types, router.started) == (["INFRA_FAILURE", "LATE_DATA_ARRIVAL"], [])
    assert problem in router.emitted[0][1]


@pytest.mark.parametrize(("row", "problem"), HALF_WRITTEN)
def test_a_rerun_repairs_the_row_and_starts_its_date(row: dict[str, object], problem: str) -> None:
    router = Router()
    router.write(TRIGGER, **row)
    router.ask()
    assert problem in router.emitted[0][1]
    assert router.types == ["INFRA_FAILURE", "RERUN_ACCEPTED"]
    run = router.store.run(KEY)
    assert run is not None
    assert (run.status, run.attempt) == (RunStatus.RUNNING, 3 if row.get("attempt") == 2 else 1)


def test_the_attempt_of_a_corrupted_row_is_not_used_again() -> None:
    router = Router()
    entry = JobEntry(KEY, NOW, "fail", run_token="old", attempt=4)
    router.tables.transact([Put(NAMES.joblog, entry_row(entry))])
    for number in range(2):
        sk = f"RERUN#stream#2026-03-03#{number}"
        router.write(sk, NAMES.rerun, reason="job-fail-retry", triggeredAt=format_time(NOW))
    router.write(TRIGGER, status="RUNNING")
    router.ask()
    run = router.store.run(KEY)
    assert run is not None
    assert run.attempt == 5


def test_the_rerun_of_a_corrupted_row_asks_for_its_job() -> None:
    intent = (
        '{"attempt":0,"key":"k","until":"2026-03-03T12:00:00Z","type":"glue","config":{},'
        '"committed_at":"2026-03-03T12:00:00Z","run_id":"jr_1"}'
    )
    router = Router()
    router.write(TRIGGER, status="RUNNING", runToken="t", jobIntent=intent)
    router.ask()
    run = router.store.run(KEY)
    assert run is not None
    assert run.previous_job is not None
    assert run.previous_job.run_id == "jr_1"


def test_a_run_of_an_older_tool_keeps_its_row() -> None:
    router = Router()
    router.arrive(TRIGGER, status="RUNNING", ttl=Decimal(int((NOW + timedelta(hours=4)).timestamp())))
    router.sense()
    assert (router.emitted, router.started, router.letters.letters) == ([], [], [])


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED_FINAL"])
def test_a_closed_run_keeps_its_end(status: str) -> None:
    router = Router()
    router.arrive(TRIGGER, status=status, attempt="two", closedAt="2026-03-03T11:00:00Z", evaluatedAt="soon")
    run = router.store.run(KEY)
    assert run is not None
    assert (str(run.status), run.closed_at) == (status, NOW - timedelta(hours=1))
    assert router.types == ["ROW_CORRUPTED"]
    router.sense(NOW - timedelta(minutes=1))
    assert (router.started, router.types) == ([], ["ROW_CORRUPTED"] + ["LATE_DATA_ARRIVAL"] * (status != "COMPLETED"))


def test_a_repair_never_replaces_a_newer_row() -> None:
    router = Router()
    router.write(TRIGGER, status="RUNNING")
    with pytest.raises(CorruptedTrigger) as found:
        router.store.run(KEY)
    router.write(TRIGGER, status="COMPLETED", attempt=0, runToken="t")
    router._router._repairs.repair(found.value)
    run = router.store.run(KEY)
    assert run is not None
    assert (run.status, router.emitted) == (RunStatus.COMPLETED, [])


@pytest.mark.parametrize(
    ("sk", "fields", "problem"),
    [
        (VERDICT, {"absolute": "met"}, "absolute is 'met'"),
        (VERDICT, {"relative": {"outcome": "met", "deadline": "soon", "at": "soon"}}, "relative is {"),
        ("DRY_RUN#stream#2026-03-03", {"data": "soon"}, "data is 'soon'"),
        ("DRY_RUN#stream#2026-03-03", {"retries": Decimal(-1), "reruns": "x"}, "reruns is 'x'; retries is "),
        ("SENSOR#first-sensor-arrival#2026-03-03", {"data": {"arrivedAt": "soon"}}, "arrivedAt is not a time"),
        ("KEPT#stream#2026-03-03", {"GSI1PK": "DORMANT", "GSI1SK": "x", "dormant": "y"}, "dormant must be a map"),
    ],
)
def test_a_corrupted_note_is_reported_once(sk: str, fields: dict[str, object], problem: str) -> None:
    router = Router()
    for _ in range(2):
        router.arrive(sk, **fields)
    assert router.types == ["ROW_CORRUPTED"]
    assert problem in router.emitted[0][1]


@pytest.mark.parametrize(
    ("sk", "table", "fields"),
    [
        ("TRIGGER#stream#2026-02-30", NAMES.control, {"status": "RUNNING"}),
        ("RERUN_REQUEST#stream#2026-02-30", NAMES.control, {"requestedAt": "x"}),
        ("VERDICT#stream#soon", NAMES.control, {}),
        ("DRY_RUN#stream#soon", NAMES.control, {}),
        ("SENSOR#ready", NAMES.control, {}),
        ("NONSENSE#1", NAMES.control, {}),
        ("JOB#stream#2026-03-03#soon", NAMES.joblog, {"event": "success"}),
        ("JOB#stream#2026-03-03#1772539200000", NAMES.joblog, {"event": "over"}),
    ],
)
def test_a_malformed_row_is_reported_and_dead_lettered(sk: str, table: str, fields: dict[str, object]) -> None:
    router = Router()
    for _ in range(2):
        with pytest.raises((MalformedRow, MalformedRecord)):
            router.arrive(sk, table, **fields)
    assert router.types == ["ROW_CORRUPTED"]
    assert sk in router.emitted[0][1]


def test_many_malformed_rows_are_one_report_a_day() -> None:
    router = Router()
    for number in range(100):
        with pytest.raises(MalformedRow):
            router.arrive(f"JOB#stream#2026-03-03#x{number}", NAMES.joblog, event="success")
    assert router.types == ["ROW_CORRUPTED"]


@pytest.mark.parametrize(
    "row", [{"data": "soon"}, {"data": {"triggeredAt": Decimal(7)}}, {"reruns": "x"}, {"retries": Decimal(-1)}]
)
def test_a_corrupted_dry_run_observes_its_date_again(row: dict[str, object]) -> None:
    router = Router(PIPELINE + "dryRun: true\n")
    router.write("DRY_RUN#stream#2026-03-03", **row)
    router.sense()
    assert router.types[0] == "DRY_RUN_WOULD_TRIGGER"
    dry_run = router.store.dry_run(KEY)
    assert (dry_run.triggered_at, dry_run.corrupted, router.started) == (NOW, {}, [])

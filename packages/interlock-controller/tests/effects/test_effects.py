"""Committed rows are acted upon: each execution starts once, each event reaches the bus, timers have fixed names."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from interlock_config import decode_yaml
from interlock_controller.effects import MISSING, BusEntry, BusError, Executions, Outbox, SchedulerTimers, Wakes
from interlock_controller.records import RerunIntake, SensorIntake
from interlock_lifecycle import CommitIntent, JobIntent, RunKey, RunStatus, Sensor
from interlock_lifecycle.runs import open_run
from interlock_lifecycle.slas import timers_of
from interlock_sla import Exclusions, parse_execution_date
from interlock_store import Commit, ConfigCache, MemoryTables, Store, TableNames, read_rerun_request
from interlock_store._write import Item
from interlock_telemetry import BoundRun, bound_run

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
_ROLE = "arn:aws:iam::123456789012:role/r"
KEY = RunKey("bronze", "stream", parse_execution_date("2026-03-03"))
PIPELINE = """
pipeline: {id: bronze}
schedule: {trigger: {key: ready, check: exists}}
sla: {maxDuration: 1h}
validation: {trigger: ALL, rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


class Recorder:
    """A bus and an execution starter that record their calls, and fail while `is_down`."""

    def __init__(self) -> None:
        self.entries: list[BusEntry] = []
        self.started: list[tuple[str, Mapping[str, Any]]] = []
        self.is_down = False

    def publish(self, entries: Sequence[BusEntry]) -> None:
        if self.is_down:
            raise BusError(["InternalFailure"])
        self.entries += entries

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None:
        if self.is_down:
            raise ConnectionError
        self.started.append((name, execution_input))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def store() -> Store:
    made = Store(MemoryTables(), TableNames.of_environment("test"))
    made.put_config(decode_yaml(PIPELINE, "bronze.yaml"))
    return made


@pytest.fixture
def outbox(store: Store, recorder: Recorder) -> Outbox:
    return Outbox(store, recorder, recorder, now=lambda: NOW, execution_timeout=TIMEOUT)


def commit_run(store: Store) -> str:
    start = open_run(KEY, decided_at=NOW, execution_timeout=TIMEOUT, arrived_at=NOW)
    store.commit(start)
    return start.run.run_token


def pending(store: Store, kind: str) -> list[Item]:
    return [row for row in store.pending(datetime(2030, 1, 1, tzinfo=UTC)) if row["SK"].startswith(kind)]


def test_first_start_of_a_date_exports_its_first_span(
    store: Store, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Any] = []
    monkeypatch.setattr(
        "interlock_controller.effects._outbox.past_span",
        lambda name, start, end, **more: found.append((name, start, end, more, bound_run())),
    )
    arrived_at = NOW - timedelta(minutes=3)
    run = open_run(KEY, decided_at=NOW, execution_timeout=TIMEOUT, arrived_at=arrived_at)
    store.commit(run)
    outbox.start_run(KEY)
    outbox.start_run(KEY)
    assert found == [("date", arrived_at, NOW, {"reason": "sensor"}, BoundRun("bronze", "stream", "2026-03-03"))]


def test_a_committed_run_is_started_once(store: Store, recorder: Recorder, outbox: Outbox) -> None:
    token = commit_run(store)
    assert outbox.start_run(KEY) is not None
    assert outbox.start_run(KEY) is None
    ((name, wire),) = recorder.started
    assert name == f"bronze-stream-2026-03-03-{token}"
    assert wire["sla"]["maxDuration"] == "1h"
    assert len(pending(store, "EVENT#")) == 1


def test_a_failed_start_is_repeated(store: Store, recorder: Recorder, outbox: Outbox) -> None:
    commit_run(store)
    recorder.is_down = True
    with pytest.raises(ConnectionError):
        outbox.start_run(KEY)
    assert len(pending(store, "TRIGGER#")) == 1
    recorder.is_down = False
    assert outbox.start_run(KEY) is not None
    assert pending(store, "TRIGGER#") == []


@pytest.mark.parametrize("more", ["", "dryRun: true\n"])
def test_a_config_that_may_not_run_closes_the_run_instead(
    store: Store, recorder: Recorder, outbox: Outbox, more: str
) -> None:
    commit_run(store)
    if more:
        store.put_config(decode_yaml(PIPELINE + more, "bronze.yaml"))
    else:
        store._tables.transact(
            [_put(store, {"PK": "PIPELINE#bronze", "SK": "CONFIG", "config": "{}"})],
        )
    assert outbox.start_run(KEY) is None
    run = store.run(KEY)
    assert run is not None
    assert run.status is RunStatus.FAILED_FINAL
    assert recorder.started == []
    assert [row["detailType"] for row in pending(store, "EVENT#")] == ["CONFIG_INVALID"]


@pytest.mark.parametrize("more", ["", "dryRun: true\n"])
def test_a_possibly_started_job_is_followed_under_any_config(
    store: Store, recorder: Recorder, outbox: Outbox, more: str
) -> None:
    commit_run(store)
    promised = JobIntent(0, "key", NOW, "glue", {"jobName": "j"}, NOW)
    run = store.run(KEY)
    assert run is not None
    assert store.commit(CommitIntent(run, promised)) is Commit.COMMITTED
    if more:
        store.put_config(decode_yaml(PIPELINE + more, "bronze.yaml"))
    else:
        store._tables.transact([_put(store, {"PK": "PIPELINE#bronze", "SK": "CONFIG", "config": "{}"})])
    assert outbox.start_run(KEY) is not None
    ((_, wire),) = recorder.started
    assert wire["config"]["jobPollWindowSeconds"] > 0


def _put(store: Store, item: Item) -> Any:
    from interlock_store._write import Put

    return Put(store.names.control, item)


def test_an_event_row_is_forgotten_only_once_it_is_on_the_bus(store: Store, recorder: Recorder, outbox: Outbox) -> None:
    commit_run(store)
    outbox.start_run(KEY)
    rows = pending(store, "EVENT#")
    recorder.is_down = True
    with pytest.raises(BusError):
        outbox.relay(rows)
    assert pending(store, "EVENT#") == rows
    recorder.is_down = False
    outbox.relay(rows)
    assert pending(store, "EVENT#") == []
    assert json.loads(recorder.entries[0].detail)["pipelineId"] == "bronze"


def sensor(at: datetime = NOW, **fields: object) -> Sensor:
    return Sensor("bronze", "ready", {"date": "2026-03-03", **fields}, at)


def test_a_sensor_opens_one_run_however_often_it_comes(store: Store) -> None:
    intake = SensorIntake(
        store,
        ConfigCache(store, lambda: NOW),
        Wakes(store, lambda token: False, lambda: NOW),
        execution_timeout=TIMEOUT,
    )
    for seconds in range(3):
        intake.arrived(sensor(NOW + timedelta(seconds=seconds)))
    assert [run.attempt for run in store.runs("bronze")] == [0]


def test_late_data_asks_for_one_rerun_and_gets_one_answer(store: Store, outbox: Outbox) -> None:
    intake = SensorIntake(
        store,
        ConfigCache(store, lambda: NOW),
        Wakes(store, lambda token: False, lambda: NOW),
        execution_timeout=TIMEOUT,
    )
    intake.arrived(sensor())
    outbox.start_run(KEY)
    _complete(store)
    for seconds in (60, 120):
        intake.arrived(
            sensor(NOW + timedelta(seconds=seconds), updatedAt=(NOW + timedelta(seconds=seconds)).isoformat())
        )
    (row,) = pending(store, "RERUN_REQUEST#")
    assert row["reason"] == "late-data"
    store.put_sensor("bronze", "ready", {"updatedAt": (NOW + timedelta(minutes=5)).isoformat()})
    request = read_rerun_request(row, NOW + timedelta(minutes=3))
    reruns = RerunIntake(store, execution_timeout=TIMEOUT)
    for _ in range(2):
        reruns.requested(request)
    run = store.run(KEY)
    assert run is not None
    assert (run.attempt, run.status) == (1, RunStatus.RUNNING)
    assert pending(store, "RERUN_REQUEST#") == []


def _complete(store: Store) -> None:
    from interlock_lifecycle import JobOutcome, Verdict
    from interlock_lifecycle.runs import CloseFacts, decide_completion
    from interlock_lifecycle.slas import SlaFacts

    run = store.run(KEY)
    assert run is not None
    facts = CloseFacts(run, store.config("bronze").config, 0, Exclusions(), SlaFacts(None, Verdict(KEY)))
    done = decide_completion(facts, run.run_token, JobOutcome("success"), now=NOW, execution_timeout=TIMEOUT)
    store.commit(done)  # type: ignore[arg-type]


def test_a_request_without_a_time_hides_no_late_data(store: Store, outbox: Outbox) -> None:
    intake = SensorIntake(
        store,
        ConfigCache(store, lambda: NOW),
        Wakes(store, lambda token: False, lambda: NOW),
        execution_timeout=TIMEOUT,
    )
    intake.arrived(sensor())
    outbox.start_run(KEY)
    _complete(store)
    row = {"PK": "PIPELINE#bronze", "SK": f"RERUN_REQUEST#stream#{KEY.date}", "reason": "manual"}
    store._tables.transact([_put(store, row)])
    RerunIntake(store, execution_timeout=TIMEOUT).requested(read_rerun_request(row, NOW))
    standing = store.standing_request(KEY)
    assert standing is not None
    assert not standing.waits


def test_redelivered_late_data_requests_no_second_rerun(store: Store, outbox: Outbox) -> None:
    intake = SensorIntake(
        store,
        ConfigCache(store, lambda: NOW),
        Wakes(store, lambda token: False, lambda: NOW),
        execution_timeout=TIMEOUT,
    )
    intake.arrived(sensor())
    outbox.start_run(KEY)
    _complete(store)
    late = sensor(NOW + timedelta(minutes=1))
    intake.arrived(late)
    (row,) = pending(store, "RERUN_REQUEST#")
    request = read_rerun_request(row, NOW + timedelta(minutes=2))
    store.put_sensor("bronze", "ready", {"updatedAt": (NOW - timedelta(hours=1)).isoformat()})
    RerunIntake(store, execution_timeout=TIMEOUT).requested(request)
    intake.arrived(late)
    assert pending(store, "RERUN_REQUEST#") == []
    logged = [entry.event for entry in store.entries(KEY)]
    assert logged.count("late-data-arrival") == 1
    assert "rerun-rejected" in logged


def test_a_config_that_was_missing_is_looked_for_again(store: Store) -> None:
    empty = Store(MemoryTables(), TableNames.of_environment("test"))
    intake = SensorIntake(
        empty,
        ConfigCache(empty, lambda: NOW),
        Wakes(empty, lambda token: False, lambda: NOW),
        execution_timeout=TIMEOUT,
    )
    intake.arrived(sensor())
    empty.put_config(decode_yaml(PIPELINE, "bronze.yaml"))
    intake.arrived(sensor(NOW + timedelta(seconds=1)))
    assert len(list(empty.runs("bronze"))) == 1


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield


def test_an_execution_of_the_same_name_is_already_started(aws: None) -> None:
    client = boto3.client("stepfunctions", region_name="us-east-1")
    arn = client.create_state_machine(
        name="m",
        definition='{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}',
        roleArn=_ROLE,
    )["stateMachineArn"]
    executions = Executions(client, arn)
    executions.start("run-1", {"a": 1})
    executions.start("run-1", {"a": 2})
    assert len(client.list_executions(stateMachineArn=arn)["executions"]) == 1
    assert executions.status("run-1") == "RUNNING"
    assert executions.status("nobody") == MISSING


def test_timers_are_made_once_and_may_be_deleted_twice(aws: None, store: Store) -> None:
    client = boto3.client("scheduler", region_name="us-east-1")
    client.create_schedule_group(Name="sla")
    timers = SchedulerTimers(client, group="sla", target_arn="arn:aws:lambda:::f", role_arn=_ROLE)
    config = store.config("bronze").config
    assert config is not None
    (warning, breach) = timers_of(config, KEY, NOW, Exclusions())
    for _ in range(2):
        timers.create(KEY, breach)
    assert len(client.list_schedules(GroupName="sla")["Schedules"]) == 1
    for _ in range(2):
        timers.delete(breach)
        timers.delete(warning)
    assert client.list_schedules(GroupName="sla")["Schedules"] == []


def test_a_timer_of_any_zone_is_set_in_utc(aws: None) -> None:
    client = boto3.client("scheduler", region_name="us-east-1")
    client.create_schedule_group(Name="sla")
    text = PIPELINE.replace("{maxDuration: 1h}", '{deadline: "08:30", timezone: Asia/Kolkata}')
    breach = timers_of(decode_yaml(text, "bronze.yaml"), KEY, None, Exclusions())[-1]
    SchedulerTimers(client, group="sla", target_arn="arn:aws:lambda:::f", role_arn=_ROLE).create(KEY, breach)
    found = client.get_schedule(GroupName="sla", Name=breach.name)
    assert (found["ScheduleExpression"], found["ScheduleExpressionTimezone"]) == ("at(2026-03-04T03:00:00)", "UTC")

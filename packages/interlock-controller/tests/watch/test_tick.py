"""A tick over the in-memory tables recovers interrupted work, and reports a failed check."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interlock_config import decode_yaml
from interlock_controller.effects import BusEntry, Outbox, Wakes
from interlock_controller.records import RerunIntake
from interlock_controller.watch import Cause, Check, Recovery, TickFailed, run_tick
from interlock_lifecycle import CommitIntent, JobIntent, Run, RunKey, RunStatus
from interlock_lifecycle.runs import decide_started, open_run
from interlock_sla import ExecutionDate, parse_execution_date
from interlock_store import MemoryTables, Store, TableNames
from interlock_store._write import Put

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
PIPELINE = """
pipeline: {id: bronze}
schedule: {trigger: {key: ready, check: exists}}
validation: {trigger: ALL, rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


class World:
    """Bus, executions and clock of the watchdog."""

    def __init__(self) -> None:
        self.now = NOW
        self.bus: list[str] = []
        self.longest = 0
        self.details: list[dict[str, Any]] = []
        self.started: list[str] = []
        self.statuses: dict[str, str] = {}
        self.bus_is_down = False

    def publish(self, entries: Sequence[BusEntry]) -> None:
        if self.bus_is_down:
            raise ConnectionError("the bus is down")
        self.bus += [entry.detail_type for entry in entries]
        self.longest = max([self.longest, *(len(entry.detail) for entry in entries)])
        self.details += [json.loads(entry.detail) for entry in entries]

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None:
        self.started.append(name)

    def status(self, name: str) -> str:
        return self.statuses.get(name, "RUNNING")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def store() -> Store:
    made = Store(MemoryTables(), TableNames.of_environment("test"))
    made.put_config(decode_yaml(PIPELINE, "bronze.yaml"))
    return made


@pytest.fixture
def recovery(world: World, store: Store) -> Recovery:
    clock = lambda: world.now  # noqa: E731
    outbox = Outbox(store, world, world, now=clock, execution_timeout=TIMEOUT)
    return Recovery(
        store,
        outbox,
        RerunIntake(store, execution_timeout=TIMEOUT),
        world,
        Wakes(store, lambda token: False, lambda: NOW),
        execution_timeout=TIMEOUT,
        pending_grace=timedelta(minutes=2),
        probe_after=timedelta(minutes=5),
    )


def commit(store: Store, day: int = 3, at: datetime = NOW) -> Run:
    key = RunKey("bronze", "stream", parse_execution_date(f"2026-03-{day:02}"))
    start = open_run(key, decided_at=at, execution_timeout=TIMEOUT, arrived_at=at)
    store.commit(start)
    return start.run


def start(store: Store, run: Run, at: datetime = NOW) -> Run:
    store.commit(decide_started(run, run.run_token, now=at, execution_timeout=TIMEOUT))  # type: ignore[arg-type]
    found = store.run(run.key)
    assert found is not None
    return found


def emitted(store: Store) -> list[str]:
    rows = store.pending(datetime(2030, 1, 1, tzinfo=UTC))
    return [row["detailType"] for row in rows if row["SK"].startswith("EVENT#")]


def test_a_run_that_waits_beyond_the_grace_is_started(world: World, store: Store, recovery: Recovery) -> None:
    run = commit(store)
    recovery.pending(NOW + timedelta(minutes=1, seconds=59))
    assert world.started == []
    recovery.pending(NOW + timedelta(minutes=2))
    assert world.started == [f"bronze-stream-2026-03-03-{run.run_token}"]
    assert emitted(store) == ["JOB_TRIGGERED", "TRIGGER_RECOVERED"]


@pytest.mark.parametrize(("owner", "named"), [("{id: bronze, owner: data-team}", "data-team"), ("{id: bronze}", None)])
def test_a_late_start_names_the_owner(store: Store, recovery: Recovery, owner: str, named: str | None) -> None:
    store.put_config(decode_yaml(PIPELINE.replace("{id: bronze}", owner), "bronze.yaml"))
    run = commit(store)
    recovery.pending(NOW + timedelta(minutes=2))
    rows = [row for row in store.pending(datetime(2030, 1, 1, tzinfo=UTC)) if row["SK"].startswith("EVENT#")]
    (late,) = [json.loads(row["detail"]) for row in rows if row["detailType"] == "TRIGGER_RECOVERED"]
    assert (late["detail"].get("owner"), late["runToken"]) == (named, run.run_token)


@pytest.mark.parametrize(("days", "reports"), [(10, 10), (11, 1), (28, 1)])
def test_a_backlog_of_the_streams_is_one_report(
    world: World, store: Store, recovery: Recovery, days: int, reports: int
) -> None:
    for day in range(1, days + 1):
        commit(store, day)
    recovery.pending(NOW + timedelta(minutes=2))
    assert len(world.started) == days
    assert emitted(store).count("TRIGGER_RECOVERED") == reports
    assert store.is_marked("INFRASTRUCTURE", "backlog#2026-03-03T12") is (days > 10)


def test_a_lasting_backlog_is_reported_once_an_hour(world: World, store: Store, recovery: Recovery) -> None:
    for hour in range(3):
        for day in range(1, 21):
            at = NOW + timedelta(hours=hour)
            key = RunKey("bronze", "stream", parse_execution_date(f"2026-03-{day:02}T{hour:02}"))
            store.commit(open_run(key, decided_at=at, execution_timeout=TIMEOUT, arrived_at=at))
        for minute in (5, 10):
            recovery.pending(NOW + timedelta(hours=hour, minutes=minute))
    assert (len(world.started), [*world.bus, *emitted(store)].count("TRIGGER_RECOVERED")) == (60, 3)


def test_event_rows_left_behind_reach_the_bus(world: World, store: Store, recovery: Recovery) -> None:
    start(store, commit(store))
    recovery.pending(NOW + timedelta(minutes=3))
    assert world.bus == ["JOB_TRIGGERED"]
    assert emitted(store) == []


def test_an_incomplete_event_row_holds_up_no_other(world: World, store: Store, recovery: Recovery) -> None:
    start(store, commit(store))
    index = {"GSI1PK": "PENDING", "GSI1SK": "2026-03-03T11:00:00Z"}
    store._tables.transact([Put(store.names.control, {"PK": "PIPELINE#bronze", "SK": "EVENT#0", **index})])
    recovery.pending(NOW + timedelta(minutes=3))
    assert world.bus == ["JOB_TRIGGERED"]
    assert emitted(store) == ["ROW_CORRUPTED"]


def test_one_broken_row_does_not_hold_up_the_others(world: World, store: Store, recovery: Recovery) -> None:
    commit(store, day=3)
    broken = {"PK": "PIPELINE#bronze", "SK": "TRIGGER#stream", "GSI1PK": "PENDING", "GSI1SK": "2026-03-03T00:00:00Z"}
    store._tables.transact([Put(store.names.control, broken)])
    with pytest.raises(ExceptionGroup):
        recovery.pending(NOW + timedelta(minutes=3))
    assert len(world.started) == 1


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED", "MISSING", "SUCCEEDED"])
def test_a_run_with_a_dead_execution_gets_a_new_token(
    world: World, store: Store, recovery: Recovery, status: str
) -> None:
    run = start(store, commit(store))
    intent = JobIntent(0, "key", NOW, "command", {}, NOW)
    store.commit(CommitIntent(run, intent))
    world.statuses = {f"bronze-stream-2026-03-03-{run.run_token}": status}
    assert recovery.dead_executions(NOW + timedelta(minutes=6)) == 1
    after = store.run(run.key)
    assert after is not None
    lost = status == "MISSING"
    assert (after.attempt, after.recoveries, after.started_token) == (0, 0 if lost else 1, None)
    assert after.run_token != run.run_token
    assert after.job_intent == intent


def test_a_young_or_running_execution_is_left_alone(world: World, store: Store, recovery: Recovery) -> None:
    run = start(store, commit(store))
    assert recovery.dead_executions(NOW + timedelta(minutes=6)) == 0
    world.statuses = {f"bronze-stream-2026-03-03-{run.run_token}": "FAILED"}
    assert recovery.dead_executions(NOW + timedelta(minutes=4)) == 0
    assert store.run(run.key) == run


def test_after_two_recoveries_the_run_fails(world: World, store: Store, recovery: Recovery) -> None:
    run = start(store, commit(store))
    at = NOW
    for _ in range(3):
        at += timedelta(minutes=10)
        world.statuses = {f"bronze-stream-2026-03-03-{run.run_token}": "ABORTED"}
        recovery.dead_executions(at)
        found = store.run(run.key)
        assert found is not None
        run = start(store, found, at) if found.is_running else found
    assert run.status is RunStatus.FAILED_FINAL
    assert "INFRA_FAILURE" in emitted(store)


def test_a_lost_execution_uses_no_recovery(world: World, store: Store, recovery: Recovery) -> None:
    """A local stack that was restarted ten times must not fail its held runs."""
    run = start(store, commit(store))
    tokens = {run.run_token}
    for minutes in range(10, 110, 10):
        at = NOW + timedelta(minutes=minutes)
        world.statuses = {f"bronze-stream-2026-03-03-{run.run_token}": "MISSING"}
        assert recovery.dead_executions(at) == 1
        found = store.run(run.key)
        assert found is not None
        run = start(store, found, at)
        tokens.add(run.run_token)
    assert (run.is_running, run.recoveries, len(tokens)) == (True, 0, 11)


def test_a_status_change_takes_up_the_run_at_once(world: World, store: Store, recovery: Recovery) -> None:
    run = start(store, commit(store))
    reported_input = (
        f'{{"pipelineId": "bronze", "scheduleId": "stream", "date": "2026-03-03", "runToken": "{run.run_token}"}}'
    )
    assert recovery.execution_changed({"status": "ABORTED", "input": reported_input}, NOW)
    assert not recovery.execution_changed({"status": "ABORTED", "input": reported_input}, NOW)
    assert not recovery.execution_changed({"status": "RUNNING", "input": reported_input}, NOW)


@pytest.mark.parametrize(
    "strange", ["{}", "[]", "null", '{"pipelineId": "bronze", "scheduleId": "stream", "date": "x"}']
)
def test_an_execution_started_by_hand_is_left_alone(recovery: Recovery, strange: str) -> None:
    assert not recovery.execution_changed({"status": "ABORTED", "input": strange}, NOW)


def test_a_status_change_without_input_waits_for_the_tick(recovery: Recovery) -> None:
    assert not recovery.execution_changed({"status": "ABORTED", "inputDetails": {"included": False}}, NOW)


def test_a_run_past_its_lease_is_closed_with_its_verdict(store: Store, recovery: Recovery) -> None:
    run = start(store, commit(store))
    assert recovery.stale_runs(NOW + timedelta(hours=4, minutes=30)) == 0
    assert recovery.stale_runs(NOW + timedelta(hours=4, minutes=31)) == 1
    closed = store.run(run.key)
    assert closed is not None
    assert closed.status is RunStatus.FAILED_FINAL
    assert "SFN_TIMEOUT" in emitted(store)


@pytest.mark.parametrize("triggered_at", ["yesterday", 1772539200])
def test_a_rerun_row_without_a_time_holds_up_no_recovery(
    world: World, store: Store, recovery: Recovery, triggered_at: object
) -> None:
    run = start(store, commit(store))
    row = {"PK": "PIPELINE#bronze", "SK": "RERUN#stream#2026-03-03#0", "reason": "manual", "triggeredAt": triggered_at}
    store._tables.transact([Put(store.names.rerun, row)])
    world.statuses = {f"bronze-stream-2026-03-03-{run.run_token}": "FAILED"}
    assert recovery.dead_executions(NOW + timedelta(minutes=6)) == 1
    recovered = store.run(run.key)
    assert recovered is not None
    start(store, recovered)
    assert recovery.stale_runs(NOW + timedelta(hours=5)) == 1


def test_a_run_that_could_never_be_started_gives_its_date_back(world: World, store: Store, recovery: Recovery) -> None:
    run = commit(store)
    recovery.pending(NOW + timedelta(hours=4, minutes=31))
    closed = store.run(run.key)
    assert closed is not None
    assert (closed.status, world.started) == (RunStatus.FAILED_FINAL, [])
    assert emitted(store) == ["SFN_TIMEOUT"]


def test_one_unreadable_run_does_not_stop_other_expiries(store: Store, recovery: Recovery) -> None:
    run = start(store, commit(store))
    broken = {
        "PK": "PIPELINE#q",
        "SK": "TRIGGER#stream#2026-03-03",
        "status": "RUNNING",
        "jobIntent": "{",
        "attempt": 0,
    }
    index = {"GSI1PK": "RUNNING", "GSI1SK": "2026-01-01T00:00:00.000000Z"}
    store._tables.transact([Put(store.names.control, {**broken, **index})])
    with pytest.raises(ExceptionGroup, match="1 of 2"):
        recovery.stale_runs(NOW + timedelta(hours=5))
    closed = store.run(run.key)
    assert closed is not None
    assert closed.status is RunStatus.FAILED_FINAL


@pytest.mark.parametrize(("count", "ticks"), [(130, 2), (250, 3), (500, 5)])
def test_each_run_is_probed_within_some_ticks(
    world: World, store: Store, recovery: Recovery, count: int, ticks: int
) -> None:
    """Every run is probed, even if 100 of 250 or 500 runs every five minutes are in step with the clock."""
    asked: set[str] = set()
    world.status = lambda name: asked.add(name) or "RUNNING"  # type: ignore[assignment, method-assign, func-returns-value]
    first = parse_execution_date("2026-01-01").day
    for number in range(count):
        key = RunKey("bronze", "stream", ExecutionDate(first + timedelta(days=number)))
        opened = open_run(key, decided_at=NOW, execution_timeout=TIMEOUT, arrived_at=NOW)
        store.commit(opened)
        start(store, opened.run)
    for tick in range(ticks):
        before = len(asked)
        recovery.dead_executions(NOW + timedelta(minutes=10 + 5 * tick))
        assert len(asked) - before <= 100
    assert len(asked) == count


def fail(now: datetime) -> int:
    raise ConnectionError("no answer")


def test_a_failed_check_is_reported_and_raised(world: World) -> None:
    ran: list[str] = []
    checks = {"first": fail, "second": lambda now: len(ran.append("second") or [1])}
    with pytest.raises(TickFailed, match="first: ConnectionError: no answer"):
        run_tick(checks, world, NOW)
    assert ran == ["second"]
    assert world.bus == ["WATCHDOG_DEGRADED"]


def test_a_long_failure_fits_into_an_event(world: World) -> None:
    def complain(now: datetime) -> int:
        raise ValueError("x" * 300_000)

    with pytest.raises(TickFailed):
        run_tick({"first": complain}, world, NOW)
    assert world.bus == ["WATCHDOG_DEGRADED"]
    assert world.longest < 5_000


def test_a_repeated_invocation_emits_the_same_event(world: World) -> None:
    def emitted(event: dict[str, str], minutes: int, **checks: Check) -> Any:
        now = NOW + timedelta(minutes=minutes)
        with pytest.raises(TickFailed):
            run_tick(checks or {"first": fail}, world, now, cause=Cause.of(event, now))
        return world.details[-1]

    event = {"id": "cdc73f9d-aea9-11e3-9d5a-835b769c0d9c", "time": "2026-03-03T12:00:00Z"}
    first, second = emitted(event, 0), emitted(event, 3)
    assert first == second
    others = [
        emitted({**event, "id": "another"}, 0),
        emitted(event, 0, second=fail),
        emitted({}, 0),
        emitted({"time": "noon"}, 3),
    ]
    assert len({first["id"], *(other["id"] for other in others)}) == 5


def test_failed_checks_are_raised_while_the_bus_is_down(world: World) -> None:
    world.bus_is_down = True
    with pytest.raises(TickFailed, match="first: ConnectionError: no answer") as raised:
        run_tick({"first": fail}, world, NOW)
    assert isinstance(raised.value.__cause__, ConnectionError)


def test_a_tick_without_findings_reports_its_checks(world: World, recovery: Recovery) -> None:
    report = run_tick({"pending": recovery.pending, "stale-runs": recovery.stale_runs}, world, NOW)
    assert report.found == {"pending": 0, "stale-runs": 0}
    assert world.bus == []

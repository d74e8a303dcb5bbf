"""The rows of waits and of followed jobs, on every kind of tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_lifecycle import (
    CloseRun,
    CommitIntent,
    JobIntent,
    MarkStarted,
    NoteHeld,
    OpenWait,
    PassEvaluation,
    RecordStart,
    RegisterWait,
    Run,
    RunKey,
    RunStatus,
    StartRun,
    Verdict,
    Wait,
)
from interlock_lifecycle.runs import CloseFacts, ExecutionEnded, decide_recovery, decide_started
from interlock_lifecycle.waits import JobName
from interlock_store import Commit, Store
from interlock_store._write import Put

NOW = datetime(2026, 3, 3, 12, 0, 0, 123_456, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)


@pytest.fixture
def run(store: Store, start: StartRun) -> Run:
    """A run whose execution was started."""
    store.commit(start)
    started = decide_started(start.run, start.run.run_token, now=NOW, execution_timeout=TIMEOUT)
    assert isinstance(started, MarkStarted)
    store.commit(started)
    return present(store, start.run.key)


def present(store: Store, key: RunKey) -> Run:
    found = store.run(key)
    assert found is not None
    return found


def wait_of(store: Store, key: RunKey) -> Wait:
    found = store.waits.of_run(key)
    assert found is not None
    return found


def opened(store: Store, run: Run, **changes: Any) -> Wait:
    wait = replace(Wait(run.key, run.run_token, held={"landing gte 3": NOW}), **changes)
    assert store.commit(OpenWait(run, wait)) is Commit.COMMITTED
    return wait


def registered(store: Store, wait: Wait, token: str = "token-1") -> Wait:
    after = replace(wait, task_token=token, look_at=NOW + timedelta(minutes=30))
    assert store.commit(RegisterWait(after)) is Commit.COMMITTED
    return replace(after, registrations=wait.registrations + 1)


def overdue(store: Store, later: timedelta = timedelta()) -> list[Wait]:
    waits, strays = store.waits.overdue(NOW + later)
    assert strays == []
    return waits


def test_a_row_that_is_in_the_index_by_mistake_is_a_stray(store: Store, tables: Any, run: Run) -> None:
    registered(store, opened(store, run))
    index = {"GSI1PK": "LOOKING", "GSI1SK": "2026-03-03T12:00:00.000000Z"}
    others = [
        {"PK": "PIPELINE#bronze", "SK": "MARKER#x#2026-03-03", **index},
        {"PK": "PIPELINE#bronze", "SK": "WAIT#stream", **index},
        {"PK": "PIPELINE#bronze", "SK": "WAIT#cron#2026-03-03", "runToken": "t", "wakes": 0, **index},
    ]
    tables.transact([Put(store.names.control, row) for row in others])
    waits, strays = store.waits.overdue(NOW + timedelta(days=9))
    assert len(waits) == 1
    assert sorted(row["SK"] for row in strays) == sorted(row["SK"] for row in others)


def test_an_opened_wait_reads_as_it_was_written(store: Store, run: Run) -> None:
    wait = opened(store, run)
    assert store.waits.of_run(run.key) == wait
    assert store.run_context(run.key).wait == wait
    assert store.waits.of_pipeline(run.key.pipeline_id) == [wait]


def test_the_rows_make_no_stream_record_and_expire(store: Store, tables: Any, run: Run) -> None:
    job = JobIntent(0, "key", NOW, "glue", {}, NOW, run_id="jr_1")
    store.commit(OpenWait(run, Wait(run.key, run.run_token, for_job=True), job=job))
    for pk, sk in (("PIPELINE#bronze", f"WAIT#stream#{run.key.date}"), ("JOBRUN#glue#jr_1", "JOBRUN")):
        row = tables.get(store.names.control, pk, sk)
        assert (row["quiet"], int(row["ttl"]) > NOW.timestamp()) == ("1", True)


def test_a_wait_is_opened_once_per_execution(store: Store, run: Run) -> None:
    wait = opened(store, run)
    assert store.commit(OpenWait(run, wait)) is Commit.STALE
    again = Wait(run.key, run.run_token)
    assert store.commit(OpenWait(run, again, replace(wait, run_token="other"))) is Commit.STALE
    assert store.commit(OpenWait(run, again, wait)) is Commit.COMMITTED
    assert store.waits.of_run(run.key) == again


def test_an_execution_that_does_not_own_the_run_opens_no_wait(store: Store, run: Run) -> None:
    other = replace(run, run_token="other")
    assert store.commit(OpenWait(other, Wait(run.key, "other"))) is Commit.FENCED
    assert store.waits.of_run(run.key) is None


def test_a_registered_wait_is_overdue_at_its_look(store: Store, run: Run) -> None:
    after = registered(store, opened(store, run))
    assert store.waits.of_run(run.key) == after
    assert overdue(store, timedelta(minutes=29)) == []
    assert overdue(store, timedelta(minutes=30)) == [after]


def test_a_wake_before_the_registration_prevents_it(store: Store, run: Run) -> None:
    wait = opened(store, run)
    assert store.waits.record_wake(wait, NOW)
    assert store.commit(RegisterWait(replace(wait, task_token="t", look_at=NOW))) is Commit.FENCED
    assert wait_of(store, run.key) == replace(wait, wakes=1, woken_at=NOW)
    registered(store, replace(wait, wakes=1))


def test_a_wait_is_overdue_from_a_wake_to_its_success(store: Store, run: Run) -> None:
    after = registered(store, opened(store, run))
    assert store.waits.record_wake(after, NOW)
    woken = replace(after, wakes=1, woken_at=NOW)
    assert overdue(store) == [woken]
    store.waits.forget_token(woken)
    assert overdue(store, timedelta(days=9)) == []
    assert wait_of(store, run.key) == replace(woken, task_token=None, look_at=None)


def test_a_wake_of_an_older_reading_changes_nothing(store: Store, run: Run) -> None:
    wait = opened(store, run)
    assert store.waits.record_wake(wait, NOW)
    assert not store.waits.record_wake(wait, NOW)
    assert not store.waits.record_wake(replace(wait, wakes=1, run_token="other"), NOW)
    assert wait_of(store, run.key).wakes == 1


def test_a_later_token_is_not_forgotten(store: Store, run: Run) -> None:
    first = registered(store, opened(store, run))
    second = registered(store, replace(first), "token-2")
    store.waits.forget_token(first)
    assert store.waits.of_run(run.key) == second


def test_a_wake_without_a_token_is_not_overdue(store: Store, run: Run) -> None:
    store.waits.record_wake(opened(store, run), NOW)
    assert overdue(store, timedelta(days=9)) == []


def test_other_rules_are_noted_and_a_wake_stays(store: Store, run: Run) -> None:
    wait = opened(store, run)
    store.waits.record_wake(wait, NOW)
    assert store.commit(NoteHeld(run, replace(wait, held={"rates exists": NOW}), ())) is Commit.COMMITTED
    assert wait_of(store, run.key) == replace(wait, wakes=1, woken_at=NOW, held={"rates exists": NOW})


def test_a_pass_ends_the_wait(store: Store, run: Run) -> None:
    registered(store, opened(store, run))
    assert store.commit(PassEvaluation(run, NOW, None, (), ends_wait=True)) is Commit.COMMITTED
    assert store.waits.of_run(run.key) is None
    assert overdue(store, timedelta(days=9)) == []


def test_a_close_ends_the_wait(store: Store, run: Run) -> None:
    registered(store, opened(store, run))
    closed = CloseRun(run, RunStatus.COMPLETED, NOW, None, Verdict(run.key), {}, ())
    assert store.commit(closed) is Commit.COMMITTED
    assert store.waits.of_run(run.key) is None


def test_a_recovery_ends_the_wait_of_the_dead_execution(store: Store, run: Run) -> None:
    registered(store, opened(store, run))
    facts = CloseFacts(run, None, store.sla(run.key), (), ())
    recovered = decide_recovery(facts, run.run_token, ExecutionEnded("ABORTED"), now=NOW, execution_timeout=TIMEOUT)
    assert store.commit(recovered) is Commit.COMMITTED  # type: ignore[arg-type]
    assert store.waits.of_run(run.key) is None


def test_an_event_finds_the_run_of_a_recorded_start(store: Store, run: Run) -> None:
    intent = JobIntent(0, "key", NOW, "glue", {}, NOW)
    store.commit(PassEvaluation(run, NOW, None, ()))
    intended = replace(present(store, run.key), job_intent=None)
    assert store.commit(CommitIntent(intended, intent)) is Commit.COMMITTED
    wait = Wait(run.key, run.run_token, for_job=True)
    started = RecordStart(present(store, run.key), replace(intent, run_id="jr_1"), (), wait)
    assert store.commit(started) is Commit.COMMITTED
    assert store.waits.of_run(run.key) == wait
    assert store.waits.run_of_job(JobName("glue", "jr_1")) == run.key
    assert store.waits.run_of_job(JobName("glue", "jr_2")) is None
    assert store.waits.run_of_job(JobName("emr", "jr_1")) is None


@pytest.mark.parametrize(
    "spoilt",
    [
        {"wakes": "many"},
        {"wakes": -1},
        {"registrations": None},
        {"wakes": True},
        {"runToken": 7},
        {"waitsFor": "godot"},
        {"waitsFor": ["job"]},
        {"held": "landing"},
        {"held": {"landing": "soon"}},
        {"lookAt": "soon"},
        {"taskToken": 7},
        {"taskToken": None},
        {"lookAt": None},
        {"held": None},
        {"reports": "x"},
        {"reportedAt": None},
        {"wokenAt": "soon"},
        {"taskToken": ""},
        {"taskToken": "x" * 2049},
    ],
)
def test_a_corrupted_row_is_replaced_at_the_next_look(
    store: Store, tables: Any, run: Run, spoilt: dict[str, object]
) -> None:
    opened(store, run)
    row = tables.get(store.names.control, "PIPELINE#bronze", f"WAIT#stream#{run.key.date}")
    tables.transact([Put(store.names.control, {**row, **spoilt})])
    found = wait_of(store, run.key)
    assert not found.is_whole
    assert store.waits.of_pipeline("bronze") == []
    assert store.commit(OpenWait(run, Wait(run.key, run.run_token), found)) is Commit.COMMITTED
    assert wait_of(store, run.key) == Wait(run.key, run.run_token)


@pytest.mark.parametrize("spoilt", [{"date": "soon"}, {"pipelineId": 7}, {"scheduleId": None}])
def test_a_corrupted_job_row_names_no_run(store: Store, tables: Any, run: Run, spoilt: dict[str, object]) -> None:
    row = {
        "PK": "JOBRUN#glue#jr_1",
        "SK": "JOBRUN",
        "pipelineId": "bronze",
        "scheduleId": "stream",
        "date": "2026-03-03",
    }
    tables.transact([Put(store.names.control, row)])
    assert store.waits.run_of_job(JobName("glue", "jr_1")) is not None
    tables.transact([Put(store.names.control, {**row, **spoilt})])
    assert store.waits.run_of_job(JobName("glue", "jr_1")) is None

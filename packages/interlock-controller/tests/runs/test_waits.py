"""Held runs and followed jobs wait for a wake: the looks, the registration, and the races between them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from run_bench import GLUE, KEY, NOW, Bench, Board

from interlock_controller.effects import Wakes
from interlock_controller.runs import Step
from interlock_lifecycle import OpenWait, Wait
from interlock_lifecycle.waits import FREE_WAKES, JobName
from interlock_store import MemoryTables, TableBusy
from interlock_store._write import Write, key_of
from interlock_triggers import State, Status

RUNNING = Status(State.RUNNING, None)
SUCCEEDED = Status(State.SUCCEEDED, None)


class Interrupted(MemoryTables):
    """Tables that act once, right before or after the commit of a WAIT# row."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.before = self.after = lambda: None

    def transact(self, writes: Sequence[Write]) -> None:
        is_wait = any(key_of(write)[2].startswith("WAIT#") for write in writes)
        if is_wait:
            act, self.before = self.before, lambda: None
            act()
        super().transact(writes)
        if is_wait:
            act, self.after = self.after, lambda: None
            act()


def bench_of(job: str = GLUE, board: Board | None = None) -> Bench:
    return Bench(job, board or Board(), Interrupted)


def tables_of(bench: Bench) -> Interrupted:
    tables = bench.store._tables
    assert isinstance(tables, Interrupted)
    return tables


def held(bench: Bench) -> Bench:
    bench.store.put_sensor("bronze", "ready", {"count": 3})
    return bench


def look(bench: Bench, mode: str = "evaluate") -> Step:
    return bench.ask(mode, canWait=True)


def register(bench: Bench, step: Step, task_token: str = "task-1") -> None:
    bench.ask("wait", canWait=True, outcome=msgspec.to_builtins(step), taskToken=task_token)


def wait_of(bench: Bench) -> Wait:
    found = bench.store.waits.of_run(KEY)
    assert found is not None
    return found


def wakes_of(bench: Bench) -> Wakes:
    return Wakes(bench.store, bench.context.end_wait, lambda: bench.now)


def held_events(bench: Bench) -> list[dict[str, Any]]:
    return [msgspec.json.decode(row["detail"]) for row in bench.event_rows() if row["detailType"] == "RUN_HELD"]


# --- held ------------------------------------------------------------------------------------------------------


def test_a_held_run_waits_and_says_which_rule_holds_it() -> None:
    bench = held(bench_of())
    step = look(bench)
    assert (step.status, step.wait_seconds, step.look_seconds, step.wakes) == ("held", 0, 595, 0)
    assert step.look_at == NOW + timedelta(seconds=595)
    (event,) = held_events(bench)
    assert event["detail"]["rules"][0]["observed"] == "3"
    register(bench, step)
    assert (wait_of(bench).task_token, wait_of(bench).look_at) == ("task-1", step.look_at)
    assert bench.ended_waits == []


def test_run_is_held_until_the_secret_of_its_job_is_readable() -> None:
    board = Board()
    bench = bench_of("{type: glue, config: {jobName: load, arguments: {--token: '${secret:prod/db}'}}}", board)
    reason = ["${secret:prod/db} cannot be read: AccessDeniedException"]
    asked: list[Mapping[str, Any]] = []
    bench.context = replace(bench.context, unreadable_secrets=lambda config: asked.append(config) or reason)
    step = look(bench)
    assert (step.status, step.reason, step.look_seconds) == ("held", *reason, 60)
    assert [config["arguments"] for config in asked] == [{"--token": "${secret:prod/db}"}] * 2
    (event,) = held_events(bench)
    assert event["message"] == reason[0]
    register(bench, step)
    assert look(bench).status == "held"
    assert len(held_events(bench)) == 1
    reason.clear()
    assert look(bench).status == "passed"
    assert bench.ask("trigger").status in ("followed", "running")
    assert len(board.starts) == 1


def test_an_execution_of_an_older_definition_polls() -> None:
    bench = held(bench_of())
    step = bench.ask("evaluate")
    assert (step.status, step.wait_seconds) == ("not-ready", 60)
    assert bench.store.waits.of_run(KEY) is None


def test_a_row_that_comes_before_the_wait_is_open_is_seen() -> None:
    """The router finds no WAIT# row before it is opened, so the look is repeated after that."""
    bench = held(bench_of())
    tables_of(bench).before = lambda: bench.store.put_sensor("bronze", "ready", {"count": 10})
    assert look(bench).status == "passed"


def test_a_wake_between_look_and_registration_is_not_lost() -> None:
    bench = held(bench_of())
    step = look(bench)
    wakes_of(bench).wake(wait_of(bench))
    register(bench, step)
    assert bench.ended_waits == ["task-1"]
    assert wait_of(bench).task_token is None
    assert look(bench).wakes == 1


def test_a_superseded_execution_registers_no_wait() -> None:
    bench = held(bench_of())
    step = look(bench)
    other = Wait(KEY, "another-token")
    bench.store.commit(OpenWait(replace(bench.run), other, wait_of(bench)))
    register(bench, step)
    assert bench.ended_waits == ["task-1"]
    assert wait_of(bench) == other


def test_the_wake_of_a_registered_wait_sends_one_success() -> None:
    bench = held(bench_of())
    register(bench, look(bench))
    waiting = wait_of(bench)
    for _ in range(3):
        wakes_of(bench).wake(waiting)
    assert bench.ended_waits == ["task-1"]
    assert wait_of(bench).wakes == 3


def test_after_many_wakes_the_execution_rests_first() -> None:
    bench = held(bench_of())
    look(bench)
    for _ in range(FREE_WAKES):
        wakes_of(bench).wake(wait_of(bench))
    step = look(bench)
    assert (step.status, step.wait_seconds, step.look_seconds) == ("resting", 6, 589)
    assert step.look_at == NOW + timedelta(seconds=595)


def test_the_same_rules_are_reported_once_and_other_rules_again() -> None:
    bench = held(bench_of())
    look(bench)
    look(bench)
    assert len(held_events(bench)) == 1
    bench.store.put_config(replace(_config(bench), validation=_other_rules(bench)))
    bench.now += timedelta(minutes=1)
    look(bench)
    assert [[rule["needed"] for rule in event["detail"]["rules"]] for event in held_events(bench)] == [
        ["gte 10"],
        ["gte 20"],
    ]


def _config(bench: Bench) -> Any:
    config = bench.store.config("bronze").config
    assert config is not None
    return config


def _other_rules(bench: Bench) -> Any:
    validation = _config(bench).validation
    return replace(validation, rules=[replace(validation.rules[0], value=20)])


def test_a_pass_ends_the_wait() -> None:
    bench = held(bench_of())
    register(bench, look(bench))
    bench.store.put_sensor("bronze", "ready", {"count": 10})
    assert look(bench).status == "passed"
    assert bench.store.waits.of_run(KEY) is None


# --- followed --------------------------------------------------------------------------------------------------


def test_a_look_that_cannot_be_sent_is_left_to_the_watchdog() -> None:
    """A healthy run must not fail because Step Functions rejects the success of its own wait."""
    bench = held(bench_of())
    step = look(bench)
    wakes_of(bench).wake(wait_of(bench))

    def reject(token: str) -> bool:
        raise ConnectionError("throttled")

    bench.context = replace(bench.context, end_wait=reject)
    register(bench, step)
    overdue, _ = bench.store.waits.overdue(bench.now)
    assert [wait.task_token for wait in overdue] == ["task-1"]


def test_a_first_look_that_fails_does_not_fail_the_start() -> None:
    board = Board()
    bench = bench_of(board=board)
    step = look(bench, "trigger")
    assert step.status == "followed"
    entries = bench.store.entries

    def busy(key: object) -> Any:
        raise TableBusy("busy")

    bench.store.entries = busy  # type: ignore[method-assign]
    assert (look(bench, "trigger").status, len(board.starts)) == ("running", 1)
    bench.store.entries = entries  # type: ignore[method-assign]
    assert look(bench, "check-job").status == "followed"


def test_a_job_with_events_is_awaited_after_it_was_asked_once() -> None:
    board = Board()
    bench = bench_of(board=board)
    step = look(bench, "trigger")
    assert (step.status, step.look_seconds, step.wakes) == ("followed", 600, 0)
    assert len(board.asked) == 1
    assert bench.store.waits.run_of_job(JobName("glue", "job-1")) == KEY
    register(bench, step)
    assert wait_of(bench).for_job
    assert wait_of(bench).task_token == "task-1"


def test_a_job_that_ends_early_is_seen_in_the_same_step() -> None:
    """Its event finds no row, so the target is asked after the row was written."""
    board = Board()
    board.status = SUCCEEDED
    step = look(bench_of(board=board), "trigger")
    assert (step.status, step.event) == ("finished", "success")


def test_an_event_between_look_and_registration_is_not_lost() -> None:
    bench = bench_of()
    step = look(bench, "trigger")
    wakes_of(bench).wake(wait_of(bench))
    register(bench, step)
    assert bench.ended_waits == ["task-1"]


def test_a_recovered_run_opens_its_own_wait_before_it_asks() -> None:
    board = Board()
    bench = bench_of(board=board)
    look(bench, "trigger")
    bench.store.commit(OpenWait(bench.run, Wait(KEY, "dead-execution", for_job=True), wait_of(bench)))

    def end() -> None:
        board.status = SUCCEEDED

    tables_of(bench).after = end
    assert look(bench, "check-job").status == "finished"


def test_an_older_definition_polls_its_job() -> None:
    bench = bench_of()
    assert (bench.ask("trigger").status, bench.ask("check-job").status) == ("running", "running")


def test_a_deployment_without_job_events_polls_its_jobs() -> None:
    bench = bench_of()
    bench.context = replace(bench.context, has_job_events=False)
    assert (look(bench, "trigger").status, look(bench, "check-job").wait_seconds) == ("running", 60)


@pytest.mark.parametrize("job_type", ["airflow", "databricks"])
def test_a_job_without_events_is_polled(job_type: str) -> None:
    configs = {
        "airflow": "{type: airflow, config: {url: 'https://h', dagID: d}}",
        "databricks": "{type: databricks, config: {workspaceUrl: 'https://h', jobId: 7}}",
    }
    bench = bench_of(configs[job_type])
    assert look(bench, "trigger").status == "running"
    assert look(bench, "check-job").status == "running"
    assert bench.store.waits.of_run(KEY) is None


def test_a_job_whose_run_is_woken_again_and_again_is_polled() -> None:
    bench = bench_of()
    look(bench, "trigger")
    for _ in range(FREE_WAKES):
        wakes_of(bench).wake(wait_of(bench))
    step = look(bench, "check-job")
    assert (step.status, step.wait_seconds) == ("running", 60)


def test_a_wait_that_is_woken_without_end_is_read_again() -> None:
    """A wake of an outdated reading reads the row again, and stops when the row is gone."""
    bench = held(bench_of())
    register(bench, look(bench))
    old = wait_of(bench)
    bench.store.waits.record_wake(old, bench.now)
    wakes_of(bench).wake(old)
    assert wait_of(bench).wakes == 2
    assert bench.ended_waits == ["task-1"]
    bench.store.put_sensor("bronze", "ready", {"count": 10})
    look(bench)
    wakes_of(bench).wake(old)
    assert bench.store.waits.of_run(KEY) is None
    assert bench.ended_waits == ["task-1"]


def test_the_registration_may_be_repeated() -> None:
    """Step Functions calls the Lambda again after a lost answer, with a fresh token. That execution looks again."""
    bench = held(bench_of())
    step = look(bench)
    register(bench, step, "task-1")
    register(bench, step, "task-2")
    assert bench.ended_waits == ["task-2"]
    register(bench, look(bench), "task-3")
    assert wait_of(bench).task_token == "task-3"


def test_a_late_registration_replaces_no_newer_one() -> None:
    """Its state has timed out and looked, and the execution waits at another token."""
    bench = held(bench_of())
    early = look(bench)
    register(bench, look(bench), "task-2")
    register(bench, early, "task-1")
    assert wait_of(bench).task_token == "task-2"
    assert bench.ended_waits == ["task-1"]


def test_a_wait_registered_during_a_wake_gets_its_success() -> None:
    bench = held(bench_of())
    step = look(bench)
    before = wait_of(bench)
    register(bench, step)
    wakes_of(bench).wake(before)
    assert (bench.ended_waits, wait_of(bench).wakes) == (["task-1"], 1)

"""A pause: no job starts, a waiting run is parked with its reason, a started job is followed to its end."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from run_bench import GLUE, NOW, Bench, Board

from interlock_lifecycle import MarkStarted, Pause, Run, RunStatus
from interlock_lifecycle.runs import decide_started
from interlock_store import MemoryTables
from interlock_store._write import Write
from interlock_triggers import Category, StartRejected, State, Status

PAUSE = Pause(None, "ada", "source is migrated")
SAID = "the pipeline is paused until it is resumed by ada: source is migrated"


def is_parked(bench: Bench, before: Run) -> bool:
    run = bench.run
    waits = run.is_running and run.started_token is None and run.evaluated_at is None and run.job_intent is None
    return waits and run.run_token != before.run_token and (run.attempt, run.committed_at) == (0, before.committed_at)


def test_waiting_run_is_parked_with_the_reason(bench: Bench) -> None:
    bench.store.put_sensor("bronze", "ready", {"count": 3})
    before = bench.run
    assert bench.ask("evaluate").status == "not-ready"
    bench.store.pause("bronze", PAUSE)
    assert bench.ask("evaluate").status == "superseded"
    assert is_parked(bench, before)
    (detail,) = (row["detail"] for row in bench.event_rows() if row["detailType"] == "RUN_HELD")
    assert json.loads(detail)["message"] == SAID


def test_rules_that_hold_start_nothing_during_a_pause(bench: Bench, board: Board) -> None:
    before = bench.run
    bench.store.pause("bronze", PAUSE)
    assert bench.ask("evaluate").status == "superseded"
    assert is_parked(bench, before)
    assert board.starts == []


def test_pause_does_not_use_up_the_window(bench: Bench) -> None:
    bench.store.put_sensor("bronze", "ready", {"count": 3})
    bench.store.pause("bronze", PAUSE)
    bench.now += timedelta(hours=3)
    assert bench.ask("evaluate").status == "superseded"
    assert bench.run.status is RunStatus.RUNNING


def test_pause_after_the_evaluation_stops_the_job(bench: Bench, board: Board) -> None:
    before = bench.run
    assert bench.ask("evaluate").status == "passed"
    bench.store.pause("bronze", PAUSE)
    assert bench.invoke("trigger").status == "superseded"
    assert board.starts == []
    assert is_parked(bench, before)


class PausedMeanwhile(MemoryTables):
    """Tables that pause the pipeline right before the promise of a job is committed."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.act: Callable[[], object] = lambda: bench.store.pause("bronze", PAUSE)

    def transact(self, writes: Sequence[Write]) -> None:
        if any("jobIntent" in getattr(write, "set", {}) for write in writes):
            act, self.act = self.act, lambda: None
            act()
        super().transact(writes)


def test_pause_before_the_commit_of_a_promise_stops_the_job(board: Board) -> None:
    bench = Bench(GLUE, board, PausedMeanwhile)
    before = bench.run
    assert bench.ask("trigger").status == "superseded"
    assert board.starts == []
    assert is_parked(bench, before)


def test_new_pause_after_one_that_is_over_stops_the_job(board: Board) -> None:
    bench = Bench(GLUE, board, PausedMeanwhile)
    before = bench.run
    bench.store.pause("bronze", Pause(NOW - timedelta(hours=1)))
    assert bench.ask("trigger").status == "superseded"
    assert board.starts == []
    assert is_parked(bench, before)


def test_pause_that_is_over_stops_nothing(bench: Bench, board: Board) -> None:
    bench.store.pause("bronze", Pause(NOW))
    assert bench.ask("evaluate").status == "passed"
    bench.ask("trigger")
    assert len(board.starts) == 1


def test_started_job_is_followed_to_its_end(bench: Bench, board: Board) -> None:
    bench.ask("trigger")
    bench.store.pause("bronze", PAUSE)
    assert bench.ask("check-job").status == "running"
    board.status = Status(State.SUCCEEDED, None)
    step = bench.ask("check-job")
    assert step.status == "finished"
    assert bench.complete(step).status == "succeeded"
    assert bench.run.status is RunStatus.COMPLETED


def test_promise_from_before_the_pause_counts_as_a_start(bench: Bench, board: Board) -> None:
    board.answers = [RuntimeError("no answer")]
    with pytest.raises(Exception, match="unconfirmed"):
        bench.ask("trigger")
    bench.store.pause("bronze", PAUSE)
    bench.wait()
    assert bench.invoke("trigger").status in ("running", "followed")
    assert [attempt.resumed for attempt in board.starts] == [False, True]


def test_rejected_start_is_not_repeated_during_a_pause(bench: Bench, board: Board) -> None:
    board.answers = [StartRejected(Category.TRANSIENT, "throttled", "glue")]
    with pytest.raises(Exception, match="throttled"):
        bench.ask("trigger")
    before = bench.run
    bench.store.pause("bronze", PAUSE)
    assert bench.invoke("trigger").status == "superseded"
    assert len(board.starts) == 1
    assert is_parked(bench, before)


def test_execution_of_a_parked_run_does_nothing_more(bench: Bench, board: Board) -> None:
    token = bench.run.run_token
    bench.store.pause("bronze", PAUSE)
    bench.ask("evaluate")
    bench.store.resume("bronze")
    for mode in ("evaluate", "trigger", "check-job", "validation-exhausted"):
        assert bench.invoke(mode, token).status == "superseded"
    assert board.starts == []
    assert bench.run.status is RunStatus.RUNNING


def test_resumed_run_gets_a_whole_window_and_starts_once(bench: Bench, board: Board) -> None:
    bench.store.pause("bronze", PAUSE)
    bench.ask("evaluate")
    bench.store.resume("bronze")
    bench.now += timedelta(hours=20)
    started = decide_started(bench.run, bench.run.run_token, now=bench.now, execution_timeout=timedelta(hours=4))
    assert isinstance(started, MarkStarted)
    bench.store.commit(started)
    assert bench.ask("evaluate", startedAt=bench.now.isoformat()).status == "passed"
    bench.ask("trigger")
    assert len(board.starts) == 1

"""Work on a few threads: order, bounds, errors, deadlines."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from interlock_telemetry import (
    DeadlinePassed,
    InvocationDeadline,
    Metric,
    StageTimeout,
    bind_correlation,
    correlation_id,
    run_bounded,
    run_stage,
)

PATIENCE = 10
SOON = timedelta(milliseconds=100)


def test_outcomes_are_in_order_of_tasks() -> None:
    second_ended = threading.Event()

    def slow() -> str:
        assert second_ended.wait(PATIENCE)
        return "slow"

    def quick() -> str:
        second_ended.set()
        return "quick"

    outcomes = run_bounded([slow, quick], workers=2)
    assert [outcome.result() for outcome in outcomes] == ["slow", "quick"]


def test_number_of_running_tasks_equals_number_of_workers() -> None:
    lock = threading.Lock()
    together = threading.Barrier(3)
    active, most = 0, 0

    def task() -> None:
        nonlocal active, most
        with lock:
            active += 1
            most = max(most, active)
        together.wait(PATIENCE)
        with lock:
            active -= 1

    outcomes = run_bounded([task] * 9, workers=3)
    assert all(outcome.ok for outcome in outcomes)
    assert most == 3


def test_one_worker_runs_tasks_one_after_the_other() -> None:
    seen: list[int] = []
    tasks: list[Callable[[], None]] = [lambda number=number: seen.append(number) for number in range(20)]  # type: ignore[misc]
    run_bounded(tasks, workers=1)
    assert seen == list(range(20))


def test_error_is_outcome_of_its_task_only() -> None:
    def bad() -> int:
        raise ValueError("bad")

    first, second, third = run_bounded([lambda: 1, bad, lambda: 3], workers=1)
    assert (first.result(), third.result()) == (1, 3)
    assert not second.ok
    assert isinstance(second.error, ValueError)
    with pytest.raises(ValueError, match="bad"):
        second.result()


def test_exit_of_task_is_its_outcome() -> None:
    def leave() -> None:
        raise SystemExit(3)

    (outcome,) = run_bounded([leave], workers=1)
    assert isinstance(outcome.error, SystemExit)


def test_run_without_tasks_has_no_outcomes() -> None:
    assert run_bounded([], workers=3) == []


def test_none_can_be_value() -> None:
    (outcome,) = run_bounded([lambda: None], workers=1)
    assert outcome.ok
    assert outcome.result() is None


@pytest.mark.parametrize("workers", [0, -1])
def test_number_of_workers_must_be_positive(workers: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        run_bounded([], workers=workers)


def test_tasks_see_the_correlation_id_of_their_caller() -> None:
    with bind_correlation("mine"):
        outcomes = run_bounded([correlation_id] * 4, workers=2)
    assert [outcome.result() for outcome in outcomes] == ["mine"] * 4


def test_no_task_begins_or_is_awaited_after_deadline() -> None:
    release, ended = threading.Event(), threading.Event()
    begun: list[str] = []

    def hang() -> None:
        begun.append("hang")
        release.wait(PATIENCE)
        ended.set()

    try:
        quick, hung, waiting = run_bounded([lambda: 1, hang, lambda: begun.append("late")], workers=1, deadline=SOON)
    finally:
        release.set()
    assert quick.result() == 1
    assert isinstance(hung.error, DeadlinePassed)
    assert hung.error.started
    assert isinstance(waiting.error, DeadlinePassed)
    assert not waiting.error.started
    assert ended.wait(PATIENCE)
    assert begun == ["hang"]


def test_expired_invocation_begins_no_task() -> None:
    deadline = InvocationDeadline.after(timedelta())
    begun: list[int] = []
    (outcome,) = run_bounded([lambda: begun.append(1)], workers=1, deadline=deadline)
    assert isinstance(outcome.error, DeadlinePassed)
    assert begun == []


def test_stage_returns_value_or_raises_error_of_its_call() -> None:
    def bad() -> None:
        raise KeyError("x")

    assert run_stage("read", lambda: 7, timedelta(seconds=PATIENCE)) == 7
    with pytest.raises(KeyError):
        run_stage("read", bad, timedelta(seconds=PATIENCE))


def test_error_for_slow_stage_names_it() -> None:
    release = threading.Event()
    with pytest.raises(StageTimeout, match=r"stage read did not end within 0\.1s") as caught:
        run_stage("read", lambda: release.wait(PATIENCE), SOON)
    release.set()
    assert (caught.value.stage, caught.value.seconds) == ("read", 0.1)


@pytest.mark.parametrize(("tasks", "workers", "most"), [(6, 3, 3), (2, 8, 2), (5, 1, 1)])
def test_the_most_busy_workers_are_measured_once(
    monkeypatch: pytest.MonkeyPatch, tasks: int, workers: int, most: int
) -> None:
    measured: list[tuple[Metric, float]] = []
    monkeypatch.setattr("interlock_telemetry._pool.measure", lambda metric, value: measured.append((metric, value)))
    together = threading.Barrier(most)
    run_bounded([together.wait] * (tasks - tasks % most), workers, deadline=timedelta(seconds=20))
    assert measured == [(Metric.POOL_ACTIVE, most)]
    run_bounded([], 3)
    assert len(measured) == 1

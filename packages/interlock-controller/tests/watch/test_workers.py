"""The worker pool does a few acts at a time, within the invocation, and each on its own."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from interlock_controller.effects import BusEntry
from interlock_controller.watch import TickFailed, WorkerPool, run_tick
from interlock_telemetry import DeadlinePassed, InvocationDeadline

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


class Seconds:
    """A monotonic clock that stands still until it is set."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return self.passed


def fail() -> int:
    raise ConnectionError("throttled")


@pytest.mark.parametrize("workers", [1, 3])
def test_one_act_that_fails_disturbs_no_other(workers: int) -> None:
    first, second, third = WorkerPool(workers).attempt([lambda: 1, fail, lambda: 3])
    assert (first, third) == (1, 3)
    assert isinstance(second, ConnectionError)


@pytest.mark.parametrize("workers", [1, 3])
def test_all_are_done_before_the_failures_are_raised(workers: int) -> None:
    done: list[int] = []
    acts: list[Callable[[], object]] = [lambda: done.append(1), fail, lambda: done.append(3)]
    with pytest.raises(ExceptionGroup, match="1 of 3"):
        WorkerPool(workers).do_all(acts)
    assert sorted(done) == [1, 3]


def test_no_more_acts_than_workers_run_at_once() -> None:
    met = threading.Barrier(3, timeout=300)
    busy, most, lock = 0, 0, threading.Lock()

    def act() -> None:
        nonlocal busy, most
        with lock:
            busy, most = busy + 1, max(most, busy + 1)
        met.wait()
        with lock:
            busy -= 1

    WorkerPool(3).do_all([act] * 9)
    assert most == 3


@pytest.mark.parametrize("workers", [1, 3])
def test_nothing_begins_after_the_deadline(workers: int) -> None:
    clock, workers = Seconds(), WorkerPool(workers)
    workers.work_until(InvocationDeadline.after(timedelta(seconds=10), clock=clock, now=NOW))
    assert workers.attempt([lambda: 1, lambda: 2]) == [1, 2]
    clock.passed = 10
    assert workers.out_of_time
    assert all(isinstance(one, DeadlinePassed) for one in workers.attempt([lambda: 1, lambda: 2]))


class Bus:
    def __init__(self) -> None:
        self.emitted: list[str] = []

    def publish(self, entries: Sequence[BusEntry]) -> None:
        self.emitted += [entry.detail for entry in entries]


def test_checks_without_time_left_are_named() -> None:
    """Otherwise a tick that always ends early would never run its last checks, without a report."""
    clock, workers, bus = Seconds(), WorkerPool(), Bus()
    workers.work_until(InvocationDeadline.after(timedelta(seconds=10), clock=clock, now=NOW))

    def slow(now: datetime) -> int:
        clock.passed = 11
        return 1

    with pytest.raises(TickFailed) as failed:
        run_tick({"slow": slow, "last": lambda now: 1}, bus, NOW, out_of_time=lambda: workers.out_of_time)
    assert list(failed.value.failures) == ["last"]
    assert '"checks":["last"]' in bus.emitted[0]
    assert "deadline passed before it began" in bus.emitted[0]

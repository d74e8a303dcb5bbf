"""Runs many small pieces of work on a few threads, within a deadline, and says how each ended."""

import threading
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from datetime import timedelta
from queue import SimpleQueue
from typing import Generic, TypeVar

from msgspec import Struct

from interlock_telemetry._deadline import LONGEST, InvocationDeadline
from interlock_telemetry._errors import DeadlinePassed, StageTimeout
from interlock_telemetry._instruments import measure
from interlock_telemetry._metrics import Metric

T = TypeVar("T")


class Outcome(Struct, Generic[T], frozen=True):
    """How one piece of work ended: with `value`, or with `error`."""

    value: T | None = None
    error: BaseException | None = None

    @property
    def ok(self) -> bool:
        """Whether it ended without an error."""
        return self.error is None

    def result(self) -> T:
        """The value, or the error raised."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # T may itself be optional


def run_bounded(
    tasks: Sequence[Callable[[], T]], workers: int, *, deadline: InvocationDeadline | timedelta | None = None
) -> list[Outcome[T]]:
    """Run every task on at most `workers` threads; the outcomes come in the order of the tasks.

    An error of one task is its outcome and disturbs no other. When the deadline passes, what has not begun never
    begins, and what still runs is left behind in a daemon thread: both have DeadlinePassed as their error. Tasks
    see the caller's context variables (the correlation id).
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}, must be at least 1")
    if not isinstance(deadline, InvocationDeadline):
        deadline = InvocationDeadline.after(deadline if deadline is not None else LONGEST)
    run = _Run(tasks, deadline)
    threads = [
        threading.Thread(target=run.work, args=(copy_context(),), name=f"interlock-worker-{number}", daemon=True)
        for number in range(min(workers, len(tasks)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(deadline.monotonic_at - deadline.clock(), 0))
    return run.outcomes()


def run_stage(stage: str, call: Callable[[], T], timeout: timedelta) -> T:
    """What `call` returns, if it does within `timeout`; else StageTimeout.

    A thread cannot be stopped from outside: a call that is too late goes on in the background, so it must be one
    that does no harm when it ends late.
    """
    (outcome,) = run_bounded([call], 1, deadline=timeout)
    if isinstance(outcome.error, DeadlinePassed):
        raise StageTimeout(stage, timeout.total_seconds())
    return outcome.result()


class _Run(Generic[T]):
    def __init__(self, tasks: Sequence[Callable[[], T]], deadline: InvocationDeadline) -> None:
        self._tasks = tasks
        self._deadline = deadline
        self._lock = threading.Lock()
        self._started: set[int] = set()
        self._ended: dict[int, Outcome[T]] = {}
        self._waiting: SimpleQueue[int] = SimpleQueue()
        for number in range(len(tasks)):
            self._waiting.put(number)

    def work(self, context: Context) -> None:
        while (number := self._next()) is not None:
            measure(Metric.POOL_ACTIVE, 1)
            outcome = _outcome_of(self._tasks[number], context)
            measure(Metric.POOL_ACTIVE, -1)
            with self._lock:
                self._ended[number] = outcome

    def _next(self) -> int | None:
        with self._lock:
            if self._waiting.empty() or self._deadline.expired:
                return None
            number = self._waiting.get()
            self._started.add(number)
            return number

    def outcomes(self) -> list[Outcome[T]]:
        with self._lock:
            return [
                self._ended.get(number) or Outcome(error=DeadlinePassed(number in self._started))
                for number in range(len(self._tasks))
            ]


def _outcome_of(task: Callable[[], T], context: Context) -> Outcome[T]:
    try:
        return Outcome(value=context.run(task))
    except BaseException as error:  # noqa: BLE001 - the error is the outcome; its owner decides
        return Outcome(error=error)

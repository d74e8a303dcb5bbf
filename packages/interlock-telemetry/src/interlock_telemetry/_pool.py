"""Runs many small tasks on a few threads, within a deadline, and returns the outcome of each."""

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
    """The result of one task: `value` or `error`."""

    value: T | None = None
    error: BaseException | None = None

    @property
    def ok(self) -> bool:
        """Whether it ended without an error."""
        return self.error is None

    def result(self) -> T:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # T may itself be optional


def run_bounded(
    tasks: Sequence[Callable[[], T]], workers: int, *, deadline: InvocationDeadline | timedelta | None = None
) -> list[Outcome[T]]:
    """Run every task on at most `workers` threads, and return the outcomes in the order of the tasks.

    An error of one task is its outcome and does not affect other tasks. When the deadline passes, waiting tasks never
    begin, and running tasks stay in a daemon thread. Both have DeadlinePassed as their error. Tasks see the caller's
    context variables (the correlation id).
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
    if tasks:
        measure(Metric.POOL_ACTIVE, run.most_busy)
    return run.outcomes()


def run_stage(stage: str, call: Callable[[], T], timeout: timedelta) -> T:
    """Return the result of `call`. Raises StageTimeout if it does not return within `timeout`.

    A thread cannot be stopped from outside. A late call goes on in the background, so a late end must do no harm.
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
        self.most_busy = 0
        self._waiting: SimpleQueue[int] = SimpleQueue()
        for number in range(len(tasks)):
            self._waiting.put(number)

    def work(self, context: Context) -> None:
        while (number := self._next()) is not None:
            outcome = _outcome_of(self._tasks[number], context)
            with self._lock:
                self._ended[number] = outcome

    def _next(self) -> int | None:
        with self._lock:
            if self._waiting.empty() or self._deadline.expired:
                return None
            number = self._waiting.get()
            self._started.add(number)
            self.most_busy = max(self.most_busy, len(self._started) - len(self._ended))
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
    except BaseException as error:  # noqa: BLE001 - the error is the outcome, and the caller decides
        return Outcome(error=error)

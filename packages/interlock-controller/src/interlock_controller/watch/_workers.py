"""Does many small acts, a few at a time and within the invocation. A failed act delays no other."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from interlock_telemetry import DeadlinePassed, InvocationDeadline, run_bounded

T = TypeVar("T")


class WorkerPool:
    """Does `size` acts at a time. With one worker, they run one after another in the calling thread."""

    def __init__(self, size: int = 1) -> None:
        self._size = size
        self._deadline: InvocationDeadline | None = None

    def work_until(self, deadline: InvocationDeadline) -> None:
        """Begin no act after this deadline. Each act that is left fails with DeadlinePassed."""
        self._deadline = deadline

    @property
    def out_of_time(self) -> bool:
        """Whether the deadline has passed, so that no act begins any more."""
        return self._deadline is not None and self._deadline.expired

    def attempt(self, acts: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """The result of each act, or its error, in the order of the acts."""
        if self._size == 1 or len(acts) < 2:
            return [DeadlinePassed(False) if self.out_of_time else _attempt(act) for act in acts]
        bound = [lambda act=act: _attempt(act) for act in acts]
        outcomes = run_bounded(bound, self._size, deadline=self._deadline)
        return [outcome.error if isinstance(outcome.error, Exception) else outcome.result() for outcome in outcomes]

    def do_all(self, acts: Sequence[Callable[[], T]]) -> list[T]:
        """Do each act even if others fail. The result is their results. Raises ExceptionGroup of the errors."""
        done = self.attempt(acts)
        errors = [one for one in done if isinstance(one, Exception)]
        if errors:
            raise ExceptionGroup(f"{len(errors)} of {len(acts)} could not be done", errors)
        return [one for one in done if not isinstance(one, Exception)]


def _attempt(act: Callable[[], T]) -> T | Exception:
    try:
        return act()
    except Exception as error:  # noqa: BLE001 (the caller raises it with the others)
        return error

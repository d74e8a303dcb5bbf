"""Does many small acts, a few at a time; one that fails disturbs no other."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from interlock_telemetry import run_bounded

T = TypeVar("T")


class Crew:
    """`workers` acts at a time; with one worker they run one after another where they were called."""

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers

    def attempt(self, acts: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """What each act returned, or the error that it raised, in their order."""
        if self._workers == 1 or len(acts) < 2:
            return [_attempt(act) for act in acts]
        outcomes = run_bounded([lambda act=act: _attempt(act) for act in acts], self._workers)  # type: ignore[misc]
        return [outcome.result() for outcome in outcomes]

    def do_all(self, acts: Sequence[Callable[[], T]]) -> list[T]:
        """Do each act although others fail; then raise what failed, else what they returned."""
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

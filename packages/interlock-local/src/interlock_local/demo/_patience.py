"""Waits as long as progress is made, so that a slow machine has the same results as a fast one."""

import time
from collections.abc import Callable


class Patience:
    """Runs out when nothing has changed for `limit` seconds."""

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._seen: object = None
        self._since = clock()

    def note(self, seen: object) -> None:
        """Begin again if this observation differs from the last one."""
        if seen != self._seen:
            self._seen = seen
            self._since = self._clock()

    @property
    def quiet(self) -> float:
        """Seconds since the last change."""
        return self._clock() - self._since

    @property
    def is_over(self) -> bool:
        """Whether nothing has changed for too long."""
        return self.quiet >= self._limit

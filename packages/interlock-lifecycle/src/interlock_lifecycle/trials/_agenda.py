"""The acts of a replay in the order of their times."""

import heapq
import itertools
from collections.abc import Callable
from datetime import datetime

Act = Callable[[datetime], None]


class Agenda:
    """Acts that are due at moments (UTC). Acts of one moment keep the order in which they were added."""

    def __init__(self) -> None:
        self._acts: list[tuple[datetime, int, Act]] = []
        self._order = itertools.count()

    def add(self, at: datetime, act: Act) -> None:
        """Add an act for a moment."""
        heapq.heappush(self._acts, (at, next(self._order), act))

    def play(self, until: datetime, is_over: Callable[[], bool]) -> None:
        """Do the acts up to `until`, also those that other acts add, or until the replay is over."""
        while self._acts and self._acts[0][0] <= until and not is_over():
            at, _, act = heapq.heappop(self._acts)
            act(at)

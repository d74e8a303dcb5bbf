"""The time that a call has left. Each instant becomes a monotonic end once, at the start of the call."""

import copy
import random
import time
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

_WEEK = 7 * 86400.0


class Timing(Struct, frozen=True):
    """The clocks and the dice. `now` returns epoch seconds, `monotonic` seconds from any origin, `dice` [0, 1)."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    dice: Callable[[], float] = random.random


class Deadline:
    """The end of a call, as an aware datetime or as epoch seconds."""

    def __init__(self, until: datetime | float, timing: Timing) -> None:
        if isinstance(until, datetime) and until.tzinfo is None:
            raise ValueError("until must be an aware datetime or epoch seconds")
        at = until.timestamp() if isinstance(until, datetime) else float(until)
        self._monotonic = timing.monotonic
        self._end = timing.monotonic() + (at - timing.now())

    def within(self, seconds: float) -> "Deadline":
        """The earlier of this deadline and `seconds` from now."""
        sooner = copy.copy(self)
        sooner._end = min(self._end, self._monotonic() + seconds)
        return sooner

    def remaining(self) -> float:
        """Seconds left, at most a week. 0 after the deadline."""
        return min(max(0.0, self._end - self._monotonic()), _WEEK)

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return self.remaining() <= 0.0

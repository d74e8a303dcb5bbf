"""Computes the remaining time of a Lambda invocation, as a limit for every call."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace

BUFFER = timedelta(milliseconds=500)
FLOOR = timedelta(milliseconds=50)
LONGEST = timedelta(minutes=15)


@runtime_checkable
class LambdaContext(Protocol):
    """The part of Lambda's context object with the remaining time."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


class InvocationDeadline(Struct, frozen=True):
    """The time by which this invocation must end: `at`, an instant in UTC, and the same on the monotonic clock.

    It is the end of the invocation minus a buffer for the answer, and at least `floor` after the start.
    """

    at: datetime
    floor: timedelta
    monotonic_at: float
    clock: Callable[[], float]

    @classmethod
    def from_context(
        cls,
        context: object,
        buffer: timedelta = BUFFER,
        floor: timedelta = FLOOR,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: datetime | None = None,
    ) -> "InvocationDeadline":
        """The deadline from Lambda's `context`. For any other object it is Lambda's longest run (15 minutes)."""
        left = LONGEST
        if isinstance(context, LambdaContext):
            left = timedelta(milliseconds=context.get_remaining_time_in_millis())
        return cls.after(max(left - buffer, floor), floor, clock=clock, now=now)

    @classmethod
    def after(
        cls,
        length: timedelta,
        floor: timedelta = FLOOR,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: datetime | None = None,
    ) -> "InvocationDeadline":
        """The deadline `length` from now."""
        at = (now or datetime.now(UTC)) + length
        return cls(at=at, floor=floor, monotonic_at=clock() + length.total_seconds(), clock=clock)

    def remaining(self) -> timedelta:
        """The remaining time, at least `floor`, since a timeout must not be zero or negative."""
        return max(timedelta(seconds=self._left()), self.floor)

    @property
    def expired(self) -> bool:
        """Whether the time is over. Check it before the start of another task."""
        return self._left() <= 0

    def earlier(self, by: timedelta) -> "InvocationDeadline":
        """The deadline `by` before this one, for work that something has to follow."""
        return replace(self, at=self.at - by, monotonic_at=self.monotonic_at - by.total_seconds())

    def within(self, limit: timedelta) -> timedelta:
        """The remaining time, at most `limit`."""
        return min(self.remaining(), limit)

    def _left(self) -> float:
        return self.monotonic_at - self.clock()

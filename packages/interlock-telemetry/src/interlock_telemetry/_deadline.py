"""How much of a Lambda invocation is left, so that every call can respect it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

from msgspec import Struct

BUFFER = timedelta(milliseconds=500)
FLOOR = timedelta(milliseconds=50)
LONGEST = timedelta(minutes=15)


@runtime_checkable
class LambdaContext(Protocol):
    """The part of Lambda's context object that tells the time left."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is ended."""
        ...


class InvocationDeadline(Struct, frozen=True):
    """When this invocation has to be done: `at`, an instant in UTC, and the same on the monotonic clock.

    The end of the invocation less a buffer, which is left for answering; never nearer than `floor` from its start.
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
        """The deadline that Lambda's `context` tells; any other object means Lambda's longest run (15 minutes)."""
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
        """The time left, never less than `floor`: fit for a timeout, which may not be zero or negative."""
        return max(timedelta(seconds=self._left()), self.floor)

    @property
    def expired(self) -> bool:
        """Whether the time is over; to be asked before beginning another piece of work."""
        return self._left() <= 0

    def within(self, limit: timedelta) -> timedelta:
        """The time left, at most `limit`."""
        return min(self.remaining(), limit)

    def _left(self) -> float:
        return self.monotonic_at - self.clock()

"""Decides when the clocks of a zone change, and which cron fires this moves."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from ._cron import Cron
from ._cron_walls import names
from ._instants import aware, instant, out_of_range

_STEP = timedelta(hours=6)
"""No zone changes its clocks twice within this time."""

_SECOND = timedelta(seconds=1)


class ClockChange(Struct, frozen=True):
    """A change of the clocks of a zone.

    at: the first instant with the new offset (UTC). before, after: the offsets from UTC.
    """

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def goes_forward(self) -> bool:
        """Whether clocks skip some time. Otherwise they show some time twice."""
        return self.after > self.before


class ChangedFire(Struct, frozen=True):
    """A time of a cron that a clock change skips or repeats. wall: the time as written. fire: its only fire (UTC)."""

    wall: datetime
    fire: datetime


def clock_changes(zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[ClockChange]:
    """The changes of a zone's clocks after `after` up to and including `until` (both aware), ascending.

    Raises NaiveTimeError, and TimeRangeError beyond the years 1 to 9999.
    """
    low, end = aware(after).astimezone(UTC), aware(until).astimezone(UTC)
    try:
        while low < end:
            high = min(low + _STEP, end)
            before, new = _offset(low, zone), _offset(high, zone)
            if before != new:
                yield ClockChange(_first_with(new, low, high, zone), before, new)
            low = high
    except OverflowError:
        raise out_of_range(low) from None


def changed_fires(cron: Cron, change: ClockChange, zone: ZoneInfo) -> list[ChangedFire]:
    """The times of a cron that a change skips or repeats, ascending. Each fires once, as `Cron` defines."""
    first = (change.at + min(change.before, change.after)).replace(tzinfo=None)
    last = (change.at + max(change.before, change.after)).replace(tzinfo=None)
    found: list[ChangedFire] = []
    wall = first.replace(second=0, microsecond=0)
    while wall < last:
        if wall >= first and names(cron.fields, wall):
            found.append(ChangedFire(wall, instant(wall, zone)))
        wall += timedelta(minutes=1)
    return found


def _first_with(offset: timedelta, low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The first second after `low` with the offset that `high` has."""
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        low, high = (low, middle) if _offset(middle, zone) == offset else (middle, high)
    return high.replace(microsecond=0)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)

"""Decides which span of time an execution date covers in a zone."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from ._dates import ExecutionDate
from ._instants import instant

_ONE_DAY = timedelta(days=1)
_ONE_HOUR = timedelta(hours=1)
_RESOLUTION = timedelta(seconds=1)  # clocks change at whole seconds


class Period(Struct, frozen=True):
    """A span of time, in UTC. It includes `start` and excludes `end`."""

    start: datetime
    end: datetime


def period_of(date: ExecutionDate, zone: ZoneInfo) -> Period:
    """The day or hour of an execution date, as clocks in `zone` show it.

    A day is 23 or 25 hours long where clocks change. An hour that clocks show twice is one period of both hours, since
    the data of both have the same date. An hour (in Samoa once a day) that clocks skip is empty: `start` equals `end`.
    Periods of successive dates join without gap or overlap.
    """
    start = datetime.combine(date.day, time(date.hour or 0))
    return Period(_first_shown(start, zone), _first_shown(start + (_ONE_HOUR if date.is_hourly else _ONE_DAY), zone))


def _first_shown(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant, in UTC, at which clocks in `zone` show `wall` (naive) or, if they skip it, a later time."""
    found = instant(wall, zone)
    if _shown(found, zone) == wall:
        return found
    # `wall` is in a gap: clocks show an earlier time before the change and a later time after it. A gap may last a day.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while found - before > _RESOLUTION:
        middle = before + (found - before) // 2
        if _shown(middle, zone) < wall:
            before = middle
        else:
            found = middle
    return found.replace(microsecond=0)


def _shown(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)

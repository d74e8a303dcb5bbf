"""Decides which instant a wall-clock time names in a zone, and which datetimes are rejected."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from ._errors import NaiveTimeError, TimeRangeError


def aware(value: datetime) -> datetime:
    """Return an aware datetime unchanged. Raises NaiveTimeError for a datetime without a zone."""
    if value.tzinfo is None or value.utcoffset() is None:
        raise NaiveTimeError(value, "the datetime needs a zone, such as UTC")
    return value


def out_of_range(value: object) -> TimeRangeError:
    """The error for an OverflowError of the datetime module: `value` leads to a year outside its range."""
    return TimeRangeError(value, "it leads to a time before the year 1 or after 9999")


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which clocks in `zone` show `wall` (naive).

    A time that clocks skip moves forward by the length of the gap. A time that they show twice means the first
    instant. PEP 495 defines both for fold=0: the offset from before the change applies.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def instant_on(day: date, clock_time: time, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, of a wall-clock time (naive) on a day, resolved as in `instant`."""
    return datetime.combine(day, clock_time, zone).astimezone(UTC)

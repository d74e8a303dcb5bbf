"""Decides which wall-clock times a cron expression names, forwards and backwards, without zones."""

from bisect import bisect_left, bisect_right
from calendar import isleap
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from ._cron_syntax import LAST, LONGEST_MONTH, CronFields

_ONE_DAY = timedelta(days=1)
_ONE_WEEK = timedelta(weeks=1)
_SATURDAY, _SUNDAY = 6, 7
_FEBRUARY = 2


def names_day(fields: CronFields, day: date) -> bool:
    """Whether the day and month fields name a day. If both day fields are restricted, either of them suffices."""
    if day.month not in fields.months:
        return False
    by_weekday = fields.weekdays is not None or bool(fields.nth)
    if fields.days is None:
        return not by_weekday or _names_weekday(fields, day)
    if day.day in fields.days or (fields.counted and _counts_to(fields, day)):
        return True
    return by_weekday and _names_weekday(fields, day)


def names(fields: CronFields, wall: datetime) -> bool:
    """Whether the expression names this time, which must be on the minute."""
    on_the_minute = not (wall.second or wall.microsecond)
    return on_the_minute and _minute_of(wall) in fields.times and names_day(fields, wall.date())


def walls_on(fields: CronFields, day: date) -> Iterator[datetime]:
    """The times that the expression names on a day, ascending. The day must be a day that the expression names."""
    return (_wall(day, minute) for minute in fields.times)


def backwards(fields: CronFields, start: datetime) -> Iterator[datetime]:
    """The times that the expression names at or before `start`, descending without end."""
    times, day = fields.times, start.date()
    left = bisect_right(times, _minute_of(start)) if names_day(fields, day) else 0
    while True:
        while left:
            left -= 1
            yield _wall(day, times[left])
        day = _day_before(fields, day)
        left = len(times)


def forwards(fields: CronFields, start: datetime) -> Iterator[datetime]:
    """The times that the expression names from the minute of `start` on, ascending without end."""
    times, day = fields.times, start.date()
    position = bisect_left(times, _minute_of(start)) if names_day(fields, day) else len(times)
    while True:
        for minute in times[position:]:
            yield _wall(day, minute)
        day = _day_after(fields, day)
        position = 0


def _counts_to(fields: CronFields, day: date) -> bool:
    """Whether an item such as L-3 or 15W names the day."""
    length = _length_of_month(day)
    for n, is_nearest in fields.counted:
        wanted = n if n > 0 else length + n
        if 1 <= wanted <= length and day.day == (_nearest(day, wanted, length) if is_nearest else wanted):
            return True
    return False


def _nearest(day: date, wanted: int, length: int) -> int:
    """The Monday to Friday nearest to the day `wanted`, always in the same month, as in Quartz."""
    weekday = day.replace(day=wanted).isoweekday()
    if weekday == _SATURDAY:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == _SUNDAY:
        return wanted + 1 if wanted < length else wanted - 2
    return wanted


def _names_weekday(fields: CronFields, day: date) -> bool:
    weekday = day.isoweekday() % 7
    if fields.weekdays is not None:
        return weekday in fields.weekdays
    if (weekday, (day.day + 6) // 7) in fields.nth:
        return True
    return (weekday, LAST) in fields.nth and day.day + 7 > _length_of_month(day)


def _day_before(fields: CronFields, day: date) -> date:
    while True:
        day = (day if day.month in fields.months else day.replace(day=1)) - _ONE_DAY
        if names_day(fields, day):
            return day


def _day_after(fields: CronFields, day: date) -> date:
    while True:
        day = day + _ONE_DAY if day.month in fields.months else _first_of_next_month(day)
        if names_day(fields, day):
            return day


def _length_of_month(day: date) -> int:
    return LONGEST_MONTH[day.month - 1] if day.month != _FEBRUARY or isleap(day.year) else 28


def _first_of_next_month(day: date) -> date:
    return (day.replace(day=28) + _ONE_WEEK).replace(day=1)


def _minute_of(wall: datetime) -> int:
    return 60 * wall.hour + wall.minute


def _wall(day: date, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, minute // 60, minute % 60)  # noqa: DTZ001 - it has no zone yet

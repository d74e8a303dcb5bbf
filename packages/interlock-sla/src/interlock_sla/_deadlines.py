"""Decides when a run is late: the breach and warning instants of both clocks, from the date and the config alone."""

import re
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar
from zoneinfo import ZoneInfo

from msgspec import Struct

from ._calendars import Exclusions
from ._dates import ExecutionDate
from ._errors import DeadlineError, DurationError
from ._instants import aware, instant, instant_on, out_of_range

_TEXT = re.compile(r"([0-9]{2})?:([0-9]{2})")
_ALLOWED = 'write "HH:MM" from 00:00 to 23:59, or ":MM" from :00 to :59'
_ONE_DAY = timedelta(days=1)
_ONE_HOUR = timedelta(hours=1)
_NO_TIME = timedelta(0)
_WARNING_SHARE = 0.75


class Clock(StrEnum):
    """One of two independent SLA clocks: a wall-clock deadline, or a span from the first sensor's arrival."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"


class Deadline(Struct, frozen=True):
    """The instants of one clock, in UTC.

    breach_at: a success must come before it. warning_at: None without a warning.
    moved_from: the original instant of a deadline that moved over excluded days, None for a deadline that did not move.
    """

    clock: Clock
    breach_at: datetime
    warning_at: datetime | None = None
    moved_from: datetime | None = None


class DormantDays(Struct, frozen=True):
    """The days over which deadlines move: the excluded days of the schedule, in the schedule's zone.

    LONGEST_MOVE: the largest move of a deadline. If it would move further, its date has no absolute clock.
    """

    LONGEST_MOVE: ClassVar[timedelta] = timedelta(days=31)

    exclusions: Exclusions
    zone: ZoneInfo

    def holds(self, moment: datetime) -> bool:
        """Whether nothing starts on the day of this instant (aware)."""
        return self.exclusions.excludes(moment.astimezone(self.zone).date())


def parse_deadline(text: str) -> str:
    """Return a valid deadline, "HH:MM" (00:00 to 23:59) or ":MM" (minute of an hour). Raises DeadlineError."""
    _read(text)
    return text


def absolute_deadline(
    deadline: str,
    date: ExecutionDate,
    zone: ZoneInfo,
    *,
    cron_fire: datetime | None,
    expected: timedelta | None,
    dormant: DormantDays | None = None,
) -> Deadline | None:
    """The absolute clock of an execution date. It depends on the date, the config and the calendars alone.

    deadline: "HH:MM" or ":MM", a wall-clock time in `zone`.
    cron_fire: the cron fire of the execution date (aware), None for a pipeline without cron.
    expected: the expected duration of the run. The warning comes this long before the breach, None means no warning.
    dormant: the days over which the deadline moves, None for a deadline that never moves.

    HH:MM with a daily date means the day after or, with a cron fire, the first HH:MM at or after the fire. HH:MM with
    an hourly date means the first HH:MM at or after the end of the hour. :MM is in the hour after an hourly date, or
    00:MM of the day after a daily date. A time that clocks skip moves forward by the gap. A time that they show twice
    means the first instant.
    A deadline on an excluded day moves by calendar days, at the same time of day in `zone`, to the next open day
    (docs/reference/sla.md §5). Returns None if it would move by more than
    DormantDays.LONGEST_MOVE.
    Raises DeadlineError, NaiveTimeError, DurationError for a negative `expected`, TimeRangeError.
    """
    named, breach = _due(deadline, date, zone, cron_fire, dormant)
    if breach is None:
        return None
    warning = None if expected is None else _before(breach, expected)
    return Deadline(Clock.ABSOLUTE, breach, warning, None if named == breach else named)


def relative_deadline(arrival: datetime, max_duration: timedelta, *, expected: timedelta | None) -> Deadline:
    """The relative clock: breach `max_duration` after the first sensor's arrival (aware), in elapsed time.

    The warning comes `expected` before the breach or, without `expected`, after 75 % of the span.
    Raises NaiveTimeError, DurationError for a span that is not positive or a negative `expected`, TimeRangeError.
    """
    if max_duration <= _NO_TIME:
        raise DurationError(str(max_duration), "the longest duration must be positive")
    try:
        start = aware(arrival).astimezone(UTC)
        breach = start + max_duration
    except OverflowError:
        raise out_of_range(str(max_duration)) from None
    warning = start + max_duration * _WARNING_SHARE if expected is None else _before(breach, expected)
    return Deadline(Clock.RELATIVE, breach, warning)


def trigger_deadline(
    deadline: str,
    date: ExecutionDate,
    zone: ZoneInfo,
    *,
    cron_fire: datetime | None = None,
    dormant: DormantDays | None = None,
) -> datetime | None:
    """The end of the auto-trigger window of an execution date, in UTC, resolved and moved as an absolute deadline.

    None if it would move by more than DormantDays.LONGEST_MOVE. Raises DeadlineError, NaiveTimeError, TimeRangeError.
    """
    return _due(deadline, date, zone, cron_fire, dormant)[1]


def _due(
    deadline: str, date: ExecutionDate, zone: ZoneInfo, cron_fire: datetime | None, dormant: DormantDays | None
) -> tuple[datetime, datetime | None]:
    """The instant that a deadline names, and its instant on the first open day from there on (None if too far)."""
    fire = None if cron_fire is None else aware(cron_fire)
    try:
        wall = _resolve(deadline, date, zone, fire)
        named = instant(wall, zone)
        return named, named if dormant is None else _moved(wall, named, zone, dormant)
    except OverflowError:
        raise out_of_range(str(fire or date)) from None


def _moved(wall: datetime, at: datetime, zone: ZoneInfo, dormant: DormantDays) -> datetime | None:
    last = wall + dormant.LONGEST_MOVE
    while dormant.holds(at):
        wall += _ONE_DAY
        if wall > last:
            return None
        at = instant(wall, zone)
    return at


def _before(breach: datetime, expected: timedelta) -> datetime:
    if expected < _NO_TIME:
        raise DurationError(str(expected), "the expected duration must not be negative")
    try:
        return breach - expected
    except OverflowError:
        raise out_of_range(str(expected)) from None


def _resolve(deadline: str, date: ExecutionDate, zone: ZoneInfo, cron_fire: datetime | None) -> datetime:
    """The wall-clock time (naive) in `zone` that a deadline names."""
    is_of_an_hour, clock_time = _read(deadline)
    if date.hour is not None:
        end = datetime.combine(date.day, time(date.hour)) + _ONE_HOUR
        if is_of_an_hour:
            return end.replace(minute=clock_time.minute)
        return _first_at_or_after(instant(end, zone), clock_time, zone)
    if is_of_an_hour or cron_fire is None:
        return datetime.combine(date.day + _ONE_DAY, clock_time)
    return _first_at_or_after(cron_fire, clock_time, zone)


def _first_at_or_after(moment: datetime, clock_time: time, zone: ZoneInfo) -> datetime:
    """The wall-clock time (naive) of the first instant at or after `moment` that `clock_time` names in `zone`."""
    day = moment.astimezone(zone).date() - _ONE_DAY  # a gap can move yesterday's time past midnight
    while instant_on(day, clock_time, zone) < moment:
        day += _ONE_DAY
    return datetime.combine(day, clock_time)


def _read(text: str) -> tuple[bool, time]:
    """Whether the deadline is a minute of an hour (":MM"), and its time of day."""
    if not isinstance(text, str):  # before the cache, which cannot hash a list
        raise DeadlineError(text, _ALLOWED)
    return _read_text(text)


@lru_cache(maxsize=4096)
def _read_text(text: str) -> tuple[bool, time]:
    match = _TEXT.fullmatch(text)
    if match is None or int(match[1] or 0) > 23 or int(match[2]) > 59:
        raise DeadlineError(text, _ALLOWED)
    return match[1] is None, time(int(match[1] or 0), int(match[2]))

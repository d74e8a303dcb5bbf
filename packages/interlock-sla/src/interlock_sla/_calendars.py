"""Decides which days a pipeline skips: weekends, single dates and the days of named calendars, except workdays."""

from collections.abc import Iterable
from datetime import date, datetime

from msgspec import Struct

from ._errors import CalendarError

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SATURDAY = 5


class Calendar(Struct, frozen=True):
    """A named set of days on which nothing runs.

    days: weekdays as in `date.weekday()`, 0 = Monday to 6 = Sunday.
    dates: single dates.
    workdays: dates that this calendar leaves open, such as a working Saturday.
    Raises CalendarError for an empty name, any other weekday number, or a date that is not a plain `date`.
    """

    name: str
    days: frozenset[int] = frozenset()
    dates: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if not self.name:
            raise CalendarError(self.name, "a calendar needs a name")
        for day in self.days:
            if not isinstance(day, int) or not 0 <= day <= 6:
                raise CalendarError(day, "weekdays go from 0 (Monday) to 6 (Sunday)")
        for each in (*self.dates, *self.workdays):
            _day(each)

    def covers(self, day: date) -> bool:
        """Whether this calendar alone excludes the day. Raises CalendarError for a datetime."""
        return _day(day) not in self.workdays and (day.weekday() in self.days or day in self.dates)


class Exclusions(Struct, frozen=True):
    """The days a pipeline skips: weekends, dates of its own, and the days of its calendars, except workdays.

    The more exact statement about a day decides, and the pipeline's own statement comes before its calendars'
    (docs/reference/pipeline-file.md §9). The order is: the pipeline's workdays, the pipeline's dates, single dates of a
    calendar (except workdays of the same calendar), the workdays of any calendar, and last weekends and the weekdays of
    calendars. So a calendar's workday opens a Saturday for pipelines with `weekends`. It never opens a date that the
    pipeline itself or another calendar excludes.
    Raises CalendarError for a date that is not a plain `date`.
    """

    weekends: bool = False
    dates: frozenset[date] = frozenset()
    calendars: tuple[Calendar, ...] = ()
    workdays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        for day in (*self.dates, *self.workdays):
            _day(day)

    def excludes(self, day: date) -> bool:
        """Whether nothing runs on this local calendar day. Raises CalendarError for a datetime."""
        return self.reason(day) is not None

    def reason(self, day: date) -> str | None:
        """The reason why nothing runs on this day: "weekend", "excluded date" or "calendar NAME". None for an open day.

        Raises CalendarError for a datetime.
        """
        if _day(day) in self.workdays:
            return None
        if day in self.dates:
            return "excluded date"
        is_weekend = self.weekends and day.weekday() >= _SATURDAY
        if not self.calendars:
            return "weekend" if is_weekend else None
        covering = [calendar for calendar in self.calendars if calendar.covers(day)]
        is_workday = any(day in calendar.workdays for calendar in self.calendars)
        named = [calendar for calendar in covering if day in calendar.dates] if is_workday else covering
        if is_weekend and not is_workday:
            return "weekend"
        return f"calendar {named[0].name}" if named else None

    @property
    def is_empty(self) -> bool:
        """Whether no day at all is excluded."""
        return not (self.weekends or self.dates or any(one.days or one.dates for one in self.calendars))


def parse_weekday(text: str) -> int:
    """The number of a weekday's English name in any letter case, 0 = Monday. Raises CalendarError."""
    name = text.lower() if isinstance(text, str) else ""
    if name not in _WEEKDAYS:
        raise CalendarError(text, "write a weekday: " + ", ".join(_WEEKDAYS))
    return _WEEKDAYS.index(name)


def recent_inclusions(dates: Iterable[date], today: date, count: int = 3) -> tuple[date, ...]:
    """The last `count` inclusion dates up to and including `today`, oldest first.

    Raises CalendarError for datetimes.
    """
    last = _day(today)
    due = sorted({day for day in dates if _day(day) <= last})
    return tuple(due[-count:]) if count > 0 else ()


def _day(day: date) -> date:
    """Return a plain date unchanged. A datetime or a text never equals a date, so it would exclude nothing."""
    if isinstance(day, datetime):
        raise CalendarError(day, "a day is needed, not a time: take its date in the pipeline's zone")
    if not isinstance(day, date):
        raise CalendarError(day, "a day is needed: a datetime.date")
    return day

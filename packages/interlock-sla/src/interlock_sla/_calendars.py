"""Decides which days a pipeline skips: weekends, single dates and the days of named calendars, without workdays."""

from collections.abc import Iterable
from datetime import date, datetime

from msgspec import Struct

from ._errors import CalendarError

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SATURDAY = 5


class Calendar(Struct, frozen=True):
    """A named set of days on which nothing runs.

    days: weekdays as `date.weekday()` counts them, 0 = Monday to 6 = Sunday.
    dates: single dates.
    workdays: dates that this calendar does not exclude after all, such as a working Saturday.
    Raises CalendarError for an empty name, another weekday number, or a date that is a datetime or no date at all.
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
        """Whether this calendar alone excludes the day; raises CalendarError for a datetime."""
        return _day(day) not in self.workdays and (day.weekday() in self.days or day in self.dates)


class Exclusions(Struct, frozen=True):
    """The days a pipeline skips: weekends, dates of its own, and the days of its calendars, without workdays.

    The more exact statement about a day counts, and the pipeline's own before its calendars'
    (docs/reference/pipeline-file.md §9):
    its workdays, its dates, single dates of a calendar (without the workdays of that calendar), the workdays of any
    calendar, and last the weekdays: weekends and calendars' days. So a calendar's workday opens a Saturday for
    pipelines with `weekends`, but never a date that the pipeline itself or another calendar names as excluded.
    Raises CalendarError for a date that is a datetime or no date at all.
    """

    weekends: bool = False
    dates: frozenset[date] = frozenset()
    calendars: tuple[Calendar, ...] = ()
    workdays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        for day in (*self.dates, *self.workdays):
            _day(day)

    def excludes(self, day: date) -> bool:
        """Whether nothing runs on this day, a local calendar day; raises CalendarError for a datetime."""
        return self.reason(day) is not None

    def reason(self, day: date) -> str | None:
        """Why nothing runs on this day: "weekend", "excluded date", "calendar NAME"; None when it is not excluded.

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
    """The number of a weekday's English name in any letter case, 0 = Monday; raises CalendarError."""
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
    """Pass a day through. A datetime or a text equals no day, so a day excluded by it would not be seen."""
    if isinstance(day, datetime):
        raise CalendarError(day, "a day is needed, not a time: take its date in the pipeline's zone")
    if not isinstance(day, date):
        raise CalendarError(day, "a day is needed: a datetime.date")
    return day

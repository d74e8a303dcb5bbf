"""Decides which days a pipeline skips: weekends, single dates and the days of named calendars."""

from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from ._errors import CalendarError

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SATURDAY = 5


class Calendar(Struct, frozen=True):
    """A named set of days on which nothing runs.

    days: weekdays as `date.weekday()` counts them, 0 = Monday to 6 = Sunday.
    dates: single dates.
    Raises CalendarError for an empty name or another weekday number.
    """

    name: str
    days: frozenset[int] = frozenset()
    dates: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if not self.name:
            raise CalendarError(self.name, "a calendar needs a name")
        for day in self.days:
            if not 0 <= day <= 6:
                raise CalendarError(day, "weekdays go from 0 (Monday) to 6 (Sunday)")

    def covers(self, day: date) -> bool:
        """Whether the calendar names this day."""
        return day.weekday() in self.days or day in self.dates


class Exclusions(Struct, frozen=True):
    """The days a pipeline skips: weekends, dates of its own, and every day of its calendars."""

    weekends: bool = False
    dates: frozenset[date] = frozenset()
    calendars: tuple[Calendar, ...] = ()

    def excludes(self, day: date) -> bool:
        """Whether nothing runs on this day (a local calendar day)."""
        return self.reason(day) is not None

    def reason(self, day: date) -> str | None:
        """Why nothing runs on this day: "weekend", "excluded date", "calendar NAME"; None when it is not excluded."""
        if self.weekends and day.weekday() >= _SATURDAY:
            return "weekend"
        if day in self.dates:
            return "excluded date"
        return next((f"calendar {calendar.name}" for calendar in self.calendars if calendar.covers(day)), None)


def parse_weekday(text: str) -> int:
    """The number of a weekday's English name in any letter case, 0 = Monday; raises CalendarError."""
    name = text.lower() if isinstance(text, str) else ""
    if name not in _WEEKDAYS:
        raise CalendarError(text, "write a weekday: " + ", ".join(_WEEKDAYS))
    return _WEEKDAYS.index(name)


def recent_inclusions(dates: Iterable[date], today: date, count: int = 3) -> tuple[date, ...]:
    """The last `count` inclusion dates up to and including `today`, oldest first."""
    due = sorted({day for day in dates if day <= today})
    return tuple(due[-count:]) if count > 0 else ()

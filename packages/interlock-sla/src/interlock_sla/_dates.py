"""Decides which execution date a text names: a wall-clock day or hour, not an instant."""

import re
from datetime import date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from msgspec import Struct

from ._errors import ExecutionDateError
from ._instants import aware, out_of_range

_TEXT = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}))?")
_ONE_DAY = timedelta(days=1)
# Zone arithmetic needs room on both sides. A "9999-12-31" in a sensor means "never", not a day.
_FIRST_YEAR, _LAST_YEAR = 1900, 9998


class ExecutionDate(Struct, frozen=True):
    """The day or hour that a run processes. It has no zone, since it names a date of the data and not an instant.

    day: the calendar day, in the years 1900 to 9998.
    hour: 0 to 23 for an hourly run, None for a daily run.
    Dates order by day, then by hour. A day comes before its hours. Raises ExecutionDateError.
    """

    day: date
    hour: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.day, datetime):
            raise ExecutionDateError(self.day, "a day is needed, not a time: take its date in the pipeline's zone")
        if not isinstance(self.day, date):
            raise ExecutionDateError(self.day, "a day is needed: a datetime.date; parse_execution_date reads text")
        if not _FIRST_YEAR <= self.day.year <= _LAST_YEAR:
            raise ExecutionDateError(str(self.day), f"use the years {_FIRST_YEAR} to {_LAST_YEAR}")
        if self.hour is not None and not (type(self.hour) is int and 0 <= self.hour <= 23):
            raise ExecutionDateError(self.hour, "hours are whole numbers from 0 to 23")

    def __str__(self) -> str:
        return self.day.isoformat() if self.hour is None else f"{self.day.isoformat()}T{self.hour:02}"

    def __lt__(self, other: Self) -> bool:
        return self._order < other._order

    def __le__(self, other: Self) -> bool:
        return self._order <= other._order

    def __gt__(self, other: Self) -> bool:
        return self._order > other._order

    def __ge__(self, other: Self) -> bool:
        return self._order >= other._order

    @property
    def is_hourly(self) -> bool:
        """Whether it names an hour rather than a day."""
        return self.hour is not None

    @property
    def compact(self) -> str:
        """The form without dashes: "20260303" or "20260303T07"."""
        return str(self).replace("-", "")

    def next(self) -> "ExecutionDate":
        """The following calendar day, or the following hour of the clock (23 is followed by the next day's 0)."""
        if self.hour is None or self.hour == 23:
            return ExecutionDate(self.day + _ONE_DAY, None if self.hour is None else 0)
        return ExecutionDate(self.day, self.hour + 1)

    def previous(self) -> "ExecutionDate":
        """The previous calendar day, or the previous hour of the clock."""
        if self.hour is None or self.hour == 0:
            return ExecutionDate(self.day - _ONE_DAY, None if self.hour is None else 23)
        return ExecutionDate(self.day, self.hour - 1)

    def shifted(self, steps: int) -> "ExecutionDate":
        """The date `steps` days later (negative: earlier). An hourly date moves by hours of the clock.

        Raises ExecutionDateError for a result outside the years 1900 to 9998.
        """
        try:
            if self.hour is None:
                return ExecutionDate(self.day + _ONE_DAY * steps)
            moved = datetime.combine(self.day, time(self.hour)) + timedelta(hours=steps)
        except OverflowError:
            raise ExecutionDateError(str(self), f"use the years {_FIRST_YEAR} to {_LAST_YEAR}") from None
        return ExecutionDate(moved.date(), moved.hour)

    @property
    def _order(self) -> tuple[date, int]:
        return self.day, -1 if self.hour is None else self.hour


def parse_execution_date(text: str) -> ExecutionDate:
    """Read "2026-03-03" or "2026-03-03T07", in exactly this form. Raises ExecutionDateError."""
    match = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ExecutionDateError(text, "write YYYY-MM-DD, or YYYY-MM-DDTHH for an hour")
    year, month, day, hour = match.groups()
    try:
        return ExecutionDate(date(int(year), int(month), int(day)), None if hour is None else int(hour))
    except ExecutionDateError:
        raise
    except ValueError:
        raise ExecutionDateError(text, "this day does not exist") from None


def execution_day(now: datetime, zone: ZoneInfo) -> ExecutionDate:
    """The daily execution date of an instant: its day by the wall clock of `zone`.

    now: an aware instant, the time of the record, so that a redelivery gives the same date.
    Raises NaiveTimeError, and ExecutionDateError or TimeRangeError for `now` outside the years 1900 to 9998.
    """
    try:
        return ExecutionDate(aware(now).astimezone(zone).date())
    except OverflowError:
        raise out_of_range(now) from None

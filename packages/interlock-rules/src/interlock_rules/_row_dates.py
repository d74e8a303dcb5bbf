"""Decides which execution date a sensor row names, and whether the row counts for a run's date."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct

from interlock_sla import ExecutionDate, ExecutionDateError

from ._wording import shown

DATE_FORMS = "YYYY-MM-DD or YYYYMMDD, with THH for an hour, or an ISO date-time at midnight"
HOUR_FORMS = "a whole number from 0 to 23"

_DAY = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_COMPACT_DAY = r"([0-9]{4})([0-9]{2})([0-9]{2})"
_HOUR = r"(?:T([0-9]{2}))?"
_MIDNIGHT = r"[Tt ]00:?00(?::?00(?:[.,]0+)?)?(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
_FORMS = tuple(re.compile(form) for form in (_DAY + _HOUR, _COMPACT_DAY + _HOUR))
_MIDNIGHTS = tuple(re.compile(form + _MIDNIGHT) for form in (_DAY, _COMPACT_DAY))
_NUMBER = r"(?:19|2[0-9])[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
# A number of eight digits in a key is often an identifier. It is read as a date only if it could be a day, alone or
# followed by a time. A part that begins like a day with separators is meant as a date in any case.
_DATE_LIKE = re.compile(
    r"\s*(?:\w*=)?(?:[0-9]{4}[-/._][0-9]{1,2}[-/._][0-9]{1,2}(?![0-9])"
    rf"|{_NUMBER}(?:(?:[01][0-9]|2[0-3])(?:[0-5][0-9]){{0,2}})?(?![0-9A-SU-Ya-su-y]))"
)
_ABSENT = object()


class UnreadableDate(Struct, frozen=True):
    """The date of a sensor row that cannot be read or that contradicts itself. Such a row counts for no run.

    field: the wrong place: "date", "hour", or "key" for a part of the row's key.
    value: its value as read. problem: a predicate for a sentence, with the allowed forms.
    """

    field: str
    value: object
    problem: str

    def __str__(self) -> str:
        return f"{self.field} is {shown(self.value)}, which {self.problem}"


RowDate: TypeAlias = ExecutionDate | UnreadableDate | None
"""The date that a row names. None: the row names no date at all."""


def row_date(key: str, fields: Mapping[str, object]) -> RowDate:
    """The execution date that a sensor row names, by its fields `date` and `hour`, otherwise by its key.

    key: the row's key, such as `landing` or `landing#2026-03-03`. The last part behind a `#` that is like a date is the
    date of the key. fields: the sensor's fields.
    A row without a date gives None, and its `hour` is ignored. Fields and key contradict each other if their days
    differ, or if both name an hour and the hours differ. Otherwise the more precise date counts.
    """
    value = fields.get("date", _ABSENT)
    suffix = _suffix_date(key.partition("#")[2]) if "#" in key else None
    if value is _ABSENT:
        return (
            suffix if suffix is None or isinstance(suffix, UnreadableDate) else _with_hour(suffix, fields.get("hour"))
        )
    hour = fields.get("hour")
    named = _of_texts(value, hour) if type(value) is str and type(hour) is str else _of_fields(value, hour)
    if suffix is None or isinstance(named, UnreadableDate):
        return named
    return suffix if isinstance(suffix, UnreadableDate) else _agreed(named, suffix, value)


def counts_for(named: RowDate, wanted: ExecutionDate) -> bool:
    """Whether a row that names `named` counts for the run of the date `wanted`.

    A row without a date counts for every run. A row of an hour counts for that hour and for its day's daily run.
    A row of a day counts for the day and for all its hours. An unreadable date counts for nothing.
    """
    if named is None:
        return True
    if isinstance(named, UnreadableDate) or named.day != wanted.day:
        return False
    return named.hour is None or wanted.hour is None or named.hour == wanted.hour


@lru_cache(maxsize=4096)
def _of_texts(date: str, hour: str) -> ExecutionDate | UnreadableDate:
    """The cached form of `_of_fields`, since rows of one period repeat the same two texts."""
    return _of_fields(date, hour)


def _of_fields(value: object, hour: object) -> ExecutionDate | UnreadableDate:
    text = value if isinstance(value, str) else _eight_digits(value)
    day = _read_text(text)
    if day is None:
        return UnreadableDate("date", value, _problem(text))
    return _with_hour(day, hour)


def _problem(text: str) -> str:
    """The problem of a text that names no date: its form, or the day itself."""
    if any(form.fullmatch(text) for form in (*_FORMS, *_MIDNIGHTS)):
        return "is not a day or hour from 1900 to 9998"
    return f"is not {DATE_FORMS}"


def _with_hour(day: ExecutionDate, hour: object) -> ExecutionDate | UnreadableDate:
    if hour is None or hour == "":
        return day
    number = _read_hour(hour)
    if number is None:
        return UnreadableDate("hour", hour, f"is not {HOUR_FORMS}")
    if day.hour is not None and day.hour != number:
        return UnreadableDate("hour", hour, f"contradicts the date {day}")
    return ExecutionDate(day.day, number)


def _agreed(named: ExecutionDate, suffix: ExecutionDate, value: object) -> ExecutionDate | UnreadableDate:
    if named.day != suffix.day:
        return UnreadableDate("date", value, f"contradicts the key's {suffix}")
    if named.hour is not None and suffix.hour is not None and named.hour != suffix.hour:
        return UnreadableDate("hour", named.hour, f"contradicts the key's {suffix}")
    return named if named.hour is not None else suffix


@lru_cache(maxsize=4096)
def _read_text(text: str) -> ExecutionDate | None:
    for form in _FORMS:
        if match := form.fullmatch(text):
            return _execution_date(*match.groups())
    for form in _MIDNIGHTS:
        if match := form.fullmatch(text):
            return _execution_date(match[1], match[2], match[3], None)
    return None


@lru_cache(maxsize=4096)
def _suffix_date(suffix: str) -> ExecutionDate | UnreadableDate | None:
    """The date that a key names behind its first `#`. None if no part of it is like a date."""
    part = next((part for part in reversed(suffix.split("#")) if _DATE_LIKE.match(part)), None)
    if part is None:
        return None  # the suffix is a part of the sensor's name
    return _read_text(part) or UnreadableDate("key", part, _problem(part))


def _execution_date(year: str, month: str, day: str, hour: str | None) -> ExecutionDate | None:
    try:
        return ExecutionDate(date(int(year), int(month), int(day)), None if hour is None else int(hour))
    except (ValueError, ExecutionDateError):
        return None


def _read_hour(value: object) -> int | None:
    if isinstance(value, str):
        number = int(value) if re.fullmatch("[0-9]{1,2}", value) else -1
    else:
        number = _whole(value, digits=2)
    return number if 0 <= number <= 23 else None


def _eight_digits(value: object) -> str:
    """A whole number of eight digits as text (DynamoDB gives Decimals), an empty text for any other value."""
    number = _whole(value, digits=8)
    return str(number) if number >= 10_000_000 else ""


def _whole(value: object, digits: int) -> int:
    """A whole number of at most `digits` digits, -1 for any other value."""
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        value = int(value) if value.adjusted() < digits else -1
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**digits else -1

"""Decides which instant a sensor's timestamp names; what names none is None."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal

from interlock_sla import NaiveTimeError

from ._numbers import to_number

_MILLISECONDS_FROM = 10**12
_FIRST_DAY_AS_NUMBER, _DAYS_AS_NUMBERS_END = 1900_01_01, 2200_01_01
_instant_of = datetime.fromtimestamp


def parse_timestamp(value: object) -> datetime | None:
    """The instant (UTC) of a timestamp, None when it names none.

    Epoch seconds, or milliseconds from 1e12 on, as number or numeral; ISO 8601 with or without fraction,
    zone and time (a naive one is UTC, a day alone its midnight), and without dashes when it has a time;
    datetimes and dates alike. A number such as 20260303 is a day that would pass for a moment of August 1970:
    it names none.
    """
    kind = type(value)
    if kind is int:
        return _from_epoch(value)  # type: ignore[arg-type]
    if kind is str and (value[4:5] == "-" or value[8:9] in ("T", "t")):  # type: ignore[index]
        return _from_iso(value)  # type: ignore[arg-type]
    number = to_number(value)
    if number is not None:
        return _from_epoch(number)
    if isinstance(value, datetime):
        return _in_utc(value)
    return datetime.combine(value, time(), UTC) if isinstance(value, date) else None


def updated_at(fields: Mapping[str, object]) -> datetime | None:
    """When the sensor was last written: the instant (UTC) of its `updatedAt` field, None without a readable one."""
    return parse_timestamp(fields.get("updatedAt"))


def naive(now: datetime) -> NaiveTimeError:
    """The error for a `now` without zone; it would fail at the first age, so it is refused whatever the rules ask."""
    return NaiveTimeError(now, "the datetime needs a zone, such as UTC")


def _from_iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        upper = text.upper()  # RFC 3339 allows "t" and "z"
        return _from_iso(upper) if upper != text else None
    return moment if moment.tzinfo is UTC else _in_utc(moment)


def _from_epoch(number: int | float | Decimal) -> datetime | None:
    try:
        if _FIRST_DAY_AS_NUMBER <= number < _DAYS_AS_NUMBERS_END:
            return None
        seconds = number if number < _MILLISECONDS_FROM else number / 1000
        return _instant_of(seconds if type(seconds) is int else float(seconds), UTC)
    except (ArithmeticError, ValueError, OSError):  # before the year 1 or after 9999; which one depends on the system
        return None


def _in_utc(value: datetime) -> datetime | None:
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        return None

"""Decides which instant a sensor's timestamp names, and which values name no instant."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal

from interlock_sla import NaiveTimeError

from ._numbers import to_number

_MILLISECONDS_FROM = 10**12
_FIRST_DAY_AS_NUMBER, _DAYS_AS_NUMBERS_END = 1900_01_01, 2200_01_01
_instant_of = datetime.fromtimestamp


def parse_timestamp(value: object) -> datetime | None:
    """The instant (UTC) of a timestamp, None for a value that names no instant.

    An instant is written as epoch seconds (from 1e12 on milliseconds), as a number or numeral, or as ISO 8601 with or
    without fraction, zone and time (without dashes only if it has a time). Datetimes and dates are read too. A time
    without zone is UTC. A day alone means its midnight. A number such as 20260303 names no instant: it is a day, but as
    epoch seconds it would be in August 1970.
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
    """The time of the sensor's last write: its `updatedAt` field as an instant (UTC), None if it cannot be read."""
    return parse_timestamp(fields.get("updatedAt"))


def naive(now: datetime) -> NaiveTimeError:
    """The error for a `now` without zone. The first age check would fail, so it is rejected for all rules alike."""
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
    except (
        ArithmeticError,
        ValueError,
        OSError,
    ):  # the error for years outside 1 to 9999 depends on the system
        return None


def _in_utc(value: datetime) -> datetime | None:
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        return None

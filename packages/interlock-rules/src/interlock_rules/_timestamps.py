"""Decides which instant a sensor's timestamp names; what names none is None."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from ._numbers import to_number

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 10**12
_LATEST_MILLISECOND = 253_402_300_800_000


def parse_timestamp(value: object) -> datetime | None:
    """The instant (UTC) of a timestamp, None when it names none.

    Epoch seconds, or milliseconds from 1e12 on, as number or numeral; ISO 8601 with or without fraction,
    zone and time (a naive one is UTC, a day alone its midnight); datetimes and dates alike.
    """
    if isinstance(value, str) and value[4:5] == "-":
        return _from_iso(value)
    number = to_number(value)
    if number is not None:
        return _from_epoch(number)
    if isinstance(value, datetime):
        return _in_utc(value)
    return datetime.combine(value, time(), UTC) if isinstance(value, date) else None


def updated_at(fields: Mapping[str, object]) -> datetime | None:
    """When the sensor was last written: the instant (UTC) of its `updatedAt` field, None without a readable one."""
    return parse_timestamp(fields.get("updatedAt"))


def _from_iso(text: str) -> datetime | None:
    try:
        return _in_utc(datetime.fromisoformat(text.upper()))
    except ValueError:
        return None


def _from_epoch(number: int | float | Decimal) -> datetime | None:
    if not -_MILLISECONDS_FROM < number < _LATEST_MILLISECOND:
        return None
    if number < _MILLISECONDS_FROM:
        return _after_epoch(milliseconds=number * 1000)
    return _after_epoch(milliseconds=number)


def _after_epoch(milliseconds: int | float | Decimal) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=round(milliseconds * 1000))
    except OverflowError:
        return None


def _in_utc(value: datetime) -> datetime | None:
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        return None

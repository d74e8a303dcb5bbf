"""The values of rows: times, counts and texts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from interlock_lifecycle.events import cut_text
from interlock_store._rows._keys import MalformedRow

LONG_AGO = datetime.fromtimestamp(0, UTC)


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, of one width, so that text sorts as time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: object, pk: str, sk: str) -> datetime:
    """A time that format_time or another writer wrote in RFC 3339."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise MalformedRow(pk, sk, f"{text!r} is not a time in RFC 3339") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def epoch(moment: datetime) -> int:
    """Whole epoch seconds, the form of TTL attributes."""
    return int(moment.timestamp())


def texts(value: object) -> dict[str, str]:
    """A map of strings. Any other value counts as empty."""
    return {str(name): str(text) for name, text in value.items()} if isinstance(value, Mapping) else {}


def milliseconds(moment: datetime) -> int:
    """Epoch milliseconds."""
    return int(moment.timestamp() * 1000)


def cut(value: object) -> str | None:
    """The text of an external writer, cut to a length that fits into an event and into Interlock's rows."""
    return None if value is None else cut_text(str(value))


def time_or_none(text: object, row: Mapping[str, Any]) -> datetime | None:
    """The time that a text names. None for any other value, since external writers add attributes of their own."""
    try:
        return parse_time(text, row["PK"], row["SK"])
    except MalformedRow:
        return None


_MOST_COUNTED = 10**12


def whole(value: Any, *, otherwise: int) -> int:
    """A whole number of a row within the range of a count, otherwise `otherwise`."""
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value < _MOST_COUNTED:
        return otherwise
    return int(value) if value == value.to_integral_value() else otherwise

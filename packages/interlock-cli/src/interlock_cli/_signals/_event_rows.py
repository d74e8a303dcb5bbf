"""Reads a row of the events table for a person or a program. A row with invalid values is shown with its problem."""

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn

from msgspec import Struct

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = 13
"""Digits of the milliseconds with which the sort key of an event begins."""

_HIDDEN = frozenset({"PK", "SK", "ttl"})
_REQUIRED = ("timestamp", "eventType", "pipelineId")
_SHOWN_CHARACTERS = 80


class EventRow(Struct, frozen=True):
    """A row of the events table.

    at: the time of the decision (UTC). None if the row has no readable time.
    problem: the invalid and missing values, or "".
    wire: the row for programs. Invalid values are null there, and its `raw` has them as the row has them.
    """

    at: datetime | None
    type: str
    pipeline: str
    date: str
    message: str
    problem: str
    wire: dict[str, Any]


def read_event(row: Mapping[str, Any]) -> EventRow:
    """The event of a row. It raises no error, whatever the attributes of the row are."""
    values: dict[str, Any] = dict.fromkeys(_REQUIRED)
    problems = {name: "is missing" for name in _REQUIRED if name not in row}
    for name, value in row.items():
        if name not in _HIDDEN:
            try:
                values[name] = _READ.get(name, _unread)(value)
            except (ValueError, ArithmeticError, RecursionError) as error:
                values[name], problems[name] = None, _reason(error, value)
    stamp = values["timestamp"]
    problem = ", ".join(f"{name} {says}" for name, says in problems.items())
    raw = {name: row[name] for name in problems if name in row}
    return EventRow(
        at=None if stamp is None else _EPOCH + timedelta(milliseconds=stamp),
        type=values["eventType"] or "?",
        pipeline=values["pipelineId"] or str(row["PK"]),
        date=values.get("date") or "",
        message=values.get("message") or "",
        problem=problem,
        wire=values | ({"unreadable": problem, "raw": raw, "key": f"{row['PK']} / {row['SK']}"} if problem else {}),
    )


def written_at(row: Mapping[str, Any]) -> int | None:
    """The milliseconds in the sort key of a row. None if it does not begin with them."""
    digits = str(row["SK"]).partition("#")[0]
    return int(digits) if len(digits) == _DIGITS and digits.isascii() and digits.isdigit() else None


def _reason(error: Exception, value: object) -> str:
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    text = repr(value)
    return f"{error}: {text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + '…'}"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is not a text")
    return value


def _milliseconds(value: object) -> int:
    if not isinstance(value, Decimal) or not value.is_finite() or value != value.to_integral_value():
        raise ValueError("is not a whole number of milliseconds")
    try:
        _EPOCH + timedelta(milliseconds=int(value))
    except OverflowError:
        raise ValueError("is a time out of range") from None
    return int(value)


def _detail(value: object) -> dict[str, Any]:
    """The detail as the event sink writes it: the text of a JSON object."""
    try:
        found = json.loads(_text(value), parse_constant=_reject_constant, parse_float=_finite)
    except json.JSONDecodeError:
        raise ValueError("is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError("is not a JSON object")
    return found


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"has {name}, which is not JSON")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError("has a number out of range")
    return number


def _unread(value: object) -> object:
    return value


_READ: dict[str, Callable[[object], Any]] = {
    "timestamp": _milliseconds,
    "detail": _detail,
    **dict.fromkeys(("eventType", "eventId", "pipelineId", "scheduleId", "date", "runToken", "message"), _text),
}

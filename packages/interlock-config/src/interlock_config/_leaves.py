"""What is wrong with a single value, in words that help."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec.inspect as shape

from interlock_sla import DurationError, parse_duration

from ._expected import Expected, allowed_words
from ._problems import did_you_mean

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_ALLOWED = "must be a date YYYY-MM-DD"
_DURATION = "must be a duration such as 90s, 5m or 1h30m"
_MINUTES_OF_A_DAY = 24 * 60
_SECONDS_LIKELY = range(10**7)  # a number of seconds that somebody may have meant
_TRUTHS = {"yes": "true", "on": "true", "y": "true", "true": "true"}
_FALSEHOODS = {"no": "false", "off": "false", "n": "false", "false": "false"}


def leaf_problem(expected: Expected, value: Any) -> str | None:
    """Why `value`, which is not null, does not fit; None when it does."""
    return _LEAVES[type(expected.type)](expected, value)


def duration_problem(value: Any) -> str | None:
    """Why `value` is not a duration, None when it is."""
    if type(value) is int and value in _SECONDS_LIKELY:
        return f"{_DURATION}; a bare number has no unit: did you mean {value}s?"
    if not isinstance(value, str):
        return _DURATION
    try:
        parse_duration(value)
    except DurationError:
        return f"{_DURATION} (units h, m, s, ms, us, ns){_duration_hint(value)}"
    return None


def _duration_hint(value: str) -> str:
    number = re.fullmatch(r"([0-9]{1,7})(d?)", value)
    if number is None:
        return ""
    return f"; did you mean {int(number[1]) * 24}h?" if number[2] else f"; did you mean {value}s?"


def _duration(expected: Expected, value: Any) -> str | None:
    return duration_problem(value)


def _text(expected: Expected, value: Any) -> str | None:
    kind, allowed = expected.type, expected.allowed or "must be text"
    assert isinstance(kind, shape.StrType)
    if isinstance(value, str):
        return None if _fits(kind, value) else allowed + _time_hint(expected, value)
    if expected.is_time and type(value) is int and 0 <= value < _MINUTES_OF_A_DAY:
        hour, minute = divmod(value, 60)
        return f'{allowed}; some YAML readers turn 10:00 into 600: did you mean "{hour:02d}:{minute:02d}"?'
    if isinstance(value, bool | int | float) and "in quotes" not in allowed:
        return f"{allowed}; put it in quotes"
    return allowed


def _fits(kind: shape.StrType, value: str) -> bool:
    if kind.min_length is not None and len(value) < kind.min_length:
        return False
    return kind.pattern is None or re.search(kind.pattern, value) is not None


def _time_hint(expected: Expected, value: str) -> str:
    short = re.fullmatch(r"[0-9]:[0-5][0-9]", value)
    return f'; did you mean "0{value}"?' if expected.is_time and short else ""


def _number(expected: Expected, value: Any) -> str | None:
    kind, allowed = expected.type, allowed_words(expected)
    assert isinstance(kind, shape.IntType | shape.FloatType)
    if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]+", value):
        return f"{allowed}, without quotes or leading zeros"
    if type(value) is not int and (isinstance(kind, shape.IntType) or type(value) is not float):
        return allowed
    low = (kind.ge is not None and value < kind.ge) or (kind.gt is not None and value <= kind.gt)
    high = kind.le is not None and value > kind.le
    return allowed if low or high or value != value else None


def _truth(expected: Expected, value: Any) -> str | None:
    if isinstance(value, bool):
        return None
    word = value.lower() if isinstance(value, str) else ""
    hint = _TRUTHS.get(word) or _FALSEHOODS.get(word)
    return f"must be true or false; write {hint} without quotes" if hint else "must be true or false"


def _date(expected: Expected, value: Any) -> str | None:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return _DATE_ALLOWED + _date_hint(value)
    try:
        date.fromisoformat(value)
    except ValueError:
        return f"{_DATE_ALLOWED} that exists in the calendar"
    return None


def _date_hint(value: Any) -> str:
    compact = re.fullmatch(r"([0-9]{4})([0-9]{2})([0-9]{2})", str(value)[:9])
    return f"; did you mean {'-'.join(compact.groups())}?" if compact else ""


def _name(expected: Expected, value: Any) -> str | None:
    assert isinstance(expected.type, shape.EnumType)
    try:
        expected.type.cls(value)
    except ValueError:
        return allowed_words(expected) + did_you_mean(value, (member.value for member in expected.type.cls))
    return None


def _anything(expected: Expected, value: Any) -> str | None:
    return None


_LEAVES: dict[type, Callable[[Expected, Any], str | None]] = {
    shape.StrType: _text,
    shape.IntType: _number,
    shape.FloatType: _number,
    shape.BoolType: _truth,
    shape.DateType: _date,
    shape.EnumType: _name,
    shape.CustomType: _duration,
    shape.AnyType: _anything,
}

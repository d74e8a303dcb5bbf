"""The error of a single value, with a hint."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import msgspec.inspect as shape

from interlock_config._fields import JobType
from interlock_config._problems import did_you_mean, show, show_word
from interlock_rules import Check
from interlock_sla import DurationError, ZoneError, format_duration, parse_duration, zone

from ._expected import Expected, allowed_words
from ._hints import (
    CHECKS_MEANT,
    JOB_TYPES_MEANT,
    date_meant,
    duration_meant,
    number_meant,
    time_meant,
    without_curly_quotes,
)

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_ALLOWED = "must be a date YYYY-MM-DD"
_DURATION = "must be a duration such as 90s, 5m or 1h30m"
_OTHER_PORT = re.compile(r"https?://(?:[^\s/?#]*@)?[^\s/?#@:]+:[^\s/?#@:]+(?:[/?#]|$)")
_TRUTHS = {"yes": "true", "on": "true", "y": "true", "true": "true"}
_FALSEHOODS = {"no": "false", "off": "false", "n": "false", "false": "false"}


def leaf_problem(expected: Expected, value: Any) -> str | None:
    """The error of `value`, which is not null. None if it fits."""
    return _LEAVES[type(expected.type)](expected, value)


def duration_problem(value: Any, longest: timedelta | None = None) -> str | None:
    """The error of a value that is not a duration, None for a duration. A hint is at most `longest`."""
    hint = _meant(_short_enough(duration_meant(value), longest))
    if type(value) is int and hint:
        return f"{_DURATION}; a bare number has no unit{hint.replace(';', ':')}"
    bound = f", at most {format_duration(longest)}" if longest else ""
    if not isinstance(value, str):
        return f"{_DURATION}{bound}"
    try:
        parse_duration(value)
    except DurationError:
        return f"{_DURATION} (units h, m, s, ms, us, ns){bound}{hint}"
    return None


def _short_enough(meant: str | None, longest: timedelta | None) -> str | None:
    """The suggested duration, None if it would be rejected too."""
    try:
        return None if meant is None or (longest is not None and parse_duration(meant) > longest) else meant
    except (DurationError, OverflowError):
        return None


def _meant(meant: str | None) -> str:
    return f"; did you mean {meant}?" if meant else ""


def _duration(expected: Expected, value: Any) -> str | None:
    return duration_problem(value, expected.longest)


def _text(expected: Expected, value: Any) -> str | None:
    kind, allowed = expected.type, expected.allowed or "must be text"
    assert isinstance(kind, shape.StrType)
    if isinstance(value, str):
        return (
            None if _fits(kind, value) else allowed + (_time_hint(expected, value) or _text_hint(kind, value, allowed))
        )
    if expected.is_time:
        return allowed + _time_hint(expected, value)
    if isinstance(value, list) and value and all(isinstance(word, str) for word in value):
        return f"{allowed}; write one text, not a list"
    if isinstance(value, bool | int | float) and "in quotes" not in allowed and _fits(kind, show(value)):
        return f"{allowed}; put it in quotes"
    return allowed


def _time_hint(expected: Expected, value: Any) -> str:
    meant = time_meant(value, or_minute="hourly" in expected.allowed) if expected.is_time else None
    if meant is None:
        return ""
    counted = "; some YAML readers read 10:00 as 600" if type(value) is int and value >= 60 else ""
    return f"{counted}{':' if counted else ';'} did you mean {meant}?"


def _text_hint(kind: shape.StrType, value: str, allowed: str) -> str:
    bare = without_curly_quotes(value)
    if bare is not None and _fits(kind, bare):
        return f"; it has typographic quotes: did you mean {show_word((), bare)}?"
    if "URL" in allowed and _OTHER_PORT.match(value):
        return "; its port must be a number from 0 to 65535"
    if "IANA" in allowed:
        return _zone_hint(value)
    if "${" in value:
        return "; only ${INTERLOCK_…} variables are expanded"
    return ""


def _zone_hint(value: str) -> str:
    """The hint for a text that cannot name a zone: an offset such as +02:00, or a name with a space."""
    try:
        zone(value)
    except ZoneError as error:
        return f"; {error.hint}" if error.hint else ""
    return ""


def _fits(kind: shape.StrType, value: str) -> bool:
    if kind.min_length is not None and len(value) < kind.min_length:
        return False
    return kind.pattern is None or re.search(kind.pattern, value) is not None


def _number(expected: Expected, value: Any) -> str | None:
    kind, allowed = expected.type, allowed_words(expected)
    assert isinstance(kind, shape.IntType | shape.FloatType)
    if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]+", value):
        return f"{allowed}, without quotes or leading zeros"
    if (meant := number_meant(value)) is not None:
        return allowed + _meant(meant)
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
        return _DATE_ALLOWED + _meant(date_meant(value))
    try:
        date.fromisoformat(value)
    except ValueError:
        return f"{_DATE_ALLOWED} that exists in the calendar"
    return None


def _name(expected: Expected, value: Any) -> str | None:
    assert isinstance(expected.type, shape.EnumType)
    try:
        expected.type.cls(value)
    except ValueError:
        meant = _NAMES_MEANT.get(expected.type.cls, {}).get(value.casefold()) if isinstance(value, str) else None
        hint = _meant(meant) or did_you_mean(value, (member.value for member in expected.type.cls))
        return allowed_words(expected) + hint
    return None


def _anything(expected: Expected, value: Any) -> str | None:
    return None


_NAMES_MEANT: dict[type, dict[str, str]] = {Check: CHECKS_MEANT, JobType: JOB_TYPES_MEANT}
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

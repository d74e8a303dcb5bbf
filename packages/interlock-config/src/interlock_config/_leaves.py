"""What is wrong with a single text, number or duration, in words that help."""

import re
from typing import Any

import msgspec.inspect as shape

from interlock_sla import DurationError, parse_duration

_DURATION = "must be a duration such as 90s, 5m or 1h30m"
_MINUTES_OF_A_DAY = 24 * 60


def text_problem(kind: shape.StrType, value: Any, allowed: str, is_time: bool) -> str | None:
    """Why `value` is not the text that is wanted, None when it is."""
    if isinstance(value, str):
        return None if _fits(kind, value) else allowed + _time_hint(value, is_time)
    if is_time and type(value) is int and 0 <= value < _MINUTES_OF_A_DAY:
        hour, minute = divmod(value, 60)
        return f'{allowed}; some YAML readers turn 10:00 into 600: did you mean "{hour:02d}:{minute:02d}"?'
    if isinstance(value, bool | int | float):
        return allowed if "in quotes" in allowed else f"{allowed}; put it in quotes"
    return allowed


def number_problem(kind: shape.IntType | shape.FloatType, value: Any, allowed: str) -> str | None:
    """Why `value` is not the number that is wanted, None when it is."""
    if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]+", value):
        return f"{allowed}, without quotes or leading zeros"
    wanted = (int,) if isinstance(kind, shape.IntType) else (int, float)
    if type(value) not in wanted:
        return allowed
    low = (kind.ge is not None and value < kind.ge) or (kind.gt is not None and value <= kind.gt)
    high = kind.le is not None and value > kind.le
    return allowed if low or high or value != value else None


def duration_problem(value: Any) -> str | None:
    """Why `value` is not a duration, None when it is."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{_DURATION}; a bare number has no unit: did you mean {written(value)}s?"
    if not isinstance(value, str):
        return _DURATION
    try:
        parse_duration(value)
    except DurationError:
        return f"{_DURATION} (units h, m, s, ms, us, ns){_duration_hint(value)}"
    return None


def _duration_hint(value: str) -> str:
    days = re.fullmatch(r"([0-9]{1,4})d", value)
    if days is not None:
        return f"; did you mean {int(days[1]) * 24}h?"
    return f"; did you mean {value}s?" if value.isdecimal() else ""


def written(number: float) -> str:
    """A number without a needless fraction."""
    return str(int(number)) if float(number).is_integer() else str(number)


def _fits(kind: shape.StrType, value: str) -> bool:
    if kind.min_length is not None and len(value) < kind.min_length:
        return False
    return kind.pattern is None or re.search(kind.pattern, value) is not None


def _time_hint(value: str, is_time: bool) -> str:
    short = re.fullmatch(r"([0-9]):([0-5][0-9])", value)
    return f'; did you mean "0{value}"?' if is_time and short else ""

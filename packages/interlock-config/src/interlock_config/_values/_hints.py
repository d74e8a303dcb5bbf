"""The right spelling of a value that does not fit, None in doubt."""

import re
from datetime import date
from typing import Any

_MINUTES_OF_A_DAY = 24 * 60
_SECONDS_OF_A_DAY = 24 * 60 * 60
_SECONDS_LIKELY = range(1, 10**7)  # a plausible number of seconds
# 010:00 is 10:00 with an extra zero: the hour is before the colon.
_CLOCK = re.compile(r"0*([0-9]{1,2})[:.h]([0-9]{2})(?::[0-9]{2})?(?: ?[A-Z]{1,4})?")
_DIGITS = re.compile(r"([0-9]{1,2})([0-9]{2})(?: ?[A-Z]{1,4})?")
_TWELVE_HOURS = re.compile(r"(?P<hour>1[0-2]|[1-9])(?::(?P<minute>[0-9]{2}))? ?(?P<half>am|pm)", re.IGNORECASE)
_MINUTE = re.compile(r":([0-9])")
_NUMBERED_DATE = re.compile(r"([0-9]{4})[-/.]?([0-9]{1,2})[-/.]?([0-9]{1,2})(?:[T ].*)?")
_GERMAN_DATE = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_SPAN = re.compile(
    r"(?P<number>[0-9]{1,7}(?:\.[0-9]{1,3})?) ?"
    r"(?:(?P<w>w|weeks?)|(?P<d>d|days?)|(?P<h>h|hrs?|hours?)|(?P<m>m|mins?|minutes?)|(?P<s>s|secs?|seconds?))"
    r"(?![a-z]) ?",
    re.IGNORECASE,
)
_HOURS = {"w": 7 * 24, "d": 24}
_GROUPED = re.compile(r"[-+]?[0-9]{1,3}([,_' ][0-9]{3})+(\.[0-9]+)?")
_CURLY = str.maketrans("", "", "“”„‟‘’‚«»")


def time_meant(value: Any, or_minute: bool) -> str | None:
    """The time of day, in quotes, that a value may mean. `or_minute`: `:MM` is also allowed."""
    if type(value) is int:
        return _time_of_number(value, or_minute)
    if not isinstance(value, str):
        return None
    if or_minute and (short := _MINUTE.fullmatch(value)):
        return f'":0{short[1]}"'
    if half := _TWELVE_HOURS.fullmatch(value):
        return _clock(int(half["hour"]) % 12 + 12 * (half["half"].lower() == "pm"), int(half["minute"] or 0))
    found = _CLOCK.fullmatch(value) or _DIGITS.fullmatch(value)
    return _clock(int(found[1]), int(found[2])) if found else None


def _time_of_number(value: int, or_minute: bool) -> str | None:
    """Readers of YAML 1.1 read 10:00 as 600 and 10:00:00 as 36000."""
    if or_minute and 0 <= value < 60:
        return f'":{value:02}"' + (f' or "{value:02}:00"' if value < 24 else "")
    if 0 <= value < _MINUTES_OF_A_DAY:
        counted = _clock(*divmod(value, 60))
        as_written = _clock(*divmod(value, 100)) if value >= 1000 else None
        return f"{as_written} or {counted}" if as_written else counted
    as_written = _clock(*divmod(value, 100)) if value >= 0 else None
    if as_written is None and value % 60 == 0 and 0 < value < _SECONDS_OF_A_DAY:
        return _clock(*divmod(value // 60, 60))
    return as_written


def _clock(hour: int, minute: int) -> str | None:
    return f'"{hour:02}:{minute:02}"' if hour < 24 and minute < 60 else None


def date_meant(value: Any) -> str | None:
    """The date that a value may mean."""
    text = str(value)[:40] if type(value) in (int, str) else ""
    if numbered := _NUMBERED_DATE.fullmatch(text):
        parts = [int(part) for part in numbered.groups()]
    elif german := _GERMAN_DATE.fullmatch(text):
        parts = [int(part) for part in reversed(german.groups())]
    else:
        return None
    try:
        return str(date(*parts))
    except ValueError:
        return None


def duration_meant(value: Any) -> str | None:
    """The duration that a value may mean."""
    if type(value) is int:
        return f"{value}s" if value in _SECONDS_LIKELY else None
    if not isinstance(value, str) or len(value) > 60:
        return None
    if re.fullmatch(r"[1-9][0-9]{0,6}", value):
        return f"{value}s"
    text = re.sub(r"^P(?=.*[DHMSW])|T", "", value) if value.isupper() else value
    text = text.replace(" and ", " ").replace(",", "").strip()
    return "".join(_span(found) for found in _SPAN.finditer(text)) if _only_spans(text) else None


def _only_spans(text: str) -> bool:
    return bool(text) and not _SPAN.sub("", text)


def _span(found: re.Match[str]) -> str:
    unit = found.lastgroup or "s"
    if unit not in _HOURS:
        return f"{found['number']}{unit}"
    return f"{float(found['number']) * _HOURS[unit]:.15g}h"


def number_meant(value: Any) -> str | None:
    """The number that a text with signs between its digits may mean."""
    if isinstance(value, str) and _GROUPED.fullmatch(value):
        return re.sub(r"[,_' ]", "", value)
    return None


def without_curly_quotes(value: str) -> str | None:
    """The text without its typographic quotes, None for a text without them."""
    bare = value.translate(_CURLY)
    return None if bare == value else bare


CHECKS_MEANT = {
    **dict.fromkeys(("=", "==", "===", "eq", "is"), "equals"),
    **dict.fromkeys((">", "greater_than", "greaterthan", "greater", "more_than", "after"), "gt"),
    **dict.fromkeys((">=", "=>", "ge", "min", "at_least", "greater_than_or_equal"), "gte"),
    **dict.fromkeys(("<", "less_than", "lessthan", "less", "before"), "lt"),
    **dict.fromkeys(("<=", "=<", "le", "max", "at_most", "less_than_or_equal"), "lte"),
    **dict.fromkeys(("fresh", "freshness", "newer_than", "younger_than", "max_age"), "age_lt"),
    **dict.fromkeys(("older_than", "stale", "min_age"), "age_gt"),
    **dict.fromkeys(("present", "is_present", "not_null", "notnull"), "exists"),
}
"""Names of checks in other tools."""

JOB_TYPES_MEANT = {
    **dict.fromkeys(("shell", "bash", "sh", "script", "exec", "local"), "command"),
    **dict.fromkeys(("https", "webhook", "rest", "url"), "http"),
    **dict.fromkeys(("sfn", "stepfunctions", "step-functions", "states", "statemachine"), "step-function"),
    **dict.fromkeys(("dag", "mwaa"), "airflow"),
    "function": "lambda",
}
"""Other common names of job types."""

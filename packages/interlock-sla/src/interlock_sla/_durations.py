"""Decides how durations are written and read, without clocks and zones."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any, Self

from ._errors import DurationError

_NANOSECONDS = {
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "µs": 1_000,  # micro sign
    "μs": 1_000,  # Greek mu
    "ns": 1,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|m|us|µs|μs|ns|s)")
_ALLOWED = 'write numbers with units h, m, s, ms, us or ns, such as "90s", "5m", "1h30m" or "1.5h"'
_LONGEST_TEXT = 64


class Duration(timedelta):
    """A length of time that keeps its spelling.

    It equals any timedelta of the same length and is ordered with timedeltas. Arithmetic gives plain timedeltas.
    text: the spelling as written ("90m"), or the shortest form for a duration made from numbers.
    """

    text: str

    def __new__(cls, *args: Any, text: str | None = None, **kwargs: Any) -> Self:
        """Takes the arguments of timedelta. `text` is the spelling to keep."""
        self = super().__new__(cls, *args, **kwargs)
        self.text = format_duration(self) if text is None else text
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.days, self.seconds, self.microseconds, self.text)

    def __repr__(self) -> str:
        return f"Duration({self.text!r})"

    def __str__(self) -> str:
        return self.text


def parse_duration(text: str) -> Duration:
    """Read a duration such as "90s", "5m", "1h30m", "1.5h", "300ms". A sign and a bare "0" are allowed.

    The resolution is a microsecond: finer parts are rounded to the nearest microsecond, halves to even.
    Raises DurationError for any other text, and for more than 999,999,999 days.
    """
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        raise DurationError(text, _ALLOWED)
    body = text[1:] if text[:1] in ("+", "-") else text
    nanoseconds = Decimal(0) if body == "0" else _sum_of_parts(text, body)
    if text[:1] == "-":
        nanoseconds = -nanoseconds
    try:
        return Duration(microseconds=int((nanoseconds / 1000).to_integral_value()), text=text)
    except OverflowError:
        raise DurationError(text, "the longest is 999999999 days") from None


def format_duration(duration: timedelta) -> str:
    """Write a duration in its shortest form: "1h30m", "2m500ms", "300ms", "0s". Days become hours.

    parse_duration reads the text back as the same duration, to the microsecond.
    """
    total = (duration.days * 86_400 + duration.seconds) * 1_000_000 + duration.microseconds
    sign = "-" if total < 0 else ""
    minutes, rest = divmod(abs(total), 60_000_000)
    hours, minutes = divmod(minutes, 60)
    larger = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "")
    if rest or not larger:
        return sign + larger + _format_seconds(rest)
    return sign + larger


def _sum_of_parts(text: str, body: str) -> Decimal:
    total, position = Decimal(0), 0
    for part in _PART.finditer(body):
        if part.start() != position:
            break
        total += Decimal(part[1]) * _NANOSECONDS[part[2]]
        position = part.end()
    if not body or position != len(body):
        raise DurationError(text, _ALLOWED)
    return total


def _format_seconds(microseconds: int) -> str:
    if 0 < microseconds < 1000:
        return f"{microseconds}us"
    if microseconds % 1_000_000 == 0:
        return f"{microseconds // 1_000_000}s"
    if microseconds < 1_000_000:
        return f"{microseconds / 1000:.3f}".rstrip("0").rstrip(".") + "ms"
    return f"{microseconds / 1_000_000:.6f}".rstrip("0") + "s"


def _restore(days: int, seconds: int, microseconds: int, text: str) -> Duration:
    return Duration(days, seconds, microseconds, text=text)

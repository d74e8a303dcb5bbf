"""Decides how values, times and ages look in a sentence: short, on one line, in the words of a pipeline file."""

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime, timedelta
from decimal import Decimal

from interlock_sla import format_duration

from ._equality import not_a_number

_LONGEST_VALUE = 60
_LONGEST_WHOLE = 40
_DEEPEST_VALUE = 3
_ONE_SECOND = timedelta(seconds=1)


def shown(value: object, depth: int = 0) -> str:
    """A value in a sentence: text has quotes, numbers have none, long values are cut, deep values are left out."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float, Decimal)):
        return shown_number(value)
    if isinstance(value, (str, bytes, bytearray)):
        return _cut(repr(value))
    if isinstance(value, (Mapping, Set, Sequence)):
        return _cut(_shown_nested(value, depth)) if depth < _DEEPEST_VALUE else "..."
    return _cut(repr(value))


def shown_number(number: int | float | Decimal) -> str:
    """A number without trailing zeros. A cut never hides its size."""
    if isinstance(number, int):
        return str(number) if number.bit_length() < 200 else f"a number of {number.bit_length()} bits"
    if not_a_number(number):
        return str(number).replace("nan", "NaN")
    text = str(number)
    has_exponent = "E" in text or "e" in text
    if "." in text and not has_exponent:
        text = text.rstrip("0").rstrip(".")
    if len(text) > _LONGEST_VALUE and (has_exponent or not 0 <= text.find(".") <= _LONGEST_WHOLE):
        return f"{number:.9e}"
    return _cut(text)


def shown_time(moment: datetime, now: datetime) -> str:
    """An instant in UTC: the time of day, with the date if it is not the date of `now`."""
    day = "" if moment.date() == now.astimezone(moment.tzinfo).date() else f"{moment.date()}T"
    return f"{day}{moment:%H:%M:%S}Z"


def shown_age(age: timedelta) -> str:
    """A length of time in whole seconds, or exactly if it is below a second."""
    return format_duration(age // _ONE_SECOND * _ONE_SECOND if age >= _ONE_SECOND else age)


def shown_text(text: str) -> str:
    """A name as it is, with quotes if it is long or cannot be printed."""
    return text if text.isprintable() and len(text) <= _LONGEST_VALUE else _cut(repr(text))


def quoted(value: object) -> str:
    """A rule's value as Python prints it, cut to length. Only the type, if Python cannot print it."""
    try:
        return _cut(repr(value))
    except (RecursionError, ValueError):  # nested too deeply, or a number with more digits than Python prints
        return f"a {type(value).__name__} that cannot be shown"


def _shown_nested(value: Mapping[object, object] | Set[object] | Sequence[object], depth: int) -> str:
    if isinstance(value, Mapping):
        return "{" + _joined(f"{shown(key)}: {shown(item, depth + 1)}" for key, item in value.items()) + "}"
    items = (shown(item, depth + 1) for item in value)
    return "{" + _joined(sorted(items)) + "}" if isinstance(value, Set) else "[" + _joined(items) + "]"


def _joined(items: Iterable[str]) -> str:
    return ", ".join(items)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."

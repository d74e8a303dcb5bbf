"""Decides which minutes, hours and days a five-field cron expression names; croniter reads it, nothing here steps."""

import re
from typing import Any

from msgspec import Struct

from ._errors import CronError

_FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_DAY_OF_MONTH, _DAY_OF_WEEK = 2, 4
_ALLOWED = (
    "0 to 59",
    "0 to 23",
    "1 to 31, or L for the last day of the month",
    "1 to 12, or jan to dec",
    "0 to 7 (0 and 7 are Sunday), or sun to sat; fri#2 is the second Friday of a month, L5 the last",
)
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_WEEKDAYS = "sun|mon|tue|wed|thu|fri|sat"
_NUMBERS = {
    **{name: number for number, name in enumerate(_MONTHS.split("|"), 1)},
    **{name: number for number, name in enumerate(_WEEKDAYS.split("|"))},
    "l": 31,
}
# What may stand between commas. croniter knows more than cron: H and R (random times), W, a sixth field.
_ITEMS = tuple(
    re.compile(rf"(?:{alone}|(?:{value})(?:-(?:{last}))?)(?:/0*[1-9][0-9]*)?{suffix}", re.ASCII)
    for alone, value, last, suffix in (
        (r"\*", "[0-9]+", "[0-9]+", ""),
        (r"\*", "[0-9]+", "[0-9]+", ""),
        (r"\*|\?|l", "[0-9]+", "[0-9]+|l", ""),
        (r"\*", f"[0-9]+|{_MONTHS}", f"[0-9]+|{_MONTHS}", ""),
        (r"\*|\?|l[0-7]", f"[0-9]+|{_WEEKDAYS}", f"[0-9]+|{_WEEKDAYS}", "(?:#[1-5])?"),
    )
)
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_SHAPE = "write five fields: minute, hour, day of month, month, day of week"
_LONGEST_TEXT = 256
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
LAST = 0


class CronFields(Struct, frozen=True):
    """What an expression names.

    times: minutes since midnight, ascending. months: 1 to 12.
    days: days of the month, None when unrestricted; last_day: also the month's last day.
    weekdays: 0 = Sunday to 6, None when unrestricted. nth: (weekday, n) for the nth of the month, LAST for the last.
    """

    times: tuple[int, ...]
    minutes: tuple[int, ...]
    months: frozenset[int]
    days: frozenset[int] | None
    last_day: bool
    weekdays: frozenset[int] | None
    nth: frozenset[tuple[int, int]]


def require_text(text: object) -> None:
    """Refuse what is no text, or a text longer than any cron expression; raises CronError."""
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        raise CronError(text, f'{_SHAPE}, such as "0 8 * * *"')


def read_fields(text: str) -> CronFields:
    """Read a cron expression; raises CronError, which names the field at fault."""
    expression = _normalised(text)
    expanded, nth = _expand(text, expression)
    minutes, hours, days, months, weekdays = expanded
    any_day, any_weekday = (_is_unrestricted(expression.split()[index]) for index in (_DAY_OF_MONTH, _DAY_OF_WEEK))
    minute_values = _values(minutes, range(60))
    fields = CronFields(
        times=tuple(60 * hour + minute for hour in _values(hours, range(24)) for minute in minute_values),
        minutes=minute_values,
        months=frozenset(_values(months, range(1, 13))),
        days=None if any_day else frozenset(_values([day for day in days if day != "l"], range(1, 32))),
        last_day="l" in days,
        weekdays=None if any_weekday or nth else frozenset(_values(weekdays, range(7))),
        nth=frozenset((day, LAST if n == "l" else n) for day, ns in nth.items() for n in ns),
    )
    _require_a_day(text, fields)
    return fields


def _normalised(text: str) -> str:
    """The expression in lower case with single spaces; every field checked for characters that are not cron's."""
    expression = text.lower()
    if expression.strip() in _MACROS:
        raise CronError(text, f'write "{_MACROS[expression.strip()]}"')
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        raise CronError(text, f"{_SHAPE}; here are {len(fields)}")
    for index, field in enumerate(fields):
        items = field.split(",")
        if not all(_ITEMS[index].fullmatch(item) for item in items):
            raise _fault(text, index, field)
        if index == _DAY_OF_WEEK and len({"#" in item or item[0] == "l" for item in items}) > 1:
            raise CronError(text, f"its day of week field {field!r} mixes plain days with # or L: use one kind")
        fields[index] = ",".join(_without_equal_range(index, item) for item in items)
    return " ".join(fields)


def _without_equal_range(index: int, item: str) -> str:
    """`8-8` as `8`, `dec-12` as `dec`, `7-0` as `7`: croniter would read the whole day, year or week into them."""
    low, dash, rest = item.partition("-")
    if not dash:
        return item
    high = re.split("[/#]", rest)[0]
    first, last = _number(low), _number(high)
    only_sunday = index == _DAY_OF_WEEK and (first, last) == (7, 0)
    if first != last and not only_sunday:
        return item
    return low + (rest[len(high) :] if "#" in rest else "")


def _number(value: str) -> int:
    return int(value) if value.isdigit() else _NUMBERS[value]


def _expand(text: str, expression: str) -> tuple[list[list[Any]], dict[int, set[Any]]]:
    from croniter import croniter  # slow to import, so only where a cron is used

    try:
        expanded, nth = croniter.expand(expression)
    except ValueError as error:  # the root of croniter's errors
        for index, field in enumerate(expression.split()):
            alone = ["*"] * len(_FIELDS)
            alone[index] = field
            if not croniter.is_valid(" ".join(alone)):
                raise _fault(text, index, field) from error
        raise CronError(text, f"{_SHAPE} ({error})") from error
    return expanded, nth


def _fault(text: str, index: int, field: str) -> CronError:
    return CronError(text, f"its {_FIELDS[index]} field {field!r} does not read as {_ALLOWED[index]}")


def _is_unrestricted(field: str) -> bool:
    """Whether a day field leaves the choice to the other one; croniter's answer depends on how that one is spelled."""
    return any(item in ("*", "?", "*/1") for item in field.split(","))


def _values(expanded: list[Any], everything: range) -> tuple[int, ...]:
    return tuple(everything) if expanded == ["*"] else tuple(sorted(expanded))


def _require_a_day(text: str, fields: CronFields) -> None:
    if fields.days is None or fields.last_day or fields.weekdays is not None or fields.nth:
        return
    longest = max(_LONGEST_MONTH[month - 1] for month in fields.months)
    if min(fields.days) > longest:
        raise CronError(text, f"it never fires: its months have at most {longest} days")

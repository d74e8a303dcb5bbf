"""Decides which minutes, hours and days a five-field cron expression names; nothing here steps through time."""

import re

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
_RANGES = (range(60), range(24), range(1, 32), range(1, 13), range(7))
_SUNDAY_AGAIN = 7
_LAST_DAY = "l"
_STEP = "(?:/0*[1-9][0-9]*)?"
# What may stand between commas: everything or a value or a range, each perhaps with a step; of weekdays else the nth.
_ITEMS = tuple(
    re.compile(rf"\*{_STEP}|{bare}(?:{value})(?:-(?:{last}))?(?:{_STEP}{nth})", re.ASCII)
    for bare, value, last, nth in (
        ("", "[0-9]+", "[0-9]+", ""),
        ("", "[0-9]+", "[0-9]+", ""),
        (r"\?|l|", "[0-9]+", "[0-9]+|l", ""),
        ("", f"[0-9]+|{_MONTHS}", f"[0-9]+|{_MONTHS}", ""),
        (r"\?|l[0-7]|", f"[0-9]+|{_WEEKDAYS}", f"[0-9]+|{_WEEKDAYS}", "|#[1-5]"),
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
    fields = _split(text)
    minutes, hours, days, months = (sorted(_named(text, index, fields[index])) for index in range(_DAY_OF_WEEK))
    weekday_items = fields[_DAY_OF_WEEK]
    has_nth = _is_nth(weekday_items[0])
    weekdays = set() if has_nth else _named(text, _DAY_OF_WEEK, weekday_items)
    read = CronFields(
        times=tuple(60 * hour + minute for hour in hours for minute in minutes),
        minutes=tuple(minutes),
        months=frozenset(months),
        days=None if _is_unrestricted(fields[_DAY_OF_MONTH]) else frozenset(days),
        last_day=_LAST_DAY in fields[_DAY_OF_MONTH],
        weekdays=None if has_nth or _is_unrestricted(weekday_items) else frozenset(weekdays),
        nth=frozenset(pair for item in weekday_items for pair in _nth(text, item)) if has_nth else frozenset(),
    )
    _require_a_day(text, read)
    return read


def _split(text: str) -> list[list[str]]:
    """The items of each field, in lower case; every item is checked for characters that are not cron's."""
    expression = text.lower()
    if expression.strip() in _MACROS:
        raise CronError(text, f'write "{_MACROS[expression.strip()]}"')
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        raise CronError(text, f"{_SHAPE}; here are {len(fields)}")
    split = [field.split(",") for field in fields]
    for index, items in enumerate(split):
        if not all(_ITEMS[index].fullmatch(item) for item in items) or ("?" in items and len(items) > 1):
            raise _fault(text, index, fields[index])
    if len({_is_nth(item) for item in split[_DAY_OF_WEEK]}) > 1:
        raise CronError(
            text, f"its day of week field {fields[_DAY_OF_WEEK]!r} mixes plain days with # or L: use one kind"
        )
    return split


def _named(text: str, index: int, items: list[str]) -> set[int]:
    """The values that the items of one field name together."""
    try:
        return {value for item in items if item != _LAST_DAY for value in _values(index, item)}
    except ValueError:
        raise _fault(text, index, ",".join(items)) from None


def _values(index: int, item: str) -> list[int]:
    """The values of one item: `*`, `5`, `5/15` (from 5 on), `22-4` (past the end to the beginning), `22-4/3`.

    Raises ValueError for a value outside the field.
    """
    base, _, step = item.partition("#")[0].partition("/")
    low, size = _RANGES[index].start, len(_RANGES[index])
    first, last = _ends(index, base, has_step=bool(step))
    if last < first:
        last += size
    return [low + (value - low) % size for value in range(first, last + 1, int(step or 1))]


def _ends(index: int, base: str, *, has_step: bool) -> tuple[int, int]:
    """The first and the last value of an item; 7 is Sunday as well as 0."""
    everything = _RANGES[index]
    if base in ("*", "?"):
        return everything[0], everything[-1]
    low, dash, high = base.partition("-")
    first = _number(index, low)
    alone = everything[-1] if has_step else first
    last = _number(index, high) if dash else alone
    if index == _DAY_OF_WEEK and first == _SUNDAY_AGAIN:
        return 0, last % _SUNDAY_AGAIN
    return first, last


def _is_nth(item: str) -> bool:
    return "#" in item or item[0] == "l"


def _nth(text: str, item: str) -> list[tuple[int, int]]:
    """`fri#2` as (5, 2), `L5` as (5, LAST)."""
    if item[0] == "l":
        return [(int(item[1:]) % _SUNDAY_AGAIN, LAST)]
    try:
        return [(day, int(item.partition("#")[2])) for day in _values(_DAY_OF_WEEK, item)]
    except ValueError:
        raise _fault(text, _DAY_OF_WEEK, item) from None


def _number(index: int, text: str) -> int:
    value = int(text) if text.isdigit() else _NUMBERS[text]
    if value not in _RANGES[index] and (index, value) != (_DAY_OF_WEEK, _SUNDAY_AGAIN):
        raise ValueError(text)
    return value


def _fault(text: str, index: int, field: str) -> CronError:
    return CronError(text, f"its {_FIELDS[index]} field {field!r} does not read as {_ALLOWED[index]}")


def _is_unrestricted(items: list[str]) -> bool:
    """Whether a day field leaves the choice to the other one."""
    return any(item in ("*", "?", "*/1") for item in items)


def _require_a_day(text: str, fields: CronFields) -> None:
    if fields.days is None or fields.last_day or fields.weekdays is not None or fields.nth:
        return
    longest = max(_LONGEST_MONTH[month - 1] for month in fields.months)
    if min(fields.days) > longest:
        raise CronError(text, f"it never fires: its months have at most {longest} days")

"""Decides which minutes, hours and days a five-field cron expression names, without stepping through time."""

import re
from collections.abc import Sequence

from msgspec import Struct

from ._cron_faults import DAY_OF_MONTH, DAY_OF_WEEK, FIELDS, SHAPE, fault, mixed, no_text, one_word, wrong_count
from ._cron_foreign import WEEKDAYS, foreign
from ._errors import CronError

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_WEEKDAYS = "|".join(WEEKDAYS)
_NUMBERS = {
    **{name: number for number, name in enumerate(_MONTHS.split("|"), 1)},
    **{name: number for number, name in enumerate(WEEKDAYS)},
    "l": 31,  # the end of a range: 28-L
}
_RANGES = (range(60), range(24), range(1, 32), range(1, 13), range(7))
_SUNDAY_AGAIN = 7
_STEP = "(?:/0*[1-9][0-9]*)?"
# An item between commas is `*`, a value or a range, each with an optional step. A weekday may also be the nth. A day of
# the month may also be counted from the month's end, or be the weekday nearest to a day.
_ITEMS = tuple(
    re.compile(rf"\*{_STEP}|{bare}(?:{value})(?:-(?:{last}))?(?:{_STEP}{nth})", re.ASCII)
    for bare, value, last, nth in (
        ("", "[0-9]+", "[0-9]+", ""),
        ("", "[0-9]+", "[0-9]+", ""),
        (r"\?|l(?:-[0-9]+)?w?|[0-9]+w|", "[0-9]+", "[0-9]+|l", ""),
        ("", f"[0-9]+|{_MONTHS}", f"[0-9]+|{_MONTHS}", ""),
        (rf"\?|l[0-7]|(?:[0-7]|{_WEEKDAYS})l|", f"[0-9]+|{_WEEKDAYS}", f"[0-9]+|{_WEEKDAYS}", "|#[1-5]"),
    )
)
_LONGEST_TEXT = 256
LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
LAST = 0


class CronFields(Struct, frozen=True):
    """The times and days that an expression names.

    times: minutes since midnight, ascending. months: 1 to 12.
    days: days of the month, None when unrestricted.
    counted: further days of the month, as (n, is_nearest). An n above 0 is a day of the month. Any other n counts from
    the last day: 0 for L, -3 for L-3. is_nearest: W, the nearest weekday (Monday to Friday) of the same month.
    weekdays: 0 = Sunday to 6, None when unrestricted. nth: (weekday, n) for the nth of the month, LAST for the last.
    """

    times: tuple[int, ...]
    minutes: tuple[int, ...]
    months: frozenset[int]
    days: frozenset[int] | None
    counted: frozenset[tuple[int, bool]]
    weekdays: frozenset[int] | None
    nth: frozenset[tuple[int, int]]


def require_text(text: object) -> None:
    """Raise CronError for a value that is not a text, or a text longer than any cron expression."""
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        raise no_text(text)


def read_fields(text: str) -> CronFields:
    """Read a cron expression. Raises CronError, which names the wrong field."""
    fields = _split(text)
    minutes, hours, days, months = (sorted(_named(text, index, fields[index])) for index in range(DAY_OF_WEEK))
    weekday_items = fields[DAY_OF_WEEK]
    has_nth = _is_nth(weekday_items[0])
    weekdays = set() if has_nth else _named(text, DAY_OF_WEEK, weekday_items)
    read = CronFields(
        times=tuple(60 * hour + minute for hour in hours for minute in minutes),
        minutes=tuple(minutes),
        months=frozenset(months),
        days=None if _is_unrestricted(fields[DAY_OF_MONTH]) else frozenset(days),
        counted=frozenset([_counted(text, item) for item in fields[DAY_OF_MONTH] if _is_counted(item)]),
        weekdays=None if has_nth or _is_unrestricted(weekday_items) else frozenset(weekdays),
        nth=frozenset(pair for item in weekday_items for pair in _nth(text, item)) if has_nth else frozenset(),
    )
    _require_a_day(text, read)
    return read


def _split(text: str) -> list[list[str]]:
    """The items of each field, in lower case. Raises CronError for an item that does not have cron's form."""
    fields = text.lower().split()
    if len(fields) != len(FIELDS):
        raise one_word(text) or _of_another_shape(text, len(fields))
    split = [field.split(",") for field in fields]
    for index, items in enumerate(split):
        if not all(item == "*" or _ITEMS[index].fullmatch(item) for item in items) or ("?" in items and items[1:]):
            raise _of_another_shape(text, len(fields)) if foreign(text) else fault(text, index)
    if len({_is_nth(item) for item in split[DAY_OF_WEEK]}) > 1:
        raise mixed(text)
    return split


def _of_another_shape(text: str, count: int) -> CronError:
    """The error for more or fewer than five fields. For EventBridge or Quartz it gives the five fields to write."""
    found = foreign(text)
    if found is None:
        return wrong_count(text, count)
    if found.meant is None or not _reads(found.meant):
        return CronError(text, f"{SHAPE}; {found.form}")
    return CronError(text, f'{SHAPE}; {found.form}: write "{found.meant}"', found.meant)


def _reads(text: str) -> bool:
    try:
        read_fields(text)
    except CronError:
        return False
    return True


def _named(text: str, index: int, items: list[str]) -> set[int]:
    """The values that the items of one field name together."""
    try:
        return {value for item in items for value in _values(index, item)}
    except ValueError:
        raise fault(text, index) from None


def _is_counted(item: str) -> bool:
    """Whether an item for the day of month is L, L-3 or has a W."""
    return item[0] == "l" or item[-1] == "w"


def _counted(text: str, item: str) -> tuple[int, bool]:
    """`L` as (0, False), `L-3` as (-3, False), `15W` as (15, True), `LW` as (0, True)."""
    number = int(item.strip("lw") or 0)  # L-3 is minus three
    if number not in (range(-30, 1) if item[0] == "l" else _RANGES[DAY_OF_MONTH]):
        raise fault(text, DAY_OF_MONTH)
    return number, item[-1] == "w"


def _values(index: int, item: str) -> Sequence[int]:
    """The values of one item: `*`, `5`, `5/15` (from 5 on), `22-4` (past the end to the beginning), `22-4/3`.

    A counted day has no values, since it differs from month to month. Raises ValueError for a value outside the field.
    """
    if item == "*":
        return _RANGES[index]
    if index == DAY_OF_MONTH and _is_counted(item):
        return ()
    base, _, step = item.partition("#")[0].partition("/")
    low, size = _RANGES[index].start, len(_RANGES[index])
    first, last = _ends(index, base, has_step=bool(step))
    if last < first:
        last += size
    return [low + (value - low) % size for value in range(first, last + 1, int(step or 1))]


def _ends(index: int, base: str, *, has_step: bool) -> tuple[int, int]:
    """The first and the last value of an item. Both 0 and 7 are Sunday."""
    everything = _RANGES[index]
    if base in ("*", "?"):
        return everything[0], everything[-1]
    low, dash, high = base.partition("-")
    first = _number(index, low)
    alone = everything[-1] if has_step else first
    last = _number(index, high) if dash else alone
    if index == DAY_OF_WEEK and first == _SUNDAY_AGAIN:
        return 0, last % _SUNDAY_AGAIN
    return first, last


def _is_nth(item: str) -> bool:
    return "#" in item or item[0] == "l" or item[-1] == "l"


def _nth(text: str, item: str) -> list[tuple[int, int]]:
    """`fri#2` as (5, 2), and `L5`, `5L` and `friL` as (5, LAST)."""
    if "#" not in item:
        return [(_number(DAY_OF_WEEK, item.strip("l")) % _SUNDAY_AGAIN, LAST)]
    try:
        return [(day, int(item.partition("#")[2])) for day in _values(DAY_OF_WEEK, item)]
    except ValueError:
        raise fault(text, DAY_OF_WEEK) from None


def _number(index: int, text: str) -> int:
    value = int(text) if text.isdigit() else _NUMBERS[text]
    if value not in _RANGES[index] and (index, value) != (DAY_OF_WEEK, _SUNDAY_AGAIN):
        raise ValueError(text)
    return value


def _is_unrestricted(items: list[str]) -> bool:
    """Whether a day field allows every day, so that the other day field decides."""
    return any(item in ("*", "?", "*/1") for item in items)


def _require_a_day(text: str, fields: CronFields) -> None:
    if fields.days is None or fields.weekdays is not None or fields.nth:
        return
    longest = max(LONGEST_MONTH[month - 1] for month in fields.months)
    # L-28 and 29W need a month of at least 29 days.
    least = [n if n > 0 else 1 - n for n, _ in fields.counted]
    if min((*fields.days, *least)) > longest:
        raise CronError(text, f"it never fires: its months have at most {longest} days")

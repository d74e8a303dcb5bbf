"""Decides the error for an invalid cron expression: the wrong field, the allowed values, the probable meaning."""

import re

from ._errors import CronError

FIELDS = ("minute", "hour", "day of month", "month", "day of week")
DAY_OF_MONTH, DAY_OF_WEEK = 2, 4
SHAPE = "write five fields: minute, hour, day of month, month, day of week"
_ALLOWED = (
    "0 to 59",
    "0 to 23",
    "1 to 31, L (the last day), L-1 to L-30 (days before the last), or one of these with W "
    "(15W, LW, L-3W: the nearest Monday to Friday)",
    "1 to 12, or jan to dec",
    "0 to 7 (0 and 7 are Sunday), or sun to sat; fri#2 is the second Friday of a month, friL the last",
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
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_NO_STEP = re.compile(r"/0+(?:,|$)")
_WORD = re.compile(r"[a-z]{4,}")
_LONG_NAMES = (
    *("january", "february", "march", "april", "june", "july", "august", "september", "october", "november"),
    *("december", "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"),
)
_SWAPPED = re.compile(r"w(l|[0-9]{1,2})", re.IGNORECASE)
_NEAREST = re.compile(r"(?:[0-9]{1,2}|l(?:-[0-9]+)?)w", re.IGNORECASE)
_LAST_WEEKDAY = re.compile(r"[0-7]l|l[0-7]", re.IGNORECASE)


def no_text(text: object) -> CronError:
    """The error for a value that is not a text, or a text longer than any cron expression."""
    return CronError(text, f'{SHAPE}, such as "0 8 * * *"')


def one_word(text: str) -> CronError | None:
    """The error for `@daily` and similar words, also without the @, and for a time of day. None for any other text."""
    word = text.strip().lower()
    written = _MACROS.get(word if word.startswith("@") else f"@{word}")
    found = _TIME.fullmatch(word)
    if found and int(found[1]) < 24 and int(found[2]) < 60:
        written = f"{int(found[2])} {int(found[1])} * * *"
    return None if written is None else CronError(text, f'write "{written}"', written)


def wrong_count(text: str, count: int) -> CronError:
    """The error for more or fewer than five fields in no known form."""
    return CronError(text, f"{SHAPE}; this has {count or 'no'} field{'' if count == 1 else 's'}")


def fault(text: str, index: int) -> CronError:
    """The error for an invalid field, with its probable meaning."""
    field = text.split()[index]
    hint = ""
    if index == DAY_OF_MONTH:
        hint = _hint_of_a_day(field)
    elif index == DAY_OF_WEEK:
        hint = _hint_of_a_weekday(field)
    hint = hint or _hint_of_long_names(field) or ("; a step is at least 1" if _NO_STEP.search(field) else "")
    return CronError(text, f"its {FIELDS[index]} field {field!r} must be {_ALLOWED[index]}{hint}")


def mixed(text: str) -> CronError:
    """The error for a list that mixes plain weekdays with items that have # or L."""
    field = text.split()[DAY_OF_WEEK]
    return CronError(text, f"its {FIELDS[DAY_OF_WEEK]} field {field!r} mixes plain days with # or L: use one kind")


def _hint_of_a_day(field: str) -> str:
    items = field.split(",")
    if any(_LAST_WEEKDAY.fullmatch(item) for item in items):
        return "; L with the number of a weekday belongs in the day of week field"
    if any(_SWAPPED.fullmatch(item) for item in items):
        return f"; did you mean {','.join(_SWAPPED.sub(_swap, item) for item in items)}?"
    if any("w" in item.lower() and not _NEAREST.fullmatch(item) for item in items):
        return "; write W after a single day, without a range or a step"
    return ""


def _swap(found: re.Match[str]) -> str:
    return f"{found[1].upper()}W"


def _hint_of_a_weekday(field: str) -> str:
    items = field.split(",")
    if any(_NEAREST.fullmatch(item) for item in items):
        return "; W belongs in the day of month field"
    if any(item in ("L", "l") for item in items):
        return "; L alone belongs in the day of month field"
    parted = [_digits(item) for item in items]
    return f"; did you mean {','.join(parted)}?" if parted != items else ""


def _hint_of_long_names(field: str) -> str:
    """The hint that suggests mon and tue for `Monday` and `tues`."""
    short = _WORD.sub(_short_name, field.lower())
    return f"; did you mean {short}?" if short != field.lower() else ""


def _short_name(found: re.Match[str]) -> str:
    return found[0][:3] if any(name.startswith(found[0]) for name in _LONG_NAMES) else found[0]


def _digits(item: str) -> str:
    """`02356` as 0,2,3,5,6, for digits of weekdays in ascending order. Any other item is unchanged."""
    is_list = len(item) > 1 and set(item) <= set("01234567") and list(item) == sorted(set(item))
    return ",".join(item) if is_list else item

"""Decides how an expression in the form of EventBridge or Quartz is written in five fields.

EventBridge adds a year after the five fields and writes them in `cron(…)`. Quartz and Spring put seconds before the
five fields, and Quartz allows a year after them. Both have `?` in the day fields and count weekdays from Sunday as 1.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
https://www.quartz-scheduler.org/documentation/quartz-2.5.x/tutorials/crontrigger.html
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ._cron_faults import DAY_OF_MONTH, DAY_OF_WEEK, FIELDS

_WRAPPER = re.compile(r"(cron|rate|at)\((.*?)\)?", re.DOTALL)
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WEEKDAY_NUMBER = re.compile(r"(?<![#/0-9])[0-9]+")
_RATE = re.compile(r"([0-9]{1,6}) *(minute|hour|day)s?", re.ASCII)
_DAY = 24 * 60
_MINUTES_OF = {"minute": 1, "hour": 60, "day": _DAY}
_FIVE = len(FIELDS)
_FREE = ("*", "?")
_SIXTH = (
    "this has 6 fields: EventBridge has a year behind the five, Quartz has seconds before them; leave that field out"
)


class Foreign(NamedTuple):
    """The facts about an expression of another product.

    form: its form, as the end of a sentence. meant: the five fields with the same meaning, None if they do not exist.
    """

    form: str
    meant: str | None


def foreign(expression: str) -> Foreign | None:
    """The form of another product, None for any other text. `meant` may still have invalid fields."""
    expression = expression.strip().lower()
    if wrapped := _WRAPPER.fullmatch(expression):
        return _wrapped(wrapped[1], wrapped[2])
    fields = expression.split()
    if len(fields) == _FIVE + 1 and "?" in (fields[DAY_OF_MONTH], fields[DAY_OF_WEEK]):
        return _of_eventbridge(fields)
    if len(fields) in (_FIVE + 1, _FIVE + 2) and "?" in (fields[DAY_OF_MONTH + 1], fields[DAY_OF_WEEK + 1]):
        return _of_quartz(fields)
    if len(fields) == _FIVE + 1:
        return Foreign(_SIXTH, None)
    return None


def eventbridge_names(field: str) -> str | None:
    """EventBridge's day of week field with names instead of numbers (Sunday is 1). None for a number outside 1 to 7.

    `2-6` is mon-fri, `3#2` is tue#2, `5l` is thuL. The field is in lower case.
    """
    if any(not 1 <= int(number) <= len(WEEKDAYS) for number in _WEEKDAY_NUMBER.findall(field)):
        return None
    return _named(field, -1)


def weekday_names(field: str) -> str:
    """This package's day of week field (in lower case) with names instead of numbers (0 and 7 are Sunday)."""
    return _named(re.sub(r"\b(0+|sun)-0*7\b", r"\1-6", field), 0)


def _named(field: str, shift: int) -> str:
    named = _WEEKDAY_NUMBER.sub(lambda found: WEEKDAYS[(int(found[0]) + shift) % len(WEEKDAYS)], field)
    return re.sub(r"(?<=[a-z])l\b", "L", named)


def _wrapped(kind: str, inside: str) -> Foreign:
    if kind == "rate":
        return _of_a_rate(inside)
    if kind == "at":
        return Foreign("at(…) is EventBridge's, for a single time, and not supported: a cron repeats", None)
    fields = inside.split()
    if len(fields) == _FIVE + 1:
        return _of_eventbridge(fields)
    return Foreign("cron(…) is EventBridge's: leave it out", None)


def _of_a_rate(inside: str) -> Foreign:
    """The cron for a rate. A rate counts from its creation. A cron is on the clock: minute 0 or 00:00."""
    form = f"rate({inside.strip()}) is EventBridge's and not supported, as a cron needs times on the clock"
    found = _RATE.fullmatch(inside.strip())
    minutes = int(found[1]) * _MINUTES_OF[found[2]] if found else 0
    meant = next((cron for fits, cron in _every(minutes) if fits), None)
    return Foreign(form, meant)


def _every(minutes: int) -> Iterator[tuple[bool, str]]:
    """Pairs of a condition and the cron that has this distance between all fires if the condition holds."""
    hours, rest = divmod(minutes, 60)
    yield minutes == 7 * _DAY, "0 0 * * mon"
    yield minutes == _DAY, "0 0 * * *"
    yield minutes == 60, "0 * * * *"
    yield rest == 0 and 0 < hours < 24 and 24 % hours == 0, f"0 */{hours} * * *"
    yield minutes == 1, "* * * * *"
    yield 1 < minutes < 60 and 60 % minutes == 0, f"*/{minutes} * * * *"


def _of_eventbridge(fields: list[str]) -> Foreign:
    *kept, year = fields
    if year not in _FREE:
        return Foreign("this is EventBridge's form, and no field here holds its year", None)
    return Foreign("this is EventBridge's form, where the sixth field is the year", _rewritten(kept))


def _of_quartz(fields: list[str]) -> Foreign:
    seconds, *kept = fields
    form = "this is Quartz's form, where the first field is the seconds; EventBridge's sixth is the year"
    has_five = seconds in ("0", "00") and all(year in _FREE for year in kept[_FIVE:])
    return Foreign(form, _rewritten(kept[:_FIVE]) if has_five else None)


def _rewritten(fields: list[str]) -> str | None:
    """The five fields in this package's form. None for two restricted day fields, which mean another thing here."""
    minute, hour, day, month, weekday = fields
    if day not in _FREE and weekday not in _FREE:
        return None
    named = "sat" if weekday == "l" else eventbridge_names(weekday)
    if named is None:
        return None
    return " ".join([minute, hour, day.replace("?", "*").upper(), month, named.replace("?", "*")])

"""Decides where other products read a cron expression differently, without effect on its fires here."""

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta

from ._cron import Cron, parse_cron
from ._cron_faults import DAY_OF_MONTH, DAY_OF_WEEK
from ._cron_foreign import WEEKDAYS, eventbridge_names, weekday_names
from ._errors import CronError

_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_THEIRS = "in EventBridge and Quartz, where Sunday is 1"
_LAST_OF_NUMBER = re.compile(r"([0-7])l")
_LAST = re.compile(r"[0-7]l|l[0-7]")
_WEEKDAY_NUMBER = re.compile(r"(?<![#/0-9])[0-9]")
_YEAR = 2026
_DAYS = tuple(date(_YEAR, 1, 1) + timedelta(days=n) for n in range(365))
_WEEKS = {n + 1: frozenset(range(7 * n + 1, min(7 * n + 8, 32))) for n in range(5)}
_EVERY_DAY = frozenset(range(1, 32))
_MOST_NTH = 5  # a longer list is no easier to read than the pair of fields


def other_readings(cron: Cron) -> tuple[str, ...]:
    """The differences between this package and other products for the same text, one phrase each.

    The result is empty where all products agree. Each phrase continues a sentence that begins with the expression,
    and gives a spelling that all products read alike. The differences are:

    - `5L`, and weekday numbers together with `?`, since EventBridge and Quartz count from Sunday as 1
    - `31W` in a month of fewer days
    - two restricted day fields, with the number of fires by each reading

    Fires are counted for 2026, a year of 365 days that begins on a Thursday. They are wall-clock times, so clock
    changes do not matter.
    """
    weekday_field = cron.text.lower().split()[DAY_OF_WEEK]
    numbers = _last_weekdays(weekday_field), _numbers_behind_question_mark(cron)
    return (*(phrase for found in numbers for phrase in found), *_nearest_to_no_day(cron), *_either_day(cron))


def _last_weekdays(field: str) -> Iterator[str]:
    for item in dict.fromkeys(field.split(",")):
        if not (found := _LAST_OF_NUMBER.fullmatch(item)):
            continue
        number = int(found[1])
        ours, theirs = number % len(_NAMES), number - 1
        there = f"the last {_NAMES[theirs]}" if number else "no day"
        names = " or ".join(f"{WEEKDAYS[day]}L" for day in (ours, theirs) if day >= 0)
        yield f"{number}L is the last {_NAMES[ours]} of the month here and {there} {_THEIRS}; write {names}"


def _numbers_behind_question_mark(cron: Cron) -> Iterator[str]:
    fields = cron.text.lower().split()
    if fields[DAY_OF_MONTH] != "?":
        return
    field = fields[DAY_OF_WEEK]
    if not any(_WEEKDAY_NUMBER.search(item) for item in field.split(",") if not _LAST.fullmatch(item)):
        return
    theirs = eventbridge_names(field) or "no days"
    yield f"{field} means {weekday_names(field)} here and {theirs} {_THEIRS}; write the names"


def _nearest_to_no_day(cron: Cron) -> Iterator[str]:
    """Yields 29W, 30W and 31W for months without that day."""
    shortest = min(monthrange(_YEAR, month)[1] for month in cron.fields.months)
    for n in sorted(n for n, is_nearest in cron.fields.counted if is_nearest and n > shortest):
        there = "where croniter and cronosjs take its last weekday"
        yield f"{n}W does not fire in a month of fewer than {n} days, {there}; write LW for that"


def _either_day(cron: Cron) -> Iterator[str]:
    if cron.fields.days is None or (cron.fields.weekdays is None and not cron.fields.nth):
        return
    fields = cron.text.split()
    either = frozenset(day for day in _DAYS if cron.fires_on(day))
    both = _days_of(fields, without=DAY_OF_WEEK) & _days_of(fields, without=DAY_OF_MONTH)
    of_either, of_both = (_times(len(days) * cron.fires_per_day_max) for days in (either, both))
    spelling = _spelling_of_both(cron)
    so = f': write "{spelling}" for those' if spelling else ""
    phrase = f"fires when either day field holds, {of_either} in {_YEAR}; both hold {of_both}{so}"
    if "*" in (fields[DAY_OF_MONTH][0], fields[DAY_OF_WEEK][0]):
        phrase += "; Vixie cron, cronie, cronsim and pycron need both where a day field begins with *"
    yield phrase


def _times(count: int) -> str:
    return f"{count} time{'' if count == 1 else 's'}"


def _days_of(fields: list[str], without: int) -> frozenset[date]:
    """The days of the year that the fields name, with one of the day fields unrestricted."""
    try:
        cron = parse_cron(_with(fields, without, "*"))
    except CronError:  # 31 February: no day at all
        return frozenset()
    return frozenset(day for day in _DAYS if cron.fires_on(day))


def _spelling_of_both(cron: Cron) -> str | None:
    """One expression for the days on which both day fields hold, None without an obvious one."""
    fields, days, weekdays = cron.text.split(), cron.fields.days, cron.fields.weekdays
    assert days is not None
    if days == _EVERY_DAY:
        return _with(fields, DAY_OF_MONTH, "*")
    if weekdays == frozenset(range(len(WEEKDAYS))):
        return _with(fields, DAY_OF_WEEK, "*")
    weeks = [n for n, week in _WEEKS.items() if week <= days]
    if weekdays is None or cron.fields.counted or days != frozenset[int]().union(*(_WEEKS[n] for n in weeks)):
        return None
    nth = [f"{WEEKDAYS[weekday]}#{n}" for n in weeks for weekday in sorted(weekdays)]
    return (
        _with(_with(fields, DAY_OF_MONTH, "*").split(), DAY_OF_WEEK, ",".join(nth)) if len(nth) <= _MOST_NTH else None
    )


def _with(fields: list[str], index: int, field: str) -> str:
    return " ".join([*fields[:index], field, *fields[index + 1 :]])

"""Compares a year of cron fires with those of croniter, which Airflow, Dagster and Prefect use."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from zoneinfo import ZoneInfo

from msgspec import Struct

from interlock_cli._output._errors import CliError
from interlock_sla import ClockChange, Cron, clock_changes, other_readings

YEAR = timedelta(days=366)
_AROUND = timedelta(days=1)
_RANGE = re.compile(r"\b([0-9]+)-([0-9]+)(/[0-9]+)?")
_DAY_OF_WEEK, _WEEK = 4, 7


class Reason(Struct, frozen=True):
    """A reason for differences, with the number of fires that it explains."""

    text: str
    fires: int


class Comparison(Struct, frozen=True):
    """The fires of a year by both readers.

    product: croniter with its version. rejected: its error, if it does not read the expression. here, there: the
    numbers of fires. only_here, only_there: the fires (UTC) that the other reader does not have, ascending. reasons:
    why they differ. A fire without a known reason has `no known reason`.
    """

    product: str
    since: datetime
    until: datetime
    rejected: str | None
    here: int
    there: int
    only_here: Sequence[datetime]
    only_there: Sequence[datetime]
    reasons: Sequence[Reason]


def compare(cron: Cron, zone: ZoneInfo, since: datetime) -> Comparison:
    """Compare the fires of the 366 days after a time (UTC). Raises CliError if croniter is not installed."""
    try:
        from croniter import CroniterError, croniter
    except ImportError:
        raise CliError('--compare needs croniter: pip install "interlock-cli[croniter]"') from None
    until = since + YEAR
    here = list(cron.fires_between(since, until, zone))
    product = f"croniter {version('croniter')}"
    try:
        there = list(_fires_of(croniter(cron.text, since.astimezone(zone), ret_type=datetime), until))
    except CroniterError as error:
        return Comparison(product, since, until, str(error), len(here), 0, here, [], [])
    only_here, only_there = sorted(set(here) - set(there)), sorted(set(there) - set(here))
    changes = list(clock_changes(zone, since - _AROUND, until + _AROUND))
    reasons = _reasons(cron, [*only_here, *only_there], changes, zone)
    return Comparison(product, since, until, None, len(here), len(there), only_here, only_there, reasons)


def _fires_of(reader: Iterator[datetime], until: datetime) -> Iterator[datetime]:
    for fire in reader:
        at = fire.astimezone(UTC)
        if at > until:
            return
        yield at


def _reasons(cron: Cron, fires: Iterable[datetime], changes: Sequence[ClockChange], zone: ZoneInfo) -> list[Reason]:
    """The reasons of differing fires: a clock change around them, or the reading of the expression."""
    readings = "; ".join(_readings(cron)) or "no known reason"
    counted = Counter(
        next((_of_change(one, zone) for one in changes if abs(fire - one.at) <= abs(one.after - one.before)), readings)
        for fire in fires
    )
    return [Reason(text, number) for text, number in counted.items()]


def _of_change(change: ClockChange, zone: ZoneInfo) -> str:
    day = change.at.astimezone(zone).date()
    if change.goes_forward:
        return f"clocks go forward on {day}: here a skipped time fires later by the length of the gap"
    return f"clocks go back on {day}: here a time that clocks show twice fires once, the first time"


def _readings(cron: Cron) -> Iterator[str]:
    """The parts of an expression that croniter reads in another way. tests/test_cron_compare.py checks each."""
    fields = cron.text.lower().split()
    yield from (reading for reading in other_readings(cron) if "croniter" in reading)
    if cron.fields.days is not None and cron.fields.nth:
        yield "croniter does not take either of the day fields if the weekday has # or L"
    if any(is_nearest for _, is_nearest in cron.fields.counted) and cron.fields.weekdays is not None:
        yield "croniter ignores the day of week next to W"
    ranges = [(index, found) for index, field in enumerate(fields) for found in _RANGE.finditer(field)]
    for _, (first, last, step) in ((index, found.groups()) for index, found in ranges):
        if step and int(first) > int(last):
            yield f"croniter steps over the end of {first}-{last}{step} in another way"
    for index, found in ranges:
        if _same(index, found[1]) == _same(index, found[2]):
            yield f"croniter reads {found[0]} as *{found[3] or ''}"


def _same(index: int, number: str) -> int:
    """The value of a number. Both 0 and 7 are Sunday."""
    return int(number) % _WEEK if index == _DAY_OF_WEEK else int(number)

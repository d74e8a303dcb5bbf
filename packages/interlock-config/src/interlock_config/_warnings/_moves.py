"""Deadlines that excluded days would move so far that their dates have no clock."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from interlock_config._config import PipelineConfig
from interlock_config._problems import Findings, Path
from interlock_sla import Calendar, DormantDays, Exclusions, ExecutionDate, SlaError, trigger_deadline

_ONE_DAY = timedelta(days=1)
_YEARS = range(1901, 9998)
"""The years whose days, with those around them, are execution dates."""

_DAYS_BEFORE = 3
"""Most days from an execution date to a deadline that falls on the first day of a row of excluded days."""

_WITHOUT: dict[Path, str] = {
    ("sla", "deadline"): "that date has no absolute clock",
    ("schedule", "trigger", "deadline"): "the trigger window of that date has no end",
}


def warn_of_moves_by_calendars(config: PipelineConfig, calendars: Mapping[str, Calendar], findings: Findings) -> None:
    """Record the deadlines that only the named calendars move too far. Each named calendar must be in `calendars`."""
    if config.calendar_names:
        own = _too_far(config, config.own_exclusions)
        _record(
            {path: one for path, one in _too_far(config, config.exclusions(calendars)).items() if path not in own},
            findings,
        )


def _moves(config: PipelineConfig, findings: Findings) -> None:
    _record(_too_far(config, config.own_exclusions), findings)


def _record(found: Mapping[Path, tuple[str, ExecutionDate]], findings: Findings) -> None:
    for path, (deadline, date_) in found.items():
        most = DormantDays.LONGEST_MOVE.days
        message = f"would move by more than {most} days for {date_}: the days after it are excluded; {_WITHOUT[path]}"
        findings.warning(path, deadline, message)


def _too_far(config: PipelineConfig, exclusions: Exclusions) -> dict[Path, tuple[str, ExecutionDate]]:
    """By the place of a deadline: the deadline, and the first date whose deadline moves too far."""
    dormant = config.dormant_days(exclusions)
    rows = [] if dormant is None else list(_long_rows(exclusions))
    found = {}
    for path, deadline, zone in _deadlines(config) if rows else ():
        dates = (one for first in rows for one in _dates_before(config, deadline, first, exclusions))
        lost = next((one for one, fire in dates if _is_lost(deadline, one, zone, fire, dormant)), None)
        if lost is not None:
            found[path] = (deadline, lost)
    return found


def _deadlines(config: PipelineConfig) -> Iterator[tuple[Path, str, ZoneInfo]]:
    sla, trigger = config.sla, config.schedule.trigger
    if sla is not None and sla.deadline is not None:
        yield ("sla", "deadline"), sla.deadline, config.sla_zone
    if trigger is not None and trigger.deadline is not None:
        yield ("schedule", "trigger", "deadline"), trigger.deadline, config.trigger_zone


def _long_rows(exclusions: Exclusions) -> Iterator[date]:
    """The first day of each row of excluded days that is longer than a deadline moves. Weekends alone are shorter."""
    named = {*exclusions.dates, *(day for calendar in exclusions.calendars for day in calendar.dates)}
    seen: set[date] = set()
    for day in sorted(named):
        if day in seen or day.year not in _YEARS or not exclusions.excludes(day):
            continue
        first, last = day, day
        while exclusions.excludes(first - _ONE_DAY) and day - first < DormantDays.LONGEST_MOVE:
            first -= _ONE_DAY
        while exclusions.excludes(last):
            seen.add(last)
            if last == date.max:
                break
            last += _ONE_DAY
        if last - first > DormantDays.LONGEST_MOVE:
            yield first


def _dates_before(
    config: PipelineConfig, deadline: str, first: date, exclusions: Exclusions
) -> Iterator[tuple[ExecutionDate, datetime | None]]:
    """The expected dates of the days before a row of excluded days, each with its cron fire."""
    for day in (first - _ONE_DAY * back for back in range(_DAYS_BEFORE, 0, -1)):
        if exclusions.excludes(day):
            continue
        if config.cron is not None:
            begin = datetime.combine(day, time(), config.zone).astimezone(UTC) - timedelta(seconds=1)
            for fire in config.cron.fires_between(begin, begin + _ONE_DAY, config.zone):
                yield config.cron.execution_date(fire, config.zone), fire
        elif config.schedule.include is None or day in config.schedule.include.dates:
            hours = range(24) if deadline.startswith(":") and config.schedule.include is None else (None,)
            yield from ((ExecutionDate(day, hour), None) for hour in hours)


def _is_lost(
    deadline: str, date_: ExecutionDate, zone: ZoneInfo, fire: datetime | None, dormant: DormantDays | None
) -> bool:
    try:
        return trigger_deadline(deadline, date_, zone, cron_fire=fire, dormant=dormant) is None
    except SlaError:
        return False


MOVE_WARNINGS = (_moves,)

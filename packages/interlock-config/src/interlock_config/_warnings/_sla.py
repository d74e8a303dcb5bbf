"""Deadlines that can hardly be met, or watch nothing."""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import UNSET

from interlock_config._config import PipelineConfig
from interlock_config._problems import Findings, Path
from interlock_config._structs import ExcludedDays
from interlock_sla import Cron, ExecutionDate, format_duration, trigger_deadline

# The instants are fixed: no clock is read, and zones differ by season.
_ANY_TIMES = (datetime(2001, 1, 1, tzinfo=UTC), datetime(2001, 7, 2, tzinfo=UTC))  # Mondays
_ANY_YEAR = 2001
_ABOUT_RUNS = {
    False: "the cron fires once a day; a time of day (HH:MM) is usual",
    True: "the cron fires several times a day; a minute past the hour (:MM) is usual",
}


def _no_clock(config: PipelineConfig, findings: Findings) -> None:
    sla = config.sla
    trigger = config.schedule.trigger
    if sla is None or sla.deadline is not None or sla.max_duration is not None:
        return
    says_what_moves = trigger is not None and trigger.deadline is not None and sla.excluded_days is ExcludedDays.KEEP
    if not says_what_moves:
        findings.warning(("sla",), UNSET, "has neither deadline nor maxDuration; nothing is watched")


def _expected_longer(config: PipelineConfig, findings: Findings) -> None:
    sla = config.sla
    if sla is None or sla.expected_duration is None or sla.max_duration is None:
        return
    if sla.expected_duration >= sla.max_duration:
        message = f"is not shorter than maxDuration ({sla.max_duration.text}); the SLA can never be met"
        findings.warning(("sla", "expectedDuration"), sla.expected_duration.text, message)


def given_deadlines(config: PipelineConfig) -> Iterator[tuple[Path, str]]:
    """The deadlines that a config states, each with its place."""
    trigger, sla = config.schedule.trigger, config.sla
    if trigger is not None and trigger.deadline is not None:
        yield ("schedule", "trigger", "deadline"), trigger.deadline
    if sla is not None and sla.deadline is not None:
        yield ("sla", "deadline"), sla.deadline


def warn_of_deadline_forms(config: PipelineConfig, findings: Findings) -> None:
    """Record the daily deadlines of an hourly cron, and the hourly deadlines of a daily cron."""
    for path, deadline in given_deadlines(config) if config.cron is not None else ():
        assert config.cron is not None
        if deadline.startswith(":") != config.cron.is_hourly:
            findings.warning(path, deadline, _ABOUT_RUNS[config.cron.is_hourly])


def _deadline_too_early(config: PipelineConfig, findings: Findings) -> None:
    sla = config.sla
    if sla is None or sla.deadline is None:
        return
    takes = sla.expected_duration or timedelta(0)
    spans = _spans_after_fires(sla.deadline, config) if config.cron else _spans_of_a_period(sla.deadline, config)
    late = [span for span in spans if span.left <= takes]
    if not late:
        return
    run = f" and a run takes {sla.expected_duration.text}" if sla.expected_duration else ""
    whose = "the SLA" if len(late) == len(spans) else "its SLA"
    can = "can never be met" if any(span.at_most <= takes for span in late) else "cannot be met in part of the year"
    message = f"is {_away(late[0].left)} {late[0].start}{run}; {whose} {can}"
    findings.warning(("sla", "deadline"), sla.deadline, message)


def _away(left: timedelta) -> str:
    return f"{format_duration(left)} after" if left >= timedelta(0) else f"{format_duration(-left)} before"


class _Span(NamedTuple):
    """The time from the earliest usual start of a run to its deadline, in the seasons with the least and the most."""

    start: str
    left: timedelta
    at_most: timedelta


def _of_the_year(spans: Iterable[tuple[str, timedelta]]) -> list[_Span]:
    """One span for each start."""
    found: dict[str, list[timedelta]] = {}
    for start, left in spans:
        found.setdefault(start, []).append(left)
    return [_Span(start, min(lengths), max(lengths)) for start, lengths in found.items()]


def _spans_after_fires(deadline: str, config: PipelineConfig) -> list[_Span]:
    """One span for each fire of a day."""
    assert config.cron is not None
    fires = _fires(config.cron, config.zone, config.sla_zone)
    return _of_the_year(span for fire in fires if (span := _left_after_fire(deadline, fire, config)) is not None)


def _fires(cron: Cron, its_zone: ZoneInfo, sla_zone: ZoneInfo) -> Iterator[datetime]:
    """The fires of a day in each season of the cron's months. The offsets of both zones distinguish the seasons.

    Fires that a change of clocks moves are left out: a warning needs more than one day of the year.
    """
    seasons = set()
    for moment in _moments(cron):
        fire = cron.next_fire(moment, its_zone)
        season = (fire.astimezone(its_zone).utcoffset(), fire.astimezone(sla_zone).utcoffset())
        for _ in range(0 if season in seasons else cron.fires_per_day_max):
            if not _is_moved(fire.astimezone(its_zone), cron):
                yield fire
            fire = cron.next_fire(fire, its_zone)
        seasons.add(season)


def _moments(cron: Cron) -> Iterator[datetime]:
    """Three moments of each month of the cron: clocks change at its start, after a week or two, or at its end."""
    for month in sorted(cron.fields.months):
        for day in (1, 15, monthrange(_ANY_YEAR, month)[1]):
            yield datetime(_ANY_YEAR, month, day, tzinfo=UTC)


def _is_moved(fire: datetime, cron: Cron) -> bool:
    return 60 * fire.hour + fire.minute not in cron.fields.times


def _left_after_fire(deadline: str, fire: datetime, config: PipelineConfig) -> tuple[str, timedelta] | None:
    """The time from a fire to its deadline, moved over the schedule's own excluded days. None without a clock."""
    assert config.cron is not None
    date = config.cron.execution_date(fire, config.zone)
    dormant = config.dormant_days(config.own_exclusions)
    breach = trigger_deadline(deadline, date, config.sla_zone, cron_fire=fire, dormant=dormant)
    if breach is None:
        return None
    local = f"{fire.astimezone(config.zone):%H:%M}"
    return f"the cron fires at {local}" if config.cron.is_hourly else "the cron fires", breach - fire


def _spans_of_a_period(deadline: str, config: PipelineConfig) -> list[_Span]:
    """Without cron, a run covers a day, or an hour if the deadline is `:MM`. Its data cannot come before that time."""
    is_of_an_hour = deadline.startswith(":")
    start = f"the start of its {'hour' if is_of_an_hour else 'day'}"
    dates = [ExecutionDate(moment.date(), 0 if is_of_an_hour else None) for moment in _ANY_TIMES]
    begins = [datetime.combine(date.day, time(), config.zone) for date in dates]
    breaches = [trigger_deadline(deadline, date, config.sla_zone) for date in dates]
    spans = zip(breaches, begins, strict=True)
    return _of_the_year((start, breach - begin) for breach, begin in spans if breach is not None)


SLA_WARNINGS = (_no_clock, _expected_longer, warn_of_deadline_forms, _deadline_too_early)

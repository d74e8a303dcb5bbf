"""Schedules that start nothing, or less than they seem to."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import islice

from msgspec import UNSET

from interlock_config._config import PipelineConfig
from interlock_config._problems import Findings, show_word
from interlock_sla import Calendar, Cron, Exclusions, other_readings

from ._repeats import warn_of_repeats

_ANY_TIME = datetime(2001, 1, 1, tzinfo=UTC)  # fires are sampled from a fixed instant: no clock is read
_SAMPLED_FIRES = 20
_CRON = ("schedule", "cron")
_EXCLUDE = ("schedule", "exclude")


def warn_of_calendars(config: PipelineConfig, calendars: Mapping[str, Calendar], findings: Findings) -> None:
    """Record the dates and fires that the named calendars exclude. Each named calendar must be in `calendars`."""
    if not config.calendar_names:
        return
    own, all_together = config.own_exclusions, config.exclusions(calendars)
    for place, day in enumerate(_inclusion_dates(config)):
        reason = None if own.excludes(day) else all_together.reason(day)
        if reason is not None:
            path = ("schedule", "include", "dates", place)
            findings.warning(path, str(day), f"is excluded by {show_word(path, reason)}; nothing runs that day")
    if not _takes_every_fire(own, config) and _takes_every_fire(all_together, config):
        findings.warning(_CRON, config.schedule.cron, "fires only on days that its calendars leave out")


def _start(config: PipelineConfig, findings: Findings) -> None:
    schedule = config.schedule
    if schedule.cron is None and schedule.trigger is None:
        message = "has neither cron nor trigger; only a rerun request will ever start this pipeline"
        findings.warning(("schedule",), UNSET, message)
    if schedule.time is not None and schedule.cron is None:
        findings.warning(("schedule", "time"), schedule.time, "is read only together with schedule.cron")


def _slots(config: PipelineConfig, findings: Findings) -> None:
    if config.schedule.max_open_dates == 0:
        message = "sets no limit; a flood of rows or rerun requests starts one job per date at once"
        findings.warning(("schedule", "maxOpenDates"), 0, message)


def _inclusion(config: PipelineConfig, findings: Findings) -> None:
    exclusions = config.own_exclusions
    warn_of_repeats(_inclusion_dates(config), ("schedule", "include", "dates"), findings)
    for place, day in enumerate(_inclusion_dates(config)):
        if exclusions.excludes(day):
            path = ("schedule", "include", "dates", place)
            findings.warning(path, str(day), "is excluded by schedule.exclude; nothing runs that day")


def _other_readings(config: PipelineConfig, findings: Findings) -> None:
    """The meaning of the same cron in EventBridge, Quartz, Vixie cron and others."""
    for phrase in other_readings(config.cron) if config.cron is not None else ():
        findings.warning(_CRON, config.schedule.cron, phrase)


def _excluded_fires(config: PipelineConfig, findings: Findings) -> None:
    if _takes_every_fire(config.own_exclusions, config):
        findings.warning(_CRON, config.schedule.cron, "fires only on days that schedule.exclude leaves out")


def _workdays(config: PipelineConfig, findings: Findings) -> None:
    exclude = config.schedule.exclude
    if exclude is not None:
        warn_of_repeats(exclude.dates, (*_EXCLUDE, "dates"), findings)
        warn_of_repeats(exclude.workdays, (*_EXCLUDE, "workdays"), findings)
    for place, day in enumerate(exclude.workdays if exclude else ()):
        if exclude and day in exclude.dates:
            path = (*_EXCLUDE, "workdays", place)
            findings.warning(path, str(day), "is also one of schedule.exclude.dates; the workday counts")


def _inclusion_dates(config: PipelineConfig) -> tuple[date, ...]:
    include = config.schedule.include
    return include.dates if include else ()


def _takes_every_fire(exclusions: Exclusions, config: PipelineConfig) -> bool:
    """Whether every sampled fire is excluded. Dates of single years rarely matter for fires of twenty years ago."""
    if config.cron is None or exclusions == Exclusions():
        return False
    fires = islice(_fires(config.cron, config), _SAMPLED_FIRES)
    return all(exclusions.excludes(fire.astimezone(config.zone).date()) for fire in fires)


def _fires(cron: Cron, config: PipelineConfig) -> Iterator[datetime]:
    moment = _ANY_TIME
    while True:
        moment = cron.next_fire(moment, config.zone)
        yield moment


SCHEDULE_WARNINGS = (_start, _slots, _inclusion, _excluded_fires, _workdays)
CRON_WARNINGS = (_other_readings,)
"""The warnings that read only the cron."""

"""Whether the schedule can happen: zones, cron, inclusion dates and the evaluation window."""

import re
from datetime import timedelta

from msgspec import UNSET

from interlock_sla import CronError, ZoneError, format_duration, parse_cron, zone

from ._check import check, needs_length
from ._config import PipelineConfig
from ._problems import Findings, Path
from ._structs import EvaluationWindow

TURNS_PER_WINDOW = 2000
"""Looks per evaluation window, at most: Step Functions ends an execution at 25,000 history events."""

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_WEEKDAYS = "sun|mon|tue|wed|thu|fri|sat"


def _several(one: str) -> str:
    return rf"(?:{one})(?:-(?:{one})|(?:,(?:{one})){{1,30}})?"


_SIMPLE_CRON = re.compile(
    rf"[0-5]?[0-9] (?:\*|{_several('1?[0-9]|2[0-3]')}) (?:\*|l|{_several('[1-9]|1[0-9]|2[0-8]')}) "
    rf"(?:\*|{_several('[1-9]|1[0-2]|' + _MONTHS)}) (?:\*|{_several('[0-6]|' + _WEEKDAYS)})",
    re.ASCII | re.IGNORECASE,
)
"""Crons that are right at a glance, at most one fire an hour: parsing them can wait until they are used."""

_RANGE = re.compile(r"(\w+)-(\w+)")
_ORDER = {name: place for place, name in enumerate(f"{_WEEKDAYS}|{_MONTHS}".split("|"))}

_SECOND = timedelta(seconds=1)
_EVALUATION: Path = ("schedule", "evaluation")


def _timezone(config: PipelineConfig, findings: Findings) -> None:
    zone_problem(config.schedule.timezone, ("schedule", "timezone"), findings)


def zone_problem(name: str, path: Path, findings: Findings) -> None:
    """Record an unknown time zone, with the nearest known one."""
    try:
        zone(name)
    except ZoneError as error:
        # EST is near CEST and hours away: only a city or another spelling of the same name is a good guess.
        near = error.nearest or ""
        hint = f"; did you mean {near}?" if "/" in near or near.casefold() == name.casefold() != "" else ""
        findings.error(path, name, f"must be an IANA time zone such as Europe/Berlin{hint}")


def is_simple(cron: str) -> bool:
    """Whether a cron is right at a glance; of others this says nothing."""
    if not _SIMPLE_CRON.fullmatch(cron):
        return False
    return "-" not in cron or all(_is_forward(*ends) for ends in _RANGE.findall(cron.lower()))


def _is_forward(first: str, last: str) -> bool:
    if first.isdigit() and last.isdigit():
        return int(first) < int(last)
    return first in _ORDER and last in _ORDER and _ORDER[first] < _ORDER[last]


def _cron(config: PipelineConfig, findings: Findings) -> None:
    text = config.schedule.cron
    if text is None or is_simple(text):
        return
    try:
        cron = parse_cron(text)
    except CronError as error:
        findings.error(("schedule", "cron"), text, error.allowed)
        return
    if cron.is_finer_than_hourly:
        message = "fires more often than once an hour; a run is a day or an hour"
        findings.error(("schedule", "cron"), text, message)


def _cron_or_dates(config: PipelineConfig, findings: Findings) -> None:
    if config.schedule.cron is not None and config.schedule.include is not None:
        findings.error(("schedule", "include"), UNSET, "excludes schedule.cron; keep either the cron or the dates")


def _window(config: PipelineConfig, findings: Findings) -> None:
    needs_length(config.schedule.evaluation.window, (*_EVALUATION, "window"), findings)


def _interval(config: PipelineConfig, findings: Findings) -> None:
    window, interval = config.schedule.evaluation.window, config.schedule.evaluation.interval
    if _SECOND <= interval <= window <= interval * TURNS_PER_WINDOW or findings.touches((*_EVALUATION, "window")):
        return
    problem = None
    if interval < _SECOND:
        problem = "must be at least 1s"
    elif interval > window and interval.text == EvaluationWindow().interval.text:
        message = f"must not be shorter than evaluation.interval ({interval.text} unless given)"
        findings.error((*_EVALUATION, "window"), window.text, message)
    elif interval > window:
        problem = f"must not be longer than evaluation.window ({window.text}): the rules would be looked at once"
    elif interval < window / TURNS_PER_WINDOW:
        least = format_duration(window / TURNS_PER_WINDOW)
        problem = f"must be at least {least}: evaluation.window ({window.text}) holds at most {TURNS_PER_WINDOW} looks"
    if problem is not None:
        findings.error((*_EVALUATION, "interval"), interval.text, problem)


def _dry_run(config: PipelineConfig, findings: Findings) -> None:
    if config.dry_run and config.schedule.trigger is None:
        findings.error(("dryRun",), True, "needs schedule.trigger: a dry run observes what a sensor would start")


SCHEDULE_CHECKS = (
    check(_timezone, "schedule.timezone"),
    check(_cron, "schedule.cron"),
    check(_cron_or_dates, "schedule.cron", "schedule.include"),
    check(_window, "schedule.evaluation.window"),
    check(_interval, "schedule.evaluation"),
    check(_dry_run, "dryRun", "schedule.trigger"),
)

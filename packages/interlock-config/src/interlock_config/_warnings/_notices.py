"""Notices for users of an older Interlock: values of a valid config whose meaning may surprise."""

from collections.abc import Iterator

from interlock_config._config import PipelineConfig
from interlock_config._problems import Findings, Path, Problem
from interlock_config._structs import TriggerCondition
from interlock_rules import Check, Rule
from interlock_sla import ExecutionDate

from ._sla import given_deadlines, warn_of_deadline_forms


def notices(config: PipelineConfig, date: ExecutionDate | None = None, source: str = "") -> tuple[Problem, ...]:
    """The values of a config whose meaning an existing user should know, as warnings. Not all are unusual.

    date: an execution date of the pipeline, such as that of its newest run. Without a cron, the date decides whether
    the runs are daily or hourly. Without cron and date, the runs count as daily.
    """
    findings = Findings(source)
    if config.cron is not None:
        warn_of_deadline_forms(config, findings)
    else:
        _deadlines_without_cron(config, date, findings)
    _fields_that_must_exist(config, findings)
    return tuple(findings.problems)


def _deadlines_without_cron(config: PipelineConfig, date: ExecutionDate | None, findings: Findings) -> None:
    is_hourly = date is not None and date.is_hourly
    for path, deadline in given_deadlines(config):
        is_of_an_hour = deadline.startswith(":")
        if is_of_an_hour and is_hourly:
            continue
        if is_hourly:
            message = f"the runs are hourly, such as {date}; it is the first {deadline} at or after the end of the hour"
        elif not is_of_an_hour:
            message = "is on the day after the execution date, since the schedule has no cron"
        elif date is not None:
            message = f"the runs are daily, such as {date}; it is 00{deadline} on the day after"
        else:
            continue
        findings.warning(path, deadline, message)


def _fields_that_must_exist(config: PipelineConfig, findings: Findings) -> None:
    for path, rule in _rules(config):
        if rule.check is Check.EXISTS and rule.field is not None:
            findings.warning((*path, "field"), rule.field, "exists asks for this field, which must not be null")


def _rules(config: PipelineConfig) -> Iterator[tuple[Path, Rule | TriggerCondition]]:
    if config.schedule.trigger is not None:
        yield ("schedule", "trigger"), config.schedule.trigger
    for place, rule in enumerate(config.validation.rules):
        yield ("validation", "rules", place), rule
    for place, rule in enumerate(config.post_run.rules if config.post_run is not None else ()):
        yield ("postRun", "rules", place), rule

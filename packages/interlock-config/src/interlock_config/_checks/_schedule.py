"""Whether the schedule can happen: zones, cron, inclusion dates and the evaluation window."""

from datetime import timedelta

from msgspec import UNSET

from interlock_config._config import PipelineConfig
from interlock_config._problems import Findings, Path, shown
from interlock_config._structs import EvaluationWindow
from interlock_sla import Cron, CronError, ZoneError, format_duration, parse_cron, zone

from ._check import check, is_given, needs_length

TURNS_PER_WINDOW = 2000
"""Most evaluations in an evaluation window: Step Functions ends an execution at 25,000 history events."""

_SECOND = timedelta(seconds=1)
_CRON: Path = ("schedule", "cron")
_INCLUDE: Path = ("schedule", "include")
_EVALUATION: Path = ("schedule", "evaluation")


def _timezone(config: PipelineConfig, findings: Findings) -> None:
    if config.schedule.timezone is not None:
        zone_problem(config.schedule.timezone, ("schedule", "timezone"), findings)


def zone_problem(name: str, path: Path, findings: Findings) -> None:
    """Record an unknown time zone, with the zone that was probably meant."""
    try:
        zone(name)
    except ZoneError as error:
        hint = f"; {error.hint}" if error.hint else ""
        findings.error(path, name, f"must be an IANA time zone such as Europe/Berlin{hint}")


def _cron(config: PipelineConfig, findings: Findings) -> None:
    text = config.schedule.cron
    if text is None:
        return
    try:
        cron = parse_cron(text)
    except CronError as error:
        # the error quotes the invalid field, which may be a secret
        message = error.allowed if shown(text) == text else "must be five cron fields"
        if error.meant is not None and (too_often := _too_often(parse_cron(error.meant))):
            message = f'is "{error.meant}" in five fields, which {too_often}'
        findings.error(_CRON, text, message)
        return
    if too_often := _too_often(cron):
        findings.error(_CRON, text, too_often)


def _too_often(cron: Cron) -> str | None:
    """The error of a cron that fires more than once in an hour, with a suggested cron. None for any other cron."""
    if not cron.is_finer_than_hourly:
        return None
    hourly = " ".join([str(cron.fields.minutes[0]), *cron.text.split()[1:]])
    return f'fires more often than once an hour; a run covers a day or an hour: name one minute, such as "{hourly}"'


def _cron_or_dates(config: PipelineConfig, findings: Findings) -> None:
    cron, include = config.schedule.cron, config.schedule.include
    if is_given(cron, _CRON, findings) and is_given(include, _INCLUDE, findings):
        findings.error(_INCLUDE, UNSET, "excludes schedule.cron; keep either the cron or the dates")


def _window(config: PipelineConfig, findings: Findings) -> None:
    needs_length(config.schedule.evaluation.window, (*_EVALUATION, "window"), findings)


def _interval(config: PipelineConfig, findings: Findings) -> None:
    interval = config.schedule.evaluation.interval
    if interval < _SECOND:
        findings.error((*_EVALUATION, "interval"), interval.text, "must be at least 1s")


def _looks(config: PipelineConfig, findings: Findings) -> None:
    window, interval = config.schedule.evaluation.window, config.schedule.evaluation.interval
    if interval <= window <= interval * TURNS_PER_WINDOW:
        return
    if interval > window and interval.text == EvaluationWindow().interval.text:
        message = f"must not be shorter than evaluation.interval ({interval.text} unless given)"
        findings.error((*_EVALUATION, "window"), window.text, message)
        return
    if interval > window:
        problem = f"must not be longer than evaluation.window ({window.text}): the rules would be evaluated only once"
    else:
        least = format_duration(window / TURNS_PER_WINDOW)
        problem = (
            f"must be at least {least}: evaluation.window ({window.text}) allows at most {TURNS_PER_WINDOW} evaluations"
        )
    findings.error((*_EVALUATION, "interval"), interval.text, problem)


def _dry_run(config: PipelineConfig, findings: Findings) -> None:
    if config.dry_run and config.schedule.trigger is None:
        findings.error(
            ("dryRun",), True, "needs schedule.trigger: a dry run observes the runs that a sensor would start"
        )


SCHEDULE_CHECKS = (
    check(_timezone, "schedule.timezone"),
    check(_cron, "schedule.cron"),
    check(_cron_or_dates),
    check(_window, "schedule.evaluation.window"),
    check(_interval, "schedule.evaluation.interval"),
    check(_looks, "schedule.evaluation"),
    check(_dry_run, "dryRun", "schedule.trigger"),
)

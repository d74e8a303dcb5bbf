"""What a config may say and probably does not mean."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import msgspec
from msgspec import UNSET

from interlock_rules import key_matches
from interlock_sla import ExecutionDate, absolute_deadline, format_duration

from ._config import PipelineConfig
from ._expansion import is_ours, variables
from ._problems import Findings, Problem, render
from ._structs import Exclusion

RESERVED_ID = "INFRASTRUCTURE"
"""The pipeline id under which alarms of the infrastructure are reported."""

_ANY_TIME = datetime(2001, 1, 1, tzinfo=UTC)  # fires are sampled from a fixed instant: no clock is read
_SAMPLED_FIRES = 20
_SATURDAY = 5


def warnings(config: PipelineConfig, source: str = "") -> tuple[Problem, ...]:
    """What is allowed and probably not meant, such as a deadline that cannot be met. Never an error."""
    findings = Findings(source)
    warn(config, findings)
    return tuple(findings.problems)


def warn(config: PipelineConfig, findings: Findings) -> None:
    """Record every warning about a valid config."""
    for look in _LOOKS:
        look(config, findings)


def _reserved_id(config: PipelineConfig, findings: Findings) -> None:
    if config.id == RESERVED_ID:
        findings.warning(("pipeline", "id"), config.id, "is also the id under which infrastructure alarms appear")


def _start(config: PipelineConfig, findings: Findings) -> None:
    schedule = config.schedule
    if schedule.cron is None and schedule.trigger is None:
        findings.warning(
            ("schedule",), UNSET, "has neither cron nor trigger; only a rerun request will ever start this pipeline"
        )
    if schedule.time is not None and schedule.cron is None:
        findings.warning(("schedule", "time"), schedule.time, "is read only together with schedule.cron")


def _unread_trigger(config: PipelineConfig, findings: Findings) -> None:
    trigger = config.schedule.trigger
    if trigger is None:
        return
    keys = [rule.key for rule in config.validation.rules]
    if not any(key_matches(trigger.key, key) or key_matches(key, trigger.key) for key in keys):
        findings.warning(
            ("schedule", "trigger", "key"),
            trigger.key,
            f"is read by no rule; the rules read {', '.join(dict.fromkeys(keys))}",
        )


def _repeated_rules(config: PipelineConfig, findings: Findings) -> None:
    first: dict[bytes, int] = {}
    for place, rule in enumerate(config.validation.rules):
        earlier = first.setdefault(msgspec.json.encode(rule), place)
        if earlier != place:
            path = ("validation", "rules")
            findings.warning((*path, place), UNSET, f"repeats {render((*path, earlier))}")


def _inclusion(config: PipelineConfig, findings: Findings) -> None:
    include, exclude = config.schedule.include, config.schedule.exclude or Exclusion()
    seen: set[date] = set()
    excluded = set(exclude.dates)
    for place, day in enumerate(include.dates if include else ()):
        path = ("schedule", "include", "dates", place)
        if day in seen:
            findings.warning(path, str(day), "is given twice")
        if (exclude.weekends and day.weekday() >= _SATURDAY) or day in excluded:
            findings.warning(path, str(day), "is excluded by schedule.exclude; nothing runs that day")
        seen.add(day)


def _excluded_fires(config: PipelineConfig, findings: Findings) -> None:
    exclude = config.schedule.exclude
    if config.cron is None or exclude is None:
        return
    moment = _ANY_TIME
    for _ in range(_SAMPLED_FIRES):
        moment = config.cron.next_fire(moment, config.zone)
        day = moment.astimezone(config.zone).date()
        if not (exclude.weekends and day.weekday() >= _SATURDAY):
            return
    findings.warning(("schedule", "cron"), config.schedule.cron, "fires only on days that schedule.exclude leaves out")


def _no_clock(config: PipelineConfig, findings: Findings) -> None:
    sla = config.sla
    if sla is not None and sla.deadline is None and sla.max_duration is None:
        findings.warning(("sla",), UNSET, "has neither deadline nor maxDuration; nothing is watched")


def _expected_longer(config: PipelineConfig, findings: Findings) -> None:
    sla = config.sla
    if sla is None or sla.expected_duration is None or sla.max_duration is None:
        return
    if sla.expected_duration >= sla.max_duration:
        findings.warning(
            ("sla", "expectedDuration"),
            sla.expected_duration.text,
            f"is not shorter than maxDuration ({sla.max_duration.text}); the SLA can never be met",
        )


def _deadline_form(config: PipelineConfig, findings: Findings) -> None:
    trigger, sla = config.schedule.trigger, config.sla
    if config.cron is None:
        return
    given = {
        ("sla", "deadline"): sla.deadline if sla else None,
        ("schedule", "trigger", "deadline"): trigger.deadline if trigger else None,
    }
    for path, deadline in given.items():
        if deadline is not None and deadline.startswith(":") != config.cron.is_hourly:
            runs, wanted, form = (
                ("several times a day", "a minute past the hour", ":MM")
                if config.cron.is_hourly
                else ("once a day", "a time of day", "HH:MM")
            )
            findings.warning(path, deadline, f"the cron fires {runs}; {wanted} ({form}) is usual")


def _deadline_too_early(config: PipelineConfig, findings: Findings) -> None:
    sla, cron = config.sla, config.cron
    if sla is None or sla.deadline is None or cron is None:
        return
    fire = cron.next_fire(_ANY_TIME, config.zone)
    local = fire.astimezone(config.zone)
    date = ExecutionDate(local.date(), local.hour if cron.is_hourly else None)
    deadline = absolute_deadline(sla.deadline, date, config.sla_zone, cron_fire=fire, expected=sla.expected_duration)
    left = deadline.breach_at - fire
    if left <= (sla.expected_duration or timedelta(0)):
        takes = f" and a run takes {sla.expected_duration.text}" if sla.expected_duration else ""
        findings.warning(
            ("sla", "deadline"),
            sla.deadline,
            f"is {format_duration(left)} after the cron fires{takes}; the SLA can never be met",
        )


def _lost_variables(config: PipelineConfig, findings: Findings) -> None:
    for path, name in variables(config.job.config, ("job", "config")):
        if not is_ours(name):
            findings.warning(path, "${" + name + "}", "expands to nothing; only ${INTERLOCK_…} variables are expanded")


_LOOKS: tuple[Callable[[PipelineConfig, Findings], None], ...] = (
    _reserved_id,
    _start,
    _unread_trigger,
    _repeated_rules,
    _inclusion,
    _excluded_fires,
    _no_clock,
    _expected_longer,
    _deadline_form,
    _deadline_too_early,
    _lost_variables,
)

"""Which deadlines can hardly be met, or watch nothing."""

from datetime import UTC, datetime, timedelta

from msgspec import UNSET

from interlock_sla import absolute_deadline, format_duration

from ._config import PipelineConfig
from ._problems import Findings

_ANY_TIME = datetime(2001, 1, 1, tzinfo=UTC)  # one fire is looked at, from a fixed instant: no clock is read
_ABOUT_RUNS = {
    False: "the cron fires once a day; a time of day (HH:MM) is usual",
    True: "the cron fires several times a day; a minute past the hour (:MM) is usual",
}


def _no_clock(config: PipelineConfig, findings: Findings) -> None:
    sla = config.sla
    if sla is not None and sla.deadline is None and sla.max_duration is None:
        findings.warning(("sla",), UNSET, "has neither deadline nor maxDuration; nothing is watched")


def _expected_longer(config: PipelineConfig, findings: Findings) -> None:
    sla = config.sla
    if sla is None or sla.expected_duration is None or sla.max_duration is None:
        return
    if sla.expected_duration >= sla.max_duration:
        message = f"is not shorter than maxDuration ({sla.max_duration.text}); the SLA can never be met"
        findings.warning(("sla", "expectedDuration"), sla.expected_duration.text, message)


def _deadline_form(config: PipelineConfig, findings: Findings) -> None:
    trigger, sla = config.schedule.trigger, config.sla
    given = {
        ("schedule", "trigger", "deadline"): trigger.deadline if trigger else None,
        ("sla", "deadline"): sla.deadline if sla else None,
    }
    for path, deadline in given.items():
        if config.cron is None or deadline is None:
            continue
        if deadline.startswith(":") != config.cron.is_hourly:
            findings.warning(path, deadline, _ABOUT_RUNS[config.cron.is_hourly])


def _deadline_too_early(config: PipelineConfig, findings: Findings) -> None:
    sla, cron = config.sla, config.cron
    if sla is None or sla.deadline is None or cron is None:
        return
    fire = cron.next_fire(_ANY_TIME, config.zone)
    date = cron.execution_date(fire, config.zone)
    deadline = absolute_deadline(sla.deadline, date, config.sla_zone, cron_fire=fire, expected=None)
    left = deadline.breach_at - fire
    if left <= (sla.expected_duration or timedelta(0)):
        takes = f" and a run takes {sla.expected_duration.text}" if sla.expected_duration else ""
        message = f"is {format_duration(left)} after the cron fires{takes}; the SLA can never be met"
        findings.warning(("sla", "deadline"), sla.deadline, message)


SLA_WARNINGS = (_no_clock, _expected_longer, _deadline_form, _deadline_too_early)

"""Whether the deadlines can be computed: zones, positive durations, and a start for the relative clock."""

from datetime import timedelta

from msgspec import UNSET

from interlock_config._config import PipelineConfig
from interlock_config._problems import Findings

from ._check import check, is_given, needs_length
from ._schedule import zone_problem

_DAY = timedelta(hours=24)


def _timezone(config: PipelineConfig, findings: Findings) -> None:
    if config.sla is not None and config.sla.timezone is not None:
        zone_problem(config.sla.timezone, ("sla", "timezone"), findings)


def _expected(config: PipelineConfig, findings: Findings) -> None:
    needs_length(config.sla.expected_duration if config.sla else None, ("sla", "expectedDuration"), findings)


def _longest(config: PipelineConfig, findings: Findings) -> None:
    needs_length(config.sla.max_duration if config.sla else None, ("sla", "maxDuration"), findings, _DAY)


def _clock_start(config: PipelineConfig, findings: Findings) -> None:
    path, longest = ("sla", "maxDuration"), config.sla.max_duration if config.sla else None
    if config.schedule.trigger is None and is_given(longest, path, findings):
        value = longest.text if longest is not None else UNSET  # the error of an invalid duration shows its value
        findings.error(path, value, "needs schedule.trigger: its clock starts when the trigger's sensor arrives")


SLA_CHECKS = (
    check(_timezone, "sla.timezone"),
    check(_expected, "sla.expectedDuration"),
    check(_longest, "sla.maxDuration"),
    check(_clock_start, "schedule.trigger"),
)

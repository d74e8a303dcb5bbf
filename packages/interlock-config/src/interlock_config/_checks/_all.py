"""The combinations of well-formed values that cannot work: every rule beyond the type of a single place."""

from interlock_config._config import PipelineConfig
from interlock_config._problems import Findings

from ._check import Check
from ._job import JOB_CHECKS
from ._rules import RULE_CHECKS
from ._schedule import SCHEDULE_CHECKS
from ._sla import SLA_CHECKS

CHECKS: tuple[Check, ...] = (*SCHEDULE_CHECKS, *SLA_CHECKS, *RULE_CHECKS, *JOB_CHECKS)


def run_checks(config: PipelineConfig, findings: Findings) -> None:
    """Record the errors across places. A check is skipped if an error was recorded at a place that it reads."""
    for find, reads in CHECKS:
        if not findings.failed or not any(findings.touches(path) for path in reads):
            find(config, findings)

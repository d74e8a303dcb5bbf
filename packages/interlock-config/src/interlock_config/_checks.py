"""Which combinations of well-formed values cannot work: every rule beyond the type of a single place."""

from ._check import Check
from ._checks_job import JOB_CHECKS
from ._checks_rules import RULE_CHECKS
from ._checks_schedule import SCHEDULE_CHECKS
from ._checks_sla import SLA_CHECKS
from ._config import PipelineConfig
from ._problems import Findings

CHECKS: tuple[Check, ...] = (*SCHEDULE_CHECKS, *SLA_CHECKS, *RULE_CHECKS, *JOB_CHECKS)


def run_checks(config: PipelineConfig, findings: Findings) -> None:
    """Record what is wrong across places; a check whose places are already wrong is left out."""
    for find, reads in CHECKS:
        if not findings.failed or not any(findings.touches(path) for path in reads):
            find(config, findings)

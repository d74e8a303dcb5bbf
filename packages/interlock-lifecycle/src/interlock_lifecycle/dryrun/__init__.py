"""Dry runs: the same decisions as live, as events that start nothing."""

from interlock_lifecycle.dryrun._dry_run import (
    DryRunFacts,
    FailureFacts,
    begin_dry_run,
    decide_dry_run,
    decide_dry_run_failure,
    decide_waiting_dry_run,
    failure_marker,
    project_sla,
)

__all__ = [
    "DryRunFacts",
    "FailureFacts",
    "begin_dry_run",
    "decide_dry_run",
    "decide_dry_run_failure",
    "decide_waiting_dry_run",
    "failure_marker",
    "project_sla",
]

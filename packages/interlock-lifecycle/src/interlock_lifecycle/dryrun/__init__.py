"""Dry runs: the same decisions as live, as events that start nothing."""

from interlock_lifecycle.dryrun._shadow import (
    FailureFacts,
    ShadowFacts,
    begin_shadow,
    decide_shadow,
    decide_shadow_failure,
    decide_waiting_shadow,
    failure_marker,
    project_sla,
)

__all__ = [
    "FailureFacts",
    "ShadowFacts",
    "begin_shadow",
    "decide_shadow",
    "decide_shadow_failure",
    "decide_waiting_shadow",
    "failure_marker",
    "project_sla",
]

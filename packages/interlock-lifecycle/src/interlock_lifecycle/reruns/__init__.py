"""Rerun requests: accepted within their budget, or rejected with the reason."""

from interlock_lifecycle.reruns._rerun import (
    OWN_REASONS,
    RerunFacts,
    RerunRequest,
    decide_rerun,
    reject_rerun,
)

__all__ = [
    "OWN_REASONS",
    "RerunFacts",
    "RerunRequest",
    "decide_rerun",
    "reject_rerun",
]

"""Rerun requests: accepted within their budget, or rejected with the reason."""

from interlock_lifecycle._words import OWN_REASONS
from interlock_lifecycle.reruns._rejections import REPORTED_EVERY, count_rejection, report_rejections
from interlock_lifecycle.reruns._rerun import (
    RerunFacts,
    RerunRequest,
    decide_rerun,
    reject_rerun,
)

__all__ = [
    "OWN_REASONS",
    "REPORTED_EVERY",
    "RerunFacts",
    "RerunRequest",
    "count_rejection",
    "decide_rerun",
    "reject_rerun",
    "report_rejections",
]

"""Waits: what a run waits for, what wakes it, and when it looks without a wake."""

from interlock_lifecycle.waits._held import decide_hold, is_of, name_rule
from interlock_lifecycle.waits._looks import (
    CACHED_CONFIG_LIFE,
    FREE_WAKES,
    LONGEST_JOB_WAIT,
    LONGEST_WAIT,
    before_deadline,
    look_seconds,
    rest_seconds,
    wait_seconds,
    whole_seconds,
)
from interlock_lifecycle.waits._wakes import JOBS_WITH_EVENTS, JobName, is_validated, job_of_event, name_of_job, wakes

__all__ = [
    "CACHED_CONFIG_LIFE",
    "FREE_WAKES",
    "JOBS_WITH_EVENTS",
    "LONGEST_JOB_WAIT",
    "LONGEST_WAIT",
    "JobName",
    "before_deadline",
    "decide_hold",
    "is_of",
    "is_validated",
    "job_of_event",
    "look_seconds",
    "name_of_job",
    "name_rule",
    "rest_seconds",
    "wait_seconds",
    "wakes",
    "whole_seconds",
]

"""Names the events of the joblog, the categories of failures and the reasons of reruns, as rows have them."""

from enum import StrEnum


class JobEvent(StrEnum):
    """The events of joblog rows (docs/reference/rows.md §3)."""

    SUCCESS = "success"
    FAIL = "fail"
    TIMEOUT = "timeout"
    INFRA_TRIGGER_FAILURE = "infra-trigger-failure"
    INFRA_TRIGGER_EXHAUSTED = "infra-trigger-exhausted"
    LATE_DATA_ARRIVAL = "late-data-arrival"
    RERUN_ACCEPTED = "rerun-accepted"
    RERUN_REJECTED = "rerun-rejected"
    VALIDATION_EXHAUSTED = "validation-exhausted"
    JOB_POLL_EXHAUSTED = "job-poll-exhausted"


TERMINAL_JOB_EVENTS: frozenset[str] = frozenset({JobEvent.SUCCESS, JobEvent.FAIL, JobEvent.TIMEOUT})
"""The outcomes of a job."""

JOB_EVENTS: frozenset[str] = frozenset(JobEvent)
"""All events of joblog rows."""


class FailureCategory(StrEnum):
    """The categories of failures: try again, change something first, or out of time (docs/reference/runs.md §5)."""

    TRANSIENT = "TRANSIENT"
    PERMANENT = "PERMANENT"
    TIMEOUT = "TIMEOUT"


class RerunReason(StrEnum):
    """The reasons of reruns that Interlock knows. An operator may give any other text, except the first."""

    JOB_FAIL_RETRY = "job-fail-retry"
    """A retry after a failed job. Only such attempts wait for the retry delay."""
    LATE_DATA = "late-data"
    DATA_DRIFT = "data-drift"
    REPEATED_HOUR = "repeated-hour"
    """The rest of an hour that clocks show twice came after the run had begun."""
    MANUAL = "manual"
    """The default of a request without a reason."""


OWN_REASONS = frozenset({RerunReason.LATE_DATA, RerunReason.DATA_DRIFT, RerunReason.REPEATED_HOUR})
"""Reasons that Interlock writes itself. They share maxDriftReruns. All other reasons share maxManualReruns."""

"""Reports for people: the state of a run, and dates that rows would hold."""

from interlock_lifecycle.reports._outlook import (
    DateHold,
    MovedDeadline,
    date_to_judge,
    held_by_dates,
    moved_deadlines,
    unreadable_triggers,
)
from interlock_lifecycle.reports._report import (
    Progress,
    RunReport,
    SlaReport,
    dates_not_begun,
    describe_absent,
    describe_run,
)

__all__ = [
    "DateHold",
    "MovedDeadline",
    "Progress",
    "RunReport",
    "SlaReport",
    "date_to_judge",
    "dates_not_begun",
    "describe_absent",
    "describe_run",
    "held_by_dates",
    "moved_deadlines",
    "unreadable_triggers",
]

"""Reports for people: the state of a run, the explanation of a date, and dates that rows would hold."""

from interlock_lifecycle.reports._absent import why_not_triggered
from interlock_lifecycle.reports._assumptions import explain_assumed
from interlock_lifecycle.reports._date_facts import DateFacts, Evaluation
from interlock_lifecycle.reports._explanation import (
    ACCEPTED,
    DORMANT,
    EXCLUDED,
    NOT_EXPECTED,
    Budget,
    Explanation,
    LogLine,
    explain_date,
    rerun_answer,
)
from interlock_lifecycle.reports._outlook import (
    DateHold,
    MovedDeadline,
    date_to_judge,
    held_by_dates,
    moved_deadlines,
    unreadable_triggers,
)
from interlock_lifecycle.reports._readings import RuleReading
from interlock_lifecycle.reports._report import (
    Progress,
    RunReport,
    SlaReport,
    dates_not_begun,
    describe_absent,
    describe_run,
)

__all__ = [
    "ACCEPTED",
    "DORMANT",
    "EXCLUDED",
    "NOT_EXPECTED",
    "Budget",
    "DateFacts",
    "DateHold",
    "Evaluation",
    "Explanation",
    "LogLine",
    "MovedDeadline",
    "Progress",
    "RuleReading",
    "RunReport",
    "SlaReport",
    "date_to_judge",
    "dates_not_begun",
    "describe_absent",
    "describe_run",
    "explain_assumed",
    "explain_date",
    "held_by_dates",
    "moved_deadlines",
    "rerun_answer",
    "unreadable_triggers",
    "why_not_triggered",
]

"""Trials: a changed pipeline file on recorded dates, with what happened and what would have happened."""

from interlock_lifecycle.trials._comparison import WORDS, Change, Expected, TriedDate
from interlock_lifecycle.trials._course import Occurrence
from interlock_lifecycle.trials._record import DateRecord, RecordedEvent, read_recorded
from interlock_lifecycle.trials._trial import ASSUMPTIONS, Trial, expected_by, try_dates

__all__ = [
    "ASSUMPTIONS",
    "WORDS",
    "Change",
    "DateRecord",
    "Expected",
    "Occurrence",
    "RecordedEvent",
    "Trial",
    "TriedDate",
    "expected_by",
    "read_recorded",
    "try_dates",
]

"""Expected dates of a pipeline, missed and excluded dates, and the times since when the terms of a config apply."""

from interlock_lifecycle.dates._excluded import (
    ExcludedDays,
    excluded_days,
    notes_these_days,
    read_excluded_days,
)
from interlock_lifecycle.dates._expected import (
    MISSED_AFTER,
    DueClock,
    Expectation,
    ExpectedStart,
    Window,
    due_clocks,
    due_fires,
    due_starts,
    due_trigger_deadlines,
    expected_dates,
    fire_of,
)
from interlock_lifecycle.dates._missed import (
    ExpiryFacts,
    decide_missed,
    expire_trigger,
    has_stand_in,
)
from interlock_lifecycle.dates._terms import (
    EXCLUDED_DAYS,
    Duty,
    clocks_since,
    dates_since,
    duty_since,
    excluded_since,
    fires_since,
    schedule_since,
    terms_of,
)

__all__ = [
    "EXCLUDED_DAYS",
    "MISSED_AFTER",
    "DueClock",
    "Duty",
    "ExcludedDays",
    "Expectation",
    "ExpectedStart",
    "ExpiryFacts",
    "Window",
    "clocks_since",
    "dates_since",
    "decide_missed",
    "due_clocks",
    "due_fires",
    "due_starts",
    "due_trigger_deadlines",
    "duty_since",
    "excluded_days",
    "excluded_since",
    "expected_dates",
    "expire_trigger",
    "fire_of",
    "fires_since",
    "has_stand_in",
    "notes_these_days",
    "read_excluded_days",
    "schedule_since",
    "terms_of",
]

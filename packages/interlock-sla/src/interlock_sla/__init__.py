"""Deadlines, durations, execution dates, cron fires and calendars for data pipelines."""

from ._calendars import Calendar, Exclusions, parse_weekday, recent_inclusions
from ._clock_changes import ChangedFire, ClockChange, changed_fires, clock_changes
from ._cron import Cron, parse_cron
from ._cron_readings import other_readings
from ._cron_words import cron_words
from ._dates import ExecutionDate, execution_day, parse_execution_date
from ._deadlines import (
    Clock,
    Deadline,
    DormantDays,
    absolute_deadline,
    parse_deadline,
    relative_deadline,
    trigger_deadline,
)
from ._durations import Duration, format_duration, parse_duration
from ._errors import (
    CalendarError,
    CronError,
    DeadlineError,
    DurationError,
    ExecutionDateError,
    NaiveTimeError,
    SlaError,
    TimeRangeError,
    ZoneError,
)
from ._periods import Period, period_of
from ._verdicts import Outcome, all_met, judge
from ._zones import zone

__all__ = [
    "Calendar",
    "CalendarError",
    "ChangedFire",
    "Clock",
    "ClockChange",
    "Cron",
    "CronError",
    "Deadline",
    "DeadlineError",
    "DormantDays",
    "Duration",
    "DurationError",
    "Exclusions",
    "ExecutionDate",
    "ExecutionDateError",
    "NaiveTimeError",
    "Outcome",
    "Period",
    "SlaError",
    "TimeRangeError",
    "ZoneError",
    "absolute_deadline",
    "all_met",
    "changed_fires",
    "clock_changes",
    "cron_words",
    "execution_day",
    "format_duration",
    "judge",
    "other_readings",
    "parse_cron",
    "parse_deadline",
    "parse_duration",
    "parse_execution_date",
    "parse_weekday",
    "period_of",
    "recent_inclusions",
    "relative_deadline",
    "trigger_deadline",
    "zone",
]

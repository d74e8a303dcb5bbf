"""SLA clocks: deadlines of a run, alerts, verdicts, timers."""

from interlock_lifecycle.slas._alert import (
    AlertFacts,
    TooEarly,
    decide_alert,
    warning_marker,
)
from interlock_lifecycle.slas._sla import (
    GivenSla,
    SlaFacts,
    calculate_deadlines,
    clocks_in_trouble,
    deadlines_of,
    deadlines_of_run,
    judge_completed,
    settle,
)
from interlock_lifecycle.slas._timers import (
    Timer,
    report_unscheduled,
    timer_input,
    timers_of,
)

__all__ = [
    "AlertFacts",
    "GivenSla",
    "SlaFacts",
    "Timer",
    "TooEarly",
    "calculate_deadlines",
    "clocks_in_trouble",
    "deadlines_of",
    "deadlines_of_run",
    "decide_alert",
    "judge_completed",
    "report_unscheduled",
    "settle",
    "timer_input",
    "timers_of",
    "warning_marker",
]

"""Sensors: from an arriving row to a run, late data, drift, a kept row or a rejection."""

from interlock_lifecycle.sensors._accounted import (
    may_be_overwritten,
    request_time_of,
    request_time_of_rest,
)
from interlock_lifecycle.sensors._arrival import (
    SensorFacts,
    SensorPath,
    UnreadableSensor,
    has_period,
    is_reserved,
    path_of,
    run_key_of,
    triggers,
)
from interlock_lifecycle.sensors._baseline import (
    Baseline,
    NoBaseline,
    take_baseline,
    watching_rule,
)
from interlock_lifecycle.sensors._dormant import (
    DormantDate,
    TakeUp,
    dormant_marker,
    is_dormant,
    judge_dormant,
    next_allowed_day,
    start_dormant,
    stop_waiting,
)
from interlock_lifecycle.sensors._kept import (
    dated_rules,
    dates_to_keep,
    decide_keeping,
)
from interlock_lifecycle.sensors._observed import (
    MOST_OBSERVED_BYTES,
    ObservedRow,
    describe_rows,
    observed_rules,
    read_rows,
)
from interlock_lifecycle.sensors._postrun import (
    awaited,
    day_of_report,
    decide_post_run,
    miss_post_run,
    reports_on,
)
from interlock_lifecycle.sensors._reconcile import (
    NEWEST_PERIODS,
    Stranded,
    dormant_since,
    recover_trigger,
    report_undated,
    start_of_fire,
    stranded_sensors,
    undated_marker,
    undated_sensors,
)
from interlock_lifecycle.sensors._rejected import (
    decide_rejection,
    problem_of,
    reads,
    rejection_marker,
)
from interlock_lifecycle.sensors._sensor import (
    decide_sensor,
)

__all__ = [
    "MOST_OBSERVED_BYTES",
    "NEWEST_PERIODS",
    "Baseline",
    "DormantDate",
    "NoBaseline",
    "ObservedRow",
    "SensorFacts",
    "SensorPath",
    "Stranded",
    "TakeUp",
    "UnreadableSensor",
    "awaited",
    "dated_rules",
    "dates_to_keep",
    "day_of_report",
    "decide_keeping",
    "decide_post_run",
    "decide_rejection",
    "decide_sensor",
    "describe_rows",
    "dormant_marker",
    "dormant_since",
    "has_period",
    "is_dormant",
    "is_reserved",
    "judge_dormant",
    "may_be_overwritten",
    "miss_post_run",
    "next_allowed_day",
    "observed_rules",
    "path_of",
    "problem_of",
    "read_rows",
    "reads",
    "recover_trigger",
    "rejection_marker",
    "report_undated",
    "reports_on",
    "request_time_of",
    "request_time_of_rest",
    "run_key_of",
    "start_dormant",
    "start_of_fire",
    "stop_waiting",
    "stranded_sensors",
    "take_baseline",
    "triggers",
    "undated_marker",
    "undated_sensors",
    "watching_rule",
]

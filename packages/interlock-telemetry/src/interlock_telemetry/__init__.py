"""Traces, metrics, JSON logs, deadlines, health and profiles for Lambda functions."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interlock_telemetry._aws import aws_client
    from interlock_telemetry._correlation import bind_correlation, correlation_id
    from interlock_telemetry._deadline import InvocationDeadline, LambdaContext
    from interlock_telemetry._entry import LambdaEntry
    from interlock_telemetry._environment import Settings, environment
    from interlock_telemetry._errors import (
        CallTimeout,
        DeadlinePassed,
        EnvironmentFault,
        InvalidEnvironment,
        MissingEnvironment,
        StageTimeout,
        TelemetryError,
    )
    from interlock_telemetry._flush import flush
    from interlock_telemetry._health import Shown, is_ping, ping
    from interlock_telemetry._instruments import (
        count_records,
        export_to,
        instrument,
        measure,
        past_span,
        span,
        stage,
        traceparent,
    )
    from interlock_telemetry._logs import EventLogger, JsonFormatter, configure_logging, get_logger
    from interlock_telemetry._metrics import Metric
    from interlock_telemetry._operator import answer_operator
    from interlock_telemetry._pool import Outcome, run_bounded, run_stage
    from interlock_telemetry._profile import is_profile, profile
    from interlock_telemetry._runs import BoundRun, bind_run, bound_run
    from interlock_telemetry._variables import Variable, arn, duration, truth, url, whole_number
    from interlock_telemetry._within import bind_deadline, call_in_time, out_of_time, pause, reject_after_deadline
    from interlock_telemetry._zone_database import zone_database

__all__ = [
    "BoundRun",
    "CallTimeout",
    "DeadlinePassed",
    "EnvironmentFault",
    "EventLogger",
    "InvalidEnvironment",
    "InvocationDeadline",
    "JsonFormatter",
    "LambdaContext",
    "LambdaEntry",
    "Metric",
    "MissingEnvironment",
    "Outcome",
    "Settings",
    "Shown",
    "StageTimeout",
    "TelemetryError",
    "Variable",
    "answer_operator",
    "arn",
    "aws_client",
    "bind_correlation",
    "bind_deadline",
    "bind_run",
    "bound_run",
    "call_in_time",
    "configure_logging",
    "correlation_id",
    "count_records",
    "duration",
    "environment",
    "export_to",
    "flush",
    "get_logger",
    "instrument",
    "is_ping",
    "is_profile",
    "measure",
    "out_of_time",
    "past_span",
    "pause",
    "ping",
    "profile",
    "reject_after_deadline",
    "run_bounded",
    "run_stage",
    "span",
    "stage",
    "traceparent",
    "truth",
    "url",
    "whole_number",
    "zone_database",
]

_NAMES = {
    "_aws": ("aws_client",),
    "_correlation": ("bind_correlation", "correlation_id"),
    "_deadline": ("InvocationDeadline", "LambdaContext"),
    "_entry": ("LambdaEntry",),
    "_environment": ("Settings", "environment"),
    "_errors": (
        "CallTimeout",
        "DeadlinePassed",
        "EnvironmentFault",
        "InvalidEnvironment",
        "MissingEnvironment",
        "StageTimeout",
        "TelemetryError",
    ),
    "_flush": ("flush",),
    "_health": ("Shown", "is_ping", "ping"),
    "_instruments": (
        "count_records",
        "export_to",
        "instrument",
        "measure",
        "past_span",
        "span",
        "stage",
        "traceparent",
    ),
    "_logs": ("EventLogger", "JsonFormatter", "configure_logging", "get_logger"),
    "_metrics": ("Metric",),
    "_operator": ("answer_operator",),
    "_pool": ("Outcome", "run_bounded", "run_stage"),
    "_profile": ("is_profile", "profile"),
    "_runs": ("BoundRun", "bind_run", "bound_run"),
    "_variables": ("Variable", "arn", "duration", "truth", "url", "whole_number"),
    "_within": ("bind_deadline", "call_in_time", "out_of_time", "pause", "reject_after_deadline"),
    "_zone_database": ("zone_database",),
}
"""The public names of each module. A module is imported with the first use of one of its names: all take 3 ms."""

_HOMES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A public name, from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    """The public names."""
    return sorted({*globals(), *__all__})

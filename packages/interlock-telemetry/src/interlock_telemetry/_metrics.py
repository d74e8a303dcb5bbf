"""Defines the metrics of the system."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Metric(StrEnum):
    """Every metric of the system. `INSTRUMENTS` has the kind, the unit and the meaning of each."""

    RECORDS_PROCESSED = "interlock.records.processed"
    DLQ_ROUTED = "interlock.dlq.routed"
    BATCH_FAILURES = "interlock.batch.failures"
    RUN_LATENESS = "interlock.run.lateness"
    RUN_HELD = "interlock.run.held.duration"
    START_DELAY = "interlock.run.start.delay"
    WAKE_LATENCY = "interlock.wake.latency"
    RULES_EVALUATED = "interlock.rules.evaluated"
    STAGE_DURATION = "interlock.stage.duration"
    STAGE_OVERRUNS = "interlock.stage.overruns"
    POOL_ACTIVE = "interlock.pool.active"
    BREAKER_STATE = "interlock.breaker.state"
    ALERTS_PENDING = "interlock.alerts.pending"
    DEAD_MAN_FAILURES = "interlock.dead_man.failures"
    SLACK_FAULTS = "interlock.slack.faults"
    CANARY_LATENCY = "interlock.canary.latency"


class Kind(StrEnum):
    """The kinds of OpenTelemetry's instruments that the metrics use."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


class Instrument(Struct, frozen=True):
    """The kind, the unit (UCUM, a counted thing in braces) and the meaning of a metric.

    boundaries: the upper bounds of a histogram's buckets, in its unit. A last bucket has the values above them.
    """

    kind: Kind
    unit: str
    description: str
    boundaries: tuple[float, ...] = ()


_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0

_OF_A_CALL = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_OF_A_WAKE = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE)
_OF_A_RUN = (
    0.0,
    1.0,
    10.0,
    _MINUTE,
    5 * _MINUTE,
    15 * _MINUTE,
    30 * _MINUTE,
    _HOUR,
    2 * _HOUR,
    4 * _HOUR,
    8 * _HOUR,
    _DAY,
)


_OF_WORKERS = (1, 2, 4, 8, 16, 32, 64)

INSTRUMENTS: Mapping[Metric, Instrument] = {
    Metric.RECORDS_PROCESSED: Instrument(Kind.COUNTER, "{record}", "records that were handled"),
    Metric.DLQ_ROUTED: Instrument(Kind.COUNTER, "{record}", "records that became dead letters"),
    Metric.BATCH_FAILURES: Instrument(Kind.COUNTER, "{record}", "records that their source delivers again"),
    Metric.RUN_LATENESS: Instrument(
        Kind.HISTOGRAM, "s", "time from the deadline to the completion, 0 for a completion in time", _OF_A_RUN
    ),
    Metric.RUN_HELD: Instrument(
        Kind.HISTOGRAM, "s", "time from the first look that held the run to the pass of its rules", _OF_A_RUN
    ),
    Metric.START_DELAY: Instrument(
        Kind.HISTOGRAM, "s", "time from the arrival of the first sensor to the start of the job", _OF_A_RUN
    ),
    Metric.WAKE_LATENCY: Instrument(
        Kind.HISTOGRAM, "s", "time from the record of a wake to the look that follows it", _OF_A_WAKE
    ),
    Metric.RULES_EVALUATED: Instrument(Kind.COUNTER, "{rule}", "rules of each evaluated validation"),
    Metric.STAGE_DURATION: Instrument(Kind.HISTOGRAM, "s", "duration of a stage", _OF_A_CALL),
    Metric.STAGE_OVERRUNS: Instrument(Kind.COUNTER, "{stage}", "stages that outlasted STAGE_TIMEOUT"),
    Metric.POOL_ACTIVE: Instrument(
        Kind.HISTOGRAM, "{worker}", "most workers that were busy at once, for each pool of tasks", _OF_WORKERS
    ),
    Metric.BREAKER_STATE: Instrument(Kind.GAUGE, "1", "circuit breaker: 0 closed, 1 half open, 2 open"),
    Metric.ALERTS_PENDING: Instrument(Kind.GAUGE, "{alert}", "alerts that wait for their targets, once a minute"),
    Metric.DEAD_MAN_FAILURES: Instrument(
        Kind.COUNTER, "{report}", "reports of completed ticks that did not reach DEAD_MAN_URL"
    ),
    Metric.SLACK_FAULTS: Instrument(Kind.GAUGE, "1", "1 if Slack rejects the token, a scope or the channel, else 0"),
    Metric.CANARY_LATENCY: Instrument(
        Kind.HISTOGRAM,
        "s",
        "time from the send of a canary to Slack's answer",
        _OF_A_WAKE,
    ),
}

"""Defines the metrics of the system."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Metric(StrEnum):
    """Every metric of the system. `INSTRUMENTS` has the kind, the unit and the meaning of each."""

    RECORDS_PROCESSED = "interlock.records.processed"
    DLQ_ROUTED = "interlock.dlq.routed"
    RULES_EVALUATED = "interlock.rules.evaluated"
    STAGE_DURATION = "interlock.stage.duration"
    STAGE_OVERRUNS = "interlock.stage.overruns"
    POOL_ACTIVE = "interlock.pool.active"
    BREAKER_STATE = "interlock.breaker.state"
    ALERTS_PENDING = "interlock.alerts.pending"
    SLACK_FAULTS = "interlock.slack.faults"


class Kind(StrEnum):
    """The kinds of OpenTelemetry's instruments that the metrics use."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    UP_DOWN_COUNTER = "up-down counter"
    GAUGE = "gauge"


class Instrument(Struct, frozen=True):
    """The kind, the unit (UCUM, a counted thing in braces) and the meaning of a metric."""

    kind: Kind
    unit: str
    description: str


INSTRUMENTS: Mapping[Metric, Instrument] = {
    Metric.RECORDS_PROCESSED: Instrument(Kind.COUNTER, "{record}", "records that were handled"),
    Metric.DLQ_ROUTED: Instrument(Kind.COUNTER, "{record}", "records that became dead letters"),
    Metric.RULES_EVALUATED: Instrument(Kind.COUNTER, "{rule}", "rules of each evaluated validation"),
    Metric.STAGE_DURATION: Instrument(Kind.HISTOGRAM, "s", "duration of a stage"),
    Metric.STAGE_OVERRUNS: Instrument(Kind.COUNTER, "{stage}", "stages that outlasted STAGE_TIMEOUT"),
    Metric.POOL_ACTIVE: Instrument(Kind.UP_DOWN_COUNTER, "{worker}", "workers that handle a task"),
    Metric.BREAKER_STATE: Instrument(Kind.GAUGE, "1", "circuit breaker: 0 closed, 1 half open, 2 open"),
    Metric.ALERTS_PENDING: Instrument(Kind.GAUGE, "{alert}", "alerts that wait for Slack, once a minute"),
    Metric.SLACK_FAULTS: Instrument(Kind.GAUGE, "1", "1 if Slack rejects the token, a scope or the channel, else 0"),
}

"""Defines the metrics of the system."""

from enum import StrEnum


class Metric(StrEnum):
    """Every metric of the system."""

    RECORDS_PROCESSED = "interlock.records.processed"
    """Counter."""
    DLQ_ROUTED = "interlock.dlq.routed"
    """Counter."""
    RULES_EVALUATED = "interlock.rules.evaluated"
    """Counter: rules of a validation, at each evaluation."""
    STAGE_DURATION = "interlock.stage.duration"
    """Histogram, seconds."""
    STAGE_OVERRUNS = "interlock.stage.overruns"
    """Counter: stages that outlasted STAGE_TIMEOUT."""
    POOL_ACTIVE = "interlock.pool.active"
    """Up-down counter: +1 when a worker begins, -1 when it ends."""
    BREAKER_STATE = "interlock.breaker.state"
    """Gauge: 0 closed, 1 half open, 2 open."""
    ALERTS_PENDING = "interlock.alerts.pending"
    """Gauge: alerts that wait for Slack, once a minute."""

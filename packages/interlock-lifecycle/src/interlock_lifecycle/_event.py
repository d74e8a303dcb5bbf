"""What Interlock tells the world: event types, their ids, and which of them deserve an alert."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct, to_builtins

from interlock_lifecycle._run import RunKey

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class EventType(StrEnum):
    """Every detail type of the event bus (contracts.md §3)."""

    JOB_TRIGGERED = "JOB_TRIGGERED"
    LATE_DATA_ARRIVAL = "LATE_DATA_ARRIVAL"
    RERUN_ACCEPTED = "RERUN_ACCEPTED"
    RERUN_REJECTED = "RERUN_REJECTED"
    PIPELINE_EXCLUDED = "PIPELINE_EXCLUDED"
    POST_RUN_DRIFT = "POST_RUN_DRIFT"
    POST_RUN_DRIFT_INFLIGHT = "POST_RUN_DRIFT_INFLIGHT"
    POST_RUN_PASSED = "POST_RUN_PASSED"
    POST_RUN_FAILED = "POST_RUN_FAILED"
    CONFIG_INVALID = "CONFIG_INVALID"
    DRY_RUN_WOULD_TRIGGER = "DRY_RUN_WOULD_TRIGGER"
    DRY_RUN_LATE_DATA = "DRY_RUN_LATE_DATA"
    DRY_RUN_SLA_PROJECTION = "DRY_RUN_SLA_PROJECTION"
    DRY_RUN_DRIFT = "DRY_RUN_DRIFT"
    DRY_RUN_COMPLETED = "DRY_RUN_COMPLETED"
    DRY_RUN_WOULD_RERUN = "DRY_RUN_WOULD_RERUN"
    DRY_RUN_RERUN_REJECTED = "DRY_RUN_RERUN_REJECTED"
    DRY_RUN_WOULD_RETRY = "DRY_RUN_WOULD_RETRY"
    DRY_RUN_RETRY_EXHAUSTED = "DRY_RUN_RETRY_EXHAUSTED"
    VALIDATION_PASSED = "VALIDATION_PASSED"
    VALIDATION_EXHAUSTED = "VALIDATION_EXHAUSTED"
    JOB_COMPLETED = "JOB_COMPLETED"
    JOB_FAILED = "JOB_FAILED"
    RETRY_EXHAUSTED = "RETRY_EXHAUSTED"
    JOB_POLL_EXHAUSTED = "JOB_POLL_EXHAUSTED"
    INFRA_FAILURE = "INFRA_FAILURE"
    POST_RUN_BASELINE_CAPTURED = "POST_RUN_BASELINE_CAPTURED"
    BASELINE_CAPTURE_FAILED = "BASELINE_CAPTURE_FAILED"
    SLA_WARNING = "SLA_WARNING"
    SLA_BREACH = "SLA_BREACH"
    SLA_MET = "SLA_MET"
    RELATIVE_SLA_WARNING = "RELATIVE_SLA_WARNING"
    RELATIVE_SLA_BREACH = "RELATIVE_SLA_BREACH"
    SFN_TIMEOUT = "SFN_TIMEOUT"
    SCHEDULE_MISSED = "SCHEDULE_MISSED"
    IRREGULAR_SCHEDULE_MISSED = "IRREGULAR_SCHEDULE_MISSED"
    TRIGGER_RECOVERED = "TRIGGER_RECOVERED"
    SENSOR_DEADLINE_EXPIRED = "SENSOR_DEADLINE_EXPIRED"
    POST_RUN_SENSOR_MISSING = "POST_RUN_SENSOR_MISSING"
    WATCHDOG_DEGRADED = "WATCHDOG_DEGRADED"
    INFRA_ALARM = "INFRA_ALARM"


PLAIN_PROGRESS = frozenset(
    {
        EventType.JOB_TRIGGERED,
        EventType.VALIDATION_PASSED,
        EventType.POST_RUN_BASELINE_CAPTURED,
        EventType.POST_RUN_PASSED,
    }
)
"""Events that reach the events table but no alert channel; everything else is alert-worthy."""


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One event, as it lies in the outbox and as the `detail` of its EventBridge entry.

    `timestamp` is the decision's time (UTC). `id` has the form of a ULID: that time, then a digest of what
    caused the event, so that a decision taken twice names its events the same and ids sort by decision.
    """

    id: str
    type: EventType
    pipeline_id: str
    timestamp: datetime
    schedule_id: str | None = None
    date: str | None = None
    deadline: str | None = None
    message: str | None = None
    attempt: int | None = None
    detail: dict[str, Any] | None = None


def make_event(
    event_type: EventType,
    key: RunKey,
    at: datetime,
    *,
    source: str,
    message: str,
    ordinal: int = 0,
    attempt: int | None = None,
    deadline: str | None = None,
    detail: dict[str, Any] | None = None,
) -> Event:
    """The event of one decision about one run.

    `source` names what caused it (a record, a token, a clock), `ordinal` its place among the decision's events.
    """
    return Event(
        id=make_event_id(at, f"{source}\x1f{key}\x1f{event_type}", ordinal),
        type=event_type,
        pipeline_id=key.pipeline_id,
        schedule_id=key.schedule_id,
        date=str(key.date),
        timestamp=at,
        message=message,
        attempt=attempt,
        deadline=deadline,
        detail=detail,
    )


def make_event_id(at: datetime, source: str, ordinal: int = 0) -> str:
    """26 characters of Crockford base 32: 48 bits of milliseconds, 8 of the ordinal, 72 of a digest of `source`."""
    milliseconds = round(at.timestamp() * 1000)
    scattered = int.from_bytes(hashlib.sha256(source.encode()).digest()[:9])
    number = (milliseconds << 80) | (ordinal << 72) | scattered
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def event_detail(event: Event) -> dict[str, Any]:
    """The `detail` of an event's EventBridge entry (contracts.md §3); absent fields are left out."""
    wire: dict[str, Any] = to_builtins(event)
    del wire["type"]
    return wire

"""Reads an alert from a queue message, and rejects an invalid message as a whole."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from interlock_dlq import MalformedRecord

_Name = Annotated[str, Meta(min_length=1)]
_Moment = Annotated[datetime, Meta(tz=True)]
_NO_SCHEDULE = "none"
_PLAIN = ("message", "deadline", "status", "source", "cron", "owner", "error", "category", "reason")
_RENAMED = {
    "run_id": "runId",
    "run_token": "runToken",
    "deadline_local": "deadlineLocal",
    "next_attempt_at": "nextAttemptAt",
    "followed_by": "followedBy",
    "job_url": "jobUrl",
    "log_url": "logUrl",
}
_MOST_RULES = 10
_ABOUT = ("alarm", "row", "sensorKey")
"""The fields that distinguish incidents of one type, such as two alarms."""


class Alert(Struct, frozen=True, kw_only=True):
    """The parts of an alert that its message needs. `at` is in UTC. The texts are not escaped for Slack yet."""

    id: str
    type: str
    pipeline_id: str
    at: datetime
    schedule_id: str | None = None
    date: str | None = None
    message: str | None = None
    deadline: str | None = None
    status: str | None = None
    source: str | None = None
    cron: str | None = None
    hint: str | None = None
    about: str | None = None
    owner: str | None = None
    attempt: int | None = None
    attempts: int | None = None
    error: str | None = None
    category: str | None = None
    run_id: str | None = None
    run_token: str | None = None
    deadline_local: str | None = None
    next_attempt_at: str | None = None
    reason: str | None = None
    rules: tuple[str, ...] = ()
    held_by: tuple[str, ...] = ()
    """The rules that hold the run at a warning or a breach."""
    followed_by: str | None = None
    job_url: str | None = None
    log_url: str | None = None
    account: str | None = None
    """The AWS account of the bus."""
    critical: bool = False
    envelope: Mapping[str, Any] = {}
    """The message as the bus wrote it, for programs."""

    @property
    def is_merged(self) -> bool:
        """Whether another alert of the same decision reports this failure too, with all its fields."""
        return self.type == "JOB_FAILED" and self.followed_by == "RETRY_EXHAUSTED"

    @property
    def thread(self) -> str:
        """The sort key of its thread: one thread per schedule and date.

        An alert without a date, such as an alarm or a report of the watchdog, belongs to the thread of its day (UTC).
        """
        return f"THREAD#{self.schedule_id or _NO_SCHEDULE}#{self.date or self.at.date()}"


class _Envelope(Struct):
    detail_type: _Name = msgspec.field(name="detail-type")
    detail: dict[str, Any]
    id: _Name | None = None
    time: _Moment | None = None
    account: Any = None


class _Detail(Struct, rename="camel"):
    pipeline_id: _Name
    id: _Name | None = None
    timestamp: _Moment | None = None


def read_alert(message: Mapping[str, Any]) -> Alert:
    """The alert in an SQS message whose body is an EventBridge envelope. Raises MalformedRecord for anything else.

    Only the alert's type, pipeline, id and time have to be valid. Any other value is shown to the reader unchanged.
    """
    try:
        envelope = msgspec.json.decode(message.get("body") or "", type=_Envelope)
        named = msgspec.convert(envelope.detail, _Detail)
    except (msgspec.DecodeError, TypeError, UnicodeError) as error:
        raise MalformedRecord(f"not an alert: {error}") from error
    identifier = named.id or envelope.id
    at = named.timestamp or envelope.time
    if identifier is None or at is None:
        raise MalformedRecord(f"not an alert: the event has no {'id' if identifier is None else 'time'}")
    top = envelope.detail
    inner = top.get("detail")
    fields = {**inner, **top} if isinstance(inner, Mapping) else top
    return Alert(
        id=identifier,
        type=envelope.detail_type,
        pipeline_id=named.pipeline_id,
        at=at.astimezone(UTC),
        schedule_id=_text(top.get("scheduleId")),
        date=_text(top.get("date")),
        hint=_text(fields.get("actionHint")),
        attempt=_count(fields.get("attempt")),
        attempts=_count(fields.get("attempts")),
        rules=_rules(fields.get("rules")),
        held_by=_held_by(fields.get("heldBy")),
        **{name: _text(fields.get(wire)) for name, wire in _RENAMED.items()},
        about=next(filter(None, (_text(fields.get(name)) for name in _ABOUT)), None),
        account=_text(envelope.account),
        critical=fields.get("critical") is True,
        envelope=msgspec.json.decode(message["body"], type=dict[str, Any]),
        **{name: _text(fields.get(name)) for name in _PLAIN},
    )


def _text(value: object) -> str | None:
    """The value as text, or None if it is absent or empty."""
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _rules(value: object) -> tuple[str, ...]:
    """The rules that do not hold, one text each: `count of landing is 7, needed ≥ 10, since 2026-03-03T22:40:00Z`."""
    rules = [rule for rule in value if isinstance(rule, Mapping)] if isinstance(value, list) else []
    return tuple(_rule(rule) for rule in rules[:_MOST_RULES])


def _held_by(value: object) -> tuple[str, ...]:
    """The rules that hold the run, one text each: `held by landing count gte 10 since 2026-03-03T22:40:00Z`."""
    found = [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
    named = ((_text(one.get("rule")), _text(one.get("heldSince"))) for one in found[:_MOST_RULES])
    return tuple(f"held by {rule}" + (f" since {since}" if since else "") for rule, since in named if rule)


def _rule(rule: Mapping[str, Any]) -> str:
    key, field, needed, observed, since = (
        _text(rule.get(name)) for name in ("key", "field", "needed", "observed", "heldSince")
    )
    named = f"{field} of {key}" if field else f"{key}"
    parts = [f"{named} is {observed or 'absent'}", needed and f"needed {needed}", since and f"since {since}"]
    return ", ".join(part for part in parts if part)

"""Reads an alert from a queue message; one that cannot be read is refused whole."""

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


class Alert(Struct, frozen=True, kw_only=True):
    """One alert-worthy event, as far as a message about it needs. Texts are as they came, not yet fit for Slack."""

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
    critical: bool = False

    @property
    def thread(self) -> str:
        """The sort key of its thread: one per schedule and date.

        What belongs to no schedule, or to no date (an alarm, the watchdog), is threaded by the day (UTC) it happened.
        """
        return f"THREAD#{self.schedule_id or _NO_SCHEDULE}#{self.date or self.at.date()}"


class _Envelope(Struct):
    detail_type: _Name = msgspec.field(name="detail-type")
    detail: dict[str, Any]
    id: _Name | None = None
    time: _Moment | None = None


class _Detail(Struct, rename="camel"):
    pipeline_id: _Name
    id: _Name | None = None
    timestamp: _Moment | None = None


def read_alert(message: Mapping[str, Any]) -> Alert:
    """The alert in an SQS message whose body is an EventBridge envelope; MalformedRecord for anything else.

    Only what names and places an alert has to be right. Whatever else is odd is shown as it is: a person reads it.
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
        critical=fields.get("critical") is True,
        **{name: _text(fields.get(name)) for name in ("message", "deadline", "status", "source", "cron")},
    )


def _text(value: object) -> str | None:
    """Text for a person; None for what is absent or empty."""
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value)

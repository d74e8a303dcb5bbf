"""Reads an event as EventBridge delivers it, and rejects an invalid event as a whole."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

_Name = Annotated[str, Meta(min_length=1)]
_Moment = Annotated[datetime, Meta(tz=True)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MalformedEvent(ValueError):
    """The event is invalid, so no redelivery can store it. The message names the invalid part."""


class BusEvent(Struct, frozen=True):
    """One event of the bus. `at` is the time of its decision (UTC). `detail` is the whole detail, unchanged."""

    id: str
    type: str
    pipeline_id: str
    at: datetime
    detail: dict[str, Any]
    schedule_id: str | None = None
    date: str | None = None
    message: str | None = None
    run_token: str | None = None
    attempt: int | None = None


class _Envelope(Struct):
    detail_type: _Name = msgspec.field(name="detail-type")
    detail: dict[str, Any]
    id: _Name | None = None
    time: _Moment | None = None


class _Detail(Struct, rename="camel"):
    pipeline_id: _Name
    id: _Name | None = None
    timestamp: _Moment | None = None
    schedule_id: str | None = None
    date: str | None = None
    message: str | None = None
    run_token: str | None = None


def read_event(event: object) -> BusEvent:
    """The event in an EventBridge envelope. Raises MalformedEvent for anything else.

    Interlock's events carry their id and time in the detail. An event without them, such as INFRA_ALARM by
    EventBridge itself, has those of the envelope.
    """
    try:
        envelope = msgspec.convert(event, _Envelope)
        detail = msgspec.convert(envelope.detail, _Detail)
    except msgspec.ValidationError as error:
        raise MalformedEvent(f"not an event of the bus: {error}") from error
    identifier = detail.id or envelope.id
    if identifier is None:
        raise MalformedEvent("not an event of the bus: neither the detail nor the envelope has an id")
    # A repeated relay changes the envelope's time, which would make a second row.
    at = detail.timestamp or (envelope.time if detail.id is None else None)
    if at is None or at < _EPOCH:
        raise MalformedEvent(f"event {identifier} has no usable timestamp")
    return BusEvent(
        id=identifier,
        type=envelope.detail_type,
        pipeline_id=detail.pipeline_id,
        at=at.astimezone(UTC),
        detail=envelope.detail,
        schedule_id=detail.schedule_id,
        date=detail.date,
        message=detail.message,
        run_token=detail.run_token,
        attempt=_count(envelope.detail.get("attempt")),
    )


def _count(value: object) -> int | None:
    """A number of an attempt. Another value does not make the event invalid."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def read_message(message: Mapping[str, Any]) -> BusEvent:
    """The event in an SQS message whose body is an EventBridge envelope. Raises MalformedEvent for anything else."""
    try:
        envelope = msgspec.json.decode(message.get("body") or "")
    except (msgspec.DecodeError, TypeError, UnicodeError) as error:
        raise MalformedEvent(f"the message has no JSON as its body: {error}") from error
    return read_event(envelope)

"""An event of the bus: how a decision makes it, and the id that orders and deduplicates it."""

import hashlib
from datetime import datetime
from typing import Any

from msgspec import Struct, to_builtins

from interlock_lifecycle._run import RunKey
from interlock_lifecycle.events._catalogue import EventType

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

_LONGEST_TEXT = 4000
"""Characters of a text that an event carries; a bus takes 256 KB of an event, and a row holds 400 KB."""

_MOST_ORDINALS = 256

_RANKS = {
    # A sensor's record, or the watchdog in its place.
    "sensor": 0,
    "reconciled": 0,
    # What asks for an execution.
    "rerun": 1,
    "recover": 1,
    # An execution was started, and perhaps late.
    "started": 2,
    "pending": 2,
    # The orchestrator's steps, in the order of a run.
    "evaluate": 3,
    "job": 4,
    "complete": 5,
    "close": 5,
    "outcome": 5,
    # What is said of a run that is over, or of a date that never began.
    "post-run": 6,
    "timer": 7,
    "missed": 7,
    "expired": 7,
    "judged": 7,
    "unscheduled": 7,
}
"""Which of two causes comes first at one instant, by the first word of an event's `source`.

Streams tell the time in whole seconds, so that a sensor's record, the rerun that it asks for and the start of that
rerun may all be decided "at the same time". What is not in the table comes last.
"""
_LAST_RANK = 255


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One event, as it lies in the outbox and as the `detail` of its EventBridge entry.

    `timestamp` is the decision's time (UTC). `id` has the form of a ULID: that time, the rank of its cause, its place
    in the decision, then a digest of what caused it: a decision taken twice names its events the same, and ids sort
    by decision, at one instant a cause before its effects.
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

    `source` names what caused it: its kind in one word, then which one it was (a record, a token, a clock). `ordinal`
    is its place among the decision's events. Texts of more than 4,000 characters are cut, with a mark.
    """
    return Event(
        id=make_event_id(at, f"{source}\x1f{key}\x1f{event_type}", ordinal),
        type=event_type,
        pipeline_id=key.pipeline_id,
        schedule_id=key.schedule_id,
        date=str(key.date),
        timestamp=at,
        message=cut_text(message),
        attempt=attempt,
        deadline=deadline,
        detail=None if detail is None else _cut_all(detail),
    )


def cut_text(text: str) -> str:
    """The text, or its first 4,000 characters with a mark that says how long it was.

    Notes, errors and messages are other people's: one of any length must fit into an event and a row.
    """
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}… (cut; {len(text)} characters)"


def _cut_all(value: Any) -> Any:
    if isinstance(value, str):
        return cut_text(value)
    if isinstance(value, dict):
        return {name: _cut_all(inner) for name, inner in value.items()}
    return [_cut_all(inner) for inner in value] if isinstance(value, list) else value


def make_event_id(at: datetime, source: str, ordinal: int = 0) -> str:
    """26 characters of Crockford base 32: 48 bits of milliseconds, 8 of the cause's rank, 8 of the ordinal, 64 of a
    digest of `source`.

    The rank is that of the first word of `source`; ValueError for an ordinal beyond 255.
    """
    if not 0 <= ordinal < _MOST_ORDINALS:
        raise ValueError(f"ordinal {ordinal} is not below {_MOST_ORDINALS}")
    milliseconds = round(at.timestamp() * 1000)
    rank = _RANKS.get(source.partition("\x1f")[0].partition(" ")[0], _LAST_RANK)
    scattered = int.from_bytes(hashlib.sha256(source.encode()).digest()[:8])
    number = (milliseconds << 80) | (rank << 72) | (ordinal << 64) | scattered
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def event_detail(event: Event) -> dict[str, Any]:
    """The `detail` of an event's EventBridge entry (docs/reference/events.md §1); absent fields are left out."""
    wire: dict[str, Any] = to_builtins(event)
    del wire["type"]
    return wire

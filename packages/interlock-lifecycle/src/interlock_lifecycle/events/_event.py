"""An event of the bus, and the id that orders and deduplicates it."""

import hashlib
from datetime import datetime
from typing import Any

from msgspec import Struct, to_builtins

from interlock_config import PipelineConfig
from interlock_lifecycle._run import RunKey
from interlock_lifecycle.events._catalogue import EventType

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

LONGEST_TEXT = 4000
"""The characters of one text in an event. The bus takes events of up to 256 KB, and a row has at most 400 KB."""

_MOST_ORDINALS = 256

_CAUSES = {
    # A sensor's record, or the watchdog in its place.
    "sensor": 0,
    "reconciled": 0,
    # Requests for an execution.
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
    # Reports about a run that is over, or about a date that never began.
    "post-run": 6,
    "timer": 7,
    "missed": 7,
    "expired": 7,
    "judged": 7,
    "unscheduled": 7,
}
"""The order of causes at one instant, by the first word of an event's `source`.

Stream times are whole seconds. A sensor's record, the rerun that it requests and the start of that rerun may therefore
have one time. A cause that is not in the table comes last.
"""
_LAST_CAUSE = 255


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One event, as it is in the outbox and in the `detail` of its EventBridge entry.

    timestamp: the decision's time (UTC). id: the form of a ULID, made from that time, the order of the cause, the place
    in the decision and a digest of the cause. A repeated decision gives the same ids. Ids sort by time, and at one
    instant causes come before their effects. run_token: the execution of the run, None for an event without a run.
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
    run_token: str | None = None
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
    run_token: str | None = None,
    deadline: str | None = None,
    detail: dict[str, Any] | None = None,
) -> Event:
    """The event of one decision about one run.

    source: the cause, as its kind in one word and its name (a record, a token, a clock). ordinal: the place among the
    decision's events. Texts of more than 4,000 characters are cut, with a mark.
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
        run_token=run_token or None,
        deadline=deadline,
        detail=None if detail is None else _cut_all(detail),
    )


def owner_detail(config: PipelineConfig | None) -> dict[str, str]:
    """The part of an event's detail that names the owner of the pipeline. Empty without an owner or a config."""
    return {} if config is None or not config.pipeline.owner else {"owner": config.pipeline.owner}


def cut_text(text: str) -> str:
    """The text, or its first 4,000 characters with a mark that states its length.

    Notes and errors come from external writers in any length, and must fit into an event and a row.
    """
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}… (cut; {len(text)} characters)"


def _cut_all(value: Any) -> Any:
    if isinstance(value, str):
        return cut_text(value)
    if isinstance(value, dict):
        return {name: _cut_all(inner) for name, inner in value.items()}
    return [_cut_all(inner) for inner in value] if isinstance(value, list) else value


def make_event_id(at: datetime, source: str, ordinal: int = 0) -> str:
    """An id of 26 characters in Crockford base 32.

    Its bits are 48 of milliseconds, 8 of the cause's order, 8 of the ordinal and 64 of a digest of `source`. The
    first word of `source` decides the order. Raises ValueError for an ordinal above 255.
    """
    if not 0 <= ordinal < _MOST_ORDINALS:
        raise ValueError(f"ordinal {ordinal} is not below {_MOST_ORDINALS}")
    milliseconds = round(at.timestamp() * 1000)
    cause = _CAUSES.get(source.partition("\x1f")[0].partition(" ")[0], _LAST_CAUSE)
    scattered = int.from_bytes(hashlib.sha256(source.encode()).digest()[:8])
    number = (milliseconds << 80) | (cause << 72) | (ordinal << 64) | scattered
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def event_detail(event: Event) -> dict[str, Any]:
    """The `detail` of an event's EventBridge entry (docs/reference/events.md §1), without absent fields."""
    wire: dict[str, Any] = to_builtins(event)
    del wire["type"]
    return wire

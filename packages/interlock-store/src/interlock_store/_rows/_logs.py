"""The append-only rows: events of the outbox, and entries of the job log."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from interlock_lifecycle import JobEntry
from interlock_lifecycle.events import Event, event_detail
from interlock_store._rows._keys import PENDING, MalformedRow, key_of_row, pipeline_pk, run_sk
from interlock_store._rows._parts import cut, epoch, format_time, milliseconds, time_or_none
from interlock_store._write import Item

LOG_TTL = timedelta(days=30)


_EVENT_TTL = timedelta(days=30)


def event_row(event: Event) -> Item:
    """The outbox row of an event. It is pending until the event is on the bus."""
    return {
        "PK": pipeline_pk(event.pipeline_id),
        "SK": f"EVENT#{event.id}",
        "detailType": str(event.type),
        "detail": msgspec.json.encode(event_detail(event)).decode(),
        "ttl": epoch(event.timestamp + _EVENT_TTL),
        "GSI1PK": PENDING,
        "GSI1SK": format_time(event.timestamp),
    }


def entry_row(entry: JobEntry) -> Item:
    """A joblog row at its millisecond."""
    row: Item = {
        "PK": pipeline_pk(entry.key.pipeline_id),
        "SK": f"{run_sk('JOB', entry.key)}#{milliseconds(entry.at)}",
        "event": entry.event,
        "ttl": epoch(entry.at + LOG_TTL),
        "runId": entry.run_id,
        "duration": entry.duration,
        "error": cut(entry.error),
        "category": entry.category,
        "runToken": entry.run_token,
        "attempt": entry.attempt,
        "requestedAt": None if entry.requested_at is None else format_time(entry.requested_at),
    }
    return {name: value for name, value in row.items() if value is not None}


def read_entry(row: Mapping[str, Any]) -> JobEntry:
    """A joblog row of Interlock or of an external writer."""
    pk, sk = row["PK"], row["SK"]
    stamp = sk.rpartition("#")[2]
    try:
        at = datetime.fromtimestamp(int(stamp) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise MalformedRow(pk, sk, "the sort key does not end with epoch milliseconds") from None
    try:
        duration = float(row["duration"]) if row.get("duration") is not None else None
        attempt = int(row["attempt"]) if row.get("attempt") is not None else None
        if not 0 <= (attempt or 0) <= _MOST_ATTEMPTS or not math.isfinite(duration or 0):
            raise ValueError("out of range")
    except (TypeError, ValueError, ArithmeticError) as error:
        raise MalformedRow(pk, sk, f"duration or attempt is not a number: {error}") from None
    return JobEntry(
        key=key_of_row(pk, sk),
        at=at,
        event=str(row.get("event", "")),
        run_id=_text(row.get("runId")),
        duration=duration,
        error=cut(row.get("error")),
        category=cut(row.get("category")),
        run_token=_text(row.get("runToken")),
        attempt=attempt,
        requested_at=time_or_none(row.get("requestedAt"), row),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


_MOST_ATTEMPTS = 1_000_000
"""The largest attempt of a joblog row. A repair counts on from the largest attempt that it finds."""

"""Makes the row of an event in the events table (docs/reference/rows.md §5)."""

from datetime import timedelta
from typing import Any

import msgspec

from interlock_event_sink.event import BusEvent


def row_of(event: BusEvent, keep: timedelta) -> dict[str, dict[str, Any]]:
    """The row, in DynamoDB's notation, kept for `keep` after the event.

    A pure function of the event, so that an event delivered twice has one key. Milliseconds are padded to 13 digits,
    because sort keys compare as text.
    """
    milliseconds = round(event.at.timestamp() * 1000)
    texts = {
        "PK": f"PIPELINE#{event.pipeline_id}",
        "SK": f"{milliseconds:013d}#{event.type}#{event.id}",
        "eventType": event.type,
        "eventId": event.id,
        "pipelineId": event.pipeline_id,
        "scheduleId": event.schedule_id,
        "date": event.date,
        "runToken": event.run_token,
        "message": event.message,
        "detail": msgspec.json.encode(event.detail).decode(),
    }
    row: dict[str, dict[str, Any]] = {name: {"S": text} for name, text in texts.items() if text is not None}
    row["timestamp"] = {"N": str(milliseconds)}
    row["ttl"] = {"N": str(round((event.at + keep).timestamp()))}
    return row

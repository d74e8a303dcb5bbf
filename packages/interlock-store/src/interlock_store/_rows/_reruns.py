"""Rerun rows and rerun requests."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec import UNSET

from interlock_lifecycle import RerunEntry, RerunReason, RunKey
from interlock_lifecycle.events import cut_text
from interlock_lifecycle.reruns import RerunRequest
from interlock_store._rows._keys import key_of_row, pipeline_pk, run_sk
from interlock_store._rows._logs import LOG_TTL
from interlock_store._rows._parts import cut, epoch, format_time, time_or_none
from interlock_store._write import Item


def rerun_row(rerun: RerunEntry, number: int) -> Item:
    """A rerun row under the next free number of its date."""
    return {
        "PK": pipeline_pk(rerun.key.pipeline_id),
        "SK": f"{run_sk('RERUN', rerun.key)}#{number}",
        "reason": rerun.reason,
        "triggeredAt": format_time(rerun.triggered_at),
        "sourceJobEvent": rerun.source_job_event,
        "ttl": epoch(rerun.triggered_at + LOG_TTL),
    }


def read_rerun(row: Mapping[str, Any], key: RunKey) -> RerunEntry:
    """A rerun row of a date. Its reason counts against a budget, even if other values cannot be read."""
    return RerunEntry(
        key=key,
        reason=str(row.get("reason", "")),
        triggered_at=_time_or_long_ago(row.get("triggeredAt"), row),
        source_job_event=str(row.get("sourceJobEvent", "")),
    )


def _time_or_long_ago(text: object, row: Mapping[str, Any]) -> datetime:
    return time_or_none(text, row) or datetime.fromtimestamp(0, UTC)


def read_rerun_request(row: Mapping[str, Any], at: datetime) -> RerunRequest:
    """A rerun request. `at`: the record's time (UTC), which replaces a missing requestedAt.

    Only the boolean or the word true abandons the previous job. For any other value the job is asked for.
    """
    stamp = request_stamp(row)
    return RerunRequest(
        key=key_of_row(row["PK"], row["SK"]),
        reason=cut_text(str(row.get("reason") or RerunReason.MANUAL)),
        identity=format_time(at) if stamp is None else stamp,
        requested_at=row.get("requestedAt", UNSET),
        at=at,
        requested_by=cut(row.get("requestedBy")),
        note=cut(row.get("note")),
        abandon_previous=str(row.get("abandonPrevious", "")).lower() == "true",
    )


def request_stamp(row: Mapping[str, Any]) -> str | None:
    """A rerun request's requestedAt as a string. The row may have a number. None for an absent or empty value."""
    stamp = row.get("requestedAt")
    return str(stamp) if isinstance(stamp, Decimal) or (isinstance(stamp, str) and stamp) else None


def rerun_marker(key: RunKey, identity: str) -> str:
    """The marker of a rerun request that was answered."""
    return f"rerun#{key.schedule_id}#{identity}#{key.date}"

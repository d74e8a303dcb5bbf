"""The observations of a dry run."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from interlock_lifecycle import DryRun, RunKey
from interlock_store._rows._keys import MalformedRow, pipeline_pk, run_sk
from interlock_store._rows._parts import epoch, format_time, parse_time, texts, whole
from interlock_store._write import Item

_DRY_RUN_TTL = timedelta(days=7)


def dry_run_row(dry_run: DryRun, at: datetime) -> Item:
    """The DRY_RUN# row of a date. `data.triggeredAt` is set once the job would have been triggered."""
    row: Item = {
        "PK": pipeline_pk(dry_run.key.pipeline_id),
        "SK": run_sk("DRY_RUN", dry_run.key),
        "seen": dry_run.seen,
        "reruns": list(dry_run.reruns),
        "retries": dry_run.retries,
        "ttl": epoch(at + _DRY_RUN_TTL),
    }
    if dry_run.triggered_at is not None:
        row["data"] = {"triggeredAt": format_time(dry_run.triggered_at)}
    return row


def read_dry_run(row: Mapping[str, Any] | None, key: RunKey) -> DryRun:
    """The observations of a dry run about a date. A missing row has none. Older rows have `data` only.

    A dry run starts nothing, so a corrupted value raises no error. It counts as absent, and the next write replaces it.
    """
    if row is None:
        return DryRun(key)
    data, reruns, retries = row.get("data"), row.get("reruns", []), whole(row.get("retries", Decimal(0)), otherwise=-1)
    triggered_at = _triggered_at(data)
    is_readable = {
        "data": "data" not in row or triggered_at is not None,
        "reruns": isinstance(reruns, list),
        "retries": retries >= 0,
    }
    return DryRun(
        key,
        triggered_at=triggered_at,
        seen=texts(row.get("seen")),
        reruns=tuple(str(reason) for reason in reruns) if isinstance(reruns, list) else (),
        retries=max(retries, 0),
        uncounted=tuple(name for name in ("reruns", "retries") if name not in row),
        corrupted={name: row[name] for name, readable in is_readable.items() if not readable},
    )


def _triggered_at(data: Any) -> datetime | None:
    try:
        return parse_time(data.get("triggeredAt"), "", "").astimezone(UTC) if isinstance(data, Mapping) else None
    except (MalformedRow, OverflowError):
        return None

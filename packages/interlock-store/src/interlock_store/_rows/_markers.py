"""Markers, which are written once, and counters of rejections."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from interlock_lifecycle import CountedRejections, Rejections, RunKey, digest
from interlock_lifecycle.events import cut_text
from interlock_lifecycle.reruns import REPORTED_EVERY
from interlock_sla import parse_execution_date
from interlock_store._rows._keys import LONGEST_SK, PENDING, QUIET, MalformedRow, pipeline_of, pipeline_pk
from interlock_store._rows._parts import LONG_AGO, epoch, format_time, parse_time, whole
from interlock_store._write import Item

_READABLE = 100
"""The characters that remain of each part of a name that is too long for a key."""


_MARKER_TTL = timedelta(days=30)


REJECTIONS_READ = ("markedAt", "count")


def read_rejections(row: Mapping[str, Any] | None) -> Rejections | None:
    """The marker of a kind of rejected sensor row, None without one. An unreadable time counts as long ago."""
    if row is None:
        return None
    try:
        reported_at = parse_time(row.get("markedAt"), "", "").astimezone(UTC)
    except (MalformedRow, OverflowError):
        reported_at = LONG_AGO
    count = whole(row.get("count"), otherwise=-1)
    # A number from an external writer may have more digits than a condition can carry. It is replaced in any case.
    as_read = {name: row[name] for name in REJECTIONS_READ if name in row} if count >= 0 else {}
    return Rejections(reported_at, max(count, 0), as_read)


def counter_row(counted: CountedRejections) -> Item:
    """The counter of rejected rerun requests. While it has a count, it is in the index from its next report on."""
    key, after = counted.key, counted.after
    row: Item = {
        **marker_row(key.pipeline_id, counted.marker, after.reported_at),
        "count": after.count,
        "scheduleId": key.schedule_id,
        "date": str(key.date),
        "reason": counted.reason,
        "cause": counted.why,
        "dryRun": counted.is_dry,
    }
    if after.count:
        row |= {"GSI1PK": PENDING, "GSI1SK": format_time(after.reported_at + REPORTED_EVERY)}
    return row


def read_counter(row: Mapping[str, Any]) -> CountedRejections:
    """A counter of rejected rerun requests as it is. Raises MalformedRow if it names no date."""
    pk, sk = row["PK"], row["SK"]
    found = read_rejections(row)
    assert found is not None
    try:
        date = parse_execution_date(str(row.get("date")))
    except ValueError as error:
        raise MalformedRow(pk, sk, str(error)) from None
    return CountedRejections(
        RunKey(pipeline_of(pk), str(row.get("scheduleId", "")), date),
        sk.removeprefix("MARKER#"),
        cut_text(str(row.get("reason", ""))),
        cut_text(str(row.get("cause", ""))),
        found,
        is_dry=row.get("dryRun") is True,
    )


def marker_sk(marker: str) -> str:
    """The sort key of a marker's row. A name that is too long for a key is cut, and a digest makes it unique."""
    sk = f"MARKER#{marker}"
    if len(sk.encode()) <= LONGEST_SK:
        return sk
    name, _, date = marker.rpartition("#")
    return f"MARKER#{name[:_READABLE]}-{digest(marker)}#{date[:_READABLE]}"


def marker_row(pipeline_id: str, marker: str, at: datetime) -> Item:
    """A row that is written once, and marks a report or an answer as done."""
    return {
        "PK": pipeline_pk(pipeline_id),
        "SK": marker_sk(marker),
        "markedAt": format_time(at),
        **QUIET,
        "ttl": epoch(at + _MARKER_TTL),
    }

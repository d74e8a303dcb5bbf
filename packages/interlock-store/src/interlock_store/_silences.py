"""Silences of alerts as rows of the events table (docs/reference/rows.md §5)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from interlock_store._rows import MalformedRow, format_time, parse_time
from interlock_store._write import Item

SILENCES = "SILENCES"
"""The partition of all silences. The alert-dispatcher reads it."""

_KEEP = timedelta(days=400)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class Silence(Struct, frozen=True, kw_only=True):
    """The alerts of `pipeline`, a pattern, that are not posted from `since` to `until` (UTC).

    events: the event types that it covers. Without any, it covers all but overdue data, and with `every` all.
    by: the person or role that made it. ended_at, ended_by: its early end.
    """

    id: str
    pipeline: str
    since: datetime
    until: datetime
    reason: str
    by: str
    events: tuple[str, ...] = ()
    every: bool = False
    ended_at: datetime | None = None
    ended_by: str = ""

    @property
    def place(self) -> str:
        """The sort key of its row."""
        return f"{silence_place(self.until)}#{self.id}"

    def is_in_force(self, now: datetime) -> bool:
        """Whether alerts are silenced at `now`."""
        return self.ended_at is None and self.since <= now < self.until


class UnreadableSilence(Struct, frozen=True, kw_only=True):
    """A row of the silences that cannot be read, and that silences nothing. `place` is its sort key.

    ended_at: the time of its early end (UTC), or the earliest time if that cannot be read either.
    """

    id: str
    place: str
    ended_at: datetime | None = None


def silence_place(moment: datetime) -> str:
    """The first sort key of the silences that end at or after a time."""
    return f"{max(round(moment.timestamp() * 1000), 0):013d}"


def silence_row(silence: Silence) -> Item:
    """The row of a silence that has not been ended."""
    return {
        "PK": SILENCES,
        "SK": silence.place,
        "silenceId": silence.id,
        "pipeline": silence.pipeline,
        "events": list(silence.events),
        "every": silence.every,
        "since": format_time(silence.since),
        "until": format_time(silence.until),
        "reason": silence.reason,
        "by": silence.by,
        "ttl": round((silence.until + _KEEP).timestamp()),
    }


def silence_of(row: Mapping[str, Any]) -> Silence | UnreadableSilence:
    """The silence of a row."""
    if (found := read_silence(row)) is not None:
        return found
    place, ended = str(row["SK"]), row.get("endedAt")
    ended_at = None if ended is None else _moment(ended) or _EARLIEST
    return UnreadableSilence(id=place.partition("#")[2] or place, place=place, ended_at=ended_at)


def read_silence(row: Mapping[str, Any]) -> Silence | None:
    """The silence of a row, None for a row that cannot be read."""
    texts = [row.get(name) for name in ("silenceId", "pipeline", "reason", "by")]
    events, every, ended = row.get("events", []), row.get("every", False), row.get("endedAt")
    since, until = _moment(row.get("since")), _moment(row.get("until"))
    if not all(isinstance(text, str) and text for text in texts) or since is None or until is None:
        return None
    if not isinstance(events, list) or not all(isinstance(one, str) for one in events) or not isinstance(every, bool):
        return None
    identifier, pipeline, reason, by = (str(text) for text in texts)
    return Silence(
        id=identifier,
        pipeline=pipeline,
        since=since,
        until=until,
        reason=reason,
        by=by,
        events=tuple(events),
        every=every,
        # An end that cannot be read is an end: alerts are posted in case of doubt.
        ended_at=None if ended is None else _moment(ended) or since,
        ended_by=str(row.get("endedBy", "")),
    )


def _moment(value: object) -> datetime | None:
    try:
        return parse_time(value, SILENCES, "")
    except MalformedRow:
        return None

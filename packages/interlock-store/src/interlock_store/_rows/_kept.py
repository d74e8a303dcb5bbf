"""The sensor rows that a date keeps, and the note of a date that waits on an excluded day."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from interlock_lifecycle import Dormancy, KeptRows, RunKey
from interlock_rules import KeptRow
from interlock_store._rows._keys import DORMANT, QUIET, MalformedRow, key_of_row, pipeline_pk, run_sk
from interlock_store._rows._parts import LONG_AGO, epoch, format_time, parse_time, whole
from interlock_store._write import Item

_KEPT_TTL = timedelta(days=400)


UNREADABLE_VERSION = -1
"""The version of a KEPT# row with an unreadable version. The next write replaces the row in any case."""


def kept_row(key: RunKey, kept: KeptRows, at: datetime) -> Item:
    """The KEPT# row of a date: the sensor rows by which it was judged. The stream filter leaves quiet rows out."""
    return {
        "PK": pipeline_pk(key.pipeline_id),
        "SK": run_sk("KEPT", key),
        "rows": {row_name: _kept_entry(row) for row_name, row in kept.rows.items()},
        "version": max(kept.version, 1),
        **QUIET,
        "ttl": epoch(at + _KEPT_TTL),
        **({} if kept.dormant is None else _dormant_entry(kept.dormant)),
    }


def _dormant_entry(dormant: Dormancy) -> Item:
    """The note of a date that waits on an excluded day, in its KEPT# row, with the entry of the index."""
    return {
        "dormant": {
            "sensorKey": dormant.sensor_key,
            "slot": dormant.row_name,
            "since": format_time(dormant.since),
            "dryRun": dormant.is_dry,
        },
        "GSI1PK": DORMANT,
        "GSI1SK": format_time(dormant.since),
    }


def _kept_entry(row: KeptRow) -> Item:
    data: Item = {} if row.fields is None else {"data": dict(row.fields)}
    return {"keptAt": format_time(row.kept_at), "exact": row.exact, **data}


def read_kept(row: Mapping[str, Any] | None) -> KeptRows:
    """The rows that a date keeps. A missing row keeps none. An unreadable entry counts as a row without fields.

    Such an entry decides no rule: the run is held until a row of its date comes.
    """
    if row is None:
        return KeptRows()
    stored = row.get("rows")
    entries = stored if isinstance(stored, Mapping) else {}
    version = whole(row.get("version"), otherwise=0)
    return KeptRows(
        {str(row_name): _read_kept(entry) for row_name, entry in entries.items()},
        version if version >= 1 else UNREADABLE_VERSION,
        _read_dormant(row.get("dormant")),
    )


def _read_dormant(entry: Any) -> Dormancy | None:
    """The note of a date that waits. None without a note, and for an unreadable one."""
    stored = entry if isinstance(entry, Mapping) else {}
    sensor_key, row_name = stored.get("sensorKey"), stored.get("slot")
    if not isinstance(sensor_key, str) or not isinstance(row_name, str):
        return None
    try:
        since = parse_time(stored.get("since"), "", "").astimezone(UTC)
    except (MalformedRow, OverflowError):
        return None
    return Dormancy(sensor_key, row_name, since, is_dry=stored.get("dryRun") is True)


def read_waiting(row: Mapping[str, Any]) -> tuple[RunKey, KeptRows]:
    """A date that waits on an excluded day, and its kept rows. Raises MalformedRow if its note is unreadable."""
    key, kept = key_of_row(row["PK"], row["SK"]), read_kept(row)
    if kept.dormant is None:
        raise MalformedRow(row["PK"], row["SK"], "dormant must be a map of sensorKey, slot and since")
    return key, kept


def _read_kept(entry: Any) -> KeptRow:
    data = entry.get("data") if isinstance(entry, Mapping) else None
    try:
        kept_at = parse_time(entry.get("keptAt"), "", "") if isinstance(entry, Mapping) else LONG_AGO
    except MalformedRow:
        return KeptRow(None, LONG_AGO, exact=False)
    exact = isinstance(entry, Mapping) and entry.get("exact") is True
    return KeptRow(data if isinstance(data, Mapping) else None, kept_at, exact)

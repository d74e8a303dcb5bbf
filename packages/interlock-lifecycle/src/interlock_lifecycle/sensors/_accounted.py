"""Comparison of a sensor's record with the rows that a run's evaluation has read."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from interlock_lifecycle._run import RestOfHour, Run, Sensor, digest
from interlock_rules import KeptRow, Selection, counts_for, row_date
from interlock_sla import ExecutionDate

_STREAM_GRAIN = timedelta(seconds=1)
"""DynamoDB streams give the time of a record in whole seconds, rounded down."""

_MICROSECONDS = 1_000_000

CLOCKS_APART = timedelta(seconds=1)
"""The largest difference between the clock of an evaluation and that of the tables."""


def fingerprint(fields: Mapping[str, object]) -> str:
    """A digest of a sensor's fields, which is the same for the same fields in any order."""
    return digest(json.dumps(_plain(fields), sort_keys=True))


def name_record(sensor: Sensor) -> str:
    """The name of a sensor's record as the cause of an event: its key and the fingerprint of its fields.

    Two writes within one second have the same time. Only their fields differ.
    """
    return f"sensor {sensor.key} {fingerprint(sensor.fields)}"


def request_time(sensor_key: str, mark: str, written_at: datetime) -> datetime:
    """The `requestedAt` of the rerun that a record requests (docs/reference/rows.md §2.4).

    The second is that of the record. The fraction is a digest of its key and of the fingerprint of its fields (`mark`),
    so that two records of one second make two requests, and a redelivered record makes its own again.
    """
    number = int.from_bytes(hashlib.sha256(f"{sensor_key}\x1f{mark}".encode()).digest()[:8])
    return written_at.replace(microsecond=number % _MICROSECONDS)


def request_time_of(sensor: Sensor) -> datetime:
    """The `requestedAt` of the rerun that a sensor's record requests (UTC)."""
    return request_time(sensor.key, fingerprint(sensor.fields), sensor.written_at)


def request_time_of_rest(rest: RestOfHour) -> datetime:
    """The `requestedAt` of the rerun that the noted rest of an hour requests (UTC)."""
    return request_time(rest.sensor_key, rest.fingerprint, rest.at)


def rows_seen(
    rows: Mapping[str, Mapping[str, object]], selection: Selection, kept: Mapping[str, KeptRow], date: ExecutionDate
) -> dict[str, str]:
    """The fingerprint of each sensor row by which an evaluation judged a date, by row key.

    A row that names another date was not seen for this one. If a kept row was read instead, its time follows the
    fingerprint: a record of this date that was written later was not seen. A kept row of another date, which a rule
    with an offset read, has the row name of that rule as its key: it says nothing of the records of this date. A row of
    the date itself has precedence, then the kept row, then the others. An hour's row was not seen for a day if the
    day's kept row had precedence.
    """
    passed_over = {
        name for row_name, name in selection.sources.items() if row_name in selection.kept and row_name == name
    }
    own = {
        name: fingerprint(fields)
        for name, fields in rows.items()
        if name not in passed_over and counts_for(row_date(name, fields), date)
    }
    marks: dict[str, str] = {}
    for row_name in selection.kept:
        at = kept[row_name].kept_at.astimezone(UTC).isoformat()
        marks[row_name] = f"{fingerprint(selection.fields[row_name])}@{at}"
    chosen = {name for row_name, name in selection.sources.items() if row_name not in selection.kept and name in rows}
    return {**{name: fingerprint(rows[name]) for name in chosen - own.keys()}, **marks, **own}


def took_into_account(run: Run, sensor: Sensor) -> bool:
    """Whether the run's evaluation saw the fields of this record (docs/reference/sensors.md §4).

    A record from more than a second before the evaluation was seen. Within a second, the order is unknown, since the
    record and the evaluation have different clocks. The fingerprints are compared in that case.
    """
    seen_at = run.evaluated_at
    if seen_at is None:
        return False
    return was_seen(sensor, seen_at, run.seen)


def may_be_overwritten(sensor: Sensor, seen_at: datetime | None) -> bool:
    """Whether a newer write may have replaced this record just before the rows were read at `seen_at`.

    The clocks cannot order times within a second. If only the newer write was seen, the row as it is now shows it.
    """
    return seen_at is not None and _are_one_time(sensor.written_at, seen_at)


def was_seen(sensor: Sensor, seen_at: datetime, seen: Mapping[str, str]) -> bool:
    """Whether rows read at `seen_at`, with these fingerprints by row key, included the sensor's record."""
    return rest_was_seen(RestOfHour(sensor.key, fingerprint(sensor.fields), sensor.written_at), seen_at, seen)


def rest_was_seen(rest: RestOfHour, seen_at: datetime, seen: Mapping[str, str]) -> bool:
    """Like `was_seen`, for a record that was noted with its fingerprint."""
    mark, _, kept_at = seen.get(rest.sensor_key, "").partition("@")
    if kept_at:
        return mark == rest.fingerprint or rest.at < _moment(kept_at).replace(microsecond=0)
    if not _are_one_time(rest.at, seen_at) or rest.sensor_key not in seen:
        return rest.at < seen_at.replace(microsecond=0)
    return mark == rest.fingerprint


def _moment(text: str) -> datetime:
    """The time of a kept row. A text that cannot be read hides no record: it counts as the earliest time."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _are_one_time(written_at: datetime, seen_at: datetime) -> bool:
    second = seen_at.replace(microsecond=0)
    return second - CLOCKS_APART <= written_at < second + _STREAM_GRAIN + CLOCKS_APART


def _plain(value: object) -> Any:
    """Values as DynamoDB gives them, in a form that sorts: sets in order, unknown types by their text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(str(inner) for inner in value)
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return f"{type(value).__name__}:{value}" if isinstance(value, bool | str) or value is None else str(value)

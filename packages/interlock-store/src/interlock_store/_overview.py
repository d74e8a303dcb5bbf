"""Reads for the watchdog and `interlock status`: all pipelines, many dates in batches, the newest dates, no history."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from msgspec import Struct

from interlock_config import ConfigError, decode_calendar
from interlock_lifecycle import Run, RunKey, Verdict
from interlock_sla import Calendar
from interlock_store._config import StoredConfig, read_config
from interlock_store._notes import PAUSED
from interlock_store._rows import (
    CONFIG,
    DORMANT,
    INDEX,
    PENDING,
    POSTRUN,
    QUIET,
    RUNNING,
    WAITING,
    MalformedRow,
    format_time,
    is_pipeline_pk,
    marker_sk,
    parse_time,
    pipeline_of,
    pipeline_pk,
    read_arrival,
    read_verdict,
    run_sk,
    sensor_fields,
)
from interlock_store._tables import TableNames, Tables
from interlock_store._trigger_rows import read_run
from interlock_store._write import Item, Put

T = TypeVar("T")

_CURSOR_PK = "WATCHDOG"
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
_WRITTEN = (
    "config",
    "configDigest",
    "createdAt",
    "changedAt",
    "liveSince",
    "periodic",
    "inForce",
    "excludedDays",
    *PAUSED,
)
"""The attributes of a CONFIG row that determine its decoded form. If all are unchanged, it is not decoded again."""


class Cursor(Struct, frozen=True):
    """The time up to which a check has covered all pipelines (UTC). Those `behind` have a time of their own."""

    at: datetime
    behind: Mapping[str, datetime] = {}


class Overview:
    """Reads over all pipelines, by index and in batches."""

    def __init__(self, tables: Tables, names: TableNames) -> None:
        self._tables = tables
        self._names = names
        self._decoded: dict[str, tuple[tuple[object, ...], StoredConfig]] = {}

    def pipelines(self) -> dict[str, StoredConfig]:
        """Every indexed pipeline's config, as the index has it (eventually consistent), by id.

        Unchanged texts are decoded once per process.
        """
        rows = self._tables.query(self._names.control, CONFIG, index=INDEX)
        calendars = self._calendars()
        # A row that is not a pipeline's is in the index by mistake. It must not hide the pipelines.
        named = {pipeline_of(row["PK"]): row for row in rows if is_pipeline_pk(row["PK"])}
        self._decoded = {name: self._decode(name, row, calendars) for name, row in named.items()}
        return {name: stored for name, (_, stored) in self._decoded.items()}

    def _decode(
        self, pipeline_id: str, row: Item, calendars: Callable[[Iterable[str]], Mapping[str, Calendar]]
    ) -> tuple[tuple[object, ...], StoredConfig]:
        written = tuple(row.get(name) for name in _WRITTEN)
        known = self._decoded.get(pipeline_id)
        if known is not None and known[0] == written and known[1].config and not known[1].config.calendar_names:
            return known
        try:
            return written, read_config(row, pipeline_id, calendars)
        except Exception as error:  # noqa: BLE001 (one unforeseen row must not hide all other pipelines)
            return written, StoredConfig(None, f"{type(error).__name__}: {error}")

    def _calendars(self) -> Callable[[Iterable[str]], Mapping[str, Calendar]]:
        """Calendars by name. Each is read once per overview."""
        read: dict[str, Calendar | ConfigError] = {}

        def look_up(names: Iterable[str]) -> Mapping[str, Calendar]:
            unread = [name for name in names if name not in read]
            found = self._tables.get_many(self._names.control, [(f"CALENDAR#{name}", CONFIG) for name in unread])
            for (pk, _), row in found.items():
                name = pk.removeprefix("CALENDAR#")
                try:
                    read[name] = decode_calendar(str(row.get("config", "")), f"calendar {name}")
                except ConfigError as error:
                    read[name] = error
            for name in names:
                broken = read.get(name)
                if isinstance(broken, ConfigError):
                    raise broken
            return {name: calendar for name, calendar in read.items() if isinstance(calendar, Calendar)}

        return look_up

    def runs(self, keys: Iterable[RunKey]) -> dict[RunKey, Run]:
        """The trigger rows that exist among these dates.

        A row that cannot be read is left out. The check that acts on its date reads it again and reports it.
        """
        return _readable(read_run, self._by_key(keys, "TRIGGER"))

    def verdicts(self, keys: Iterable[RunKey]) -> dict[RunKey, Verdict]:
        """The verdicts that exist among these dates."""
        return {key: read_verdict(row, key) for key, row in self._by_key(keys, "VERDICT").items()}

    def _by_key(self, keys: Iterable[RunKey], kind: str) -> dict[RunKey, Item]:
        return self._batch({key: (pipeline_pk(key.pipeline_id), run_sk(kind, key)) for key in keys})

    def arrivals(self, keys: Iterable[RunKey]) -> dict[RunKey, datetime]:
        """The arrivals of the first sensors of these dates (UTC). Dates without one are left out."""
        wanted = {key: (pipeline_pk(key.pipeline_id), f"SENSOR#first-sensor-arrival#{key.date}") for key in keys}
        found = {key: read_arrival(row) for key, row in self._batch(wanted).items()}
        return {key: arrived_at for key, arrived_at in found.items() if arrived_at is not None}

    def marked(self, markers: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of these (pipeline id, marker) that are set."""
        return set(self._batch({(one, name): (pipeline_pk(one), marker_sk(name)) for one, name in markers}))

    def sensor_rows(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Mapping[str, object]]:
        """The sensors with fields among these (pipeline id, sensor key)."""
        found = self._batch({(one, key): (pipeline_pk(one), f"SENSOR#{key}") for one, key in wanted})
        return {key: fields for key, row in found.items() if (fields := sensor_fields(row))}

    def _batch(self, wanted: Mapping[T, tuple[str, str]]) -> dict[T, Item]:
        found = self._tables.get_many(self._names.control, wanted.values())
        return {key: found[row_key] for key, row_key in wanted.items() if row_key in found}

    def newest_periods(self, pipeline_id: str, sensor_key: str, limit: int) -> dict[str, Mapping[str, object]]:
        """The newest per-period rows `<sensor key>#…` of a pipeline, by sensor key."""
        pk, prefix = pipeline_pk(pipeline_id), f"SENSOR#{sensor_key}#"
        rows = self._tables.query(self._names.control, pk, prefix=prefix, newest_first=True, limit=limit)
        return {row["SK"].removeprefix("SENSOR#"): sensor_fields(row) for row in rows}

    def newest_runs(self, pipeline_id: str, schedule_id: str, limit: int) -> list[Run]:
        """The runs of the newest dates of a schedule. Rows that cannot be read are left out."""
        rows = self.newest_run_rows(pipeline_id, schedule_id, limit)
        return list(_readable(read_run, dict(enumerate(rows))).values())

    def newest_run_rows(self, pipeline_id: str, schedule_id: str, limit: int) -> list[Item]:
        """The trigger rows of the newest dates of a schedule, newest first. read_run reads each."""
        pk, prefix = pipeline_pk(pipeline_id), f"TRIGGER#{schedule_id}#"
        return list(self._tables.query(self._names.control, pk, prefix=prefix, newest_first=True, limit=limit))

    def run_rows(self, keys: Iterable[RunKey]) -> list[Item]:
        """The trigger rows that exist among these dates. read_run reads each."""
        return list(self._by_key(keys, "TRIGGER").values())

    def running(self) -> Iterator[Run]:
        """The started runs. Rows that cannot be read are left out (the recovery reports them)."""
        rows = self._tables.query(self._names.control, RUNNING, index=INDEX)
        yield from _readable(read_run, dict(enumerate(rows))).values()

    def unstarted(self) -> Iterator[Run]:
        """The runs that are committed and wait for their execution, or for a slot. Unreadable rows are left out."""
        control = self._names.control
        rows = [row for name in (PENDING, WAITING) for row in self._tables.query(control, name, index=INDEX)]
        runs = (row for row in rows if row["SK"].startswith("TRIGGER#"))
        yield from _readable(read_run, dict(enumerate(runs))).values()

    def awaiting_post_run(self, up_to: datetime) -> Iterator[Item]:
        """The rows of runs that were closed by `up_to` and still await post-run sensors, oldest first.

        read_run reads each.
        """
        return self._tables.query(self._names.control, POSTRUN, index=INDEX, up_to=format_time(up_to))

    def dormant(self) -> list[Item]:
        """The KEPT# rows of dates that wait on excluded days, the longest wait first.

        read_waiting reads each.
        """
        return list(self._tables.query(self._names.control, DORMANT, index=INDEX))

    def cursor(self, check: str) -> Cursor | None:
        """The times that a check has covered. None before its first tick. Raises MalformedRow for a corrupted row."""
        row = self._tables.get(self._names.control, _CURSOR_PK, f"MARKER#cursor#{check}")
        if row is None:
            return None
        behind = row.get("behind", {})
        if not isinstance(behind, Mapping):
            raise MalformedRow(row["PK"], row["SK"], f"behind must be a map of times by pipeline, got {behind!r}")
        return Cursor(_covered(row.get("at"), row), {str(name): _covered(at, row) for name, at in behind.items()})

    def move_cursor(self, check: str, cursor: Cursor) -> None:
        """Note the times that a check has covered."""
        behind = {name: format_time(at) for name, at in cursor.behind.items()}
        row: Item = {
            "PK": _CURSOR_PK,
            "SK": f"MARKER#cursor#{check}",
            "at": format_time(cursor.at),
            "behind": behind,
            **QUIET,
        }
        self._tables.transact([Put(self._names.control, row)])


def _covered(value: object, row: Item) -> datetime:
    """A time of a cursor. The checks count days before it, which must not leave the range of datetime."""
    moment = parse_time(value, row["PK"], row["SK"])
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise MalformedRow(row["PK"], row["SK"], f"{value!r} is a time out of range")
    return moment


def _readable(read: Callable[[Item], Run], rows: Mapping[T, Item]) -> dict[T, Run]:
    found = {}
    for key, row in rows.items():
        try:
            found[key] = read(row)
        except MalformedRow:
            continue
    return found

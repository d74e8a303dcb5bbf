"""Reads the facts on which decisions are made."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import chain, islice
from typing import Any

from msgspec import UNSET, Struct

from interlock_config import PipelineConfig, decode_calendar
from interlock_lifecycle import (
    DryRun,
    JobEntry,
    KeptRows,
    Rejections,
    RerunEntry,
    Run,
    RunKey,
    RunStatus,
    StandingRequest,
    Verdict,
    Wait,
)
from interlock_lifecycle.dates import clocks_since
from interlock_lifecycle.reruns import OWN_REASONS, RerunRequest
from interlock_lifecycle.runs import rules_to_read
from interlock_lifecycle.slas import SlaFacts
from interlock_rules import Rule, row_keys, select_rows, updated_at
from interlock_sla import Calendar, ExecutionDateError, parse_execution_date
from interlock_store._config import NO_CONFIG, StoredConfig, calendars_of, read_config
from interlock_store._limits import is_same
from interlock_store._rows import (
    ALERTS,
    CONFIG,
    INDEX,
    PENDING,
    PENDING_ALERTS,
    POSTRUN,
    RUNNING,
    WAITING,
    MalformedRow,
    format_time,
    is_pipeline_pk,
    key_of_row,
    marker_sk,
    milliseconds,
    pipeline_of,
    pipeline_pk,
    read_arrival,
    read_dry_run,
    read_entry,
    read_kept,
    read_rejections,
    read_rerun,
    read_verdict,
    read_wait,
    request_stamp,
    rerun_marker,
    run_sk,
    sensor_fields,
)
from interlock_store._silences import SILENCES, Silence, UnreadableSilence, silence_of, silence_place
from interlock_store._tables import TableNames, Tables
from interlock_store._trigger_rows import read_run, startable_run
from interlock_store._waits import Waits
from interlock_store._write import Item

_HOURS_OF_A_DAY = 24


_NO_ROW = "INTERLOCK"
"""A partition of each table without rows, which a ping reads."""


_TARGET = "TARGET#"


class RunContext(Struct, frozen=True):
    """The facts for most steps of a run: its trigger row, its pipeline's config, its SLA so far, its wait."""

    run: Run | None
    config: "StoredConfig"
    sla: SlaFacts
    wait: Wait | None = None


class DateOfSensor(Struct, frozen=True):
    """The facts about a sensor's date: its run, its run under the other schedule, its first arrival (UTC).

    other_run: read only if `run` is None.
    """

    run: Run | None
    other_run: Run | None
    arrived_at: datetime | None


class Readings(Struct, frozen=True):
    """The rows that rules may read for a date: sensor rows as they are now, by row key, and the date's kept rows."""

    rows: Mapping[str, Mapping[str, object]]
    kept: KeptRows


class DryRunDate(Struct, frozen=True):
    """The facts about a date of a dry run: its observations, first arrival (UTC), baseline, and rows for its rules."""

    dry_run: DryRun
    arrived_at: datetime | None
    baseline: Mapping[str, object]
    readings: Readings


class Facts:
    """The reads of the controller's tables, as structs. All reads by key are strongly consistent. No method scans."""

    def __init__(self, tables: Tables, names: TableNames) -> None:
        self._tables = tables
        self.names = names
        self.waits = Waits(tables, names)

    def config(self, pipeline_id: str) -> StoredConfig:
        """The pipeline's config as it is now. An invalid one is returned with its problem."""
        return self._stored(self._tables.get(self.names.control, pipeline_pk(pipeline_id), CONFIG), pipeline_id)

    def _stored(self, row: Mapping[str, Any] | None, pipeline_id: str) -> StoredConfig:
        return StoredConfig(None, NO_CONFIG) if row is None else read_config(row, pipeline_id, self._calendars)

    def _calendars(self, names: Iterable[str]) -> dict[str, Calendar]:
        found = {}
        for name in names:
            row = self._tables.get(self.names.control, f"CALENDAR#{name}", CONFIG)
            if row is not None:
                found[name] = decode_calendar(str(row.get("config", "")), f"calendar {name}")
        return found

    def calendars(self, names: Iterable[str]) -> dict[str, Calendar]:
        """The stored calendars with these names. Raises ConfigError for one that cannot be read."""
        return self._calendars(names)

    def run_context(self, key: RunKey) -> RunContext:
        """The trigger row, config, arrival, verdict and wait of a date, in one strongly consistent request."""
        pk = pipeline_pk(key.pipeline_id)
        sort_keys = (
            run_sk("TRIGGER", key),
            CONFIG,
            f"SENSOR#first-sensor-arrival#{key.date}",
            run_sk("VERDICT", key),
            run_sk("WAIT", key),
        )
        rows = self._tables.get_many(self.names.control, [(pk, sk) for sk in sort_keys])
        trigger, config, arrival, verdict, wait = (rows.get((pk, sk)) for sk in sort_keys)
        stored = self._stored(config, key.pipeline_id)
        return RunContext(
            run=None if trigger is None else read_run(trigger),
            config=stored,
            sla=_sla_facts(key, arrival, verdict, stored),
            wait=None if wait is None else read_wait(wait),
        )

    def date_of_sensor(self, key: RunKey) -> DateOfSensor:
        """The trigger rows of a date under both schedules, and its first arrival, in one consistent request."""
        pk, other = pipeline_pk(key.pipeline_id), key.under_other_schedule
        sort_keys = (run_sk("TRIGGER", key), run_sk("TRIGGER", other), f"SENSOR#first-sensor-arrival#{key.date}")
        rows = self._tables.get_many(self.names.control, [(pk, sk) for sk in sort_keys])
        trigger, another, arrival = (rows.get((pk, sk)) for sk in sort_keys)
        return DateOfSensor(
            run=None if trigger is None else read_run(trigger),
            other_run=None if trigger is not None or another is None else read_run(another),
            arrived_at=None if arrival is None else read_arrival(arrival),
        )

    def run(self, key: RunKey) -> Run | None:
        """The trigger row of a date."""
        row = self._get(key, "TRIGGER")
        return None if row is None else read_run(row)

    def run_token(self, key: RunKey) -> str | None:
        """The execution of the date's run, for a report. None without a run, or if its row cannot be read."""
        try:
            run = self.run(key)
        except MalformedRow:
            return None
        return None if run is None else run.run_token

    def has_hours(self, key: RunKey) -> bool:
        """Whether any hour of a day has a trigger row, so that the day's data comes by the hour."""
        prefix = f"{run_sk('TRIGGER', key)}T"
        found = self._tables.query(self.names.control, pipeline_pk(key.pipeline_id), prefix=prefix, limit=1)
        return any(True for _ in found)

    def hours_waiting(self, key: RunKey) -> list[RunKey]:
        """The hours of a day that run, or that completed and await post-run sensors, 24 at most."""
        pk, prefix = pipeline_pk(key.pipeline_id), f"{run_sk('TRIGGER', key)}T"
        rows = self._tables.query(self.names.control, pk, prefix=prefix, limit=_HOURS_OF_A_DAY)
        waiting = (row for row in rows if row.get("GSI1PK") == POSTRUN or row.get("status") == RunStatus.RUNNING)
        return [key_of_row(row["PK"], row["SK"]) for row in waiting]

    def runs(self, pipeline_id: str) -> Iterator[Run]:
        """All trigger rows of a pipeline, oldest date first."""
        for row in self._tables.query(self.names.control, pipeline_pk(pipeline_id), prefix="TRIGGER#"):
            yield read_run(row)

    def readings(self, key: RunKey, rules: Iterable[Rule]) -> Readings:
        """The rows that rules may read for a date, in one batch: at most five per sensor key, and the kept rows.

        A row without fields is malformed and left out, so that it fulfils no rule.
        """
        pk, kept_sk = pipeline_pk(key.pipeline_id), run_sk("KEPT", key)
        wanted = [(pk, f"SENSOR#{name}") for name in row_keys(rules, key.date)]
        found = self._tables.get_many(self.names.control, [*wanted, (pk, kept_sk)])
        kept = read_kept(found.pop((pk, kept_sk), None))
        return Readings(_with_fields(found), kept)

    def sensor_rows(self, pipeline_id: str, keys: Iterable[str]) -> dict[str, Mapping[str, object]]:
        """The sensor rows with fields under exactly these keys, by row key."""
        pk = pipeline_pk(pipeline_id)
        return _with_fields(self._tables.get_many(self.names.control, [(pk, f"SENSOR#{name}") for name in keys]))

    def kept(self, key: RunKey) -> KeptRows:
        """The sensor rows that a date keeps. A missing row keeps none."""
        return read_kept(self._get(key, "KEPT"))

    def rejections(self, pipeline_id: str, marker: str) -> Rejections | None:
        """The number of rejected rows of a kind since its last event. None for a new kind."""
        return read_rejections(self._tables.get(self.names.control, pipeline_pk(pipeline_id), marker_sk(marker)))

    def all_sensors(self, pipeline_id: str, prefix: str = "") -> dict[str, Mapping[str, object]]:
        """Every sensor row of a pipeline, for people. Steps of a run do not read all of them."""
        rows = self._tables.query(self.names.control, pipeline_pk(pipeline_id), prefix=f"SENSOR#{prefix}")
        return {row["SK"].removeprefix("SENSOR#"): sensor_fields(row) for row in rows}

    def sensors_by_key(self, pipeline_id: str, prefix: str = "") -> Iterator[tuple[str, Mapping[str, object]]]:
        """The sensor rows of a pipeline in the order of their keys, page by page, as far as they are consumed."""
        rows = self._tables.query(self.names.control, pipeline_pk(pipeline_id), prefix=f"SENSOR#{prefix}")
        return ((row["SK"].removeprefix("SENSOR#"), sensor_fields(row)) for row in rows)

    def arrived_at(self, key: RunKey) -> datetime | None:
        """The arrival of the date's first sensor (UTC). None also for a corrupted row.

        An SLA never stops a run, so a corrupted start of its relative clock does not either. The next arrival that is
        committed replaces the row.
        """
        sk = f"SENSOR#first-sensor-arrival#{key.date}"
        row = self._tables.get(self.names.control, pipeline_pk(key.pipeline_id), sk)
        return None if row is None else read_arrival(row)

    def newest_arrivals(self, pipeline_id: str, schedule_id: str, limit: int) -> dict[RunKey, datetime]:
        """The first arrivals of a pipeline's newest dates (UTC). Rows that cannot be read are left out."""
        prefix = "SENSOR#first-sensor-arrival#"
        rows = self._tables.query(
            self.names.control, pipeline_pk(pipeline_id), prefix=prefix, newest_first=True, limit=limit
        )
        found: dict[RunKey, datetime] = {}
        for row in rows:
            arrived_at = read_arrival(row)
            try:
                date = parse_execution_date(row["SK"].removeprefix(prefix))
            except ExecutionDateError:
                continue
            if arrived_at is not None:
                found[RunKey(pipeline_id, schedule_id, date)] = arrived_at
        return found

    def baseline(self, key: RunKey) -> Mapping[str, object]:
        """The post-run baseline of a date, by rule key. It is empty without a row."""
        sk = f"SENSOR#postrun-baseline#{key.date}"
        row = self._tables.get(self.names.control, pipeline_pk(key.pipeline_id), sk)
        return {} if row is None else sensor_fields(row)

    def dry_run(self, key: RunKey) -> DryRun:
        """The observations of a dry run about a date so far."""
        return read_dry_run(self._get(key, "DRY_RUN"), key)

    def dry_run_dates(self, keys: Iterable[RunKey], rules: Iterable[Rule]) -> dict[RunKey, DryRunDate]:
        """The facts about dates of dry runs, in one consistent request for up to 100 rows.

        `rules` are those of all the dates. A corrupted row raises no error, as in the reads of one fact.
        """
        rules = list(rules)
        wanted = {key: _dry_run_rows(key, rules) for key in keys}
        rows = self._tables.get_many(self.names.control, chain.from_iterable(wanted.values()))
        found = {}
        for key, (observed, arrival, baseline, kept, *sensors) in wanted.items():
            arrived, base = rows.get(arrival), rows.get(baseline)
            found[key] = DryRunDate(
                dry_run=read_dry_run(rows.get(observed), key),
                arrived_at=None if arrived is None else read_arrival(arrived),
                baseline={} if base is None else sensor_fields(base),
                readings=Readings(
                    _with_fields({sensor: rows[sensor] for sensor in sensors if sensor in rows}),
                    read_kept(rows.get(kept)),
                ),
            )
        return found

    def sla(self, key: RunKey) -> SlaFacts:
        """The date's first arrival, its verdict so far, the excluded days, and the begin of each clock."""
        return self.slas([key])[key]

    def slas(self, keys: Collection[RunKey]) -> dict[RunKey, SlaFacts]:
        """The facts of `sla` for several dates, in one request for up to 100 rows."""
        wanted = {key: [(pipeline_pk(key.pipeline_id), sk) for sk in _sla_rows(key)] for key in keys}
        rows = self._tables.get_many(self.names.control, chain.from_iterable(wanted.values()))
        configs: dict[str, StoredConfig] = {}
        found = {}
        for key, (arrival, verdict, config) in wanted.items():
            if key.pipeline_id not in configs:
                configs[key.pipeline_id] = self._stored(rows.get(config), key.pipeline_id)
            found[key] = _sla_facts(key, rows.get(arrival), rows.get(verdict), configs[key.pipeline_id])
        return found

    def verdict(self, key: RunKey) -> Verdict:
        """The date's SLA verdict so far."""
        return read_verdict(self._get(key, "VERDICT"), key)

    def entries(self, key: RunKey) -> list[JobEntry]:
        """The joblog rows of a date, oldest first. Rows that cannot be read are left out."""
        prefix = f"{run_sk('JOB', key)}#"
        found = []
        for row in self._tables.query(self.names.joblog, pipeline_pk(key.pipeline_id), prefix=prefix):
            try:
                found.append(read_entry(row))
            except MalformedRow:
                continue
        return found

    def reruns(self, key: RunKey) -> list[RerunEntry]:
        """The rerun rows of a date. A row that is only partly readable counts too."""
        prefix = f"{run_sk('RERUN', key)}#"
        rows = self._tables.query(self.names.rerun, pipeline_pk(key.pipeline_id), prefix=prefix)
        return [read_rerun(row, key) for row in rows]

    def newest_sensor_update(self, config: PipelineConfig, key: RunKey) -> datetime | None:
        """The newest `updatedAt` among the rows that count for a date, for the circuit breaker."""
        rules = rules_to_read(config)
        readings = self.readings(key, rules)
        found = select_rows(readings.rows, rules, key.date, readings.kept.rows)
        stamps = (updated_at(fields) for fields in found.fields.values())
        return max((stamp for stamp in stamps if stamp is not None), default=None)

    def standing_request(self, key: RunKey) -> StandingRequest | None:
        """The date's rerun request as its row is now."""
        row = self._get(key, "RERUN_REQUEST")
        if row is None:
            return None
        stamp = request_stamp(row)
        answered = "handledAt" in row or (stamp is not None and self.is_rerun_handled(key, stamp))
        return _standing(row, waits=not answered)

    def answer_of(self, key: RunKey, identity: str) -> str | None:
        """The answer to a rerun request: "accepted", "rejected", "answered" if only that is known, or "waits".

        None if no request of this identity was written. A later request of the date replaces the row and its outcome.
        """
        row = self._get(key, "RERUN_REQUEST")
        is_handled = self.is_rerun_handled(key, identity)
        if row is None or request_stamp(row) != identity:
            return "answered" if is_handled else None
        outcome = row.get("outcome")
        return str(outcome) if outcome in ("accepted", "rejected") else "answered" if is_handled else "waits"

    def rerun_stands(self, request: RerunRequest) -> StandingRequest | None:
        """The date's row if it is still that of this request. None if it is that of a newer one."""
        row = self._get(request.key, "RERUN_REQUEST")
        if row is None or not is_same(row.get("requestedAt", UNSET), request.requested_at):
            return None
        # An answered request without a time is not this one: its identity was that of another record.
        stands = request_stamp(row) is not None or "handledAt" not in row
        return _standing(row, waits="handledAt" not in row) if stands else None

    def is_rerun_handled(self, key: RunKey, identity: str) -> bool:
        """Whether the rerun request of this identity was answered."""
        return self.is_marked(key.pipeline_id, rerun_marker(key, identity))

    def is_marked(self, pipeline_id: str, marker: str) -> bool:
        """Whether something was reported or handled before."""
        return self._tables.get(self.names.control, pipeline_pk(pipeline_id), marker_sk(marker)) is not None

    def pending(self, up_to: datetime) -> list[Item]:
        """Rows that were committed at or before `up_to` and wait for an action, oldest first."""
        return list(self._tables.query(self.names.control, PENDING, index=INDEX, up_to=format_time(up_to)))

    def running(self) -> list[Item]:
        """The rows of started runs in the order of the ends of their leases. read_run reads each."""
        return list(self._tables.query(self.names.control, RUNNING, index=INDEX))

    def open_dates(self, pipeline_id: str, limit: int) -> list[RunKey | None]:
        """The dates of a pipeline that are under way, `limit` at most. A row that names no date counts as None."""
        rows = self._tables.query(self.names.control, pipeline_pk(pipeline_id), prefix="OPEN#", limit=limit)
        return [readable_key(row) for row in rows]

    def has_slot(self, key: RunKey) -> bool:
        """Whether a date has a slot of its pipeline."""
        return self._get(key, "OPEN") is not None

    def waiting_runs(self, pipeline_id: str, limit: int) -> list[RunKey]:
        """The runs of a pipeline that have waited the longest for a slot, `limit` at most (eventually consistent).

        Rows that cannot start are left out. The watchdog takes them out of the index.
        """
        wanted, prefix = limit, f"{pipeline_id}#"
        while True:
            rows = list(self._tables.query(self.names.control, WAITING, index=INDEX, prefix=prefix, limit=wanted))
            runs = [run for row in rows if (run := startable_run(row)) is not None]
            keys = [run.key for run in runs if run.key.pipeline_id == pipeline_id]
            if len(keys) >= limit or len(rows) < wanted:
                return keys[:limit]
            wanted *= 2

    def waiting(self) -> list[Item]:
        """The rows of all runs that wait for a slot, by pipeline, the oldest first. read_run reads each."""
        return list(self._tables.query(self.names.control, WAITING, index=INDEX))

    def pipelines(self) -> list[str]:
        """The ids of all pipelines with an indexed config."""
        rows = self._tables.query(self.names.control, CONFIG, index=INDEX)
        # A row that is not a pipeline's is in the index by mistake. It must not hide the pipelines.
        return [pipeline_of(row["PK"]) for row in rows if is_pipeline_pk(row["PK"])]

    def has_rows(self, pipeline_id: str) -> bool:
        """Whether the control table or the events table has a row of a pipeline, which may have been removed."""
        tables = (self.names.control, self.names.events)
        return any(next(self._tables.query(name, pipeline_pk(pipeline_id), limit=1), None) for name in tables)

    def pipelines_naming(self, calendar: str) -> list[str]:
        """The ids of the indexed pipelines whose config names a calendar. It reads all configs, for rare use."""
        rows = self._tables.query(self.names.control, CONFIG, index=INDEX)
        return [pipeline_of(row["PK"]) for row in rows if is_pipeline_pk(row["PK"]) and calendar in calendars_of(row)]

    def events(self, pipeline_id: str, *, after: str = "", newest: int | None = None) -> list[Item]:
        """A pipeline's rows of the events table with a sort key greater than `after`, oldest first."""
        # Event rows begin with 13 digits of milliseconds; ":" is the character behind the digits, so thread and
        # claim rows, which begin with letters, are left out.
        rows: list[Item] = []
        found = self._tables.query(
            self.names.events,
            pipeline_pk(pipeline_id),
            after=(after or "0") if newest is None else None,
            up_to=":" if newest is not None else None,
            newest_first=newest is not None,
            limit=newest,
        )
        for row in found:
            if not row["SK"][:1].isdigit():
                break
            rows.append(row)
        return sorted(rows, key=lambda row: str(row["SK"]))

    def event_history(self, pipeline_id: str, since: datetime, until: datetime) -> Iterator[Item]:
        """A pipeline's rows of the events table from `since` up to `until`, oldest first, page by page."""
        first, last = (f"{max(milliseconds(moment), 0):013d}" for moment in (since, until))
        # Sort keys begin with 13 digits of milliseconds, and those of other rows with letters.
        for row in self._tables.query(self.names.events, pipeline_pk(pipeline_id), after=first):
            if str(row["SK"])[: len(last)] > last:
                return
            yield row

    def pending_alerts(self, limit: int = 1000) -> int:
        """The number of alerts that wait for their targets, counted up to `limit` (docs/reference/rows.md §5)."""
        return sum(1 for _ in islice(self.pending_alert_rows(), limit))

    def pending_alert_rows(self) -> Iterator[Item]:
        """The rows of the alerts that wait for their targets, the alerts of the default channel first."""
        named = self._tables.query(self.names.events, PENDING_ALERTS, prefix=_TARGET)
        partitions = (f"{PENDING_ALERTS}#{row['SK'].removeprefix(_TARGET)}" for row in named)
        for partition in (PENDING_ALERTS, *partitions):
            # The keys of alerts begin with a digit, those of the other rows of the partition with a letter.
            yield from self._tables.query(self.names.events, partition, up_to=":")

    def _get(self, key: RunKey, kind: str) -> Item | None:
        return self._tables.get(self.names.control, pipeline_pk(key.pipeline_id), run_sk(kind, key))

    def row(self, pk: str, sk: str) -> Item | None:
        """Any row of the control table as it is."""
        return self._tables.get(self.names.control, pk, sk)

    def ping(self) -> None:
        """Check that the control table answers. Raises the table's error otherwise."""
        self._tables.get(self.names.control, _NO_ROW, "PING")

    def pings(self) -> dict[str, Callable[[], object]]:
        """The check of each table of the controller, by the name of the table. It raises the error of its table.

        They read as the controller reads: rows of the control table by their key, and the other two by their partition.
        """
        names = {"joblog": self.names.joblog, "rerun": self.names.rerun}
        return {"control": self.ping} | {
            name: partial(self._first_row, table, _NO_ROW) for name, table in names.items()
        }

    def _first_row(self, table: str, pk: str) -> Item | None:
        return next(iter(self._tables.query(table, pk)), None)

    def stored_text(self, pk: str) -> str | None:
        """The text of a CONFIG row as it is stored, of `PIPELINE#<id>` or `CALENDAR#<name>`. None without the row."""
        row = self._tables.get(self.names.control, pk, CONFIG)
        return None if row is None else str(row.get("config", ""))

    def silences(self, now: datetime | None = None) -> Iterator[Silence]:
        """The silences in the order of their ends: those that end after `now`, or all that are kept.

        A row that cannot be read is left out, because it silences nothing.
        """
        return (found for found in self.silence_rows(now) if isinstance(found, Silence))

    def silence_rows(self, now: datetime | None = None) -> Iterator[Silence | UnreadableSilence]:
        """The silences as in `silences`, with the rows that cannot be read."""
        after = "0" if now is None else silence_place(now)
        return (silence_of(row) for row in self._tables.query(self.names.events, SILENCES, after=after))

    def alerts_text(self) -> str | None:
        """The stored routing of alerts as JSON. None without one."""
        row = self._tables.get(self.names.events, ALERTS, CONFIG)
        return None if row is None else str(row.get("config", ""))


def _dry_run_rows(key: RunKey, rules: Iterable[Rule]) -> list[tuple[str, str]]:
    """The keys of the rows of a date of a dry run: four of its own, and those that the rules may read."""
    own = (
        run_sk("DRY_RUN", key),
        f"SENSOR#first-sensor-arrival#{key.date}",
        f"SENSOR#postrun-baseline#{key.date}",
        run_sk("KEPT", key),
    )
    names = (*own, *(f"SENSOR#{name}" for name in row_keys(rules, key.date)))
    return [(pipeline_pk(key.pipeline_id), name) for name in names]


def _with_fields(found: Mapping[tuple[str, str], Item]) -> dict[str, Mapping[str, object]]:
    """The fields of sensor rows by row key. Rows without fields are left out."""
    fields = {sk.removeprefix("SENSOR#"): sensor_fields(row) for (_, sk), row in found.items()}
    return {key: values for key, values in fields.items() if values}


def readable_key(row: Item) -> RunKey | None:
    try:
        return key_of_row(row["PK"], row["SK"])
    except MalformedRow:
        return None


def _standing(row: Item, *, waits: bool) -> StandingRequest:
    is_own = str(row.get("reason")) in OWN_REASONS
    return StandingRequest(row.get("requestedAt", UNSET), waits, row.get("lateData", UNSET), is_own)


def _sla_rows(key: RunKey) -> tuple[str, str, str]:
    """The sort keys of the first arrival, the verdict and the config."""
    return f"SENSOR#first-sensor-arrival#{key.date}", run_sk("VERDICT", key), CONFIG


def _sla_facts(key: RunKey, arrival: Item | None, verdict: Item | None, stored: StoredConfig) -> SlaFacts:
    arrived_at = None if arrival is None else read_arrival(arrival)
    since = clocks_since(stored.in_force, stored.created_at)
    return SlaFacts(arrived_at, read_verdict(verdict, key), since, stored.exclusions)

"""The forms of rows: keys, times, and the lifecycle's structs to and from rows (docs/reference/rows.md §1)."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET

from interlock_lifecycle import (
    ClockVerdict,
    CorruptedRun,
    CountedRejections,
    Dormancy,
    DryRun,
    JobEntry,
    JobIntent,
    KeptRows,
    Rejections,
    RerunEntry,
    RerunReason,
    RestOfHour,
    Run,
    RunKey,
    RunStatus,
    Sensor,
    Verdict,
    Wait,
    digest,
)
from interlock_lifecycle.events import Event, cut_text, event_detail
from interlock_lifecycle.reruns import REPORTED_EVERY, RerunRequest
from interlock_lifecycle.waits import JobName
from interlock_rules import KeptRow
from interlock_sla import Clock, ExecutionDate, Outcome, SlaError, parse_execution_date
from interlock_store._tables import StoreError
from interlock_store._write import Expect, Item

INDEX = "GSI1"
DAYS = "GSI2"
"""The index of days: the dates of a day, the most urgent ones first (`_days.py`)."""

ALERTS = "ALERTS"
"""The partition of the routing of alerts, in the events table."""

PENDING_ALERTS = "PENDING_ALERTS"
"""The partition of the events table with the alerts that wait for the default channel, by the alert-dispatcher."""

PENDING, RUNNING, POSTRUN, CONFIG = "PENDING", "RUNNING", "POSTRUN", "CONFIG"
DORMANT = "DORMANT"
JOBRUN = "JOBRUN"
WAITING = "WAITING"
LOOKING = "LOOKING"

_BOOKKEEPING = frozenset({"PK", "SK", "ttl", "GSI1PK", "GSI1SK", "GSI2PK", "GSI2SK"})
"""The attributes of a flat sensor row that are no fields of the sensor."""

_NUMBERED = frozenset({"JOB", "RERUN"})
"""Kinds of rows of which a run has several."""

LONGEST_SK = 1024
"""The limit of a sort key in DynamoDB, in bytes."""
_READABLE = 100
"""The characters that remain of each part of a name that is too long for a key."""

_RUN_TTL = timedelta(days=30)
_LOG_TTL = timedelta(days=30)
_EVENT_TTL = timedelta(days=30)
_MARKER_TTL = timedelta(days=30)
_VERDICT_TTL = timedelta(days=400)
_DRY_RUN_TTL = timedelta(days=7)
_KEPT_TTL = timedelta(days=400)
_LONG_AGO = datetime.fromtimestamp(0, UTC)


class MalformedRow(StoreError):
    """A row that cannot be read: its key, the problem, and the row itself if it is known."""

    def __init__(self, pk: str, sk: str, problem: str) -> None:
        super().__init__(f"row {pk} / {sk}: {problem}")
        self.pk, self.sk, self.problem = pk, sk, problem


class CorruptedTrigger(MalformedRow):
    """A trigger row that names its date and cannot be read as a run. `corrupted` has its readable parts."""

    def __init__(self, pk: str, sk: str, corrupted: CorruptedRun) -> None:
        super().__init__(pk, sk, corrupted.problem)
        self.corrupted = corrupted


def pipeline_pk(pipeline_id: str) -> str:
    """The partition of a pipeline."""
    return f"PIPELINE#{pipeline_id}"


def is_pipeline_pk(pk: str) -> bool:
    """Whether a partition key is PIPELINE#<id>."""
    return pk.startswith("PIPELINE#") and pk != "PIPELINE#"


def pipeline_of(pk: str) -> str:
    """The pipeline of a partition key."""
    prefix, _, pipeline_id = pk.partition("#")
    if prefix != "PIPELINE" or not pipeline_id:
        raise MalformedRow(pk, "", "the partition key is not PIPELINE#<id>")
    return pipeline_id


def run_sk(kind: str, key: RunKey) -> str:
    """The sort key of a row about one run: `<kind>#<schedule>#<date>`."""
    return f"{kind}#{key.schedule_id}#{key.date}"


def key_of_row(pk: str, sk: str) -> RunKey:
    """The run of a `<kind>#<schedule>#<date>` row. JOB# and RERUN# rows have a number after it."""
    parts = sk.split("#")
    form = "<kind>#<schedule>#<date>" + ("#<number>" if parts[0] in _NUMBERED else "")
    if len(parts) != form.count("#") + 1 or not parts[1]:
        raise MalformedRow(pk, sk, f"the sort key is not {form}")
    try:
        date = parse_execution_date(parts[2])
    except ValueError as error:
        raise MalformedRow(pk, sk, str(error)) from None
    return RunKey(pipeline_of(pk), parts[1], date)


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, of one width, so that text sorts as time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: object, pk: str, sk: str) -> datetime:
    """A time that format_time or another writer wrote in RFC 3339."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise MalformedRow(pk, sk, f"{text!r} is not a time in RFC 3339") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_arrival(row: Mapping[str, Any]) -> datetime | None:
    """The time of a first-sensor-arrival row (UTC). None for a row without a valid time."""
    try:
        return parse_time(sensor_fields(row).get("arrivedAt"), row["PK"], row["SK"])
    except MalformedRow:
        return None


def arrival_as_read(row: Mapping[str, Any]) -> Expect:
    """The condition that a first-sensor-arrival row is as it was read, for all attributes that read_arrival uses."""
    names = ("data", "arrivedAt")
    return Expect(
        exists=True,
        equals={name: row[name] for name in names if name in row},
        absent=tuple(name for name in names if name not in row),
    )


def epoch(moment: datetime) -> int:
    """Whole epoch seconds, the form of TTL attributes."""
    return int(moment.timestamp())


class Rank(StrEnum):
    """The places of the rows of a day in the index of days. The most urgent ones come first."""

    FAILED = "1"
    BREACHED = "2"
    MISSED = "3"
    HELD = "4"
    RUNNING = "5"
    COMPLETED = "9"


def day_entry(pk: str, sk: str, date: ExecutionDate, rank: Rank) -> Item:
    """The entry of a row in the index of days. The sort key is unique, so that a reader can go on after it."""
    place = f"{rank}#{pk.removeprefix('PIPELINE#')}#{sk}"
    if len(place.encode()) > LONGEST_SK:
        place = f"{rank}#{digest(pk, sk)}"
    return {f"{DAYS}PK": f"DAY#{date.day}", f"{DAYS}SK": place}


def day_of_run(key: RunKey, status: RunStatus, *, has_job: bool) -> Item:
    """The entry of a trigger row in the index of days. A running run without a job is held or about to start."""
    ranks = {RunStatus.COMPLETED: Rank.COMPLETED, RunStatus.FAILED_FINAL: Rank.FAILED}
    rank = ranks.get(status, Rank.RUNNING if has_job else Rank.HELD)
    return day_entry(pipeline_pk(key.pipeline_id), run_sk("TRIGGER", key), key.date, rank)


def day_of_verdict(key: RunKey, fresh: Mapping[Clock, ClockVerdict]) -> Item:
    """The entry of a VERDICT# row in the index of days, if a clock is breached. A met deadline is not urgent."""
    if all(verdict.outcome is not Outcome.BREACH for verdict in fresh.values()):
        return {}
    return day_entry(pipeline_pk(key.pipeline_id), run_sk("VERDICT", key), key.date, Rank.BREACHED)


def day_of_marker(pipeline_id: str, marker: str) -> Item:
    """The entry of the marker of a missed date in the index of days. Other markers have none."""
    name, _, text = marker.rpartition("#")
    if not name.startswith("missed#"):
        return {}
    try:
        date = parse_execution_date(text)
    except SlaError:
        return {}
    return day_entry(pipeline_pk(pipeline_id), marker_sk(marker), date, Rank.MISSED)


def run_row(run: Run) -> Item:
    """The trigger row of a run that is not started yet. It is in the pending index."""
    row: Item = {
        "PK": pipeline_pk(run.key.pipeline_id),
        "SK": run_sk("TRIGGER", run.key),
        "status": str(run.status),
        "attempt": run.attempt,
        "runToken": run.run_token,
        "committedAt": format_time(run.committed_at),
        "recoveries": run.recoveries,
        "reason": run.reason,
        "GSI1PK": PENDING,
        "GSI1SK": format_time(run.committed_at),
        **day_of_run(run.key, run.status, has_job=run.job_intent is not None),
    }
    if run.lease_until is not None:
        row["leaseUntil"] = format_time(run.lease_until)
        row["ttl"] = epoch(run.lease_until + _RUN_TTL)
    if run.evaluated_at is not None:
        row["evaluatedAt"] = format_time(run.evaluated_at)
        row["evaluatedSensors"] = dict(run.seen)
    if run.job_intent is not None:
        row["jobIntent"] = intent_row(run.job_intent)
    if run.previous_job is not None:
        row["previousJob"] = intent_row(run.previous_job)
    if run.rest is not None:
        row["restOfHour"] = rest_row(run.rest)
    return row


def waiting_place(run: Run) -> str:
    """The place of a run among those of its pipeline that wait for a slot, the oldest first."""
    return f"{run.key.pipeline_id}#{format_time(run.committed_at)}#{run.key.schedule_id}#{run.key.date}"


def slot_row(run: Run, lease_until: datetime) -> Item:
    """The OPEN# row of a date that is under way: it takes a slot of its pipeline."""
    return {
        "PK": pipeline_pk(run.key.pipeline_id),
        "SK": run_sk("OPEN", run.key),
        "runToken": run.run_token,
        "ttl": epoch(lease_until + _RUN_TTL),
        **QUIET,
    }


_TaskToken = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
"""A token of Step Functions. Its API rejects any other length."""


def wait_row(wait: Wait, lease_until: datetime) -> Item:
    """The WAIT# row of an execution that has not registered a wait yet."""
    return {
        "PK": pipeline_pk(wait.key.pipeline_id),
        "SK": run_sk("WAIT", wait.key),
        "runToken": wait.run_token,
        "wakes": wait.wakes,
        "registrations": wait.registrations,
        "waitsFor": "job" if wait.for_job else "sensors",
        "held": held_row(wait.held),
        **reports_row(wait),
        "ttl": epoch(lease_until + _RUN_TTL),
        **QUIET,
    }


def held_row(held: Mapping[str, datetime]) -> Item:
    """The rules that hold a run, as a WAIT# row has them."""
    return {name: format_time(since) for name, since in held.items()}


def reports_row(wait: Wait) -> Item:
    """The number and the time of the RUN_HELD events, as a WAIT# row has them."""
    at = {} if wait.reported_at is None else {"reportedAt": format_time(wait.reported_at)}
    return {"reports": wait.reports, **at}


def read_wait(row: Mapping[str, Any]) -> Wait:
    """A WAIT# row. The wait of a row that cannot be read is not whole. Raises MalformedRow if its key names no date."""
    key = key_of_row(row["PK"], row["SK"])
    try:
        return Wait(
            key=key,
            run_token=msgspec.convert(row["runToken"], str),
            wakes=_whole_number(row["wakes"]),
            registrations=_whole_number(row["registrations"]),
            for_job={"job": True, "sensors": False}[row["waitsFor"]],
            task_token=msgspec.convert(row["taskToken"], _TaskToken) if "taskToken" in row else None,
            look_at=_time_in(row, "lookAt"),
            held={str(name): parse_time(since, row["PK"], row["SK"]) for name, since in row["held"].items()},
            reports=_whole_number(row["reports"]),
            reported_at=_time_in(row, "reportedAt"),
            woken_at=_time_in(row, "wokenAt"),
        )
    except (MalformedRow, msgspec.ValidationError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        return Wait(key, "", is_whole=False)


def _time_in(row: Mapping[str, Any], name: str) -> datetime | None:
    return parse_time(row[name], row["PK"], row["SK"]) if name in row else None


def _whole_number(value: object) -> int:
    """A number of DynamoDB as an int. Raises ValueError for any other value, and for a fraction."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value < 10**12 or value % 1:
        raise ValueError(f"{value!r} is not a count")
    return int(value)


def job_pk(job: JobName) -> str:
    """The partition of a job's JOBRUN row. A run id is unique for its job type in an account and region."""
    return f"JOBRUN#{job.type}#{job.run_id}"


def job_row(job: JobName, key: RunKey, lease_until: datetime) -> Item:
    """The row by which an event of a job finds its run."""
    return {
        "PK": job_pk(job),
        "SK": JOBRUN,
        "pipelineId": key.pipeline_id,
        "scheduleId": key.schedule_id,
        "date": str(key.date),
        "ttl": epoch(lease_until + _RUN_TTL),
        **QUIET,
    }


def read_job_run(row: Mapping[str, Any]) -> RunKey | None:
    """The run of a JOBRUN row. None for a row that names no run."""
    try:
        pipeline_id, schedule_id = (msgspec.convert(row[name], str) for name in ("pipelineId", "scheduleId"))
        return RunKey(pipeline_id, schedule_id, parse_execution_date(str(row["date"])))
    except (msgspec.ValidationError, LookupError, SlaError):
        return None


def rest_row(rest: RestOfHour) -> Item:
    """The record that brought the rest of a repeated hour, as a trigger row notes it."""
    return {"sensorKey": rest.sensor_key, "fingerprint": rest.fingerprint, "at": format_time(rest.at)}


def repaired_row(run: Run, *, awaits_post_run: bool) -> Item:
    """The trigger row of a corrupted run. A completed one may stay in the index of post-run sensors."""
    row = closed_row(run)
    if not awaits_post_run or run.closed_at is None:
        return row
    return {**row, "GSI1PK": POSTRUN, "GSI1SK": format_time(run.closed_at)}


def closed_row(run: Run) -> Item:
    """The trigger row of a run that was closed before it began. It is in no index and does not expire."""
    row = {name: value for name, value in run_row(run).items() if name not in {"GSI1PK", "GSI1SK", "ttl"}}
    if run.closed_at is not None:
        row["closedAt"] = format_time(run.closed_at)
    return {**row, "closeReason": run.close_reason} if run.close_reason else row


def texts(value: object) -> dict[str, str]:
    """A map of strings. Any other value counts as empty."""
    return {str(name): str(text) for name, text in value.items()} if isinstance(value, Mapping) else {}


def intent_row(intent: JobIntent) -> str:
    """A job intent as JSON. Configs have floats and empty strings, which a read must return unchanged."""
    return msgspec.json.encode(intent).decode()


def read_sensor(row: Mapping[str, Any], written_at: datetime) -> Sensor:
    """A sensor row. Its fields are in `data`, or flat with the keys."""
    pk, sk = row["PK"], row["SK"]
    key = sk.removeprefix("SENSOR#")
    if not key or key == sk:
        raise MalformedRow(pk, sk, "the sort key is not SENSOR#<key>")
    return Sensor(pipeline_of(pk), key, sensor_fields(row), written_at)


def sensor_fields(row: Mapping[str, Any]) -> Mapping[str, object]:
    """The sensor's fields: `data` if it is a map, otherwise the row without its keys and bookkeeping."""
    data = row.get("data")
    if isinstance(data, Mapping):
        return data
    return {name: value for name, value in row.items() if name not in _BOOKKEEPING}


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
        "ttl": epoch(entry.at + _LOG_TTL),
        "runId": entry.run_id,
        "duration": entry.duration,
        "error": _cut(entry.error),
        "category": entry.category,
        "runToken": entry.run_token,
        "attempt": entry.attempt,
        "requestedAt": None if entry.requested_at is None else format_time(entry.requested_at),
    }
    return {name: value for name, value in row.items() if value is not None}


def milliseconds(moment: datetime) -> int:
    """Epoch milliseconds."""
    return int(moment.timestamp() * 1000)


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
        error=_cut(row.get("error")),
        category=_cut(row.get("category")),
        run_token=_text(row.get("runToken")),
        attempt=attempt,
        requested_at=_time_or_none(row.get("requestedAt"), row),
    )


def _cut(value: object) -> str | None:
    """The text of an external writer, cut to a length that fits into an event and into Interlock's rows."""
    return None if value is None else cut_text(str(value))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def rerun_row(rerun: RerunEntry, number: int) -> Item:
    """A rerun row under the next free number of its date."""
    return {
        "PK": pipeline_pk(rerun.key.pipeline_id),
        "SK": f"{run_sk('RERUN', rerun.key)}#{number}",
        "reason": rerun.reason,
        "triggeredAt": format_time(rerun.triggered_at),
        "sourceJobEvent": rerun.source_job_event,
        "ttl": epoch(rerun.triggered_at + _LOG_TTL),
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
    return _time_or_none(text, row) or datetime.fromtimestamp(0, UTC)


def _time_or_none(text: object, row: Mapping[str, Any]) -> datetime | None:
    """The time that a text names. None for any other value, since external writers add attributes of their own."""
    try:
        return parse_time(text, row["PK"], row["SK"])
    except MalformedRow:
        return None


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
        requested_by=_cut(row.get("requestedBy")),
        note=_cut(row.get("note")),
        abandon_previous=str(row.get("abandonPrevious", "")).lower() == "true",
    )


def request_stamp(row: Mapping[str, Any]) -> str | None:
    """A rerun request's requestedAt as a string. The row may have a number. None for an absent or empty value."""
    stamp = row.get("requestedAt")
    return str(stamp) if isinstance(stamp, Decimal) or (isinstance(stamp, str) and stamp) else None


def verdict_changes(fresh: Mapping[Clock, ClockVerdict]) -> Item:
    """The verdict attributes that a judgement adds."""
    changes: Item = {
        str(clock): {
            "outcome": str(verdict.outcome),
            "deadline": format_time(verdict.deadline),
            "at": format_time(verdict.at),
        }
        for clock, verdict in fresh.items()
    }
    latest = max((verdict.at for verdict in fresh.values()), default=None)
    return changes if latest is None else {**changes, "ttl": epoch(latest + _VERDICT_TTL)}


def read_verdict(row: Mapping[str, Any] | None, key: RunKey) -> Verdict:
    """The judgements of a date so far. A missing row has none.

    An SLA never stops a run, so a corrupted judgement raises no error.
    """
    stored = {clock: (row or {})[str(clock)] for clock in Clock if str(clock) in (row or {})}
    read = {clock: _read_judgement(value) for clock, value in stored.items()}
    return Verdict(
        key,
        clocks={clock: judgement for clock, judgement in read.items() if judgement is not None},
        corrupted={clock: stored[clock] for clock, judgement in read.items() if judgement is None},
    )


def _read_judgement(value: Any) -> ClockVerdict | None:
    try:
        return ClockVerdict(
            Outcome(value["outcome"]), parse_time(value["deadline"], "", ""), parse_time(value["at"], "", "")
        )
    except (KeyError, TypeError, ValueError, MalformedRow):
        return None


def rerun_marker(key: RunKey, identity: str) -> str:
    """The marker of a rerun request that was answered."""
    return f"rerun#{key.schedule_id}#{identity}#{key.date}"


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
    data, reruns, retries = row.get("data"), row.get("reruns", []), _whole(row.get("retries", Decimal(0)), otherwise=-1)
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


QUIET = {"quiet": "1"}
"""The attribute of rows that the stream-router does not need. The filter of its stream leaves them out."""

UNREADABLE_VERSION = -1
"""The version of a KEPT# row with an unreadable version. The next write replaces the row in any case."""


REJECTIONS_READ = ("markedAt", "count")
_MOST_COUNTED = 10**12
_MOST_ATTEMPTS = 1_000_000
"""The largest attempt of a joblog row. A repair counts on from the largest attempt that it finds."""


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
    version = _whole(row.get("version"), otherwise=0)
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
        kept_at = parse_time(entry.get("keptAt"), "", "") if isinstance(entry, Mapping) else _LONG_AGO
    except MalformedRow:
        return KeptRow(None, _LONG_AGO, exact=False)
    exact = isinstance(entry, Mapping) and entry.get("exact") is True
    return KeptRow(data if isinstance(data, Mapping) else None, kept_at, exact)


def read_rejections(row: Mapping[str, Any] | None) -> Rejections | None:
    """The marker of a kind of rejected sensor row, None without one. An unreadable time counts as long ago."""
    if row is None:
        return None
    try:
        reported_at = parse_time(row.get("markedAt"), "", "").astimezone(UTC)
    except (MalformedRow, OverflowError):
        reported_at = _LONG_AGO
    count = _whole(row.get("count"), otherwise=-1)
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


def _whole(value: Any, *, otherwise: int) -> int:
    """A whole number of a row within the range of a count, otherwise `otherwise`."""
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value < _MOST_COUNTED:
        return otherwise
    return int(value) if value == value.to_integral_value() else otherwise


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

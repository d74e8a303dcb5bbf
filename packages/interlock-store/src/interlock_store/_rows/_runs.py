"""Trigger rows, and the slots of the dates that are under way."""

from datetime import datetime, timedelta

import msgspec

from interlock_lifecycle import CorruptedRun, JobIntent, RestOfHour, Run
from interlock_store._rows._day_entries import day_of_run
from interlock_store._rows._keys import PENDING, POSTRUN, QUIET, MalformedRow, pipeline_pk, run_sk
from interlock_store._rows._parts import epoch, format_time
from interlock_store._write import Item

RUN_TTL = timedelta(days=30)


class CorruptedTrigger(MalformedRow):
    """A trigger row that names its date and cannot be read as a run. `corrupted` has its readable parts."""

    def __init__(self, pk: str, sk: str, corrupted: CorruptedRun) -> None:
        super().__init__(pk, sk, corrupted.problem)
        self.corrupted = corrupted


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
        row["ttl"] = epoch(run.lease_until + RUN_TTL)
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
        "ttl": epoch(lease_until + RUN_TTL),
        **QUIET,
    }


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


def intent_row(intent: JobIntent) -> str:
    """A job intent as JSON. Configs have floats and empty strings, which a read must return unchanged."""
    return msgspec.json.encode(intent).decode()

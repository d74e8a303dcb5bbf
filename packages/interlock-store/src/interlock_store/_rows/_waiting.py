"""The rows of waiting executions, and the rows by which the event of a job finds its run."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from interlock_lifecycle import RunKey, Wait
from interlock_lifecycle.waits import JobName
from interlock_sla import SlaError, parse_execution_date
from interlock_store._rows._keys import JOBRUN, QUIET, MalformedRow, key_of_row, pipeline_pk, run_sk
from interlock_store._rows._parts import epoch, format_time, parse_time
from interlock_store._rows._runs import RUN_TTL
from interlock_store._write import Item

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
        "ttl": epoch(lease_until + RUN_TTL),
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
        "ttl": epoch(lease_until + RUN_TTL),
        **QUIET,
    }


def read_job_run(row: Mapping[str, Any]) -> RunKey | None:
    """The run of a JOBRUN row. None for a row that names no run."""
    try:
        pipeline_id, schedule_id = (msgspec.convert(row[name], str) for name in ("pipelineId", "scheduleId"))
        return RunKey(pipeline_id, schedule_id, parse_execution_date(str(row["date"])))
    except (msgspec.ValidationError, LookupError, SlaError):
        return None

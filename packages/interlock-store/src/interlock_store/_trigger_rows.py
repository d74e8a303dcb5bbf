"""Reads TRIGGER# rows: as runs, or as corrupted runs with their readable parts and their problem."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from interlock_lifecycle import CorruptedRun, JobIntent, RestOfHour, Run, RunKey, RunStatus
from interlock_lifecycle.runs import needs_start
from interlock_rules import to_number
from interlock_store._rows import POSTRUN, WAITING, CorruptedTrigger, MalformedRow, key_of_row, parse_time, texts

T = TypeVar("T")

_MOST_COUNTED = 1_000_000
"""The largest attempt or recovery that a row may count. A larger number is corrupted."""
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
"""Times outside these years are corrupted. Arithmetic with them could leave the range of datetime."""
_FIRST_LOCK, _LAST_LOCK = 2022, 2100
"""The years in which the lock of an older tool's run may end. DynamoDB deletes no row with a `ttl` long ago."""
_NO_SECONDS = 10**11
"""The limit between epoch seconds, below it for 3,000 years, and epoch milliseconds, above it since 1973."""
_LONG_AGO = datetime.fromtimestamp(0, UTC)


def read_run(row: Mapping[str, Any]) -> Run:
    """A trigger row as a Run. Raises CorruptedTrigger, and MalformedRow if its key names no date.

    Rows of older tools lack columns and read as attempt 0 without a token.
    """
    found = read_trigger(row)
    if isinstance(found, CorruptedRun):
        raise CorruptedTrigger(row["PK"], row["SK"], found)
    return found


def startable_run(row: Mapping[str, Any]) -> Run | None:
    """The run of a row that waits for its start. None for any other row, also an unreadable one."""
    try:
        run = read_run(row) if row["SK"].startswith("TRIGGER#") else None
    except MalformedRow:
        return None
    return run if run is not None and needs_start(run, run.run_token) else None


def read_trigger(row: Mapping[str, Any]) -> Run | CorruptedRun:
    """A trigger row as a Run, or its readable parts with the problem. Raises MalformedRow if its key names no date."""
    key = key_of_row(row["PK"], row["SK"])
    parts = _Parts(row)
    status = parts.read(lambda: read_status(row))
    token = parts.read(lambda: _token(row, "runToken")) or ""
    lease = parts.read(lambda: _moment(row, "leaseUntil"))
    if status is RunStatus.RUNNING and not parts.problems:
        lease = lease if token else _older_lease(row)
        if lease is None:
            parts.problems.append(f"status RUNNING has no {'leaseUntil' if token else 'runToken'}")
    run = _with_parts(key, status or RunStatus.FAILED_FINAL, token, lease, parts)
    return run if not parts.problems else _corrupted(run, status, row, parts)


def _with_parts(key: RunKey, status: RunStatus, token: str, lease: datetime | None, parts: "_Parts") -> Run:
    row = parts.row
    return Run(
        key=key,
        status=status,
        attempt=parts.read(lambda: _count(row, "attempt")) or 0,
        run_token=token,
        committed_at=parts.read(lambda: _moment(row, "committedAt")) or _LONG_AGO,
        started_token=parts.read(lambda: _token(row, "startedToken")),
        started_at=parts.read(lambda: _moment(row, "startedAt")),
        evaluated_at=parts.read(lambda: _moment(row, "evaluatedAt")),
        lease_until=lease,
        job_intent=parts.read(lambda: _intent(row, "jobIntent")),
        previous_job=parts.read(lambda: _intent(row, "previousJob")),
        recoveries=parts.read(lambda: _count(row, "recoveries")) or 0,
        reason=str(row.get("reason", "sensor")),
        closed_at=parts.read(lambda: _moment(row, "closedAt")),
        close_reason=str(row.get("closeReason", "")),
        seen=texts(row.get("evaluatedSensors")),
        rest=parts.read(lambda: _rest(row)),
        waits_for_slot=row.get("GSI1PK") == WAITING,
    )


def _corrupted(run: Run, status: RunStatus | None, row: Mapping[str, Any], parts: "_Parts") -> CorruptedRun:
    try:
        attempt = _count(row, "attempt")
    except MalformedRow:
        attempt = None
    return CorruptedRun(
        key=run.key,
        problem="; ".join(parts.problems),
        status=status,
        attempt=attempt,
        run_token=run.run_token,
        as_read=row,
        job_intent=run.job_intent,
        previous_job=run.previous_job,
        closed_at=run.closed_at,
        awaits_post_run=row.get("GSI1PK") == POSTRUN,
    )


class _Parts:
    """The parts of a row that were read, and the problems of the others."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.row = row
        self.problems: list[str] = []

    def read(self, part: Callable[[], T | None]) -> T | None:
        """A part, or None if it cannot be read."""
        try:
            return part()
        except MalformedRow as error:
            self.problems.append(error.problem)
            return None


def read_status(row: Mapping[str, Any]) -> RunStatus:
    """The status of a trigger row."""
    try:
        return RunStatus(str(row.get("status")))
    except ValueError:
        known = ", ".join(RunStatus)
        raise MalformedRow(row["PK"], row["SK"], f"status {row.get('status')!r} is not one of {known}") from None


def _older_lease(row: Mapping[str, Any]) -> datetime | None:
    """The end of the lock of an older tool's run: its `ttl`. None for a row that no older tool writes.

    DynamoDB deletes such a row after that time, which frees its date.
    """
    if "attempt" in row or "runToken" in row:
        return None
    lease = expiry_of(row.get("ttl"))
    return lease if lease is not None and _FIRST_LOCK <= lease.year < _LAST_LOCK else None


def expiry_of(ttl: object) -> datetime | None:
    """The time of a `ttl` in epoch seconds (UTC). None for an invalid value, such as milliseconds."""
    seconds = to_number(ttl)
    return datetime.fromtimestamp(int(seconds), UTC) if seconds is not None and 0 < seconds < _NO_SECONDS else None


def _moment(row: Mapping[str, Any], name: str) -> datetime | None:
    return _time_of(row, name, row[name]) if name in row else None


def _time_of(row: Mapping[str, Any], name: str, value: object) -> datetime:
    moment = parse_time(value, row["PK"], row["SK"])
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise MalformedRow(row["PK"], row["SK"], f"{name} {value!r} is out of range")
    return moment


def _token(row: Mapping[str, Any], name: str) -> str | None:
    """A token that fences the run. It must be a string, since conditions compare it as one."""
    if name not in row:
        return None
    token = row[name]
    if not isinstance(token, str):
        raise MalformedRow(row["PK"], row["SK"], f"{name} must be a string, got {token!r}")
    return token


def _count(row: Mapping[str, Any], name: str) -> int:
    """A whole number that a row counts, 0 if it is absent."""
    value = row.get(name, 0)
    try:
        number = Decimal(value if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else "NaN")
    except ArithmeticError:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 <= number <= _MOST_COUNTED or number != number.to_integral_value():
        raise MalformedRow(row["PK"], row["SK"], f"{name} must be a whole number, got {value!r}")
    return int(number)


def _rest(row: Mapping[str, Any]) -> RestOfHour | None:
    found = row.get("restOfHour")
    if found is None:
        return None
    if not isinstance(found, Mapping):
        raise MalformedRow(row["PK"], row["SK"], f"restOfHour {found!r} is not a map")
    at = _time_of(row, "restOfHour", found.get("at"))
    return RestOfHour(str(found.get("sensorKey", "")), str(found.get("fingerprint", "")), at)


def _intent(row: Mapping[str, Any], name: str) -> JobIntent | None:
    value = row.get(name)
    if value is None:
        return None
    try:
        intent = msgspec.json.decode(str(value), type=JobIntent)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise MalformedRow(row["PK"], row["SK"], f"{name}: {error}") from None
    times = (intent.until, intent.committed_at, intent.started_at, intent.outcome.at if intent.outcome else None)
    if any(at is not None and (at.tzinfo is None or not _FIRST_YEAR <= at.year <= _LAST_YEAR) for at in times):
        raise MalformedRow(row["PK"], row["SK"], f"{name}: a time has no zone, or is out of range")
    return intent

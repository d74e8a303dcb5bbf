"""A run as values: its key, its trigger row, the intent of its job and its log entries. It holds no decisions."""

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import UNSET, Struct

from interlock_config import execution_name as name_execution
from interlock_lifecycle._words import FailureCategory
from interlock_sla import ExecutionDate, Period


class RunKey(Struct, frozen=True, order=True):
    """The identity of a run: one execution date of one schedule of one pipeline."""

    pipeline_id: str
    schedule_id: str
    date: ExecutionDate

    def __str__(self) -> str:
        return f"{self.pipeline_id} {self.schedule_id} {self.date}"

    @property
    def under_other_schedule(self) -> "RunKey":
        """The same date under the other kind of schedule. A config may change from one kind to the other."""
        return RunKey(self.pipeline_id, "stream" if self.schedule_id == "cron" else "cron", self.date)


class RunStatus(StrEnum):
    """The states of a trigger row. COMPLETED and FAILED_FINAL are terminal."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED_FINAL = "FAILED_FINAL"


class JobOutcome(Struct, frozen=True, omit_defaults=True):
    """The end of a job.

    event: success, fail or timeout. category: TRANSIENT, PERMANENT or TIMEOUT. at: the time of the end (UTC), if the
    target or an external log entry states it.
    """

    event: str
    run_id: str = ""
    category: str | None = None
    error: str = ""
    duration: float | None = None
    at: datetime | None = None


class JobIntent(Struct, frozen=True, omit_defaults=True):
    """The promise to start one job for one attempt, committed before the start is sent.

    until: up to this time only the invocation that committed the intent may act on it. config: the job's configuration
    as written (unexpanded), so that the job can be followed after an edit of the pipeline file. sent: the number of
    invocations that were allowed to send the start. period: the span of the execution date in the schedule's zone at
    the commit. An edited zone does not change a start that is sent again. Intents of older versions have no period.
    """

    attempt: int
    key: str
    until: datetime
    type: str
    config: dict[str, Any]
    committed_at: datetime
    run_id: str | None = None
    started_at: datetime | None = None
    details: dict[str, str] = {}
    outcome: JobOutcome | None = None
    sent: int = 1
    period: Period | None = None

    @property
    def is_unconfirmed(self) -> bool:
        """Whether a job may run although only the sending of its start is known.

        After a PERMANENT rejection no job runs. An outcome with a time was reported for a job that ended. Any other
        outcome without a run id only closed the attempt.
        """
        outcome = self.outcome
        return self.run_id is None and (
            outcome is None or (outcome.category != FailureCategory.PERMANENT and outcome.at is None)
        )

    @property
    def has_result(self) -> bool:
        """Whether the start was answered: the job has an id, or it has ended."""
        return self.run_id is not None or self.outcome is not None


class RestOfHour(Struct, frozen=True):
    """The newest record that brought the rest of a repeated hour while the job of its first part ran.

    at: the time of the record (UTC). fingerprint: a digest of its fields.
    """

    sensor_key: str
    fingerprint: str
    at: datetime


class Run(Struct, frozen=True):
    """A trigger row.

    attempt: the number of the date's present job start, from 0. run_token: the name of one execution, which fences its
    writes. All times are UTC.
    """

    key: RunKey
    status: RunStatus
    attempt: int
    run_token: str
    committed_at: datetime
    started_token: str | None = None
    started_at: datetime | None = None
    evaluated_at: datetime | None = None
    lease_until: datetime | None = None
    job_intent: JobIntent | None = None
    previous_job: JobIntent | None = None
    recoveries: int = 0
    reason: str = "sensor"
    closed_at: datetime | None = None
    close_reason: str = ""
    seen: Mapping[str, str] = {}
    """Fingerprints of the sensor rows that the evaluation at `evaluated_at` read, by row key."""
    rest: RestOfHour | None = None
    waits_for_slot: bool = False
    """Whether the run waits to be started, because enough dates of its pipeline are under way."""

    @property
    def is_running(self) -> bool:
        """Whether the run is not yet closed."""
        return self.status is RunStatus.RUNNING

    @property
    def stands(self) -> bool:
        """Whether the run is under way or completed, so that nothing else is triggered for its date."""
        return self.status is not RunStatus.FAILED_FINAL

    def is_held_by(self, token: str) -> bool:
        """Whether the execution named by `token` still owns this run."""
        return self.is_running and self.run_token == token


class Pause(Struct, frozen=True):
    """A pause of a pipeline: none of its jobs starts before `until` (UTC), or before it is resumed.

    until: None for a pause without an end, and for an end that cannot be read. by, reason: the author and the reason,
    as the row has them. problem: the unreadable value of the end. as_read: the end as the row has it, UNSET for a pause
    that is not read from a row.
    """

    until: datetime | None
    by: str = ""
    reason: str = ""
    problem: str = ""
    as_read: Any = UNSET

    def holds(self, now: datetime) -> bool:
        """Whether the pipeline is paused at `now` (UTC). An unreadable end never ends a pause."""
        return self.until is None or now < self.until

    def __str__(self) -> str:
        end = f"until {self.until:%Y-%m-%dT%H:%M:%SZ}" if self.until is not None else "until it is resumed"
        author = f" by {self.by}" if self.by else ""
        said = ", ".join(text for text in (self.reason, self.problem) if text)
        return f"the pipeline is paused {end}{author}{': ' + said if said else ''}"


class Wait(Struct, frozen=True):
    """A WAIT# row: the wait of a run's execution for a wake (docs/reference/runs.md §4).

    run_token: the execution. wakes, registrations: the number of wakes and of registered waits so far. A wait is
    registered only if both numbers are still those that its look has read. for_job: the execution waits for the end of
    its job, otherwise for sensor rows. task_token: the token of the registered wait. None before the first, and after a
    wake was sent. look_at: the time (UTC) at which the execution looks without a wake. held: the names of the rules
    that do not hold, each with the time (UTC) since when the run has been held by it. reports, reported_at: the number
    of RUN_HELD events of the execution, and the time (UTC) of the last one. woken_at: the time (UTC) of the last wake
    since the wait was registered.
    is_whole: whether the row could be read. A corrupted row is replaced at the next look.
    """

    key: RunKey
    run_token: str
    wakes: int = 0
    registrations: int = 0
    for_job: bool = False
    task_token: str | None = None
    look_at: datetime | None = None
    held: Mapping[str, datetime] = {}
    reports: int = 0
    reported_at: datetime | None = None
    woken_at: datetime | None = None
    is_whole: bool = True


class CorruptedRun(Struct, frozen=True):
    """A trigger row that cannot be read as a run: its readable parts, and the problem of the others.

    problem: names each unreadable attribute with its value. status, attempt, run_token: None or empty if unreadable.
    closed_at: the time of the close (UTC), if a closed row has a readable one. awaits_post_run: the row is in the
    index of completed runs that wait for post-run sensors. as_read: the whole row, for the condition of its repair.
    """

    key: RunKey
    problem: str
    status: RunStatus | None
    attempt: int | None
    run_token: str
    as_read: Mapping[str, Any]
    job_intent: JobIntent | None = None
    previous_job: JobIntent | None = None
    closed_at: datetime | None = None
    awaits_post_run: bool = False

    @property
    def is_closed(self) -> bool:
        """Whether the row states that its run is over."""
        return self.status in (RunStatus.COMPLETED, RunStatus.FAILED_FINAL)


class JobEntry(Struct, frozen=True, omit_defaults=True):
    """One joblog row. Entries without `run_token` were written by an external process.

    requested_at: the identity of the rerun request that this late data makes (UTC). Only entries of late data have it.
    """

    key: RunKey
    at: datetime
    event: str
    run_id: str | None = None
    duration: float | None = None
    error: str | None = None
    category: str | None = None
    run_token: str | None = None
    attempt: int | None = None
    requested_at: datetime | None = None

    @property
    def request(self) -> datetime:
        """The `requestedAt` of the rerun request of this late data. Rows of earlier versions have only their time."""
        return self.at if self.requested_at is None else self.requested_at


CLOCK_SKEW = timedelta(minutes=1)
"""The longest time by which clocks of external writers may be ahead, as for the age checks of rules."""


class RerunEntry(Struct, frozen=True, omit_defaults=True):
    """One row of the rerun table: an attempt after the first, and its reason."""

    key: RunKey
    reason: str
    triggered_at: datetime
    source_job_event: str = ""


class Sensor(Struct, frozen=True):
    """A sensor row: its key (without the SENSOR# prefix), its fields, and the time of its writing (UTC)."""

    pipeline_id: str
    key: str
    fields: Mapping[str, object]
    written_at: datetime


def digest(*parts: object, length: int = 16) -> str:
    """A short digest of `parts` in lowercase base 32. Equal parts have equal digests."""
    text = "\x1f".join(str(part) for part in parts)
    raw = hashlib.sha256(text.encode()).digest()
    return base64.b32encode(raw).decode().lower().rstrip("=")[:length]


def make_run_token(key: RunKey, attempt: int, recoveries: int, decided_at: datetime) -> str:
    """The token of one execution. A redelivered record gives the same token again."""
    return digest(key, attempt, recoveries, decided_at.isoformat())


def make_job_key(run: Run) -> str:
    """The idempotency key of the attempt's job: readable, unique, at most 64 characters of [A-Za-z0-9_-]."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{run.key.pipeline_id}-{run.key.date}-{run.attempt}")
    return f"{readable[:47]}-{digest('job', run.key, run.attempt, run.run_token)}"


def execution_name(run: Run) -> str:
    """The name of the run's Step Functions execution."""
    return name_execution(run.key.pipeline_id, run.key.schedule_id, str(run.key.date), run.run_token)

"""What a run is: its key, its trigger row, the intent of its job and its log entries; no decisions."""

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct

from interlock_sla import ExecutionDate, Period


class RunKey(Struct, frozen=True, order=True):
    """Which run: one execution date of one schedule of one pipeline."""

    pipeline_id: str
    schedule_id: str
    date: ExecutionDate

    def __str__(self) -> str:
        return f"{self.pipeline_id} {self.schedule_id} {self.date}"

    @property
    def under_other_schedule(self) -> "RunKey":
        """The same date under the other kind of schedule: a pipeline's config may change from one to the other."""
        return RunKey(self.pipeline_id, "stream" if self.schedule_id == "cron" else "cron", self.date)


class RunStatus(StrEnum):
    """The states of a trigger row; the latter two are terminal."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED_FINAL = "FAILED_FINAL"


class JobOutcome(Struct, frozen=True, omit_defaults=True):
    """How a job ended: `event` is success, fail or timeout; `category` TRANSIENT, PERMANENT or TIMEOUT.

    `at` is when it ended, where the target or an external log entry says so.
    """

    event: str
    run_id: str = ""
    category: str | None = None
    error: str = ""
    duration: float | None = None
    at: datetime | None = None


class JobIntent(Struct, frozen=True, omit_defaults=True):
    """The promise to start one job for one attempt, committed before the start is sent.

    Until `until` only the invocation that committed it may act on it. `config` is the job's configuration
    as written (unexpanded), so that the job can be followed even if the pipeline file changes meanwhile.
    `sent` counts the invocations that were allowed to send the start. `period` is the span of the execution date in
    the schedule's zone at that time: an edited zone changes nothing of a start that is sent again. Intents of older
    versions have none.
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
        """Whether a job may run of which nothing is known but that its start was sent.

        A refusal for good (PERMANENT) says that there is none, and an outcome with a time was reported by somebody;
        any other outcome without a run id only closed the attempt.
        """
        outcome = self.outcome
        return self.run_id is None and (outcome is None or (outcome.category != "PERMANENT" and outcome.at is None))

    @property
    def has_result(self) -> bool:
        """Whether the start was answered: the job has an id or has already ended."""
        return self.run_id is not None or self.outcome is not None


class RestOfHour(Struct, frozen=True):
    """The newest record that brought the rest of a repeated hour while the job of its first part ran.

    at: the time of the record (UTC). fingerprint: a short name for its fields.
    """

    sensor_key: str
    fingerprint: str
    at: datetime


class Run(Struct, frozen=True):
    """A trigger row. `attempt` counts job starts of the date from 0; `run_token` names one execution."""

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

    @property
    def is_running(self) -> bool:
        """Whether the run is not yet closed."""
        return self.status is RunStatus.RUNNING

    @property
    def stands(self) -> bool:
        """Whether it is under way or completed, so that nothing is triggered for its date beside it."""
        return self.status is not RunStatus.FAILED_FINAL

    def is_held_by(self, token: str) -> bool:
        """Whether the execution named by `token` still speaks for this run."""
        return self.is_running and self.run_token == token


RETRY_REASON = "job-fail-retry"
"""Why an attempt was opened after a failed job; only such attempts wait for the retry delay."""


class JobEntry(Struct, frozen=True, omit_defaults=True):
    """One joblog row. Entries without `run_token` were written by an external process."""

    key: RunKey
    at: datetime
    event: str
    run_id: str | None = None
    duration: float | None = None
    error: str | None = None
    category: str | None = None
    run_token: str | None = None
    attempt: int | None = None


CLOCK_SKEW = timedelta(minutes=1)
"""How far other people's clocks may be ahead, as for the age checks of rules."""

TERMINAL_JOB_EVENTS = frozenset({"success", "fail", "timeout"})
"""The outcomes of a job."""

JOB_EVENTS = TERMINAL_JOB_EVENTS | {
    "infra-trigger-failure",
    "infra-trigger-exhausted",
    "late-data-arrival",
    "rerun-accepted",
    "rerun-rejected",
    "validation-exhausted",
    "job-poll-exhausted",
}
"""Everything that a joblog row may say (docs/reference/rows.md §3)."""


class RerunEntry(Struct, frozen=True, omit_defaults=True):
    """One row of the rerun table: an attempt beyond the first, and why it was opened."""

    key: RunKey
    reason: str
    triggered_at: datetime
    source_job_event: str = ""


class Sensor(Struct, frozen=True):
    """A sensor row: its key (without the SENSOR# prefix), its fields, and when the row was written (UTC)."""

    pipeline_id: str
    key: str
    fields: Mapping[str, object]
    written_at: datetime


def digest(*parts: object, length: int = 16) -> str:
    """A short name for `parts`: lowercase base 32, the same for the same parts."""
    text = "\x1f".join(str(part) for part in parts)
    raw = hashlib.sha256(text.encode()).digest()
    return base64.b32encode(raw).decode().lower().rstrip("=")[:length]


def make_run_token(key: RunKey, attempt: int, recoveries: int, decided_at: datetime) -> str:
    """The token of one execution. A redelivered record decides the same token again."""
    return digest(key, attempt, recoveries, decided_at.isoformat())


def make_job_key(run: Run) -> str:
    """The idempotency key of the attempt's job: readable, distinct, at most 64 of [A-Za-z0-9_-]."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{run.key.pipeline_id}-{run.key.date}-{run.attempt}")
    return f"{readable[:47]}-{digest('job', run.key, run.attempt, run.run_token)}"


def execution_name(run: Run) -> str:
    """The Step Functions execution name: readable pipeline, schedule and date, then the token; at most 80."""
    key = run.key
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{key.pipeline_id}-{key.schedule_id}-{key.date}")
    return f"{readable[: 79 - len(run.run_token)]}-{run.run_token}"

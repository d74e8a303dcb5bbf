"""The input and the results of triggers: attempts, started jobs, statuses, capabilities."""

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from msgspec import Struct, field

_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T(?:[01][0-9]|2[0-3]))?")

SYNCHRONOUS_RUN_ID = "sync"
"""The run id of jobs that end within their start."""


class State(StrEnum):
    """The progress of a job."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Category(StrEnum):
    """The kind of a failure: try again (TRANSIENT), change the cause first (PERMANENT), or out of time (TIMEOUT)."""

    TRANSIENT = "TRANSIENT"
    PERMANENT = "PERMANENT"
    TIMEOUT = "TIMEOUT"


class Attempt(Struct, frozen=True):
    """One attempt to run a pipeline's job for one execution date.

    `date` is the execution date, `YYYY-MM-DD` or `YYYY-MM-DDTHH`. `number` counts the job starts of this date
    from 0. `key` is the idempotency key: at most 64 of letters, digits, `_` and `-`, made once per attempt and
    kept for as long as the attempt lives. `resumed` means that an earlier invocation may already have sent this
    start. `variables` are further INTERLOCK_ variables of the run for the environment of a command. The variables that
    follow from the other fields are added to them. `traceparent` is the trace context of the attempt (W3C), which an
    http job gets as a header. Raises ValueError for an invalid key or an invalid date.
    """

    pipeline_id: str
    schedule_id: str
    date: str
    number: int
    key: str
    resumed: bool = False
    variables: Mapping[str, str] = {}
    traceparent: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or not _KEY.fullmatch(self.key):
            raise ValueError(f"key must be 1 to 64 of letters, digits, _ and -: {self.key!r}")
        if not isinstance(self.date, str) or not _is_date(self.date):
            raise ValueError(f"date must be a day or an hour, YYYY-MM-DD or YYYY-MM-DDTHH: {self.date!r}")

    @property
    def par_day(self) -> str:
        """The day of the execution date as YYYYMMDD."""
        return self.date[:10].replace("-", "")

    @property
    def par_hour(self) -> str | None:
        """The two-digit hour of an hourly execution date, None for a daily date."""
        return self.date[11:] or None

    @property
    def partition(self) -> dict[str, str]:
        """The execution date in the form for jobs: `par_day`, and `par_hour` for an hourly date."""
        return {"par_day": self.par_day} | ({"par_hour": self.par_hour} if self.par_hour else {})


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return _DATE.fullmatch(text) is not None


class Status(Struct, frozen=True):
    """The status of a job. Failures have a `category` and a `reason`. `duration` is in seconds, if the target gives it.

    `details` has further answers of the target as short text (an output's tail, an error's name).
    """

    state: State
    category: Category | None = None
    reason: str = ""
    duration: float | None = None
    details: Mapping[str, str] = field(default_factory=dict)


class Started(Struct, frozen=True):
    """A job that the target accepted.

    `status` is set for jobs that end within their start (http, command, lambda). Their `run_id` is "sync".
    `details` has further input of `check`. `check` also works without it.
    """

    type: str
    run_id: str
    status: Status | None = None
    details: Mapping[str, str] = field(default_factory=dict)


class Capability(Struct, frozen=True):
    """The protection of a job type against double starts.

    `deduplicates`: a second start with the same key starts nothing. `findable`: the target can be asked whether a
    start with this key arrived. `synchronous`: the job is over when `start` returns.
    """

    deduplicates: bool
    findable: bool
    synchronous: bool


def running(**details: str) -> Status:
    """A job that has not ended."""
    return Status(State.RUNNING, details=details)


def succeeded(duration: float | None = None, reason: str = "", **details: str) -> Status:
    """A job that succeeded."""
    return Status(State.SUCCEEDED, None, reason, duration, details)


def failed(category: Category, reason: str, duration: float | None = None, **details: str) -> Status:
    """A job that failed."""
    return Status(State.FAILED, category, reason, duration, details)


def over(job_type: str, status: Status) -> Started:
    """A job that ended within its start."""
    return Started(job_type, SYNCHRONOUS_RUN_ID, status)

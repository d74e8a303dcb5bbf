"""The requests of the state machine to the orchestrator, and the answers. Every answer has the same fields."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from interlock_lifecycle import JobOutcome, RunKey, Superseded
from interlock_sla import parse_execution_date
from interlock_telemetry import get_logger

_log = get_logger(__name__)


class Mode(StrEnum):
    """The steps of a run."""

    EVALUATE = "evaluate"
    TRIGGER = "trigger"
    CHECK_JOB = "check-job"
    COMPLETE_TRIGGER = "complete-trigger"
    VALIDATION_EXHAUSTED = "validation-exhausted"
    TRIGGER_EXHAUSTED = "trigger-exhausted"
    JOB_POLL_EXHAUSTED = "job-poll-exhausted"
    INFRA_FAILURE = "infra-failure"
    WAIT = "wait"


class StepStatus(StrEnum):
    """The results of a step. The state machine picks the next state by them."""

    PASSED = "passed"
    """The rules hold."""
    NOT_READY = "not-ready"
    """The rules do not hold yet. The execution looks again after `wait_seconds`."""
    HELD = "held"
    """The rules do not hold yet. The execution waits for a wake."""
    RESTING = "resting"
    """The rules do not hold yet. The execution rests for `wait_seconds`, then waits for a wake."""
    RUNNING = "running"
    """The job has not ended, or another invocation may still be starting it. The execution looks again."""
    FOLLOWED = "followed"
    """The job has not ended. The execution waits for a wake."""
    NOT_STARTED = "not-started"
    """The job was not started, so that the trigger step must do it."""
    FINISHED = "finished"
    """The job has ended. The answer carries its outcome."""
    EXHAUSTED = "exhausted"
    """The window of the evaluation or of the job is over."""
    SUCCEEDED = "succeeded"
    """The run is COMPLETED."""
    RETRYING = "retrying"
    """The next attempt is open, with an execution of its own."""
    FAILED = "failed"
    """The run is FAILED_FINAL."""
    SUPERSEDED = "superseded"
    """Another execution owns the run, or it is closed."""


class Windows(Struct, frozen=True, rename="camel"):
    """The windows of this execution in seconds, from its input."""

    evaluation_interval_seconds: int
    evaluation_window_seconds: int
    job_check_interval_seconds: int
    job_poll_window_seconds: int


class Step(Struct, frozen=True, rename="camel"):
    """An answer: `status` picks the next state, `wait_seconds` is the wait before the next look.

    look_seconds, look_at (UTC): the longest wait for a wake, and its end. wakes, registrations: the numbers of the
    WAIT# row that the look has read. `event` and the fields after it are a job's outcome for the step that closes the
    attempt. `at` is in UTC. rules, rows: the rules that do not hold at the end of the window, and the rows that
    they read, for the step that closes the run.
    """

    status: StepStatus
    wait_seconds: int = 0
    reason: str = ""
    look_seconds: int = 0
    look_at: datetime | None = None
    wakes: int = 0
    registrations: int = 0
    event: str = ""
    run_id: str = ""
    category: str | None = None
    error: str = ""
    duration: float | None = None
    at: datetime | None = None
    rules: tuple[dict[str, Any], ...] = ()
    rows: tuple[dict[str, Any], ...] = ()


class Failure(Struct, frozen=True, rename="pascal"):
    """The error that a Catch of the state machine passes on."""

    error: str = ""
    cause: str = ""


class Request(Struct, frozen=True, rename="camel"):
    """One invocation by the state machine."""

    mode: Mode
    pipeline_id: str
    schedule_id: str
    date: str
    run_token: str
    started_at: datetime
    config: Windows
    attempt: int = 0
    outcome: Step | None = None
    failure: Failure | None = None
    can_wait: bool = False
    """Whether the state machine has states that wait for a wake. Executions of an earlier definition poll."""
    task_token: str = ""
    """The token of the state that waits, in the mode `wait`."""

    @property
    def key(self) -> RunKey:
        """The run of the request."""
        return RunKey(self.pipeline_id, self.schedule_id, parse_execution_date(self.date))


def read_request(event: Any) -> Request:
    """The request of an invocation. A start without a zone is in UTC. Raises ValidationError (msgspec)."""
    request = msgspec.convert(event, Request)
    started_at = request.started_at
    if started_at.tzinfo is None:
        return msgspec.structs.replace(request, started_at=started_at.replace(tzinfo=UTC))
    return request


def finished(outcome: JobOutcome) -> Step:
    """The answer "the job has ended"."""
    return Step(
        StepStatus.FINISHED,
        event=outcome.event,
        run_id=outcome.run_id,
        category=outcome.category,
        error=outcome.error,
        duration=outcome.duration,
        at=outcome.at,
    )


def superseded(request: Request, decision: Superseded) -> Step:
    """The answer "another execution owns the run, or it is closed", logged with the run's status and attempt."""
    _log.info(
        "step_superseded", run=str(request.key), mode=request.mode, status=decision.status, attempt=decision.attempt
    )
    return Step(StepStatus.SUPERSEDED)


def outcome_of(step: Step) -> JobOutcome:
    """The job's outcome in an earlier answer."""
    return JobOutcome(
        event=step.event,
        run_id=step.run_id,
        category=step.category,
        error=step.error,
        duration=step.duration,
        at=step.at,
    )

"""The start of a job: each attempt has at most one accepted start."""

from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import CloseRun, CommitIntent, RecordStart, RecoverRun, Superseded, WithdrawIntent
from interlock_lifecycle._run import JobEntry, JobIntent, JobOutcome, Pause, Run, Wait, make_job_key
from interlock_lifecycle._words import FailureCategory, JobEvent
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import make_event
from interlock_lifecycle.runs._close import reject_config
from interlock_lifecycle.runs._pause import park
from interlock_lifecycle.slas._sla import SlaFacts
from interlock_lifecycle.waits._looks import whole_seconds
from interlock_lifecycle.waits._wakes import name_of_job
from interlock_sla import period_of


class TargetTraits(Struct, frozen=True):
    """The protection of a job's target against double starts: it deduplicates by key, or it can be asked for a job."""

    deduplicates: bool
    findable: bool


class StandingJob(Struct, frozen=True):
    """A previous attempt's job that prevents a start: it runs, or its state is unknown (`unreadable` is the reason)."""

    name: str
    unreadable: str = ""


class TriggerFacts(Struct, frozen=True):
    """The trigger row, the config as it is stored now, and the previous attempt's job if it prevents a start.

    config: None if it is missing or unreadable. rejection: the reason for that. pause: the pause of the pipeline.
    """

    run: Run | None
    config: PipelineConfig | None
    rejection: str
    sla: SlaFacts
    previous: StandingJob | None = None
    pause: Pause | None = None


class SendStart(Struct, frozen=True):
    """The caller commits the intent, then sends the start. `resumed`: an earlier invocation may have sent it."""

    commit: CommitIntent
    resumed: bool


class StartAnswered(Struct, frozen=True):
    """The attempt's start was answered already. The caller follows the job, or closes with its outcome."""

    intent: JobIntent


class AwaitStart(Struct, frozen=True):
    """Another invocation may still be sending this attempt's start. The next look is in `wait_seconds`."""

    wait_seconds: int


class NotEvaluated(Struct, frozen=True):
    """No evaluation of this attempt has passed, so its job may not start. The step is an error of its caller."""


class FailAttempt(Struct, frozen=True):
    """The attempt may start no job. It ends with this outcome."""

    outcome: JobOutcome


class LookForStart(Struct, frozen=True):
    """A start that may have been sent is not sent again. The caller asks the target for its job.

    If the job exists, the caller follows it. If not, `otherwise` applies. The reason is a config that forbids the
    start, or a start that stayed unconfirmed for a whole poll window.
    """

    intent: JobIntent
    otherwise: CloseRun | FailAttempt


TriggerDecision: TypeAlias = (
    SendStart
    | StartAnswered
    | AwaitStart
    | NotEvaluated
    | FailAttempt
    | LookForStart
    | RecoverRun
    | CloseRun
    | Superseded
)


def decide_trigger(
    facts: TriggerFacts,
    token: str,
    traits: TargetTraits | None,
    *,
    now: datetime,
    until: datetime,
    window: timedelta,
) -> TriggerDecision:
    """Decide whether this invocation may send the start of the attempt's job.

    The orchestrator calls it before each start. until: the end of the invocation (UTC). window: the job's poll window
    from its intent on. traits: None if the target is unknown. Results:

    - `SendStart`: the attempt has no intent yet, or its start may be sent again, since the target deduplicates starts
      or can be asked for them.
    - `StartAnswered`: the start was answered already.
    - `AwaitStart`: another invocation may still be sending the start.
    - `NotEvaluated`: the attempt has no intent, and no evaluation has passed. The state machine never asks so. A
      controller that trusted each caller would start a job although its rules do not hold.
    - `LookForStart`: the start may have been sent and must not be sent again: the config forbids it, or it stayed
      unconfirmed until the end of the poll window. The target can be asked for the job.
    - `FailAttempt`: the previous attempt's job runs or cannot be asked. Or a start had no answer, and the target
      neither deduplicates nor can be asked. Or it was sent again and stayed unconfirmed for the poll window.
    - `RecoverRun`: the pipeline is paused, and the attempt has no intent. The run waits for the end of the pause. An
      intent from before the pause counts as a start.
    - `CloseRun`: the config is missing, unreadable or a dry run. The run fails with CONFIG_INVALID.
    - `Superseded`: the run is closed, or another execution owns it.
    """
    run = facts.run
    if run is None or not run.is_held_by(token):
        return Superseded(run.status if run else None, run.attempt if run else None)
    if run.job_intent is not None:
        return _resume(run, run.job_intent, facts, traits, now, until, window)
    config = facts.config
    if config is None or config.dry_run:
        return reject_config(run, _why_forbidden(facts), facts.sla, config, now)
    if facts.pause is not None and facts.pause.holds(now):
        return park(run, facts.pause, now, config)
    if run.evaluated_at is None:
        return NotEvaluated()
    if facts.previous is not None:
        return FailAttempt(JobOutcome(JobEvent.FAIL, category=FailureCategory.TRANSIENT, error=_stands(facts.previous)))
    # A pause that is written from now on must not be overlooked: the commit checks the pause.
    pause_as_read = facts.pause.as_read if facts.pause is not None else None
    return SendStart(CommitIntent(run, _promise(run, config, now, until), pause_as_read), resumed=False)


def _promise(run: Run, config: PipelineConfig, now: datetime, until: datetime) -> JobIntent:
    return JobIntent(
        attempt=run.attempt,
        key=make_job_key(run),
        until=until,
        type=str(config.job.type),
        config=config.job.config,
        committed_at=now,
        period=period_of(run.key.date, config.zone),
    )


def _resume(
    run: Run,
    intent: JobIntent,
    facts: TriggerFacts,
    traits: TargetTraits | None,
    now: datetime,
    until: datetime,
    window: timedelta,
) -> SendStart | StartAnswered | AwaitStart | FailAttempt | LookForStart | CloseRun:
    if intent.has_result:
        return StartAnswered(intent)
    if now < intent.until:
        return AwaitStart(whole_seconds(intent.until - now))
    if traits is None or not (traits.deduplicates or traits.findable):
        error = f"outcome unknown: the start of the {intent.type} job had no answer, and its target cannot be asked"
        return FailAttempt(JobOutcome(JobEvent.FAIL, category=FailureCategory.TRANSIENT, error=error))
    if facts.config is None or facts.config.dry_run:
        return _leave(run, intent, facts, traits, now)
    if intent.sent > 1 and now >= intent.committed_at + window:
        return _give_up(intent, traits, window)
    return SendStart(CommitIntent(run, replace(intent, until=until, sent=intent.sent + 1)), resumed=True)


def _give_up(intent: JobIntent, traits: TargetTraits, window: timedelta) -> LookForStart | FailAttempt:
    error = (
        f"the start of the {intent.type} job was sent {intent.sent} times within {whole_seconds(window)} s and was "
        "never confirmed. If it started a job, that job is not followed"
    )
    failed = FailAttempt(JobOutcome(JobEvent.FAIL, category=FailureCategory.TRANSIENT, error=error))
    return LookForStart(intent, failed) if traits.findable else failed


def _leave(
    run: Run, intent: JobIntent, facts: TriggerFacts, traits: TargetTraits, now: datetime
) -> LookForStart | CloseRun:
    why = _why_forbidden(facts)
    if traits.findable:
        return LookForStart(intent, reject_config(run, why, facts.sla, facts.config, now))
    lost = f"the start of {intent.key} had no answer and is not repeated. If it started a job, that job is not followed"
    return reject_config(run, why, facts.sla, facts.config, now, outcome=lost)


def _why_forbidden(facts: TriggerFacts) -> str:
    return facts.rejection or "the pipeline is now a dry run"


def _stands(job: StandingJob) -> str:
    if not job.unreadable:
        return f"nothing was started: the previous attempt's job {job.name} still runs"
    return (
        f"nothing was started: the state of the previous attempt's job {job.name} is unknown ({job.unreadable}). "
        "After that job has ended, request a rerun with --abandon-previous"
    )


def record_start(
    run: Run,
    intent: JobIntent,
    *,
    run_id: str,
    details: dict[str, str],
    outcome: JobOutcome | None,
    now: datetime,
    unsettled: JobIntent | None = None,
) -> RecordStart:
    """The target accepted the start. A synchronous job has ended with `outcome`.

    unsettled: the previous attempt's intent, if its start was never confirmed and its target cannot be asked.
    """
    if outcome is not None and outcome.at is None:
        # A synchronous job ended when its start returned, not at the later close of the run.
        outcome = replace(outcome, at=now)
    answered = replace(intent, run_id=run_id, started_at=now, details=details, outcome=outcome)
    event = make_event(
        EventType.JOB_TRIGGERED,
        run.key,
        now,
        source=f"job {intent.key}",
        attempt=run.attempt,
        run_token=run.run_token,
        message=f"the {intent.type} job was submitted{_unconfirmed(unsettled)}",
        detail={"runId": run_id, "jobType": intent.type, "key": intent.key}
        | ({"unconfirmedKey": unsettled.key} if unsettled else {}),
    )
    wait = Wait(run.key, run.run_token, for_job=True) if name_of_job(answered) is not None else None
    return RecordStart(run, answered, (event,), wait)


def _unconfirmed(unsettled: JobIntent | None) -> str:
    if unsettled is None:
        return ""
    return f". An earlier start ({unsettled.key}) was never confirmed, and its job may run at the same time"


def reject_start(
    run: Run, intent: JobIntent, *, reason: str, permanent: bool, now: datetime
) -> RecordStart | WithdrawIntent:
    """The target definitely did not accept the start. The attempt fails if that is permanent.

    Otherwise the intent is withdrawn, and the start may be sent again.
    """
    if permanent:
        outcome = JobOutcome(JobEvent.FAIL, category=FailureCategory.PERMANENT, error=reason)
        return RecordStart(run, replace(intent, outcome=outcome), ())
    entry = JobEntry(
        run.key,
        now,
        JobEvent.INFRA_TRIGGER_FAILURE,
        error=reason,
        category=FailureCategory.TRANSIENT,
        run_token=run.run_token,
        attempt=run.attempt,
    )
    return WithdrawIntent(run, entry)


def leave_start_unknown(run: Run, intent: JobIntent, reason: str) -> RecordStart:
    """The answer of a start was lost, and its target cannot be asked. The attempt fails as "outcome unknown"."""
    outcome = JobOutcome(JobEvent.FAIL, category=FailureCategory.TRANSIENT, error=f"outcome unknown: {reason}")
    return RecordStart(run, replace(intent, outcome=outcome), ())

"""The trigger and check-job steps: one accepted start per attempt, and a job that is followed to its end."""

import traceback
from datetime import datetime, timedelta
from pathlib import Path
from typing import assert_never

from msgspec.structs import replace

from interlock_config import ConfigError
from interlock_controller._settling import OVERTAKEN, Overtaken, decide_until_settled
from interlock_controller.runs._asking import (
    Unreadable,
    ask,
    attempt_of,
    expanded,
    seek,
    standing_job,
    taken,
    unsettled_start,
)
from interlock_controller.runs._context import StepContext
from interlock_controller.runs._measures import measure_start, measure_wake
from interlock_controller.runs._parking import parked
from interlock_controller.runs._request import Request, Step, StepStatus, finished, superseded
from interlock_lifecycle import (
    CloseRun,
    CommitIntent,
    JobEvent,
    JobIntent,
    JobOutcome,
    RecordStart,
    RecoverRun,
    Run,
    Superseded,
    Wait,
    WithdrawIntent,
)
from interlock_lifecycle.runs import (
    AskTarget,
    AwaitStart,
    FailAttempt,
    JobFinished,
    JobRuns,
    LookForStart,
    NotEvaluated,
    NotStarted,
    PollWindow,
    PollWindowUsedUp,
    SendStart,
    StartAnswered,
    TargetTraits,
    TriggerDecision,
    TriggerFacts,
    decide_trigger,
    follow,
    leave_start_unknown,
    read_outcome,
    record_start,
    reject_start,
)
from interlock_lifecycle.waits import name_of_job
from interlock_store import Commit, RunContext
from interlock_telemetry import get_logger
from interlock_triggers import (
    Category,
    OutcomeUnknown,
    Started,
    StartRejected,
    State,
    Status,
    TriggerError,
)

_log = get_logger(__name__)

_POLL_SOON = 2
"""Seconds before a job that has just been started is looked at for the first time."""


class SubmissionFailed(Exception):
    """The job's start is rejected for now or unconfirmed. The state machine repeats the step."""


class RulesNotEvaluated(Exception):
    """The trigger step was asked for an attempt whose evaluation has not passed. No job is started."""


def trigger(context: StepContext, request: Request) -> Step:
    """Start the attempt's job, at most once. Raises SubmissionFailed, RulesNotEvaluated and Contended.

    The target of a job with events is asked once after the start was recorded: an end before the record is seen now,
    and the event of a later end finds the record.
    """
    step = decide_until_settled(lambda: _trigger_once(context, request), subject=f"trigger of {request.key}")
    if step.status is not StepStatus.FOLLOWED:
        return step
    may_wait = request.can_wait and context.has_job_events
    soon = replace(step, status=StepStatus.RUNNING)
    if not may_wait:
        return soon
    try:
        return check_job(context, request)
    except Exception as error:  # noqa: BLE001 (the job was started and recorded. CheckJob looks, with its own retries)
        _log.warning("first_look_failed", run=str(request.key), error=f"{type(error).__name__}: {error}")
        return soon


def _trigger_once(context: StepContext, request: Request) -> Step | Overtaken:
    known = context.store.run_context(request.key)
    decision = decide_trigger(
        _gather(context, request, known),
        request.run_token,
        _traits(context, known.run),
        now=context.now(),
        until=context.until(),
        window=timedelta(seconds=request.config.job_poll_window_seconds),
    )
    step = _act(context, request, known.run, decision)
    if isinstance(decision, SendStart | LookForStart) and isinstance(step, Step) and _has_job(step):
        assert known.run is not None
        measure_start(context, known.run, known.sla.arrived_at)
    return step


def _has_job(step: Step) -> bool:
    """Whether the target took the start."""
    return step.status in (StepStatus.RUNNING, StepStatus.FOLLOWED) or bool(step.run_id)


def _gather(context: StepContext, request: Request, known: RunContext) -> TriggerFacts:
    run = known.run
    asks = run is not None and run.is_held_by(request.run_token)
    previous = standing_job(context, run) if run is not None and asks else None
    return TriggerFacts(run, known.config.config, known.config.problem, known.sla, previous, known.config.pause)


def _act(context: StepContext, request: Request, run: Run | None, decision: TriggerDecision) -> Step | Overtaken:
    match decision:
        case Superseded():
            return superseded(request, decision)
        case RecoverRun():
            return parked(context, request, decision)
        case CloseRun():
            return Step(StepStatus.FAILED) if context.store.commit(decision) is Commit.COMMITTED else OVERTAKEN
        case StartAnswered():
            return _answered(decision.intent)
        case AwaitStart():
            return Step(StepStatus.RUNNING, decision.wait_seconds, "another invocation may still be starting the job")
        case NotEvaluated():
            raise RulesNotEvaluated(f"{request.key}: no evaluation of this attempt has passed, so no job starts")
        case FailAttempt():
            return finished(decision.outcome)
        case LookForStart():
            assert run is not None
            return _look_for(context, run, decision)
        case SendStart():
            return _promise(context, decision)
        case _:
            assert_never(decision)


def _promise(context: StepContext, decision: SendStart) -> Step | Overtaken:
    """Commit the intent, then send the start."""
    if context.store.commit(decision.commit) is not Commit.COMMITTED:
        return OVERTAKEN
    intended = replace(decision.commit.run, job_intent=decision.commit.intent)
    return _send(context, intended, decision.commit.intent, resumed=decision.resumed)


def _traits(context: StepContext, run: Run | None) -> TargetTraits | None:
    if run is None or run.job_intent is None:
        return None
    able = context.jobs.capability(run.job_intent.type)
    return TargetTraits(deduplicates=able.deduplicates, findable=able.findable)


def _send(context: StepContext, run: Run, intent: JobIntent, *, resumed: bool) -> Step | Overtaken:
    """Send the start of a committed intent, and record the answer."""
    try:
        config = expanded(context, run.key, intent)
    except ConfigError as error:
        return _not_sendable(context, run, intent, str(error), resumed=resumed)
    attempt = attempt_of(run.key, intent, resumed=resumed)
    _log.info("job_start_sent", run=str(run.key), attempt=run.attempt, type=intent.type, key=intent.key)
    try:
        hidden = taken(context, run.key, intent)
        started = context.jobs.start(intent.type, config, attempt, until=intent.until, taken=hidden)
    except OutcomeUnknown as unknown:
        return _record(context, run, leave_start_unknown(run, intent, str(unknown)))
    except StartRejected as rejected:
        permanent = rejected.category is Category.PERMANENT
        return _rejected(context, run, intent, str(rejected), permanent=permanent)
    except Exception as error:  # noqa: BLE001 (the start may have been sent, so the intent stays)
        raise _unconfirmed(context, run, intent, error) from None
    return _record_start(context, run, intent, started)


def _not_sendable(context: StepContext, run: Run, intent: JobIntent, reason: str, *, resumed: bool) -> Step | Overtaken:
    """A variable is missing, so no start is sent. The outcome of an earlier start stays unknown."""
    if resumed:
        return _record(context, run, leave_start_unknown(run, intent, reason))
    return _rejected(context, run, intent, reason, permanent=True)


def _unconfirmed(context: StepContext, run: Run, intent: JobIntent, error: Exception) -> SubmissionFailed:
    """The error for the state machine. The intent ends now: this invocation sends nothing more."""
    context.store.commit(CommitIntent(run, replace(intent, until=context.now())))
    why = str(error)
    if not isinstance(error, TriggerError):
        # The text of such an error may contain secrets, so the message names only its class.
        why, places = type(error).__name__, traceback.extract_tb(error.__traceback__)
        place = f"{Path(places[-1].filename).name}:{places[-1].lineno}" if places else ""
        _log.error("job_start_broke_off", run=str(run.key), type=intent.type, key=intent.key, error=why, place=place)
    return SubmissionFailed(f"{run.key}: the {intent.type} job's start is unconfirmed: {why}")


def _record_start(context: StepContext, run: Run, intent: JobIntent, started: Started) -> Step | Overtaken:
    outcome = _outcome(started.status, started.run_id) if started.status is not None else None
    decision = record_start(
        run,
        intent,
        run_id=started.run_id,
        details={**started.details, **_kept(started.status)},
        outcome=outcome,
        now=context.now(),
        unsettled=unsettled_start(context, run),
    )
    return _record(context, run, decision)


def _look_for(context: StepContext, run: Run, decision: LookForStart) -> Step | Overtaken:
    """Follow the job that a lost start left behind, or end without sending anything."""
    intent = decision.intent
    found = seek(context, run.key, intent)
    if isinstance(found, Unreadable):
        raise SubmissionFailed(f"{run.key}: the search for the {intent.type} job failed: {found.reason}")
    if found is not None:
        return _record_start(context, run, intent, Started(intent.type, found))
    match otherwise := decision.otherwise:
        case CloseRun():
            return Step(StepStatus.FAILED) if context.store.commit(otherwise) is Commit.COMMITTED else OVERTAKEN
        case FailAttempt():
            return finished(otherwise.outcome)
        case _:
            assert_never(otherwise)


def _rejected(context: StepContext, run: Run, intent: JobIntent, reason: str, *, permanent: bool) -> Step | Overtaken:
    decision = reject_start(run, intent, reason=reason, permanent=permanent, now=context.now())
    match decision:
        case RecordStart():
            return _record(context, run, decision)
        case WithdrawIntent():
            context.store.commit(decision)
            raise SubmissionFailed(f"{run.key}: the target rejected the job: {reason}")
        case _:
            assert_never(decision)


def _record(context: StepContext, run: Run, decision: RecordStart) -> Step | Overtaken:
    if context.store.commit(decision) is Commit.COMMITTED:
        return _answered(decision.intent)
    # The run was recovered while the start was on its way. The run's new execution finds the intent.
    _log.warning("start_not_recorded", run=str(run.key), run_id=decision.intent.run_id)
    return Step(StepStatus.SUPERSEDED)


def _answered(intent: JobIntent) -> Step:
    if intent.outcome is not None:
        return finished(intent.outcome)
    status = StepStatus.RUNNING if name_of_job(intent) is None else StepStatus.FOLLOWED
    return Step(status, _POLL_SOON, run_id=intent.run_id or "")


def check_job(context: StepContext, request: Request) -> Step:
    """Look once whether the attempt's job has ended. Raises Contended."""
    return decide_until_settled(lambda: _check_once(context, request), subject=f"job check of {request.key}")


def _check_once(context: StepContext, request: Request) -> Step | Overtaken:
    known = context.store.run_context(request.key)
    decision = read_outcome(known.run, request.run_token, context.store.entries(request.key), context.now())
    match decision:
        case JobFinished():
            return finished(decision.outcome)
        case JobRuns():
            return Step(StepStatus.RUNNING, decision.wait_seconds)
        case NotStarted():
            return Step(StepStatus.NOT_STARTED)
        case Superseded():
            return superseded(request, decision)
        case AskTarget():
            assert known.run is not None
            return _ask_and_follow(context, request, known, known.run, decision.intent)
        case _:
            assert_never(decision)


def _ask_and_follow(
    context: StepContext, request: Request, known: RunContext, run: Run, intent: JobIntent
) -> Step | Overtaken:
    """Ask the target after the wait was read: a later end of the job changes the wait, and no end is missed."""
    measure_wake(context, known.wait, context.now())
    answer = ask(context, run.key, intent, intent.run_id or "")
    if isinstance(answer, Status) and answer.state is not State.RUNNING:
        return finished(_outcome(answer, intent.run_id or ""))
    # A job with an unreadable status has not ended. It is followed until its poll window is over.
    reason = answer.reason if isinstance(answer, Unreadable) else ""
    window = PollWindow(
        length=timedelta(seconds=request.config.job_poll_window_seconds),
        interval=timedelta(seconds=request.config.job_check_interval_seconds),
    )
    now = context.now()
    decision = follow(run, intent, window, known.config.config, known.sla, now, known.wait)
    match decision:
        case JobRuns():
            return _await_job(context, request, known.wait, decision, reason, now)
        case PollWindowUsedUp():
            return Step(StepStatus.EXHAUSTED, reason=reason)
        case _:
            assert_never(decision)


def _await_job(
    context: StepContext, request: Request, wait: Wait | None, decision: JobRuns, reason: str, now: datetime
) -> Step | Overtaken:
    """The answer for a running job. If its run's WAIT# row is new, the target is asked once more."""
    if not (request.can_wait and context.has_job_events and decision.look_seconds):
        return Step(StepStatus.RUNNING, decision.wait_seconds, reason)
    if decision.opens is not None:
        context.store.commit(decision.opens)
        return OVERTAKEN
    assert wait is not None
    return Step(
        StepStatus.FOLLOWED,
        reason=reason,
        look_seconds=decision.look_seconds,
        look_at=now + timedelta(seconds=decision.look_seconds),
        wakes=wait.wakes,
        registrations=wait.registrations,
    )


def _kept(status: Status | None) -> dict[str, str]:
    """The end of the output of a job that ended within its start. No other place keeps the output of a command."""
    found = {} if status is None else status.details
    return {name: found[name] for name in ("output", "exit_code") if name in found}


def _outcome(status: Status, run_id: str) -> JobOutcome:
    if status.state is State.SUCCEEDED:
        return JobOutcome(JobEvent.SUCCESS, run_id=run_id, duration=status.duration)
    timed_out = status.category is Category.TIMEOUT
    return JobOutcome(
        event=JobEvent.TIMEOUT if timed_out else JobEvent.FAIL,
        run_id=run_id,
        category=str(status.category) if status.category else None,
        error=status.reason,
        duration=status.duration,
    )

"""The trigger and check-job steps: one accepted start per attempt, followed to its true end."""

from datetime import timedelta
from typing import Any, assert_never

from msgspec.structs import replace

from interlock_config import ConfigError, expand
from interlock_lifecycle import (
    AskTarget,
    AwaitStart,
    CloseRun,
    CommitIntent,
    FailAttempt,
    JobFinished,
    JobIntent,
    JobOutcome,
    JobRuns,
    LookForStart,
    NotStarted,
    PollWindow,
    PollWindowUsedUp,
    Run,
    SendStart,
    StartAnswered,
    Superseded,
    TargetTraits,
    TriggerFacts,
    decide_trigger,
    follow,
    leave_start_unknown,
    read_outcome,
    record_start,
    refuse_start,
)
from interlock_orchestrator.request import Request, Step, finished
from interlock_orchestrator.steps import Desk, commit_until_settled
from interlock_store import Commit, Dossier
from interlock_telemetry import get_logger
from interlock_triggers import (
    Attempt,
    Category,
    OutcomeUnknown,
    Started,
    StartRefused,
    StartUnconfirmed,
    State,
    Status,
    TriggerError,
)

_log = get_logger(__name__)

_POLL_SOON = 2
"""Seconds before a job that has just been started is looked at for the first time."""


class SubmissionFailed(Exception):
    """The target refused for now; the state machine tries again."""


def trigger(desk: Desk, request: Request) -> Step:
    """Start the attempt's job, at most once."""
    return commit_until_settled(lambda: _trigger_once(desk, request), what=f"trigger of {request.key}")


def _trigger_once(desk: Desk, request: Request) -> Step | None:
    known = desk.store.dossier(request.key)
    run = known.run
    facts = TriggerFacts(
        run=run,
        config=known.config.config,
        refusal=known.config.problem,
        sla=known.sla,
        previous_runs=_previous_runs(desk, request, run),
    )
    decision = decide_trigger(facts, request.run_token, _traits(desk, run), now=desk.now(), until=desk.until())
    match decision:
        case Superseded():
            return Step("superseded")
        case CloseRun():
            return Step("failed") if desk.store.commit(decision) is Commit.COMMITTED else None
        case StartAnswered():
            return _answered(decision.intent)
        case AwaitStart():
            return Step("running", decision.wait_seconds, "another invocation may still be starting the job")
        case FailAttempt():
            return finished(decision.outcome)
        case LookForStart():
            assert run is not None
            return _look_for(desk, run, decision)
        case SendStart():
            if desk.store.commit(decision.commit) is not Commit.COMMITTED:
                return None
            intended = replace(decision.commit.run, job_intent=decision.commit.intent)
            return _send(desk, intended, decision.commit.intent, resumed=decision.resumed)
        case _:
            assert_never(decision)


def _traits(desk: Desk, run: Run | None) -> TargetTraits | None:
    if run is None or run.job_intent is None:
        return None
    able = desk.jobs.capability(run.job_intent.type)
    return TargetTraits(deduplicates=able.deduplicates, findable=able.findable)


def _previous_runs(desk: Desk, request: Request, run: Run | None) -> bool:
    """Whether the previous attempt's job, whose end nobody saw, is still under way."""
    if run is None or run.job_intent is not None or run.previous_job is None:
        return False
    previous = run.previous_job
    if previous.outcome is not None or previous.run_id is None or not run.is_held_by(request.run_token):
        return False
    return _ask(desk, previous).state is State.RUNNING


def _send(desk: Desk, run: Run, intent: JobIntent, *, resumed: bool) -> Step | None:
    """Send the start that was promised, and record its answer."""
    attempt = _attempt(run, intent, resumed=resumed)
    try:
        config = expand(intent.config, desk.environment)
    except ConfigError as error:
        return _record(desk, run, refuse_start(run, intent, reason=str(error), permanent=True, now=desk.now()))
    _log.info("job_start_sent", run=str(run.key), attempt=run.attempt, type=intent.type, key=intent.key)
    try:
        started = desk.jobs.start(intent.type, config, attempt, until=intent.until)
    except StartUnconfirmed as unconfirmed:
        # This invocation sends nothing any more, so the next one need not wait for its end.
        desk.store.commit(CommitIntent(run, replace(intent, until=desk.now())))
        raise SubmissionFailed(
            f"{run.key}: the {intent.type} job's start is unconfirmed: {unconfirmed}"
        ) from unconfirmed
    except OutcomeUnknown as unknown:
        return _record(desk, run, leave_start_unknown(run, intent, str(unknown)))
    except StartRefused as refused:
        return _refused(desk, run, intent, refused)
    outcome = _outcome(started.status, started.run_id) if started.status is not None else None
    return _record(
        desk,
        run,
        record_start(
            run, intent, run_id=started.run_id, details=dict(started.details), outcome=outcome, now=desk.now()
        ),
    )


def _attempt(run: Run, intent: JobIntent, *, resumed: bool) -> Attempt:
    return Attempt(
        pipeline_id=run.key.pipeline_id,
        schedule_id=run.key.schedule_id,
        date=str(run.key.date),
        number=run.attempt,
        key=intent.key,
        resumed=resumed,
    )


def _look_for(desk: Desk, run: Run, decision: LookForStart) -> Step | None:
    """Follow the job that a lost start left behind, or close the run without sending anything."""
    intent = decision.intent
    try:
        config = expand(intent.config, desk.environment)
        found = desk.jobs.find(intent.type, config, _attempt(run, intent, resumed=True), until=desk.until())
    except (TriggerError, ConfigError) as error:
        raise SubmissionFailed(f"{run.key}: the {intent.type} job cannot be looked for: {error}") from error
    if found is None:
        return Step("failed") if desk.store.commit(decision.otherwise) is Commit.COMMITTED else None
    details = dict(found.details)
    return _record(
        desk, run, record_start(run, intent, run_id=found.run_id, details=details, outcome=None, now=desk.now())
    )


def _refused(desk: Desk, run: Run, intent: JobIntent, refused: StartRefused) -> Step | None:
    permanent = refused.category is Category.PERMANENT
    decision = refuse_start(run, intent, reason=str(refused), permanent=permanent, now=desk.now())
    if permanent:
        return _record(desk, run, decision)
    desk.store.commit(decision)
    raise SubmissionFailed(f"{run.key}: the job was refused: {refused}")


def _record(desk: Desk, run: Run, decision: Any) -> Step | None:
    if desk.store.commit(decision) is Commit.COMMITTED:
        return _answered(decision.intent)
    # Somebody recovered the run while the start was on its way; whoever owns it now finds the intent.
    _log.warning("start_not_recorded", run=str(run.key), run_id=decision.intent.run_id)
    return Step("superseded")


def _answered(intent: JobIntent) -> Step:
    if intent.outcome is not None:
        return finished(intent.outcome)
    return Step("running", _POLL_SOON, run_id=intent.run_id or "")


def check_job(desk: Desk, request: Request) -> Step:
    """Whether the attempt's job has ended."""
    known = desk.store.dossier(request.key)
    decision = read_outcome(known.run, request.run_token, desk.store.entries(request.key), desk.now())
    match decision:
        case JobFinished():
            return finished(decision.outcome)
        case JobRuns():
            return Step("running", decision.wait_seconds)
        case NotStarted():
            return Step("not-started")
        case Superseded():
            return Step("superseded")
        case AskTarget():
            assert known.run is not None
            return _ask_and_follow(desk, request, known, known.run, decision.intent)
        case _:
            assert_never(decision)


def _ask_and_follow(desk: Desk, request: Request, known: Dossier, run: Run, intent: JobIntent) -> Step:
    status = _ask(desk, intent)
    if status.state is not State.RUNNING:
        return finished(_outcome(status, intent.run_id or ""))
    window = PollWindow(
        length=timedelta(seconds=request.config.job_poll_window_seconds),
        interval=timedelta(seconds=request.config.job_check_interval_seconds),
    )
    decision = follow(run, intent, window, known.config.config, known.sla, desk.now())
    match decision:
        case JobRuns():
            return Step("running", decision.wait_seconds)
        case PollWindowUsedUp():
            return Step("exhausted")
        case _:
            assert_never(decision)


def _ask(desk: Desk, intent: JobIntent) -> Status:
    started = Started(intent.type, intent.run_id or "", None, intent.details)
    try:
        return desk.jobs.check(intent.type, expand(intent.config, desk.environment), started, until=desk.until())
    except (TriggerError, ConfigError) as error:
        # Unreadable is not ended: the job is followed until its poll window is over.
        _log.warning("job_status_unreadable", type=intent.type, run_id=intent.run_id, error=str(error))
        return Status(State.RUNNING, None, str(error))


def _outcome(status: Status, run_id: str) -> JobOutcome:
    if status.state is State.SUCCEEDED:
        return JobOutcome("success", run_id=run_id, duration=status.duration)
    timed_out = status.category is Category.TIMEOUT
    return JobOutcome(
        event="timeout" if timed_out else "fail",
        run_id=run_id,
        category=str(status.category) if status.category else None,
        error=status.reason,
        duration=status.duration,
    )

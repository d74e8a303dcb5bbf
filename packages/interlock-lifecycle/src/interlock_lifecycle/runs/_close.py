"""The end of an attempt: the run is completed, retried or failed for good. Each close has its SLA verdict."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import CloseRun, OpenAttempt, StandingRequest, Superseded
from interlock_lifecycle._moment import rfc3339
from interlock_lifecycle._run import JobEntry, JobOutcome, RerunEntry, Run, RunStatus, make_run_token
from interlock_lifecycle._start import lease_end
from interlock_lifecycle._words import FailureCategory, JobEvent, RerunReason
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import Event, cut_text, make_event, owner_detail
from interlock_lifecycle.runs._pages import page_detail
from interlock_lifecycle.sensors._baseline import Baseline, NoBaseline, baseline_events, baseline_to_write
from interlock_lifecycle.sensors._repeated import ask_for_rest
from interlock_lifecycle.slas._sla import SlaFacts, settle
from interlock_sla import Exclusions


class CloseFacts(Struct, frozen=True):
    """The facts of a close.

    config: None if it is missing or unreadable. retries_used: the number of the date's retries so far. region: the AWS
    region whose console shows the job, None for a stack without a console.
    """

    run: Run | None
    config: PipelineConfig | None
    retries_used: int
    exclusions: Exclusions
    sla: SlaFacts
    baseline: Baseline | NoBaseline | None = None
    request: StandingRequest | None = None
    """The date's rerun request, read only if the rest of a repeated hour came while the run was under way."""
    has_asked: bool = False
    """Whether that record has asked for its rerun already."""
    region: str | None = None


class AlreadyClosed(Struct, frozen=True):
    """This execution has closed the run before, with this status."""

    status: RunStatus


class Exhaustion(StrEnum):
    """The ends of a run without a job outcome. The value is the orchestrator's mode."""

    VALIDATION = "validation-exhausted"
    TRIGGER = "trigger-exhausted"
    JOB_POLL = "job-poll-exhausted"
    INFRA = "infra-failure"
    LEASE = "sfn-timeout"


_EXHAUSTION_LOG = {
    Exhaustion.VALIDATION: JobEvent.VALIDATION_EXHAUSTED,
    Exhaustion.TRIGGER: JobEvent.INFRA_TRIGGER_EXHAUSTED,
    Exhaustion.JOB_POLL: JobEvent.JOB_POLL_EXHAUSTED,
}
_EXHAUSTION_EVENT = {
    Exhaustion.VALIDATION: EventType.VALIDATION_EXHAUSTED,
    Exhaustion.TRIGGER: EventType.INFRA_FAILURE,
    Exhaustion.JOB_POLL: EventType.JOB_POLL_EXHAUSTED,
    Exhaustion.INFRA: EventType.INFRA_FAILURE,
    Exhaustion.LEASE: EventType.SFN_TIMEOUT,
}

CloseDecision: TypeAlias = CloseRun | OpenAttempt | AlreadyClosed | Superseded


def _not_ours(run: Run | None, token: str) -> AlreadyClosed | Superseded | None:
    if run is not None and run.is_held_by(token):
        return None
    if run is not None and run.run_token == token and run.status is not RunStatus.RUNNING:
        return AlreadyClosed(run.status)
    return Superseded(run.status if run else None, run.attempt if run else None)


def decide_completion(
    facts: CloseFacts, token: str, outcome: JobOutcome, *, now: datetime, execution_timeout: timedelta
) -> CloseDecision:
    """Decide how the attempt closes after its job has ended.

    The orchestrator calls it with the job's outcome. An outcome from the future counts as one of `now` (UTC). Results:

    - `CloseRun`: the job succeeded, and the run is COMPLETED. Or it failed without a retry left, on an excluded date,
      or under a config that is missing, unreadable or a dry run, and the run is FAILED_FINAL.
    - `OpenAttempt`: the job failed within its retry budget. The next attempt begins under a new token.
    - `AlreadyClosed`: this execution closed the run before. The call repeats the committed answer.
    - `Superseded`: another execution owns the run or has closed it.
    """
    outcome = _believable(outcome, now)
    rejected = _not_ours(facts.run, token)
    if rejected is not None:
        return rejected
    run = facts.run
    assert run is not None
    if run.job_intent is not None and run.job_intent.outcome is None:
        run = replace(run, job_intent=replace(run.job_intent, outcome=outcome))
    if outcome.event == JobEvent.SUCCESS:
        return _complete(run, facts, outcome, now)
    return _fail(run, facts, outcome, now, execution_timeout)


def _believable(outcome: JobOutcome, now: datetime) -> JobOutcome:
    """The outcome as it is written: its end is not after `now`, and its error is cut to 4,000 characters."""
    ended_at = min(outcome.at, now) if outcome.at is not None else None
    return replace(outcome, at=ended_at, error=cut_text(outcome.error))


def _complete(run: Run, facts: CloseFacts, outcome: JobOutcome, now: datetime) -> CloseRun:
    succeeded_at = outcome.at or now
    source = f"complete {run.run_token}"
    events: list[Event] = [
        make_event(
            EventType.JOB_COMPLETED,
            run.key,
            now,
            source=source,
            attempt=run.attempt,
            run_token=run.run_token,
            message=f"attempt {run.attempt} succeeded",
            detail=_job_detail(run, outcome, facts, succeeded_at),
        )
    ]
    events += baseline_events(facts.baseline, run, now, source=source, ordinal=len(events), config=facts.config)
    verdicts, judged = _settle(facts, run, source, now, succeeded_at, len(events))
    entry = _entry(run, JobEvent.SUCCESS, succeeded_at, outcome)
    return CloseRun(
        run,
        RunStatus.COMPLETED,
        now,
        entry,
        facts.sla.verdict,
        verdicts,
        (*events, *judged),
        baseline_to_write(facts.baseline),
        awaits_post_run=facts.config is not None and facts.config.post_run_rules is not None,
        intent=run.job_intent,
        follow_up=ask_for_rest(run, facts.request, has_asked=facts.has_asked),
    )


def _fail(
    run: Run, facts: CloseFacts, outcome: JobOutcome, now: datetime, execution_timeout: timedelta
) -> CloseRun | OpenAttempt:
    source = f"complete {run.run_token}"
    entry = _entry(run, outcome.event, now, outcome)
    allowed, budget = may_retry(facts.config, outcome.category, facts.retries_used)
    excluded = facts.exclusions.excludes(run.key.date.day)
    retries = allowed and not excluded and not (facts.config is not None and facts.config.dry_run)
    event_type, why = EventType.RETRY_EXHAUSTED, f"no retry left ({facts.retries_used} of {budget} used)"
    if excluded:
        event_type, why = EventType.PIPELINE_EXCLUDED, f"{run.key.date} is an excluded date and gets no retry"
    detail = _job_detail(run, outcome, facts, now)
    detail["attempts"] = run.attempt + 1 + max(budget - facts.retries_used, 0)
    failed = make_event(
        EventType.JOB_FAILED,
        run.key,
        now,
        source=source,
        attempt=run.attempt,
        run_token=run.run_token,
        message=f"attempt {run.attempt} ended with {outcome.event}: {outcome.error or 'no reason given'}",
        detail={**detail, "nextAttemptAt": rfc3339(now)} if retries else {**detail, "followedBy": event_type},
    )
    if retries:
        return _retry(run, entry, failed, now, execution_timeout)
    final = make_event(
        event_type,
        run.key,
        now,
        source=source,
        ordinal=1,
        attempt=run.attempt,
        run_token=run.run_token,
        message=why,
        detail=detail,
    )
    return _give_up(run, facts, outcome, entry, (failed, final), now)


def _give_up(
    run: Run, facts: CloseFacts, outcome: JobOutcome, entry: JobEntry, events: tuple[Event, ...], now: datetime
) -> CloseRun:
    """The attempt failed, and no other follows. `events` report both."""
    verdicts, judged = _settle(facts, run, f"complete {run.run_token}", now, None, len(events))
    return CloseRun(
        run,
        RunStatus.FAILED_FINAL,
        now,
        entry,
        facts.sla.verdict,
        verdicts,
        (*events, *judged),
        intent=run.job_intent,
        reason=f"{outcome.event}: {outcome.error}" if outcome.error else outcome.event,
    )


def may_retry(config: PipelineConfig | None, category: str | None, used: int) -> tuple[bool, int]:
    """Whether a failure of this category may be retried after `used` retries, and the budget.

    PERMANENT failures have maxCodeRetries, all others maxRetries. Without a config the budget is 0.
    """
    if config is None:
        return False, 0
    budget = config.job.max_code_retries if category == FailureCategory.PERMANENT else config.job.max_retries
    return used < budget, budget


def _retry(run: Run, entry: JobEntry, failed: Event, now: datetime, execution_timeout: timedelta) -> OpenAttempt:
    attempt = run.attempt + 1
    after = Run(
        key=run.key,
        status=RunStatus.RUNNING,
        attempt=attempt,
        run_token=make_run_token(run.key, attempt, 0, now),
        committed_at=now,
        lease_until=lease_end(now, execution_timeout),
        previous_job=run.job_intent or run.previous_job,
        reason=RerunReason.JOB_FAIL_RETRY,
    )
    return OpenAttempt(run, after, RerunEntry(run.key, RerunReason.JOB_FAIL_RETRY, now, entry.event), entry, (failed,))


def exhaust(
    facts: CloseFacts,
    token: str,
    exhaustion: Exhaustion,
    *,
    reason: str,
    now: datetime,
    rules: Sequence[Mapping[str, Any]] = (),
    rows: Sequence[Mapping[str, Any]] = (),
) -> CloseRun | AlreadyClosed | Superseded:
    """End a run without a job outcome. It gets no retry. A rerun request can restart its date.

    rules, rows: the rules that did not hold, and the rows that they read, as `WindowUsedUp` has them.
    The orchestrator and the watchdog call it. Results: `CloseRun` with FAILED_FINAL, `AlreadyClosed` if this execution
    closed the run before, `Superseded` if another execution owns it.
    """
    rejected = _not_ours(facts.run, token)
    if rejected is not None:
        return rejected
    run = facts.run
    assert run is not None
    event_type, logged_as = _EXHAUSTION_EVENT[exhaustion], _EXHAUSTION_LOG.get(exhaustion)
    return close_failed(run, facts, event_type, logged_as, reason, now, rules, rows)


def close_failed(
    run: Run,
    facts: CloseFacts,
    event_type: EventType,
    logged_as: str | None,
    reason: str,
    now: datetime,
    rules: Sequence[Mapping[str, Any]] = (),
    rows: Sequence[Mapping[str, Any]] = (),
) -> CloseRun:
    """Close a run as failed for good. Its event has the reason, the `rules` that did not hold, and their `rows`."""
    reason = cut_text(reason)
    source = f"close {event_type} {run.run_token}"
    event = make_event(
        event_type,
        run.key,
        now,
        source=source,
        attempt=run.attempt,
        run_token=run.run_token,
        message=reason,
        detail={
            "status": str(RunStatus.FAILED_FINAL),
            "runToken": run.run_token,
            **({"rules": [dict(rule) for rule in rules]} if rules else {}),
            **page_detail(run, facts.region, now),
            **({"rows": [dict(row) for row in rows]} if rows else {}),
            **owner_detail(facts.config),
        },
    )
    entry = _entry(run, logged_as, now, JobOutcome("", error=reason)) if logged_as else None
    verdicts, judged = _settle(facts, run, source, now, None, 1)
    events = (event, *judged)
    return CloseRun(run, RunStatus.FAILED_FINAL, now, entry, facts.sla.verdict, verdicts, events, reason=reason)


def reject_config(
    run: Run,
    why: str,
    sla: SlaFacts,
    config: PipelineConfig | None,
    now: datetime,
    *,
    outcome: str = "the job was not started",
) -> CloseRun:
    """The stored config may start no job any more: the run ends as FAILED_FINAL with CONFIG_INVALID."""
    facts = CloseFacts(run, config, 0, Exclusions(), sla)
    return close_failed(run, facts, EventType.CONFIG_INVALID, None, f"{outcome}: {why}", now)


def _settle(
    facts: CloseFacts, run: Run, source: str, now: datetime, succeeded_at: datetime | None, ordinal: int
) -> tuple[dict[Any, Any], tuple[Event, ...]]:
    if facts.config is None or facts.config.dry_run:
        return {}, ()
    return settle(
        facts.config,
        run.key,
        facts.sla,
        now=now,
        succeeded_at=succeeded_at,
        source=source,
        ordinal=ordinal,
        run_token=run.run_token,
    )


def _entry(run: Run, event: str, at: datetime, outcome: JobOutcome) -> JobEntry:
    return JobEntry(
        key=run.key,
        at=at,
        event=event,
        run_id=outcome.run_id or None,
        duration=outcome.duration,
        error=outcome.error or None,
        category=outcome.category,
        run_token=run.run_token,
        attempt=run.attempt,
    )


def _job_detail(run: Run, outcome: JobOutcome, facts: CloseFacts, ended_at: datetime) -> dict[str, Any]:
    detail = {
        "event": outcome.event,
        "runId": outcome.run_id,
        "category": outcome.category,
        "error": outcome.error,
        "duration": outcome.duration,
    }
    found = {name: value for name, value in detail.items() if value not in (None, "")}
    return found | page_detail(run, facts.region, ended_at) | owner_detail(facts.config)

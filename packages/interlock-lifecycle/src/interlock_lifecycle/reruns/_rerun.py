"""Rerun requests: budgets by reason, and a circuit breaker against reruns of unchanged data."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import (
    AnswerDryRun,
    AnsweredRequest,
    CountedRejections,
    DryRun,
    Ignore,
    OpenAttempt,
    Rejections,
    RejectRerun,
    RequestRerun,
)
from interlock_lifecycle._moment import say_moment
from interlock_lifecycle._run import CLOCK_SKEW, JobEntry, JobIntent, RerunEntry, Run, RunKey, RunStatus, make_run_token
from interlock_lifecycle._start import lease_end
from interlock_lifecycle._words import OWN_REASONS, TERMINAL_JOB_EVENTS, JobEvent, RerunReason
from interlock_lifecycle.dates._expected import begin_of
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import Event, cut_text, make_event, owner_detail
from interlock_lifecycle.reruns._rejections import rejection_counter
from interlock_sla import Exclusions, ExecutionDate

_LONG_AGO = datetime.fromtimestamp(0, UTC)


class RerunRequest(Struct, frozen=True):
    """A RERUN_REQUEST# row.

    identity: its requestedAt, or the record's time for a row without one. at: the record's time (UTC). requested_at:
    its requestedAt as the row has it, a string or a number, UNSET for a row without one. abandon_previous: the author
    of the request states that the date's last job has ended, so that its target is not asked.
    """

    key: RunKey
    reason: str
    identity: str
    at: datetime
    requested_by: str | None = None
    note: str | None = None
    requested_at: Any = UNSET
    abandon_previous: bool = False


class RerunFacts(Struct, frozen=True):
    """The facts by which a rerun is judged: the trigger row, the date's log and reruns, and the newest sensor update.

    handled: the request was answered already.
    """

    run: Run | None
    exclusions: Exclusions
    entries: Sequence[JobEntry]
    reruns: Sequence[RerunEntry]
    newest_sensor_update: datetime | None
    handled: bool = False
    stands: bool = True
    """Whether the request's row is still that of this request, and not a newer one."""
    dry_run: DryRun | None = None
    """The DRY_RUN# row, if the pipeline is a dry run."""
    other_run: Run | None = None
    """The date's trigger row under the pipeline's other kind of schedule."""
    noted: Any = UNSET
    """The row's value of lateData, which is set when data came while the request waited. UNSET for a row without it."""
    unanswered: Sequence[JobEntry] = ()
    """The late data and drift of the completed attempt that have not requested a rerun themselves."""


def decide_rerun(
    request: RerunRequest, facts: RerunFacts, config: PipelineConfig, *, execution_timeout: timedelta
) -> OpenAttempt | RejectRerun | AnswerDryRun | Ignore:
    """Accept or reject a rerun request (docs/reference/runs.md §8).

    The stream-router calls it for each record of a request, and the watchdog for requests without an answer. Results:

    - `OpenAttempt`: the request is accepted, and the next attempt begins. RERUN_ACCEPTED is emitted.
    - `RejectRerun`: the request is rejected with the reason of `_rejection`. RERUN_REJECTED is emitted, and
      PIPELINE_EXCLUDED for an excluded date. Late data that waited with the request makes a request of its own. The
      caller reads the counter of such rejections, and `count_rejection` makes a repeated one silent.
    - `AnswerDryRun`: the pipeline is a dry run. The events report the decision of a live run.
    - `Ignore`: the request was answered already.
    """
    if facts.handled:
        return Ignore("this request was answered already")
    if config.dry_run:
        return _answer_dry_run(request, facts, config)
    rejection = _rejection(request, facts, config)
    if rejection is not None:
        return reject_rerun(request, facts, *rejection, config=config)
    return _accept(request, facts, config, execution_timeout)


def _rejection(request: RerunRequest, facts: RerunFacts, config: PipelineConfig) -> tuple[str, EventType | None] | None:
    """The reason for a rejection, and the event that is emitted with it. None for a request that is accepted.

    The checks in order: the request can run at all, the date is not excluded, no attempt is under way, a rerun of the
    budget is left, and data has changed since the last success.
    """
    impossible = _impossible(request, facts, config)
    if impossible is not None:
        return impossible, None
    if facts.exclusions.excludes(request.key.date.day):
        return f"{request.key.date} is excluded", EventType.PIPELINE_EXCLUDED
    if any(run is not None and run.is_running for run in (facts.run, facts.other_run)):
        return "already running", None
    own = request.reason in OWN_REASONS
    budget = config.job.max_drift_reruns if own else config.job.max_manual_reruns
    used = sum(1 for rerun in facts.reruns if _is_budgeted(rerun.reason) and (rerun.reason in OWN_REASONS) == own)
    if used >= budget:
        return f"no {'drift' if own else 'manual'} rerun left ({used} of {budget} used)", None
    if _is_unchanged(request, facts):
        return "the run succeeded and no sensor was updated since", None
    return None


def _impossible(request: RerunRequest, facts: RerunFacts, config: PipelineConfig) -> str | None:
    """The reason why no run is possible for this request in any state of its date. None if one is possible.

    A date that has begun exists under any later config, since sensors bring the dates of their data.
    """
    date = request.key.date
    if request.reason == RerunReason.JOB_FAIL_RETRY:
        return f"reason '{request.reason}' is reserved for retries after a failed job: give another reason"
    if request.key.schedule_id != config.schedule_id:
        return f"the pipeline's schedule is {config.schedule_id!r}, not {request.key.schedule_id!r}"
    if facts.run is not None or (facts.dry_run is not None and facts.dry_run.triggered_at is not None):
        return None
    return why_no_date(date, config, request.at)


def why_no_date(date: ExecutionDate, config: PipelineConfig, now: datetime) -> str | None:
    """The reason why a date without a run can get none by a request at `now` (UTC). None if it can.

    A date that the watchdog will begin, or an hour that is to come, would lose its own run to an early one.
    """
    if other_kind := why_other_kind(date, config):
        return other_kind
    tomorrow = now.astimezone(config.zone).date() + timedelta(days=1)
    if date.day > tomorrow:
        return f"{date} is in the future: the last date that may be requested is {tomorrow}"
    back, farthest = (tomorrow - date.day).days - 1, config.schedule.dates.back
    if 0 < farthest < back:
        return f"{date} is {back} days back: schedule.dates.back allows {farthest}"
    is_begun_by_watchdog = config.cron is not None and config.schedule.trigger is None
    if (is_begun_by_watchdog or date.hour is not None) and (begins_at := begin_of(config, date)) > now:
        return f"{date} has not begun: it begins {say_moment(begins_at, config.zone)}"
    return None


def why_other_kind(date: ExecutionDate, config: PipelineConfig) -> str | None:
    """The reason why a schedule can never name this date: an hour of a daily one, or a day of an hourly cron."""
    if date.hour is not None and _is_daily(config):
        return f"{date} is an hour, but the pipeline's dates are days"
    if date.hour is None and config.cron is not None and config.cron.is_hourly and config.schedule.include is None:
        return f"{date} is a day, but the pipeline's dates are hours"
    return None


def _is_daily(config: PipelineConfig) -> bool:
    """Whether the schedule names the dates itself and its dates are days. Otherwise the data may name hours."""
    if config.schedule.include is not None:
        return True
    return config.cron is not None and not config.cron.is_hourly


def _answer_dry_run(request: RerunRequest, facts: RerunFacts, config: PipelineConfig) -> AnswerDryRun:
    """The answer of a live run. The dry run's job counts as succeeded at the time of its start."""
    dry_run = facts.dry_run or DryRun(request.key)
    rejection = _rejection(request, _as_if_live(facts, dry_run), config)
    source = f"rerun {request.identity}"
    answer = make_event(
        EventType.DRY_RUN_WOULD_RERUN if rejection is None else EventType.DRY_RUN_RERUN_REJECTED,
        request.key,
        request.at,
        source=source,
        message=f"rerun ({request.reason}) would be {'accepted' if rejection is None else f'rejected: {rejection[0]}'}",
        detail=_detail(request, config),
    )
    events = [answer]
    if rejection is not None and rejection[1] is not None:
        events.append(
            make_event(
                rejection[1],
                request.key,
                request.at,
                source=source,
                ordinal=1,
                message=rejection[0],
                detail=owner_detail(config) or None,
            )
        )
    after = dry_run if rejection is not None else replace(dry_run, reruns=(*dry_run.reruns, request.reason))
    answered = _answered(request, facts, "accepted" if rejection is None else "rejected")
    counted = None if rejection is None else _counted(request, None, rejection[0], is_dry=True)
    return AnswerDryRun(dry_run, after, request.at, tuple(events), request=answered, counted=counted)


def _as_if_live(facts: RerunFacts, dry_run: DryRun) -> RerunFacts:
    key = dry_run.key
    reruns = [RerunEntry(key, reason, dry_run.triggered_at or _LONG_AGO) for reason in dry_run.reruns]
    done = [JobEntry(key, dry_run.triggered_at, JobEvent.SUCCESS)] if dry_run.triggered_at is not None else []
    return replace(facts, run=None, reruns=reruns, entries=[*facts.entries, *done])


def _is_budgeted(reason: str) -> bool:
    return reason != RerunReason.JOB_FAIL_RETRY


def _is_unchanged(request: RerunRequest, facts: RerunFacts) -> bool:
    """The circuit breaker: the last outcome is a success, and no sensor is newer. Without timestamps it stays closed.

    A report from the future does not give the end of its job. The run's own entry does. Its time may be later than the
    request's record, since the stream can deliver that hours late.
    """
    outcomes = [entry for entry in facts.entries if entry.event in TERMINAL_JOB_EVENTS]
    ended = (entry for entry in outcomes if entry.run_token is not None or entry.at <= request.at + CLOCK_SKEW)
    last = max(ended, key=lambda entry: entry.at, default=None)
    if last is None or last.event != JobEvent.SUCCESS or facts.newest_sensor_update is None:
        return False
    # The rest of a repeated hour may have come before the job's end. It is new if the evaluation had not seen it.
    seen_at = facts.run.evaluated_at if facts.run is not None and request.reason == RerunReason.REPEATED_HOUR else None
    return facts.newest_sensor_update <= (seen_at or last.at)


def reject_rerun(
    request: RerunRequest,
    facts: RerunFacts,
    why: str,
    excluded: EventType | None = None,
    *,
    config: PipelineConfig | None = None,
) -> RejectRerun:
    """Reject a request with a reason. `excluded`: the type of the second event, for an excluded date.

    config: the config of the pipeline, if it is readable. The events name its owner.
    """
    source, why = f"rerun {request.identity}", cut_text(why)
    token = facts.run.run_token if facts.run is not None else None
    events: list[Event] = [
        make_event(
            EventType.RERUN_REJECTED,
            request.key,
            request.at,
            source=source,
            run_token=token,
            message=f"rerun ({request.reason}) rejected: {why}",
            detail=_detail(request, config),
        )
    ]
    if excluded is not None:
        events.append(
            make_event(
                excluded,
                request.key,
                request.at,
                source=source,
                ordinal=1,
                run_token=token,
                message=why,
                detail=owner_detail(config) or None,
            )
        )
    entry = _entry(request, facts, JobEvent.RERUN_REJECTED, why)
    answered = _answered(request, facts, "rejected")
    counted = _counted(request, facts.run, why, is_dry=False)
    return RejectRerun(request.key, answered, entry, tuple(events), _follow_up(request, facts), counted)


def _counted(request: RerunRequest, run: Run | None, why: str, *, is_dry: bool) -> CountedRejections:
    marker = rejection_counter(request.key, run, request.reason, why, is_dry=is_dry)
    return CountedRejections(request.key, marker, request.reason, why, Rejections(request.at, 0), is_dry=is_dry)


def _follow_up(request: RerunRequest, facts: RerunFacts) -> RequestRerun | None:
    """The request of the newest late data or drift that came while the rejected request waited."""
    if not facts.stands or request.reason in OWN_REASONS or not facts.unanswered:
        return None
    newest = max(facts.unanswered, key=lambda entry: entry.at)
    # Entries of drift have its size as their error.
    reason = _reason_of(newest.error)
    return RequestRerun(request.key, reason, newest.request, None, ())


def _accept(
    request: RerunRequest, facts: RerunFacts, config: PipelineConfig, execution_timeout: timedelta
) -> OpenAttempt:
    before = facts.run
    attempt = before.attempt + 1 if before else 0
    previous = (before.job_intent or before.previous_job) if before else None
    abandoned = previous if request.abandon_previous else None
    after = Run(
        key=request.key,
        status=RunStatus.RUNNING,
        attempt=attempt,
        run_token=make_run_token(request.key, attempt, 0, request.at),
        committed_at=request.at,
        lease_until=lease_end(request.at, execution_timeout),
        previous_job=None if abandoned else previous,
        reason=request.reason,
    )
    event = make_event(
        EventType.RERUN_ACCEPTED,
        request.key,
        request.at,
        source=f"rerun {request.identity}",
        attempt=attempt,
        run_token=after.run_token,
        message=f"rerun ({request.reason}) accepted as attempt {attempt}{_without(abandoned)}",
        detail=_detail(request, config) | ({"abandonedJob": abandoned.run_id or abandoned.key} if abandoned else {}),
    )
    entry = _entry(request, facts, JobEvent.RERUN_ACCEPTED, None)
    rerun = RerunEntry(request.key, request.reason, request.at, JobEvent.RERUN_ACCEPTED)
    return OpenAttempt(before, after, rerun, entry, (event,), request=_answered(request, facts, "accepted"))


def _without(abandoned: JobIntent | None) -> str:
    return f". The previous job {abandoned.run_id or abandoned.key} is abandoned, as requested" if abandoned else ""


def _answered(request: RerunRequest, facts: RerunFacts, outcome: str) -> AnsweredRequest:
    return AnsweredRequest(request.identity, outcome, request.at, facts.stands, request.requested_at, facts.noted)


def _reason_of(error: str | None) -> RerunReason:
    """The reason of the rerun that a late arrival asks for, from the `error` of its joblog row."""
    if error == RerunReason.REPEATED_HOUR:
        return RerunReason.REPEATED_HOUR
    return RerunReason.DATA_DRIFT if error else RerunReason.LATE_DATA


def _entry(request: RerunRequest, facts: RerunFacts, event: str, error: str | None) -> JobEntry:
    token = facts.run.run_token if facts.run else "none"
    return JobEntry(request.key, request.at, event, error=error, run_token=token)


def _detail(request: RerunRequest, config: PipelineConfig | None) -> dict[str, str]:
    detail = {"reason": request.reason, "requestedBy": request.requested_by, "note": request.note}
    return {name: value for name, value in detail.items() if value is not None} | owner_detail(config)

"""Whether a started job has ended: the job log first, then the target itself, until the poll window is over."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import Superseded
from interlock_lifecycle._run import CLOCK_SKEW, TERMINAL_JOB_EVENTS, JobEntry, JobIntent, JobOutcome, Run
from interlock_lifecycle.runs._wait import wait_seconds, whole_seconds
from interlock_lifecycle.slas._sla import SlaFacts, deadlines_of, next_moment


class JobFinished(Struct, frozen=True):
    """The job ended with this outcome."""

    outcome: JobOutcome


class JobRuns(Struct, frozen=True):
    """The job is still under way: look again in so many seconds."""

    wait_seconds: int


class AskTarget(Struct, frozen=True):
    """Nobody reported the end of the job: its target has to be asked."""

    intent: JobIntent


class NotStarted(Struct, frozen=True):
    """No start of this attempt was answered, and nobody can be sending it any more: trigger again."""


class PollWindowUsedUp(Struct, frozen=True):
    """The job still runs although its poll window is over."""


class PollWindow(Struct, frozen=True):
    """How long a job is followed from its intent on, and how often it is asked."""

    length: timedelta
    interval: timedelta


ReadDecision: TypeAlias = JobFinished | JobRuns | AskTarget | NotStarted | Superseded


def read_outcome(run: Run | None, token: str, entries: Sequence[JobEntry], now: datetime) -> ReadDecision:
    """What the tables say about the attempt's job; `entries` are the date's joblog rows."""
    if run is None or not run.is_held_by(token):
        return Superseded(run.status if run else None, run.attempt if run else None)
    intent = run.job_intent
    if intent is None:
        return NotStarted()
    if intent.outcome is not None:
        return JobFinished(intent.outcome)
    reported = _reported(run, intent, entries, now)
    if reported is not None:
        return JobFinished(reported)
    if intent.run_id is None:
        return JobRuns(whole_seconds(intent.until - now)) if now < intent.until else NotStarted()
    return AskTarget(intent)


def _reported(run: Run, intent: JobIntent, entries: Sequence[JobEntry], now: datetime) -> JobOutcome | None:
    for entry in sorted(entries, key=lambda found: found.at):
        if entry.event in TERMINAL_JOB_EVENTS and _counts(entry, run, intent, now):
            return JobOutcome(
                event=entry.event,
                run_id=entry.run_id or intent.run_id or "",
                category=entry.category,
                error=entry.error or "",
                duration=entry.duration,
                at=entry.at,
            )
    return None


def _counts(entry: JobEntry, run: Run, intent: JobIntent, now: datetime) -> bool:
    """Interlock's rows count for their attempt; external ones for this job's id, or without one once it began.

    Clocks differ: a row with the job's id is the job's, also when its time is a moment before the intent. One
    without an id that is dated ahead of now would count for every later attempt: it does not yet.
    """
    if entry.run_token is not None:
        return entry.attempt == run.attempt and entry.run_token == run.run_token
    if entry.run_id is not None:
        return entry.run_id == intent.run_id
    return intent.committed_at <= entry.at <= now + CLOCK_SKEW


def follow(
    run: Run,
    intent: JobIntent,
    window: PollWindow,
    config: PipelineConfig | None,
    sla: SlaFacts,
    now: datetime,
) -> JobRuns | PollWindowUsedUp:
    """The target says that the job still runs: when to look again, or that the window is over."""
    closes_at = intent.committed_at + window.length
    if now >= closes_at:
        return PollWindowUsedUp()
    deadlines = deadlines_of(config, run.key.date, sla.arrived_at, sla.exclusions) if config else ()
    return JobRuns(wait_seconds(now, window.interval, closes_at, next_moment(deadlines, sla.verdict.clocks, now)))

"""The end of a started job: the job log is read first, then the target is asked, until the poll window is over."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import OpenWait, Superseded
from interlock_lifecycle._run import CLOCK_SKEW, JobEntry, JobIntent, JobOutcome, Run, Wait
from interlock_lifecycle._words import TERMINAL_JOB_EVENTS
from interlock_lifecycle.slas._sla import SlaFacts, deadlines_of, next_moment
from interlock_lifecycle.waits._held import is_of
from interlock_lifecycle.waits._looks import (
    FREE_WAKES,
    LONGEST_JOB_WAIT,
    before_deadline,
    look_seconds,
    wait_seconds,
    whole_seconds,
)
from interlock_lifecycle.waits._wakes import name_of_job


class JobFinished(Struct, frozen=True):
    """The job ended with this outcome."""

    outcome: JobOutcome


class JobRuns(Struct, frozen=True):
    """The job is under way. An execution that polls looks again in `wait_seconds`.

    look_seconds: the seconds after which an execution that waits for a wake looks at the latest, 0 for a job that is
    polled. opens: the missing WAIT# row of an execution that is to wait. The caller looks again after its commit.
    """

    wait_seconds: int
    look_seconds: int = 0
    opens: OpenWait | None = None


class AskTarget(Struct, frozen=True):
    """No row reports the end of the job. The caller asks the job's target."""

    intent: JobIntent


class NotStarted(Struct, frozen=True):
    """No start of this attempt was answered, and no invocation can still be sending it. The caller triggers again."""


class PollWindowUsedUp(Struct, frozen=True):
    """The job still runs at the end of its poll window."""


_SILENT_TYPES = frozenset({"airflow", "databricks"})
"""The types of followed jobs whose target sends no event when a job ends. Only a look finds such an end."""

_FIRST_STEP = timedelta(seconds=5)
"""The first wait of these types. A wait is as long as the job has run, plus this (docs/reference/runs.md §6)."""


class PollWindow(Struct, frozen=True):
    """The time for which a job is followed from its intent on, and the longest interval of the looks."""

    length: timedelta
    interval: timedelta


ReadDecision: TypeAlias = JobFinished | JobRuns | AskTarget | NotStarted | Superseded


def read_outcome(run: Run | None, token: str, entries: Sequence[JobEntry], now: datetime) -> ReadDecision:
    """Read the state of the attempt's job from the tables. `entries`: the date's joblog rows.

    The orchestrator calls it at each job check. Results: `JobFinished` for a recorded or reported outcome, `JobRuns`
    while another invocation may be sending the start, `NotStarted` for an attempt without an answered start,
    `AskTarget` for a job whose end no row reports, and `Superseded` for a run that this execution does not own.
    """
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
    """Whether a joblog row reports on the attempt's job.

    Interlock's rows count for their attempt. External rows with a run id count for the job with this id at any time,
    since clocks differ. External rows without one count from the intent on. A row that is dated ahead of now does not
    count yet, since it would count for every later attempt.
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
    wait: Wait | None = None,
) -> JobRuns | PollWindowUsedUp:
    """The next step after the target reports a running job: `JobRuns` with a wait, or `PollWindowUsedUp`.

    For a target that sends no events, the waits grow with the age of the job up to the interval. So a short job is
    closed soon, and a long job costs few looks. A job with events is awaited. After 20 wakes it is polled, since
    something else than its end wakes its run. wait: the WAIT# row as it was before the target was asked.
    """
    closes_at = intent.committed_at + window.length
    if now >= closes_at:
        return PollWindowUsedUp()
    step = window.interval
    if intent.type in _SILENT_TYPES:
        step = min(step, max(now - intent.committed_at, timedelta()) + _FIRST_STEP)
    deadlines = deadlines_of(config, run.key.date, sla.arrived_at, sla.exclusions) if config else ()
    deadline = next_moment(deadlines, sla.verdict.clocks, now)
    poll = wait_seconds(now, step, closes_at, deadline)
    if name_of_job(intent) is None:
        return JobRuns(poll)
    if wait is None or not wait.for_job or not is_of(wait, run):
        opened = OpenWait(run, Wait(run.key, run.run_token, for_job=True), wait, intent)
        return JobRuns(poll, look_seconds(now, LONGEST_JOB_WAIT, closes_at, before_deadline(deadline)), opened)
    if wait.wakes >= FREE_WAKES:
        return JobRuns(poll)
    return JobRuns(poll, look_seconds(now, LONGEST_JOB_WAIT, closes_at, before_deadline(deadline)))

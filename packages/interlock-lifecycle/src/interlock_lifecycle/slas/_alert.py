"""SLA timers that fire: each moment is reported once, and only if it is still true."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import Announce, ClockVerdict, Ignore, RecordBreach, Verdict
from interlock_lifecycle._moment import rfc3339
from interlock_lifecycle._run import JobEntry, Run, RunKey, RunStatus, Wait
from interlock_lifecycle._words import JobEvent
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.slas._sla import EVENT_OF, SlaFacts, deadlines_of_run, make_alert, was_met
from interlock_sla import Clock, Deadline, Outcome

_ALERT_OF = {event: alert for alert, event in EVENT_OF.items()}


class AlertFacts(Struct, frozen=True):
    """The facts by which a timer is judged, in addition to its own date and moment.

    entries: the date's successes, failures and timeouts in the joblog, external ones included. other_run,
    other_verdict: those of the same date under the schedule that the pipeline had before.
    """

    config: PipelineConfig | None
    run: Run | None
    sla: SlaFacts
    entries: tuple[JobEntry, ...] = ()
    has_hours: bool = False
    """Whether hours of the day have runs of their own. It is read only if the day has no run."""
    other_run: Run | None = None
    other_verdict: Verdict | None = None
    wait: Wait | None = None
    """The wait of the run, whose rules its alert names."""


class TooEarly(Struct, frozen=True):
    """A timer fired before its moment, since Scheduler is precise to a minute. The caller tries again at `at` (UTC)."""

    at: datetime


def decide_alert(
    alert: EventType, fires_for: datetime, key: RunKey, facts: AlertFacts, now: datetime
) -> RecordBreach | Announce | TooEarly | Ignore:
    """Decide whether an SLA warning or breach is emitted.

    The SLA monitor calls it when a timer fires, and the watchdog for each due clock. fires_for: the moment for which
    the timer was created (UTC). Results:

    - `RecordBreach`: the breach is true. The verdict is written with the event.
    - `Announce`: the warning is true. It is emitted once per moment and date.
    - `TooEarly`: the moment is not reached.
    - `Ignore`: the config no longer has this clock, date or moment, the clock is judged, the date succeeded or
      ended in time, or a warning comes after the breach.
    """
    clock, kind = _ALERT_OF[alert]
    config = facts.config
    deadline = _deadline_of(config, key, facts.sla, clock)
    if config is None or deadline is None:
        return Ignore(_without_clock(key, facts.sla))
    silence = _outdated(config, key, facts, deadline, kind, fires_for) or _silence(config, key, facts, deadline)
    if silence is not None:
        return Ignore(silence)
    if now < fires_for:
        return TooEarly(fires_for)
    source = f"timer {clock} {kind} {fires_for.isoformat()}"
    status = facts.run.status if facts.run else "never started"
    token = facts.run.run_token if facts.run else None
    held = _held_by(facts.run, facts.wait)
    event = make_alert(config, key, deadline, kind, now, source=source, status=status, run_token=token, held=held)
    if kind == "warning":
        if now >= deadline.breach_at:
            return Ignore("the deadline has passed, and the breach is reported instead")
        return Announce(key.pipeline_id, (event,), marker=warning_marker(key, alert, fires_for), at=now)
    verdict = ClockVerdict(Outcome.BREACH, deadline.breach_at, now)
    return RecordBreach(key, facts.run, facts.sla.verdict, {clock: verdict}, (event,))


def _held_by(run: Run | None, wait: Wait | None) -> Mapping[str, datetime]:
    """The rules and other reasons that hold the run, each with its time (UTC). A run with a job is not held."""
    if run is None or run.job_intent is not None or wait is None or not wait.is_whole or wait.for_job:
        return {}
    return wait.held if wait.run_token == run.run_token else {}


def warning_marker(key: RunKey, alert: EventType, fires_for: datetime) -> str:
    """The marker of a warning that was emitted."""
    return f"{alert}#{key.schedule_id}#{rfc3339(fires_for)}#{key.date}"


def _deadline_of(config: PipelineConfig | None, key: RunKey, sla: SlaFacts, clock: Clock) -> Deadline | None:
    found = deadlines_of_run(config, key, sla.arrived_at, sla.exclusions, sla.since) if config is not None else ()
    return next((deadline for deadline in found if deadline.clock is clock), None)


def _without_clock(key: RunKey, sla: SlaFacts) -> str:
    why = sla.exclusions.reason(key.date.day)
    return "the pipeline no longer has this SLA" if why is None else f"the date is excluded ({why}) and has no clock"


def _outdated(
    config: PipelineConfig, key: RunKey, facts: AlertFacts, deadline: Deadline, kind: str, fires_for: datetime
) -> str | None:
    """The reason why the present config does not have the timer's moment or date. None if it has both."""
    if config.dry_run:
        return "the pipeline is a dry run now"
    if facts.run is None and key.schedule_id != config.schedule_id:
        return "the pipeline has another schedule now"
    if fires_for != (deadline.warning_at if kind == "warning" else deadline.breach_at):
        return "the deadline was edited, and a newer timer exists"
    if facts.run is None and not config.watch.enabled:
        return "the pipeline is not watched, and the date never ran"
    if facts.run is None and facts.has_hours:
        return "the day runs by the hour"
    return None


def _silence(config: PipelineConfig, key: RunKey, facts: AlertFacts, deadline: Deadline) -> str | None:
    """The reason why the date needs no alert: it was judged, it is over, or it succeeded in time."""
    if deadline.clock in facts.sla.verdict.clocks:
        return "the clock was judged already"
    if was_met(facts.sla.verdict):
        return "the date had met its SLA before it got this clock"
    if facts.run is not None:
        return _silence_of_run(facts.run, facts.entries, deadline)
    if facts.other_verdict is not None and deadline.clock in facts.other_verdict.clocks:
        return "the date was judged under the schedule that the pipeline had before"
    other = facts.other_run
    if other is not None and other.status is RunStatus.COMPLETED and _closed_by(other) < deadline.breach_at:
        return "the date was completed under the schedule that the pipeline had before"
    return _silence_of_log(facts.entries, deadline)


def _closed_by(run: Run) -> datetime:
    return run.closed_at or run.committed_at


def _silence_of_log(entries: tuple[JobEntry, ...], deadline: Deadline) -> str | None:
    """The reason for a date without a run. An external success counts if it was logged in time, a failure always."""
    if any(entry.event == JobEvent.SUCCESS and entry.at < deadline.breach_at for entry in entries):
        return "the job log has a success before the deadline"
    last = max(entries, key=lambda entry: entry.at, default=None)
    return f"the job log ends with {last.event}" if last is not None and last.event != JobEvent.SUCCESS else None


def _silence_of_run(run: Run, entries: tuple[JobEntry, ...], deadline: Deadline) -> str | None:
    if run.status is not RunStatus.RUNNING:
        return f"the run is {run.status}"
    if any(begun <= at < deadline.breach_at for begun, at in _successes(run, entries)):
        return "the job succeeded before the deadline, and its run is about to close"
    return None


def _successes(run: Run, entries: tuple[JobEntry, ...]) -> Iterator[tuple[datetime, datetime]]:
    """Successes that may belong to the attempt: the earliest time of one, and the time of this one."""
    intent = run.job_intent
    # A recovered run keeps its intent: the reports of its job before the recovery still count.
    begun = intent.committed_at if intent is not None else run.committed_at
    for entry in entries:
        if entry.event == JobEvent.SUCCESS:
            yield begun, entry.at
    if intent is not None and intent.outcome is not None and intent.outcome.event == JobEvent.SUCCESS:
        yield begun, intent.outcome.at or begun

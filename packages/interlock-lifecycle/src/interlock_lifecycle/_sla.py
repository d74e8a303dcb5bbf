"""The SLA of one run: its deadlines, timers, alerts and its one verdict; never a reason to stop a job."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import Announce, ClockVerdict, Ignore, RecordBreach, Verdict
from interlock_lifecycle._event import Event, EventType, make_event
from interlock_lifecycle._moment import rfc3339
from interlock_lifecycle._run import JobEntry, Run, RunKey, RunStatus, digest
from interlock_sla import Clock, Deadline, Exclusions, ExecutionDate, Outcome, absolute_deadline, relative_deadline

_EVENT_OF = {
    (Clock.ABSOLUTE, "warning"): EventType.SLA_WARNING,
    (Clock.ABSOLUTE, "breach"): EventType.SLA_BREACH,
    (Clock.RELATIVE, "warning"): EventType.RELATIVE_SLA_WARNING,
    (Clock.RELATIVE, "breach"): EventType.RELATIVE_SLA_BREACH,
}
_ALERT_OF = {event: alert for alert, event in _EVENT_OF.items()}
_NO_DAYS = Exclusions()
_LONGEST_MESSAGE = 1000
_HINT_OF = {
    "warning": "Check what the run waits for (interlock status) before the deadline passes.",
    "breach": "The deadline has passed: tell the consumers, then find what held the run (interlock status).",
}


class SlaFacts(Struct, frozen=True):
    """What judging needs: when the first sensor came (relative clock), and the verdict so far."""

    arrived_at: datetime | None
    verdict: Verdict


class TooEarly(Struct, frozen=True):
    """A timer fired before its moment (Scheduler is precise to a minute): it has to be tried again at `at`."""

    at: datetime


class Timer(Struct, frozen=True):
    """One Scheduler entry: fires `alert` at `at`, a whole second (UTC) not before its moment."""

    name: str
    alert: EventType
    at: datetime
    deadline: Deadline


def deadlines_of(config: PipelineConfig, date: ExecutionDate, arrived_at: datetime | None) -> tuple[Deadline, ...]:
    """The deadlines that apply to a date: a pure function of the date and the config, never of "now"."""
    sla = config.sla
    if sla is None:
        return ()
    found: list[Deadline] = []
    if sla.deadline is not None:
        found.append(
            absolute_deadline(
                sla.deadline,
                date,
                config.sla_zone,
                cron_fire=cron_fire(config, date),
                expected=sla.expected_duration,
            )
        )
    if sla.max_duration is not None and arrived_at is not None:
        found.append(relative_deadline(arrived_at, sla.max_duration, expected=sla.expected_duration))
    return tuple(found)


def cron_fire(config: PipelineConfig, date: ExecutionDate) -> datetime | None:
    """The cron fire of an execution date: its first that local day, else local midnight; None without cron."""
    return None if config.cron is None else config.cron.fire_of(date, config.zone)


def timers_of(config: PipelineConfig, key: RunKey, arrived_at: datetime | None) -> tuple[Timer, ...]:
    """The Scheduler entries of a date; an edited deadline gives other names, hence new timers."""
    return tuple(
        Timer(
            name=_timer_name(key, deadline.clock, kind, at),
            alert=_EVENT_OF[deadline.clock, kind],
            at=_next_second(at),
            deadline=deadline,
        )
        for deadline in deadlines_of(config, key.date, arrived_at)
        for kind, at in (("warning", deadline.warning_at), ("breach", deadline.breach_at))
        if at is not None
    )


def tell_unscheduled(key: RunKey, failures: Mapping[str, str], now: datetime) -> Announce:
    """Say, once per date, that timers could not be made: `failures` is what went wrong, by the timer's name."""
    why = "; ".join(f"{name}: {error}" for name, error in failures.items())
    event = make_event(
        EventType.INFRA_FAILURE,
        key,
        now,
        source="unscheduled",
        message=f"SLA timers could not be made, so that alerts may come minutes late: {why}"[:_LONGEST_MESSAGE],
        detail={"source": "sla-monitor", "timers": sorted(failures)},
    )
    return Announce(key.pipeline_id, (event,), marker=f"unscheduled#{key.schedule_id}#{key.date}", at=now)


def timer_input(key: RunKey, timer: Timer) -> dict[str, str]:
    """What the timer sends to the SLA monitor when it fires (contracts.md §4)."""
    wire = {
        "mode": "fire-alert",
        "pipelineId": key.pipeline_id,
        "scheduleId": key.schedule_id,
        "date": str(key.date),
        "alertType": str(timer.alert),
        "breachAt": rfc3339(timer.deadline.breach_at),
    }
    if timer.deadline.warning_at is not None:
        wire["warningAt"] = rfc3339(timer.deadline.warning_at)
    return wire


def _next_second(at: datetime) -> datetime:
    return at if not at.microsecond else at.replace(microsecond=0) + timedelta(seconds=1)


def _timer_name(key: RunKey, clock: Clock, kind: str, at: datetime) -> str:
    prefix = "sla" if clock is Clock.ABSOLUTE else "rsla"
    ending = f"-{prefix}-{kind}-{at:%Y%m%d%H%M}"
    readable = f"{key.pipeline_id}-{key.schedule_id}-{key.date}"
    if len(readable) + len(ending) <= 64:
        return readable + ending
    distinct = digest(key, length=8)
    return f"{readable[: 64 - len(ending) - 9]}-{distinct}{ending}"


def settle(
    config: PipelineConfig,
    key: RunKey,
    sla: SlaFacts,
    *,
    now: datetime,
    succeeded_at: datetime | None,
    source: str,
    ordinal: int,
) -> tuple[dict[Clock, ClockVerdict], tuple[Event, ...]]:
    """The verdicts that the close of a run adds, and their events.

    A success before every deadline is SLA_MET, once, and never beside a breach. A success or a final failure
    after a deadline whose timer never fired is a breach. A final failure before its deadline leaves the
    verdict open. Clocks already judged stay as they are.
    """
    ended_at = succeeded_at or now
    fresh: dict[Clock, ClockVerdict] = {}
    events: list[Event] = []
    deadlines = deadlines_of(config, key.date, sla.arrived_at)
    for deadline in deadlines:
        if deadline.clock in sla.verdict.clocks:
            continue
        if ended_at >= deadline.breach_at:
            fresh[deadline.clock] = ClockVerdict(Outcome.BREACH, deadline.breach_at, now)
            events.append(_alert(config, key, deadline, "breach", now, source, ordinal + len(events), "late"))
        elif succeeded_at is not None:
            fresh[deadline.clock] = ClockVerdict(Outcome.MET, deadline.breach_at, now)
    if fresh and not events and not _is_judged(sla.verdict):
        events.append(_met(key, deadlines, ended_at, now, source, ordinal))
    return fresh, tuple(events)


def _is_judged(verdict: Verdict) -> bool:
    return bool(verdict.clocks)


def _met(
    key: RunKey, deadlines: tuple[Deadline, ...], ended_at: datetime, now: datetime, source: str, ordinal: int
) -> Event:
    first = min(deadline.breach_at for deadline in deadlines)
    return make_event(
        EventType.SLA_MET,
        key,
        now,
        source=source,
        ordinal=ordinal,
        deadline=rfc3339(first),
        message=f"succeeded {_length(first - ended_at)} before its deadline",
        detail={"status": "met", "source": "close", "breachAt": rfc3339(first), "deadline": rfc3339(first)},
    )


def decide_alert(
    alert: EventType,
    fires_for: datetime,
    config: PipelineConfig | None,
    key: RunKey,
    run: Run | None,
    last_entry: JobEntry | None,
    sla: SlaFacts,
    now: datetime,
    exclusions: Exclusions = _NO_DAYS,
) -> RecordBreach | Announce | TooEarly | Ignore:
    """Whether a timer that fires speaks.

    `fires_for` is the moment that the timer was made for; a deadline edited since then has another timer, so
    this one is silent. `last_entry` is the date's newest success, fail or timeout in the joblog. Of a date that
    never ran it is silent when the date is not expected (any more): excluded, or no longer watched.
    """
    clock, kind = _ALERT_OF[alert]
    deadline = _deadline_of(config, key, sla.arrived_at, clock)
    if config is None or deadline is None:
        return Ignore("the pipeline no longer has this SLA")
    silence = (
        _outdated(config, deadline, kind, fires_for)
        or _silence(run, last_entry, deadline)
        or _not_expected(run, config, key, exclusions)
        or ("the clock was judged already" if clock in sla.verdict.clocks else None)
    )
    if silence is not None:
        return Ignore(silence)
    source = f"timer {clock} {kind} {fires_for.isoformat()}"
    event = _alert(config, key, deadline, kind, now, source, 0, run.status if run else "never started")
    if kind == "warning":
        return _warn(key, event, warning_marker(key, alert, fires_for), deadline, now)
    if now < deadline.breach_at:
        return TooEarly(deadline.breach_at)
    verdict = ClockVerdict(Outcome.BREACH, deadline.breach_at, now)
    return RecordBreach(key, run, sla.verdict, {clock: verdict}, (event,))


def warning_marker(key: RunKey, alert: EventType, fires_for: datetime) -> str:
    """The marker that says: this warning was given."""
    return f"{alert}#{key.schedule_id}#{rfc3339(fires_for)}#{key.date}"


def _deadline_of(
    config: PipelineConfig | None, key: RunKey, arrived_at: datetime | None, clock: Clock
) -> Deadline | None:
    if config is None:
        return None
    return next((found for found in deadlines_of(config, key.date, arrived_at) if found.clock is clock), None)


def _warn(key: RunKey, event: Event, marker: str, deadline: Deadline, now: datetime) -> Announce | Ignore:
    if now >= deadline.breach_at:
        return Ignore("the breach time has passed; the breach speaks")
    return Announce(key.pipeline_id, (event,), marker=marker, at=now)


def _outdated(config: PipelineConfig, deadline: Deadline, kind: str, fires_for: datetime) -> str | None:
    if config.dry_run:
        return "the pipeline is a dry run now"
    if fires_for != (deadline.warning_at if kind == "warning" else deadline.breach_at):
        return "the deadline was edited; a newer timer exists"
    return None


def _silence(run: Run | None, last_entry: JobEntry | None, deadline: Deadline) -> str | None:
    if run is None:
        return None if last_entry is None else f"the job log ends with {last_entry.event}"
    if run.status is not RunStatus.RUNNING:
        return f"the run is {run.status}"
    if any(begun <= at < deadline.breach_at for begun, at in _successes(run, last_entry)):
        return "the job succeeded before the deadline; the run is about to close"
    return None


def _successes(run: Run, last_entry: JobEntry | None) -> Iterator[tuple[datetime, datetime]]:
    """Successes that may belong to the attempt: since when it could have one, and when it was."""
    intent = run.job_intent
    # A recovered run keeps its intent: what its job reported before the recovery still counts.
    begun = intent.committed_at if intent is not None else run.committed_at
    if last_entry is not None and last_entry.event == "success":
        yield begun, last_entry.at
    if intent is not None and intent.outcome is not None and intent.outcome.event == "success":
        yield begun, intent.outcome.at or begun


def _not_expected(run: Run | None, config: PipelineConfig, key: RunKey, exclusions: Exclusions) -> str | None:
    if run is not None:
        return None
    if not config.watch.enabled:
        return "the pipeline is not watched, and the date never ran"
    return "the date is excluded, and it never ran" if exclusions.excludes(key.date.day) else None


def _alert(
    config: PipelineConfig,
    key: RunKey,
    deadline: Deadline,
    kind: str,
    now: datetime,
    source: str,
    ordinal: int,
    status: str,
) -> Event:
    detail: dict[str, Any] = {
        "status": status,
        "source": source.split(" ")[0],
        "breachAt": rfc3339(deadline.breach_at),
        "deadline": rfc3339(deadline.breach_at),
        "actionHint": _HINT_OF[kind],
        "critical": bool(config.sla and config.sla.critical),
    }
    if config.schedule.cron:
        detail["cron"] = config.schedule.cron
    gap = deadline.breach_at - now
    message = f"{_length(gap)} left" if gap > timedelta() else f"deadline passed {_length(-gap)} ago"
    return make_event(
        _EVENT_OF[deadline.clock, kind],
        key,
        now,
        source=source,
        ordinal=ordinal,
        deadline=rfc3339(deadline.breach_at),
        message=message,
        detail=detail,
    )


def next_moment(deadlines: tuple[Deadline, ...], verdicts: Mapping[Clock, object], after: datetime) -> datetime | None:
    """The nearest unjudged deadline after a moment, for waits that must not sleep across it."""
    moments = [found.breach_at for found in deadlines if found.clock not in verdicts and found.breach_at > after]
    return min(moments, default=None)


def _length(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    parts = ((seconds // 3600, "h"), (seconds % 3600 // 60, "m"), (seconds % 60, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"

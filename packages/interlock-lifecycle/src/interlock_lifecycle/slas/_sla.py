"""The SLA of one run: its deadlines and its one verdict. An SLA never stops a job."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import ClockVerdict, Ignore, RecordBreach, Verdict
from interlock_lifecycle._moment import rfc3339, say_length, say_moment
from interlock_lifecycle._run import JobEntry, Run, RunKey, RunStatus
from interlock_lifecycle._words import JobEvent
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import Event, make_event, owner_detail
from interlock_sla import (
    Clock,
    Deadline,
    DormantDays,
    Exclusions,
    ExecutionDate,
    Outcome,
    SlaError,
    absolute_deadline,
    all_met,
    judge,
    relative_deadline,
    zone,
)

EVENT_OF = {
    (Clock.ABSOLUTE, "warning"): EventType.SLA_WARNING,
    (Clock.ABSOLUTE, "breach"): EventType.SLA_BREACH,
    (Clock.RELATIVE, "warning"): EventType.RELATIVE_SLA_WARNING,
    (Clock.RELATIVE, "breach"): EventType.RELATIVE_SLA_BREACH,
}
"""The event type of each clock's warning and breach."""

_UTC = zone("UTC")
_HINT_OF = {
    "warning": "Check which rule or job the run waits for (interlock status) before the deadline passes.",
    "breach": "The deadline has passed. Inform the consumers, then find the cause of the delay (interlock status).",
}

# A message is read long after its event, so it states moments and no lengths of time.
_SAID_OF = {"warning": "no success yet. The deadline is {}", "breach": "no success by the deadline {}"}

_MOST_HELD = 20


class SlaFacts(Struct, frozen=True):
    """The facts of a judgement.

    arrived_at: the arrival of the first sensor (UTC), for the relative clock. verdict: the verdict so far. since: the
    time from which the config has each clock (UTC). Earlier deadlines never counted. exclusions: the days on which
    nothing starts. An excluded date has no clock, and deadlines move over those days.
    """

    arrived_at: datetime | None
    verdict: Verdict
    since: Mapping[Clock, datetime] = {}
    exclusions: Exclusions = Exclusions()


class GivenSla(Struct, frozen=True):
    """SLA terms of a caller. They have precedence over the config's. `zone`: the zone of `deadline`."""

    deadline: str | None = None
    expected_duration: timedelta | None = None
    max_duration: timedelta | None = None
    zone: ZoneInfo | None = None
    arrived_at: datetime | None = None


def calculate_deadlines(
    config: PipelineConfig | None, date: ExecutionDate, given: GivenSla, exclusions: Exclusions
) -> tuple[Deadline, ...]:
    """The deadlines of a date from the given terms, completed by those of the config (None: no config).

    Raises SlaError for terms that give no valid time.
    """
    if exclusions.excludes(date.day):
        return ()
    terms = GivenSla() if config is None else _terms(config, given.arrived_at)
    given_terms = {name: value for name in given.__struct_fields__ if (value := getattr(given, name)) is not None}
    fire = None if config is None else cron_fire(config, date)
    dormant = None if config is None else config.dormant_days(exclusions)
    found = tuple(_clocks(replace(terms, **given_terms), date, fire, dormant).values())
    for one in found:
        if isinstance(one, SlaError):
            raise one
    return tuple(one for one in found if isinstance(one, Deadline))


def deadlines_of(
    config: PipelineConfig, date: ExecutionDate, arrived_at: datetime | None, exclusions: Exclusions
) -> tuple[Deadline, ...]:
    """The deadlines of a date. They depend on the date, the config and its calendars, never on "now".

    An excluded date has none. An absolute deadline on an excluded day moves to the next day that is not excluded
    (docs/reference/sla.md §5). A deadline that leads out of the calendar is left out, since an SLA stops no run.
    `clocks_in_trouble` gives the reason.
    """
    found = _clocks_of(config, date, arrived_at, exclusions).values()
    return tuple(deadline for deadline in found if isinstance(deadline, Deadline))


def clocks_in_trouble(
    config: PipelineConfig, date: ExecutionDate, arrived_at: datetime | None, exclusions: Exclusions
) -> dict[Clock, str]:
    """The clocks of a date whose deadline cannot be computed, with the reason, such as an arrival in the year 9999."""
    found = _clocks_of(config, date, arrived_at, exclusions).items()
    return {clock: str(error) for clock, error in found if isinstance(error, SlaError)}


def deadlines_of_run(
    config: PipelineConfig,
    key: RunKey,
    arrived_at: datetime | None,
    exclusions: Exclusions,
    since: Mapping[Clock, datetime] | None = None,
) -> tuple[Deadline, ...]:
    """The deadlines that count for a run.

    A deadline does not count if its clock came into the config later. For a run of another schedule than the config's,
    only the relative clock counts, since the dates of that schedule are due at other times.
    """
    is_own = key.schedule_id == config.schedule_id
    since = since or {}
    return tuple(
        deadline
        for deadline in deadlines_of(config, key.date, arrived_at, exclusions)
        if (is_own or deadline.clock is Clock.RELATIVE)
        and since.get(deadline.clock, deadline.breach_at) <= deadline.breach_at
    )


def _terms(config: PipelineConfig, arrived_at: datetime | None) -> GivenSla:
    sla = config.sla
    if sla is None:
        return GivenSla(zone=config.sla_zone, arrived_at=arrived_at)
    return GivenSla(sla.deadline, sla.expected_duration, sla.max_duration, config.sla_zone, arrived_at)


def _clocks_of(
    config: PipelineConfig, date: ExecutionDate, arrived_at: datetime | None, exclusions: Exclusions
) -> dict[Clock, Deadline | SlaError | None]:
    if exclusions.excludes(date.day):
        return {}
    dormant = config.dormant_days(exclusions)
    return _clocks(_terms(config, arrived_at), date, cron_fire(config, date), dormant)


def _clocks(
    terms: GivenSla, date: ExecutionDate, fire: datetime | None, dormant: DormantDays | None
) -> dict[Clock, Deadline | SlaError | None]:
    """The clocks that the terms give a date. None for an absolute deadline that would move too far."""
    found: dict[Clock, Deadline | SlaError | None] = {}
    deadline, longest, arrived_at, expected = (
        terms.deadline,
        terms.max_duration,
        terms.arrived_at,
        terms.expected_duration,
    )
    if deadline is not None:
        place = terms.zone or _UTC
        found[Clock.ABSOLUTE] = _compute(
            lambda: absolute_deadline(deadline, date, place, cron_fire=fire, expected=expected, dormant=dormant)
        )
    if longest is not None and arrived_at is not None:
        found[Clock.RELATIVE] = _compute(lambda: relative_deadline(arrived_at, longest, expected=expected))
    return found


def _compute(make: Callable[[], Deadline | None]) -> Deadline | SlaError | None:
    try:
        return make()
    except SlaError as error:
        return error


def cron_fire(config: PipelineConfig, date: ExecutionDate) -> datetime | None:
    """The first cron fire of an execution date (UTC), or local midnight without a fire. None without a cron."""
    return None if config.cron is None else config.cron.fire_of(date, config.zone)


def was_met(verdict: Verdict) -> bool:
    """Whether the date succeeded before every deadline that it had then. Later reruns do not change that."""
    judged = verdict.clocks.values()
    return bool(judged) and not verdict.corrupted and all(one.outcome is Outcome.MET for one in judged)


def settle(
    config: PipelineConfig,
    key: RunKey,
    sla: SlaFacts,
    *,
    now: datetime,
    succeeded_at: datetime | None,
    source: str,
    ordinal: int,
    run_token: str | None = None,
) -> tuple[dict[Clock, ClockVerdict], tuple[Event, ...]]:
    """The verdicts that the close of a run adds, and their events.

    A success before every deadline is SLA_MET, once, and never together with a breach. A success or a final failure
    after a deadline whose timer never fired is a breach. A final failure before its deadline leaves the verdict open.
    Judged clocks stay as they are. A clock that the date got after its SLA was met is met too, without an event, since
    the first success counts.
    """
    deadlines = deadlines_of_run(config, key, sla.arrived_at, sla.exclusions, sla.since)
    unjudged = [deadline for deadline in deadlines if deadline.clock not in sla.verdict.clocks]
    met = dict.fromkeys((deadline.clock for deadline in unjudged), Outcome.MET)
    outcomes = met if was_met(sla.verdict) else judge(unjudged, succeeded_at, now)
    fresh = {
        deadline.clock: ClockVerdict(outcomes[deadline.clock], deadline.breach_at, now)
        for deadline in unjudged
        if deadline.clock in outcomes
    }
    late = [deadline for deadline in unjudged if outcomes.get(deadline.clock) is Outcome.BREACH]
    events = [
        make_alert(
            config,
            key,
            deadline,
            "breach",
            now,
            source=source,
            status="late",
            ordinal=ordinal + place,
            run_token=run_token,
        )
        for place, deadline in enumerate(late)
    ]
    if all_met(unjudged, outcomes) and not sla.verdict.clocks:
        events = [_met(config, key, deadlines, succeeded_at or now, now, source, ordinal, run_token)]
    return fresh, tuple(events)


def judge_completed(
    config: PipelineConfig | None, run: Run, entries: Iterable[JobEntry], sla: SlaFacts, now: datetime
) -> RecordBreach | Ignore:
    """Judge a run that was completed without a verdict, because its config could not be read then.

    The SLA monitor and the watchdog call it for completed runs with open clocks. entries: the date's outcomes in the
    joblog. The first success counts, otherwise the close of the run. Results:

    - `RecordBreach`: the verdicts of the open clocks, with SLA_MET or the breaches.
    - `Ignore`: the config cannot be read or is a dry run, the run is not completed, or no clock is open.
    """
    if config is None or config.dry_run:
        return Ignore("the config cannot be read, or the pipeline is a dry run")
    if run.status is not RunStatus.COMPLETED:
        return Ignore(f"the run is {run.status}")
    logged = min((entry.at for entry in entries if entry.event == JobEvent.SUCCESS), default=None)
    verdicts, events = settle(
        config,
        run.key,
        sla,
        now=now,
        succeeded_at=logged or run.closed_at or run.committed_at,
        source=f"judged {run.run_token}",
        ordinal=0,
        run_token=run.run_token,
    )
    if not verdicts:
        return Ignore("no clock is left to judge")
    return RecordBreach(run.key, run, sla.verdict, verdicts, events)


def _met(
    config: PipelineConfig,
    key: RunKey,
    deadlines: tuple[Deadline, ...],
    ended_at: datetime,
    now: datetime,
    source: str,
    ordinal: int,
    run_token: str | None,
) -> Event:
    nearest = min(deadlines, key=lambda deadline: deadline.breach_at)
    first = nearest.breach_at
    return make_event(
        EventType.SLA_MET,
        key,
        now,
        source=source,
        ordinal=ordinal,
        run_token=run_token,
        deadline=rfc3339(first),
        message=f"the run succeeded {say_length(first - ended_at)} before its deadline"
        + say_moved(nearest.moved_from, config.sla_zone),
        detail={
            "status": "met",
            "source": "close",
            "breachAt": rfc3339(first),
            "deadline": rfc3339(first),
            **owner_detail(config),
            **moved_detail(nearest.moved_from),
        },
    )


def make_alert(
    config: PipelineConfig,
    key: RunKey,
    deadline: Deadline,
    kind: str,
    now: datetime,
    *,
    source: str,
    status: str,
    ordinal: int = 0,
    run_token: str | None = None,
    held: Mapping[str, datetime] | None = None,
) -> Event:
    """The event of a clock's `kind`, which is warning or breach. `status`: the state of the run. `held`: the names of
    the rules that hold it, each with its time (UTC)."""
    detail: dict[str, Any] = {
        "status": status,
        "source": source.split(" ")[0],
        "breachAt": rfc3339(deadline.breach_at),
        "deadline": rfc3339(deadline.breach_at),
        "actionHint": _HINT_OF[kind],
        "critical": bool(config.sla and config.sla.critical),
        "deadlineLocal": f"{deadline.breach_at.astimezone(config.sla_zone):%Y-%m-%d %H:%M %Z} ({config.sla_zone})",
        **owner_detail(config),
        **moved_detail(deadline.moved_from),
    }
    if config.schedule.cron:
        detail["cron"] = config.schedule.cron
    if held:
        detail["heldBy"] = [{"rule": name, "heldSince": rfc3339(held[name])} for name in sorted(held)[:_MOST_HELD]]
    return make_event(
        EVENT_OF[deadline.clock, kind],
        key,
        now,
        source=source,
        ordinal=ordinal,
        run_token=run_token,
        deadline=rfc3339(deadline.breach_at),
        message=_SAID_OF[kind].format(say_moment(deadline.breach_at, config.sla_zone))
        + say_moved(deadline.moved_from, config.sla_zone),
        detail=detail,
    )


def moved_detail(moved_from: datetime | None) -> dict[str, str]:
    """The part of an event's detail for a deadline that moved: its original time. Empty for other deadlines."""
    return {} if moved_from is None else {"movedFrom": rfc3339(moved_from)}


def say_moved(moved_from: datetime | None, zone: ZoneInfo) -> str:
    """The end of a message about a deadline that moved, in a zone. Empty for other deadlines."""
    return "" if moved_from is None else f". The deadline moved from {say_moment(moved_from, zone)} over excluded days"


def next_moment(deadlines: tuple[Deadline, ...], verdicts: Mapping[Clock, object], after: datetime) -> datetime | None:
    """The nearest unjudged deadline after a moment, for waits that must not sleep across it."""
    moments = [found.breach_at for found in deadlines if found.clock not in verdicts and found.breach_at > after]
    return min(moments, default=None)

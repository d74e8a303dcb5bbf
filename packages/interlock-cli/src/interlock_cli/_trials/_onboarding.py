"""Judges the record of a dry run: the decision of each date against the old job, and the points that are still open.

A point is open on missing evidence, too: a date without an evaluation, an outcome that is not known, too few days.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct

from interlock_cli._output._counted import counted
from interlock_cli._signals._event_rows import EventRow
from interlock_config import PipelineConfig
from interlock_lifecycle import TERMINAL_JOB_EVENTS, JobEntry, JobEvent
from interlock_lifecycle.dates import dates_between
from interlock_lifecycle.events import EventType
from interlock_lifecycle.slas import deadlines_of
from interlock_sla import Clock, Exclusions, ExecutionDate, ExecutionDateError, parse_execution_date

MOST_DAYS = 60
LONGEST_BACK = timedelta(days=85)
"""The events of older days may have expired. Their lifetime is 90 days unless it is set."""

_ONE_DAY = timedelta(days=1)
_REJECTED = (
    EventType.SENSOR_REJECTED,
    EventType.SENSOR_UNDATED,
    EventType.CONFIG_INVALID,
    EventType.ROW_CORRUPTED,
)
"""Events of rows that the pipeline cannot use."""

_LISTED = 5


class Result(StrEnum):
    """The comparison of a date. Only `agrees` is evidence for a change over."""

    AGREES = "agrees"
    NOT_STARTED = "would not start"
    OLD_FAILED = "old job failed"
    OUTCOME_UNKNOWN = "outcome unknown"
    NOT_EVALUATED = "no evaluation"


class Observed(Struct, frozen=True):
    """The record of a date. triggered_at: the time at which the dry run would have started the job (UTC).

    margin: the seconds left until the deadline, None without a projection. has_arrived: whether a row of the trigger
    opened the date. outcomes: those of the old job, oldest first.
    """

    date: ExecutionDate
    triggered_at: datetime | None = None
    margin: int | None = None
    late_data: int = 0
    drift: int = 0
    has_arrived: bool = False
    outcomes: tuple[JobEntry, ...] = ()

    @property
    def old(self) -> JobEntry | None:
        """The last outcome of the old job."""
        return self.outcomes[-1] if self.outcomes else None

    @property
    def old_started_at(self) -> datetime | None:
        """The start of the old job (UTC). None if its outcome has no duration."""
        if self.old is None or self.old.duration is None:
            return None
        return self.old.at - timedelta(seconds=self.old.duration)

    @property
    def result(self) -> Result:
        """The comparison of the date."""
        if self.triggered_at is None:
            return Result.NOT_STARTED if self.outcomes else Result.NOT_EVALUATED
        if self.old is None:
            return Result.OUTCOME_UNKNOWN
        return Result.AGREES if self.old.event == JobEvent.SUCCESS else Result.OLD_FAILED


class Point(Struct, frozen=True):
    """An open point: a sentence, its dates, and the next step."""

    text: str
    next_step: str
    dates: tuple[ExecutionDate, ...] = ()


class Facts(Struct, frozen=True):
    """The facts about a pipeline in dry run at `now` (UTC).

    events: those of the period of `begin_of`. created_at, changed_at: the times since when the pipeline exists, and
    since when it has its config. None if they are not noted. is_paused: whether it starts nothing now.
    """

    config: PipelineConfig
    exclusions: Exclusions
    now: datetime
    events: tuple[EventRow, ...]
    created_at: datetime | None = None
    changed_at: datetime | None = None
    is_paused: bool = False
    periodic: bool = False


class Checklist(Struct, frozen=True):
    """The dates that were compared, oldest first, the open points, and notes that are no obstacle."""

    days: int
    dates: tuple[Observed, ...]
    points: tuple[Point, ...]
    notes: tuple[str, ...]

    @property
    def is_ready(self) -> bool:
        """Whether the record has no open point."""
        return not self.points


ReadOutcomes = Callable[[ExecutionDate], Sequence[JobEntry]]
ReadArrival = Callable[[ExecutionDate], datetime | None]


def begin_of(now: datetime) -> datetime:
    """The begin of the period whose events are evidence (UTC)."""
    return now - LONGEST_BACK - _ONE_DAY


def checklist(facts: Facts, days: int, outcomes: ReadOutcomes, arrival: ReadArrival) -> Checklist:
    """Compare the dates of the last `days` days with dates. `outcomes` and `arrival` read the record of one date.

    A date counts from its deadline on. Without a deadline it counts 24 hours after its day.
    """
    seen = _by_date(facts.events)
    dates = _dates(facts, days, seen)
    observed = tuple(_observe(one, seen.get(one, {}), outcomes(one), arrival) for one in dates)
    points = (*_missing(facts, days, observed), *_of_dates(facts, observed), *_of_pipeline(facts, observed))
    return Checklist(days, observed, points, tuple(_notes(observed)))


def _by_date(events: Iterable[EventRow]) -> dict[ExecutionDate, dict[str, list[EventRow]]]:
    """The readable events by their dates and types."""
    found: dict[ExecutionDate, dict[str, list[EventRow]]] = {}
    for event in events:
        try:
            named = parse_execution_date(event.date)
        except ExecutionDateError:
            continue
        if not event.problem:
            found.setdefault(named, {}).setdefault(event.type, []).append(event)
    return found


def _dates(facts: Facts, days: int, seen: Mapping[ExecutionDate, object]) -> list[ExecutionDate]:
    """The dates that count on the last `days` days with dates, oldest first."""
    zone = facts.config.zone
    day = facts.now.astimezone(zone).date()
    oldest = (facts.now - LONGEST_BACK).astimezone(zone).date()
    found: list[list[ExecutionDate]] = []
    while day >= oldest and len(found) < days:
        due = [one for one in _dates_of(facts, day, seen) if _due_at(facts, one) <= facts.now]
        if due:
            found.append(due)
        day -= _ONE_DAY
    return [one for dates in reversed(found) for one in dates]


def _dates_of(facts: Facts, day: date, seen: Mapping[ExecutionDate, object]) -> list[ExecutionDate]:
    """The dates that the pipeline should run on a day: those of its schedule, else the hours that were seen."""
    config, created = facts.config, facts.created_at
    if facts.exclusions.excludes(day):
        return []
    if created is not None and day <= created.astimezone(config.zone).date():
        # The pipeline may have come after the rows of these dates.
        return sorted(one for one in seen if one.day == day)
    if _has_hours(facts):
        return dates_between(config, ExecutionDate(day, 0), ExecutionDate(day, 23))
    whole = dates_between(config, ExecutionDate(day), ExecutionDate(day))
    hours = sorted(one for one in seen if one.day == day and one.hour is not None)
    return hours if hours and whole else whole


def _has_hours(facts: Facts) -> bool:
    config = facts.config
    trigger = config.schedule.trigger
    deadlines = (config.sla.deadline if config.sla else None, trigger.deadline if trigger else None)
    return facts.periodic or any(one is not None and one.startswith(":") for one in deadlines)


def _due_at(facts: Facts, named: ExecutionDate) -> datetime:
    """The time from which a date counts (UTC)."""
    for deadline in deadlines_of(facts.config, named, None, facts.exclusions):
        if deadline.clock is Clock.ABSOLUTE:
            return deadline.breach_at
    return datetime.combine(named.day + 2 * _ONE_DAY, time(), facts.config.zone).astimezone(UTC)


def _observe(
    named: ExecutionDate, events: Mapping[str, list[EventRow]], entries: Sequence[JobEntry], arrival: ReadArrival
) -> Observed:
    would = [one.at for one in events.get(EventType.DRY_RUN_WOULD_TRIGGER, ()) if one.at is not None]
    projected = [_margin(one) for one in events.get(EventType.DRY_RUN_SLA_PROJECTION, ())]
    margins = [one for one in projected if one is not None]
    return Observed(
        named,
        triggered_at=min(would) if would else None,
        margin=min(margins) if margins else None,
        late_data=len(events.get(EventType.DRY_RUN_LATE_DATA, ())),
        drift=len(events.get(EventType.DRY_RUN_DRIFT, ())),
        has_arrived=bool(would) or arrival(named) is not None,
        outcomes=tuple(one for one in entries if one.event in TERMINAL_JOB_EVENTS and one.run_token is None),
    )


def _margin(event: EventRow) -> int | None:
    found = (event.wire.get("detail") or {}).get("marginSeconds")
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _missing(facts: Facts, days: int, observed: Sequence[Observed]) -> Iterator[Point]:
    """Too few days, and days that another config judged."""
    have = len({one.date.day for one in observed})
    if have < days:
        yield Point(
            f"the record has {counted(have, 'day')} with dates, and --days is {days}", "wait, and run the command again"
        )
    changed = facts.changed_at
    earlier = [one.date for one in observed if changed and one.triggered_at and one.triggered_at < changed]
    if earlier:
        yield Point(
            "an earlier file of the pipeline decided",
            "wait until the file in force has decided as many days",
            tuple(earlier),
        )


def _of_dates(facts: Facts, observed: Sequence[Observed]) -> Iterator[Point]:
    name = facts.config.id
    absent = [one for one in observed if one.result is Result.NOT_EVALUATED]
    held = tuple(one.date for one in absent if one.has_arrived)
    silent = tuple(one.date for one in absent if not one.has_arrived)
    if silent:
        yield Point(
            "no row of the trigger came, or its record has expired",
            f"interlock sensor list {name}, then correct the producer",
            silent,
        )
    if held:
        yield Point("the rules did not hold in the window", f"interlock why {name} {held[-1]}", held)
    for result, text, next_step in (
        (Result.NOT_STARTED, "the old job ran, and Interlock would not start it", "interlock why {name} {date}"),
        (
            Result.OLD_FAILED,
            "the rules held, and the old job failed",
            "find the cause, or add a rule that holds the run",
        ),
        (
            Result.OUTCOME_UNKNOWN,
            "the outcome of the old job is not known",
            "report it: report_job of interlock-sensors (docs/how-to/write-a-sensor.md)",
        ),
    ):
        dates = tuple(one.date for one in observed if one.result is result)
        if dates:
            yield Point(text, next_step.format(name=name, date=dates[-1]), dates)
    late = tuple(one.date for one in observed if one.margin is not None and one.margin <= 0)
    if late:
        yield Point("the dry run would breach the deadline", "correct sla.deadline or sla.expectedDuration", late)
    unknown = tuple(one.date for one in observed if one.margin is None and _has_deadline(facts, one))
    if unknown:
        yield Point("the time left until the deadline is not recorded", f"interlock history {name}", unknown)


def _has_deadline(facts: Facts, one: Observed) -> bool:
    """Whether the dry run computes the time left for the date, when it would start the job."""
    at = one.triggered_at
    return at is not None and bool(deadlines_of(facts.config, one.date, at, facts.exclusions))


def _of_pipeline(facts: Facts, observed: Sequence[Observed]) -> Iterator[Point]:
    name, zone = facts.config.id, facts.config.zone
    begin = datetime.combine(observed[0].date.day, time(), zone) if observed else facts.now - LONGEST_BACK
    recent = [one for one in facts.events if one.at is None or one.at >= begin]
    rejected = [one.type for one in recent if one.type in _REJECTED]
    if rejected:
        kinds = ", ".join(sorted(set(rejected)))
        yield Point(f"rows could not be used: {kinds}", f"interlock history {name} --type {rejected[-1]}")
    unreadable = sum(bool(one.problem) for one in recent)
    if unreadable:
        yield Point(f"{counted(unreadable, 'event')} cannot be read", f"interlock history {name}")
    if facts.is_paused:
        yield Point("the pipeline is paused", f"interlock resume {name}")


def _notes(observed: Sequence[Observed]) -> Iterator[str]:
    """Differences that are no obstacle."""
    for count, text in (
        (sum(one.late_data for one in observed), "late rows of the trigger: each would run its date again"),
        (sum(one.drift for one in observed), "drifts after the start: each would run its date again"),
    ):
        if count:
            yield f"{count} {text}"
    later = sum(
        one.old_started_at is not None and one.triggered_at is not None and one.triggered_at > one.old_started_at
        for one in observed
    )
    if later:
        yield f"the old job started before its data was complete on {later} of {counted(len(observed), 'date')}"


def listed(dates: Sequence[ExecutionDate]) -> str:
    """The newest dates, and the number of the others."""
    shown = ", ".join(str(one) for one in dates[-_LISTED:])
    return shown if len(dates) <= _LISTED else f"{shown} and {len(dates) - _LISTED} earlier"


def wire_date(one: Observed) -> dict[str, Any]:
    """A date as JSON. Times are in UTC, lengths in seconds."""
    started = one.old_started_at
    return {
        "date": str(one.date),
        "result": str(one.result),
        "would_start_at": one.triggered_at.isoformat() if one.triggered_at else None,
        "margin_seconds": one.margin,
        "old_outcome": one.old.event if one.old else None,
        "old_started_at": started.isoformat() if started else None,
        "old_ended_at": one.old.at.isoformat() if one.old else None,
        "late_data": one.late_data,
        "drift": one.drift,
    }

"""The record of one date: its events and rows as they are stored, and the attempts that they describe."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from interlock_lifecycle._decision import KeptRows
from interlock_lifecycle._run import JobEntry, JobOutcome, RunKey
from interlock_lifecycle._words import JobEvent
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.runs._close import Exhaustion
from interlock_lifecycle.sensors._observed import ObservedRow, read_rows


class RecordedEvent(Struct, frozen=True):
    """An event as it is stored. `at` is the time of its decision (UTC). Events sort by `id`.

    problem: the reason why the stored event cannot be read. Such an event has no detail.
    """

    id: str
    type: str
    at: datetime
    message: str = ""
    attempt: int | None = None
    detail: Mapping[str, Any] = {}
    problem: str = ""


def read_recorded(event_type: str, wire: object) -> RecordedEvent | None:
    """The event in the `detail` of an EventBridge entry, as the bus delivered it. None if it cannot be read."""
    try:
        found = msgspec.convert(wire, _Wire)
    except msgspec.ValidationError:
        return None
    return RecordedEvent(found.id, event_type, found.timestamp, found.message or "", found.attempt, found.detail or {})


class _Wire(Struct, frozen=True):
    id: str
    timestamp: Annotated[datetime, Meta(tz=True)]
    message: str | None = None
    attempt: int | None = None
    detail: dict[str, Any] | None = None


def is_summary(event: RecordedEvent) -> bool:
    """Whether the event only counts rejections that have no event of their own."""
    return event.type == EventType.RERUN_REJECTED and "count" in event.detail


def is_of_excluded_day(event: RecordedEvent) -> bool:
    """Whether the event reports that a row of the trigger came on an excluded day."""
    return event.type == EventType.PIPELINE_EXCLUDED and "sensorKey" in event.detail


class DateRecord(Struct, frozen=True):
    """The stored facts about one date.

    events: all events of the date. entries: its joblog. arrived_at: the arrival of its first sensor (UTC). rows: the
    sensor rows that the rules may read for the date, as they are now, by row key. kept: the rows that the date keeps.
    """

    key: RunKey
    events: tuple[RecordedEvent, ...] = ()
    entries: tuple[JobEntry, ...] = ()
    arrived_at: datetime | None = None
    rows: Mapping[str, Mapping[str, object]] = {}
    kept: KeptRows = KeptRows()


class Look(Struct, frozen=True):
    """An evaluation that has an event. failing: the rules that held the run. rows: None if the event kept none."""

    at: datetime
    type: str
    rows: Mapping[str, ObservedRow] | None
    failing: tuple[Mapping[str, Any], ...] = ()


class RecordedAttempt(Struct, frozen=True):
    """An attempt of the date.

    opened_at: its commit. started_at: the start of its execution. ended_at: its close, None if it is under way. outcome
    or exhaustion: the kind of the close. All times are UTC.
    """

    opened_at: datetime
    started_at: datetime
    looks: tuple[Look, ...] = ()
    ended_at: datetime | None = None
    outcome: JobOutcome | None = None
    exhaustion: Exhaustion | None = None

    @property
    def passed_at(self) -> datetime | None:
        """The time at which the rules held. None if they never held."""
        return next((look.at for look in self.looks if look.type == EventType.VALIDATION_PASSED), None)

    @property
    def first_look_at(self) -> datetime:
        """The time of the first evaluation with an event, otherwise the start of the execution."""
        return self.looks[0].at if self.looks else self.started_at


_EXHAUSTIONS = {
    EventType.VALIDATION_EXHAUSTED: Exhaustion.VALIDATION,
    EventType.JOB_POLL_EXHAUSTED: Exhaustion.JOB_POLL,
    EventType.INFRA_FAILURE: Exhaustion.INFRA,
    EventType.SFN_TIMEOUT: Exhaustion.LEASE,
}
_LOOKS = (EventType.RUN_HELD, EventType.VALIDATION_PASSED, EventType.VALIDATION_EXHAUSTED)


def read_attempts(record: DateRecord) -> tuple[RecordedAttempt, ...]:
    """The attempts of a date in their order, from its events and its joblog."""
    found: dict[int, RecordedAttempt] = {}
    opened: dict[int, datetime] = {}
    waited = any(map(is_of_excluded_day, record.events))
    for event in record.events:
        number = event.attempt
        if number is None:
            continue
        if event.type == EventType.RERUN_ACCEPTED:
            opened[number] = event.at
            continue
        begun_at = opened.get(number, event.at)
        if number == 0 and number not in opened and not waited:
            begun_at = min(record.arrived_at or event.at, event.at)
        attempt = found.get(number, RecordedAttempt(begun_at, event.at))
        found[number] = _with(attempt, event, record.entries)
        if event.type == EventType.JOB_FAILED and "nextAttemptAt" in event.detail:
            opened[number + 1] = event.at
    return tuple(found[number] for number in sorted(found))


def _with(attempt: RecordedAttempt, event: RecordedEvent, entries: Sequence[JobEntry]) -> RecordedAttempt:
    """The attempt with one more event."""
    if event.type in _LOOKS:
        rules = event.detail.get("rules")
        failing = tuple(one for one in rules if isinstance(one, Mapping)) if isinstance(rules, list) else ()
        look = Look(event.at, event.type, read_rows(event.detail.get("rows")), failing)
        attempt = replace(attempt, looks=(*attempt.looks, look))
    if attempt.ended_at is not None:
        return attempt
    if event.type in (EventType.JOB_COMPLETED, EventType.JOB_FAILED):
        return replace(attempt, ended_at=event.at, outcome=_outcome(event, entries))
    exhaustion = _EXHAUSTIONS.get(EventType(event.type)) if event.type in _EXHAUSTIONS else None
    if exhaustion is not None and "runToken" in event.detail:
        return replace(attempt, ended_at=event.at, exhaustion=exhaustion)
    return attempt


def _outcome(event: RecordedEvent, entries: Sequence[JobEntry]) -> JobOutcome:
    """The end of the job. Its time is that of the joblog, which has the end as the target stated it."""
    detail = event.detail
    name = JobEvent.SUCCESS if event.type == EventType.JOB_COMPLETED else str(detail.get("event") or JobEvent.FAIL)
    logged = [
        one.at for one in entries if one.attempt == event.attempt and one.event == name and one.run_token is not None
    ]
    return JobOutcome(
        event=name,
        run_id=str(detail.get("runId") or ""),
        category=detail.get("category"),
        error=str(detail.get("error") or ""),
        duration=detail.get("duration"),
        at=min([*logged, event.at]),
    )


def disturbances(record: DateRecord) -> list[str]:
    """The reasons why the course of the date cannot be replayed at all. Empty for most dates."""
    found: dict[str, None] = {}
    for event in record.events:
        if event.problem:
            found[f"an event cannot be read: {event.problem}"] = None
        if event.type.startswith("DRY_RUN_"):
            found["the pipeline was a dry run"] = None
        elif event.type == EventType.TRIGGER_RECOVERED and "runToken" in event.detail:
            found["the watchdog recovered its run"] = None
        elif event.type in (EventType.CONFIG_INVALID, EventType.ROW_CORRUPTED):
            found[f"a fault disturbed it ({event.type})"] = None
        elif event.type == EventType.RUN_HELD and not event.detail.get("rules"):
            found[f"more than its rules held it: {event.message}"] = None
    return list(found)

"""The comparison of a recorded course with the courses that are possible under another config."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.trials._course import Course, Occurrence
from interlock_sla import ExecutionDate

NEAR = timedelta(minutes=1)
"""Starts that differ by at most this much are equal. Components take seconds to act."""

WORDS: Mapping[str, str] = {
    EventType.PIPELINE_EXCLUDED: "excluded",
    EventType.RUN_HELD: "held",
    EventType.VALIDATION_PASSED: "started",
    EventType.JOB_COMPLETED: "completed",
    EventType.JOB_FAILED: "job failed",
    EventType.RETRY_EXHAUSTED: "failed",
    EventType.VALIDATION_EXHAUSTED: "failed",
    EventType.JOB_POLL_EXHAUSTED: "failed",
    EventType.INFRA_FAILURE: "failed",
    EventType.SFN_TIMEOUT: "failed",
    EventType.SENSOR_DEADLINE_EXPIRED: "failed",
    EventType.SLA_WARNING: "warned",
    EventType.RELATIVE_SLA_WARNING: "warned",
    EventType.SLA_BREACH: "breached",
    EventType.RELATIVE_SLA_BREACH: "breached",
    EventType.SLA_MET: "met",
    EventType.SCHEDULE_MISSED: "missed",
    EventType.IRREGULAR_SCHEDULE_MISSED: "missed",
    EventType.LATE_DATA_ARRIVAL: "late data",
    EventType.RERUN_ACCEPTED: "rerun",
    EventType.RERUN_REJECTED: "rerun rejected",
}
"""The event types that a trial compares, each with its word for people. Other types follow from them."""

_ONCE = frozenset({EventType.RUN_HELD})
"""Types of which only the first one of a date is compared. A run is reported as held again when other rules hold it."""


class Change(StrEnum):
    """The result of a trial for one date."""

    SAME = "same"
    CHANGED = "changed"
    NOT_KNOWN = "not known"


class Expected(Struct, frozen=True):
    """An event that would have happened, between `earliest` and `latest` (UTC).

    is_certain: whether it happens in every possible course. latest: None for an event that need not happen.
    """

    type: str
    earliest: datetime
    latest: datetime | None
    message: str
    is_certain: bool


class TriedDate(Struct, frozen=True):
    """One date of a trial: the events that happened, and those that would have happened, in the order of time.

    unknown: the reasons why a part of the course is not known. A date whose change is certain may have such reasons.
    """

    pipeline: str
    date: ExecutionDate
    change: Change
    happened: tuple[Occurrence, ...]
    would: tuple[Expected, ...]
    unknown: tuple[str, ...] = ()


def compare(
    pipeline: str,
    date: ExecutionDate,
    happened: Iterable[Occurrence],
    courses: Sequence[Course],
    reasons: Sequence[str],
) -> TriedDate:
    """Compare the record of a date with its possible courses: with the unknown rows held, and not held."""
    recorded = tuple(_compared(happened))
    found = [tuple(_compared(course.occurrences)) for course in courses]
    unknown = tuple(dict.fromkeys((*reasons, *(reason for course in courses for reason in course.unknown))))
    would = _merge(found)
    ends = any(course.unknown for course in courses)
    change = Change.SAME
    if _differs(recorded, found, has_end=not ends):
        change = Change.CHANGED
    elif unknown or any(not one.is_certain for one in would) or any(_differs(recorded, [one]) for one in found):
        change = Change.NOT_KNOWN
    return TriedDate(pipeline, date, change, recorded, would, unknown)


def _compared(occurrences: Iterable[Occurrence]) -> Iterable[Occurrence]:
    seen: set[str] = set()
    for one in sorted(occurrences, key=lambda one: one.at):
        if one.type in WORDS and not (one.type in _ONCE and one.type in seen):
            seen.add(one.type)
            yield one


def _differs(recorded: Sequence[Occurrence], courses: Sequence[Sequence[Occurrence]], *, has_end: bool = True) -> bool:
    """Whether no course between these courses equals the record. has_end: whether each course is known to its end."""
    types = {one.type for found in (recorded, *courses) for one in found}
    for name in types:
        was = [one.at for one in recorded if one.type == name]
        each = [[one.at for one in found if one.type == name and not one.has_unknown] for found in courses]
        least, most = min(map(len, each)), max(map(len, each))
        if any(one.type == name and one.has_unknown for found in courses for one in found):
            most += 1
        if len(was) < least or (has_end and len(was) > most):
            return True
    firsts = {_first_look(found) for found in courses}
    if recorded and len(firsts) == 1 and None not in firsts and _first_look(recorded) not in (None, *firsts):
        return True
    starts = [one.at for one in recorded if one.type == EventType.VALIDATION_PASSED]
    each = [[one.at for one in found if one.type == EventType.VALIDATION_PASSED] for found in courses]
    return any(_is_outside(at, number, each) for number, at in enumerate(starts))


def _first_look(occurrences: Sequence[Occurrence]) -> str | None:
    """Whether the first look held the run or let it start. None without a look, or if unknown rows decided it."""
    looks = (one for one in occurrences if one.type in (EventType.RUN_HELD, EventType.VALIDATION_PASSED))
    first = next(looks, None)
    return None if first is None or first.has_unknown else str(first.type)


def _is_outside(at: datetime, number: int, courses: Sequence[Sequence[datetime]]) -> bool:
    """Whether the recorded start is not among the possible ones. A course without that start has no latest one."""
    there = [starts[number] for starts in courses if len(starts) > number]
    if not there:
        return False
    is_bounded = len(there) == len(courses)
    return at < min(there) - NEAR or (is_bounded and at > max(there) + NEAR)


def _merge(courses: Sequence[Sequence[Occurrence]]) -> tuple[Expected, ...]:
    """The events of all courses, each once. The one that is not in every course is not certain."""
    merged: list[tuple[datetime, int, Expected]] = []
    for name in dict.fromkeys(one.type for found in courses for one in found):
        each = [[one for one in found if one.type == name] for found in courses]
        for number in range(max(map(len, each))):
            there = [found[number] for found in each if len(found) > number]
            is_certain = len(there) == len(courses) and not any(one.has_unknown for one in there)
            first = min(there, key=lambda one: one.at)
            latest = max(one.at for one in there) if is_certain else None
            place = min(found.index(one) for found in courses for one in there if one in found)
            merged.append((first.at, place, Expected(name, first.at, latest, first.message, is_certain)))
    return tuple(one for _, _, one in sorted(merged, key=lambda found: found[:2]))

"""A changed pipeline file, tried on the record of a period: per date what happened and what would have happened."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date as calendar_day
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle.dates._expected import (
    MISSED_AFTER,
    Expectation,
    ExpectedStart,
    Window,
    dates_between,
    due_clocks,
    due_fires,
    due_starts,
    due_trigger_deadlines,
)
from interlock_lifecycle.dates._missed import has_stand_in
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.trials._comparison import TriedDate, compare
from interlock_lifecycle.trials._course import Course, Occurrence, Scene
from interlock_lifecycle.trials._deadlines import STREAM_GRACE
from interlock_lifecycle.trials._knowledge import Knowledge
from interlock_lifecycle.trials._openings import find_openings, knows_openings
from interlock_lifecycle.trials._record import DateRecord, disturbances, is_summary, read_attempts
from interlock_lifecycle.trials._replay import replay
from interlock_sla import Exclusions, ExecutionDate

ASSUMPTIONS = (
    "The file counts as in force during the whole period.",
    "The n-th job of a date takes as long, and ends, as the n-th recorded one.",
    "Executions start as soon after their begin as recorded, so slots and the load are as they were.",
    "A row was there from its updatedAt on. Rows that no event kept are not known before that time.",
    "Operators request the same reruns at the same times.",
)
"""The facts that no record has, and that a trial takes as given."""


RECENT_RUNS = 3
"""The number of newest dates among which a run counts for a fire, as for the watchdog."""


class Trial(Struct, frozen=True):
    """A changed config and the record of a period.

    before: the present config of the pipeline, None if it is unreadable. exclusions: the excluded days of `after`.
    created_at: the creation of the pipeline (UTC). since, until: the period (UTC).
    """

    before: PipelineConfig | None
    after: PipelineConfig
    exclusions: Exclusions
    created_at: datetime
    since: datetime
    until: datetime

    @property
    def expected(self) -> Expectation:
        """The pipeline as the watchdog would see it under the changed config."""
        return Expectation(self.after, self.exclusions, max(self.created_at, self.since))

    @property
    def window(self) -> Window:
        """The period as the watchdog's windows."""
        return Window(self.since, self.until)


class _Due(Struct, frozen=True):
    """The dates that the watchdog would have looked at, by its duties."""

    starts: Mapping[ExecutionDate, tuple[ExpectedStart, ...]]
    clocks: frozenset[ExecutionDate]
    expiries: Mapping[ExecutionDate, datetime]
    fires: Mapping[ExecutionDate, datetime]

    @property
    def dates(self) -> frozenset[ExecutionDate]:
        return frozenset({*self.starts, *self.clocks, *self.expiries, *self.fires})


def expected_by(trial: Trial) -> frozenset[ExecutionDate]:
    """The dates that the changed config expects in the period. Their rows belong to the record of the trial too.

    If rows may begin dates that no record has, they are all days of the period.
    """
    dates = _due(trial).dates
    if knows_openings(trial.before, trial.after):
        return dates
    zone = trial.after.zone
    first, last = (ExecutionDate(at.astimezone(zone).date()) for at in (trial.since, trial.until))
    return dates | frozenset(dates_between(trial.after, first, last))


def _due(trial: Trial) -> _Due:
    expected, window, schedule = trial.expected, trial.window, trial.after.schedule
    starts: dict[ExecutionDate, tuple[ExpectedStart, ...]] = defaultdict(tuple)
    is_watched = trial.after.watch.enabled
    if is_watched and (schedule.trigger is not None or schedule.include is not None):
        for start in due_starts(expected, window, MISSED_AFTER):
            starts[start.date] += (start,)
    clocks = frozenset(due.date for due in due_clocks(expected, window)) if is_watched else frozenset()
    expiries = dict(due_trigger_deadlines(expected, window.earlier(STREAM_GRACE))) if is_watched else {}
    fires: dict[ExecutionDate, datetime] = {}
    if schedule.trigger is None:
        for fire, date in due_fires(expected, window):
            fires.setdefault(date, fire)
    return _Due(starts, clocks, expiries, fires)


def try_dates(trial: Trial, records: Iterable[DateRecord]) -> list[TriedDate]:
    """Try the changed config on each date of the period, oldest first.

    records: those of all dates with an event in the period, and of the dates that `expected_by` names. A date whose
    first event is before the period is left out. The functions that decide in the controller make the courses.
    """
    due = _due(trial)
    chosen = [record for record in records if not record.events or record.events[0].at >= trial.since]
    hours = {record.key.date.day for record in chosen if record.key.date.hour is not None and record.events}
    scenes = {record.key.date: _scene(trial, record, due, hours) for record in chosen}
    courses = {date: _courses(scene) for date, scene in scenes.items()}
    begun = {date: found[-1].begun_at for date, found in courses.items() if found[-1].begun_at is not None}
    triggered = {date: at for date, at in begun.items() if at is not None}
    tried = []
    for date, scene in sorted(scenes.items(), key=lambda one: str(one[0])):
        found = [_without_stand_ins(course, scene, trial.expected, triggered) for course in courses[date]]
        events = (one for one in scene.record.events if one.at <= trial.until and not is_summary(one))
        happened = [Occurrence(one.type, one.at, one.message) for one in events]
        one = compare(trial.after.id, date, happened, found, _reasons(scene, found))
        if one.happened or one.would or one.unknown:
            tried.append(one)
    return tried


def _scene(trial: Trial, record: DateRecord, due: _Due, hours: set[calendar_day]) -> Scene:
    date = record.key.date
    attempts = read_attempts(record)
    knowledge = Knowledge(record, attempts, trial.before, trial.after, trial.until)
    return Scene(
        record=record,
        attempts=attempts,
        config=trial.after,
        exclusions=trial.exclusions,
        knowledge=knowledge,
        before=trial.before,
        created_at=trial.created_at,
        until=trial.until,
        openings=find_openings(record, attempts, trial.before, trial.after, knowledge, due.fires.get(date)),
        is_expected=date in due.clocks,
        missed=due.starts.get(date, ()),
        trigger_ends=due.expiries.get(date),
        has_hours=date.hour is None and date.day in hours,
    )


def _courses(scene: Scene) -> list[Course]:
    """The possible courses: one. If unknown rows decide, the earliest one and the latest one."""
    latest = replay(scene, leniently=False)
    return [replay(scene, leniently=True), latest] if latest.is_open else [latest]


def _reasons(scene: Scene, courses: Iterable[Course]) -> list[str]:
    reasons = disturbances(scene.record)
    if any(course.is_open for course in courses):
        reasons += scene.knowledge.gaps
    return reasons


def _without_stand_ins(
    course: Course, scene: Scene, expected: Expectation, triggered: Mapping[ExecutionDate, datetime]
) -> Course:
    """The course without the reports of fires for which the run of another date counts."""
    covered = {
        start.at + MISSED_AFTER
        for start in scene.missed
        if start.fire is not None and _has_stand_in(start.fire, start.at + MISSED_AFTER, expected, triggered)
    }
    kept = (one for one in course.occurrences if not (one.type == EventType.SCHEDULE_MISSED and one.at in covered))
    return replace(course, occurrences=tuple(kept))


def _has_stand_in(
    fire: datetime, at: datetime, expected: Expectation, triggered: Mapping[ExecutionDate, datetime]
) -> bool:
    """Whether the watchdog finds a run of another date for the fire when it looks, among the newest dates."""
    there = sorted((date for date, begun_at in triggered.items() if begun_at <= at), reverse=True)
    return has_stand_in(expected, fire, {date: triggered[date] for date in there[:RECENT_RUNS]}, MISSED_AFTER)

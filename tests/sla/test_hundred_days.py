"""Over many days with dropped timers and missed ticks, each late or missing run is reported once, and no other run.

INTERLOCK_SLA_DAYS, INTERLOCK_SLA_PIPELINES, INTERLOCK_SLA_SEED and INTERLOCK_SLA_START set the size. The full season
has 100 days from 2026-03-05 with 200 pipelines (nox session `season`). The short season includes clock changes in
Europe and Australia.
"""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from sla.annals import Fate, Verdict, WarningDue, judge, may_warn, must_warn
from sla.conftest import SEASON
from sla.habits import Habit
from sla.season import Season

from interlock_lifecycle import RunKey
from interlock_sla import Clock, ExecutionDate, parse_execution_date

DAYS = int(os.environ.get("INTERLOCK_SLA_DAYS", "9"))
PIPELINES = int(os.environ.get("INTERLOCK_SLA_PIPELINES", "12"))
SEED = int(os.environ.get("INTERLOCK_SLA_SEED", "1"))
START = datetime.fromisoformat(os.environ.get("INTERLOCK_SLA_START", "2026-03-28")).replace(tzinfo=UTC)

GRACE = timedelta(minutes=2)
"""The delay of a timer after which the watchdog acts in its place."""

EARLY = timedelta(minutes=5)
"""The delay after which a missing start is reported, and the time by which a start may be early."""

NEAR_AN_EDIT = timedelta(days=6)
BREACH_OF = {Clock.ABSOLUTE: "SLA_BREACH", Clock.RELATIVE: "RELATIVE_SLA_BREACH"}
WARNING_OF = {Clock.ABSOLUTE: "SLA_WARNING", Clock.RELATIVE: "RELATIVE_SLA_WARNING"}

Said = tuple[str, str, str]
"""An event: its type, its pipeline, its date."""


@pytest.fixture(scope="module")
def season() -> Iterator[Season]:
    logging.disable(logging.CRITICAL)  # a line for each of some hundred thousand decisions
    made = Season(SEED, PIPELINES, DAYS, START, lambda line: print(line, flush=True))
    made.play()
    yield made
    logging.disable(logging.NOTSET)


def reported(season: Season, *kinds: str) -> Counter[Said]:
    """The number of each of these events for each date that began within the season."""
    heard = [(kind, pipeline, day) for kind, pipeline, day, _ in season.reported if kind in kinds]
    return Counter(one for one in heard if _is_within(season, one[1], one[2]))


def _is_within(season: Season, pipeline: str, day: str) -> bool:
    """Whether a date began within the season and its deadline, which closed days may move, is early enough."""
    found = parse_execution_date(day)
    habits = [season.habits[pipeline]]
    habits += [season.edits[pipeline][1]] if pipeline in season.edits else []
    due = [at for habit in habits if (at := habit.deadline(found)) is not None]
    return found.day < season.end.date() and all(at <= season.end + timedelta(days=1, hours=4) for at in due)


def dates(season: Season) -> list[tuple[RunKey, Fate]]:
    return [(key, fate) for key, fate in season.fates.items() if _is_within(season, key.pipeline_id, str(key.date))]


def said(kind: str, key: RunKey) -> Said:
    return kind, key.pipeline_id, str(key.date)


def was_edited(season: Season, key: RunKey) -> Habit | None:
    """The pipeline before an edit that was near the deadline of this date, None without such an edit."""
    at, before = season.edits.get(key.pipeline_id, (None, None))
    if at is None or before is None:
        return None
    deadline = before.deadline(key.date)
    return before if deadline is not None and abs(deadline - at) < NEAR_AN_EDIT else None


def habit_of(season: Season, key: RunKey) -> Habit:
    """The pipeline at the deadline of the date, for dates that are not near an edit."""
    at, before = season.edits.get(key.pipeline_id, (None, None))
    habit = season.habits[key.pipeline_id]
    deadline = habit.deadline(key.date)
    return before if at is not None and before is not None and deadline is not None and deadline < at else habit


def verdicts(season: Season, key: RunKey, fate: Fate) -> list[Verdict]:
    """The possible verdicts of the date: near an edit, by the old or by the new deadline."""
    before = was_edited(season, key)
    habits = [habit_of(season, key)] if before is None else [before, season.habits[key.pipeline_id]]
    return [judge(fate, season.deadlines(key, habit)) for habit in habits]


def check(season: Season, kinds: tuple[str, ...], events_of: Callable[[RunKey, Verdict], set[Said]]) -> set[Said]:
    """Check that each event of all possible verdicts was emitted once, and no event of no verdict."""
    must: set[Said] = set()
    may: set[Said] = set()
    for key, fate in dates(season):
        found = [events_of(key, verdict) for verdict in verdicts(season, key, fate)]
        must |= set.intersection(*found)
        may |= set.union(*found)
    heard = reported(season, *kinds)
    assert must - set(heard) == set(), "missing events"
    assert set(heard) - may == set(), "false events"
    assert {one: times for one, times in heard.items() if times > 1} == {}
    return must


def _breaches(key: RunKey, verdict: Verdict) -> set[Said]:
    return {said(BREACH_OF[clock], key) for clock, outcome in verdict.clocks.items() if outcome == "breach"}


def test_every_late_or_missing_run_breaches_once(season: Season, record_property: Callable[[str, str], None]) -> None:
    late = check(season, tuple(BREACH_OF.values()), _breaches)
    found = reported(season, *BREACH_OF.values())
    never = sum(fate.never_ran for _, fate in dates(season))
    line = f"{DAYS} days, {PIPELINES} pipelines: {len(dates(season))} dates, {never} never ran"
    record_property(SEASON, f"{line}, {len(late)} clocks late or missing, {found.total()} breaches reported")
    record_property(SEASON, ", ".join(f"{number} {name}" for name, number in sorted(season.faults.items())))


def test_every_success_in_time_is_met_once(season: Season, record_property: Callable[[str, str], None]) -> None:
    met = check(season, ("SLA_MET",), lambda key, verdict: {said("SLA_MET", key)} if verdict.met else set())
    record_property(SEASON, f"{len(met)} in time, {reported(season, 'SLA_MET').total()} met reported")


def test_every_fire_without_trigger_is_missed_once(season: Season, record_property: Callable[[str, str], None]) -> None:
    """A fire is missed if, at the tick, neither its date nor another date before the next fire had begun."""
    expected = {said("SCHEDULE_MISSED", key) for key, _ in dates(season) if _is_missed(season, key)}
    found = reported(season, "SCHEDULE_MISSED")
    assert set(found) == expected
    assert set(found.values()) <= {1}
    record_property(SEASON, f"{len(expected)} fires without a trigger, {found.total()} reported as missed")


def _is_missed(season: Season, key: RunKey) -> bool:
    habit = season.habits[key.pipeline_id]
    fire = habit.fire(key.date)
    if fire is None or habit.is_started_by_watchdog or not habit.expects(key.date.day):
        return False
    # Jobs may start at either instant of a time that clocks show twice.
    second = fire.astimezone(habit.zone).replace(fold=1).astimezone(UTC)
    looked = next((tick for tick in season.ticks if tick >= second + EARLY), None)
    if looked is None:
        return False
    begun = {other: fate.arrived_at for other, fate in season.fates.items() if other.pipeline_id == key.pipeline_id}
    own = begun[key]
    if own is not None and own <= looked:
        return False
    following = _following_fire(habit, fire)
    known = {other: at for other, at in begun.items() if at is not None and at <= looked}
    if any(fire <= at < following for at in known.values()):
        return False
    return not _began_early(season, habit, fire, known)


def _began_early(season: Season, habit: Habit, fire: datetime, begun: Mapping[RunKey, datetime]) -> bool:
    """Whether a run began minutes before the fire, and the previous fire has another run."""
    early = {key: at for key, at in begun.items() if fire - EARLY <= at < fire}
    days = (fire.astimezone(habit.zone).date() - timedelta(days=step) for step in range(12))
    fires = {date: at for day in days for date in habit.dates(day) if (at := habit.fire(date)) is not None}
    before = max((at for at in fires.values() if season.start_at <= at < fire), default=None)
    if not early or before is None:
        return bool(early)
    rest = {key: at for key, at in begun.items() if at < fire and key != max(early, key=lambda one: early[one])}
    return any(at >= before - EARLY or fires.get(key.date) == before for key, at in rest.items())


def _following_fire(habit: Habit, fire: datetime) -> datetime:
    """The pipeline's next fire, also on closed days."""
    days = (fire.astimezone(habit.zone).date() + timedelta(days=step) for step in range(3))
    dates = (ExecutionDate(day, hour) for day in days for hour in habit.hours or [None])
    return min(at for date in dates if (at := habit.fire(date)) is not None and at > fire)


def test_every_fire_without_sensor_is_started_once(season: Season) -> None:
    """A tick on an open day starts only the latest due fire, not older fires."""
    for habit in (one for one in season.habits.values() if one.is_started_by_watchdog):
        fires = {key: fire for key, _ in dates(season) if (fire := _fire_of(habit, key)) is not None}
        days = (season.start_at.date() + timedelta(days=step) for step in range(-1, DAYS + 8))
        order = sorted(at for day in days for one in habit.dates(day) if (at := habit.fire(one)) is not None)
        expected = {key for key, fire in fires.items() if _was_due_at_a_tick(season, habit, fire, order)}
        started = {key for key in fires if not season.fates[key].never_ran}
        assert started == expected, habit.id


def _fire_of(habit: Habit, key: RunKey) -> datetime | None:
    return habit.fire(key.date) if key.pipeline_id == habit.id else None


def _was_due_at_a_tick(season: Season, habit: Habit, fire: datetime, order: list[datetime]) -> bool:
    following = next((other for other in order if other > fire), season.end + timedelta(days=2))
    ticks = (tick for tick in season.ticks if fire <= tick < following)
    return any(habit.expects(tick.astimezone(habit.zone).date()) for tick in ticks)


def test_warning_comes_once_in_time_if_possible(season: Season, record_property: Callable[[str, str], None]) -> None:
    """A timer, a tick or the begin of an execution warns if the date is still open."""
    required = {said(due.alert, key) for key, fate in dates(season) for due in _due(season, key, fate)}
    found = reported(season, *WARNING_OF.values())
    assert required - set(found) == set()
    near = {(key.pipeline_id, str(key.date)) for key, _ in dates(season) if was_edited(season, key)}
    # Another deadline has another warning, so an edit may add a second warning.
    assert [one for one, times in found.items() if times > (2 if one[1:] in near else 1)] == []
    record_property(SEASON, f"{len(required)} warnings required, {found.total()} reported")


def _due(season: Season, key: RunKey, fate: Fate) -> Iterator[WarningDue]:
    """The warnings that must have been reported."""
    if was_edited(season, key) is not None:
        return
    for due in _warnings(season, key, habit_of(season, key)):
        near = [tick for tick in season.ticks if due.at <= tick < due.breach_at]
        if due.at >= season.start_at and must_warn(fate, due, near, GRACE):
            yield due


def _warnings(season: Season, key: RunKey, habit: Habit) -> Iterator[WarningDue]:
    deadlines: Mapping[Clock, datetime] = season.deadlines(key, habit)
    for clock, breach_at in deadlines.items():
        if habit.expected is not None:
            yield WarningDue(WARNING_OF[clock], breach_at - habit.expected, breach_at, clock is Clock.RELATIVE)
        elif clock is Clock.RELATIVE:
            assert habit.longest is not None
            yield WarningDue(WARNING_OF[clock], breach_at - habit.longest / 4, breach_at, True)


def test_no_warning_after_end_or_breach(season: Season) -> None:
    clock_of = {alert: clock for clock, alert in WARNING_OF.items()}
    false = []
    for kind, pipeline, day, at in season.reported:
        if kind not in clock_of or not _is_within(season, pipeline, day):
            continue
        key = season.habits[pipeline].key(parse_execution_date(day))
        before = was_edited(season, key)
        habits = [habit_of(season, key)] if before is None else [before, season.habits[pipeline]]
        ends = [season.deadlines(key, habit)[clock_of[kind]] for habit in habits]
        if not any(may_warn(season.fates[key], at, end) for end in ends):
            false.append((kind, pipeline, day, at))
    assert false == []


def test_no_other_event_was_reported(season: Season) -> None:
    """No run was considered dead, no run was recovered, and no check failed. A backlog of the streams is reported."""
    usual = {"JOB_TRIGGERED", "JOB_COMPLETED", "JOB_FAILED", "RETRY_EXHAUSTED", "RERUN_ACCEPTED", "SLA_MET"}
    usual |= {*BREACH_OF.values(), *WARNING_OF.values(), "SCHEDULE_MISSED", "RERUN_REJECTED", "PIPELINE_EXCLUDED"}
    backlog = ("TRIGGER_RECOVERED", "INFRASTRUCTURE")
    assert {kind for kind, pipeline, *_ in season.reported if (kind, pipeline) != backlog} <= usual


def test_season_contained_all_faults_and_kinds(season: Season) -> None:
    kinds = {"ticks missed", "ticks doubled", "cold starts", "timers dropped", "timers late", "retries", "reruns"}
    assert kinds <= set(season.faults)
    assert season.faults["deadlines edited"] > 0
    habits = list(season.habits.values())
    assert any(habit.closed for habit in habits)
    assert any(habit.working and not habit.weekends for habit in habits)
    assert any(habit.own_working for habit in habits)
    assert any(not habit.moves for habit in habits)
    assert season.faults["closed dates that ran"] > 0
    assert any(_has_moved(season, key) for key, _ in dates(season))
    assert {one.kind for one in season.habits.values()} >= {"relative", "both", "hours", "hourly fires", "night"}


def _has_moved(season: Season, key: RunKey) -> bool:
    """Whether closed days moved the date's deadline."""
    habit = season.habits[key.pipeline_id]
    return habit.deadline(key.date) not in (None, replace(habit, moves=False).deadline(key.date))

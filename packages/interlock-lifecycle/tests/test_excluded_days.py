"""The effects of excluded days on deadlines: dates without a clock, moved deadlines, edits of past days."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import CloseRun, JobOutcome, RecordBreach, Run, RunKey, Verdict
from interlock_lifecycle.dates import ExpiryFacts, excluded_days, expire_trigger, notes_these_days, read_excluded_days
from interlock_lifecycle.dates._expected import trigger_ends
from interlock_lifecycle.dryrun import project_sla
from interlock_lifecycle.events import EventType
from interlock_lifecycle.reports import describe_run
from interlock_lifecycle.runs import (
    CloseFacts,
    EvaluationFacts,
    EvaluationWindow,
    HoldRun,
    decide_completion,
    decide_evaluation,
)
from interlock_lifecycle.slas import (
    AlertFacts,
    GivenSla,
    SlaFacts,
    calculate_deadlines,
    clocks_in_trouble,
    deadlines_of,
    decide_alert,
    timers_of,
)
from interlock_sla import Calendar, Clock, Exclusions, parse_execution_date

FRIDAY, SATURDAY = parse_execution_date("2026-03-06"), parse_execution_date("2026-03-07")
WEEKENDS = Exclusions(weekends=True)
UNMOVED, MOVED = datetime(2026, 3, 7, 10, tzinfo=UTC), datetime(2026, 3, 9, 10, tzinfo=UTC)


def pipeline(sla: str = 'deadline: "10:00", expectedDuration: 30m', trigger: str = "") -> PipelineConfig:
    return decode_yaml(
        f"pipeline: {{id: p}}\nschedule: {{trigger: {{key: ready, check: exists{trigger}}}}}\nsla: {{{sla}}}\n"
        "validation: {rules: [{key: ready, check: exists}]}\n"
        'job: {type: command, config: {command: "true"}}\n',
        "p.yaml",
    )


def key_of(day: object) -> RunKey:
    return RunKey("p", "stream", parse_execution_date(str(day)))


def run_of(run: Run, day: object) -> Run:
    return replace(run, key=key_of(day))


def facts_of(day: object, arrived_at: datetime | None = None) -> SlaFacts:
    return SlaFacts(arrived_at, Verdict(key_of(day)), exclusions=WEEKENDS)


def close(run: Run, at: datetime, sla: SlaFacts, config: PipelineConfig) -> CloseRun:
    decision = decide_completion(
        CloseFacts(run, config, 0, Exclusions(), sla),
        run.run_token,
        JobOutcome("success", at=at),
        now=at,
        execution_timeout=timedelta(hours=4),
    )
    assert isinstance(decision, CloseRun)
    return decision


def test_a_deadline_moves_for_all_that_look_at_it(run: Run) -> None:
    """Timers, verdicts, alerts, waits, the status and the projection of a dry run take the same moment."""
    config, facts, before = pipeline(), facts_of(FRIDAY), MOVED - timedelta(minutes=30)
    timers = timers_of(config, key_of(FRIDAY), None, WEEKENDS)
    assert [(timer.alert, timer.at) for timer in timers] == [
        (EventType.SLA_WARNING, before),
        (EventType.SLA_BREACH, MOVED),
    ]
    running = run_of(run, FRIDAY)
    [clock] = describe_run(running, config, "", {}, facts, before).sla
    assert (clock.breach_at, clock.warning_at, clock.moved_from) == (MOVED, before, UNMOVED)
    projection = project_sla(config, key_of(FRIDAY), before, before, WEEKENDS)
    assert projection is not None
    assert (projection["deadline"], projection["movedFrom"]) == ("2026-03-09T10:00:00Z", "2026-03-07T10:00:00Z")
    window = EvaluationWindow(MOVED - timedelta(minutes=2), timedelta(hours=1), timedelta(minutes=5))
    held = decide_evaluation(
        EvaluationFacts(running, config, "", {}, facts), running.run_token, window, MOVED - timedelta(minutes=2)
    )
    assert isinstance(held, HoldRun)
    assert held.wait_seconds == 115


@pytest.mark.parametrize(("seconds", "event"), [(-1, EventType.SLA_MET), (0, EventType.SLA_BREACH)])
def test_a_moved_deadline_judges_and_its_event_says_what_moved(run: Run, seconds: int, event: EventType) -> None:
    decision = close(run_of(run, FRIDAY), MOVED + timedelta(seconds=seconds), facts_of(FRIDAY), pipeline())
    [reported] = [one for one in decision.events if one.type is event]
    assert reported.detail["movedFrom"] == "2026-03-07T10:00:00Z"
    assert reported.message.endswith(". The deadline moved from 2026-03-07 10:00Z over excluded days")
    assert decision.verdicts[Clock.ABSOLUTE].deadline == MOVED


def test_the_alert_of_a_moved_deadline_says_what_moved() -> None:
    facts = AlertFacts(pipeline(), None, facts_of(FRIDAY))
    silent = decide_alert(EventType.SLA_BREACH, UNMOVED, key_of(FRIDAY), facts, UNMOVED)
    assert not isinstance(silent, RecordBreach)
    decision = decide_alert(EventType.SLA_BREACH, MOVED, key_of(FRIDAY), facts, MOVED)
    assert isinstance(decision, RecordBreach)
    assert decision.events[0].detail["movedFrom"] == "2026-03-07T10:00:00Z"


def test_a_deadline_that_did_not_move_says_nothing_of_it(run: Run) -> None:
    thursday = parse_execution_date("2026-03-05")
    decision = close(run_of(run, thursday), MOVED, facts_of(thursday), pipeline())
    assert all("movedFrom" not in event.detail and "moved" not in event.message for event in decision.events)


@pytest.mark.parametrize("sla", ['deadline: "10:00"', "maxDuration: 1h", 'deadline: "10:00", excludedDays: keep'])
def test_an_excluded_date_has_no_clock_whatever_runs(run: Run, sla: str) -> None:
    arrived, config = datetime(2026, 3, 9, 0, 10, tzinfo=UTC), pipeline(sla)
    assert timers_of(config, key_of(SATURDAY), arrived, WEEKENDS) == ()
    decision = close(run_of(run, SATURDAY), MOVED, facts_of(SATURDAY, arrived), config)
    assert (decision.verdicts, [event.type for event in decision.events]) == ({}, [EventType.JOB_COMPLETED])
    assert describe_run(run_of(run, SATURDAY), config, "", {}, facts_of(SATURDAY, arrived), MOVED).sla == ()
    assert project_sla(config, key_of(SATURDAY), MOVED, arrived, WEEKENDS) is None
    assert calculate_deadlines(config, SATURDAY, GivenSla(arrived_at=arrived), WEEKENDS) == ()


def test_a_relative_clock_never_moves() -> None:
    arrived = datetime(2026, 3, 6, 23, 30, tzinfo=UTC)
    [deadline] = deadlines_of(pipeline("maxDuration: 1h"), FRIDAY, arrived, WEEKENDS)
    assert (deadline.breach_at, deadline.moved_from) == (arrived + timedelta(hours=1), None)


def test_a_deadline_that_would_move_too_far_is_no_trouble() -> None:
    closed = Calendar("closed", dates=frozenset(date(2026, 3, 7) + timedelta(days=step) for step in range(32)))
    exclusions, config = Exclusions(calendars=(closed,)), pipeline(trigger=', deadline: "09:00"')
    assert deadlines_of(config, FRIDAY, None, exclusions) == ()
    assert clocks_in_trouble(config, FRIDAY, None, exclusions) == {}
    assert trigger_ends(config, FRIDAY, exclusions) is None


def test_a_trigger_window_that_moved_says_so_when_it_ends() -> None:
    config = pipeline(trigger=', deadline: "10:00"')
    assert trigger_ends(config, FRIDAY, WEEKENDS) == MOVED
    assert trigger_ends(config, SATURDAY, WEEKENDS) is None
    decision = expire_trigger(config, key_of(FRIDAY), MOVED, ExpiryFacts(facts_of(FRIDAY)), MOVED)
    assert decision.events[0].detail["movedFrom"] == "2026-03-07T10:00:00Z"
    kept = pipeline('deadline: "10:00", excludedDays: keep', ', deadline: "10:00"')
    assert trigger_ends(kept, FRIDAY, WEEKENDS) == UNMOVED


NOTED = datetime(2026, 3, 3, 12, tzinfo=UTC)
DAYS = st.frozensets(st.dates(date(2026, 1, 1), date(2026, 6, 1)), max_size=5)


@settings(deadline=None)
@given(weekends=st.booleans(), dates=DAYS, edited=DAYS, later=st.integers(0, 80))
def test_an_edit_changes_the_past_if_it_changes_a_day_up_to_it(
    weekends: bool, dates: frozenset[date], edited: frozenset[date], later: int
) -> None:
    config, at = pipeline(), NOTED + timedelta(days=later)
    before, after = Exclusions(weekends, dates), Exclusions(weekends, edited)
    noted = read_excluded_days(str(excluded_days(config, before, NOTED)))
    assert noted is not None
    days = [at.date() - timedelta(days=back) for back in range(61)]
    known = [day for day in days if day >= NOTED.date() - timedelta(days=60)]
    changed = any(before.excludes(day) != after.excludes(day) for day in known)
    assert noted.changed_past(excluded_days(config, after, at)) is (changed or known != days)
    assert notes_these_days(str(noted), config, after) is (before == after)


def test_days_beyond_a_note_count_as_changed() -> None:
    config = pipeline()
    noted = excluded_days(config, WEEKENDS, NOTED)
    for later, changed in ((399, False), (400, True)):
        assert noted.changed_past(excluded_days(config, WEEKENDS, NOTED + timedelta(days=later))) is changed


def test_keeping_deadlines_changes_the_past_of_excluded_days() -> None:
    kept = pipeline('deadline: "10:00", excludedDays: keep')
    for exclusions, changed in ((WEEKENDS, True), (Exclusions(dates=frozenset({date(2026, 3, 4)})), False)):
        noted = excluded_days(pipeline(), exclusions, NOTED)
        assert noted.changed_past(excluded_days(kept, exclusions, NOTED)) is changed
        assert not notes_these_days(str(noted), kept, exclusions)


@pytest.mark.parametrize(
    "text", [None, 7, "", "move", "move a 2026-02-30 f", "move a 2026-03-03 xyz", "go a 2026-03-03 f"]
)
def test_a_note_that_cannot_be_read_is_no_note(text: object) -> None:
    assert read_excluded_days(text) is None
    assert notes_these_days(text, pipeline(), WEEKENDS) is False

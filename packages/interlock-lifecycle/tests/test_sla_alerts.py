"""The timers that emit an alert, and those that do not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle import (
    Announce,
    ClockVerdict,
    Ignore,
    JobEntry,
    JobIntent,
    JobOutcome,
    RecordBreach,
    Run,
    RunKey,
    RunStatus,
    Verdict,
    Wait,
)
from interlock_lifecycle.events import EventType, owner_detail
from interlock_lifecycle.slas import (
    AlertFacts,
    SlaFacts,
    TooEarly,
    decide_alert,
    report_unscheduled,
    timer_input,
    timers_of,
)
from interlock_lifecycle.slas._sla import make_alert
from interlock_sla import Clock, Deadline, Exclusions, Outcome, parse_execution_date

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
BREACH = NOW + timedelta(minutes=30)
WARNING = NOW + timedelta(minutes=20)


def breach_at(
    moment: datetime,
    config: PipelineConfig | None,
    key: RunKey,
    run: Run | None,
    sla: SlaFacts,
    last: JobEntry | None = None,
    fires_for: datetime = BREACH,
) -> object:
    facts = AlertFacts(config, run, sla, () if last is None else (last,))
    return decide_alert(EventType.RELATIVE_SLA_BREACH, fires_for, key, facts, moment)


def test_timers_fire_at_warning_and_breach_of_the_relative_clock(config: PipelineConfig, key: RunKey) -> None:
    timers = timers_of(config, key, NOW, Exclusions())
    assert [(timer.alert, timer.at) for timer in timers] == [
        (EventType.RELATIVE_SLA_WARNING, WARNING),
        (EventType.RELATIVE_SLA_BREACH, BREACH),
    ]
    assert timers[1].name == "bronze-orders-stream-2026-03-03T11-rsla-breach-202603031230"


def test_a_timer_of_a_fraction_of_a_second_fires_after_it(config: PipelineConfig, key: RunKey) -> None:
    timers = timers_of(config, key, NOW + timedelta(microseconds=1), Exclusions())
    assert timers[1].at == BREACH + timedelta(seconds=1)
    assert timer_input(key, timers[1])["breachAt"] == "2026-03-03T12:30:00.000001Z"


def test_long_names_stay_distinct_within_64_characters(config: PipelineConfig, key: RunKey) -> None:
    keys = [replace(key, pipeline_id="x" * 60 + end) for end in ("1", "2")]
    names = {timers_of(config, one, NOW, Exclusions())[0].name for one in keys}
    assert len(names) == 2
    assert all(len(name) == 64 for name in names)


def test_a_breach_is_recorded_with_its_event(config: PipelineConfig, key: RunKey, run: Run, arrived: SlaFacts) -> None:
    decision = breach_at(BREACH, config, key, run, arrived)
    assert isinstance(decision, RecordBreach)
    assert decision.verdicts[Clock.RELATIVE].outcome is Outcome.BREACH
    assert [event.type for event in decision.events] == [EventType.RELATIVE_SLA_BREACH]
    detail = decision.events[0].detail
    assert detail is not None
    assert {"status", "source", "breachAt", "deadline", "actionHint"} <= set(detail)


@pytest.mark.parametrize(
    ("moment", "zone", "said"),
    [
        ("2026-03-03T12:30:00Z", "UTC", "no success by the deadline 2026-03-03 12:30Z"),
        ("2026-03-03T12:30:07Z", "Europe/Berlin", "no success by the deadline 2026-03-03 13:30:07 CET (12:30:07Z)"),
        ("2026-03-03T23:30:00Z", "Europe/Berlin", "no success by the deadline 2026-03-04 00:30 CET (03-03 23:30Z)"),
    ],
)
def test_a_breach_states_its_moment_and_no_age(
    config: PipelineConfig, key: RunKey, moment: str, zone: str, said: str
) -> None:
    assert config.sla is not None
    zoned = replace(config, sla=replace(config.sla, timezone=zone))
    deadline = Deadline(Clock.ABSOLUTE, datetime.fromisoformat(moment), datetime.fromisoformat(moment))
    event = make_alert(zoned, key, deadline, "breach", NOW, source="timer", status="RUNNING")
    assert event.message == said


def test_a_run_that_never_started_breaches_too(config: PipelineConfig, key: RunKey, arrived: SlaFacts) -> None:
    assert isinstance(breach_at(BREACH, config, key, None, arrived), RecordBreach)


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED_FINAL])
def test_a_closed_run_silences_its_timers(
    config: PipelineConfig, key: RunKey, run: Run, arrived: SlaFacts, status: RunStatus
) -> None:
    assert isinstance(breach_at(BREACH, config, key, replace(run, status=status), arrived), Ignore)


def test_without_a_trigger_row_a_logged_end_silences(config: PipelineConfig, key: RunKey, arrived: SlaFacts) -> None:
    ended = JobEntry(key, NOW, "fail")
    assert isinstance(breach_at(BREACH, config, key, None, arrived, ended), Ignore)


def test_a_run_that_waits_for_its_retry_is_not_over(
    config: PipelineConfig, key: RunKey, run: Run, arrived: SlaFacts
) -> None:
    failed = JobEntry(key, NOW, "fail", run_token="older", attempt=0)
    assert isinstance(breach_at(BREACH, config, key, replace(run, attempt=1), arrived, failed), RecordBreach)


@pytest.mark.parametrize(("logged", "silent"), [(-1, True), (0, False), (1, False)])
def test_a_success_logged_in_time_prevents_the_breach(
    config: PipelineConfig, key: RunKey, run: Run, arrived: SlaFacts, logged: int, silent: bool
) -> None:
    success = JobEntry(key, BREACH + timedelta(seconds=logged), "success")
    decision = breach_at(BREACH + timedelta(seconds=5), config, key, run, arrived, success)
    assert isinstance(decision, Ignore) is silent


def test_a_judged_clock_stays_silent(config: PipelineConfig, key: RunKey, run: Run) -> None:
    judged = SlaFacts(NOW, Verdict(key, {Clock.RELATIVE: ClockVerdict(Outcome.BREACH, BREACH, BREACH)}))
    assert isinstance(breach_at(BREACH, config, key, run, judged), Ignore)


def test_an_edited_deadline_silences_the_old_timer(
    config: PipelineConfig, key: RunKey, run: Run, arrived: SlaFacts
) -> None:
    decision = breach_at(BREACH, config, key, run, arrived, fires_for=BREACH - timedelta(minutes=5))
    assert isinstance(decision, Ignore)


def test_a_breach_timer_before_its_moment_has_to_come_again(
    config: PipelineConfig, key: RunKey, run: Run, arrived: SlaFacts
) -> None:
    assert breach_at(BREACH - timedelta(seconds=1), config, key, run, arrived) == TooEarly(BREACH)


@pytest.mark.parametrize(("seconds", "speaks"), [(0, True), (599, True), (600, False)])
def test_a_warning_is_emitted_only_before_the_breach(
    config: PipelineConfig, key: RunKey, run: Run, arrived: SlaFacts, seconds: int, speaks: bool
) -> None:
    moment = WARNING + timedelta(seconds=seconds)
    decision = decide_alert(EventType.RELATIVE_SLA_WARNING, WARNING, key, AlertFacts(config, run, arrived), moment)
    assert isinstance(decision, Announce) is speaks


def test_a_pipeline_without_an_sla_is_silent(
    configure: Callable[..., PipelineConfig], key: RunKey, run: Run, arrived: SlaFacts
) -> None:
    assert isinstance(breach_at(BREACH, configure(sla=""), key, run, arrived), Ignore)
    assert isinstance(breach_at(BREACH, None, key, run, arrived), Ignore)


def test_a_clock_that_was_judged_is_not_warned_of(config: PipelineConfig, key: RunKey, run: Run) -> None:
    """A rerun after SLA_MET gets new timers. They emit nothing."""
    judged = SlaFacts(NOW, Verdict(key, {Clock.RELATIVE: ClockVerdict(Outcome.MET, BREACH, NOW)}))
    decision = decide_alert(EventType.RELATIVE_SLA_WARNING, WARNING, key, AlertFacts(config, run, judged), WARNING)
    assert isinstance(decision, Ignore)


def test_a_pipeline_that_became_a_dry_run_is_silent(
    configure: Callable[..., PipelineConfig], key: RunKey, run: Run, arrived: SlaFacts
) -> None:
    config = replace(configure(), dry_run=True)
    assert isinstance(breach_at(BREACH, config, key, run, arrived), Ignore)


@pytest.mark.parametrize("ran", [True, False])
def test_an_unwatched_date_breaches_only_if_it_runs(
    config: PipelineConfig, key: RunKey, run: Run, arrived: SlaFacts, ran: bool
) -> None:
    unwatched = replace(config, watch=replace(config.watch, enabled=False))
    facts = AlertFacts(unwatched, run if ran else None, arrived)
    decision = decide_alert(EventType.RELATIVE_SLA_BREACH, BREACH, key, facts, BREACH)
    assert isinstance(decision, RecordBreach) is ran


@pytest.mark.parametrize("ran", [True, False])
def test_an_excluded_date_has_no_timer_and_no_alert(
    config: PipelineConfig, key: RunKey, run: Run, arrived: SlaFacts, ran: bool
) -> None:
    """Whether it ran or not: data may name the date, and a rerun of it may have been granted before."""
    days = Exclusions(dates=frozenset({key.date.day}))
    facts = AlertFacts(config, run if ran else None, replace(arrived, exclusions=days))
    for alert, moment in ((EventType.RELATIVE_SLA_WARNING, WARNING), (EventType.RELATIVE_SLA_BREACH, BREACH)):
        decision = decide_alert(alert, moment, key, facts, moment)
        assert decision == Ignore("the date is excluded (excluded date) and has no clock")
    assert timers_of(config, key, NOW, days) == ()


def test_a_success_logged_before_a_recovery_counts(
    config: PipelineConfig, key: RunKey, run: Run, arrived: SlaFacts
) -> None:
    intent = JobIntent(0, "k", NOW, "command", {}, NOW)
    recovered = replace(run, committed_at=BREACH - timedelta(minutes=1), job_intent=intent, recoveries=1)
    success = JobEntry(key, BREACH - timedelta(minutes=5), "success")
    assert isinstance(breach_at(BREACH, config, key, recovered, arrived, success), Ignore)


@pytest.mark.parametrize(("seconds", "silent"), [(-1, True), (0, False)])
def test_a_synchronous_job_that_ended_in_time_counts(
    config: PipelineConfig, key: RunKey, run: Run, arrived: SlaFacts, seconds: int, silent: bool
) -> None:
    outcome = JobOutcome("success", at=BREACH + timedelta(seconds=seconds))
    intent = JobIntent(0, "k", NOW, "command", {}, NOW, run_id="sync", outcome=outcome)
    decision = breach_at(BREACH + timedelta(seconds=5), config, key, replace(run, job_intent=intent), arrived)
    assert isinstance(decision, Ignore) is silent


def test_timers_that_cannot_be_created_are_reported_once(config: PipelineConfig, key: RunKey) -> None:
    failures = {"t-2": "throttled", "t-1": "denied"}
    first, second = (report_unscheduled(config, key, failures, at, "token-1") for at in (NOW, BREACH))
    (event,) = first.events
    assert (event.type, first.marker) == (EventType.INFRA_FAILURE, second.marker)
    assert event.detail == {"source": "sla-monitor", "timers": ["t-1", "t-2"], **owner_detail(config)}
    assert event.run_token == "token-1"
    assert "t-2: throttled; t-1: denied" in str(event.message)


@pytest.mark.parametrize(("runs", "speaks"), [(True, True), (False, False)])
def test_another_schedules_date_has_only_its_run_s_clock(
    config: PipelineConfig, key: RunKey, run: Run, arrived: SlaFacts, runs: bool, speaks: bool
) -> None:
    other = key.under_other_schedule
    row = replace(run, key=other) if runs else None
    assert isinstance(breach_at(BREACH, config, other, row, arrived), RecordBreach) is speaks


@pytest.mark.parametrize(
    ("entries", "speaks"),
    [
        ([("success", -1)], False),
        ([("success", 0)], True),
        ([("success", -5), ("success", 3)], False),
        ([("success", -5), ("fail", 3)], False),
        ([("fail", -5), ("success", 3)], True),
        ([("timeout", 3)], False),
    ],
)
def test_without_a_run_the_job_log_decides(
    config: PipelineConfig, key: RunKey, arrived: SlaFacts, entries: list[tuple[str, int]], speaks: bool
) -> None:
    logged = tuple(JobEntry(key, BREACH + timedelta(minutes=minutes), event) for event, minutes in entries)
    facts = AlertFacts(config, None, arrived, logged)
    decision = decide_alert(EventType.RELATIVE_SLA_BREACH, BREACH, key, facts, BREACH + timedelta(minutes=5))
    assert isinstance(decision, RecordBreach) is speaks


@pytest.mark.parametrize(("closed_at", "speaks"), [(BREACH - timedelta(seconds=1), False), (BREACH, True)])
def test_a_former_schedules_run_in_time_prevents_the_breach(
    config: PipelineConfig, key: RunKey, closed_at: datetime, *, speaks: bool
) -> None:
    other = Run(key.under_other_schedule, RunStatus.COMPLETED, 0, "token", NOW, closed_at=closed_at)
    facts = AlertFacts(config, None, SlaFacts(NOW, Verdict(key)), other_run=other)
    decision = decide_alert(EventType.RELATIVE_SLA_BREACH, BREACH, key, facts, BREACH)
    assert isinstance(decision, RecordBreach) is speaks


@pytest.mark.parametrize(
    ("judged", "spoiled", "speaks"),
    [
        ({Clock.ABSOLUTE: Outcome.MET}, {}, False),
        ({Clock.ABSOLUTE: Outcome.BREACH}, {}, True),
        # The judgement of the relative clock is lost: whether the date had met that one too is unknown.
        ({Clock.ABSOLUTE: Outcome.MET}, {Clock.RELATIVE: "?"}, True),
        ({}, {}, True),
    ],
)
def test_a_clock_that_comes_after_the_date_was_met_is_silent(
    config: PipelineConfig, key: RunKey, judged: dict[Clock, Outcome], spoiled: dict[Clock, object], *, speaks: bool
) -> None:
    clocks = {clock: ClockVerdict(outcome, NOW, NOW) for clock, outcome in judged.items()}
    run = Run(key, RunStatus.RUNNING, 1, "token", NOW)
    decision = breach_at(BREACH, config, key, run, SlaFacts(NOW, Verdict(key, clocks, spoiled)))
    assert isinstance(decision, RecordBreach) is speaks


HELD = Wait(
    RunKey("bronze", "stream", parse_execution_date("2026-03-03")), "token0", held={"landing count gte 10": NOW}
)


@pytest.mark.parametrize(
    ("wait", "changes", "rules"),
    [
        (HELD, {}, [{"rule": "landing count gte 10", "heldSince": "2026-03-03T12:00:00Z"}]),
        (None, {}, None),
        (replace(HELD, run_token="older"), {}, None),
        (replace(HELD, is_whole=False), {}, None),
        (replace(HELD, for_job=True), {}, None),
        (HELD, {"job_intent": JobIntent(0, "key", NOW, "glue", {}, NOW)}, None),
    ],
)
def test_an_alert_names_the_rules_that_hold_its_run(
    config: PipelineConfig,
    key: RunKey,
    run: Run,
    arrived: SlaFacts,
    wait: Wait | None,
    changes: dict[str, object],
    rules: list[dict[str, str]] | None,
) -> None:
    facts = AlertFacts(config, replace(run, **changes), arrived, wait=wait)
    decision = decide_alert(EventType.RELATIVE_SLA_BREACH, BREACH, key, facts, BREACH)
    assert isinstance(decision, RecordBreach)
    assert (decision.events[0].detail or {}).get("heldBy") == rules

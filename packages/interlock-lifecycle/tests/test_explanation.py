"""The explanation of a date, as tables: each state with its reason, the next step and the answer to a rerun request."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import (
    ClockVerdict,
    Dormancy,
    DryRun,
    JobEntry,
    JobIntent,
    KeptRows,
    Pause,
    RerunEntry,
    Run,
    RunKey,
    RunStatus,
    Verdict,
)
from interlock_lifecycle.reports import DateFacts, Explanation, explain_assumed, explain_date
from interlock_lifecycle.slas import SlaFacts
from interlock_sla import Clock, Exclusions, Outcome, parse_execution_date

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday
AN_HOUR = timedelta(hours=1)
TEXT = """
pipeline: {{id: p}}
schedule: {{{schedule}}}
{sla}
validation:
  trigger: {enough}
  rules:
    - {{key: landing, check: gte, field: count, value: 100}}
    - {{key: rates, check: gte, field: count, value: 1}}
job: {{type: command, config: {{command: "true"}}, maxRetries: 3, maxManualReruns: 2}}
"""
BY_DATA = "trigger: {key: landing, check: exists}"
DAILY = 'cron: "0 6 * * 1-5"'
NO_DAYS, WEEKENDS = Exclusions(), Exclusions(weekends=True)
FULL = {"landing": {"count": 100, "date": "2026-03-04"}, "rates": {"count": 1, "date": "2026-03-04"}}
SHORT = {**FULL, "landing": {"count": 90, "date": "2026-03-04"}}


def configured(schedule: str = BY_DATA, enough: str = "ALL", sla: str = "") -> PipelineConfig:
    return decode_yaml(TEXT.format(schedule=schedule, enough=enough, sla=sla), "p.yaml")


def facts_of(
    config: PipelineConfig, date: str = "2026-03-04", exclusions: Exclusions = NO_DAYS, **more: object
) -> DateFacts:
    key = RunKey("p", config.schedule_id, parse_execution_date(date))
    sla = SlaFacts(None, Verdict(key), exclusions=exclusions)
    found = DateFacts(key, config, "", sla, created_at=datetime(2026, 3, 2, tzinfo=UTC))
    return replace(found, **more)


def begun(config: PipelineConfig, **more: object) -> Run:
    key = RunKey("p", config.schedule_id, parse_execution_date("2026-03-04"))
    run = Run(key, RunStatus.RUNNING, 0, "token", NOW, started_token="token", started_at=NOW)
    return replace(run, **more)


INTENT = JobIntent(0, "k", NOW, "command", {}, NOW, run_id="jr_1")


@pytest.mark.parametrize(
    ("more", "rows", "state", "reason", "decision"),
    [
        (
            {"started_token": None},
            FULL,
            "committed",
            "waits for the start of its execution",
            "the rules hold: the job starts",
        ),
        ({}, SHORT, "held", "landing: count is 90, needs gte 100 (10 short)", "the run stays held"),
        ({}, FULL, "evaluating", "all rules hold, and the job is about to start", "the rules hold: the job starts"),
        ({"job_intent": INTENT}, SHORT, "running", "the command job jr_1 runs", ""),
        ({"status": RunStatus.COMPLETED}, SHORT, "completed", "attempt 0 succeeded (sensor)", ""),
        ({"status": RunStatus.FAILED_FINAL, "close_reason": "boom"}, SHORT, "failed", "boom", ""),
    ],
)
def test_each_state_of_a_run_has_its_reason(
    more: Mapping[str, object], rows: Mapping[str, Mapping[str, object]], state: str, reason: str, decision: str
) -> None:
    config = configured()
    found = explain_date(facts_of(config, run=begun(config, **more), rows=rows), NOW)
    assert (found.state, found.reason, found.decision) == (state, reason, decision)


@pytest.mark.parametrize(
    ("rows", "at", "decision"),
    [
        (SHORT, NOW + AN_HOUR, "the evaluation window is over: the run fails (VALIDATION_EXHAUSTED)"),
        (SHORT, NOW + AN_HOUR - timedelta(seconds=1), "the run stays held"),
        (FULL, NOW + AN_HOUR, "the rules hold: the job starts"),
    ],
)
def test_end_of_the_window_decides_as_the_orchestrator(
    rows: Mapping[str, Mapping[str, object]], at: datetime, decision: str
) -> None:
    config = configured()
    assert explain_date(facts_of(config, run=begun(config), rows=rows), at).decision == decision


@pytest.mark.parametrize(
    ("schedule", "date", "state", "reason"),
    [
        (BY_DATA, "2026-03-04", "not begun", "landing: no such sensor has arrived, needs exists"),
        (BY_DATA, "2026-03-05", "not begun", "the date has not begun"),
        (BY_DATA, "2025-01-01", "not expected", "2025-01-01 is 427 days back: schedule.dates.back allows 400"),
        (DAILY, "2026-03-04", "not begun", "the watchdog starts it, without a sensor"),
        (DAILY, "2026-03-08", "not expected", "the cron 0 6 * * 1-5 has no fire on the date"),
        (DAILY, "2026-02-27", "not expected", "the pipeline has had this schedule only since 2026-03-02T00:00:00Z"),
        (
            "include: {dates: [2026-03-04]}",
            "2026-03-03",
            "not expected",
            "schedule.include.dates does not name the date",
        ),
    ],
)
def test_date_without_a_run_has_its_reason(schedule: str, date: str, state: str, reason: str) -> None:
    found = explain_date(facts_of(configured(schedule), date), NOW)
    assert (found.state, found.reason) == (state, reason)


@pytest.mark.parametrize(
    ("fields", "reason", "of", "changes"),
    [
        (
            {"updatedAt": "2026-03-04T08:00:00Z"},
            "no row of 2026-03-03 has arrived: landing is of 2026-03-04",
            "2026-03-04",
            ("landing: a row of 2026-03-03",),
        ),
        (
            {"updatedAt": "2026-03-03T08:00:00Z"},
            "landing: the sensor has arrived, exists holds, since 2026-03-03T08:00:00Z, but the watchdog has not "
            "started it yet",
            None,
            (),
        ),
    ],
)
def test_row_that_opens_another_date_fulfils_no_trigger(
    fields: Mapping[str, object], reason: str, of: str | None, changes: tuple[str, ...]
) -> None:
    found = explain_date(facts_of(configured(), "2026-03-03", rows={"landing": fields}), NOW)
    assert found.trigger is not None
    assert (found.state, found.reason) == ("not begun", reason)
    assert (found.trigger.row_date, found.trigger.passed, found.changes) == (of, of is None, changes)


def test_observed_date_of_a_dry_run_waits_for_no_start() -> None:
    config = replace(configured(), dry_run=True)
    found = explain_date(facts_of(config, rows=FULL), NOW)
    assert found.reason.endswith("but the pipeline is a dry run, which starts nothing: its events have the decisions")
    live = explain_date(facts_of(configured(), rows=FULL), NOW)
    assert live.reason.endswith("but the watchdog has not started it yet")


def test_excluded_date_has_no_clock_and_a_next_day() -> None:
    config = configured(sla='sla: {deadline: "10:00"}')
    found = explain_date(facts_of(config, "2026-03-07", WEEKENDS), NOW)
    assert (found.state, found.excluded_by, str(found.next_open_day)) == ("excluded", "weekend", "2026-03-09")
    assert found.sla == ()
    assert explain_date(facts_of(config, "2026-03-06", WEEKENDS), NOW).next_open_day is None


def test_dormant_date_waits_for_the_next_open_day_from_now() -> None:
    kept = KeptRows({}, 1, Dormancy("landing", "landing", NOW))
    saturday = NOW + timedelta(days=3)
    found = explain_date(facts_of(configured(), "2026-03-06", WEEKENDS, kept=kept), saturday)
    assert (found.state, str(found.next_open_day)) == ("waits for an open day", "2026-03-09")


@pytest.mark.parametrize(
    ("enough", "changes"),
    [
        ("ALL", ("landing: count gte 100 (10 short)", "rates: count gte 1 (1 short)")),
        ("ANY", ("landing: count gte 100 (10 short) or rates: count gte 1 (1 short)",)),
    ],
)
def test_changes_name_each_rule_that_does_not_hold(enough: str, changes: tuple[str, ...]) -> None:
    config = configured(enough=enough)
    rows = {**SHORT, "rates": {"count": 0, "date": "2026-03-04"}}
    assert explain_date(facts_of(config, run=begun(config), rows=rows), NOW).changes == changes


def test_rule_has_its_row_with_date_and_age() -> None:
    config = configured()
    row = {"count": 90, "date": "2026-03-04", "updatedAt": "2026-03-04T11:00:00Z"}
    facts = facts_of(config, run=begun(config), rows={"landing#2026-03-04": row})
    landing, rates = explain_date(facts, NOW).rules
    assert (landing.row, landing.row_date, landing.age_seconds) == ("landing#2026-03-04", "2026-03-04", 3600.0)
    assert (landing.observed, landing.needed, landing.gap) == ("90", "gte 100", "10 short")
    assert (rates.row, rates.observed, rates.passed) == (None, None, False)


def budgets(found: Explanation) -> list[tuple[str, int, int]]:
    return [(one.name, one.used, one.allowed) for one in found.budgets]


def test_budgets_count_each_kind_of_attempt() -> None:
    config = configured()
    run = begun(config, attempt=4, status=RunStatus.FAILED_FINAL)
    reruns = [RerunEntry(run.key, reason, NOW) for reason in ("job-fail-retry", "manual", "fix", "late-data")]
    found = explain_date(facts_of(config, run=run, reruns=reruns), NOW)
    assert budgets(found) == [
        ("retries", 1, 3),
        ("permanent-failure retries", 1, 1),
        ("manual reruns", 2, 2),
        ("data reruns", 1, 1),
    ]
    assert found.rerun == "rejected: no manual rerun left (2 of 2 used)"


@pytest.mark.parametrize(
    ("updated_at", "answer"),
    [
        ("2026-03-04T11:00:00Z", "rejected: the run succeeded and no sensor was updated since"),
        ("2026-03-04T11:00:01Z", "accepted"),
    ],
)
def test_rerun_answer_has_the_circuit_breaker(updated_at: str, answer: str) -> None:
    config = configured()
    run = begun(config, status=RunStatus.COMPLETED)
    entries = [JobEntry(run.key, NOW - AN_HOUR, "success", run_token="token")]
    rows = {"landing": {"count": 1, "date": "2026-03-04", "updatedAt": updated_at}}
    found = explain_date(facts_of(config, run=run, rows=rows, entries=entries), NOW)
    assert found.rerun == answer


NO_CONFIG = "the pipeline has no config"


@pytest.mark.parametrize(
    ("more", "state", "reason"),
    [
        ({}, "held", NO_CONFIG),
        (
            {"status": RunStatus.FAILED_FINAL, "close_reason": f"not started: {NO_CONFIG}"},
            "failed",
            f"not started: {NO_CONFIG}",
        ),
        ({"status": RunStatus.FAILED_FINAL, "close_reason": "boom"}, "failed", f"boom; {NO_CONFIG}"),
        ({"status": RunStatus.COMPLETED}, "completed", f"attempt 0 succeeded (sensor); {NO_CONFIG}"),
        (None, "not begun", NO_CONFIG),
    ],
)
def test_missing_config_is_a_reason_once(more: Mapping[str, object] | None, state: str, reason: str) -> None:
    config = configured()
    facts = facts_of(config, run=None if more is None else begun(config, **more))
    found = explain_date(replace(facts, config=None, problem=NO_CONFIG), NOW)
    assert (found.state, found.reason) == (state, reason)
    assert bool(found.changes) == (state in ("held", "not begun"))


OPENING = {"landing": {"count": 100, "date": "2026-03-04"}}
OTHER_DAY = {"landing": {"count": 100, "date": "2026-03-03"}}
FAR = {"landing": {"count": 100, "date": "2020-03-04"}}
NO_DATE = {"landing": {"count": 100, "date": "tomorrow"}}


@pytest.mark.parametrize(
    ("status", "assumed", "says", "state"),
    [
        (None, OPENING, "landing: it opens the run", "held"),
        (None, FULL, "rates: the rules read it", "evaluating"),
        (None, OTHER_DAY, "landing: it is of 2026-03-03", "not begun"),
        (None, NO_DATE, "landing: it counts for no run: its date is 'tomorrow', which is not", "not begun"),
        (None, FAR, "landing: it counts for no run: its date is '2020-03-04', which is 2191 days back", "not begun"),
        (None, {"noise": {"count": 1}}, "noise: no rule of this date reads it, and it fulfils no trigger", "not begun"),
        (RunStatus.RUNNING, OPENING, "landing: the rules read it", "held"),
        (RunStatus.COMPLETED, OPENING, "landing: it requests a rerun (late-data), which is accepted", "completed"),
        (
            RunStatus.FAILED_FINAL,
            OPENING,
            "landing: sensor landing was updated after the run had failed for good.",
            "failed",
        ),
    ],
)
def test_assumed_row_has_the_answer_of_the_controller(
    status: RunStatus | None, assumed: Mapping[str, Mapping[str, object]], says: str, state: str
) -> None:
    config = configured()
    run = None if status is None else begun(config, status=status, evaluated_at=None)
    found = explain_assumed(facts_of(config, run=run), assumed, NOW)
    assert found.assumed[-1].startswith(says)
    assert found.state == state


def test_assumed_row_on_an_excluded_day_opens_nothing() -> None:
    sunday = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
    found = explain_assumed(
        facts_of(configured(), "2026-03-06", WEEKENDS), {"landing#2026-03-06": {"count": 1}}, sunday
    )
    assert found.assumed == ("landing#2026-03-06: the day is excluded, and 2026-03-06 waits for the next open day",)
    assert (found.state, found.reason) == (
        "waits for an open day",
        "its trigger landing#2026-03-06 came on an excluded day",
    )
    assert found.decision == "the watchdog judges the trigger by the date's own row on Monday 2026-03-09"


def test_explanation_without_assumptions_is_the_plain_one() -> None:
    config = configured()
    facts = facts_of(config, run=begun(config), rows=SHORT)
    assert explain_assumed(facts, {}, NOW) == explain_date(facts, NOW)


PAUSE = Pause(NOW + AN_HOUR, "ada", "migration")
PAUSED = "the pipeline is paused until 2026-03-04T13:00:00Z by ada: migration"


@pytest.mark.parametrize(
    ("more", "state", "reason", "decision"),
    [
        ({"started_token": None}, "held", PAUSED, "the run waits for the end of the pause"),
        ({}, "held", PAUSED, f"the run waits: {PAUSED}"),
        ({"job_intent": INTENT}, "running", "the command job jr_1 runs", ""),
    ],
)
def test_pause_is_the_reason_of_a_waiting_run(
    more: Mapping[str, object], state: str, reason: str, decision: str
) -> None:
    config = configured()
    facts = facts_of(config, run=begun(config, **more), rows=FULL, pause=PAUSE)
    found = explain_date(facts, NOW)
    assert (found.state, found.reason, found.decision, found.paused) == (state, reason, decision, PAUSED)
    assert found.changes[0] == "the end of the pause: interlock resume p"
    assert explain_date(facts, NOW + AN_HOUR).paused == ""


@pytest.mark.parametrize(
    ("pause", "words"),
    [
        (Pause(None), "the pipeline is paused until it is resumed"),
        (Pause(None, "ada"), "the pipeline is paused until it is resumed by ada"),
        (Pause(None, problem="pausedUntil: 7"), "the pipeline is paused until it is resumed: pausedUntil: 7"),
        (Pause(NOW, reason="x"), "the pipeline is paused until 2026-03-04T12:00:00Z: x"),
    ],
)
def test_pause_names_its_end_author_and_reason(pause: Pause, words: str) -> None:
    assert str(pause) == words


@pytest.mark.parametrize(
    ("since", "counts", "overdue"),
    [
        ({}, True, True),
        ({Clock.ABSOLUTE: NOW - 2 * AN_HOUR}, True, True),
        ({Clock.ABSOLUTE: NOW - AN_HOUR}, False, False),
    ],
)
def test_deadline_from_before_its_clock_is_not_overdue(
    since: Mapping[Clock, datetime], counts: bool, overdue: bool
) -> None:
    config = configured(sla='sla: {deadline: "10:00", expectedDuration: 10m}')
    facts = facts_of(config, "2026-03-03")
    (clock,) = explain_date(replace(facts, sla=replace(facts.sla, since=since)), NOW).sla
    assert (clock.breach_at, clock.counts, clock.overdue) == (NOW - 2 * AN_HOUR, counts, overdue)


@pytest.mark.parametrize("date", ["1900-01-01", "1900-01-03", "9998-12-30", "9998-12-31", "9998-12-31T23"])
@pytest.mark.parametrize("schedule", [BY_DATA, DAILY, 'cron: "0 * * * *"', "include: {dates: [2026-03-04]}"])
@pytest.mark.parametrize("sla", ["", 'sla: {deadline: "10:00"}'])
def test_date_at_an_end_of_the_calendar_is_explained(date: str, schedule: str, sla: str) -> None:
    found = explain_date(facts_of(configured(schedule, sla=sla), date), NOW)
    assert (found.state in ("not begun", "not expected"), bool(found.reason)) == (True, True)


def test_excluded_date_with_its_row_is_begun_on_an_open_day() -> None:
    kept = KeptRows(dormant=Dormancy("landing", "landing", NOW))
    facts = facts_of(configured(), "2026-03-07", WEEKENDS, kept=kept)
    sunday, monday = datetime(2026, 3, 8, 12, tzinfo=UTC), datetime(2026, 3, 9, 12, tzinfo=UTC)
    found = explain_date(facts, sunday)
    assert (found.state, found.changes) == ("waits for an open day", ())
    assert found.decision.endswith("on Monday 2026-03-09")
    assert explain_date(facts, monday).decision.endswith("begins the date if it holds")


def test_verdict_stays_without_a_config() -> None:
    config = configured()
    run = begun(config, status=RunStatus.COMPLETED)
    facts = facts_of(config, run=run)
    judged = {Clock.ABSOLUTE: ClockVerdict(Outcome.MET, NOW, NOW - AN_HOUR)}
    sla = replace(facts.sla, verdict=Verdict(facts.key, judged))
    for found in (
        explain_date(replace(facts, sla=sla), NOW),
        explain_date(replace(facts, sla=sla, config=None, problem=NO_CONFIG), NOW),
    ):
        assert [(one.clock, one.verdict, one.breach_at) for one in found.sla] == [(Clock.ABSOLUTE, "met", NOW)]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("rates#2026-03-04", "the rules read it"),
        ("rates", "the rules read rates#2026-03-04 instead"),
        ("other", "no rule of this date reads it, and it fulfils no trigger"),
    ],
)
def test_assumed_row_names_the_row_that_is_read(key: str, says: str) -> None:
    config = configured()
    rows = {**FULL, "rates#2026-03-04": {"count": 0}}
    found = explain_assumed(facts_of(config, run=begun(config), rows=rows), {key: {"count": 1}}, NOW)
    assert found.assumed == (f"{key}: {says}",)


@pytest.mark.parametrize(
    ("schedule", "date", "reason"),
    [
        (DAILY, "2026-03-04T13", "2026-03-04T13 is an hour, but the pipeline's dates are days"),
        ('cron: "5 * * * *"', "2026-03-04", "2026-03-04 is a day, but the pipeline's dates are hours"),
    ],
)
def test_date_of_another_kind_has_this_reason(schedule: str, date: str, reason: str) -> None:
    found = explain_date(facts_of(configured(schedule), date), NOW)
    assert (found.state, found.reason, found.rerun) == ("not expected", reason, f"rejected: {reason}")


def test_dry_run_names_the_time_of_the_start_that_it_left_out() -> None:
    config = replace(configured(), dry_run=True)
    facts = facts_of(config, rows=FULL)
    observed = replace(facts, dry_run=DryRun(facts.key, NOW - AN_HOUR))
    assert explain_date(observed, NOW).reason == (
        "the pipeline is a dry run: its job would have started 2026-03-04 11:00Z"
    )
    assert "would have started" not in explain_date(replace(facts, dry_run=DryRun(facts.key)), NOW).reason


def test_row_of_an_excluded_date_starts_it_on_the_next_open_day() -> None:
    rows = {"landing#2026-03-07": {"count": 100}}
    sunday, monday = datetime(2026, 3, 8, 12, tzinfo=UTC), datetime(2026, 3, 9, 12, tzinfo=UTC)
    facts = facts_of(configured(), "2026-03-07", WEEKENDS, rows=rows)
    for now in (sunday, monday):
        assert explain_date(facts, now).reason == (
            "Saturday 2026-03-07 is excluded (weekend), and its row landing#2026-03-07 starts it on Monday 2026-03-09, "
            "unless another row has replaced it"
        )
    for other in (replace(facts, rows={}), replace(facts, rows={"landing": {"count": 100, "date": "2026-03-09"}})):
        assert explain_date(other, sunday).reason.endswith("(weekend), so nothing starts")


def test_row_without_its_trigger_starts_no_excluded_date() -> None:
    config = configured("trigger: {key: landing, check: gte, field: count, value: 100}")
    sunday = datetime(2026, 3, 8, 12, tzinfo=UTC)
    for count, end in ((99, "so nothing starts"), (100, "unless another row has replaced it")):
        facts = facts_of(config, "2026-03-07", WEEKENDS, rows={"landing#2026-03-07": {"count": count}})
        assert explain_date(facts, sunday).reason.endswith(end)


def test_open_day_of_a_waiting_date_may_be_today() -> None:
    kept = KeptRows(dormant=Dormancy("landing", "landing", NOW))
    facts = facts_of(configured(), "2026-03-06", WEEKENDS, kept=kept)
    days = [explain_date(facts, datetime(2026, 3, day, 12, tzinfo=UTC)).next_open_day for day in (8, 9)]
    assert days == [date(2026, 3, 9), date(2026, 3, 9)]

"""The explanation of a date at a time that is to come, by the decisions that the controller would make until then."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from interlock_config import decode_yaml
from interlock_lifecycle import JobIntent, Pause, Run, RunKey, RunStatus, Verdict
from interlock_lifecycle.reports import DateFacts, Explanation, explain_assumed, explain_date
from interlock_lifecycle.slas import SlaFacts
from interlock_sla import parse_execution_date

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
AN_HOUR, A_SECOND = timedelta(hours=1), timedelta(seconds=1)
TEXT = """
pipeline: {{id: p}}
schedule: {{trigger: {{key: landing, check: exists, deadline: "11:00"}}, evaluation: {{window: {window}}}}}
sla: {{deadline: "{deadline}", expectedDuration: 10m}}
validation: {{trigger: ALL, rules: [{{key: landing, {rule}}}]}}
job: {{type: command, config: {{command: "true"}}, maxManualReruns: 2}}
"""
SHORT = {"landing": {"date": "2026-03-03", "count": 90, "updatedAt": "2026-03-04T08:00:00Z"}}
INTENT = JobIntent(0, "k", NOW, "command", {}, NOW, run_id="jr_1")


def facts_of(
    *, window: str = "1h", rule: str = "check: gte, field: count, value: 100", deadline: str = "09:30", **more: object
) -> DateFacts:
    config = decode_yaml(TEXT.format(window=window, rule=rule, deadline=deadline), "p.yaml")
    key = RunKey("p", config.schedule_id, parse_execution_date("2026-03-03"))
    run = Run(key, RunStatus.RUNNING, 0, "token", NOW, started_token="token", started_at=NOW)
    found = DateFacts(key, config, "", SlaFacts(None, Verdict(key)), run, rows=SHORT, created_at=NOW - 48 * AN_HOUR)
    return replace(found, **more)


def at(facts: DateFacts, moment: datetime) -> Explanation:
    return explain_assumed(facts, {}, moment, NOW)


def test_held_run_stays_held_up_to_the_end_of_its_window() -> None:
    found = at(facts_of(deadline="12:00"), NOW + AN_HOUR - A_SECOND)
    assert (found.state, found.read_at, found.sla[0].verdict) == ("held", NOW, "open")
    assert found.assumed == ("no row changes until then",)


def test_held_run_has_failed_after_its_window() -> None:
    found = at(facts_of(deadline="12:00"), NOW + AN_HOUR)
    assert (found.state, found.decision, found.until) == ("failed", "", None)
    assert found.reason == "landing: count is 90, needs gte 100 (10 short), since 08:00:00Z"
    assert (found.rerun, found.changes) == ("accepted", ("a rerun: interlock rerun p 2026-03-03",))


def test_deadline_that_passes_while_the_run_is_held_is_breached() -> None:
    (clock,) = at(facts_of(), NOW + 5 * AN_HOUR).sla
    assert (clock.verdict, clock.judged_at) == ("breach", NOW + AN_HOUR / 2)
    assert at(facts_of(), NOW + AN_HOUR / 2 - A_SECOND).sla[0].verdict == "open"


def test_deadline_after_the_failure_stays_silent() -> None:
    (clock,) = at(facts_of(deadline="12:00"), NOW + 5 * AN_HOUR).sla
    assert clock.verdict == "open"


def test_deadline_of_a_date_that_never_begins_is_breached() -> None:
    found = at(facts_of(run=None, rows={}), NOW + AN_HOUR)
    assert (found.state, found.sla[0].verdict) == ("not begun", "breach")


@pytest.mark.parametrize("run", ["job", "no execution"])
def test_course_of_a_started_job_is_not_known(run: str) -> None:
    facts = facts_of()
    assert facts.run is not None
    more = {"job_intent": INTENT} if run == "job" else {"started_token": None}
    found = at(replace(facts, run=replace(facts.run, **more)), NOW + 5 * AN_HOUR)
    assert found.state in ("running", "committed")
    assert (found.sla[0].verdict, found.sla[0].overdue) == ("open", True)


def test_rule_that_changes_by_time_starts_the_job() -> None:
    facts = facts_of(rule="check: age_gt, value: 90m", deadline="12:00")
    turn = NOW + AN_HOUR / 2 + timedelta(microseconds=1)
    assert at(facts, turn - timedelta(microseconds=1)).state == "held"
    found = at(facts, NOW + 5 * AN_HOUR)
    assert found.state == "evaluating"
    assert found.assumed == ("its job starts 2026-03-04 09:30Z, and the time of its end is not known",)
    assert (found.reason, found.until, found.decision) == ("all rules hold, and the job has been started", None, "")


def test_rule_that_changes_after_the_window_starts_nothing() -> None:
    found = at(facts_of(rule="check: age_gt, value: 90m", window="20m", deadline="12:00"), NOW + 5 * AN_HOUR)
    assert found.state == "failed"


def test_run_whose_rules_hold_starts_at_once() -> None:
    rows = {"landing": {"date": "2026-03-03", "count": 100, "updatedAt": "2026-03-04T08:00:00Z"}}
    found = at(facts_of(rows=rows), NOW + 5 * AN_HOUR)
    assert (found.state, found.assumed[0][:32]) == ("evaluating", "its job starts 2026-03-04 09:00Z")


def test_paused_run_waits_for_the_end_of_its_pause() -> None:
    found = at(facts_of(pause=Pause(None, "ada")), NOW + 5 * AN_HOUR)
    assert (found.state, found.sla[0].verdict) == ("held", "breach")


def test_row_at_that_time_meets_the_date_as_it_would_be() -> None:
    rows = {"landing": {"date": "2026-03-03", "count": 100, "updatedAt": "2026-03-04T14:00:00Z"}}
    found = explain_assumed(facts_of(), rows, NOW + 5 * AN_HOUR, NOW)
    assert found.assumed == (
        "no row changes until then",
        "landing: sensor landing was updated after the run had failed for good. No rerun starts by itself: "
        "when the data is correct, run interlock rerun p 2026-03-03",
    )


def test_time_that_is_not_to_come_gives_the_plain_explanation() -> None:
    facts = facts_of()
    assert at(facts, NOW) == explain_date(facts, NOW)
    earlier = NOW - A_SECOND
    assert at(facts, earlier) == explain_date(facts, earlier)


def test_pipeline_without_a_config_has_no_projection() -> None:
    facts = replace(facts_of(), config=None, problem="the pipeline has no config")
    assert at(facts, NOW + AN_HOUR) == explain_date(facts, NOW + AN_HOUR)


CRON = """
pipeline: {id: p}
schedule: {cron: "30 10 * * *", evaluation: {window: 1h}}
sla: {deadline: "12:00"}
validation: {trigger: ALL, rules: [{key: landing, check: gte, field: count, value: 100}]}
job: {type: command, config: {command: "true"}}
"""


@pytest.mark.parametrize(
    ("count", "hours", "state", "verdict", "assumed"),
    [
        (90, 1.0, "not begun", "open", "no row changes until then"),
        (90, 2.0, "held", "open", "no row changes until then"),
        (90, 2.5, "failed", "open", "no row changes until then"),
        (90, 8.0, "failed", "open", "no row changes until then"),
        (100, 8.0, "evaluating", "open", "its job starts 2026-03-04 10:30Z, and the time of its end is not known"),
    ],
)
def test_watchdog_begins_a_date_of_a_cron(count: int, hours: float, state: str, verdict: str, assumed: str) -> None:
    config = decode_yaml(CRON, "p.yaml")
    key = RunKey("p", config.schedule_id, parse_execution_date("2026-03-04"))
    rows = {"landing": {"date": "2026-03-04", "count": count}}
    facts = DateFacts(key, config, "", SlaFacts(None, Verdict(key)), rows=rows, created_at=NOW - 48 * AN_HOUR)
    found = at(facts, NOW + hours * AN_HOUR)
    assert (found.state, found.sla[0].verdict, found.assumed) == (state, verdict, (assumed,))
    waiting = at(replace(facts, pause=Pause(None)), NOW + hours * AN_HOUR)
    assert waiting.state == ("not begun" if hours < 1.5 else "held")


@pytest.mark.parametrize(
    ("hours", "state", "verdict"),
    [(1.9, "held", "open"), (2.0, "held", "open"), (2.9, "held", "open"), (3.0, "failed", "open")],
)
@pytest.mark.parametrize("begun", [True, False])
def test_end_of_a_pause_begins_a_new_window(begun: bool, hours: float, state: str, verdict: str) -> None:
    facts = facts_of(deadline="16:00", pause=Pause(NOW + 2 * AN_HOUR, "ada"))
    assert facts.run is not None
    run = facts.run if begun else replace(facts.run, started_token=None, started_at=None)
    found = at(replace(facts, run=run), NOW + hours * AN_HOUR)
    assert (found.state, found.sla[0].verdict) == (state, verdict)
    assert found.paused == (str(facts.pause) if hours < 2 else "")

"""Waits: who is woken by a row or an event, when a run looks without a wake, and the note about a held run."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import JobIntent, JobOutcome, NoteHeld, OpenWait, Run, RunKey, Sensor, Wait
from interlock_lifecycle.events import EventType
from interlock_lifecycle.runs import (
    EvaluationFacts,
    EvaluationWindow,
    HoldRun,
    JobRuns,
    PollWindow,
    decide_evaluation,
    follow,
    record_start,
)
from interlock_lifecycle.slas import SlaFacts
from interlock_lifecycle.waits import (
    FREE_WAKES,
    JobName,
    job_of_event,
    look_seconds,
    name_of_job,
    rest_seconds,
    wakes,
)
from interlock_sla import parse_execution_date

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
WINDOW = EvaluationWindow(NOW, timedelta(hours=4), timedelta(minutes=5))
TOO_FEW = {"landing#2026-03-03T11": {"count": 99}}
RULES = """
pipeline: {id: p}
schedule: {trigger: {key: landing, check: exists}}
validation:
  trigger: ALL
  rules:
    - {key: landing, check: exists}
    - {key: rates, check: exists, anyDate: true}
    - {key: closing, check: exists, dateOffset: -1}
job: {type: command, config: {command: "true"}}
"""


def key(date: str) -> RunKey:
    return RunKey("p", "stream", parse_execution_date(date))


def woken(sensor_key: str, run_date: str, *, for_job: bool = False, **fields: object) -> bool:
    sensor = Sensor("p", sensor_key, fields, NOW)
    return wakes(sensor, decode_yaml(RULES, "p.yaml"), Wait(key(run_date), "token0", for_job=for_job))


@pytest.mark.parametrize(
    ("sensor_key", "fields", "date", "is_woken"),
    [
        ("landing", {"date": "2026-03-03"}, "2026-03-03", True),
        ("landing", {"date": "2026-03-03"}, "2026-03-04", False),
        ("landing#2026-03-03", {}, "2026-03-03", True),
        ("landing#20260303", {}, "2026-03-03", True),
        ("landing", {}, "2026-03-03", True),  # a row without a date counts for every run
        ("landing", {"date": "2026-03-03"}, "2026-03-03T07", True),  # a day's row counts for all its hours
        ("landing", {"date": "2026-03-03", "hour": 7}, "2026-03-03", True),  # and an hour's row for its day
        ("landing", {"date": "2026-03-03", "hour": 7}, "2026-03-03T07", True),
        ("landing", {"date": "2026-03-03", "hour": 8}, "2026-03-03T07", False),
        ("landing", {"date": "soon"}, "2026-03-03", False),  # an unreadable date counts for no run
        ("rates", {"date": "2020-01-01"}, "2026-03-03", True),
        ("rates", {"date": "soon"}, "2026-03-03", True),
        ("closing", {"date": "2026-03-02"}, "2026-03-03", True),
        ("closing", {"date": "2026-03-03"}, "2026-03-03", False),
        # A row that is read for the run was replaced. It may have hidden a row with a later name.
        ("landing#2026-03-03", {"date": "soon"}, "2026-03-03", True),
        ("landing#20260303", {"date": "2026-03-09"}, "2026-03-03", True),
        ("landing#2026-03-03", {"hour": 8}, "2026-03-03T07", True),
        ("landing#2026-03-03", {"date": "soon"}, "2026-03-04", False),
        ("closing#2026-03-02", {"date": "soon"}, "2026-03-03", True),
        ("landing#eu", {"date": "2026-03-09"}, "2026-03-03", False),
        ("landing-count", {}, "2026-03-03", False),
        ("landing#file-0", {}, "2026-03-03", False),  # no rule reads such a key
        ("rates#eu", {}, "2026-03-03", False),
        ("audit", {"date": "2026-03-03"}, "2026-03-03", False),
    ],
)
def test_a_row_wakes_the_runs_for_which_it_counts(
    sensor_key: str, fields: dict[str, object], date: str, is_woken: bool
) -> None:
    assert woken(sensor_key, date, **fields) is is_woken


@pytest.mark.parametrize(
    ("held", "is_woken"),
    [("landing exists", True), ("landing", True), ("landing-count exists", False), ("rates exists", False)],
)
def test_a_row_of_another_date_wakes_a_run_held_by_its_rule(held: str, is_woken: bool) -> None:
    """The row may have replaced an unreadable one, which hid the row that the date keeps."""
    config = decode_yaml(RULES, "p.yaml")
    wait = Wait(key("2026-03-03"), "token0", held={held: NOW})
    assert wakes(Sensor("p", "landing", {"date": "2026-03-09"}, NOW), config, wait) is is_woken
    assert wakes(Sensor("p", "landing#eu", {"date": "2026-03-09"}, NOW), config, wait) is False


def test_no_sensor_wakes_a_run_that_waits_for_its_job() -> None:
    assert not woken("landing", "2026-03-03", for_job=True, date="2026-03-03")


# --- jobs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "kind", "detail", "job"),
    [
        ("aws.glue", "Glue Job State Change", {"jobName": "j", "jobRunId": "jr_1", "state": "SUCCEEDED"}, "glue jr_1"),
        ("aws.emr", "EMR Step Status Change", {"clusterId": "j-1", "stepId": "s-1", "state": "FAILED"}, "emr s-1"),
        (
            "aws.emr-serverless",
            "EMR Serverless Job Run State Change",
            {"applicationId": "00f", "jobRunId": "00g", "state": "SUCCESS"},
            "emr-serverless 00g",
        ),
        (
            "aws.states",
            "Step Functions Execution Status Change",
            {"executionArn": "arn:x", "status": "ABORTED"},
            "step-function arn:x",
        ),
    ],
)
def test_an_event_names_its_job(source: str, kind: str, detail: dict[str, Any], job: str) -> None:
    found = job_of_event({"source": source, "detail-type": kind, "detail": detail})
    assert found == JobName(*job.split())


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"source": "aws.glue", "detail-type": "EMR Step Status Change", "detail": {"jobRunId": "jr_1"}},
        {"source": "aws.glue", "detail-type": "Glue Job State Change"},
        {"source": "aws.glue", "detail-type": "Glue Job State Change", "detail": "jr_1"},
        {"source": "aws.glue", "detail-type": "Glue Job State Change", "detail": {"jobRunId": 7}},
        {"source": "aws.glue", "detail-type": "Glue Job State Change", "detail": {"jobRunId": ""}},
    ],
)
def test_any_other_event_names_no_job(event: dict[str, Any]) -> None:
    assert job_of_event(event) is None


def intent(job_type: str = "glue", run_id: str | None = "jr_1", outcome: JobOutcome | None = None) -> JobIntent:
    return JobIntent(0, "key", NOW, job_type, {}, NOW, run_id=run_id, outcome=outcome)


def test_only_a_running_job_with_events_has_a_name() -> None:
    assert name_of_job(intent()) == JobName("glue", "jr_1")
    for other in (None, intent("airflow"), intent(run_id=None), intent(outcome=JobOutcome("success"))):
        assert name_of_job(other) is None


def test_the_start_of_a_job_with_events_opens_its_wait(run: Run) -> None:
    def started(job_type: str) -> Wait | None:
        return record_start(run, intent(job_type, None), run_id="jr_1", details={}, outcome=None, now=NOW).wait

    assert started("glue") == Wait(run.key, run.run_token, for_job=True)
    assert started("airflow") is None


def followed(run: Run, sla: SlaFacts, job_type: str, wait: Wait | None) -> JobRuns:
    window = PollWindow(timedelta(hours=2), timedelta(minutes=1))
    decision = follow(run, intent(job_type), window, None, sla, NOW + timedelta(minutes=3), wait)
    assert isinstance(decision, JobRuns)
    return decision


def test_a_job_with_events_is_awaited_for_ten_minutes_at_most(run: Run, no_sla: SlaFacts) -> None:
    wait = Wait(run.key, run.run_token, for_job=True)
    assert followed(run, no_sla, "glue", wait) == JobRuns(60, 600)
    assert followed(run, no_sla, "airflow", wait) == JobRuns(60)


@pytest.mark.parametrize("before", [None, "other token", "for sensors", "corrupted"])
def test_a_missing_wait_is_opened_before_the_job_is_awaited(run: Run, no_sla: SlaFacts, before: str | None) -> None:
    found = {
        None: None,
        "other token": Wait(run.key, "token9", for_job=True),
        "for sensors": Wait(run.key, run.run_token),
        "corrupted": Wait(run.key, run.run_token, for_job=True, is_whole=False),
    }[before]
    opens = followed(run, no_sla, "glue", found).opens
    assert opens == OpenWait(run, Wait(run.key, run.run_token, for_job=True), found, intent())


def test_after_many_wakes_a_job_is_polled(run: Run, no_sla: SlaFacts) -> None:
    """Something else than the job's end wakes the run, such as a process that writes job rows again and again."""
    wait = Wait(run.key, run.run_token, wakes=FREE_WAKES, for_job=True)
    assert followed(run, no_sla, "glue", wait) == JobRuns(60)


# --- looks -----------------------------------------------------------------------------------------------------


def held(run: Run, config: PipelineConfig, sla: SlaFacts, wait: Wait | None, now: datetime = NOW) -> HoldRun:
    facts = EvaluationFacts(run, config, "", TOO_FEW, sla, wait=wait)
    decision = decide_evaluation(facts, run.run_token, WINDOW, now)
    assert isinstance(decision, HoldRun)
    return decision


def test_a_held_run_looks_again_after_half_an_hour(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    decision = held(run, config, no_sla, None)
    assert (decision.wait_seconds, decision.look_seconds, decision.rest_seconds) == (300, 1800, 0)


def test_a_longer_interval_is_the_longest_wait(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    facts = EvaluationFacts(run, config, "", TOO_FEW, no_sla)
    window = EvaluationWindow(NOW, timedelta(hours=4), timedelta(hours=1))
    decision = decide_evaluation(facts, run.run_token, window, NOW)
    assert isinstance(decision, HoldRun)
    assert decision.look_seconds == 3600


@pytest.mark.parametrize(
    ("left", "seconds"), [(timedelta(minutes=10), 595), (timedelta(seconds=5), 5), (timedelta(seconds=0.4), 1)]
)
def test_looks_come_before_and_at_the_end_of_the_window(left: timedelta, seconds: int) -> None:
    assert look_seconds(NOW, timedelta(minutes=30), NOW + left) == seconds


def test_a_look_comes_five_seconds_before_a_deadline(config: PipelineConfig, run: Run, arrived: SlaFacts) -> None:
    """The relative deadline is 30 minutes after the arrival at 12:00."""
    assert held(run, config, arrived, None, NOW + timedelta(minutes=20)).look_seconds == 595


def test_a_look_comes_when_an_age_rule_changes(run: Run, no_sla: SlaFacts) -> None:
    old = decode_yaml(
        RULES.replace("key: landing, check: exists}\n    -", "key: landing, check: age_gt, value: 20m}\n    -"), "p"
    )
    sensors = {"landing": {"updatedAt": (NOW - timedelta(minutes=5)).isoformat()}}
    decision = decide_evaluation(EvaluationFacts(run, old, "", sensors, no_sla), run.run_token, WINDOW, NOW)
    assert isinstance(decision, HoldRun)
    assert decision.look_seconds == 15 * 60 + 1


def test_a_look_follows_the_last_router_that_has_the_old_config(
    config: PipelineConfig, run: Run, no_sla: SlaFacts
) -> None:
    def look(changed_at: datetime) -> int:
        facts = EvaluationFacts(run, config, "", TOO_FEW, no_sla, changed_at=changed_at)
        decision = decide_evaluation(facts, run.run_token, WINDOW, NOW)
        assert isinstance(decision, HoldRun)
        return decision.look_seconds

    assert look(NOW - timedelta(minutes=1)) == 240
    assert look(NOW - timedelta(minutes=5)) == 1800


def test_the_first_wakes_are_free_and_later_ones_rest(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    def rest(count: int) -> int:
        return held(run, config, no_sla, Wait(run.key, run.run_token, wakes=count)).rest_seconds

    assert [rest(0), rest(FREE_WAKES - 1), rest(FREE_WAKES), rest(10_000)] == [0, 0, 30, 30]
    assert held(run, config, no_sla, Wait(run.key, "token9", wakes=10_000)).rest_seconds == 0


@given(
    interval=st.integers(1, 86_400),
    window=st.integers(1, 30 * 86_400),
)
def test_the_rested_looks_of_a_window_are_few(interval: int, window: int) -> None:
    rest = rest_seconds(FREE_WAKES, timedelta(seconds=interval), timedelta(seconds=window))
    assert rest >= 5
    assert rest >= interval / 10
    assert window / rest <= 580


# --- the note about a held run -----------------------------------------------------------------------------------


def test_the_first_hold_opens_the_wait_and_is_reported(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    note = held(run, config, no_sla, None).note
    assert isinstance(note, OpenWait)
    assert note.wait == Wait(run.key, run.run_token, held={"landing count gte 100": NOW}, reports=1, reported_at=NOW)
    (event,) = note.events
    assert event.type is EventType.RUN_HELD
    assert event.detail == {
        "rules": [
            {
                "key": "landing",
                "check": "gte",
                "field": "count",
                "needed": "gte 100",
                "observed": "99",
                "heldSince": "2026-03-03T12:00:00Z",
            }
        ],
        "rows": [{"key": "landing", "row": "landing#2026-03-03T11", "data": {"count": 99}}],
    }


def test_the_same_rules_are_reported_once(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    known = Wait(run.key, run.run_token, held={"landing count gte 100": NOW})
    assert held(run, config, no_sla, known, NOW + timedelta(minutes=1)).note is None


def test_other_rules_are_reported_with_their_own_times(run: Run, no_sla: SlaFacts) -> None:
    config, later = decode_yaml(RULES, "p.yaml"), NOW + timedelta(minutes=9)
    known = Wait(run.key, run.run_token, held={"landing exists": NOW, "rates any date exists": NOW})
    facts = EvaluationFacts(run, config, "", {"rates": {}}, no_sla, wait=known)
    decision = decide_evaluation(facts, run.run_token, WINDOW, later)
    assert isinstance(decision, HoldRun)
    assert isinstance(decision.note, NoteHeld)
    assert decision.note.wait.held == {"landing exists": NOW, "closing -1 exists": later}


def test_a_rule_that_flips_is_reported_less_and_less(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    """The first changes are reported at once, later ones once in five minutes. The row has the rules in any case."""
    wait, events, now = Wait(run.key, run.run_token, held={"other exists": NOW}), 0, NOW
    for minute in range(60):
        now = NOW + timedelta(minutes=minute)
        note = held(run, config, no_sla, replace(wait, held={"other exists": NOW}), now).note
        assert isinstance(note, NoteHeld)
        assert note.wait.held.keys() == {"landing count gte 100"}
        wait, events = note.wait, events + len(note.events)
    assert events == 10 + 10
    assert wait.reported_at is not None
    assert now - wait.reported_at < timedelta(minutes=5)


@pytest.mark.parametrize("left", [timedelta(seconds=1), timedelta(seconds=29), timedelta(minutes=40)])
def test_a_change_of_an_age_rule_does_not_cut_a_rest(run: Run, no_sla: SlaFacts, left: timedelta) -> None:
    """A row that is new each second would make each change a look, and end the execution by its history."""
    ready = "key: landing, check: exists}\n    -"
    config = decode_yaml(RULES.replace(ready, "key: landing, check: age_gt, value: 20m}\n    -"), "p")
    sensors = {"landing": {"updatedAt": (NOW - timedelta(minutes=20) + left).isoformat()}}
    hot = Wait(run.key, run.run_token, wakes=FREE_WAKES)
    decision = decide_evaluation(
        EvaluationFacts(run, config, "", sensors, no_sla, wait=hot), run.run_token, WINDOW, NOW
    )
    assert isinstance(decision, HoldRun)
    assert decision.rest_seconds == 30
    assert decision.look_seconds == min(max(30, int(left.total_seconds()) + 1), 1800)


def test_a_recovered_run_opens_a_wait_of_its_own(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    before = Wait(run.key, "token9", wakes=4, task_token="t", held={"landing count gte 100": NOW})
    note = held(run, config, no_sla, before, NOW + timedelta(minutes=9)).note
    assert isinstance(note, OpenWait)
    assert (note.before, note.wait.wakes, note.wait.task_token) == (before, 0, None)


def test_the_retry_delay_is_waited_for_without_a_wake(
    configure: Callable[..., PipelineConfig], run: Run, no_sla: SlaFacts
) -> None:
    config = configure(job='job: {type: command, config: {command: "true"}, maxRetries: 1, retryDelay: 2m}')
    retry = replace(run, attempt=1, reason="job-fail-retry")
    decision = decide_evaluation(EvaluationFacts(retry, config, "", TOO_FEW, no_sla), run.run_token, WINDOW, NOW)
    assert decision == HoldRun("waiting for the retry delay", 120)

"""Decisions on a post-run sensor, by its run's state, its baseline and the post-run rules."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import (
    Announce,
    Ignore,
    JobIntent,
    KeptRows,
    NoteAfterRun,
    RequestRerun,
    Run,
    RunKey,
    RunStatus,
    Sensor,
    StandingRequest,
)
from interlock_lifecycle.events import EventType
from interlock_lifecycle.sensors import (
    NoBaseline,
    SensorFacts,
    SensorPath,
    awaited,
    day_of_report,
    decide_post_run,
    decide_sensor,
    path_of,
    reports_on,
    request_time_of,
    take_baseline,
)
from interlock_lifecycle.sensors._arrival import is_overtaken
from interlock_rules import KeptRow
from interlock_sla import Exclusions, parse_execution_date

NOW = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
NOBODY = Exclusions()


@pytest.fixture
def config() -> PipelineConfig:
    return decode_yaml(
        """
pipeline: {id: bronze-orders}
schedule: {trigger: {key: landing, check: exists}}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
postRun:
  driftField: rows
  driftThreshold: 10
  rules:
    - {key: audit, check: gte, field: rows, value: 100}
    - {key: ledger, check: exists, field: rows}
""",
        "bronze.yaml",
    )


@pytest.fixture
def done(run: Run) -> Run:
    return replace(
        run,
        status=RunStatus.COMPLETED,
        evaluated_at=NOW - timedelta(hours=1),
        closed_at=NOW - timedelta(minutes=30),
    )


def audit(rows: object = 100, at: datetime = NOW, key: str = "audit", **more: object) -> Sensor:
    return Sensor("bronze-orders", key, {"date": "2026-03-03", "hour": "11", "rows": rows, **more}, at)


def facts(run: Run | None, *sensors: Sensor, baseline: Mapping[str, object] | None = None, **more: Any) -> SensorFacts:
    rows = {sensor.key: sensor.fields for sensor in sensors}
    return SensorFacts(run, True, more.pop("exclusions", NOBODY), sensors=rows, baseline=baseline or {}, **more)


def types(decision: Any) -> list[str]:
    return [str(event.type) for event in decision.events]


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("landing", SensorPath.TRIGGER),
        ("audit", SensorPath.POST_RUN),
        ("audit#2026-03-03", SensorPath.POST_RUN),
        ("audit-of-others", None),
        ("postrun-baseline#2026-03-03", None),
    ],
)
def test_a_sensor_takes_the_path_of_the_key_that_names_it(
    config: PipelineConfig, key: str, path: SensorPath | None
) -> None:
    assert path_of(audit(key=key), config) is path


@pytest.mark.parametrize(
    ("before", "after", "drifts"),
    [
        (100, 110, False),
        (100, 111, True),
        (100, 89, True),
        (100, 90, False),
        (5000, 0, True),
        (0, 5000, True),
        (Decimal("0.5"), "111", True),
        (None, 5000, False),
        (100, None, False),
        ("many", 5, False),
    ],
)
def test_drift_is_a_change_beyond_the_threshold(
    config: PipelineConfig, done: Run, before: object, after: object, drifts: bool
) -> None:
    sensor = audit(after)
    decision = decide_post_run(sensor, config, facts(done, sensor, baseline={"audit": {"rows": before}}))
    assert isinstance(decision, RequestRerun) is drifts


def test_drift_after_completion_requests_a_rerun(config: PipelineConfig, done: Run) -> None:
    sensor = audit(150)
    decision = decide_post_run(sensor, config, facts(done, sensor, baseline={"audit": {"rows": 100}}))
    assert isinstance(decision, RequestRerun)
    assert (decision.reason, decision.requested_at, decision.entry) == ("data-drift", request_time_of(sensor), None)
    (event,) = decision.events
    assert event.type is EventType.POST_RUN_DRIFT
    assert event.detail == {
        "previousCount": 100,
        "currentCount": 150,
        "delta": 50,
        "driftThreshold": 10,
        "driftField": "rows",
        "sensorKey": "audit",
    }


@pytest.mark.parametrize("baseline", [{"audit": {"rows": 100}}, {}])
def test_two_writes_within_a_second_are_two_events(
    config: PipelineConfig, done: Run, baseline: Mapping[str, object]
) -> None:
    """The stream gives both the same time: drift and the rules' verdict alike."""
    ledger = audit(1, key="ledger")

    def report(rows: int) -> str:
        sensor = audit(rows)
        decision = decide_post_run(sensor, config, facts(done, sensor, ledger, baseline=baseline))
        assert isinstance(decision, RequestRerun | NoteAfterRun)
        return decision.events[0].id

    assert report(150) != report(200)
    assert report(150) == report(150)


def test_drift_of_an_excluded_date_is_only_reported(config: PipelineConfig, done: Run) -> None:
    sensor = audit(150)
    excluded = Exclusions(dates=frozenset({date(2026, 3, 3)}))
    known = facts(done, sensor, baseline={"audit": {"rows": 100}}, exclusions=excluded)
    decision = decide_post_run(sensor, config, known)
    assert isinstance(decision, NoteAfterRun)
    assert types(decision) == ["POST_RUN_DRIFT"]


def test_drift_makes_no_second_request_next_to_one_that_waits(config: PipelineConfig, done: Run) -> None:
    sensor = audit(150)
    waiting = StandingRequest("2026-03-03T13:59:00Z", waits=True)
    decision = decide_post_run(sensor, config, facts(done, sensor, baseline={"audit": {"rows": 100}}, request=waiting))
    assert isinstance(decision, NoteAfterRun)
    assert types(decision) == ["POST_RUN_DRIFT"]


def test_a_record_with_an_answered_request_makes_no_other(config: PipelineConfig, done: Run) -> None:
    sensor = audit(150)
    known = facts(done, sensor, baseline={"audit": {"rows": 100}}, has_asked=True)
    assert isinstance(decide_post_run(sensor, config, known), Ignore)


def test_drift_during_job_is_only_reported(config: PipelineConfig, run: Run) -> None:
    sensor, passed = audit(150), replace(run, evaluated_at=NOW - timedelta(minutes=1))
    decision = decide_post_run(sensor, config, facts(passed, sensor, baseline={"audit": {"rows": 100}}))
    assert isinstance(decision, Announce)
    assert types(decision) == ["POST_RUN_DRIFT_INFLIGHT"]


def test_a_retry_before_its_evaluation_reports_no_drift(config: PipelineConfig, run: Run) -> None:
    sensor, retried = audit(150), replace(run, attempt=1, evaluated_at=None)
    assert isinstance(
        decide_post_run(sensor, config, facts(retried, sensor, baseline={"audit": {"rows": 100}})), Ignore
    )


def test_a_redelivered_record_seen_by_the_retry_is_ignored(config: PipelineConfig, run: Run) -> None:
    sensor = audit(150)
    retried = replace(run, attempt=1, evaluated_at=sensor.written_at + timedelta(minutes=1))
    assert isinstance(
        decide_post_run(sensor, config, facts(retried, sensor, baseline={"audit": {"rows": 100}})), Ignore
    )


@pytest.mark.parametrize("baseline", [{}, {"audit": 100}, {"rows": 100}, {"ledger": {"rows": 1}}])
def test_without_a_baseline_of_this_sensor_nothing_drifts(
    config: PipelineConfig, run: Run, baseline: Mapping[str, object]
) -> None:
    sensor = audit(150)
    assert isinstance(decide_post_run(sensor, config, facts(run, sensor, baseline=baseline)), Ignore)


@pytest.mark.parametrize(
    ("rows", "ledger", "reported"),
    [
        (100, True, ["POST_RUN_PASSED"]),
        (99, True, ["POST_RUN_FAILED"]),
        (99, False, ["POST_RUN_FAILED"]),
        (100, False, None),
    ],
)
def test_the_rules_wait_for_missing_sensors_only(
    config: PipelineConfig, done: Run, rows: int, ledger: bool, reported: list[str] | None
) -> None:
    sensor = audit(rows)
    others = [audit(1, key="ledger")] if ledger else []
    decision = decide_post_run(sensor, config, facts(done, sensor, *others))
    if reported is None:
        assert isinstance(decision, Ignore)
        assert "ledger" in decision.reason
    else:
        assert isinstance(decision, NoteAfterRun)
        assert types(decision) == reported
        assert decision.settled is ledger


def test_a_newer_write_supersedes_the_record(config: PipelineConfig, done: Run) -> None:
    known = facts(done, audit(100), baseline={"audit": {"rows": 100}})
    assert isinstance(decide_post_run(audit(150), config, known), Ignore)


def test_a_record_that_the_evaluation_saw_changes_nothing(config: PipelineConfig, done: Run) -> None:
    sensor = audit(150, at=NOW - timedelta(hours=2))
    assert isinstance(decide_post_run(sensor, config, facts(done, sensor, baseline={"audit": {"rows": 1}})), Ignore)


@pytest.mark.parametrize("status", [None, RunStatus.FAILED_FINAL])
def test_without_a_run_to_compare_with_nothing_happens(
    config: PipelineConfig, done: Run, status: RunStatus | None
) -> None:
    run = None if status is None else replace(done, status=status)
    assert isinstance(decide_post_run(audit(150), config, facts(run, baseline={"audit": {"rows": 1}})), Ignore)


def test_a_watched_trigger_drifts_instead_of_being_late(config: PipelineConfig, done: Run) -> None:
    assert config.post_run is not None
    rules = config.post_run.rules
    both = replace(config, post_run=replace(config.post_run, rules=(replace(rules[0], key="landing"),)))
    sensor = audit(150, key="landing")
    known = facts(done, sensor, baseline={"landing": {"rows": 100}})
    decision = decide_sensor(sensor, both, known, execution_timeout=TIMEOUT)
    assert isinstance(decision, RequestRerun)
    assert decision.reason == "data-drift"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({}, ("audit", "ledger")),
        ({"audit": {"rows": 1}}, ("ledger",)),
        ({"audit": {"rows": 1}, "ledger": {"updatedAt": "2026-03-03T13:29:59Z"}}, ("ledger",)),
        ({"audit": {"rows": 1}, "ledger": {"updatedAt": "2026-03-03T13:30:01Z"}}, ()),
    ],
)
def test_a_sensor_is_awaited_until_it_reports_after_the_close(
    config: PipelineConfig, done: Run, rows: Mapping[str, Mapping[str, object]], expected: tuple[str, ...]
) -> None:
    assert awaited(config, done, rows, KeptRows()) == expected


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"date": "2026-03-03", "hour": "11", "updatedAt": "2026-03-03T11:05:00Z"}, False),
        ({}, False),
        ({"date": "2026-03-03", "hour": "12"}, True),
        (None, True),
    ],
)
def test_a_post_run_rule_on_the_triggers_key_needs_a_row(
    config: PipelineConfig, done: Run, fields: dict[str, object] | None, missing: bool
) -> None:
    assert config.post_run is not None
    rule = replace(config.post_run.rules[0], key="landing")
    shared = replace(config, post_run=replace(config.post_run, rules=(rule,)))
    rows = {} if fields is None else {"landing": fields}
    assert awaited(shared, done, rows, KeptRows()) == (("landing",) if missing else ())
    kept = KeptRows({"landing": KeptRow({"rows": 100}, NOW)}, 1)
    # A row that was deleted is not there, whatever the date has kept.
    assert awaited(shared, done, rows, kept) == (("landing",) if fields is None else ())


@pytest.mark.parametrize(("seconds", "missing"), [(-1, True), (0, True), (1, False)])
def test_a_post_run_row_counts_from_the_jobs_start(
    config: PipelineConfig, done: Run, seconds: int, missing: bool
) -> None:
    started_at = NOW - timedelta(hours=1)
    intent = JobIntent(0, "key", started_at, "command", {}, started_at, run_id="r", started_at=started_at)
    stamp = (started_at + timedelta(seconds=seconds)).isoformat()
    rows = {"audit": {"updatedAt": stamp}, "ledger": {}}
    assert awaited(config, replace(done, job_intent=intent), rows, KeptRows()) == (("audit",) if missing else ())


@pytest.mark.parametrize(
    ("fields", "closed_day", "missing"),
    [
        ({"updatedAt": "2026-03-03T23:59:59Z"}, 3, False),
        ({"updatedAt": "2026-03-04T00:00:00Z"}, 3, True),
        ({"updatedAt": "2026-03-04T14:00:00Z"}, 4, True),
        ({"date": "2026-03-03", "updatedAt": "2026-03-04T14:00:00Z"}, 4, False),
        ({}, 3, False),
        ({}, 4, True),
        ({"date": "2026-03-03"}, 4, False),
    ],
)
def test_row_without_date_is_no_report_on_another_day(
    config: PipelineConfig, done: Run, fields: dict[str, object], closed_day: int, missing: bool
) -> None:
    """The stream-router judges such a row for the day of its writing. Without a report the result would be lost."""
    closed = replace(done, closed_at=datetime(2026, 3, closed_day, 13, tzinfo=UTC))
    rows = {"audit": fields, "ledger": {"date": "2026-03-03"}}
    assert awaited(config, closed, rows, KeptRows()) == (("audit",) if missing else ())


def test_a_baseline_that_no_row_can_hold_is_not_taken(config: PipelineConfig, key: RunKey) -> None:
    assert take_baseline(config, key, {"audit": {"rows": 1}}) == {"audit": {"rows": 1}}
    taken = take_baseline(config, key, {"audit": {"text": "x" * 300_001}})
    assert isinstance(taken, NoBaseline)
    assert "300" in taken.reason


def test_a_record_before_the_close_may_only_be_drift(config: PipelineConfig, done: Run) -> None:
    assert done.closed_at is not None
    before = audit(100, at=done.closed_at - timedelta(seconds=2))
    others = audit(1, key="ledger")
    assert isinstance(decide_post_run(before, config, facts(done, before, others)), Ignore)
    drifted = decide_post_run(before, config, facts(done, before, others, baseline={"audit": {"rows": 1}}))
    assert isinstance(drifted, RequestRerun)


def test_another_dates_plain_row_is_not_a_report(config: PipelineConfig, done: Run) -> None:
    stamp = (NOW + timedelta(minutes=1)).isoformat()
    rows = {"audit": {"date": "2026-03-04", "hour": "11", "updatedAt": stamp}, "ledger": {"updatedAt": stamp}}
    assert awaited(config, done, rows, KeptRows()) == ("audit",)


def test_another_dates_plain_row_is_not_a_baseline(config: PipelineConfig, run: Run) -> None:
    rows = {"audit": {"date": "2026-03-02", "rows": 7}, "ledger": {"rows": 1}}
    assert take_baseline(config, run.key, rows) == {"ledger": {"rows": 1}}


def test_the_earlier_baseline_stays_without_a_row_of_the_date(config: PipelineConfig, run: Run) -> None:
    rows = {"audit": {"date": "2026-03-04", "rows": 7}, "ledger": {"rows": 1}}
    earlier: dict[str, object] = {"audit": {"rows": 100}, "ledger": {"rows": 0}, "gone": {"rows": 9}}
    assert take_baseline(config, run.key, rows, earlier=earlier) == {"audit": {"rows": 100}, "ledger": {"rows": 1}}
    assert take_baseline(config, run.key, rows, earlier={"audit": 100}) == {"ledger": {"rows": 1}}


def test_a_post_run_without_rules_watches_nothing(config: PipelineConfig, done: Run) -> None:
    assert config.post_run is not None
    silent = replace(config, post_run=replace(config.post_run, rules=()))
    assert take_baseline(silent, done.key, {"audit": {"rows": 1}}) is None
    assert path_of(audit(), silent) is None
    assert awaited(silent, done, {}, KeptRows()) == ()
    sensor = audit(150, key="landing")
    late = decide_sensor(sensor, silent, facts(done, sensor), execution_timeout=TIMEOUT)
    assert types(late) == ["LATE_DATA_ARRIVAL"]


DAY = {"date": "2026-03-03", "rows": 150}
HOUR = DAY | {"hour": "11"}


@pytest.mark.parametrize(
    ("key", "fields", "date", "reports"),
    [
        ("audit", HOUR, "2026-03-03", True),
        ("audit#2026-03-03", HOUR, "2026-03-03", True),
        ("audit#2026-03-03T11", {}, "2026-03-03", False),
        ("audit", HOUR, "2026-03-04", False),
        ("audit", HOUR, "2026-03-03T10", False),
        ("audit", DAY, "2026-03-03T10", True),
        ("audit#20260303", DAY, "2026-03-03T10", True),
        ("audit#eu", DAY, "2026-03-03T10", False),
        ("audit", {"rows": 1}, "2026-03-03T10", True),
        ("audit", {"date": "3 March"}, "2026-03-03T10", False),
        ("landing", DAY, "2026-03-03T10", False),
    ],
)
def test_a_report_counts_for_the_runs_that_read_its_row(
    config: PipelineConfig, key: str, fields: dict[str, Any], date: str, reports: bool
) -> None:
    run = RunKey("bronze-orders", "stream", parse_execution_date(date))
    assert reports_on(Sensor("bronze-orders", key, fields, NOW), config, run) is reports


@pytest.mark.parametrize(
    ("key", "fields", "day"),
    [
        ("audit", HOUR, "2026-03-03"),
        ("audit", DAY, "None"),
        ("audit#2026-03-03T11", {}, "None"),
        ("landing", HOUR, "None"),
    ],
)
def test_an_hours_report_has_a_day(config: PipelineConfig, key: str, fields: dict[str, Any], day: str) -> None:
    found = day_of_report(Sensor("bronze-orders", key, fields, NOW), config)
    assert str(found.date if found is not None else None) == day


@pytest.mark.parametrize(
    ("now_there", "more", "reported"),
    [
        (HOUR, {}, ["POST_RUN_PASSED"]),
        (HOUR | {"hour": "12"}, {}, []),
        (DAY, {}, []),
        ({"date": "2026-03-04"}, {}, ["POST_RUN_PASSED"]),
        (HOUR, {"audit#2026-03-03": {"rows": 7}}, []),
    ],
)
def test_an_hours_report_is_judged_for_its_day(
    config: PipelineConfig, done: Run, now_there: dict[str, Any], more: dict[str, Any], reported: list[str]
) -> None:
    daily = replace(done, key=replace(done.key, date=parse_execution_date("2026-03-03")))
    config = replace(config, post_run=replace(config.post_run, rules=config.post_run.rules[:1]))
    sensor = Sensor("bronze-orders", "audit", HOUR, NOW)
    known = SensorFacts(daily, True, NOBODY, sensors={"audit": now_there, **more})
    decision = decide_post_run(sensor, config, known, daily.key)
    assert (types(decision) if isinstance(decision, NoteAfterRun) else []) == reported
    if isinstance(decision, NoteAfterRun):
        assert decision.run == daily
        assert decision.events[0].date == "2026-03-03"


def test_an_hours_report_does_not_replace_the_days_kept_row(config: PipelineConfig, done: Run) -> None:
    daily = replace(done, key=replace(done.key, date=parse_execution_date("2026-03-03")))
    kept = KeptRows({"audit": KeptRow(DAY, NOW)}, 1)
    known = SensorFacts(daily, True, NOBODY, sensors={"audit": HOUR}, kept=kept, baseline={"audit": {"rows": 1}})
    assert isinstance(decide_post_run(Sensor("bronze-orders", "audit", HOUR, NOW), config, known, daily.key), Ignore)


@pytest.mark.parametrize(
    ("fields", "now_there", "overtaken"),
    [
        # Neither date nor time: nothing says whether the newer write is of the same day.
        ({"rows": 1}, {"rows": 2}, False),
        ({"rows": 1}, {"rows": 1}, False),
        ({"rows": 1}, None, False),
        ({"rows": 1}, {"rows": 2, "updatedAt": "2026-03-03T14:00:01Z"}, True),
        ({"rows": 1}, {"rows": 2, "updatedAt": "2026-03-04T14:00:01Z"}, False),
        (DAY, DAY | {"rows": 2}, True),
        (DAY, {"date": "2026-03-04"}, False),
        (DAY, HOUR, False),
    ],
)
def test_a_newer_write_of_the_same_date_overtakes_a_record(
    config: PipelineConfig, fields: dict[str, Any], now_there: dict[str, Any] | None, overtaken: bool
) -> None:
    assert is_overtaken(Sensor("bronze-orders", "audit", fields, NOW), now_there, config) is overtaken

"""Dry runs: the time at which the job would be triggered, and the decisions afterwards."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import (
    Announce,
    AnswerDryRun,
    DryRun,
    Ignore,
    JobEntry,
    KeptRows,
    NoteArrival,
    ObserveRun,
    OpenAttempt,
    RejectRerun,
    RerunEntry,
    RunKey,
    Sensor,
)
from interlock_lifecycle.dryrun import DryRunFacts, FailureFacts, decide_dry_run, decide_dry_run_failure, project_sla
from interlock_lifecycle.events import EventType
from interlock_lifecycle.reruns import RerunFacts, RerunRequest, decide_rerun
from interlock_lifecycle.sensors import SensorPath, path_of
from interlock_rules import KeptRow
from interlock_sla import Exclusions, parse_execution_date

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
KEY = RunKey("bronze", "stream", parse_execution_date("2026-03-03"))
NOBODY = Exclusions()

PIPELINE = """
pipeline: {id: bronze}
dryRun: true
schedule:
  trigger: {key: landing, check: equals, field: complete, value: true}
  evaluation: {window: 30m, interval: 5m}
sla: {maxDuration: 30m, expectedDuration: 10m}
validation:
  rules: [{key: landing, check: gte, field: count, value: 100}, {key: catalog, check: exists}]
job: {type: command, config: {command: "true"}, maxRetries: 1, maxManualReruns: 1}
postRun: {driftField: rows, rules: [{key: audit, check: exists}]}
"""


@pytest.fixture
def config() -> PipelineConfig:
    return decode_yaml(PIPELINE, "bronze.yaml")


def landing(at: datetime = NOW, **fields: object) -> Sensor:
    return Sensor("bronze", "landing", {"date": "2026-03-03", "complete": True, "count": 120, **fields}, at)


CATALOG = {"catalog": {"ok": True}}


def facts(*sensors: Sensor, dry_run: DryRun | None = None, rows: Any = CATALOG, **more: Any) -> DryRunFacts:
    found = {**rows, **{sensor.key: sensor.fields for sensor in sensors}}
    known: dict[str, Any] = {"arrived_at": None, "exclusions": NOBODY, "baseline": {}, **more}
    return DryRunFacts(dry_run or DryRun(KEY), sensors=found, **known)


def types(decision: Any) -> list[str]:
    return [str(event.type) for event in decision.events]


@pytest.mark.parametrize(
    ("key", "path"),
    [("landing", SensorPath.DRY_RUN), ("catalog", SensorPath.DRY_RUN), ("audit", SensorPath.DRY_RUN), ("cat", None)],
)
def test_a_dry_run_looks_at_every_sensor_that_it_names(
    config: PipelineConfig, key: str, path: SensorPath | None
) -> None:
    assert path_of(Sensor("bronze", key, {"x": 1}, NOW), config) is path


def test_another_dates_trigger_row_does_not_trigger(config: PipelineConfig) -> None:
    yesterday = {"landing": {"date": "2026-03-02", "complete": True, "count": 120}}
    catalog = Sensor("bronze", "catalog", {"ok": True}, NOW)
    assert isinstance(decide_dry_run(catalog, config, facts(catalog, rows=yesterday)), Ignore)


def test_the_job_would_be_triggered_once_all_rules_hold(config: PipelineConfig) -> None:
    sensor = landing()
    decision = decide_dry_run(sensor, config, facts(sensor))
    assert isinstance(decision, ObserveRun)
    assert types(decision) == ["DRY_RUN_WOULD_TRIGGER", "DRY_RUN_SLA_PROJECTION", "DRY_RUN_COMPLETED"]
    assert (decision.dry_run.triggered_at, decision.arrived_at, decision.baseline) == (NOW, NOW, {})
    projection = decision.events[1].detail
    assert decision.events[1].message == "projected SLA status met: 20m left"
    assert projection == {
        "status": "met",
        "triggeredAt": "2026-03-03T12:00:00Z",
        "estimatedCompletion": "2026-03-03T12:10:00Z",
        "expectedDuration": "10m",
        "deadline": "2026-03-03T12:30:00Z",
        "marginSeconds": 1200,
    }
    assert decision.events[2].detail == {
        "triggeredAt": "2026-03-03T12:00:00Z",
        "slaStatus": "met",
        "estimatedCompletion": "2026-03-03T12:10:00Z",
        "deadline": "2026-03-03T12:30:00Z",
    }


def test_a_rule_that_holds_later_counts_from_the_first_arrival(config: PipelineConfig) -> None:
    catalog = Sensor("bronze", "catalog", {"date": "2026-03-03"}, NOW + timedelta(minutes=25))
    decision = decide_dry_run(catalog, config, facts(landing(), catalog, rows={}, arrived_at=NOW))
    assert isinstance(decision, ObserveRun)
    assert decision.arrived_at is None
    detail = decision.events[1].detail
    assert detail is not None
    assert (detail["status"], detail["marginSeconds"]) == ("breach", -300)


def test_a_trigger_without_its_rules_notes_the_arrival_once(config: PipelineConfig) -> None:
    sensor = landing(count=5)
    first = decide_dry_run(sensor, config, facts(sensor))
    assert first == NoteArrival(KEY, NOW, kept=KeptRows({"landing": KeptRow(sensor.fields, NOW)}, 1))
    again = decide_dry_run(sensor, config, facts(sensor, arrived_at=NOW - timedelta(minutes=1)))
    assert isinstance(again, Ignore)
    assert "count" in again.reason


def test_after_the_window_a_live_run_would_have_given_up(config: PipelineConfig) -> None:
    sensor = landing()
    late = facts(sensor, arrived_at=NOW - timedelta(minutes=31))
    assert isinstance(decide_dry_run(sensor, config, late), Ignore)


def test_without_an_sla_there_is_no_projection(config: PipelineConfig) -> None:
    sensor = landing()
    decision = decide_dry_run(sensor, replace(config, sla=None), facts(sensor))
    assert types(decision) == ["DRY_RUN_WOULD_TRIGGER", "DRY_RUN_COMPLETED"]
    assert isinstance(decision, ObserveRun)
    assert decision.events[1].detail == {"triggeredAt": "2026-03-03T12:00:00Z", "slaStatus": "n/a"}


@pytest.mark.parametrize(("minutes", "status"), [(19, "met"), (20, "breach"), (21, "breach")])
def test_the_projection_is_met_only_before_the_deadline(config: PipelineConfig, minutes: int, status: str) -> None:
    projection = project_sla(config, KEY, NOW + timedelta(minutes=minutes), NOW, NOBODY)
    assert projection is not None
    assert projection["status"] == status


def test_on_an_excluded_day_it_is_dormant_too(config: PipelineConfig) -> None:
    sensor = landing()
    excluded = Exclusions(dates=frozenset({date(2026, 3, 3)}))
    decision = decide_dry_run(sensor, config, facts(sensor, exclusions=excluded))
    assert types(decision) == ["PIPELINE_EXCLUDED"]


@pytest.fixture
def triggered(config: PipelineConfig) -> DryRun:
    sensor = landing()
    decision = decide_dry_run(sensor, config, facts(sensor))
    assert isinstance(decision, ObserveRun)
    return decision.dry_run


def test_the_same_record_again_is_not_late_data(config: PipelineConfig, triggered: DryRun) -> None:
    sensor = landing()
    assert isinstance(decide_dry_run(sensor, config, facts(sensor, dry_run=triggered)), Ignore)


@pytest.mark.parametrize("seconds", [0, 60])
def test_other_data_afterwards_is_late_data(config: PipelineConfig, triggered: DryRun, seconds: int) -> None:
    sensor = landing(at=NOW + timedelta(seconds=seconds), count=130)
    decision = decide_dry_run(sensor, config, facts(sensor, dry_run=triggered))
    assert isinstance(decision, Announce)
    assert types(decision) == ["DRY_RUN_LATE_DATA"]


def test_a_post_run_sensor_that_moved_is_drift(config: PipelineConfig, triggered: DryRun) -> None:
    audit = Sensor("bronze", "audit", {"date": "2026-03-03", "rows": 0}, NOW + timedelta(hours=1))
    baseline = {"audit": {"rows": 5000}}
    decision = decide_dry_run(audit, config, facts(audit, dry_run=triggered, baseline=baseline))
    assert types(decision) == ["DRY_RUN_DRIFT"]
    assert isinstance(decide_dry_run(audit, config, facts(audit, dry_run=triggered)), Ignore)


def request(at: datetime = NOW + timedelta(hours=2), reason: str = "manual") -> RerunRequest:
    return RerunRequest(KEY, reason, at.isoformat(), at)


def rerun_facts(dry_run: DryRun | None, updated: datetime | None, **more: Any) -> RerunFacts:
    known: dict[str, Any] = {"exclusions": NOBODY, "entries": [], "reruns": [], **more}
    return RerunFacts(run=None, newest_sensor_update=updated, dry_run=dry_run, **known)


@pytest.mark.parametrize(
    ("used", "updated", "reported"),
    [
        ((), NOW + timedelta(hours=1), ["DRY_RUN_WOULD_RERUN"]),
        ((), None, ["DRY_RUN_WOULD_RERUN"]),
        ((), NOW - timedelta(hours=1), ["DRY_RUN_RERUN_REJECTED"]),
        (("manual",), NOW + timedelta(hours=1), ["DRY_RUN_RERUN_REJECTED"]),
        (("late-data",), NOW + timedelta(hours=1), ["DRY_RUN_WOULD_RERUN"]),
    ],
)
def test_a_rerun_request_is_answered_as_a_live_one_would_be(
    config: PipelineConfig, triggered: DryRun, used: tuple[str, ...], updated: datetime | None, reported: list[str]
) -> None:
    dry_run = replace(triggered, reruns=used)
    decision = decide_rerun(request(), rerun_facts(dry_run, updated), config, execution_timeout=timedelta(hours=4))
    assert isinstance(decision, AnswerDryRun)
    assert types(decision) == reported
    accepted = reported == ["DRY_RUN_WOULD_RERUN"]
    assert decision.after.reruns == ((*used, "manual") if accepted else used)


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.parametrize("used", [0, 1])
@pytest.mark.parametrize("excluded", [False, True])
def test_dry_runs_and_live_runs_decide_alike_on_equal_facts(
    config: PipelineConfig, triggered: DryRun, hours: int, used: int, excluded: bool
) -> None:
    """Invariant (i): the live side has the success and the reruns in its tables, the dry_run on its row."""
    days = Exclusions(dates=frozenset({date(2026, 3, 3)})) if excluded else NOBODY
    updated = NOW + timedelta(hours=hours)
    dry_run = replace(triggered, reruns=("manual",) * used)
    observed = decide_rerun(
        request(), rerun_facts(dry_run, updated, exclusions=days), config, execution_timeout=timedelta(hours=4)
    )
    live = rerun_facts(
        None,
        updated,
        exclusions=days,
        entries=[JobEntry(KEY, NOW, "success")],
        reruns=[RerunEntry(KEY, "manual", NOW)] * used,
    )
    real = decide_rerun(request(), live, replace(config, dry_run=False), execution_timeout=timedelta(hours=4))
    assert isinstance(observed, AnswerDryRun)
    assert isinstance(real, OpenAttempt | RejectRerun)
    assert (observed.after != observed.before) == isinstance(real, OpenAttempt)
    assert ("PIPELINE_EXCLUDED" in types(observed)) == ("PIPELINE_EXCLUDED" in types(real))


@pytest.fixture
def fail() -> Callable[..., JobEntry]:
    def make(category: str | None = None, event: str = "fail") -> JobEntry:
        return JobEntry(KEY, NOW + timedelta(hours=1), event, category=category, error="boom")

    return make


@pytest.mark.parametrize(
    ("category", "event", "retries", "reported"),
    [
        (None, "fail", 0, "DRY_RUN_WOULD_RETRY"),
        ("TRANSIENT", "timeout", 0, "DRY_RUN_WOULD_RETRY"),
        ("TRANSIENT", "fail", 1, "DRY_RUN_RETRY_EXHAUSTED"),
        ("PERMANENT", "fail", 0, "DRY_RUN_WOULD_RETRY"),
        ("PERMANENT", "fail", 1, "DRY_RUN_RETRY_EXHAUSTED"),
    ],
)
def test_an_external_failure_is_judged_by_the_live_budgets(
    config: PipelineConfig, fail: Callable[..., JobEntry], category: str | None, event: str, retries: int, reported: str
) -> None:
    known = FailureFacts(DryRun(KEY, NOW, retries=retries), NOBODY)
    decision = decide_dry_run_failure(fail(category, event), config, known, at=NOW)
    assert isinstance(decision, AnswerDryRun)
    assert types(decision) == [reported]
    assert decision.after.retries == retries + (reported == "DRY_RUN_WOULD_RETRY")


def test_a_failure_is_judged_once_and_a_success_not_at_all(
    config: PipelineConfig, fail: Callable[..., JobEntry]
) -> None:
    dry_run = DryRun(KEY, NOW)
    assert isinstance(decide_dry_run_failure(fail(), config, FailureFacts(dry_run, NOBODY, True), at=NOW), Ignore)
    assert isinstance(
        decide_dry_run_failure(fail(event="success"), config, FailureFacts(dry_run, NOBODY), at=NOW), Ignore
    )


@pytest.mark.parametrize(
    ("dry_run", "key"), [(DryRun(KEY), "landing"), (DryRun(KEY, NOW), "landing"), (DryRun(KEY, NOW), "audit")]
)
def test_two_writes_within_a_second_are_two_events(config: PipelineConfig, dry_run: DryRun, key: str) -> None:
    """The stream gives both the same time. The start, late data and drift are alike."""

    def report(number: int) -> str:
        written = {"date": "2026-03-03", "complete": True, "count": number, "rows": number}
        sensor = Sensor("bronze", key, written, NOW + timedelta(minutes=1))
        decision = decide_dry_run(sensor, config, facts(sensor, dry_run=dry_run, baseline={"audit": {"rows": 5}}))
        assert isinstance(decision, ObserveRun | Announce)
        return decision.events[0].id

    assert report(150) != report(200)
    assert report(150) == report(150)


MIDNIGHT = datetime(2026, 3, 4, 0, 5, tzinfo=UTC)
TOMORROW = Exclusions(dates=frozenset({date(2026, 3, 4)}))


def test_a_date_begun_before_an_excluded_day_goes_on(config: PipelineConfig) -> None:
    """As a live run does: the exclusion counts when a run would be opened."""
    catalog = Sensor("bronze", "catalog", {"date": "2026-03-03"}, MIDNIGHT)
    began = MIDNIGHT - timedelta(minutes=15)
    known = facts(landing(), catalog, rows={}, arrived_at=began, exclusions=TOMORROW)
    decision = decide_dry_run(catalog, config, known)
    assert isinstance(decision, ObserveRun)
    assert decision.dry_run.triggered_at == MIDNIGHT


def test_a_trigger_that_comes_again_after_midnight_is_seen(config: PipelineConfig) -> None:
    again = landing(MIDNIGHT)
    began = MIDNIGHT - timedelta(minutes=15)
    decision = decide_dry_run(again, config, facts(again, arrived_at=began, exclusions=TOMORROW))
    assert isinstance(decision, ObserveRun)
    assert types(decision)[0] == "DRY_RUN_WOULD_TRIGGER"
    assert len({event.id for event in decision.events}) == len(decision.events)


def test_on_an_excluded_day_nothing_that_waits_is_begun(config: PipelineConfig) -> None:
    catalog = Sensor("bronze", "catalog", {"date": "2026-03-03"}, MIDNIGHT)
    assert isinstance(decide_dry_run(catalog, config, facts(landing(), catalog, exclusions=TOMORROW)), Ignore)
    again = landing(MIDNIGHT)
    assert types(decide_dry_run(again, config, facts(again, exclusions=TOMORROW))) == ["PIPELINE_EXCLUDED"]


def test_after_the_observation_an_excluded_day_hides_nothing(config: PipelineConfig) -> None:
    done = DryRun(KEY, NOW)
    known: dict[str, Any] = {"dry_run": done, "exclusions": TOMORROW, "baseline": {"audit": {"rows": 5}}}
    late, audit = landing(MIDNIGHT, count=130), Sensor("bronze", "audit", {"date": "2026-03-03", "rows": 7}, MIDNIGHT)
    assert types(decide_dry_run(late, config, facts(late, **known))) == ["DRY_RUN_LATE_DATA"]
    assert types(decide_dry_run(audit, config, facts(audit, **known))) == ["DRY_RUN_DRIFT"]


def test_a_failure_of_an_excluded_date_would_not_be_retried(
    config: PipelineConfig, fail: Callable[..., JobEntry]
) -> None:
    excluded = Exclusions(dates=frozenset({date(2026, 3, 3)}))
    decision = decide_dry_run_failure(fail(), config, FailureFacts(DryRun(KEY, NOW), excluded), at=NOW)
    assert isinstance(decision, AnswerDryRun)
    assert [event.type for event in decision.events] == [EventType.PIPELINE_EXCLUDED]

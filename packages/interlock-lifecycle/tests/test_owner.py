"""The events for people name the owner of the pipeline, and the execution if there is one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import (
    CloseRun,
    CorruptedRun,
    CountedRejections,
    Ignore,
    JobOutcome,
    Pause,
    Rejections,
    Run,
    RunKey,
    RunStatus,
    Sensor,
)
from interlock_lifecycle.dates import ExpectedStart, ExpiryFacts, decide_missed, expire_trigger
from interlock_lifecycle.events import Event
from interlock_lifecycle.reruns import RerunFacts, RerunRequest, decide_rerun, report_rejections
from interlock_lifecycle.rows import RepairFacts, decide_repair
from interlock_lifecycle.runs import CloseFacts, ExecutionEnded, decide_completion, decide_recovery
from interlock_lifecycle.runs._pause import park
from interlock_lifecycle.sensors import (
    NoBaseline,
    SensorFacts,
    Stranded,
    decide_rejection,
    decide_sensor,
    miss_post_run,
    problem_of,
    recover_trigger,
    report_undated,
)
from interlock_lifecycle.sensors._baseline import baseline_events
from interlock_lifecycle.slas import SlaFacts
from interlock_lifecycle.waits._held import decide_hold
from interlock_sla import Exclusions, parse_execution_date

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
KEY = RunKey("bronze", "stream", parse_execution_date("2026-03-03"))
RUN = Run(key=KEY, status=RunStatus.RUNNING, attempt=0, run_token="token0", committed_at=NOW)
PIPELINE = """
pipeline: {id: bronze, owner: data-platform}
schedule: {trigger: {key: landing, check: exists, deadline: "09:00"}}
sla: {maxDuration: 30m, expectedDuration: 10m}
validation: {rules: [{key: landing, check: exists}]}
postRun: {rules: [{key: audit, check: exists}]}
job: {type: command, config: {command: "true"}}
"""
CONFIG = decode_yaml(PIPELINE, "bronze.yaml")


def met(config: PipelineConfig, sla: SlaFacts) -> Event:
    facts = CloseFacts(RUN, config, 0, Exclusions(), sla)
    decision = decide_completion(facts, "token0", JobOutcome("success"), now=NOW, execution_timeout=TIMEOUT)
    assert isinstance(decision, CloseRun)
    return next(event for event in decision.events if event.type == "SLA_MET")


def recovered(config: PipelineConfig, sla: SlaFacts) -> Event:
    facts = CloseFacts(RUN, config, 0, Exclusions(), sla)
    decision = decide_recovery(facts, "token0", ExecutionEnded("FAILED"), now=NOW, execution_timeout=TIMEOUT)
    return decision.events[0]


def missed(config: PipelineConfig, sla: SlaFacts) -> Event:
    return decide_missed(config, ExpectedStart(KEY.date, NOW, irregular=False), NOW).events[0]


def expired(config: PipelineConfig, sla: SlaFacts) -> Event:
    return expire_trigger(config, KEY, NOW, ExpiryFacts(sla), NOW).events[0]


def absent(config: PipelineConfig, sla: SlaFacts) -> Event:
    return miss_post_run(config, RUN, ("audit",), NOW).events[0]


def stranded(config: PipelineConfig, sla: SlaFacts) -> Event:
    one = Stranded(KEY, "landing", NOW)
    return recover_trigger(one, config, has_arrival=False, now=NOW, execution_timeout=TIMEOUT).events[0]


def undated(config: PipelineConfig, sla: SlaFacts) -> Event:
    return report_undated(config, "landing", NOW).events[0]


def answered(config: PipelineConfig, *, run: Run | None = None, excluded: bool = False) -> tuple[Event, ...]:
    exclusions = Exclusions(dates=frozenset({KEY.date.day})) if excluded else Exclusions()
    facts = RerunFacts(run, exclusions, (), (), None)
    decision = decide_rerun(RerunRequest(KEY, "manual", "id", NOW), facts, config, execution_timeout=TIMEOUT)
    assert not isinstance(decision, Ignore)
    return decision.events


def counted(config: PipelineConfig) -> Event:
    rejections = CountedRejections(KEY, "marker", "manual", "already running", Rejections(NOW, 3))
    return report_rejections(rejections, NOW, config=config).events[0]


def sensed(config: PipelineConfig, run: Run | None, key: str = "landing", *, excluded: bool = False) -> Event:
    exclusions = Exclusions(dates=frozenset({KEY.date.day})) if excluded else Exclusions()
    facts = SensorFacts(run, True, exclusions, baseline={"audit": {"rows": 1}})
    record = Sensor("bronze", key, {"date": str(KEY.date), "rows": 9}, NOW + timedelta(hours=1))
    decision = decide_sensor(record, config, facts, execution_timeout=TIMEOUT)
    assert not isinstance(decision, Ignore), decision
    return decision.events[0]


def repaired(config: PipelineConfig, sla: SlaFacts, status: RunStatus | None) -> Event:
    row = CorruptedRun(KEY, "attempt is 'x'", status, 0, "token0", {})
    return decide_repair(row, RepairFacts(config, sla), NOW).events[0]


def rejected_row(config: PipelineConfig) -> Event:
    record = Sensor("bronze", "landing", {"date": "3 March"}, NOW)
    problem = problem_of(record, config)
    assert problem is not None
    return decide_rejection(record, problem, None, config).events[0]


COMPLETED = replace(RUN, status=RunStatus.COMPLETED, evaluated_at=NOW, closed_at=NOW)
FAILED = replace(COMPLETED, status=RunStatus.FAILED_FINAL)
DRIFTS = decode_yaml(PIPELINE.replace("postRun: {", "postRun: {driftField: rows, "), "bronze.yaml")
DRY = decode_yaml(PIPELINE.replace("schedule:", "dryRun: true\nschedule:"), "bronze.yaml")
ANSWERS: list[tuple[str, Callable[[SlaFacts], Event]]] = [
    ("RERUN_ACCEPTED", lambda sla: answered(CONFIG)[0]),
    ("RERUN_REJECTED", lambda sla: answered(CONFIG, run=RUN)[0]),
    ("PIPELINE_EXCLUDED", lambda sla: answered(CONFIG, excluded=True)[1]),
    ("DRY_RUN_WOULD_RERUN", lambda sla: answered(DRY)[0]),
    ("PIPELINE_EXCLUDED", lambda sla: answered(DRY, excluded=True)[1]),
    ("RERUN_REJECTED", lambda sla: counted(CONFIG)),
    ("LATE_DATA_ARRIVAL", lambda sla: sensed(CONFIG, COMPLETED)),
    ("LATE_DATA_ARRIVAL", lambda sla: sensed(CONFIG, FAILED)),
    ("PIPELINE_EXCLUDED", lambda sla: sensed(CONFIG, None, excluded=True)),
    ("POST_RUN_PASSED", lambda sla: sensed(CONFIG, COMPLETED, "audit")),
    ("POST_RUN_DRIFT", lambda sla: sensed(DRIFTS, COMPLETED, "audit")),
    ("POST_RUN_DRIFT_INFLIGHT", lambda sla: sensed(DRIFTS, replace(RUN, evaluated_at=NOW), "audit")),
    ("BASELINE_CAPTURE_FAILED", lambda sla: baseline_events(NoBaseline("?"), RUN, NOW, **OF_STEP)[0]),
    ("INFRA_FAILURE", lambda sla: repaired(CONFIG, sla, None)),
    ("ROW_CORRUPTED", lambda sla: repaired(CONFIG, sla, RunStatus.COMPLETED)),
    ("SENSOR_REJECTED", lambda sla: rejected_row(CONFIG)),
    ("RUN_HELD", lambda sla: park(RUN, Pause(None), NOW, CONFIG).events[0]),
    ("RUN_HELD", lambda sla: decide_hold(RUN, None, (), "a reason", NOW, config=CONFIG).events[0]),  # type: ignore[union-attr]
]
OF_STEP: dict[str, Any] = {"source": "evaluate token0", "ordinal": 1, "config": CONFIG}


@pytest.mark.parametrize(("kind", "make"), ANSWERS)
def test_each_other_event_names_the_owner(kind: str, make: Callable[[SlaFacts], Event], arrived: SlaFacts) -> None:
    event = make(arrived)
    assert (str(event.type), (event.detail or {}).get("owner")) == (kind, "data-platform")


OF_A_RUN = {"SLA_MET": met, "TRIGGER_RECOVERED": recovered, "POST_RUN_SENSOR_MISSING": absent}
OTHERS = {"SCHEDULE_MISSED": missed, "SENSOR_DEADLINE_EXPIRED": expired, "SENSOR_UNDATED": undated}
EVENTS = [*OF_A_RUN.items(), *OTHERS.items(), ("TRIGGER_RECOVERED", stranded)]


@pytest.mark.parametrize(("kind", "make"), EVENTS)
def test_event_names_the_owner(kind: str, make: Callable[[PipelineConfig, SlaFacts], Event], arrived: SlaFacts) -> None:
    event = make(CONFIG, arrived)
    assert event.type == kind
    assert event.detail is not None
    assert event.detail["owner"] == "data-platform"


@pytest.mark.parametrize(("kind", "make"), OF_A_RUN.items())
def test_event_of_a_run_names_its_execution(
    kind: str, make: Callable[[PipelineConfig, SlaFacts], Event], arrived: SlaFacts
) -> None:
    assert make(CONFIG, arrived).run_token == "token0"


@pytest.mark.parametrize("make", OTHERS.values(), ids=list(OTHERS))
def test_event_without_a_run_names_no_execution(
    make: Callable[[PipelineConfig, SlaFacts], Event], arrived: SlaFacts
) -> None:
    assert make(CONFIG, arrived).run_token is None

"""The events for people name the owner of the pipeline, and the execution if there is one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import CloseRun, JobOutcome, Run, RunKey, RunStatus
from interlock_lifecycle.dates import ExpectedStart, ExpiryFacts, decide_missed, expire_trigger
from interlock_lifecycle.events import Event
from interlock_lifecycle.runs import CloseFacts, ExecutionEnded, decide_completion, decide_recovery
from interlock_lifecycle.sensors import Stranded, miss_post_run, recover_trigger, report_undated
from interlock_lifecycle.slas import SlaFacts
from interlock_sla import Exclusions, parse_execution_date

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
KEY = RunKey("bronze", "stream", parse_execution_date("2026-03-03"))
RUN = Run(key=KEY, status=RunStatus.RUNNING, attempt=0, run_token="token0", committed_at=NOW)
CONFIG = decode_yaml(
    """
pipeline: {id: bronze, owner: data-platform}
schedule: {trigger: {key: landing, check: exists, deadline: "09:00"}}
sla: {maxDuration: 30m, expectedDuration: 10m}
validation: {rules: [{key: landing, check: exists}]}
postRun: {rules: [{key: audit, check: exists}]}
job: {type: command, config: {command: "true"}}
""",
    "bronze.yaml",
)


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

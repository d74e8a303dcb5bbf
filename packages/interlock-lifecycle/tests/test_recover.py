"""An execution that ended outside: the attempt goes on with its job, or evaluates its rules again."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle import CloseRun, Ignore, JobIntent, RecoverRun, Run, RunStatus
from interlock_lifecycle.runs import (
    CloseFacts,
    EvaluationFacts,
    EvaluationWindow,
    ExecutionEnded,
    HoldRun,
    Passed,
    decide_evaluation,
    decide_recovery,
)
from interlock_lifecycle.slas import SlaFacts
from interlock_sla import Exclusions

NOW = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
INTENT = JobIntent(0, "key", NOW, "glue", {"jobName": "j"}, NOW)
WINDOW = EvaluationWindow(NOW, timedelta(minutes=10), timedelta(minutes=1))


def recover(run: Run, config: PipelineConfig, sla: SlaFacts, token: str = "token0") -> object:
    facts = CloseFacts(run, config, 0, Exclusions(), sla)
    return decide_recovery(facts, token, ExecutionEnded("ABORTED"), now=NOW, execution_timeout=TIMEOUT)


@pytest.fixture
def passed(run: Run) -> Run:
    return replace(run, evaluated_at=NOW - timedelta(minutes=30))


def test_a_recovery_without_an_intent_evaluates_again(config: PipelineConfig, passed: Run, no_sla: SlaFacts) -> None:
    """Rules that held half an hour ago may not hold any more, and no intent was committed yet."""
    decision = recover(passed, config, no_sla)
    assert isinstance(decision, RecoverRun)
    assert decision.after.evaluated_at is None
    facts = EvaluationFacts(decision.after, config, "", {}, no_sla)
    assert isinstance(decide_evaluation(facts, decision.after.run_token, WINDOW, NOW), HoldRun)


def test_a_promised_job_is_adopted_without_another_evaluation(
    config: PipelineConfig, passed: Run, no_sla: SlaFacts
) -> None:
    decision = recover(replace(passed, job_intent=INTENT), config, no_sla)
    assert isinstance(decision, RecoverRun)
    assert (decision.after.job_intent, decision.after.evaluated_at) == (INTENT, passed.evaluated_at)
    assert decision.after.attempt == passed.attempt
    assert decision.after.run_token != passed.run_token
    facts = EvaluationFacts(decision.after, config, "", {}, no_sla)
    assert isinstance(decide_evaluation(facts, decision.after.run_token, WINDOW, NOW), Passed)


def test_after_two_recoveries_the_run_fails(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    decision = recover(replace(run, recoveries=2), config, no_sla)
    assert isinstance(decision, CloseRun)
    assert [str(event.type) for event in decision.events] == ["INFRA_FAILURE"]


def test_what_is_closed_or_another_s_is_left_alone(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    assert isinstance(recover(replace(run, status=RunStatus.COMPLETED), config, no_sla), Ignore)
    assert isinstance(recover(run, config, no_sla, token="another"), Ignore)

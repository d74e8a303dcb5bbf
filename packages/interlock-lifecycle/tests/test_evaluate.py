"""Whether a run may start its job: held with a reason, passed once, or out of time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle import CloseRun, JobIntent, OpenWait, PassEvaluation, Run, RunStatus, Superseded
from interlock_lifecycle.events import EventType
from interlock_lifecycle.reports import Progress, describe_run
from interlock_lifecycle.runs import EvaluationFacts, EvaluationWindow, HoldRun, Passed, WindowUsedUp, decide_evaluation
from interlock_lifecycle.slas import SlaFacts

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
WINDOW = EvaluationWindow(NOW, timedelta(minutes=10), timedelta(minutes=1))
ENOUGH = {"landing#2026-03-03T11": {"count": 100}}
TOO_FEW = {"landing#2026-03-03T11": {"count": 99}}


def facts(run: Run | None, config: PipelineConfig | None, sla: SlaFacts, sensors: object = None) -> EvaluationFacts:
    return EvaluationFacts(run, config, "unreadable", sensors or {}, sla)  # type: ignore[arg-type]


def test_rules_that_hold_let_the_run_pass_with_its_event(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    decision = decide_evaluation(facts(run, config, no_sla, ENOUGH), "token0", WINDOW, NOW)
    assert isinstance(decision, PassEvaluation)
    assert decision.evaluated_at == NOW
    assert [event.type for event in decision.events] == [EventType.VALIDATION_PASSED]


def test_rules_that_do_not_hold_hold_the_run_and_say_why(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    decision = decide_evaluation(facts(run, config, no_sla, TOO_FEW), "token0", WINDOW, NOW)
    assert isinstance(decision, HoldRun)
    assert decision.wait_seconds == 60
    assert "landing" in decision.reason
    assert "99" in decision.reason


def test_a_missing_sensor_holds(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    assert isinstance(decide_evaluation(facts(run, config, no_sla), "token0", WINDOW, NOW), HoldRun)


@pytest.mark.parametrize(
    ("minutes", "seconds", "expected"),
    [
        (9, 30, 30),
        (9, 59.5, 1),
        (0, 0, 60),
    ],
)
def test_the_last_look_is_at_the_end_of_the_window(
    config: PipelineConfig, run: Run, no_sla: SlaFacts, minutes: int, seconds: float, expected: int
) -> None:
    now = NOW + timedelta(minutes=minutes, seconds=seconds)
    decision = decide_evaluation(facts(run, config, no_sla, TOO_FEW), "token0", WINDOW, now)
    assert isinstance(decision, HoldRun)
    assert decision.wait_seconds == expected


def test_at_the_end_of_the_window_it_is_used_up(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    now = NOW + timedelta(minutes=10)
    decision = decide_evaluation(facts(run, config, no_sla, TOO_FEW), "token0", WINDOW, now)
    assert isinstance(decision, WindowUsedUp)
    assert "99" in decision.reason


SECRET = "${secret:prod/airflow#token} cannot be read: AccessDeniedException"


def test_unreadable_secret_holds_a_run_whose_rules_hold(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    blocked = replace(facts(run, config, no_sla, ENOUGH), blocks=(SECRET,))
    decision = decide_evaluation(blocked, "token0", WINDOW, NOW)
    assert isinstance(decision, HoldRun)
    assert decision.reason == SECRET
    # No row wakes the run, so it looks once per interval.
    assert (decision.wait_seconds, decision.look_seconds) == (60, 60)
    assert isinstance(decision.note, OpenWait)
    assert decision.note.wait.held == {SECRET: NOW}
    (event,) = decision.note.events
    assert (event.type, event.message) == (EventType.RUN_HELD, SECRET)
    assert describe_run(run, config, "", ENOUGH, no_sla, NOW).progress is not Progress.HELD
    report = describe_run(run, config, "", ENOUGH, no_sla, NOW, wait=decision.note.wait)
    assert (report.progress, report.reason, report.held_since) == (Progress.HELD, SECRET, NOW)


def test_rules_that_do_not_hold_are_named_before_a_secret(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    blocked = replace(facts(run, config, no_sla, TOO_FEW), blocks=(SECRET,))
    decision = decide_evaluation(blocked, "token0", WINDOW, NOW)
    assert isinstance(decision, HoldRun)
    assert "99" in decision.reason
    assert SECRET not in decision.reason


def test_window_of_a_blocked_run_ends_with_its_reason(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    blocked = replace(facts(run, config, no_sla, ENOUGH), blocks=(SECRET,))
    decision = decide_evaluation(blocked, "token0", WINDOW, NOW + timedelta(minutes=10))
    assert isinstance(decision, WindowUsedUp)
    assert decision.reason == SECRET


def test_rules_that_hold_at_the_very_end_still_pass(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    now = NOW + timedelta(minutes=10)
    assert isinstance(decide_evaluation(facts(run, config, no_sla, ENOUGH), "token0", WINDOW, now), PassEvaluation)


def test_a_wait_ends_five_seconds_before_a_deadline_in_it(config: PipelineConfig, run: Run, arrived: SlaFacts) -> None:
    now = NOW + timedelta(minutes=29, seconds=30)
    window = EvaluationWindow(NOW, timedelta(hours=1), timedelta(minutes=1))
    decision = decide_evaluation(facts(run, config, arrived, TOO_FEW), "token0", window, now)
    assert isinstance(decision, HoldRun)
    assert decision.wait_seconds == 25


@pytest.mark.parametrize("change", ["other token", "closed", "gone"])
def test_an_execution_that_no_longer_holds_the_run_ends_quietly(
    config: PipelineConfig, run: Run, no_sla: SlaFacts, change: str
) -> None:
    changed = {
        "other token": replace(run, run_token="token1"),
        "closed": replace(run, status=RunStatus.COMPLETED),
        "gone": None,
    }[change]
    assert isinstance(decide_evaluation(facts(changed, config, no_sla, ENOUGH), "token0", WINDOW, NOW), Superseded)


def test_a_repeated_evaluation_passes_without_a_second_event(
    config: PipelineConfig, run: Run, no_sla: SlaFacts
) -> None:
    passed = replace(run, evaluated_at=NOW)
    assert isinstance(decide_evaluation(facts(passed, config, no_sla, TOO_FEW), "token0", WINDOW, NOW), Passed)


def test_a_recovered_run_whose_job_is_under_way_passes_at_once(
    config: PipelineConfig, run: Run, no_sla: SlaFacts
) -> None:
    intent = JobIntent(0, "key", NOW, "command", {}, NOW)
    recovered = replace(run, job_intent=intent)
    assert isinstance(decide_evaluation(facts(recovered, config, no_sla), "token0", WINDOW, NOW), Passed)


def test_an_unreadable_config_never_lets_a_job_start(run: Run, no_sla: SlaFacts) -> None:
    decision = decide_evaluation(facts(run, None, no_sla, ENOUGH), "token0", WINDOW, NOW)
    assert isinstance(decision, CloseRun)
    assert decision.status is RunStatus.FAILED_FINAL
    assert [event.type for event in decision.events] == [EventType.CONFIG_INVALID]


def test_a_pipeline_that_became_a_dry_run_starts_nothing(
    configure: Callable[..., PipelineConfig], run: Run, no_sla: SlaFacts
) -> None:
    dry = configure(job='job: {type: command, config: {command: "true"}}\ndryRun: true')
    assert isinstance(decide_evaluation(facts(run, dry, no_sla, ENOUGH), "token0", WINDOW, NOW), CloseRun)


def test_a_retry_waits_for_its_delay_before_it_looks(
    configure: Callable[..., PipelineConfig], run: Run, no_sla: SlaFacts
) -> None:
    slow = configure(retries="maxRetries: 1, retryDelay: 30s")
    retry = replace(run, attempt=1, reason="job-fail-retry")
    decision = decide_evaluation(facts(retry, slow, no_sla, ENOUGH), "token0", WINDOW, NOW)
    assert isinstance(decision, HoldRun)
    assert decision.wait_seconds == 30
    after = NOW + timedelta(seconds=30)
    rerun = replace(run, attempt=1, reason="manual")
    assert isinstance(decide_evaluation(facts(rerun, slow, no_sla, ENOUGH), "token0", WINDOW, NOW), PassEvaluation)
    assert isinstance(decide_evaluation(facts(retry, slow, no_sla, ENOUGH), "token0", WINDOW, after), PassEvaluation)

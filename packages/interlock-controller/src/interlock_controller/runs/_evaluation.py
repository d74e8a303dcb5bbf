"""The evaluate step: reads the sensors that the rules name, lets the lifecycle decide, commits a pass."""

from datetime import datetime, timedelta
from typing import assert_never

from msgspec.structs import replace

from interlock_controller._settling import OVERTAKEN, Overtaken, decide_until_settled
from interlock_controller.runs._context import StepContext
from interlock_controller.runs._measures import measure_hold, measure_wake
from interlock_controller.runs._parking import parked
from interlock_controller.runs._request import Request, Step, StepStatus, superseded
from interlock_lifecycle import CloseRun, MarkStarted, OpenWait, PassEvaluation, RecoverRun, Run, Superseded, Wait
from interlock_lifecycle.runs import (
    EvaluationDecision,
    EvaluationFacts,
    EvaluationWindow,
    HoldRun,
    Passed,
    WindowUsedUp,
    decide_evaluation,
    decide_started,
    rules_to_read,
)
from interlock_store import Commit, RunContext
from interlock_telemetry import Metric, get_logger

_log = get_logger(__name__)


def evaluate(context: StepContext, request: Request) -> Step:
    """Evaluate the run's rules once. Raises Contended."""
    return decide_until_settled(lambda: _evaluate_once(context, request), subject=f"evaluation of {request.key}")


def _evaluate_once(context: StepContext, request: Request) -> Step | Overtaken:
    # Taken before the reads: a write after this moment may not have been read.
    now = context.now()
    known = context.store.run_context(request.key)
    if known.run is not None and known.run.is_held_by(request.run_token):
        _note_start(context, known.run)
    facts = _gather(context, request, known)
    window = EvaluationWindow(
        started_at=request.started_at,
        length=timedelta(seconds=request.config.evaluation_window_seconds),
        interval=timedelta(seconds=request.config.evaluation_interval_seconds),
    )
    decision = _decide(context, request, facts, window, now)
    _count_rules(context, decision)
    match decision:
        case PassEvaluation():
            if context.store.commit(decision) is not Commit.COMMITTED:
                return OVERTAKEN
            measure_wake(context, facts.wait, now)
            measure_hold(context, facts.wait, request.started_at, now)
            return Step(StepStatus.PASSED)
        case Passed():
            return Step(StepStatus.PASSED)
        case HoldRun():
            return _hold(context, request, facts.wait, decision, now)
        case WindowUsedUp():
            failing, rows = (tuple(dict(one) for one in found) for found in (decision.failing, decision.rows))
            return Step(StepStatus.EXHAUSTED, reason=decision.reason, rules=failing, rows=rows)
        case RecoverRun():
            return parked(context, request, decision)
        case CloseRun():
            return Step(StepStatus.FAILED) if context.store.commit(decision) is Commit.COMMITTED else OVERTAKEN
        case Superseded():
            return superseded(request, decision)
        case _:
            assert_never(decision)


def _decide(
    context: StepContext, request: Request, facts: EvaluationFacts, window: EvaluationWindow, now: datetime
) -> EvaluationDecision:
    """The decision. A job whose secret cannot be read would fail with each attempt, so that its run is held instead."""
    decision = decide_evaluation(facts, request.run_token, window, now)
    if not isinstance(decision, PassEvaluation) or facts.config is None:
        return decision
    blocks = tuple(context.unreadable_secrets(facts.config.job.config))
    return decide_evaluation(replace(facts, blocks=blocks), request.run_token, window, now) if blocks else decision


def _hold(
    context: StepContext, request: Request, wait: Wait | None, decision: HoldRun, now: datetime
) -> Step | Overtaken:
    """The answer for a held run. If its WAIT# row is new, the rules are evaluated again: their rows may be newer."""
    if not request.can_wait or not decision.look_seconds:
        _log.info("run_held", run=str(request.key), reason=decision.reason, wait_seconds=decision.wait_seconds)
        return Step(StepStatus.NOT_READY, decision.wait_seconds, decision.reason)
    if decision.note is not None and (
        context.store.commit(decision.note) is not Commit.COMMITTED or isinstance(decision.note, OpenWait)
    ):
        return OVERTAKEN
    assert wait is not None
    measure_wake(context, wait, now)
    _log.info("run_held", run=str(request.key), reason=decision.reason, look_seconds=decision.look_seconds)
    rest = decision.rest_seconds
    return Step(
        StepStatus.RESTING if rest else StepStatus.HELD,
        rest,
        decision.reason,
        look_seconds=max(decision.look_seconds - rest, 1),
        look_at=now + timedelta(seconds=decision.look_seconds),
        wakes=wait.wakes,
        registrations=wait.registrations,
    )


def _count_rules(context: StepContext, decision: object) -> None:
    if isinstance(decision, PassEvaluation | HoldRun | WindowUsedUp) and decision.rules:
        context.count(Metric.RULES_EVALUATED, decision.rules, service="orchestrator")


def _note_start(context: StepContext, run: Run) -> None:
    """Record the start if the router died between the start of this execution and its record."""
    decision = decide_started(run, run.run_token, now=context.now(), execution_timeout=context.execution_timeout)
    if isinstance(decision, MarkStarted):
        context.store.commit(decision)


def _gather(context: StepContext, request: Request, known: RunContext) -> EvaluationFacts:
    config, key = known.config.config, request.key
    if config is None:
        return EvaluationFacts(known.run, None, known.config.problem, {}, known.sla, wait=known.wait)
    readings = context.store.readings(key, rules_to_read(config))
    changed_at, pause = known.config.changed_at, known.config.pause
    return EvaluationFacts(
        known.run, config, "", readings.rows, known.sla, readings.kept, known.wait, changed_at, pause
    )

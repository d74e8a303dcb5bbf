"""The steps that close a run: complete-trigger, the exhaustions and infra-failure."""

from typing import assert_never

from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_controller._close_facts import gather_close_facts
from interlock_controller._settling import OVERTAKEN, Overtaken, decide_until_settled
from interlock_controller.runs._context import StepContext
from interlock_controller.runs._measures import measure_lateness
from interlock_controller.runs._request import Request, Step, StepStatus, outcome_of, superseded
from interlock_lifecycle import CloseRun, JobEvent, OpenAttempt, RunKey, RunStatus, Superseded
from interlock_lifecycle.runs import AlreadyClosed, CloseFacts, Exhaustion, decide_completion, exhaust
from interlock_lifecycle.sensors import Baseline, NoBaseline, request_time_of_rest, take_baseline
from interlock_store import Commit, format_time
from interlock_telemetry import get_logger

_log = get_logger(__name__)


def complete(context: StepContext, request: Request) -> Step:
    """Close the attempt with its job's outcome."""
    return decide_until_settled(lambda: _complete_once(context, request), subject=f"completion of {request.key}")


def _complete_once(context: StepContext, request: Request) -> Step | Overtaken:
    assert request.outcome is not None
    outcome = outcome_of(request.outcome)
    succeeded = outcome.event == JobEvent.SUCCESS
    facts = _gather(context, request.key, succeeded=succeeded)
    decision = decide_completion(
        facts, request.run_token, outcome, now=context.now(), execution_timeout=context.execution_timeout
    )
    return _settle(context, request, decision)


def exhausted(context: StepContext, request: Request, exhaustion: Exhaustion, reason: str) -> Step:
    """Close the run without a job outcome."""

    def once() -> Step | Overtaken:
        facts = gather_close_facts(context.store, request.key, may_retry=False, region=context.region)
        last = request.outcome if exhaustion is Exhaustion.VALIDATION else None
        rules, rows = (last.rules, last.rows) if last is not None else ((), ())
        decision = exhaust(
            facts, request.run_token, exhaustion, reason=reason, now=context.now(), rules=rules, rows=rows
        )
        return _settle(context, request, decision)

    step = decide_until_settled(once, subject=f"close of {request.key}")
    if exhaustion is Exhaustion.INFRA and step.status is StepStatus.FAILED:
        # The alarm on failures of the infrastructure counts this line. A job that fails is no such failure.
        _log.error("infra_failure", run=str(request.key), reason=reason)
    return step


def _settle(
    context: StepContext, request: Request, decision: CloseRun | OpenAttempt | AlreadyClosed | Superseded
) -> Step | Overtaken:
    match decision:
        case CloseRun():
            if context.store.commit(decision) is not Commit.COMMITTED:
                return OVERTAKEN
            measure_lateness(context, decision)
            return _closed(decision.status)
        case OpenAttempt():
            return Step(StepStatus.RETRYING) if context.store.commit(decision) is Commit.COMMITTED else OVERTAKEN
        case AlreadyClosed():
            return _closed(decision.status)
        case Superseded():
            return superseded(request, decision)
        case _:
            assert_never(decision)


def _closed(status: RunStatus) -> Step:
    return Step(StepStatus.SUCCEEDED if status is RunStatus.COMPLETED else StepStatus.FAILED)


def _gather(context: StepContext, key: RunKey, *, succeeded: bool) -> CloseFacts:
    """The facts of a close. Those of a success have a new post-run baseline and the date's rerun request."""
    facts = gather_close_facts(context.store, key, may_retry=not succeeded, region=context.region)
    if not succeeded:
        return facts
    facts = replace(facts, baseline=_baseline(context, facts.config, key))
    rest = facts.run.rest if facts.run is not None else None
    if rest is None:
        return facts
    request, asked_at = context.store.standing_request(key), format_time(request_time_of_rest(rest))
    is_own = request is not None and request.is_own and request.requested_at == asked_at
    return replace(facts, request=request, has_asked=is_own or context.store.is_rerun_handled(key, asked_at))


def _baseline(context: StepContext, config: PipelineConfig | None, key: RunKey) -> Baseline | NoBaseline | None:
    if config is None or config.post_run_rules is None:
        return None
    try:
        readings = context.store.readings(key, config.post_run_rules.rules)
        taken = take_baseline(config, key, readings.rows, readings.kept.rows)
        if isinstance(taken, dict) and set(taken) != set(config.post_run_rules.keys):
            taken = take_baseline(config, key, readings.rows, readings.kept.rows, context.store.baseline(key))
        return taken
    except Exception as error:  # noqa: BLE001 (the job's end must be recorded even if its sensors cannot be read)
        _log.error("baseline_not_taken", run=str(key), error=f"{type(error).__name__}: {error}")
        return NoBaseline(f"{type(error).__name__}: {error}")

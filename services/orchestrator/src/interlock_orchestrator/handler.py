"""The orchestrator's Lambda handler: one step of a run in, the next state and its wait out."""

import os
from functools import cache
from typing import Any, assert_never

from msgspec import to_builtins

from interlock_lifecycle import Exhaustion
from interlock_orchestrator import closing, evaluation, job
from interlock_orchestrator.request import Failure, Mode, Request, Step, read_request
from interlock_orchestrator.steps import Desk
from interlock_orchestrator.wiring import SERVICE, Service, now, wire
from interlock_telemetry import (
    InvocationDeadline,
    LambdaContext,
    answer_operator,
    bind_correlation,
    configure_logging,
    flush,
    stage,
)

configure_logging(SERVICE)


@cache
def _service() -> Service:
    return wire(os.environ)


def handle(event: dict[str, Any], context: LambdaContext | None) -> dict[str, Any]:
    """Do one step of a run; every answer carries `status` and `waitSeconds`."""
    service = _service()
    answer = answer_operator(
        event,
        lambda inner: handle(inner, context),
        service=SERVICE,
        checks=service.health,
        bucket=service.settings.profile_bucket,
        now=now(),
    )
    if answer is not None:
        return answer
    request = read_request(event)
    desk = service.desk(InvocationDeadline.from_context(context, service.settings.shutdown_buffer).at)
    try:
        with bind_correlation(request.run_token), stage(str(request.mode), pipeline=request.pipeline_id):
            return dict(to_builtins(take(desk, request)))
    finally:
        flush()


def take(desk: Desk, request: Request) -> Step:
    """The step that the request's mode names."""
    match request.mode:
        case Mode.EVALUATE:
            return evaluation.evaluate(desk, request)
        case Mode.TRIGGER:
            return job.trigger(desk, request)
        case Mode.CHECK_JOB:
            return job.check_job(desk, request)
        case Mode.COMPLETE_TRIGGER:
            return closing.complete(desk, request)
        case Mode.VALIDATION_EXHAUSTED:
            return closing.exhausted(desk, request, Exhaustion.VALIDATION, _why_not_safe(request))
        case Mode.TRIGGER_EXHAUSTED:
            return closing.exhausted(desk, request, Exhaustion.TRIGGER, _why(request.failure))
        case Mode.JOB_POLL_EXHAUSTED:
            return closing.exhausted(desk, request, Exhaustion.JOB_POLL, _why_not_over(request))
        case Mode.INFRA_FAILURE:
            return closing.exhausted(desk, request, Exhaustion.INFRA, _why(request.failure))
        case _:
            assert_never(request.mode)


def _why_not_safe(request: Request) -> str:
    """What did not hold at the last evaluation, for the event that ends the run."""
    return request.outcome.reason if request.outcome is not None else "the rules did not hold"


def _why_not_over(request: Request) -> str:
    """What was known of the job when its poll window was over: it ran, or it could not be asked."""
    window = f"its poll window of {request.config.job_poll_window_seconds} s"
    unread = request.outcome.reason if request.outcome is not None else ""
    return (
        f"the job could not be asked when {window} was over: {unread}"
        if unread
        else f"the job still ran after {window}"
    )


def _why(failure: Failure | None) -> str:
    return f"{failure.error}: {failure.cause}"[:1000] if failure is not None else "no reason was handed on"

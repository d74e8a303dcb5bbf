"""Picks the step of an invocation, and words the reason of a close without a job outcome."""

from typing import assert_never

from interlock_controller.runs._closing import complete, exhausted
from interlock_controller.runs._context import StepContext
from interlock_controller.runs._evaluation import evaluate
from interlock_controller.runs._job import check_job, trigger
from interlock_controller.runs._request import Failure, Mode, Request, Step, StepStatus
from interlock_controller.runs._waiting import register_wait
from interlock_lifecycle.runs import Exhaustion
from interlock_telemetry import past_span


def take_step(context: StepContext, request: Request) -> Step:
    """Take the step of the request's mode. The state machine repeats it after SubmissionFailed and Contended.

    The step that ends an attempt also exports the span of the attempt.
    """
    step = _take(context, request)
    if step.status in _ENDS:
        problem = None if step.status is StepStatus.SUCCEEDED else _problem(request, step)
        past_span("attempt", request.started_at, context.now(), problem=problem, status=step.status)
    return step


_ENDS = (StepStatus.SUCCEEDED, StepStatus.RETRYING, StepStatus.FAILED)


def _problem(request: Request, step: Step) -> str:
    """The error of the job, or the mode that gave the run up."""
    error = request.outcome.error if request.outcome is not None else ""
    return error or f"{request.mode}: {step.status}"


def _take(context: StepContext, request: Request) -> Step:
    match request.mode:
        case Mode.EVALUATE:
            return evaluate(context, request)
        case Mode.TRIGGER:
            return trigger(context, request)
        case Mode.CHECK_JOB:
            return check_job(context, request)
        case Mode.COMPLETE_TRIGGER:
            return complete(context, request)
        case Mode.VALIDATION_EXHAUSTED:
            return exhausted(context, request, Exhaustion.VALIDATION, _why_not_safe(request))
        case Mode.TRIGGER_EXHAUSTED:
            return exhausted(context, request, Exhaustion.TRIGGER, _why(request.failure))
        case Mode.JOB_POLL_EXHAUSTED:
            return exhausted(context, request, Exhaustion.JOB_POLL, _why_not_over(request))
        case Mode.WAIT:
            return register_wait(context, request)
        case Mode.INFRA_FAILURE:
            return exhausted(context, request, Exhaustion.INFRA, _why(request.failure))
        case _:
            assert_never(request.mode)


def _why_not_safe(request: Request) -> str:
    """The failed rules of the last evaluation, for the event that ends the run."""
    return request.outcome.reason if request.outcome is not None else "the rules did not hold"


def _why_not_over(request: Request) -> str:
    """The last known state of the job at the end of its poll window: it ran, or its status could not be read."""
    window = f"its poll window of {request.config.job_poll_window_seconds} s"
    unread = request.outcome.reason if request.outcome is not None else ""
    return (
        f"the job's status could not be read at the end of {window}: {unread}"
        if unread
        else f"the job still ran after {window}"
    )


def _why(failure: Failure | None) -> str:
    return f"{failure.error}: {failure.cause}"[:1000] if failure is not None else "the state machine gave no reason"

"""The wait step: registers the wait of an execution at its task token."""

from msgspec.structs import replace

from interlock_controller.runs._context import StepContext
from interlock_controller.runs._request import Request, Step, StepStatus
from interlock_lifecycle import RegisterWait, Wait
from interlock_store import Commit
from interlock_telemetry import get_logger

_log = get_logger(__name__)


def register_wait(context: StepContext, request: Request) -> Step:
    """Register the wait at the request's task token, or let the execution look at once.

    It looks at once if a wake has come since its last look, if the run moved on without it, or if this call was
    repeated. The answer has no effect: the execution goes on when its token succeeds or times out.
    """
    look = request.outcome
    assert look is not None
    wait = Wait(
        request.key,
        request.run_token,
        look.wakes,
        look.registrations,
        task_token=request.task_token,
        look_at=look.look_at or context.now(),
    )
    if context.store.commit(RegisterWait(wait)) is Commit.COMMITTED:
        return replace(look, wait_seconds=0)
    try:
        is_waiting = context.end_wait(request.task_token)
        _log.info("wait_not_needed", run=str(request.key), is_waiting=is_waiting)
    except Exception as error:  # noqa: BLE001 (the watchdog sends what this call did not, and no run fails for it)
        _log.error("look_not_sent", run=str(request.key), error=f"{type(error).__name__}: {error}")
        _leave_to_watchdog(context, request)
    return Step(StepStatus.RUNNING)


def _leave_to_watchdog(context: StepContext, request: Request) -> None:
    """Register the wait as overdue, so that the next tick of the watchdog sends its success."""
    found = context.store.waits.of_run(request.key)
    if found is not None and found.is_whole and found.run_token == request.run_token:
        now = context.now()
        context.store.commit(RegisterWait(replace(found, task_token=request.task_token, look_at=now)))

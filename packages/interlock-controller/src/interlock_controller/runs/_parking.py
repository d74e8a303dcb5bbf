"""The end of an execution whose pipeline is paused."""

from interlock_controller._settling import OVERTAKEN, Overtaken
from interlock_controller.runs._context import StepContext
from interlock_controller.runs._request import Request, Step, StepStatus
from interlock_lifecycle import RecoverRun
from interlock_store import Commit
from interlock_telemetry import get_logger

_log = get_logger(__name__)


def parked(context: StepContext, request: Request, decision: RecoverRun) -> Step | Overtaken:
    """Commit that the run waits for the end of the pause. This execution owns it no longer, and ends."""
    if context.store.commit(decision) is not Commit.COMMITTED:
        return OVERTAKEN
    _log.info("run_parked", run=str(request.key), token=decision.after.run_token)
    return Step(StepStatus.SUPERSEDED)

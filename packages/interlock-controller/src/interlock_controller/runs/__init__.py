"""The steps of a run: evaluate, trigger, check the job, close. Needs the extra `runs`."""

from interlock_controller.runs._context import Jobs, StepContext
from interlock_controller.runs._job import RulesNotEvaluated, SubmissionFailed
from interlock_controller.runs._request import (
    Failure,
    Mode,
    Request,
    Step,
    StepStatus,
    finished,
    outcome_of,
    read_request,
)
from interlock_controller.runs._steps import take_step

__all__ = [
    "Failure",
    "Jobs",
    "Mode",
    "Request",
    "RulesNotEvaluated",
    "Step",
    "StepContext",
    "StepStatus",
    "SubmissionFailed",
    "finished",
    "outcome_of",
    "read_request",
    "take_step",
]

"""The emr-serverless type: a job run, deduplicated by its client token."""

import re

from interlock_triggers._call import Call
from interlock_triggers._types import Attempt, Category, Started, Status, failed, running, succeeded

from ._aws import AwsTrouble, ask, check_error, seconds_between, start_error, text_of
from ._forms import EmrServerlessForm

_RUNNING = ("SUBMITTED", "PENDING", "SCHEDULED", "QUEUED", "RUNNING", "CANCELLING")
_FAILED = ("FAILED", "CANCELLED")
_TIMED_OUT = re.compile(r"timed out|timeout", re.IGNORECASE)
_NAME_LIMIT = 256


def start(call: Call[EmrServerlessForm], attempt: Attempt) -> Started:
    """Start a job run."""
    config = call.config
    asked = {
        "applicationId": config.application_id,
        "clientToken": attempt.key,
        "executionRoleArn": config.execution_role_arn,
        "jobDriver": config.job_driver,
        "name": (config.job_name or f"{attempt.pipeline_id} {attempt.date}")[:_NAME_LIMIT],
    }
    try:
        answer = ask(call, "emr-serverless", "start_job_run", asked)
        return Started(call.type, text_of(answer, "jobRunId"))
    except AwsTrouble as trouble:
        raise start_error(call, attempt, trouble) from None


def check(call: Call[EmrServerlessForm], run_id: str) -> Status:
    """The status of a job run."""
    try:
        answer = ask(
            call,
            "emr-serverless",
            "get_job_run",
            {"applicationId": call.config.application_id, "jobRunId": run_id},
            retries=True,
        )
        state = text_of(answer, "jobRun", "state")
    except AwsTrouble as trouble:
        raise check_error(call, trouble) from None
    run = answer["jobRun"]
    if state in _RUNNING:
        return running(state=state)
    spent = run.get("totalExecutionDurationSeconds")
    duration = float(spent) if spent else seconds_between(run.get("createdAt"), run.get("updatedAt"))
    if state == "SUCCESS":
        return succeeded(duration, state=state)
    if state in _FAILED:
        said = str(run.get("stateDetails") or "")
        category = Category.TIMEOUT if _TIMED_OUT.search(said) else Category.TRANSIENT
        return failed(category, call.clean(f"{state}{f': {said}' if said else ''}"), duration, state=state)
    raise call.unreadable(f"EMR Serverless reports an unknown state: {call.clean(state)}")

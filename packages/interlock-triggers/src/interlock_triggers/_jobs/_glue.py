"""The glue type: a job run, found by an argument that contains the attempt's key."""

from collections.abc import Mapping
from typing import Any

from interlock_triggers._call import Call
from interlock_triggers._types import Attempt, Category, Started, Status, failed, running, succeeded

from . import _found_or_sent
from ._aws import AwsTrouble, ask, check_error, text_of
from ._forms import GlueForm, as_text
from ._glue_logs import false_success

KEY_ARGUMENT = "--interlock_key"
_DATES = ("--par_day", "--par_hour")
"""Always the values of the run: a date in the config would apply to every run, and a daily run has no hour."""
_PAGES = 25
_RUNNING = ("STARTING", "RUNNING", "STOPPING", "WAITING")
_TIMED_OUT = ("TIMEOUT", "EXPIRED")
_FAILED = ("FAILED", "ERROR", "STOPPED")


def start(call: Call[GlueForm], attempt: Attempt) -> Started:
    """Start a job run."""
    return _found_or_sent.start(call, attempt, find, _send)


def _send(call: Call[GlueForm], attempt: Attempt) -> str:
    given = {name: as_text(value) for name, value in call.config.arguments.items() if name not in _DATES}
    dates = {f"--{name}": value for name, value in attempt.partition.items()}
    arguments = given | dates | {KEY_ARGUMENT: attempt.key}
    answer = ask(call, "glue", "start_job_run", {"JobName": call.config.job_name, "Arguments": arguments})
    return text_of(answer, "JobRunId")


def find(call: Call[GlueForm], attempt: Attempt) -> str | None:
    """The run whose argument contains the attempt's key, among the job's runs of the last days."""
    asked: dict[str, str] = {"JobName": call.config.job_name}
    for _ in range(_PAGES):
        page = ask(call, "glue", "get_job_runs", asked, retries=True)
        runs = page.get("JobRuns") or []
        for run in runs:
            if (run.get("Arguments") or {}).get(KEY_ARGUMENT) == attempt.key:
                return text_of(run, "Id")
        token = page.get("NextToken")
        if not token or (runs and all(_is_old(run, call) for run in runs)):
            return None
        asked = {"JobName": call.config.job_name, "NextToken": token}
    raise AwsTrouble("the job has too many runs to search", Category.PERMANENT, maybe=False)


def _is_old(run: Mapping[str, Any], call: Call[GlueForm]) -> bool:
    return _found_or_sent.is_old(run.get("StartedOn"), call.clients.timing.now())


def check(call: Call[GlueForm], run_id: str) -> Status:
    """The status of a job run. A success counts only after a check of the run's logs."""
    try:
        answer = ask(
            call,
            "glue",
            "get_job_run",
            {"JobName": call.config.job_name, "RunId": run_id},
            retries=True,
        )
        run = answer.get("JobRun") or {}
        state = text_of(run, "JobRunState")
    except AwsTrouble as trouble:
        raise check_error(call, trouble) from None
    return _status(call, run_id, run, state)


def _status(call: Call[GlueForm], run_id: str, run: Mapping[str, Any], state: str) -> Status:
    said = call.clean(str(run.get("ErrorMessage") or ""))
    spent = run.get("ExecutionTime")
    duration = float(spent) if isinstance(spent, int | float) else None
    if state in _RUNNING:
        return running(state=state)
    if state == "SUCCEEDED":
        wrong = false_success(call, run_id, run)
        if wrong is None:
            return succeeded(duration, state=state)
        return failed(Category.TRANSIENT, call.clean(f"Glue reports SUCCEEDED, but {wrong}"), duration, state=state)
    reason = f"{state}{f': {said}' if said else ''}"
    if state in _TIMED_OUT:
        return failed(Category.TIMEOUT, reason, duration, state=state)
    if state in _FAILED:
        return failed(Category.TRANSIENT, reason, duration, state=state)
    raise call.unreadable(f"Glue reports an unknown state: {call.clean(state)}")

"""The emr type: a step of a running cluster, found by its name, which contains the attempt's key."""

import shlex
from collections.abc import Mapping
from typing import Any

from interlock_triggers._call import Call
from interlock_triggers._types import Attempt, Category, Started, Status, failed, running, succeeded

from . import _found_or_sent
from ._aws import AwsTrouble, ask, check_error, seconds_between, text_of
from ._forms import EmrForm, as_text

_PAGES = 40
_NAME_LIMIT = 256
_RUNNER = "command-runner.jar"
_RUNNING = ("PENDING", "RUNNING", "CANCEL_PENDING")
_FAILED = ("FAILED", "CANCELLED", "INTERRUPTED")


def start(call: Call[EmrForm], attempt: Attempt) -> Started:
    """Add a step."""
    jar, words = _jar_and_words(call)
    return _found_or_sent.start(call, attempt, find, lambda call, attempt: _send(call, attempt, jar, words))


def _send(call: Call[EmrForm], attempt: Attempt, jar: str, words: list[str]) -> str:
    step = {
        "Name": step_name(call.config.step_name, attempt.key),
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": jar, "Args": words},
    }
    answer = ask(call, "emr", "add_job_flow_steps", {"JobFlowId": call.config.cluster_id, "Steps": [step]})
    ids = answer.get("StepIds") or [""]
    return text_of({"StepIds": ids[0]}, "StepIds")


def step_name(name: str, key: str) -> str:
    """The step's name with the key at its end, for `find`."""
    suffix = f" [{key}]"
    return name[: _NAME_LIMIT - len(suffix)] + suffix


def _jar_and_words(call: Call[EmrForm]) -> tuple[str, list[str]]:
    """A command whose first word is a jar runs this jar. Any other command runs through command-runner.jar."""
    try:
        words = shlex.split(call.config.command)
    except ValueError:
        raise call.rejected(Category.PERMANENT, "the command has a quote that is not closed") from None
    if not words:
        raise call.rejected(Category.PERMANENT, "the command is empty")
    given = call.config.arguments
    if isinstance(given, dict):
        extra = [word for name, value in given.items() for word in (name, as_text(value))]
    else:
        extra = [as_text(value) for value in given]
    if words[0].endswith(".jar"):
        return words[0], words[1:] + extra
    return _RUNNER, words + extra


def find(call: Call[EmrForm], attempt: Attempt) -> str | None:
    """The step whose name contains the attempt's key. The newest steps come first."""
    wanted = f" [{attempt.key}]"
    asked: dict[str, str] = {"ClusterId": call.config.cluster_id}
    for _ in range(_PAGES):
        page = ask(call, "emr", "list_steps", asked, retries=True)
        steps = page.get("Steps") or []
        for step in steps:
            if str(step.get("Name", "")).endswith(wanted):
                return text_of(step, "Id")
        marker = page.get("Marker")
        if not marker or (steps and _is_old(steps[-1], call)):
            return None
        asked = {"ClusterId": call.config.cluster_id, "Marker": marker}
    raise AwsTrouble("the cluster has too many steps to search", Category.PERMANENT, maybe=False)


def _is_old(step: Mapping[str, Any], call: Call[EmrForm]) -> bool:
    made = step.get("Status", {}).get("Timeline", {}).get("CreationDateTime")
    return _found_or_sent.is_old(made, call.clients.timing.now())


def check(call: Call[EmrForm], run_id: str) -> Status:
    """The status of a step."""
    try:
        answer = ask(
            call,
            "emr",
            "describe_step",
            {"ClusterId": call.config.cluster_id, "StepId": run_id},
            retries=True,
        )
        state = text_of(answer, "Step", "Status", "State")
    except AwsTrouble as trouble:
        raise check_error(call, trouble) from None
    status = answer["Step"]["Status"]
    if state in _RUNNING:
        return running(state=state)
    times = status.get("Timeline") or {}
    duration = seconds_between(times.get("StartDateTime"), times.get("EndDateTime"))
    if state == "COMPLETED":
        return succeeded(duration, state=state)
    if state in _FAILED:
        why = status.get("FailureDetails") or {}
        said = why.get("Message") or why.get("Reason") or (status.get("StateChangeReason") or {}).get("Message")
        reason = f"{state}{f': {said}' if said else ''}"
        return failed(Category.TRANSIENT, call.clean(reason), duration, state=state)
    raise call.unreadable(f"EMR reports an unknown state: {call.clean(state)}")

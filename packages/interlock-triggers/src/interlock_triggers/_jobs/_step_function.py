"""The step-function type: an execution of a Standard state machine, deduplicated by its name."""

from interlock_triggers._call import Call
from interlock_triggers._types import Attempt, Category, Started, Status, failed, running, succeeded

from ._aws import AwsTrouble, ask, check_error, seconds_between, start_error, text_of
from ._forms import StepFunctionForm, as_json

_INPUT_BYTES = 262_144
_RUNNING = ("RUNNING", "PENDING_REDRIVE")
_FAILED = {"FAILED": Category.TRANSIENT, "ABORTED": Category.TRANSIENT, "TIMED_OUT": Category.TIMEOUT}


def start(call: Call[StepFunctionForm], attempt: Attempt) -> Started:
    """Start an execution whose name is the attempt's key."""
    arn = call.config.state_machine_arn
    _region(call)
    document = as_json(call.config.arguments or attempt.partition)
    if len(document.encode()) > _INPUT_BYTES:
        raise call.rejected(Category.PERMANENT, f"the arguments exceed {_INPUT_BYTES} bytes")
    try:
        _reject_express(call)
        answer = ask(
            call,
            "stepfunctions",
            "start_execution",
            {"stateMachineArn": arn, "name": attempt.key, "input": document},
            region=_region(call),
        )
        started = text_of(answer, "executionArn")
        if started.count(":") < 5:
            raise AwsTrouble("the answer has no ARN of an execution", Category.TRANSIENT, maybe=True)
        if started.split(":")[5] != "execution":
            raise call.unknown("an Express execution was started, which can be neither found nor followed")
        return Started(call.type, started)
    except AwsTrouble as trouble:
        if trouble.code == "ExecutionAlreadyExists":
            # Only this attempt has this name, and the name stays taken for 90 days: the execution is ours.
            return Started(call.type, execution_arn(arn, attempt.key))
        raise start_error(call, attempt, trouble) from None


def find(call: Call[StepFunctionForm], attempt: Attempt) -> str | None:
    """The execution with the attempt's key as its name."""
    region = _region(call)
    arn = execution_arn(call.config.state_machine_arn, attempt.key)
    try:
        ask(
            call,
            "stepfunctions",
            "describe_execution",
            {"executionArn": arn},
            region=region,
            retries=True,
        )
    except AwsTrouble as trouble:
        if trouble.code == "ExecutionDoesNotExist":
            return None
        raise
    return arn


def _reject_express(call: Call[StepFunctionForm]) -> None:
    """Reject Express machines, whose executions can be neither deduplicated nor described.

    Without the permission to describe the machine, the start continues.
    """
    try:
        machine = ask(
            call,
            "stepfunctions",
            "describe_state_machine",
            {"stateMachineArn": call.config.state_machine_arn},
            region=_region(call),
            retries=True,
        )
    except AwsTrouble as trouble:
        if trouble.about_the_caller:
            return
        raise
    if machine.get("type") == "EXPRESS":
        raise call.rejected(Category.PERMANENT, "Express state machines cannot be followed: use a Standard one")


def _region(call: Call[StepFunctionForm]) -> str:
    parts = call.config.state_machine_arn.split(":")
    if len(parts) < 7 or parts[5] != "stateMachine" or not parts[3]:
        raise call.rejected(Category.PERMANENT, "stateMachineArn is not the ARN of a state machine")
    return parts[3]


def execution_arn(machine_arn: str, name: str) -> str:
    """The ARN of an execution, without a version or an alias at the end of the machine's ARN."""
    parts = machine_arn.split(":")
    return ":".join([*parts[:5], "execution", parts[6], name])


def check(call: Call[StepFunctionForm], run_id: str) -> Status:
    """The status of an execution, with its output, or its error and cause."""
    try:
        answer = ask(
            call,
            "stepfunctions",
            "describe_execution",
            {"executionArn": run_id},
            region=_region(call),
            retries=True,
        )
        state = text_of(answer, "status")
    except AwsTrouble as trouble:
        raise check_error(call, trouble) from None
    if state in _RUNNING:
        return running(state=state)
    duration = seconds_between(answer.get("startDate"), answer.get("stopDate"))
    if state == "SUCCEEDED":
        return succeeded(duration, state=state, output=call.clean(str(answer.get("output") or "")))
    if state in _FAILED:
        error, cause = call.clean(str(answer.get("error") or "")), call.clean(str(answer.get("cause") or ""))
        reason = ": ".join(filter(None, (state, error, cause)))
        return failed(_FAILED[state], call.clean(reason), duration, state=state, error=error, cause=cause)
    raise call.unreadable(f"Step Functions reports an unknown state: {call.clean(state)}")

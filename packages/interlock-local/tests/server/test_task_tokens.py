"""States that wait at a task token behave as in Step Functions, and which of this the server behind does not do."""

import asyncio
import io
import json
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from ministack.services import stepfunctions

from interlock_local import LocalStackError
from interlock_local.server._task_tokens import install_task_tokens
from interlock_local.stack import Ministack

ROLE = "arn:aws:iam::000000000000:role/machine"
PATIENCE = 60.0

Function = Callable[[dict[str, Any]], Any]


def waiting_state(**fields: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "waits", "Payload": {"token.$": "$$.Task.Token", "given.$": "$"}},
        "ResultPath": "$.answer",
        "End": True,
        **fields,
    }


def machine(**fields: Any) -> dict[str, Any]:
    """A machine of one state that waits at its token. `caught` is where its errors lead."""
    caught = {"Type": "Pass", "End": True}
    return {"StartAt": "Await", "States": {"Await": waiting_state(**fields), "Caught": caught}}


CATCH = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Caught"}]


class Machines:
    """The API of the server behind, in this process, with a function of the test in place of each Lambda."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.function: Function = lambda event: None

    def call(self, reference: str, event: dict[str, Any]) -> Any:
        assert reference == "waits"
        self.tokens.append(event["token"])
        return self.function(event)

    def ask(self, operation: str, **body: Any) -> tuple[int, dict[str, Any]]:
        headers = {"x-amz-target": f"AWSStepFunctions.{operation}"}
        status, _, answer = asyncio.run(
            stepfunctions.handle_request("POST", "/", headers, json.dumps(body).encode(), {})
        )
        return status, json.loads(answer)

    def start(self, definition: dict[str, Any], **given: Any) -> str:
        _, made = self.ask(
            "CreateStateMachine", name=str(uuid.uuid4()), definition=json.dumps(definition), roleArn=ROLE
        )
        _, started = self.ask("StartExecution", stateMachineArn=made["stateMachineArn"], input=json.dumps(given))
        return str(started["executionArn"])

    def status(self, execution: str) -> str:
        return str(self.ask("DescribeExecution", executionArn=execution)[1]["status"])

    def ended(self, execution: str) -> dict[str, Any]:
        """The description of an execution that has ended."""
        end = time.monotonic() + PATIENCE
        while self.status(execution) == "RUNNING":
            assert time.monotonic() < end, "the execution does not end"
            time.sleep(0.01)
        return self.ask("DescribeExecution", executionArn=execution)[1]

    def output(self, execution: str) -> Any:
        found = self.ended(execution)
        assert found["status"] == "SUCCEEDED", found
        return json.loads(found["output"])

    def token(self, number: int = 1) -> str:
        """The token of the call with this number, once it has come."""
        end = time.monotonic() + PATIENCE
        while len(self.tokens) < number:
            assert time.monotonic() < end, f"call {number} does not come"
            time.sleep(0.01)
        return self.tokens[number - 1]

    def succeed(self, token: str, output: str = "{}") -> int:
        return self.ask("SendTaskSuccess", taskToken=token, output=output)[0]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    """The server behind, as it is installed."""
    machines = Machines()
    monkeypatch.setattr(stepfunctions, "_call_lambda", machines.call)
    # No second between two attempts of a retry.
    monkeypatch.setattr(stepfunctions, "_SFN_WAIT_SCALE", 0.001)
    yield machines
    for token in machines.tokens:
        machines.succeed(token)


@pytest.fixture
def ours(bare: Machines, monkeypatch: pytest.MonkeyPatch) -> Machines:
    """The server behind with the functions that our server installs. They are removed after the test."""
    for name in ("_execute_task", "_invoke_with_callback"):
        monkeypatch.setattr(stepfunctions, name, getattr(stepfunctions, name))
    calls = stepfunctions._call_lambda
    monkeypatch.setattr(stepfunctions, "_call_lambda", _signed_as_original(calls))
    install_task_tokens()
    return bare


def _signed_as_original(call: Callable[..., Any]) -> Callable[..., Any]:
    def invoke(func_ref: str, event: dict[str, Any]) -> Any:
        return call(func_ref, event)

    return invoke


def failing(error: str) -> Function:
    def function(event: dict[str, Any]) -> Any:
        raise stepfunctions._ExecutionError(error, "the cause")

    return function


def test_server_behind_ignores_timeout_path_and_failed_call(bare: Machines) -> None:
    """If this fails, a new version honours one of them: remove what install_task_tokens does for it."""
    late = bare.start(machine(TimeoutSecondsPath="$.seconds", Catch=CATCH), seconds=1)
    bare.function = failing("Broken")
    failed = bare.start(machine(Catch=CATCH))
    literal = bare.start(machine(TimeoutSeconds=2, Catch=CATCH))
    assert bare.output(literal)["failure"]["Error"] == "States.Timeout"
    assert (bare.status(late), bare.status(failed)) == ("RUNNING", "RUNNING")


def test_server_behind_keeps_the_token_of_a_failed_attempt(bare: Machines) -> None:
    again = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]
    execution = bare.start(machine(Retry=again))
    bare.ask("SendTaskFailure", taskToken=bare.token(), error="Once", cause="")
    assert bare.token(2) == bare.token(1)
    bare.succeed(bare.token(2))
    bare.ended(execution)


def test_success_gives_the_output(ours: Machines) -> None:
    execution = ours.start(machine())
    assert ours.succeed(ours.token(), '{"woken": true}') == 200
    assert ours.output(execution) == {"answer": {"woken": True}}


def test_token_counts_once(ours: Machines) -> None:
    execution = ours.start(machine())
    ours.succeed(ours.token())
    ours.ended(execution)
    assert ours.ask("SendTaskSuccess", taskToken=ours.token(), output="{}")[1]["__type"] == "TaskDoesNotExist"


def test_success_counts_before_the_invocation_ends(ours: Machines) -> None:
    """The invocation itself may send the success. Its later error has no effect."""
    release = threading.Event()

    def function(event: dict[str, Any]) -> Any:
        ours.succeed(event["token"])
        assert release.wait(PATIENCE)
        raise stepfunctions._ExecutionError("Late", "")

    ours.function = function
    execution = ours.start(machine(Catch=CATCH))
    try:
        assert ours.output(execution) == {"answer": {}}
    finally:
        release.set()


def test_timeout_comes_from_the_input(ours: Machines) -> None:
    began = time.monotonic()
    execution = ours.start(machine(TimeoutSecondsPath="$.step.seconds", Catch=CATCH), step={"seconds": 1})
    assert ours.output(execution)["failure"]["Error"] == "States.Timeout"
    assert time.monotonic() - began >= 1
    assert ours.succeed(ours.token()) == 400


def test_timeout_includes_the_invocation(ours: Machines) -> None:
    release = threading.Event()
    ours.function = lambda event: release.wait(PATIENCE)
    execution = ours.start(machine(TimeoutSecondsPath="$.seconds", Catch=CATCH), seconds=1)
    try:
        assert ours.output(execution)["failure"]["Error"] == "States.Timeout"
    finally:
        release.set()


@pytest.mark.parametrize("seconds", [0, -1, 1.5, "1", True, None])
def test_invalid_timeout_ends_the_execution(ours: Machines, seconds: Any) -> None:
    found = ours.ended(ours.start(machine(TimeoutSecondsPath="$.seconds", Catch=CATCH), seconds=seconds))
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert ours.tokens == []


def test_failed_call_fails_the_task(ours: Machines) -> None:
    ours.function = failing("Lambda.ServiceException")
    found = ours.output(ours.start(machine(Catch=CATCH)))
    assert found["failure"] == {"Error": "Lambda.ServiceException", "Cause": "the cause"}


def test_unexpected_error_of_the_call_fails_the_task(ours: Machines) -> None:
    def function(event: dict[str, Any]) -> Any:
        raise ValueError("no such thing")

    ours.function = function
    assert ours.output(ours.start(machine(Catch=CATCH)))["failure"]["Error"] == "Lambda.Unknown"


def test_retry_waits_at_a_new_token(ours: Machines) -> None:
    def function(event: dict[str, Any]) -> Any:
        if len(ours.tokens) == 1:
            raise stepfunctions._ExecutionError("Lambda.Unknown", "")

    ours.function = function
    retry = [
        {"ErrorEquals": ["States.Timeout"], "MaxAttempts": 0},
        {"ErrorEquals": ["Lambda.Unknown"], "MaxAttempts": 20},
    ]
    execution = ours.start(machine(Retry=retry))
    assert ours.token(2) != ours.token(1)
    assert ours.succeed(ours.token(1)) == 400
    assert ours.succeed(ours.token(2)) == 200
    assert ours.output(execution) == {"answer": {}}


def test_timeout_is_not_retried_if_the_first_retrier_says_so(ours: Machines) -> None:
    retry = [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 3}]
    execution = ours.start(machine(TimeoutSecondsPath="$.seconds", Retry=retry, Catch=CATCH), seconds=1)
    assert ours.output(execution)["failure"]["Error"] == "States.Timeout"
    assert len(ours.tokens) == 1


def test_other_version_of_the_server_behind_is_rejected(bare: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepfunctions, "_execute_task", lambda state, data: None)
    with pytest.raises(LocalStackError, match="_execute_task"):
        install_task_tokens()


HANDLER = """
import json, os
def handle(event, context):
    with open(os.environ["HOME"] + "/calls", "a") as file:
        file.write(json.dumps(event) + "\\n")
    if event["given"].get("fails"):
        raise RuntimeError("the function failed")
"""


def test_our_server_does_it_with_a_real_function() -> None:
    with Ministack() as server:

        def client(service: str) -> Any:
            return boto3.client(
                service,  # type: ignore[call-overload]
                endpoint_url=server.endpoint_url,
                region_name=server.key.region,
                aws_access_key_id=server.key.access_key,
                aws_secret_access_key=server.key.secret,
                config=Config(retries={"total_max_attempts": 1}, proxies={}),
            )

        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("waits.py", HANDLER)
        client("lambda").create_function(
            FunctionName="waits",
            Runtime="python3.13",
            Role=ROLE,
            Handler="waits.handle",
            Code={"ZipFile": archive.getvalue()},
        )
        client("lambda").get_waiter("function_active_v2").wait(FunctionName="waits")
        states = client("stepfunctions")
        definition = json.dumps(machine(TimeoutSecondsPath="$.seconds", Catch=CATCH))
        made = states.create_state_machine(name="waits", definition=definition, roleArn=ROLE)["stateMachineArn"]

        def start(**given: Any) -> str:
            return str(states.start_execution(stateMachineArn=made, input=json.dumps(given))["executionArn"])

        def ended(execution: str) -> dict[str, Any]:
            end = time.monotonic() + PATIENCE
            while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
                assert time.monotonic() < end, "the execution does not end"
                time.sleep(0.05)
            return dict(json.loads(found["output"]))

        failed, late, woken = start(seconds=600, fails=True), start(seconds=1), start(seconds=600)
        assert ended(failed)["failure"]["Error"] == "Runtime.HandlerError"
        assert ended(late)["failure"]["Error"] == "States.Timeout"
        calls = [json.loads(line) for line in (server.home / "home" / "calls").read_text().splitlines()]
        (token,) = [call["token"] for call in calls if call["given"] == {"seconds": 600}]
        states.send_task_success(taskToken=token, output='{"woken": true}')
        assert ended(woken)["answer"] == {"woken": True}

"""A repeated start of an execution is a success, whichever of its two answers comes."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from interlock_controller.effects import Executions

MACHINE = "arn:aws:states:eu-west-1:000000000000:stateMachine:test-interlock-pipeline"
EXECUTION = MACHINE.replace(":stateMachine:", ":execution:") + ":run-1"
GIVEN = {"pipelineId": "gold"}
REQUEST = {"stateMachineArn": MACHINE, "name": "run-1", "input": json.dumps(GIVEN)}


@pytest.fixture
def client() -> Any:
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
    return boto3.client("stepfunctions", region_name="eu-west-1", **keys)  # type: ignore[call-overload]


@pytest.fixture
def stub(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_a_repeated_start_that_aws_repeats_is_a_success(client: Any, stub: Stubber) -> None:
    """AWS answers the same name and input with the same execution, while it runs."""
    for _ in range(2):
        stub.add_response("start_execution", {"executionArn": EXECUTION, "startDate": 0}, REQUEST)
    for _ in range(2):
        Executions(client, MACHINE).start("run-1", GIVEN)


def test_a_repeated_start_that_is_rejected_is_a_success(client: Any, stub: Stubber) -> None:
    """AWS rejects the name of an ended execution, and the local server each taken name."""
    stub.add_client_error("start_execution", "ExecutionAlreadyExists", expected_params=REQUEST)
    Executions(client, MACHINE).start("run-1", GIVEN)


@pytest.mark.parametrize("code", ["StateMachineDoesNotExist", "ExecutionLimitExceeded", "ThrottlingException"])
def test_another_error_of_a_start_is_raised(code: str, client: Any, stub: Stubber) -> None:
    stub.add_client_error("start_execution", code, expected_params=REQUEST)
    with pytest.raises(ClientError, match=code):
        Executions(client, MACHINE).start("run-1", GIVEN)

"""Starts the executions of runs by name, and reads their status."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from interlock_telemetry import arn

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

MISSING = "MISSING"
"""The status of an execution that Step Functions does not know."""

STATE_MACHINE = {"STATE_MACHINE_ARN": arn("states", "stateMachine:")}
"""The form of the variable of a Lambda that starts executions. An alias is rejected: executions are asked for by the
machine's own name, and a run that is not found counts as lost."""


class Executions:
    """The executions of one state machine."""

    def __init__(self, client: "SFNClient", state_machine_arn: str) -> None:
        self._client = client
        self._state_machine_arn = state_machine_arn

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None:
        """Start the execution called `name`. An existing execution of that name counts as success."""
        try:
            self._client.start_execution(
                stateMachineArn=self._state_machine_arn, name=name, input=json.dumps(execution_input)
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return

    def ping(self) -> None:
        """Raise unless the state machine exists and Step Functions answers."""
        self._client.describe_state_machine(stateMachineArn=self._state_machine_arn)

    def status(self, name: str) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED, PENDING_REDRIVE or MISSING."""
        arn = f"{self._state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            return str(self._client.describe_execution(executionArn=arn)["status"])
        except self._client.exceptions.ExecutionDoesNotExist:
            return MISSING

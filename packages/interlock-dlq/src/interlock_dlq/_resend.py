"""Ways to send a dead letter to its origin again."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from interlock_dlq._errors import ResendFailed
from interlock_dlq._letter import OUTBOX, DeadLetter


class LambdaClient(Protocol):
    """The invoking part of a Lambda client."""

    def invoke(self, **request: Any) -> Any:
        """Invoke a function."""
        ...


def resend_to_function(function_name: str, client: LambdaClient | None = None) -> Callable[[DeadLetter], None]:
    """A `resend` that invokes a Lambda function with the letter's record as a batch of one, and waits for its answer.

    It raises ResendFailed if the function fails or reports the record in its partial batch response. It also raises it
    for letters of the outbox. Their payload is a row, which would only become another letter without the reason.
    """
    function = client or _lambda()

    def resend(letter: DeadLetter) -> None:
        if letter.source == OUTBOX:
            raise ResendFailed(f"{function_name} takes records, not the row of an event: {letter.reason}")
        _invoke_with_batch(function, function_name, {"Records": [letter.payload]})

    return resend


def _invoke_with_batch(function: LambdaClient, name: str, event: Mapping[str, Any]) -> None:
    """Invoke the function with a batch. Raises ResendFailed unless it handled the whole batch."""
    payload = json.dumps(event).encode()
    answer = function.invoke(FunctionName=name, InvocationType="RequestResponse", Payload=payload)
    body = answer["Payload"].read()
    if answer.get("FunctionError"):
        raise ResendFailed(f"{name} failed: {body[:500]!r}")
    decoded = json.loads(body) if body else None
    if isinstance(decoded, Mapping) and decoded.get("batchItemFailures"):
        raise ResendFailed(f"{name} returned the record as failed")


def _lambda() -> LambdaClient:
    import boto3

    return cast("LambdaClient", boto3.client("lambda"))

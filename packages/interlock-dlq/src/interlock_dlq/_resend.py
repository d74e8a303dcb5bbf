"""Ways to send a dead letter to its origin again."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from interlock_dlq._errors import ResendFailed
from interlock_dlq._letter import OUTBOX, DeadLetter
from interlock_dlq._redrive import QueuedLetter
from interlock_dlq._route import LetterBucket

_PATIENCE = 910
"""The seconds of a wait for a function, which runs for at most 15 minutes."""


class LambdaClient(Protocol):
    """The invoking part of a Lambda client."""

    def invoke(self, **request: Any) -> Any:
        """Invoke a function."""
        ...


def resend_to_function(
    function_name: str, client: LambdaClient | None = None, *, bucket: LetterBucket | None = None
) -> Callable[[DeadLetter], None]:
    """A `resend` that invokes a Lambda function with the letter's record as a batch of one, and waits for its answer.

    It raises ResendFailed if the function fails or reports the record in its partial batch response. It also raises it
    for letters of the outbox. Their payload is a row, which would only become another letter without the reason.
    `bucket` has the records of letters that were too large for their queue. Without it such letters fail.
    """
    function = client or lambda_client()

    def resend(letter: DeadLetter) -> None:
        letter = bucket.whole(letter) if bucket else letter
        if letter.source == OUTBOX:
            raise ResendFailed(f"{function_name} takes records, not the row of an event: {letter.reason}")
        if letter.stored_at:
            raise ResendFailed(f"the record is only at {letter.stored_at}")
        invoke_with_batch(function, function_name, _event_of(letter.payload, letter.source))

    return resend


def resend_message_to_function(
    function_name: str, queue_arn: str, client: LambdaClient | None = None
) -> Callable[[QueuedLetter], None]:
    """A `resend_other` for messages that SQS or EventBridge moved here as they were, such as the envelope of an event.

    The function gets the message as one of the queue with `queue_arn`, and has to handle it.
    """
    function = client or lambda_client()

    def resend(message: QueuedLetter) -> None:
        group = {"MessageGroupId": message.group} if message.group else {}
        record = {
            "messageId": message.message_id,
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": "1", **group},
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
        }
        invoke_with_batch(function, function_name, {"Records": [record]})

    return resend


def resend_payload_to_function(
    function_of: Callable[[Any], str], client: LambdaClient | None = None
) -> Callable[[QueuedLetter], None]:
    """A `resend_other` for messages that are the payload of an invocation, as of an asynchronous event.

    `function_of` names the function for a payload. Its errors fail the letter.
    """
    function = client or lambda_client()

    def resend(message: QueuedLetter) -> None:
        payload = json.loads(message.body)
        invoke_with_batch(function, function_of(payload), payload)

    return resend


def _event_of(record: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The Lambda event with one record. Kafka has a form of its own."""
    if {"topic", "partition", "offset"} <= record.keys():
        partition = f"{record['topic']}-{record['partition']}"
        arn = source.removesuffix(f" {partition}")
        return {"eventSource": "aws:kafka", "eventSourceArn": arn, "records": {partition: [record]}}
    return {"Records": [record]}


def invoke_with_batch(function: LambdaClient, name: str, event: Mapping[str, Any]) -> None:
    """Invoke the function with a batch. Raises ResendFailed unless it handled the whole batch."""
    payload = json.dumps(event).encode()
    answer = function.invoke(FunctionName=name, InvocationType="RequestResponse", Payload=payload)
    body = answer["Payload"].read()
    if answer.get("FunctionError"):
        raise ResendFailed(f"{name} failed: {body[:500]!r}")
    decoded = json.loads(body) if body else None
    if isinstance(decoded, Mapping) and decoded.get("batchItemFailures"):
        raise ResendFailed(f"{name} returned the record as failed")


def lambda_client() -> LambdaClient:
    """The Lambda client of the environment. It waits for a function that runs for 15 minutes.

    boto3's own client ends the wait after a minute, and invokes the function again while it still handles the record.
    """
    import boto3
    from botocore.config import Config

    return cast("LambdaClient", boto3.client("lambda", config=Config(read_timeout=_PATIENCE)))

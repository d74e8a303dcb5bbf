"""Sends dead letters to their origin again, after the cause is fixed, and deletes the letters that succeed."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from msgspec import Struct

from interlock_dlq._errors import MalformedRecord, ResendFailed
from interlock_dlq._letter import OUTBOX, DeadLetter, decode_letter

_log = logging.getLogger("interlock_dlq")


class QueueClient(Protocol):
    """The reading and deleting part of an SQS client."""

    def receive_message(self, **request: Any) -> Any:
        """Receive up to ten messages."""
        ...

    def delete_message(self, **request: Any) -> Any:
        """Delete one message."""
        ...


class LambdaClient(Protocol):
    """The invoking part of a Lambda client."""

    def invoke(self, **request: Any) -> Any:
        """Invoke a function."""
        ...


class RedriveReport(Struct, frozen=True, kw_only=True):
    """The result of a redrive, as numbers of messages.

    unreadable: messages that are not dead letters of this package. skipped: letters that `choose` left out.
    All messages except the resent ones stay in the queue, and are visible again after its visibility timeout.
    """

    resent: int = 0
    failed: int = 0
    skipped: int = 0
    unreadable: int = 0


def redrive(
    queue_url: str,
    resend: Callable[[DeadLetter], object],
    *,
    client: QueueClient | None = None,
    limit: int = 100,
    choose: Callable[[DeadLetter], bool] = lambda letter: True,
    wait_seconds: int = 1,
) -> RedriveReport:
    """Resend at most `limit` messages of a dead-letter queue. Each is deleted only after `resend` has returned.

    It ends when the queue returns no message within `wait_seconds` (0 asks only some of SQS's servers). A redrive that
    is interrupted resends some letters twice. The code that handles the records must be idempotent, as for a stream.
    """
    queue = client or _sqs()
    counts = {"resent": 0, "failed": 0, "skipped": 0, "unreadable": 0}
    seen = 0
    while seen < limit:
        answer = queue.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=min(10, limit - seen), WaitTimeSeconds=wait_seconds
        )
        messages = answer.get("Messages", [])
        if not messages:
            break
        for message in messages:
            outcome = _resend_one(message, resend, choose)
            if outcome == "resent":
                queue.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
            counts[outcome] += 1
        seen += len(messages)
    return RedriveReport(**counts)


def _resend_one(
    message: Mapping[str, Any], resend: Callable[[DeadLetter], object], choose: Callable[[DeadLetter], bool]
) -> str:
    try:
        letter = decode_letter(message["Body"])
    except MalformedRecord:
        return "unreadable"
    if not choose(letter):
        return "skipped"
    try:
        resend(letter)
    except Exception as error:  # noqa: BLE001 - a letter that fails again must not stop the others
        _log.warning("dead_letter_failed_again %s: %s: %s", letter.id, type(error).__name__, error)
        return "failed"
    return "resent"


def resend_to_function(function_name: str, client: LambdaClient | None = None) -> Callable[[DeadLetter], None]:
    """A `resend` that invokes a Lambda function with the letter's record as a batch of one, and waits for its answer.

    It raises ResendFailed if the function fails or reports the record in its partial batch response. It also raises it
    for letters of the outbox. Their payload is a row, which would only become another letter without the reason.
    """
    function = client or _lambda()

    def resend(letter: DeadLetter) -> None:
        if letter.source == OUTBOX:
            raise ResendFailed(f"{function_name} takes records, not the row of an event: {letter.reason}")
        event = json.dumps({"Records": [letter.payload]}).encode()
        answer = function.invoke(FunctionName=function_name, InvocationType="RequestResponse", Payload=event)
        body = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise ResendFailed(f"{function_name} failed: {body[:500]!r}")
        decoded = json.loads(body) if body else None
        if isinstance(decoded, Mapping) and decoded.get("batchItemFailures"):
            raise ResendFailed(f"{function_name} returned the record as failed")

    return resend


def _sqs() -> QueueClient:
    import boto3

    return cast("QueueClient", boto3.client("sqs"))


def _lambda() -> LambdaClient:
    import boto3

    return cast("LambdaClient", boto3.client("lambda"))

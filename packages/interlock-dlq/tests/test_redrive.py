"""Redrive: dead letters that are sent to their origin again."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from interlock_dlq import (
    OUTBOX,
    DeadLetter,
    RedriveReport,
    ResendFailed,
    SqsRouter,
    list_letters,
    make_letter,
    redrive,
    resend_to_function,
)

AT = datetime(2026, 3, 3, tzinfo=UTC)


def letter(number: int) -> DeadLetter:
    return make_letter({"n": number}, KeyError("PK"), source="arn:stream", now=AT)


def left_in(sqs: Any, queue_url: str) -> int:
    """The number of messages in the queue, with messages in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(value) for value in attributes.values())


@pytest.fixture
def filled(sqs: Any, queue_url: str) -> str:
    router = SqsRouter(queue_url, sqs)
    for number in range(12):
        router.route(letter(number))
    return queue_url


def test_resent_letters_leave_queue(sqs: Any, filled: str) -> None:
    resent: list[DeadLetter] = []
    assert redrive(filled, resent.append, client=sqs, wait_seconds=0) == RedriveReport(resent=12)
    assert sorted(one.payload["n"] for one in resent) == list(range(12))
    assert left_in(sqs, filled) == 0


def test_letter_that_fails_again_stays_and_others_go_on(sqs: Any, filled: str) -> None:
    def resend(one: DeadLetter) -> None:
        if one.payload["n"] % 3 == 0:
            raise ResendFailed("still broken")

    assert redrive(filled, resend, client=sqs, wait_seconds=0) == RedriveReport(resent=8, failed=4)
    assert left_in(sqs, filled) == 4


def test_only_chosen_letters_are_resent(sqs: Any, filled: str) -> None:
    resent: list[DeadLetter] = []
    report = redrive(filled, resent.append, client=sqs, wait_seconds=0, choose=lambda one: one.payload["n"] < 2)
    assert report == RedriveReport(resent=2, skipped=10)
    assert left_in(sqs, filled) == 10


@pytest.mark.parametrize("limit", [0, 1, 11])
def test_limit_bounds_number_of_messages(sqs: Any, filled: str, limit: int) -> None:
    resent: list[DeadLetter] = []
    report = redrive(filled, resent.append, client=sqs, wait_seconds=0, limit=limit)
    assert report == RedriveReport(resent=limit, is_complete=False)
    assert (len(resent), left_in(sqs, filled)) == (limit, 12 - limit)


def test_messages_that_are_not_letters_are_counted_and_stay(sqs: Any, queue_url: str) -> None:
    sqs.send_message(QueueUrl=queue_url, MessageBody='{"requestContext": {}, "DDBStreamBatchInfo": {}}')
    SqsRouter(queue_url, sqs).route(letter(1))
    assert redrive(queue_url, lambda one: None, client=sqs, wait_seconds=0) == RedriveReport(resent=1, unreadable=1)
    assert left_in(sqs, queue_url) == 1


def test_kept_letters_are_visible_after_redrive_and_listing(sqs: Any, filled: str) -> None:
    redrive(filled, lambda one: None, client=sqs, wait_seconds=0, choose=lambda one: False)
    assert len(list_letters(filled, client=sqs, wait_seconds=0)) == 12
    found = list_letters(filled, client=sqs, wait_seconds=0)
    assert [message.letter.payload["n"] for message in found if message.letter] == list(range(12))
    assert redrive(filled, lambda one: None, client=sqs, wait_seconds=0).resent == 12


class Function:
    """A Lambda client whose function gives a fixed answer."""

    def __init__(self, body: bytes, error: str | None = None) -> None:
        self._answer = {"Payload": io.BytesIO(body), **({"FunctionError": error} if error else {})}
        self.requests: list[dict[str, Any]] = []

    def invoke(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        return self._answer


@pytest.mark.parametrize("body", [b'{"batchItemFailures": []}', b"null", b"", b'"done"'])
def test_a_function_gets_the_record_as_a_batch_of_one(body: bytes) -> None:
    function = Function(body)
    resend_to_function("stream-router", function)(letter(7))
    (request,) = function.requests
    assert (request["FunctionName"], request["InvocationType"]) == ("stream-router", "RequestResponse")
    assert json.loads(request["Payload"]) == {"Records": [{"n": 7}]}


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        (b'{"errorMessage": "boom"}', "Unhandled", "stream-router failed.*boom"),
        (b'{"batchItemFailures": [{"itemIdentifier": "1"}]}', None, "returned the record as failed"),
    ],
)
def test_failure_of_function_is_reported(body: bytes, error: str | None, said: str) -> None:
    with pytest.raises(ResendFailed, match=said):
        resend_to_function("stream-router", Function(body, error))(letter(7))


def test_outbox_letter_is_rejected_and_stays_with_reason(
    sqs: Any, queue_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": "EVENT#1", "detailType": "SLA_BREACH", "detail": "no json"}
    SqsRouter(queue_url, sqs).route(make_letter(row, ValueError("MalformedDetail"), source=OUTBOX, now=AT))
    function = Function(b"")
    report = redrive(queue_url, resend_to_function("stream-router", function), client=sqs, wait_seconds=0)
    assert (report, function.requests) == (RedriveReport(failed=1), [])
    assert left_in(sqs, queue_url) == 1
    assert "stream-router takes records, not the row of an event: MalformedDetail" in caplog.text

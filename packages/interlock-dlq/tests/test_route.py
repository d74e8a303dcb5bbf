"""Routing of dead letters: one contract for every router, and the details of each."""

import io
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from interlock_dlq import (
    DeadLetter,
    LetterBucket,
    LogRouter,
    NullRouter,
    RetryLater,
    Router,
    RoutingFailed,
    SqsRouter,
    decode_letter,
    encode_letter,
    make_letter,
    router_of,
)


def letter(**payload: Any) -> DeadLetter:
    at = datetime(2026, 3, 3, tzinfo=UTC)
    return make_letter(payload or {"PK": "x"}, KeyError("PK"), source="arn:stream", now=at)


class UnwillingQueue:
    """Raises the given errors, then accepts every letter."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.sent: list[dict[str, Any]] = []
        self.asked = 0

    def send_message(self, **request: Any) -> dict[str, Any]:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(request)
        return {"MessageId": "m"}


def away() -> Exception:
    return EndpointConnectionError(endpoint_url="https://sqs")


def too_large() -> Exception:
    return ClientError({"Error": {"Code": "InvalidParameterValue", "Message": "must be shorter"}}, "SendMessage")


class Log:
    """A logger that keeps its records."""

    def __init__(self) -> None:
        self.logger = logging.Logger("dead-letters", logging.ERROR)
        self.records: list[logging.LogRecord] = []
        handler = logging.Handler()
        handler.emit = self.records.append  # type: ignore[method-assign]
        self.logger.addHandler(handler)

    def letters(self) -> list[DeadLetter]:
        return [decode_letter(record.getMessage().removeprefix("dead_letter ")) for record in self.records]


@pytest.fixture(params=["sqs", "sqs-away", "log", "null"])
def kept(request: pytest.FixtureRequest, sqs: Any, queue_url: str) -> tuple[Router, Callable[[], list[DeadLetter]]]:
    """A router, and the letters that it keeps."""
    log, null = Log(), NullRouter()
    fallback = LogRouter(log.logger)

    def received() -> list[DeadLetter]:
        found = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
        return [decode_letter(message["Body"]) for message in found]

    unwilling = SqsRouter("q", UnwillingQueue(*[away()] * 99), fallback=fallback, sleep=lambda seconds: None)
    return {
        "sqs": (SqsRouter(queue_url, sqs), received),
        "sqs-away": (unwilling, log.letters),
        "log": (fallback, log.letters),
        "null": (null, lambda: null.letters),
    }[request.param]


def test_every_router_keeps_the_whole_letter(kept: tuple[Router, Callable[[], list[DeadLetter]]]) -> None:
    router, letters = kept
    sent = [letter(n=1, deep={"a": ["b"]}), letter(n=2)]
    for one in sent:
        router.route(one)
    assert sorted(letters(), key=lambda found: found.id) == sorted(sent, key=lambda found: found.id)


def test_a_queued_letter_can_be_filtered_by_its_attributes(sqs: Any, queue_url: str) -> None:
    SqsRouter(queue_url, sqs).route(letter())
    (message,) = sqs.receive_message(QueueUrl=queue_url, MessageAttributeNames=["All"])["Messages"]
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes == {"source": "arn:stream", "errorType": "KeyError", "permanence": "permanent"}


def test_unavailable_queue_is_retried_with_growing_pauses() -> None:
    queue, pauses, log = UnwillingQueue(away(), away()), [], Log()
    SqsRouter("q", queue, fallback=LogRouter(log.logger), sleep=pauses.append).route(letter())
    assert len(queue.sent) == 1
    assert log.records == []
    assert [0.05 <= pauses[0] <= 0.1, 0.1 <= pauses[1] <= 0.2, len(pauses)] == [True, True, 2]


@pytest.mark.parametrize("retries", [0, 3])
def test_after_the_last_retry_the_letter_goes_to_the_log(retries: int) -> None:
    queue, log = UnwillingQueue(*[away()] * 99), Log()
    router = SqsRouter("q", queue, max_retries=retries, fallback=LogRouter(log.logger), sleep=lambda seconds: None)
    sent = letter()
    router.route(sent)
    assert (queue.asked, log.letters()) == (retries + 1, [sent])


class Bucket:
    """An S3 client with one bucket in memory."""

    def __init__(self, error: Exception | None = None) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self._error = error

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        if self._error:
            raise self._error
        self.objects[Bucket, Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self.objects[Bucket, Key])}


def test_letter_that_queue_rejects_goes_to_log_and_queue_says_so(caplog: pytest.LogCaptureFixture) -> None:
    queue, log, pauses, sent = UnwillingQueue(too_large()), Log(), [], letter()
    SqsRouter("q", queue, fallback=LogRouter(log.logger), sleep=pauses.append).route(sent)
    assert (queue.asked, pauses, log.letters()) == (2, [], [sent])
    announced = decode_letter(queue.sent[0]["MessageBody"])
    assert (announced.id, announced.payload, announced.stored_at) == (sent.id, {}, "the log")
    assert f"dead_letter_too_large {sent.id}: its record is at the log" in caplog.text


def test_letter_that_queue_rejects_goes_to_bucket() -> None:
    queue, log, client, sent = UnwillingQueue(too_large()), Log(), Bucket(), letter(n=1)
    bucket = LetterBucket("b", client)
    SqsRouter("q", queue, fallback=LogRouter(log.logger), bucket=bucket).route(sent)
    announced = decode_letter(queue.sent[0]["MessageBody"])
    assert announced.stored_at == f"s3://b/dead-letters/{sent.id}.json"
    assert (bucket.whole(announced), bucket.whole(sent), log.records) == (sent, sent, [])


def test_letter_whose_content_queue_rejects_is_announced() -> None:
    content = ClientError({"Error": {"Code": "InvalidMessageContents"}}, "SendMessage")
    queue, log, sent = UnwillingQueue(content), Log(), letter()
    SqsRouter("q", queue, fallback=LogRouter(log.logger)).route(sent)
    assert (queue.asked, log.letters()) == (2, [sent])
    assert decode_letter(queue.sent[0]["MessageBody"]).stored_at == "the log"


def test_letter_goes_to_log_if_bucket_fails_too() -> None:
    queue, log, sent = UnwillingQueue(too_large(), too_large()), Log(), letter()
    bucket = LetterBucket("b", Bucket(TimeoutError("slow")))
    SqsRouter("q", queue, fallback=LogRouter(log.logger), bucket=bucket).route(sent)
    assert (log.letters(), queue.sent) == ([sent], [])


def test_no_try_follows_the_end_of_the_invocation() -> None:
    queue, log, pauses = UnwillingQueue(*[away()] * 9), Log(), list[float]()
    router = SqsRouter("q", queue, fallback=LogRouter(log.logger), sleep=pauses.append, expired=lambda: True)
    with pytest.raises(RetryLater, match="the invocation's time ended before the dead letter was sent"):
        router.route(letter())
    assert (queue.asked, pauses, log.records) == (1, [], [])


def test_rejected_letter_is_kept_after_the_invocations_end() -> None:
    queue, log, sent = UnwillingQueue(too_large()), Log(), letter()
    SqsRouter("q", queue, fallback=LogRouter(log.logger), expired=lambda: True).route(sent)
    assert log.letters() == [sent]


def test_letter_that_cannot_be_kept_is_error() -> None:
    log = Log()
    log.logger.disabled = True
    router = SqsRouter("q", UnwillingQueue(*[away()] * 9), fallback=LogRouter(log.logger), sleep=lambda seconds: None)
    with pytest.raises(RoutingFailed, match="cannot be kept"):
        router.route(letter())


def test_logged_letter_is_one_complete_line() -> None:
    log = Log()
    sent = letter(text="a\nb", whole="x" * 300_000)
    LogRouter(log.logger).route(sent)
    (record,) = log.records
    assert record.getMessage() == f"dead_letter {encode_letter(sent)}"
    assert "\n" not in record.getMessage()
    assert json.loads(record.getMessage().removeprefix("dead_letter "))["payload"] == sent.payload
    assert record.levelno == logging.ERROR


def test_a_json_formatter_gets_the_event_and_the_letter() -> None:
    log = Log()
    sent = letter()
    LogRouter(log.logger).route(sent)
    assert (log.records[0].__dict__["event"], log.records[0].__dict__["fields"]) == ("dead_letter", {"letter": sent})


def test_letter_to_fifo_queue_has_its_own_group() -> None:
    queue, kept = UnwillingQueue(), letter()
    SqsRouter("https://sqs/letters.fifo", queue).route(kept)
    SqsRouter("https://sqs/letters", queue).route(kept)
    assert (queue.sent[0]["MessageGroupId"], queue.sent[0]["MessageDeduplicationId"]) == (kept.id, kept.id)
    assert not {"MessageGroupId", "MessageDeduplicationId"} & queue.sent[1].keys()


class Given:
    """The settings of a service."""

    def __init__(self, url: str | None, bucket: str | None = None, retries: int = 3) -> None:
        self.dlq_queue_url, self.dlq_bucket, self.dlq_max_retries = url, bucket, retries


def test_a_service_without_a_queue_has_no_router_and_no_client() -> None:
    def forbidden(service: str) -> Any:
        raise AssertionError(service)

    assert router_of(Given(None, "letters"), forbidden) is None


@pytest.mark.parametrize("url", [None, "other"])
def test_a_router_has_the_settings_of_its_service(url: str | None) -> None:
    queue, stored, pauses = UnwillingQueue(away(), away(), too_large()), [], []

    class Bucket:
        def put_object(self, **request: Any) -> None:
            stored.append(request["Bucket"])

    clients = {"sqs": queue, "s3": Bucket()}
    router = router_of(Given("q", "letters", retries=2), clients.__getitem__, url=url, sleep=pauses.append)
    assert router is not None
    router.route(letter())
    assert (len(pauses), stored) == (2, ["letters"])
    assert queue.sent[0]["QueueUrl"] == (url or "q")

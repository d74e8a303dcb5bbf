"""A Lambda's variables pick the place of its dead letters."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from interlock_controller.effects import dead_letters_of_environment
from interlock_dlq import LogRouter, decode_letter, encode_letter, make_letter
from interlock_telemetry import environment


class Queue:
    """An SQS client that keeps the sent messages."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send_message(self, **message: Any) -> None:
        self.sent.append(message)


def test_the_queue_that_the_variable_names() -> None:
    queue, letter = Queue(), make_letter({"n": 1}, ValueError("x"), source="test")
    settings = environment((), source={"DLQ_QUEUE_URL": "https://queue"})
    dead_letters_of_environment(settings, lambda: queue).route(letter)
    (message,) = queue.sent
    assert message["QueueUrl"] == "https://queue"
    assert decode_letter(message["MessageBody"]) == letter


def test_without_a_queue_the_log_keeps_dead_letters() -> None:
    def reject() -> Queue:
        pytest.fail("a client was made")

    assert isinstance(dead_letters_of_environment(environment((), source={}), reject), LogRouter)


class Small(Queue):
    """A queue that rejects letters with a record."""

    def send_message(self, **message: Any) -> None:
        if '"n":1' in message["MessageBody"]:
            answer = {"Error": {"Code": "InvalidParameterValue", "Message": "too long"}}
            raise ClientError(answer, "SendMessage")  # type: ignore[arg-type]
        super().send_message(**message)


def test_the_variable_names_the_bucket_of_large_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    objects: list[dict[str, Any]] = []
    s3 = SimpleNamespace(put_object=lambda **request: objects.append(request))
    monkeypatch.setattr("interlock_controller.effects._dead_letters.aws_client", lambda service: {"s3": s3}[service])
    queue, letter = Small(), make_letter({"n": 1}, ValueError("x"), source="test")
    settings = environment((), source={"DLQ_QUEUE_URL": "https://queue", "DLQ_BUCKET": "letters"})
    dead_letters_of_environment(settings, lambda: queue).route(letter)
    ((message,), (stored,)) = queue.sent, objects
    assert stored == {
        "Bucket": "letters",
        "Key": f"dead-letters/{letter.id}.json",
        "Body": encode_letter(letter).encode(),
    }
    assert decode_letter(message["MessageBody"]).stored_at == f"s3://letters/dead-letters/{letter.id}.json"


class Down(Queue):
    """A queue that never answers."""

    def send_message(self, **message: Any) -> None:
        super().send_message(**message)
        raise ConnectionError("no answer")


def test_the_variable_limits_the_tries_of_a_queue(caplog: pytest.LogCaptureFixture) -> None:
    queue, letter = Down(), make_letter({"n": 1}, ValueError("x"), source="test")
    settings = environment((), source={"DLQ_QUEUE_URL": "https://queue", "DLQ_MAX_RETRIES": "0"})
    dead_letters_of_environment(settings, lambda: queue).route(letter)
    assert len(queue.sent) == 1
    assert f"dead_letter {encode_letter(letter)}" in caplog.messages

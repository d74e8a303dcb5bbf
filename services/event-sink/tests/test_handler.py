"""The whole Lambda, from event to table."""

import json
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from interlock_dlq import decode_letter
from interlock_event_sink import handler
from interlock_event_sink.event import BusEvent, MalformedEvent
from interlock_event_sink.sink import EventSink
from interlock_telemetry import InvalidEnvironment, InvocationDeadline, MissingEnvironment, correlation_id

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "test-interlock-events"
EVENT: dict[str, Any] = {
    "id": "6f87d04b-9a1c-4d53-8c1c-1f7f3b1d0a01",
    "detail-type": "JOB_COMPLETED",
    "source": "interlock",
    "time": "2026-03-03T08:01:09Z",
    "detail": {
        "id": "01JNDK0000ABCDEFGHJKMNPQRS",
        "pipelineId": "bronze",
        "scheduleId": "stream",
        "date": "2026-03-03",
        "timestamp": "2026-03-03T08:01:02.003Z",
        "message": "done",
    },
}


@pytest.fixture(autouse=True)
def table(dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch) -> Iterator["DynamoDBClient"]:
    monkeypatch.setenv("EVENTS_TABLE", TABLE)
    monkeypatch.setenv("EVENTS_TTL_DAYS", "7")
    for name in ("DLQ_QUEUE_URL", "DLQ_BUCKET"):
        monkeypatch.delenv(name, raising=False)
    handler.handle.reset()
    yield dynamodb
    handler.handle.reset()


@pytest.fixture
def dead_letters(table: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch) -> tuple[Any, str]:
    """A client of SQS, and the URL of the dead-letter queue."""
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="event-sink-dlq")["QueueUrl"]
    monkeypatch.setenv("DLQ_QUEUE_URL", url)
    return sqs, url


def rows(client: "DynamoDBClient") -> list[dict[str, Any]]:
    return client.scan(TableName=TABLE)["Items"]


def test_an_event_becomes_a_row_that_the_index_finds(table: "DynamoDBClient") -> None:
    assert handler.handle(EVENT, None) == {"written": True, "eventId": EVENT["detail"]["id"]}
    found = table.query(
        TableName=TABLE,
        IndexName="GSI1",
        KeyConditionExpression="eventType = :type",
        ExpressionAttributeValues={":type": {"S": "JOB_COMPLETED"}},
    )["Items"]
    assert [row["pipelineId"]["S"] for row in found] == ["bronze"]
    assert json.loads(found[0]["detail"]["S"]) == EVENT["detail"]


def test_a_repeated_event_leaves_its_row_unchanged(table: "DynamoDBClient") -> None:
    handler.handle(EVENT, None)
    before = rows(table)
    # A redelivery of EventBridge has the same envelope. A repeated relay makes a new one.
    relayed = {**EVENT, "id": "00000000-0000-0000-0000-000000000000", "time": "2026-03-03T09:00:00Z"}
    assert handler.handle(EVENT, None)["written"] is False
    assert handler.handle(relayed, None)["written"] is False
    assert rows(table) == before


def test_two_events_of_one_millisecond_are_both_kept(table: "DynamoDBClient") -> None:
    twin = {**EVENT, "detail": {**EVENT["detail"], "id": "01JNDK0000ABCDEFGHJKMNPQRT"}}
    handler.handle(EVENT, None)
    assert handler.handle(twin, None)["written"] is True
    assert len(rows(table)) == 2


def test_a_malformed_event_is_raised_and_writes_nothing(table: "DynamoDBClient") -> None:
    with pytest.raises(MalformedEvent, match="pipelineId"):
        handler.handle({**EVENT, "detail": {}}, None)
    assert rows(table) == []


def test_a_table_that_is_gone_is_raised(table: "DynamoDBClient") -> None:
    table.delete_table(TableName=TABLE)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        handler.handle(EVENT, None)


def message(identifier: str, body: str | None = None, **detail: Any) -> dict[str, Any]:
    """A message of the queue with the event `identifier`."""
    event = {**EVENT, "detail": {**EVENT["detail"], "id": identifier, **detail}}
    return {"messageId": f"m-{identifier}", "body": json.dumps(event) if body is None else body}


def failures(answer: dict[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def stored(client: "DynamoDBClient") -> list[str]:
    return sorted(row["eventId"]["S"] for row in rows(client))


class Hurry:
    """The context of an invocation that has time for one event: 2 seconds without the buffer."""

    def get_remaining_time_in_millis(self) -> int:
        return 2500


def test_a_batch_becomes_one_row_per_event(table: "DynamoDBClient") -> None:
    assert failures(handler.handle({"Records": [message(one) for one in "cab"]}, None)) == []
    assert stored(table) == ["a", "b", "c"]


def test_an_event_in_two_batches_and_direct_is_one_row(table: "DynamoDBClient") -> None:
    handler.handle({"Records": [message("a"), message("a")]}, None)
    assert failures(handler.handle({"Records": [message("a")]}, None)) == []
    direct = json.loads(message("a")["body"])
    assert handler.handle(direct, None)["written"] is False
    assert stored(table) == ["a"]


@pytest.mark.parametrize("body", ["", "{", "[]", "7", '"text"', "{}", json.dumps({**EVENT, "detail": {}})])
def test_an_unreadable_message_is_one_whole_dead_letter(
    table: "DynamoDBClient", dead_letters: tuple[Any, str], body: str
) -> None:
    broken = message("x", body)
    assert failures(handler.handle({"Records": [message("a"), broken, message("b")]}, None)) == []
    assert stored(table) == ["a", "b"]
    sqs, url = dead_letters
    (letter,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(letter["Body"])["payload"] == broken


def test_a_dead_letter_can_be_sent_to_the_sink_again(table: "DynamoDBClient", dead_letters: tuple[Any, str]) -> None:
    handler.handle({"Records": [message("x", "{")]}, None)
    sqs, url = dead_letters
    letter = decode_letter(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"])
    assert failures(handler.handle({"Records": [{**letter.payload, "body": message("x")["body"]}]}, None)) == []
    assert stored(table) == ["x"]


def test_without_a_dead_letter_queue_it_stays_for_redrive(table: "DynamoDBClient") -> None:
    assert failures(handler.handle({"Records": [message("x", "{"), message("a")]}, None)) == ["m-x"]
    assert stored(table) == ["a"]


def test_only_events_that_the_table_rejected_come_again(
    table: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    write = EventSink.write

    def throttle(sink: EventSink, event: BusEvent) -> bool:
        if event.id == "b":
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "PutItem")
        return write(sink, event)

    monkeypatch.setattr(EventSink, "write", throttle)
    assert failures(handler.handle({"Records": [message(one) for one in "abc"]}, None)) == ["m-b"]
    monkeypatch.undo()
    assert stored(table) == ["a", "c"]


def test_events_beyond_the_time_of_the_invocation_return(
    table: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    write, seconds = EventSink.write, [0.0]

    def write_slowly(sink: EventSink, event: BusEvent) -> bool:
        written = write(sink, event)
        seconds[0] += 2.1
        return written

    of_context = partial(InvocationDeadline.from_context, clock=lambda: seconds[0])
    monkeypatch.setattr(handler, "InvocationDeadline", SimpleNamespace(from_context=of_context))
    monkeypatch.setattr(EventSink, "write", write_slowly)
    assert failures(handler.handle({"Records": [message(one) for one in "abc"]}, Hurry())) == ["m-b", "m-c"]
    assert stored(table) == ["a"]


@pytest.mark.parametrize(("fields", "correlation"), [({"runToken": "k2v7"}, "k2v7"), ({}, "a")])
def test_log_lines_of_an_event_name_its_execution(
    table: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch, fields: dict[str, str], correlation: str
) -> None:
    found: list[str | None] = []
    monkeypatch.setattr(EventSink, "write", lambda sink, event: found.append(correlation_id()) or True)
    envelope = json.loads(message("a")["body"])
    envelope["detail"] |= {"scheduleId": "cron", "date": "2026-03-03", **fields}
    handler.handle({"Records": [{**message("a"), "body": json.dumps(envelope)}]}, None)
    assert found == [correlation]


def test_a_letter_that_is_too_large_is_kept_in_the_bucket(
    dead_letters: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (sqs, url), s3 = dead_letters, boto3.client("s3")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "1024"})
    s3.create_bucket(Bucket="letters", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    monkeypatch.setenv("DLQ_BUCKET", "letters")
    broken = {**message("a"), "body": "{" + "x" * 2000}
    assert handler.handle({"Records": [broken]}, None) == {"batchItemFailures": []}
    (letter,) = sqs.receive_message(QueueUrl=url)["Messages"]
    place = json.loads(letter["Body"])["storedAt"].removeprefix("s3://letters/")
    assert json.loads(s3.get_object(Bucket="letters", Key=place)["Body"].read())["payload"] == broken


def test_a_ping_reports_health_and_writes_nothing(table: "DynamoDBClient") -> None:
    answer = handler.handle({"__ping__": True}, None)
    assert (answer["status"], answer["checks"]) == ("healthy", {"events": "ok"})
    assert rows(table) == []
    table.delete_table(TableName=TABLE)
    answer = handler.handle({"__ping__": True}, None)
    assert answer["status"] == "degraded"
    assert answer["checks"]["events"].startswith("error: ResourceNotFoundException")


def test_a_profile_is_taken_of_a_real_event(table: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROFILE_BUCKET", "profiles")
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="profiles", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    answer = handler.handle({"__profile__": EVENT}, None)
    assert answer["answer"]["written"] is True
    assert s3.head_object(Bucket="profiles", Key=answer["key"])["ContentLength"] > 0


@pytest.mark.parametrize(
    ("name", "value", "expected", "said"),
    [
        ("EVENTS_TABLE", "", MissingEnvironment, "EVENTS_TABLE"),
        ("EVENTS_TTL_DAYS", "soon", InvalidEnvironment, "EVENTS_TTL_DAYS is 'soon', must be a whole number"),
        ("EVENTS_TTL_DAYS", "0", InvalidEnvironment, "from 1 to 36500"),
    ],
)
def test_an_invalid_environment_is_reported_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: type[Exception], said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(expected, match=said):
        handler.handle(EVENT, None)


def test_the_log_line_of_an_event_carries_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    handler.handle(EVENT, None)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    stored = next(line for line in lines if line["event"] == "event_stored")
    assert (stored["correlation_id"], stored["service"]) == (EVENT["detail"]["id"], "event-sink")


@pytest.mark.parametrize(("value", "attempt"), [(2, 2), (0, 0), (None, None), ("2", None), (True, None), (-1, None)])
def test_the_log_line_of_an_event_carries_its_attempt(
    capsys: pytest.CaptureFixture[str], value: object, attempt: int | None
) -> None:
    handler.handle({**EVENT, "detail": {**EVENT["detail"], "attempt": value}}, None)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    stored = next(line for line in lines if line["event"] == "event_stored")
    assert stored.get("attempt") == attempt

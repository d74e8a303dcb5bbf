"""The whole Lambda, from event to table."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from interlock_event_sink import handler
from interlock_event_sink.event import MalformedEvent
from interlock_telemetry import InvalidEnvironment, MissingEnvironment

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
    handler.handle.reset()
    yield dynamodb
    handler.handle.reset()


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
        ("EVENTS_TTL_DAYS", "0", InvalidEnvironment, "at least 1"),
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

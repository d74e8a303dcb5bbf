"""Letters of every kind go back to their function: records, stored records, envelopes and batches of a stream."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from dlq_queue import START, FakeQueue
from moto import mock_aws

from interlock_dlq import (
    LetterBucket,
    QueuedLetter,
    RedriveReport,
    ResendFailed,
    SqsRouter,
    StreamBatch,
    StreamTrimmed,
    make_letter,
    read_stream_batch,
    redrive,
    reread,
    resend_message_to_function,
    resend_stream_batch,
    resend_to_function,
)
from interlock_dlq._resend import lambda_client

ARN = "arn:aws:dynamodb:eu-west-1:1:table/t/stream/s"


class Function:
    """A Lambda client whose function returns the records that it is asked to."""

    def __init__(self, failing: str = "") -> None:
        self.events: list[Any] = []
        self._failing = failing

    def invoke(self, *, Payload: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803
        event = json.loads(Payload)
        self.events.append(event)
        fails = self._failing and self._failing in Payload.decode()
        return {"Payload": io.BytesIO(b'{"batchItemFailures": [{"itemIdentifier": "x"}]}' if fails else b"null")}


class Stream:
    """A client of DynamoDB streams with one shard, which gives two records at once.

    empty: the number of pages without a record before each page, as real shards have them.
    """

    def __init__(self, numbers: list[int], oldest: int = 0, empty: int = 0) -> None:
        self._numbers, self._oldest, self._empty = numbers, oldest, empty
        self._given = 0

    def get_shard_iterator(self, *, SequenceNumber: str, ShardIteratorType: str, **_: Any) -> Any:  # noqa: N803
        assert ShardIteratorType == "AT_SEQUENCE_NUMBER"
        if int(SequenceNumber) < self._oldest:
            raise ClientError({"Error": {"Code": "TrimmedDataAccessException", "Message": "m"}}, "GetShardIterator")
        return {"ShardIterator": SequenceNumber}

    def get_records(self, *, ShardIterator: str) -> Any:  # noqa: N803
        if self._given < self._empty:
            self._given += 1
            return {"Records": [], "NextShardIterator": ShardIterator}
        self._given = 0
        found = [number for number in self._numbers if number >= int(ShardIterator)][:2]
        return {
            "Records": [
                {
                    "eventID": f"id-{number}",
                    "dynamodb": {
                        "SequenceNumber": str(number),
                        "ApproximateCreationDateTime": datetime(2026, 3, 3, tzinfo=UTC),
                        "NewImage": {"b": {"B": b"\x00"}, "l": {"L": [{"N": "1"}]}},
                    },
                }
                for number in found
            ],
            "NextShardIterator": str(found[-1] + 1) if found else None,
        }


def message(**changed: str) -> str:
    batch = {
        "shardId": "shardId-1",
        "startSequenceNumber": "11",
        "endSequenceNumber": "14",
        "approximateArrivalOfFirstRecord": "2026-03-03T08:00:00Z",
        "approximateArrivalOfLastRecord": "2026-03-03T08:00:05Z",
        "batchSize": 3,
        "streamArn": ARN,
    }
    context = {"requestId": "r", "condition": "RetryAttemptsExhausted"}
    return json.dumps({"requestContext": context, "version": "1.0", "DDBStreamBatchInfo": {**batch, **changed}})


def batch() -> StreamBatch:
    found = read_stream_batch(message())
    assert found is not None
    return found


@pytest.fixture
def kinesis(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A Kinesis client with the stream `s` of one shard."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("kinesis", region_name="eu-west-1")
        client.create_stream(StreamName="s", ShardCount=1)
        yield client


def kinesis_message(client: Any, first: str, last: str) -> str:
    """The on-failure message of the records between two sequence numbers."""
    stream = client.describe_stream(StreamName="s")["StreamDescription"]
    batch = {
        "shardId": stream["Shards"][0]["ShardId"],
        "startSequenceNumber": first,
        "endSequenceNumber": last,
        "approximateArrivalOfFirstRecord": "2026-03-03T08:00:00Z",
        "approximateArrivalOfLastRecord": "2026-03-03T08:00:05Z",
        "batchSize": 2,
        "streamArn": stream["StreamARN"],
    }
    return json.dumps({"version": "1.0", "KinesisBatchInfo": batch})


def test_kinesis_batch_is_read_again_as_lambda_delivers_it(kinesis: Any) -> None:
    sent = [kinesis.put_record(StreamName="s", Data=b"\x00%d" % n, PartitionKey=f"p-{n}") for n in range(4)]
    numbers = [answer["SequenceNumber"] for answer in sent]
    function = Function()
    body = kinesis_message(kinesis, numbers[1], numbers[2])
    resend_stream_batch("reader", kinesis, function)(queued(body))
    records = [event["Records"][0] for event in function.events]
    assert [record["kinesis"]["sequenceNumber"] for record in records] == numbers[1:3]
    arrived = records[0]["kinesis"].pop("approximateArrivalTimestamp")
    assert arrived == pytest.approx(datetime.now(UTC).timestamp(), abs=600)
    shard, arn = "shardId-000000000000", "arn:aws:kinesis:eu-west-1:123456789012:stream/s"
    assert records[0] == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "p-1",
            "sequenceNumber": numbers[1],
            "data": "ADE=",
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard}:{numbers[1]}",
        "eventName": "aws:kinesis:record",
        "awsRegion": "eu-west-1",
        "eventSourceARN": arn,
    }


def test_kinesis_that_reads_on_from_a_later_record_is_trimmed(kinesis: Any) -> None:
    kinesis.put_record(StreamName="s", Data=b"1", PartitionKey="p")
    last = kinesis.put_record(StreamName="s", Data=b"2", PartitionKey="p")["SequenceNumber"]
    batch = read_stream_batch(kinesis_message(kinesis, "7", last))
    assert batch is not None

    class Trimmed:
        """Kinesis gives its oldest record for a position before it."""

        def get_shard_iterator(self, **request: Any) -> Any:
            del request["StartingSequenceNumber"]
            return kinesis.get_shard_iterator(**request | {"ShardIteratorType": "TRIM_HORIZON"})

        def get_records(self, **request: Any) -> Any:
            return kinesis.get_records(**request)

    with pytest.raises(StreamTrimmed):
        reread(batch, Trimmed())


def queued(body: str, group: str = "") -> QueuedLetter:
    return QueuedLetter(message_id="m-1", receipt="r", body=body, sent_at=START, group=group, letter=None)


def test_batch_is_read_again_as_lambda_delivers_it() -> None:
    records = reread(batch(), Stream([10, 11, 12, 14, 15, 16]))
    assert [record["dynamodb"]["SequenceNumber"] for record in records] == ["11", "12", "14"]
    assert records[0] == {
        "eventID": "id-11",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": ARN,
        "dynamodb": {
            "SequenceNumber": "11",
            "ApproximateCreationDateTime": 1772496000.0,
            "NewImage": {"b": {"B": "AA=="}, "l": {"L": [{"N": "1"}]}},
        },
    }


def test_pages_without_records_do_not_end_a_batch() -> None:
    pauses: list[float] = []
    records = reread(batch(), Stream([11, 12, 14], empty=3), sleep=pauses.append)
    assert [record["dynamodb"]["SequenceNumber"] for record in records] == ["11", "12", "14"]
    assert pauses == [0.25] * 6


def test_open_shard_without_the_last_record_ends() -> None:
    pauses: list[float] = []
    with pytest.raises(StreamTrimmed):
        reread(batch(), Stream([11, 12], empty=30), sleep=pauses.append)
    assert len(pauses) == 20


LOST = [Stream([11, 14], oldest=12), Stream([]), Stream([11, 12]), Stream([12, 14]), Stream([15, 16])]


@pytest.mark.parametrize("stream", LOST)
def test_batch_that_stream_has_lost_is_trimmed(stream: Stream) -> None:
    with pytest.raises(StreamTrimmed, match="no longer has its 3 records from 2026-03-03T08:00:00Z on") as trimmed:
        reread(batch(), stream)
    assert trimmed.value.batch == batch()


def test_denied_stream_is_not_trimmed() -> None:
    class Denied(Stream):
        def get_shard_iterator(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "m"}}, "GetShardIterator")

    with pytest.raises(ClientError):
        reread(batch(), Denied([11]))


def test_function_gets_each_record_of_batch_in_order() -> None:
    function = Function()
    resend_stream_batch("router", Stream([11, 12, 14]), function)(queued(message()))
    assert [event["Records"][0]["eventID"] for event in function.events] == ["id-11", "id-12", "id-14"]


def test_batch_stays_if_function_returns_one_of_its_records() -> None:
    function = Function("id-12")
    with pytest.raises(ResendFailed, match="returned the record"):
        resend_stream_batch("router", Stream([11, 12, 14]), function)(queued(message()))
    assert len(function.events) == 2


def test_records_of_tables_replace_trimmed_batch() -> None:
    function = Function()
    given: list[StreamBatch] = []

    def rows(lost: StreamBatch) -> list[dict[str, Any]]:
        given.append(lost)
        return [{"eventID": "from the table"}]

    resend_stream_batch("router", Stream([]), function, when_trimmed=rows)(queued(message()))
    assert (given, function.events) == ([batch()], [{"Records": [{"eventID": "from the table"}]}])


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"detail-type": "x"}', message(endSequenceNumber=7)])  # type: ignore[arg-type]
def test_other_message_is_not_a_batch(body: str) -> None:
    assert read_stream_batch(body) is None
    with pytest.raises(ResendFailed, match="does not name a batch"):
        resend_stream_batch("router", Stream([]), Function())(queued(body))


def test_envelope_goes_to_function_as_message_of_its_queue() -> None:
    function = Function()
    resend_message_to_function("alerts", "arn:aws:sqs:eu-west-1:1:alerts", function)(queued('{"detail": {}}', "g"))
    assert function.events == [
        {
            "Records": [
                {
                    "messageId": "m-1",
                    "body": '{"detail": {}}',
                    "attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": "g"},
                    "eventSource": "aws:sqs",
                    "eventSourceARN": "arn:aws:sqs:eu-west-1:1:alerts",
                }
            ]
        }
    ]


def test_letter_of_kafka_goes_back_as_kafka_event() -> None:
    record, function = {"topic": "t", "partition": 0, "offset": 7}, Function()
    resend_to_function("f", function)(make_letter(record, ValueError(), source="arn:cluster t-0"))
    assert function.events == [
        {"eventSource": "aws:kafka", "eventSourceArn": "arn:cluster", "records": {"t-0": [record]}}
    ]


class Store:
    """An S3 client in memory."""

    def __init__(self) -> None:
        self.body = b""

    def put_object(self, *, Body: bytes, **_: Any) -> None:  # noqa: N803
        self.body = Body

    def get_object(self, **_: Any) -> Any:
        return {"Body": io.BytesIO(self.body)}


def test_letter_too_large_for_queue_is_redriven_from_bucket() -> None:
    class SmallQueue(FakeQueue):
        def send_message(self, *, MessageBody: str, **more: Any) -> None:  # noqa: N803
            if len(MessageBody) > 1000:
                raise ClientError({"Error": {"Code": "InvalidParameterValue", "Message": "too long"}}, "SendMessage")
            super().send_message(MessageBody=MessageBody)

    queue, bucket, function = SmallQueue(), LetterBucket("b", Store()), Function()
    SqsRouter("q", queue, bucket=bucket).route(make_letter({"n": "x" * 2000}, ValueError(), source="s"))
    lost = redrive("q", resend_to_function("f", function), client=queue, now=queue.now)
    assert (lost, function.events) == (RedriveReport(failed=1), [])
    found = redrive("q", resend_to_function("f", function, bucket=bucket), client=queue, now=queue.now)
    assert (found, function.events) == (RedriveReport(resent=1), [{"Records": [{"n": "x" * 2000}]}])


def test_default_client_waits_for_the_longest_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    client: Any = lambda_client()
    assert client.meta.config.read_timeout > 15 * 60

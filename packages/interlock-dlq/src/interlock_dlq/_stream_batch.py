"""The on-failure message of a stream's event source mapping: the position of a batch, which is read again."""

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from interlock_dlq._errors import ResendFailed
from interlock_dlq._redrive import QueuedLetter
from interlock_dlq._resend import LambdaClient, invoke_with_batch, lambda_client

_GONE = {"ExpiredIteratorException", "ResourceNotFoundException", "TrimmedDataAccessException"}

_EMPTY_PAGES = 20
"""The number of pages in a row without a record after which the rest of the batch counts as lost.

A shard has such pages between its records. An open shard has them after its last record, without an end.
"""

_PAUSE = 0.25
"""Seconds between two pages without a record. Kinesis allows five requests per second and shard."""


class StreamsClient(Protocol):
    """The reading part of a client of DynamoDB streams or of Kinesis."""

    def get_shard_iterator(self, **request: Any) -> Any:
        """A position in a shard."""
        ...

    def get_records(self, **request: Any) -> Any:
        """Records from a position on."""
        ...


class StreamBatch(Struct, frozen=True, rename="camel", kw_only=True):
    """A batch of a stream that Lambda gave up: its place, and the times of its first and last record (UTC)."""

    stream_arn: str
    shard_id: str
    start_sequence_number: str
    end_sequence_number: str
    batch_size: int
    first_at: datetime = msgspec.field(name="approximateArrivalOfFirstRecord")
    last_at: datetime = msgspec.field(name="approximateArrivalOfLastRecord")

    @property
    def is_kinesis(self) -> bool:
        """Whether the stream is one of Kinesis. Otherwise it is the stream of a DynamoDB table."""
        return self.stream_arn.split(":")[2:3] == ["kinesis"]


class _Message(Struct):
    of_table: StreamBatch | None = msgspec.field(default=None, name="DDBStreamBatchInfo")
    of_kinesis: StreamBatch | None = msgspec.field(default=None, name="KinesisBatchInfo")


class StreamTrimmed(ResendFailed):
    """The records are no longer in their stream, which keeps them for a limited time. `batch` is their place.

    A DynamoDB stream keeps records for a day, and a Kinesis stream from a day up to a year.
    """

    def __init__(self, batch: StreamBatch) -> None:
        self.batch = batch
        super().__init__(
            f"the stream no longer has its {batch.batch_size} records from {batch.first_at:%Y-%m-%dT%H:%M:%SZ} on"
        )


def read_stream_batch(body: str) -> StreamBatch | None:
    """The batch of an on-failure message of DynamoDB or Kinesis. None for any other message."""
    try:
        message = msgspec.json.decode(body, type=_Message)
    except (msgspec.DecodeError, UnicodeError):
        return None
    return message.of_table or message.of_kinesis


def reread(
    batch: StreamBatch, client: StreamsClient, *, sleep: Callable[[float], object] = time.sleep
) -> list[dict[str, Any]]:
    """The records of the batch in the form of a Lambda event. Raises StreamTrimmed if the stream has lost one.

    `client` reads the kind of stream that the batch names: `dynamodbstreams` or `kinesis`. The event source mapping may
    have filtered out records between the first and the last one. They are read too.
    """
    form = _kinesis_record if batch.is_kinesis else _table_record
    try:
        found = [form(raw, batch) for raw in _read(batch, client, sleep)]
    except Exception as error:
        if _code(error) in _GONE:
            raise StreamTrimmed(batch) from error
        raise
    # Kinesis reads on from its oldest record if the first one is gone, and reports no error.
    ends = {_number(record) for record in (*found[:1], *found[-1:])}
    if ends != {int(batch.start_sequence_number), int(batch.end_sequence_number)}:
        raise StreamTrimmed(batch)
    return found


def resend_stream_batch(
    function_name: str,
    streams: StreamsClient,
    client: LambdaClient | None = None,
    *,
    when_trimmed: Callable[[StreamBatch], Sequence[Mapping[str, Any]]] | None = None,
) -> Callable[[QueuedLetter], None]:
    """A `resend_other` that reads the batch of an on-failure message again, and invokes a function with each record.

    streams: a client of `dynamodbstreams`, or of `kinesis` for the messages of a Kinesis stream's mapping.
    when_trimmed: the records to send if the stream has lost the batch, such as those made from the rows of the table.
    Raises ResendFailed if the message is not of this kind, if the function returns a record, and StreamTrimmed.
    """
    function = client or lambda_client()

    def resend(message: QueuedLetter) -> None:
        batch = read_stream_batch(message.body)
        if batch is None:
            raise ResendFailed("the message does not name a batch of a stream")
        try:
            records: Sequence[Mapping[str, Any]] = reread(batch, streams)
        except StreamTrimmed:
            if when_trimmed is None:
                raise
            records = when_trimmed(batch)
        for record in records:
            invoke_with_batch(function, function_name, {"Records": [record]})

    return resend


def _read(batch: StreamBatch, client: StreamsClient, sleep: Callable[[float], object]) -> Iterator[Mapping[str, Any]]:
    iterator = client.get_shard_iterator(**_position(batch))["ShardIterator"]
    end, empty = int(batch.end_sequence_number), 0
    while iterator and empty < _EMPTY_PAGES:
        answer = client.get_records(ShardIterator=iterator)
        for raw in answer["Records"]:
            number = _number(raw)
            if number <= end:
                yield raw
            if number >= end:
                return
        iterator = answer.get("NextShardIterator")
        empty = 0 if answer["Records"] else empty + 1
        if empty:
            sleep(_PAUSE)


def _position(batch: StreamBatch) -> dict[str, str]:
    """The request for an iterator at the first record of the batch."""
    place = {"ShardId": batch.shard_id, "ShardIteratorType": "AT_SEQUENCE_NUMBER"}
    if not batch.is_kinesis:
        return {**place, "StreamArn": batch.stream_arn, "SequenceNumber": batch.start_sequence_number}
    # AWS reads either name. Emulators read only the short one.
    name = batch.stream_arn.partition(":stream/")[2]
    stream = {"StreamARN": batch.stream_arn, "StreamName": name}
    return {**place, **stream, "StartingSequenceNumber": batch.start_sequence_number}


def _number(record: Mapping[str, Any]) -> int:
    """The sequence number of a record, as a client or a Lambda event gives it."""
    if "dynamodb" in record:
        return int(record["dynamodb"]["SequenceNumber"])
    return int(record["kinesis"]["sequenceNumber"] if "kinesis" in record else record["SequenceNumber"])


def _table_record(raw: Mapping[str, Any], batch: StreamBatch) -> dict[str, Any]:
    return {**_plain(raw), "eventSource": "aws:dynamodb", "eventSourceARN": batch.stream_arn}


def _kinesis_record(raw: Mapping[str, Any], batch: StreamBatch) -> dict[str, Any]:
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": raw["PartitionKey"],
            "sequenceNumber": raw["SequenceNumber"],
            "data": _plain(raw["Data"]),
            "approximateArrivalTimestamp": _plain(raw["ApproximateArrivalTimestamp"]),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{batch.shard_id}:{raw['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "awsRegion": batch.stream_arn.split(":")[3],
        "eventSourceARN": batch.stream_arn,
    }


def _plain(value: Any) -> Any:
    """A value of boto3 as Lambda writes it: binary as base64, times as epoch seconds."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    return value.timestamp() if isinstance(value, datetime) else value


def _code(error: Exception) -> str:
    answer = getattr(error, "response", None)
    return str(answer.get("Error", {}).get("Code", "")) if isinstance(answer, Mapping) else ""

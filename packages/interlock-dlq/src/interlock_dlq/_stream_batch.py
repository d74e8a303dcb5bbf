"""The on-failure message of a stream's event source mapping: the position of a batch, which is read again."""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from interlock_dlq._errors import ResendFailed
from interlock_dlq._redrive import QueuedLetter
from interlock_dlq._resend import LambdaClient, invoke_with_batch, lambda_client

_GONE = {"ExpiredIteratorException", "ResourceNotFoundException", "TrimmedDataAccessException"}


class StreamsClient(Protocol):
    """The reading part of a client of DynamoDB streams."""

    def get_shard_iterator(self, **request: Any) -> Any:
        """A position in a shard."""
        ...

    def get_records(self, **request: Any) -> Any:
        """Records from a position on."""
        ...


class StreamBatch(Struct, frozen=True, rename="camel", kw_only=True):
    """A batch of a DynamoDB stream that Lambda gave up: its place, and the times of its first and last record (UTC)."""

    stream_arn: str
    shard_id: str
    start_sequence_number: str
    end_sequence_number: str
    batch_size: int
    first_at: datetime = msgspec.field(name="approximateArrivalOfFirstRecord")
    last_at: datetime = msgspec.field(name="approximateArrivalOfLastRecord")


class _Message(Struct):
    batch: StreamBatch = msgspec.field(name="DDBStreamBatchInfo")


class StreamTrimmed(ResendFailed):
    """The records are no longer in their stream, which keeps them for a day. `batch` is their place."""

    def __init__(self, batch: StreamBatch) -> None:
        self.batch = batch
        super().__init__(
            f"the stream no longer has its {batch.batch_size} records from {batch.first_at:%Y-%m-%dT%H:%M:%SZ} on"
        )


def read_stream_batch(body: str) -> StreamBatch | None:
    """The batch of an on-failure message of DynamoDB. None for any other message."""
    try:
        return msgspec.json.decode(body, type=_Message).batch
    except (msgspec.DecodeError, UnicodeError):
        return None


def reread(batch: StreamBatch, client: StreamsClient) -> list[dict[str, Any]]:
    """The records of the batch in the form of a Lambda event. Raises StreamTrimmed if the stream has lost one.

    The event source mapping may have filtered records between them. These are read too.
    """
    try:
        found = [_record(raw, batch.stream_arn) for raw in _read(batch, client)]
    except Exception as error:
        if _code(error) in _GONE:
            raise StreamTrimmed(batch) from error
        raise
    if not found or found[-1]["dynamodb"]["SequenceNumber"] != batch.end_sequence_number:
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

    when_trimmed: the records to send if the stream has lost the batch, such as those made from the rows of the table.
    Raises ResendFailed if the message is not of this kind, if the function returns a record, and StreamTrimmed.
    """
    function = client or lambda_client()

    def resend(message: QueuedLetter) -> None:
        batch = read_stream_batch(message.body)
        if batch is None:
            raise ResendFailed("the message does not name a batch of a DynamoDB stream")
        try:
            records: Sequence[Mapping[str, Any]] = reread(batch, streams)
        except StreamTrimmed:
            if when_trimmed is None:
                raise
            records = when_trimmed(batch)
        for record in records:
            invoke_with_batch(function, function_name, {"Records": [record]})

    return resend


def _read(batch: StreamBatch, client: StreamsClient) -> Iterator[Mapping[str, Any]]:
    iterator = client.get_shard_iterator(
        StreamArn=batch.stream_arn,
        ShardId=batch.shard_id,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=batch.start_sequence_number,
    )["ShardIterator"]
    end = int(batch.end_sequence_number)
    while iterator:
        answer = client.get_records(ShardIterator=iterator)
        for raw in answer["Records"]:
            number = int(raw["dynamodb"]["SequenceNumber"])
            if number <= end:
                yield raw
            if number >= end:
                return
        iterator = answer.get("NextShardIterator") if answer["Records"] else None


def _record(raw: Mapping[str, Any], stream_arn: str) -> dict[str, Any]:
    return {**_plain(raw), "eventSource": "aws:dynamodb", "eventSourceARN": stream_arn}


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

"""Converts a stream record into the form of a Lambda event and of AWS's on-failure message."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StreamRecord(Struct, frozen=True):
    """One record of a stream: its position in the shard, the time of its write, and its Lambda event."""

    sequence_number: str
    written_at: datetime
    event: dict[str, Any]


class LastAttempt(Struct, frozen=True):
    """The last invocation of a batch. ``function_error`` is None if the answer named the failures."""

    request_id: str
    function_error: str | None
    status_code: int = 200
    executed_version: str = "$LATEST"


def stream_record(raw: Mapping[str, Any], stream_arn: str) -> StreamRecord:
    """The record of GetRecords in the form of a Lambda event: binary as base64, times as epoch seconds."""
    change = raw["dynamodb"]
    written = change.get("ApproximateCreationDateTime")
    written_at = written if isinstance(written, datetime) else _EPOCH
    event = {key: _plain(value) for key, value in raw.items()}
    if "userIdentity" in event:
        # The streams API and Lambda write these names differently.
        event["userIdentity"] = {key[:1].lower() + key[1:]: item for key, item in event["userIdentity"].items()}
    event["eventSource"] = "aws:dynamodb"
    event["eventSourceARN"] = stream_arn
    return StreamRecord(change["SequenceNumber"], written_at, event)


def on_failure_message(
    *,
    function_arn: str,
    stream_arn: str,
    shard_id: str,
    records: Sequence[StreamRecord],
    attempts: int,
    last: LastAttempt,
    now: datetime,
) -> dict[str, Any]:
    """AWS's message about a batch that was given up: its position in the stream, without its records."""
    response: dict[str, Any] = {"statusCode": last.status_code, "executedVersion": last.executed_version}
    if last.function_error is not None:
        response["functionError"] = last.function_error
    return {
        "requestContext": {
            "requestId": last.request_id,
            "functionArn": function_arn,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": attempts,
        },
        "responseContext": response,
        "version": "1.0",
        "timestamp": _instant(now, "milliseconds"),
        "DDBStreamBatchInfo": {
            "shardId": shard_id,
            "startSequenceNumber": records[0].sequence_number,
            "endSequenceNumber": records[-1].sequence_number,
            "approximateArrivalOfFirstRecord": _instant(records[0].written_at, "seconds"),
            "approximateArrivalOfLastRecord": _instant(records[-1].written_at, "seconds"),
            "batchSize": len(records),
            "streamArn": stream_arn,
        },
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        seconds = value.timestamp()
        return int(seconds) if seconds.is_integer() else seconds
    return value


def _instant(at: datetime, precision: str) -> str:
    return at.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")

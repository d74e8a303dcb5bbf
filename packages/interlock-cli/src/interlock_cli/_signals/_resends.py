"""The way back of each kind of message in the dead-letter queues of a deployment."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from interlock_cli._deployment._deployment import Deployment
from interlock_cli._signals._dead_letters import queue_url
from interlock_dlq import (
    DeadLetter,
    LetterBucket,
    QueuedLetter,
    ResendFailed,
    StreamBatch,
    StreamTrimmed,
    read_stream_batch,
    resend_message_to_function,
    resend_payload_to_function,
    resend_stream_batch,
    resend_to_function,
)
from interlock_store import to_wire

_READERS = {
    "alert-dlq": ("alert-dispatcher", "alerts"),
    "event-sink-dlq": ("event-sink", "event-sink"),
    "job-events-dlq": ("stream-router", "job-events"),
    "sensor-inbox-dlq.fifo": ("stream-router", "sensor-inbox.fifo"),
}
"""The function and the queue from which the messages of a dead-letter queue came. Other queues have no messages."""

_ROUTER = "stream-router"
_SOURCES = {"interlock": "event-sink", "aws.states": "watchdog", "aws.events": "watchdog"}
"""The functions of asynchronous events, by the source of the event."""

ALIAS = "live"
"""The alias that Terraform makes for a function with SnapStart."""

_SLACK = timedelta(minutes=5)
"""The difference between a writer's clock and that of the stream."""


class WayBack:
    """Resends the messages of one dead-letter queue of a deployment. Each way raises ResendFailed.

    accept_lost: whether a batch that the stream has lost counts as resent after the sensor rows of its time were sent.
    """

    def __init__(self, where: Deployment, queue: str, *, accept_lost: bool = False) -> None:
        self._where, self._queue, self._accept_lost = where, queue, accept_lost

    def letter(self, letter: DeadLetter) -> None:
        """Send the record of a letter to its function."""
        name, _ = _READERS.get(self._queue, (_ROUTER, ""))
        # A letter names the place of its record itself.
        stored = LetterBucket("", self._where.client("s3"))
        resend_to_function(self._function(name), self._lambda, bucket=stored)(letter)

    def other(self, message: QueuedLetter) -> None:
        """Send a message that is not a letter."""
        if self._queue in _READERS:
            name, source = _READERS[self._queue]
            resend_message_to_function(self._function(name), self._arn(source), self._lambda)(message)
        elif self._queue == "async-dlq":
            resend_payload_to_function(lambda payload: self._function(function_of(payload)), self._lambda)(message)
        else:
            self._stream_batch(message)

    @cached_property
    def _lambda(self) -> Any:
        # A repeated request would be a second invocation. A function runs for at most 15 minutes.
        return _ByAlias(self._where.patient_client("lambda", read_timeout=910, max_retries=0))

    def _function(self, name: str) -> str:
        return f"{self._where.environment}-interlock-{name}"

    def _arn(self, queue: str) -> str:
        client = self._where.client("sqs")
        url = queue_url(client, self._where.environment, queue)
        if url is None:
            raise ResendFailed(f"the queue {queue} does not exist")
        return str(client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])

    def _stream_batch(self, message: QueuedLetter) -> None:
        """Read the batch again. If the stream has lost it, send the sensor rows of its time from the table.

        The rows of that time may belong to other batches, so their number proves nothing about the lost records.
        """
        streams, name = self._where.client("dynamodbstreams"), self._function(_ROUTER)
        try:
            resend_stream_batch(name, streams, self._lambda)(message)
        except StreamTrimmed as lost:
            rows = list(self._rows_of(lost.batch))
            resend_stream_batch(name, streams, self._lambda, when_trimmed=lambda _: rows)(message)
            if not self._accept_lost:
                sent = f"{len(rows)} sensor rows of that time were sent from the table"
                raise ResendFailed(f"{lost}. {sent}. Check them, then delete the letter with --accept-lost") from None

    def _rows_of(self, batch: StreamBatch) -> Iterator[dict[str, Any]]:
        """A record for each sensor row whose `updatedAt` is in the time of the batch."""
        if ":table/" not in batch.stream_arn or not read_table(batch).endswith("-control"):
            return
        store = self._where.store()
        for pipeline in store.pipelines():
            for key, fields in store.all_sensors(pipeline).items():
                at = moment(fields.get("updatedAt"))
                row = store.row(f"PIPELINE#{pipeline}", f"SENSOR#{key}") if is_within(at, batch) else None
                if at is not None and row is not None:
                    yield record_of(row, at, batch)


class _ByAlias:
    """Invokes the alias of a function, and the function itself if it has none.

    So a redrive runs the version that rules, mappings, steps and timers invoke. The code of the function is newer while
    AWS takes the snapshot of a version, and after the code failed to initialise. Any other error, such as a denied
    alias, is an error: it must not become an invocation of other code.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._without: set[str] = set()

    def invoke(self, *, FunctionName: str, **request: Any) -> Any:  # noqa: N803 - the name of the API
        """Invoke a function as `invoke` of boto3's client does."""
        if FunctionName not in self._without:
            try:
                return self._client.invoke(FunctionName=FunctionName, Qualifier=ALIAS, **request)
            except ClientError as error:
                # AWS rejects an unknown alias before anything runs.
                if error.response["Error"].get("Code") != "ResourceNotFoundException":
                    raise
                self._without.add(FunctionName)
        return self._client.invoke(FunctionName=FunctionName, **request)


def read_table(batch: StreamBatch) -> str:
    """The name of the table in the ARN of its stream."""
    return batch.stream_arn.partition(":table/")[2].partition("/")[0]


def moment(value: object) -> datetime | None:
    """The time that a writer wrote (UTC). None if it cannot be read or has no zone."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None


def is_within(at: datetime | None, batch: StreamBatch) -> bool:
    """Whether a row of this time may be one of the batch."""
    return at is not None and batch.first_at - _SLACK <= at <= batch.last_at + _SLACK


def record_of(row: Mapping[str, Any], at: datetime, batch: StreamBatch) -> dict[str, Any]:
    """The stream record of a row that was written at this time."""
    image = to_wire(row)
    return {
        "eventID": f"redrive {row['PK']} {row['SK']}",
        "eventName": "MODIFY",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": batch.stream_arn,
        "dynamodb": {
            "ApproximateCreationDateTime": at.timestamp(),
            "Keys": {name: image[name] for name in ("PK", "SK")},
            "NewImage": image,
            "SequenceNumber": batch.start_sequence_number,
        },
    }


def function_of(payload: Any) -> str:
    """The function of an asynchronous event. Raises ResendFailed if the event does not show it."""
    if isinstance(payload, Mapping) and "mode" in payload:
        return "sla-monitor"
    source = payload.get("source") if isinstance(payload, Mapping) else None
    if source not in _SOURCES:
        raise ResendFailed("the message does not show its function. Invoke the function with it")
    return _SOURCES[source]


def kind_of(message: QueuedLetter) -> str:
    """letter, batch or message."""
    if message.letter is not None:
        return "letter"
    return "batch" if read_stream_batch(message.body) else "message"

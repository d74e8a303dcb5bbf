"""Reads one shard of a stream in order. Each batch goes to the function until it is done or given up."""

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import Enum, auto
from functools import partial
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct
from msgspec.structs import replace

from interlock_local.pump._answer import Done, FailedFrom, Undelivered, read_answer
from interlock_local.pump._checkpoint import Checkpoints
from interlock_local.pump._filter import wanted
from interlock_local.pump._mapping import StreamMapping
from interlock_local.pump._record import LastAttempt, StreamRecord, on_failure_message, stream_record

log = logging.getLogger(__name__)

_PAGE = 1000
# The iterator is no longer valid, but the position in the shard is.
_STALE_ITERATOR = frozenset({"ExpiredIteratorException"})
# The position is gone (after 24 hours, or in a new stream). AWS then continues with the oldest record.
_LOST_PLACE = frozenset({"TrimmedDataAccessException"})


class StreamReader(Protocol):
    """The used part of a DynamoDB Streams client."""

    def describe_stream(self, *args: Any, **kwargs: Any) -> Any:
        """As in boto3."""

    def get_shard_iterator(self, *args: Any, **kwargs: Any) -> Any:
        """As in boto3."""

    def get_records(self, *args: Any, **kwargs: Any) -> Any:
        """As in boto3."""


class Invoker(Protocol):
    """The used part of a Lambda client."""

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        """As in boto3."""


class QueueSender(Protocol):
    """The used part of an SQS client."""

    def send_message(self, *args: Any, **kwargs: Any) -> Any:
        """As in boto3."""


class PumpClients(Struct, frozen=True):
    """The clients of the three services that the pump uses."""

    streams: StreamReader
    functions: Invoker
    queues: QueueSender


class PumpClock(Struct, frozen=True):
    """The clocks of the pump: monotonic seconds, and the current time in UTC."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = partial(datetime.now, UTC)


class Step(Enum):
    """The result of one step of a shard."""

    WORKED = auto()
    EMPTY = auto()
    WAITING = auto()
    ENDED = auto()


class Counts(Struct):
    """The counts of records so far. ``invocations`` counts every attempt that reached the function."""

    handled: int = 0
    given_up: int = 0
    invocations: int = 0
    failures: int = 0


class _Batch(Struct, frozen=True):
    """Records that go to the function together.

    ``through`` is the last sequence number that the batch covers, including filtered records. ``given_up`` is set
    when only the on-failure message remains.
    """

    records: tuple[StreamRecord, ...]
    through: str
    failures: int = 0
    undelivered: int = 0
    not_before: float = 0.0
    given_up: LastAttempt | None = None


class Shard:
    """The reader of one shard, for one thread. Each ``step`` makes at most one long call."""

    def __init__(
        self,
        mapping: StreamMapping,
        shard_id: str,
        clients: PumpClients,
        checkpoints: Checkpoints,
        clock: PumpClock,
        counts: Counts,
        backlog: Sequence[Any] = (),
    ) -> None:
        self.shard_id = shard_id
        self._mapping = mapping
        self._clients = clients
        self._checkpoints = checkpoints
        self._clock = clock
        self._counts = counts
        self._batches: deque[_Batch] = deque()
        self._iterator: str | None = None
        self._read_through = checkpoints.last_done(mapping.name, mapping.stream_arn, shard_id)
        self._read_failures = 0
        self._read_not_before = 0.0
        self._ended = False
        if backlog:
            # Their numbers are those of a former stream, so reading begins at the starting position.
            self._queue(backlog)
            self._read_through = None

    def step(self) -> Step:
        """Deliver the next batch if it is due, otherwise read more records."""
        if not self._batches:
            return self._read()
        batch = self._batches[0]
        if batch.not_before > self._clock.monotonic():
            return Step.WAITING
        if batch.given_up is not None:
            self._report(batch, batch.given_up)
        elif batch.records:
            self._deliver(batch)
        else:
            self._finish(batch.through)
        return Step.WORKED

    @property
    def waits_until(self) -> float:
        """The monotonic time until which a WAITING shard waits."""
        return self._batches[0].not_before if self._batches else self._read_not_before

    # Reading

    def _read(self) -> Step:
        if self._ended:
            return Step.ENDED
        if self._read_not_before > self._clock.monotonic():
            return Step.WAITING
        try:
            page = self._page()
        except (BotoCoreError, ClientError) as error:
            return self._not_read(error)
        self._read_failures = 0
        self._iterator = page.get("NextShardIterator")
        self._ended = self._iterator is None
        self._queue(page["Records"])
        if self._batches:
            return Step.WORKED
        return Step.ENDED if self._ended else Step.EMPTY

    def _page(self) -> Any:
        if self._iterator is None:
            self._iterator = self._clients.streams.get_shard_iterator(
                StreamArn=self._mapping.stream_arn, ShardId=self.shard_id, **self._position()
            )["ShardIterator"]
        return self._clients.streams.get_records(ShardIterator=self._iterator, Limit=_PAGE)

    def _position(self) -> dict[str, str]:
        if self._read_through is None:
            return {"ShardIteratorType": self._mapping.starting_position}
        return {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._read_through}

    def _not_read(self, error: BotoCoreError | ClientError) -> Step:
        code = _code(error)
        self._iterator = None
        if code in _STALE_ITERATOR:
            return Step.WORKED
        if code in _LOST_PLACE and self._read_through is not None:
            log.warning("stream_place_lost mapping=%s shard=%s", self._mapping.name, self.shard_id)
            self._checkpoints.forget(self._mapping.name, self._mapping.stream_arn, self.shard_id)
            self._read_through = None
            return Step.WORKED
        self._read_failures += 1
        self._read_not_before = self._clock.monotonic() + self._mapping.delay_after(self._read_failures)
        log.warning("stream_not_read mapping=%s error=%s", self._mapping.name, error)
        return Step.WAITING

    def _queue(self, raw: Sequence[Any]) -> None:
        """Split the records into batches. Filtered records count with the batch before or after them."""
        chosen: list[StreamRecord] = []
        for item in raw:
            record = stream_record(item, self._mapping.stream_arn)
            if wanted(record.event, self._mapping.filters):
                if len(chosen) == self._mapping.batch_size:
                    self._batches.append(_Batch(tuple(chosen), str(self._read_through)))
                    chosen = []
                chosen.append(record)
            self._read_through = record.sequence_number
        if raw:
            self._batches.append(_Batch(tuple(chosen), str(self._read_through)))

    # Delivering

    def _deliver(self, batch: _Batch) -> None:
        match self._invoke(batch):
            case Done():
                self._counts.handled += len(batch.records)
                self._finish(batch.through)
            case Undelivered(reason):
                log.warning("batch_not_delivered mapping=%s reason=%s", self._mapping.name, reason)
                tries = batch.undelivered + 1
                self._batches[0] = self._later(replace(batch, undelivered=tries), tries)
            case FailedFrom() as failed:
                self._counts.failures += 1
                log.warning(
                    "batch_failed mapping=%s shard=%s at=%s failures=%d reason=%s",
                    self._mapping.name,
                    self.shard_id,
                    batch.records[failed.index].sequence_number,
                    batch.failures + 1,
                    failed.reason,
                )
                self._fail(batch, failed)

    def _invoke(self, batch: _Batch) -> Done | FailedFrom | Undelivered:
        payload = json.dumps({"Records": [record.event for record in batch.records]})
        try:
            response = self._clients.functions.invoke(
                FunctionName=self._mapping.function_name,
                InvocationType="RequestResponse",
                Payload=payload.encode(),
            )
            body = response["Payload"].read()
        except (BotoCoreError, ClientError) as error:
            return Undelivered(str(error))
        self._counts.invocations += 1
        return read_answer(response, body, batch.records, partial=self._mapping.report_batch_item_failures)

    def _fail(self, batch: _Batch, failed: FailedFrom) -> None:
        if failed.index:
            # Progress: the remaining records are a new batch, and this is its first failure.
            self._counts.handled += failed.index
            self._note(batch.records[failed.index - 1].sequence_number)
            batch = replace(batch, records=batch.records[failed.index :], failures=0)
        elif self._mapping.bisect_batch_on_function_error and len(batch.records) > 1:
            self._split(batch)
            return
        batch = replace(batch, failures=batch.failures + 1, undelivered=0)
        limit = self._mapping.maximum_retry_attempts
        if limit is not None and batch.failures > limit:
            self._batches[0] = replace(batch, given_up=failed.last)
        else:
            self._batches[0] = self._later(batch, batch.failures)

    def _split(self, batch: _Batch) -> None:
        """Split the batch into two halves in order. As on AWS, a split costs no retry."""
        middle = len(batch.records) // 2
        first, second = batch.records[:middle], batch.records[middle:]
        self._batches[0] = _Batch(second, batch.through)
        self._batches.appendleft(self._later(_Batch(first, first[-1].sequence_number), 1))

    def _report(self, batch: _Batch, last: LastAttempt) -> None:
        """Send the on-failure message and then continue. Without the message, no trace of the records would remain."""
        message = on_failure_message(
            function_arn=self._mapping.function_arn or self._mapping.function_name,
            stream_arn=self._mapping.stream_arn,
            shard_id=self.shard_id,
            records=batch.records,
            attempts=batch.failures,
            last=last,
            now=self._clock.now(),
        )
        log.error("batch_given_up mapping=%s batch=%s", self._mapping.name, message["DDBStreamBatchInfo"])
        if self._mapping.on_failure_queue_url is not None:
            try:
                self._clients.queues.send_message(
                    QueueUrl=self._mapping.on_failure_queue_url, MessageBody=json.dumps(message)
                )
            except (BotoCoreError, ClientError) as error:
                log.warning("on_failure_message_not_sent mapping=%s error=%s", self._mapping.name, error)
                tries = batch.undelivered + 1
                self._batches[0] = self._later(replace(batch, undelivered=tries), tries)
                return
        self._counts.given_up += len(batch.records)
        self._finish(batch.through)

    def _later(self, batch: _Batch, failures: int) -> _Batch:
        return replace(batch, not_before=self._clock.monotonic() + self._mapping.delay_after(failures))

    def _finish(self, through: str) -> None:
        self._batches.popleft()
        self._note(through)

    def _note(self, sequence_number: str) -> None:
        self._checkpoints.done(self._mapping.name, self._mapping.stream_arn, self.shard_id, sequence_number)


def _code(error: BotoCoreError | ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""

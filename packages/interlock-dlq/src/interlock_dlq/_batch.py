"""Decides the fate of each record of a batch: handled, dead-lettered, or returned to its source."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import CoroutineType
from typing import Any, Protocol, TypedDict, Unpack

from msgspec import Struct

from interlock_dlq._classify import classify as classify_error
from interlock_dlq._decode import record_decoder
from interlock_dlq._errors import MalformedRecord, RetryLater
from interlock_dlq._route import Router
from interlock_dlq._settle import (
    BatchResult,
    Classify,
    Count,
    Failure,
    OnFailure,
    OnSuccess,
    Settlement,
    conclude,
    guarded,
    is_over,
)
from interlock_dlq._sources import Record, Source, check_messages, queue_source, source_of, stream_source

Handle = Callable[..., object]
"""Handles a record, or its decoded content. It takes the Lambda context as a second argument if there is one."""

_UNNUMBERED = "a stream record without a sequence number"

_RESERVE_MS = 500
"""The rest of an invocation in which no further record is begun."""


class LambdaContext(Protocol):
    """The part of Lambda's context object that a batch needs."""

    def get_remaining_time_in_millis(self) -> int:
        """The remaining time of the invocation."""
        ...


class BatchOptions(TypedDict, total=False):
    """The options of a batch.

    into: decode the content of each record into this type, for the handler. Other content is malformed.
    context: pass Lambda's context to the handler as its second argument, and begin no record in the last half second.
    classify: transient or permanent, for an error of the handler.
    expired: called before each record. The remaining records are returned when it is true. It replaces the half second.
    count: called with records_processed, dlq_routed and batch_failures at the end.
    on_success: called with each handled record and the handler's result.
    on_failure: called with each failed record, its error and its fate.
    alike: after so many programming errors of one place, with no record handled before, the batch is given back instead
    of dead-lettered. 0 never gives a batch back.
    now: the time of letters, for tests.

    Errors of `classify`, `expired`, `count`, `on_success` and `on_failure` are logged and end no batch.
    """

    into: Any
    context: LambdaContext | None
    classify: Classify
    expired: Callable[[], bool] | None
    count: Count | None
    on_success: OnSuccess | None
    on_failure: OnFailure | None
    alike: int
    now: Callable[[], datetime] | None


class Options(Struct, frozen=True, kw_only=True):
    """The options of a batch with their defaults."""

    into: Any = None
    context: LambdaContext | None = None
    classify: Classify = classify_error
    expired: Callable[[], bool] | None = None
    count: Count | None = None
    on_success: OnSuccess | None = None
    on_failure: OnFailure | None = None
    alike: int = 3
    now: Callable[[], datetime] | None = None

    def settlement(self, source: Source, router: Router | None) -> Settlement:
        """The settlement of one batch."""
        return Settlement(
            source, router, classify=self.classify, now=self.now, on_failure=self.on_failure, alike=self.alike
        )

    def check(self, source: Source) -> Callable[[Record], None] | None:
        """The check before each record, None if there is nothing to check. It raises RetryLater or MalformedRecord."""
        expired, identify = self._is_expired(), source.identify
        if expired is None:
            return _check_number(identify) if source.resumes else None

        def check(record: Record) -> None:
            if is_over(expired):
                raise RetryLater("the invocation's time is over")
            if source.resumes and not identify(record):
                raise MalformedRecord(_UNNUMBERED)

        return check

    def _is_expired(self) -> Callable[[], bool] | None:
        context = self.context
        if self.expired is not None or context is None:
            return self.expired
        return lambda: context.get_remaining_time_in_millis() < _RESERVE_MS

    def work(self, handle: Callable[..., Any]) -> Callable[[Record], Any]:
        """The handler as a function of a record."""
        context = self.context
        if self.into is None:
            return handle if context is None else lambda record: handle(record, context)
        decode = record_decoder(self.into)
        if context is None:
            return lambda record: handle(decode(record))
        return lambda record: handle(decode(record), context)


def _check_number(identify: Callable[[Record], object]) -> Callable[[Record], None]:
    def check(record: Record) -> None:
        if not identify(record):
            raise MalformedRecord(_UNNUMBERED)

    return check


def process_batch(
    event: Mapping[str, Any],
    handle: Handle,
    router: Router | None,
    *,
    skip_group: bool = True,
    **options: Unpack[BatchOptions],
) -> BatchResult:
    """Handle the records of a Lambda event: of a DynamoDB stream, Kinesis, SQS or Kafka.

    A record that fails permanently goes to `router`, and the batch goes on. Without a router it is returned to its
    source. A transient failure, a router that fails and an invocation whose time is over return the record too. A
    returned record stops its shard, its partition or its FIFO group, whose later records are returned unhandled.

    skip_group: after a returned message of a FIFO queue, go on with the other groups. Otherwise all later messages are
    returned.

    Raises UnknownBatch before it handles any record, if the event is not a batch of one of these sources, and TypeError
    at the first record for an async handler, which needs `process_batch_async`.
    """
    source, records = source_of(event, skip_group=skip_group)
    return _process(records, source, handle, router, Options(**options))


def process_stream(
    records: Sequence[Record], handle: Handle, router: Router | None, **options: Unpack[BatchOptions]
) -> BatchResult:
    """Handle the records of a DynamoDB or Kinesis stream in their order.

    A record that fails permanently goes to `router`, and the batch goes on. The first transient failure ends the batch:
    its sequence number is reported, and the stream delivers again from that record on. A router that fails and a record
    that is reached after `expired()` end the batch in the same way. Raises UnknownBatch for records of another source.
    """
    return _process(records, stream_source(records), handle, router, Options(**options))


def process_queue(
    messages: Sequence[Record],
    handle: Handle,
    router: Router | None,
    *,
    skip_group: bool = True,
    **options: Unpack[BatchOptions],
) -> BatchResult:
    """Handle the messages of an SQS queue, each on its own.

    A transient failure returns its message to the queue, and the other messages go on. A message that fails permanently
    goes to `router`. Without a router it returns to the queue too, for the queue's own redrive policy. A FIFO queue
    keeps the order of its groups: after a returned message, the later messages of its group return unhandled, or with
    `skip_group=False` all later messages. Raises UnknownBatch for records of another source.
    """
    check_messages(messages)
    return _process(messages, queue_source(skip_group), handle, router, Options(**options))


def _process(
    records: Sequence[Record], source: Source, handle: Handle, router: Router | None, options: Options
) -> BatchResult:
    settlement = options.settlement(source, router)
    work, check, on_success = options.work(handle), options.check(source), options.on_success
    for position, record in enumerate(records):
        if settlement.has_stops and settlement.skips(position, record):
            continue
        try:
            if check is not None:
                check(record)
            result = work(record)
        except Exception as error:  # noqa: BLE001 - every record needs a fate after any error
            settlement.keep_all(settlement.judge(Failure(position, record, error)))
            continue
        if type(result) is CoroutineType:
            # Nothing awaits it, so the record would count as handled although no line of the handler has run.
            result.close()
            raise TypeError("the handler is async, so the batch needs process_batch_async")
        if settlement.is_suspected:
            settlement.keep_all(settlement.acquit())
        if on_success is not None:
            guarded("on_success", on_success, record, result)
    settlement.keep_all(settlement.acquit())
    return conclude(records, source, settlement.fates, is_ours=settlement.is_ours, count=options.count)

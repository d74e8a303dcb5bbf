"""Decides the fate of each record of a batch: handled, dead-lettered, or returned to its source."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from interlock_dlq._audit import AuditReport, AuditTracker, Fate
from interlock_dlq._classify import Permanence
from interlock_dlq._classify import classify as classify_error
from interlock_dlq._errors import MalformedRecord, RetryLater
from interlock_dlq._letter import make_letter
from interlock_dlq._route import Router

Record = dict[str, Any]
Handle = Callable[[Record], object]
Classify = Callable[[BaseException], Permanence]
Count = Callable[[str, int], object]

_log = logging.getLogger("interlock_dlq")


class BatchResult(Struct, frozen=True, kw_only=True):
    """The result of a batch. `processed + dlq_routed + batch_failures == total` always holds.

    batch_failures: the number of records that the source delivers again.
    failed_at: the identifiers to report. These are all such messages of a queue, but only the first such record of a
    stream, since a stream delivers again from there.
    """

    total: int
    processed: int
    dlq_routed: int
    batch_failures: int
    failed_at: tuple[str, ...] = ()

    def response(self) -> dict[str, list[dict[str, str]]]:
        """Lambda's partial batch response, for event source mappings with ReportBatchItemFailures."""
        return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in self.failed_at]}


def process_stream(
    records: Sequence[Record],
    handle: Handle,
    router: Router,
    *,
    classify: Classify = classify_error,
    expired: Callable[[], bool] = lambda: False,
    count: Count = lambda name, value: None,
    now: Callable[[], datetime] | None = None,
) -> BatchResult:
    """Handle the records of a DynamoDB stream in their order.

    A record that fails permanently goes to `router`, and the batch goes on. The first transient failure ends the batch:
    its SequenceNumber is reported, and the stream delivers again from that record on. A router that fails and a record
    that is reached after `expired()` end the batch in the same way. `count` is called with records_processed,
    dlq_routed and batch_failures.
    """
    settlement = _Settlement(router, classify, expired, now)
    audit = AuditTracker()
    failed_at: tuple[str, ...] = ()
    for position, record in enumerate(records):
        audit.expect(str(position))
        if failed_at:
            audit.settle(str(position), Fate.RETURNED)
            continue
        identifier = _sequence_number(record)
        fate = settlement.settle(record, handle if identifier else _reject_unnumbered)
        audit.settle(str(position), fate)
        if fate is Fate.RETURNED:
            # Lambda reads an empty identifier as "the whole batch", so no record is lost.
            failed_at = (identifier,)
    return _result(audit.reconcile(), failed_at, count)


def process_queue(
    messages: Sequence[Record],
    handle: Handle,
    router: Router | None,
    *,
    classify: Classify = classify_error,
    expired: Callable[[], bool] = lambda: False,
    count: Count = lambda name, value: None,
    now: Callable[[], datetime] | None = None,
) -> BatchResult:
    """Handle the messages of an SQS queue, each on its own.

    A transient failure returns its message to the queue, and the other messages go on. A message that fails permanently
    goes to `router`. Without a router it returns to the queue too, for the queue's own redrive policy. A FIFO queue
    keeps the order of its groups: after a returned message, the later messages of its group return unhandled.
    """
    settlement = _Settlement(router, classify, expired, now)
    audit = AuditTracker()
    failed_at: list[str] = []
    stopped: set[str] = set()
    for position, message in enumerate(messages):
        audit.expect(str(position))
        group = _attribute(message, "MessageGroupId")
        fate = Fate.RETURNED if group in stopped else settlement.settle(message, handle)
        audit.settle(str(position), fate)
        if fate is Fate.RETURNED:
            failed_at.append(str(message.get("messageId", "")))
            stopped.update({group} if group else ())
    return _result(audit.reconcile(), tuple(failed_at), count)


def _result(report: AuditReport, failed_at: tuple[str, ...], count: Count) -> BatchResult:
    count("records_processed", report.acknowledged)
    count("dlq_routed", report.rejected)
    count("batch_failures", report.returned)
    return BatchResult(
        total=report.expected,
        processed=report.acknowledged,
        dlq_routed=report.rejected,
        batch_failures=report.returned,
        failed_at=failed_at,
    )


class _Settlement(Struct, frozen=True):
    router: Router | None
    classify: Classify
    expired: Callable[[], bool]
    now: Callable[[], datetime] | None

    def settle(self, record: Record, handle: Handle) -> Fate:
        """Handle one record and return its fate."""
        try:
            if self.expired():
                raise RetryLater("the invocation's time is over")
            handle(record)
        except Exception as error:  # noqa: BLE001 - every record needs a fate after any error
            return self._settle_failed(record, error)
        return Fate.ACKNOWLEDGED

    def _settle_failed(self, record: Record, error: Exception) -> Fate:
        if self.classify(error) is Permanence.TRANSIENT or self.router is None:
            _note("record_given_back", record, error)
            return Fate.RETURNED
        try:
            self.router.route(self._letter(record, error))
        except Exception as failure:  # noqa: BLE001 - without a kept letter, the record stays in its source
            _note("dead_letter_not_kept", record, failure)
            return Fate.RETURNED
        _note("record_dead_lettered", record, error)
        return Fate.REJECTED

    def _letter(self, record: Record, error: Exception) -> Any:
        return make_letter(
            record,
            error,
            source=str(record.get("eventSourceARN", "")),
            now=self.now() if self.now else None,
            attempts=_receive_count(record),
            correlation_id=_identifier(record),
        )


def _reject_unnumbered(record: Record) -> None:
    raise MalformedRecord("a stream record without a SequenceNumber")


def _sequence_number(record: Record) -> str:
    """The number at which a stream resumes, not the record's eventID."""
    body = record.get("dynamodb")
    return str(body.get("SequenceNumber") or "") if isinstance(body, Mapping) else ""


def _identifier(record: Record) -> str | None:
    found = record.get("eventID") or record.get("messageId")
    return str(found) if found else None


def _receive_count(record: Record) -> int:
    """The number of deliveries of a queue's message. A stream does not report it."""
    counted = _attribute(record, "ApproximateReceiveCount")
    return int(counted) if counted.isdecimal() else 1


def _attribute(record: Record, name: str) -> str:
    """An attribute that SQS adds to a message, empty without it."""
    attributes = record.get("attributes")
    found = attributes.get(name) if isinstance(attributes, Mapping) else None
    return found if isinstance(found, str) else ""


def _note(event: str, record: Record, error: Exception) -> None:
    fields = {"record": _identifier(record), "error": f"{type(error).__name__}: {error}"}
    # `event` and `fields` are for a JSON formatter, such as interlock-telemetry's.
    extra = {"event": event, "fields": fields}
    _log.warning("%s %s: %s", event, fields["record"], fields["error"], exc_info=error, extra=extra)

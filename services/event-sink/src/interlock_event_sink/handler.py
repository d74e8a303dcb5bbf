"""The event-sink's Lambda handler: takes queue messages with one event each, and stores one row per event."""

from typing import Any

from interlock_dlq import process_queue
from interlock_event_sink.event import BusEvent, read_event, read_message
from interlock_event_sink.wiring import SERVICE, Service, wire
from interlock_telemetry import (
    InvocationDeadline,
    LambdaContext,
    LambdaEntry,
    Metric,
    bind_correlation,
    bind_run,
    count_records,
    get_logger,
    measure,
    stage,
)

_log = get_logger(__name__)


def store(service: Service, event: dict[str, Any], context: LambdaContext | None) -> dict[str, Any]:
    """Store a batch of the queue, or one event as EventBridge delivers it to a function.

    The answer to a batch is Lambda's partial batch response. An invalid message becomes a dead letter, and a message
    that the table did not take returns to the queue.

    A rule of an older deployment invokes the function with the event itself. The answer is {written, eventId}, where
    `written` is false for an event that was stored before. It raises MalformedEvent, and the error of a table that does
    not answer. Lambda tries such an event twice more and then sends it to the function's dead-letter queue.
    """
    if "Records" not in event:
        return _store_direct(service, event)
    deadline = InvocationDeadline.from_context(context, service.settings.shutdown_buffer)

    def store_message(message: dict[str, Any]) -> None:
        _store_one(service, read_message(message))

    result = process_queue(
        event["Records"],
        store_message,
        service.dead_letters,
        expired=lambda: deadline.expired,
        count=count_records(SERVICE),
    )
    _log.info("batch_done", processed=result.processed, dlq_routed=result.dlq_routed, failed=result.batch_failures)
    return result.response()


def _store_direct(service: Service, event: dict[str, Any]) -> dict[str, Any]:
    found = read_event(event)
    written = _store_one(service, found)
    measure(Metric.RECORDS_PROCESSED, service=SERVICE)
    return {"written": written, "eventId": found.id}


def _store_one(service: Service, event: BusEvent) -> bool:
    with (
        bind_correlation(event.id),
        bind_run(event.pipeline_id, event.schedule_id, event.date, attempt=event.attempt, token=event.run_token),
        stage("store_event", limit=service.settings.stage_timeout, type=event.type),
    ):
        written = service.sink.write(event)
        _log.info("event_stored", type=event.type, id=event.id, written=written)
        return written


handle = LambdaEntry(SERVICE, wire, store)

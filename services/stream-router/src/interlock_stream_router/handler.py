"""The stream-router's Lambda handler: takes stream records, readings of the sensor inbox, and job events."""

from collections.abc import Callable
from typing import Any

from interlock_controller.records import event_runs, read_change
from interlock_dlq import BatchResult, Router, process_queue, process_stream
from interlock_stream_router.wiring import SERVICE, Service, wire
from interlock_telemetry import (
    InvocationDeadline,
    LambdaContext,
    LambdaEntry,
    bind_correlation,
    count_records,
    get_logger,
    stage,
)

_log = get_logger(__name__)


def route(service: Service, event: dict[str, Any], context: LambdaContext | None) -> dict[str, Any]:
    """Route a batch of changed rows, or take a batch of readings or of job events from their queue.

    The answer is Lambda's partial batch response: streams redeliver from the lowest failed sequence number, and a
    queue redelivers each failed message.
    """
    deadline = InvocationDeadline.from_context(context, service.settings.shutdown_buffer)
    records = event["Records"]
    with service.within(deadline.remaining):
        result = _source_of(service, records)(service, records, deadline)
    _log.info("batch_done", processed=result.processed, dlq_routed=result.dlq_routed, failed=result.batch_failures)
    return result.response()


def _source_of(
    service: Service, records: list[dict[str, Any]]
) -> Callable[[Service, list[dict[str, Any]], InvocationDeadline], BatchResult]:
    """The function for a batch. All records of a batch come from one stream or queue."""
    first = records[0] if records else {}
    if first.get("eventSource") != "aws:sqs":
        return _route_changes
    queue = service.settings.get("JOB_EVENTS_QUEUE_ARN")
    return _take_job_events if queue and first.get("eventSourceARN") == queue else _take_readings


def _route_changes(service: Service, records: list[dict[str, Any]], deadline: InvocationDeadline) -> BatchResult:
    def route_one(record: dict[str, Any]) -> None:
        with (
            bind_correlation(str(record.get("eventID", ""))),
            stage("route_record", limit=service.settings.stage_timeout),
        ):
            service.router.route(read_change(record))

    service.router.begin_batch(event_runs(records))
    return process_stream(
        records,
        route_one,
        service.dead_letters,
        expired=lambda: deadline.expired,
        count=count_records(SERVICE),
        now=service.now,
    )


def _take_readings(service: Service, messages: list[dict[str, Any]], deadline: InvocationDeadline) -> BatchResult:
    return _take("take_reading", service.inbox.take, service.inbox_dead_letters, service, messages, deadline)


def _take_job_events(service: Service, messages: list[dict[str, Any]], deadline: InvocationDeadline) -> BatchResult:
    # Without a router, the redrive policy of the queue keeps an event that cannot be read.
    return _take("take_job_event", service.job_events.take, None, service, messages, deadline)


def _take(
    name: str,
    take: Callable[[dict[str, Any]], None],
    dead_letters: Router | None,
    service: Service,
    messages: list[dict[str, Any]],
    deadline: InvocationDeadline,
) -> BatchResult:
    """Take each message of a queue in a stage of this name."""

    def take_one(message: dict[str, Any]) -> None:
        with (
            bind_correlation(str(message.get("messageId", ""))),
            stage(name, limit=service.settings.stage_timeout),
        ):
            take(message)

    return process_queue(
        messages,
        take_one,
        dead_letters,
        expired=lambda: deadline.expired,
        count=count_records(SERVICE),
        now=service.now,
    )


handle = LambdaEntry(SERVICE, wire, route, modules=("tenacity", "ulid"))

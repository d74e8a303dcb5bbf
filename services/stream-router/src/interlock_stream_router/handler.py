"""The stream-router's Lambda handler: takes stream records, and messages of the sensor inbox."""

from typing import Any

from interlock_controller.records import read_change
from interlock_dlq import BatchResult, process_queue, process_stream
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
    """Route a batch of changed rows, or take a batch of readings from the sensor inbox.

    The answer is Lambda's partial batch response: streams redeliver from the lowest failed sequence number, and the
    queue redelivers each failed message.
    """
    deadline = InvocationDeadline.from_context(context, service.settings.shutdown_buffer)
    of_inbox = bool(event["Records"]) and event["Records"][0].get("eventSource") == "aws:sqs"
    with service.within(deadline.remaining):
        result = (_take_readings if of_inbox else _route_changes)(service, event["Records"], deadline)
    _log.info("batch_done", processed=result.processed, dlq_routed=result.dlq_routed, failed=result.batch_failures)
    return result.response()


def _route_changes(service: Service, records: list[dict[str, Any]], deadline: InvocationDeadline) -> BatchResult:
    def route_one(record: dict[str, Any]) -> None:
        with (
            bind_correlation(str(record.get("eventID", ""))),
            stage("route_record", limit=service.settings.stage_timeout),
        ):
            service.router.route(read_change(record))

    return process_stream(
        records,
        route_one,
        service.dead_letters,
        expired=lambda: deadline.expired,
        count=count_records(SERVICE),
        now=service.now,
    )


def _take_readings(service: Service, messages: list[dict[str, Any]], deadline: InvocationDeadline) -> BatchResult:
    def take_one(message: dict[str, Any]) -> None:
        with (
            bind_correlation(str(message.get("messageId", ""))),
            stage("take_reading", limit=service.settings.stage_timeout),
        ):
            service.inbox.take(message)

    return process_queue(
        messages,
        take_one,
        service.inbox_dead_letters,
        expired=lambda: deadline.expired,
        count=count_records(SERVICE),
        now=service.now,
    )


handle = LambdaEntry(SERVICE, wire, route)

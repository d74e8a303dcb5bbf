"""The stream-router's Lambda handler: takes stream records and answers the lowest failed sequence number."""

from typing import Any

from interlock_controller.records import read_change
from interlock_dlq import process_stream
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
    """Route a batch of changed rows.

    The answer is Lambda's partial batch response: streams redeliver from the lowest failed sequence number.
    """
    deadline = InvocationDeadline.from_context(context, service.settings.shutdown_buffer)

    def route_one(record: dict[str, Any]) -> None:
        with (
            bind_correlation(str(record.get("eventID", ""))),
            stage("route_record", limit=service.settings.stage_timeout),
        ):
            service.router.route(read_change(record))

    result = process_stream(
        event["Records"],
        route_one,
        service.dead_letters,
        expired=lambda: deadline.expired,
        count=count_records(SERVICE),
        now=service.now,
    )
    _log.info("batch_done", processed=result.processed, dlq_routed=result.dlq_routed, failed=result.batch_failures)
    return result.response()


handle = LambdaEntry(SERVICE, wire, route)

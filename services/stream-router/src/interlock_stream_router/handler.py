"""The stream-router's Lambda handler: stream records in, the lowest failed sequence number out."""

import os
from functools import cache
from typing import Any

from interlock_controller.records import read_change
from interlock_dlq import process_stream
from interlock_stream_router.wiring import SERVICE, Service, now, wire
from interlock_telemetry import (
    InvocationDeadline,
    LambdaContext,
    Metric,
    answer_operator,
    bind_correlation,
    configure_logging,
    flush,
    get_logger,
    measure,
    stage,
)

configure_logging(SERVICE)
_log = get_logger(__name__)

_COUNTERS = {"records_processed": Metric.RECORDS_PROCESSED, "dlq_routed": Metric.DLQ_ROUTED}


@cache
def _service() -> Service:
    return wire(os.environ)


def handle(event: dict[str, Any], context: LambdaContext | None) -> dict[str, Any]:
    """Route a batch of changed rows.

    The answer is Lambda's partial batch response: streams redeliver from the lowest failed sequence number.
    """
    service = _service()
    answer = answer_operator(
        event,
        lambda inner: handle(inner, context),
        service=SERVICE,
        checks=service.health,
        bucket=service.settings.profile_bucket,
        now=now(),
    )
    if answer is not None:
        return answer
    try:
        return _route(service, event["Records"], context)
    finally:
        flush()


def _route(service: Service, records: list[dict[str, Any]], context: LambdaContext | None) -> dict[str, Any]:
    deadline = InvocationDeadline.from_context(context, service.settings.shutdown_buffer)

    def route(record: dict[str, Any]) -> None:
        with bind_correlation(str(record.get("eventID", ""))), stage("route_record"):
            service.router.route(read_change(record))

    result = process_stream(
        records, route, service.dead_letters, expired=lambda: deadline.expired, count=_count, now=now
    )
    _log.info("batch_done", processed=result.processed, dlq_routed=result.dlq_routed, failed=result.batch_failures)
    return result.response()


def _count(name: str, value: int) -> None:
    if value and name in _COUNTERS:
        measure(_COUNTERS[name], value, service=SERVICE)

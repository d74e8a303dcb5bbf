"""The stream-router's Lambda handler: stream records in, the lowest failed sequence number out."""

import os
from functools import cache
from typing import Any

from interlock_dlq import process_stream
from interlock_stream_router.record import read_change
from interlock_stream_router.wiring import Service, now, wire
from interlock_telemetry import bind_correlation, configure_logging, flush, get_logger, ping

configure_logging("stream-router")
_log = get_logger(__name__)


@cache
def _service() -> Service:
    return wire(os.environ)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Route a batch of changed rows.

    The answer is Lambda's partial batch response: streams redeliver from the lowest failed sequence number.
    """
    service = _service()
    health = ping(event, service.health, now())
    if health is not None:
        return health

    def route(record: dict[str, Any]) -> None:
        with bind_correlation(str(record.get("eventID", ""))):
            service.router.route(read_change(record))

    result = process_stream(event["Records"], route, service.dead_letters)
    _log.info("batch_done", processed=result.processed, dlq_routed=result.dlq_routed, failed=result.batch_failures)
    flush()
    return result.response()

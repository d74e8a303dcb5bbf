"""The alert-dispatcher's Lambda handler: queue messages in, the ones to deliver again out."""

import os
from functools import cache
from typing import Any

from interlock_alert_dispatcher.alert import read_alert
from interlock_alert_dispatcher.wiring import SERVICE, Service, now, wire
from interlock_dlq import process_queue
from interlock_telemetry import (
    InvocationDeadline,
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


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Post a batch of alerts; the answer is Lambda's partial batch response for queues."""
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
        return _dispatch(service, event["Records"], context)
    finally:
        flush()


def _dispatch(service: Service, messages: list[dict[str, Any]], context: object) -> dict[str, Any]:
    deadline = InvocationDeadline.from_context(context, service.settings.shutdown_buffer)

    def dispatch(message: dict[str, Any]) -> None:
        alert = read_alert(message)
        with bind_correlation(alert.id), stage("dispatch_alert", type=alert.type):
            service.alerts.dispatch(alert, deadline)

    result = process_queue(messages, dispatch, service.dead_letters, count=_count)
    _log.info("batch_done", processed=result.processed, dlq_routed=result.dlq_routed, failed=result.batch_failures)
    return result.response()


def _count(name: str, value: int) -> None:
    if value and name in _COUNTERS:
        measure(_COUNTERS[name], value, service=SERVICE)

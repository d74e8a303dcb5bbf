"""The alert-dispatcher's Lambda handler: takes queue messages and answers those to deliver again."""

from typing import Any

from interlock_alert_dispatcher.alert import read_alert
from interlock_alert_dispatcher.wiring import SERVICE, Service, wire
from interlock_dlq import process_queue
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


def dispatch(service: Service, event: dict[str, Any], context: LambdaContext | None) -> dict[str, Any]:
    """Post a batch of alerts. The answer is Lambda's partial batch response for queues."""
    deadline = InvocationDeadline.from_context(context, service.settings.shutdown_buffer)

    def post(message: dict[str, Any]) -> None:
        alert = read_alert(message)
        with bind_correlation(alert.id), stage("dispatch_alert", limit=service.settings.stage_timeout, type=alert.type):
            service.alerts.dispatch(alert, deadline)

    result = process_queue(event["Records"], post, service.dead_letters, count=count_records(SERVICE))
    _log.info("batch_done", processed=result.processed, dlq_routed=result.dlq_routed, failed=result.batch_failures)
    return result.response()


handle = LambdaEntry(SERVICE, wire, dispatch)

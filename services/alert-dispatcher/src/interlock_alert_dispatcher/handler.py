"""The alert-dispatcher's Lambda handler: takes queue messages, and each minute looks for the alerts that wait."""

from typing import Any

import msgspec

from interlock_alert_dispatcher.alert import read_alert
from interlock_alert_dispatcher.canary import Canary, read_canary
from interlock_alert_dispatcher.tick import run_tick
from interlock_alert_dispatcher.wiring import SERVICE, Service, wire
from interlock_dlq import process_queue
from interlock_telemetry import (
    InvocationDeadline,
    LambdaContext,
    LambdaEntry,
    bind_correlation,
    bind_run,
    count_records,
    get_logger,
    stage,
)

_log = get_logger(__name__)


def dispatch(service: Service, event: dict[str, Any], context: LambdaContext | None) -> dict[str, Any]:
    """Deliver a batch of alerts and canaries. The answer is Lambda's partial batch response for queues.

    An event without records is the tick of each minute: pending alerts are posted if their targets answer, and every
    five minutes the settings are checked. The first tick after the time of the digest posts it. The answer is {posted,
    waiting, reason}.
    """
    deadline = InvocationDeadline.from_context(context, service.settings.shutdown_buffer)
    if "Records" not in event:
        return msgspec.to_builtins(run_tick(service, deadline))  # type: ignore[no-any-return]

    def take(message: dict[str, Any]) -> None:
        canary = read_canary(message)
        if canary is None:
            post(message)
        else:
            measure_way(canary)

    def measure_way(canary: Canary) -> None:
        with bind_correlation(canary.id), stage("canary", limit=service.settings.stage_timeout):
            service.canary.arrive(canary, deadline)

    def post(message: dict[str, Any]) -> None:
        alert = read_alert(message)
        with (
            bind_correlation(alert.id),
            bind_run(alert.pipeline_id, alert.schedule_id, alert.date, attempt=alert.attempt, token=alert.run_token),
            stage("dispatch_alert", limit=service.settings.stage_timeout, type=alert.type),
        ):
            service.alerts.deliver(alert, message["body"], deadline)

    result = process_queue(event["Records"], take, service.dead_letters, count=count_records(SERVICE))
    _log.info("batch_done", processed=result.processed, dlq_routed=result.dlq_routed, failed=result.batch_failures)
    return result.response()


handle = LambdaEntry(SERVICE, wire, dispatch)

"""The watchdog's Lambda handler: a tick, or an execution that ended, in; what was found, out."""

import os
from datetime import timedelta
from functools import cache
from typing import Any

from interlock_controller.watch import Cause, run_tick
from interlock_telemetry import InvocationDeadline, answer_operator, configure_logging, flush, get_logger, stage
from interlock_watchdog.wiring import SERVICE, Service, now, wire

configure_logging(SERVICE)
_log = get_logger(__name__)

_CLOSING_TIME = timedelta(seconds=10)
"""What a tick keeps in hand of its invocation: to note how far it came, and to tell what it could not do."""


@cache
def _service() -> Service:
    return wire(os.environ)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Run every check, or take up the one run whose execution was reported as ended."""
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
    service.crew.work_until(
        InvocationDeadline.from_context(context, max(service.settings.shutdown_buffer, _CLOSING_TIME))
    )
    try:
        with stage("tick"):
            return _look(service, event)
    finally:
        flush()


def _look(service: Service, event: dict[str, Any]) -> dict[str, Any]:
    moment = now()
    if event.get("detail-type") == "Step Functions Execution Status Change":
        return {"recovered": service.recovery.execution_changed(event["detail"], moment)}
    report = run_tick(
        service.checks,
        service.bus,
        moment,
        out_of_time=lambda: service.crew.out_of_time,
        cause=Cause.of(event, moment),
    )
    _log.info("tick_done", **{name.replace("-", "_"): count for name, count in report.found.items()})
    return {"found": report.found}

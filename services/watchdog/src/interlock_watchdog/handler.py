"""The watchdog's Lambda handler: takes a tick or an ended execution and answers the findings of each check."""

from datetime import timedelta
from typing import Any

from interlock_controller.watch import Cause, run_tick
from interlock_telemetry import InvocationDeadline, LambdaContext, LambdaEntry, get_logger, stage
from interlock_watchdog.wiring import SERVICE, Service, wire

_log = get_logger(__name__)

_CLOSING_TIME = timedelta(seconds=10)
"""The part of its invocation that a tick keeps for its cursors and for its report of failed checks."""


def watch(service: Service, event: dict[str, Any], context: LambdaContext | None) -> dict[str, Any]:
    """Run every check, or recover the one run whose execution was reported as ended."""
    kept = max(service.settings.shutdown_buffer, _CLOSING_TIME)
    service.workers.work_until(InvocationDeadline.from_context(context, kept))
    whole = InvocationDeadline.from_context(context, service.settings.shutdown_buffer)
    with service.within(whole.remaining), stage("tick", limit=service.settings.stage_timeout):
        return _look(service, event)


def _look(service: Service, event: dict[str, Any]) -> dict[str, Any]:
    moment = service.now()
    if event.get("detail-type") == "Step Functions Execution Status Change":
        return {"recovered": service.recovery.execution_changed(event["detail"], moment)}
    report = run_tick(
        service.checks,
        service.bus,
        moment,
        out_of_time=lambda: service.workers.out_of_time,
        cause=Cause.of(event, moment),
    )
    _log.info("tick_done", **{name.replace("-", "_"): count for name, count in report.found.items()})
    # The monitor comes first, because the bus may use up the rest of the invocation.
    service.dead_man.report()
    service.canary.send()
    return {"found": report.found}


handle = LambdaEntry(SERVICE, wire, watch)

"""The watchdog's Lambda handler: a tick, or an execution that ended, in; what was found, out."""

import os
from functools import cache
from typing import Any

from interlock_telemetry import configure_logging, flush, get_logger, ping
from interlock_watchdog.tick import run_tick
from interlock_watchdog.wiring import Service, now, wire

configure_logging("watchdog")
_log = get_logger(__name__)


@cache
def _service() -> Service:
    return wire(os.environ)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Run every check, or take up the one run whose execution was reported as ended."""
    service = _service()
    moment = now()
    answer = ping(event, service.health, moment)
    if answer is not None:
        return answer
    if event.get("detail-type") == "Step Functions Execution Status Change":
        return {"recovered": service.recovery.execution_changed(event["detail"], moment)}
    report = run_tick(service.checks, service.bus, moment)
    _log.info("tick_done", **{name.replace("-", "_"): count for name, count in report.found.items()})
    flush()
    return {"found": report.found}

"""The SLA monitor's Lambda handler: a mode and a date in, the moments it concerns out."""

import os
from functools import cache
from typing import Any

from interlock_sla_monitor.wiring import Service, now, wire
from interlock_telemetry import bind_correlation, configure_logging, flush, ping

configure_logging("sla-monitor")


@cache
def _service() -> Service:
    return wire(os.environ)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Schedule, cancel, fire, calculate or reconcile the SLA of one date."""
    service = _service()
    health = ping(event, service.health, now())
    if health is not None:
        return health
    with bind_correlation(f"{event.get('pipelineId')}/{event.get('date')}/{event.get('mode')}"):
        answer = service.monitor.answer(event)
    flush()
    return answer

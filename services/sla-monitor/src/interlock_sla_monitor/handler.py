"""The SLA monitor's Lambda handler: a mode and a date in, the moments it concerns out."""

import os
from functools import cache
from typing import Any

from interlock_sla_monitor.wiring import SERVICE, Service, now, wire
from interlock_telemetry import answer_operator, bind_correlation, configure_logging, flush, stage

configure_logging(SERVICE)


@cache
def _service() -> Service:
    return wire(os.environ)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Schedule, cancel, fire, calculate or reconcile the SLA of one date."""
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
    about = f"{event.get('pipelineId')}/{event.get('date')}/{event.get('mode')}"
    try:
        with bind_correlation(about), stage(str(event.get("mode"))):
            return service.monitor.answer(event)
    finally:
        flush()

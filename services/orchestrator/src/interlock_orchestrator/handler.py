"""The orchestrator's Lambda handler: one step of a run in, the next state and its wait out."""

import os
from functools import cache
from typing import Any

from msgspec import to_builtins

from interlock_controller.runs import read_request, take_step
from interlock_orchestrator.wiring import SERVICE, Service, now, wire
from interlock_telemetry import (
    InvocationDeadline,
    LambdaContext,
    answer_operator,
    bind_correlation,
    configure_logging,
    flush,
    stage,
)

configure_logging(SERVICE)


@cache
def _service() -> Service:
    return wire(os.environ)


def handle(event: dict[str, Any], context: LambdaContext | None) -> dict[str, Any]:
    """Do one step of a run; every answer carries `status` and `waitSeconds`."""
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
    request = read_request(event)
    desk = service.desk(InvocationDeadline.from_context(context, service.settings.shutdown_buffer).at)
    try:
        with bind_correlation(request.run_token), stage(str(request.mode), pipeline=request.pipeline_id):
            return dict(to_builtins(take_step(desk, request)))
    finally:
        flush()

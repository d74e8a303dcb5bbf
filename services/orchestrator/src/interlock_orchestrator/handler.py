"""The orchestrator's Lambda handler: takes one step of a run and answers the next state and its wait."""

from typing import Any

from msgspec import to_builtins

from interlock_controller.runs import read_request, take_step
from interlock_orchestrator.wiring import SERVICE, Service, wire
from interlock_telemetry import InvocationDeadline, LambdaContext, LambdaEntry, bind_run, stage


def step(service: Service, event: dict[str, Any], context: LambdaContext | None) -> dict[str, Any]:
    """Do one step of a run. Every answer has `status` and `waitSeconds`."""
    request = read_request(event)
    deadline = InvocationDeadline.from_context(context, service.settings.shutdown_buffer)
    step_context = service.context(deadline.at)
    with (
        service.within(deadline.remaining),
        bind_run(
            request.pipeline_id,
            request.schedule_id,
            request.date,
            token=request.run_token,
            attempt=request.attempt,
        ),
        stage(str(request.mode), limit=service.settings.stage_timeout),
    ):
        return dict(to_builtins(take_step(step_context, request)))


handle = LambdaEntry(SERVICE, wire, step, modules=("tenacity",))

"""The SLA monitor's Lambda handler: takes a mode and a date and answers the moments of the date's clocks."""

from typing import Any

from interlock_sla_monitor.wiring import SERVICE, Service, wire
from interlock_telemetry import InvocationDeadline, LambdaContext, LambdaEntry, bind_run, stage


def answer(service: Service, event: dict[str, Any], context: LambdaContext | None) -> dict[str, Any]:
    """Schedule, cancel, fire, calculate or reconcile the SLA of one date."""
    names = (str(event.get(name)) for name in ("pipelineId", "scheduleId", "date"))
    deadline = InvocationDeadline.from_context(context, service.settings.shutdown_buffer)
    with (
        service.within(deadline.remaining),
        bind_run(*names),
        stage(str(event.get("mode")), limit=service.settings.stage_timeout),
    ):
        return service.monitor.answer(event)


handle = LambdaEntry(SERVICE, wire, answer, modules=("tenacity",))

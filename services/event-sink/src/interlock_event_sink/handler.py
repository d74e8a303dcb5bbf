"""The event-sink's Lambda handler: takes one event of the bus and stores one row."""

from typing import Any

from interlock_event_sink.event import read_event
from interlock_event_sink.wiring import SERVICE, Service, wire
from interlock_telemetry import LambdaContext, LambdaEntry, Metric, bind_correlation, get_logger, measure, stage

_log = get_logger(__name__)


def store(service: Service, event: dict[str, Any], _: LambdaContext | None) -> dict[str, Any]:
    """Store one event. The answer is {written, eventId}, where `written` is false for an event that was stored before.

    Raises MalformedEvent, and the error of a table that does not answer. Lambda tries an asynchronous event twice more
    and then sends the whole event to the function's dead-letter queue.
    """
    found = read_event(event)
    with bind_correlation(found.id), stage("store_event", limit=service.settings.stage_timeout, type=found.type):
        written = service.sink.write(found)
        _log.info("event_stored", type=found.type, pipeline=found.pipeline_id, written=written)
        measure(Metric.RECORDS_PROCESSED, service=SERVICE)
        return {"written": written, "eventId": found.id}


handle = LambdaEntry(SERVICE, wire, store)

"""The event-sink's Lambda handler: one event of the bus in, one row out."""

import os
from functools import cache
from typing import Any

from interlock_event_sink.event import read_event
from interlock_event_sink.wiring import SERVICE, Service, now, wire
from interlock_telemetry import (
    Metric,
    answer_operator,
    bind_correlation,
    configure_logging,
    flush,
    get_logger,
    measure,
    stage,
)

configure_logging(SERVICE)
_log = get_logger(__name__)


@cache
def _service() -> Service:
    return wire(os.environ)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Store one event: {written, eventId}; `written` is false for one that was stored before.

    A malformed event is raised, as is a table that does not answer: Lambda tries an asynchronous event twice more and
    then hands it, whole, to the function's dead-letter queue.
    """
    service = _service()
    answer = answer_operator(
        event,
        lambda inner: handle(inner, context),
        service=SERVICE,
        checks=service.health,
        bucket=service.profile_bucket,
        now=now(),
    )
    if answer is not None:
        return answer
    try:
        return _store(service, event)
    finally:
        flush()


def _store(service: Service, event: dict[str, Any]) -> dict[str, Any]:
    found = read_event(event)
    with bind_correlation(found.id), stage("store_event", type=found.type):
        written = service.sink.write(found)
        _log.info("event_stored", type=found.type, pipeline=found.pipeline_id, written=written)
        measure(Metric.RECORDS_PROCESSED, service=SERVICE)
        return {"written": written, "eventId": found.id}

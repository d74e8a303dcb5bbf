"""Builds the event-sink from the environment, once per process."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import boto3
from botocore.config import Config
from msgspec import Struct

from interlock_dlq import Router, SqsRouter
from interlock_event_sink.sink import EventSink
from interlock_telemetry import Settings, environment, instrument, whole_number

REQUIRED = ("EVENTS_TABLE",)
SERVICE = "event-sink"
# The lifetime of an event. A century does not overflow a date.
_OWN = {"EVENTS_TTL_DAYS": whole_number(90, lowest=1, highest=36_500)}
# A call that hangs must not outlast the invocation.
_PATIENCE = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3})


class Service(Struct, frozen=True):
    """The sink, the queue for messages that are not events, the checks of a ping, and the settings.

    Without `dead_letters`, malformed messages stay in the queue, whose redrive policy keeps them.
    """

    sink: EventSink
    dead_letters: Router | None
    health: Mapping[str, Callable[[], None]]
    settings: Settings


def wire(variables: Mapping[str, str]) -> Service:
    """Build the service. An error names all missing variables at once."""
    settings = environment(REQUIRED, own=_OWN, source=variables)
    instrument(SERVICE, source=variables)
    keep = timedelta(days=settings.integer("EVENTS_TTL_DAYS"))
    sink = EventSink(boto3.client("dynamodb", config=_PATIENCE), settings["EVENTS_TABLE"], keep)
    url = settings.dlq_queue_url
    letters = (
        SqsRouter(url, boto3.client("sqs", config=_PATIENCE), max_retries=settings.dlq_max_retries) if url else None
    )
    return Service(sink, letters, {"events": sink.ping}, settings)

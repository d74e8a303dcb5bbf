"""Builds the event-sink from the environment, once per process."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import boto3
from botocore.config import Config
from msgspec import Struct

from interlock_event_sink.sink import EventSink
from interlock_telemetry import Settings, environment, instrument

REQUIRED = ("EVENTS_TABLE",)
SERVICE = "event-sink"
# A call that hangs must not outlast the invocation.
_PATIENCE = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3})


class Service(Struct, frozen=True):
    """The sink, the checks of a ping, and the settings."""

    sink: EventSink
    health: Mapping[str, Callable[[], None]]
    settings: Settings


def wire(variables: Mapping[str, str]) -> Service:
    """Build the service. An error names all missing variables at once."""
    settings = environment(REQUIRED, source=variables)
    instrument(SERVICE, source=variables)
    keep = timedelta(days=settings.integer("EVENTS_TTL_DAYS", 90, lowest=1))
    sink = EventSink(boto3.client("dynamodb", config=_PATIENCE), settings["EVENTS_TABLE"], keep)
    return Service(sink, {"events": sink.ping}, settings)

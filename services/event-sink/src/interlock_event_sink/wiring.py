"""From the environment to the event-sink, once per process."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import boto3
from msgspec import Struct

from interlock_event_sink.sink import EventSink
from interlock_telemetry import environment, instrument

REQUIRED = ("EVENTS_TABLE",)
SERVICE = "event-sink"


class Service(Struct, frozen=True):
    """The sink, what a ping looks at, and where profiles go."""

    sink: EventSink
    health: Mapping[str, Callable[[], None]]
    profile_bucket: str | None


def now() -> datetime:
    """The wall clock (UTC)."""
    return datetime.now(UTC)


def wire(variables: Mapping[str, str]) -> Service:
    """Build the service; missing variables are named all at once."""
    settings = environment(REQUIRED, source=variables)
    instrument(SERVICE, source=variables)
    keep = timedelta(days=settings.integer("EVENTS_TTL_DAYS", 90, lowest=1))
    sink = EventSink(boto3.client("dynamodb"), settings["EVENTS_TABLE"], keep)
    return Service(sink, {"events": sink.ping}, settings.profile_bucket)

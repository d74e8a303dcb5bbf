"""Builds the event-sink from the environment, once per process."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from msgspec import Struct

from interlock_dlq import Router, router_of
from interlock_event_sink.sink import EventSink
from interlock_telemetry import Settings, aws_client, environment, instrument, out_of_time, pause, whole_number

REQUIRED = ("EVENTS_TABLE",)
SERVICE = "event-sink"
# The lifetime of an event. A century does not overflow a date.
_OWN = {"EVENTS_TTL_DAYS": whole_number(90, lowest=1, highest=36_500)}


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
    sink = EventSink(aws_client("dynamodb"), settings["EVENTS_TABLE"], keep)
    return Service(
        sink, router_of(settings, aws_client, sleep=pause, expired=out_of_time), {"events": sink.ping}, settings
    )

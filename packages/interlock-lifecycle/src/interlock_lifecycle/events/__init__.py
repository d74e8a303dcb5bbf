"""Events: the catalogue of their types, and the functions that make them."""

from interlock_lifecycle.events._catalogue import (
    CANARY_SOURCE,
    CANARY_TYPE,
    EVENT_KINDS,
    PLAIN_PROGRESS,
    EventKind,
    EventType,
    Severity,
)
from interlock_lifecycle.events._event import (
    Event,
    cut_text,
    event_detail,
    make_event,
    make_event_id,
    owner_detail,
)

__all__ = [
    "CANARY_SOURCE",
    "CANARY_TYPE",
    "EVENT_KINDS",
    "PLAIN_PROGRESS",
    "Event",
    "EventKind",
    "EventType",
    "Severity",
    "cut_text",
    "event_detail",
    "make_event",
    "make_event_id",
    "owner_detail",
]

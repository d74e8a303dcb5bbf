"""A backlog of the streams: many rows that wait are late, and not lost."""

from datetime import UTC, datetime

from interlock_lifecycle._decision import Announce
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import Event, make_event_id

MOST_LOST = 10
"""The most rows of one tick that count as lost. If more rows wait, the streams are behind."""

_INFRASTRUCTURE = "INFRASTRUCTURE"


def is_backlog(waiting: int) -> bool:
    """Whether so many waiting rows of one tick mean that the streams are behind, and no row was lost."""
    return waiting > MOST_LOST


def report_backlog(waiting: int, now: datetime) -> Announce:
    """Report once an hour that the streams are behind, instead of one recovery for each run.

    The watchdog calls it before it acts on the rows. waiting: their number.
    """
    hour = f"{now.astimezone(UTC):%Y-%m-%dT%H}"
    event = Event(
        id=make_event_id(now, f"backlog {hour}"),
        type=EventType.TRIGGER_RECOVERED,
        pipeline_id=_INFRASTRUCTURE,
        timestamp=now,
        message=f"the stream-router is behind: {waiting} rows have waited for minutes, and the watchdog acts on them",
        detail={"source": "watchdog", "count": waiting},
    )
    return Announce(_INFRASTRUCTURE, (event,), marker=f"backlog#{hour}", at=now)

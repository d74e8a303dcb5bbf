"""From when on a check looks again at a pipeline whose edit may have moved moments into the past."""

from collections.abc import Callable
from datetime import datetime, timedelta

from interlock_controller.watch._pipelines import Watched
from interlock_lifecycle.dates import Duty, dates_since, duty_since, excluded_since, fires_since

NOTICED = timedelta(minutes=10)
"""How long before a tick a config may have changed without that tick having seen it: the index lags, ticks overlap."""

EDIT_REACHES = timedelta(hours=26)
"""By how much an edit of its time moves a deadline at most, a day of 25 hours included."""

Reach = Callable[[Watched, datetime, datetime], datetime | None]
"""Of a pipeline, up to when it was answered for, and now: from when on to look again; None when no edit needs it."""


def reach_of_edit(duty: Duty | None = None) -> Reach:
    """A check whose moments depend on anything that the config says."""

    def reach(watched: Watched, answered: datetime, now: datetime) -> datetime | None:
        return _reach(watched, duty, now) if watched.changed_at > answered - NOTICED else None

    return reach


def reach_of_moved_fires(watched: Watched, answered: datetime, now: datetime) -> datetime | None:
    """A check that starts jobs: edits of anything but the fires move none of them, and must start nothing."""
    if watched.changed_at <= answered - NOTICED:
        return None
    moved_at = fires_since(watched.config, watched.expected.in_force)
    return _reach(watched, Duty.START, now) if moved_at is not None and moved_at > answered - NOTICED else None


def _reach(watched: Watched, duty: Duty | None, now: datetime) -> datetime:
    """What was not expected before the edit, or is done about it only since then, counts from the edit on."""
    in_force = watched.expected.in_force
    of_duty = None if duty is None else duty_since(duty, in_force)
    brought = (dates_since(watched.config, in_force), of_duty, excluded_since(in_force))
    return max([now - EDIT_REACHES, *(moment for moment in brought if moment is not None)])

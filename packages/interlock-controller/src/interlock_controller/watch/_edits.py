"""Computes how far back a check looks at a pipeline whose edit may have moved moments into the past."""

from collections.abc import Callable
from datetime import datetime, timedelta

from interlock_controller.watch._pipelines import Watched
from interlock_lifecycle.dates import Duty, dates_since, duty_since, excluded_since, fires_since

NOTICED = timedelta(minutes=10)
"""How long before a tick a config may have changed without being seen by that tick: the index lags, ticks overlap."""

EDIT_REACHES = timedelta(hours=26)
"""The most by which an edit of a deadline's time moves it, including a day of 25 hours."""

Reach = Callable[[Watched, datetime, datetime], datetime | None]
"""Takes a pipeline, the end of its last window and now. Gives the start of the second look, or None if none is due."""


def reach_of_edit(duty: Duty | None = None) -> Reach:
    """The reach of a check whose moments depend on the whole config."""

    def reach(watched: Watched, answered: datetime, now: datetime) -> datetime | None:
        return _reach(watched, duty, now) if watched.changed_at > answered - NOTICED else None

    return reach


def reach_of_moved_fires(watched: Watched, answered: datetime, now: datetime) -> datetime | None:
    """The reach of a check that starts jobs. Only an edit that moves fires may start a job."""
    if watched.changed_at <= answered - NOTICED:
        return None
    moved_at = fires_since(watched.config, watched.expected.in_force)
    return _reach(watched, Duty.START, now) if moved_at is not None and moved_at > answered - NOTICED else None


def _reach(watched: Watched, duty: Duty | None, now: datetime) -> datetime:
    """The start of the second look: not before an edit that first expected the date, its duty or its day."""
    in_force = watched.expected.in_force
    of_duty = None if duty is None else duty_since(duty, in_force)
    brought = (dates_since(watched.config, in_force), of_duty, excluded_since(in_force))
    return max([now - EDIT_REACHES, *(moment for moment in brought if moment is not None)])

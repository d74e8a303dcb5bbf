"""The moments of an execution's looks: the interval of a poll, the latest look of a wait, the rest between wakes."""

import math
from datetime import datetime, timedelta

_LEAD = timedelta(seconds=5)
"""A wait ends this long before a deadline, so that its delay causes no breach (docs/reference/runs.md §4)."""

LONGEST_WAIT = timedelta(minutes=30)
"""The longest wait for sensor rows without a look, unless the interval is longer (docs/reference/runs.md §4)."""

LONGEST_JOB_WAIT = timedelta(minutes=10)
"""The longest wait for the event of a job's end without a look. An event may be lost."""

CACHED_CONFIG_LIFE = timedelta(minutes=5)
"""The time for which a stream-router may ignore sensors by a config as it was before an edit."""

FREE_WAKES = 20
"""The number of wakes of an execution that look at once. Each later one rests first."""

_MOST_RESTED_LOOKS = 580
"""The number of rested looks that fit into an evaluation window. With 600 looks of 15 history entries, and 1,200 polls
of nine, an execution stays below 20,000 of the 25,000 entries at which Step Functions ends it."""

_SHORTEST_REST = timedelta(seconds=5)


def wait_seconds(now: datetime, interval: timedelta, window_end: datetime, deadline: datetime | None) -> int:
    """The interval in whole seconds, at least 1, cut at the end of the window and 5 s before the next deadline."""
    ends = [now + interval, max(window_end, now)]
    if deadline is not None and deadline - _LEAD > now:
        ends.append(deadline - _LEAD)
    return whole_seconds(min(ends) - now)


def look_seconds(now: datetime, longest: timedelta, window_end: datetime, *moments: datetime | None) -> int:
    """The whole seconds, at least 1, until the latest look of a wait that nothing wakes.

    longest: the longest wait. The look is 5 s before the window's end, and at the end itself after that. moments: the
    next deadline less its lead, the change of an age rule by time. None and past moments do not count.
    """
    end = window_end - _LEAD if window_end - _LEAD > now else window_end
    ends = [now + longest, max(end, now), *(moment for moment in moments if moment is not None and moment > now)]
    return whole_seconds(min(ends) - now)


def before_deadline(deadline: datetime | None) -> datetime | None:
    """The moment of the look before a deadline: 5 s earlier."""
    return None if deadline is None else deadline - _LEAD


def rest_seconds(wakes: int, interval: timedelta, window: timedelta) -> int:
    """The rest of an execution before it registers its next wait, 0 for none.

    The first 20 wakes of an execution are free. Later a rest takes a tenth of the interval, at least 5 s, and so long
    that at most 580 rested looks fit into the window. So a sensor that is written each second neither ends the
    execution nor makes it expensive.
    """
    if wakes < FREE_WAKES:
        return 0
    return whole_seconds(max(_SHORTEST_REST, interval / 10, window / _MOST_RESTED_LOOKS))


def whole_seconds(span: timedelta) -> int:
    """The span in seconds, rounded up, at least 1."""
    return max(1, math.ceil(span.total_seconds()))

"""How long an execution sleeps before it looks again."""

import math
from datetime import datetime, timedelta

_LEAD = timedelta(seconds=5)
"""How long before a deadline a wait ends, so that polling lag does not make a breach (docs/reference/runs.md §4)."""


def wait_seconds(now: datetime, interval: timedelta, window_end: datetime, deadline: datetime | None) -> int:
    """Whole seconds, at least 1: the interval, cut at the window's end and 5 s before the next deadline."""
    ends = [now + interval, max(window_end, now)]
    if deadline is not None and deadline - _LEAD > now:
        ends.append(deadline - _LEAD)
    return whole_seconds(min(ends) - now)


def whole_seconds(span: timedelta) -> int:
    """The span in seconds, rounded up, at least 1."""
    return max(1, math.ceil(span.total_seconds()))

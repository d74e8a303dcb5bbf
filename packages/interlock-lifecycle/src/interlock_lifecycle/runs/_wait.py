"""The wait of an execution before its next look."""

import math
from datetime import datetime, timedelta

_LEAD = timedelta(seconds=5)
"""A wait ends this long before a deadline, so that polling delay causes no breach (docs/reference/runs.md §4)."""


def wait_seconds(now: datetime, interval: timedelta, window_end: datetime, deadline: datetime | None) -> int:
    """The interval in whole seconds, at least 1, cut at the end of the window and 5 s before the next deadline."""
    ends = [now + interval, max(window_end, now)]
    if deadline is not None and deadline - _LEAD > now:
        ends.append(deadline - _LEAD)
    return whole_seconds(min(ends) - now)


def whole_seconds(span: timedelta) -> int:
    """The span in seconds, rounded up, at least 1."""
    return max(1, math.ceil(span.total_seconds()))

"""Times for people: in the zone of a pipeline and in UTC, and lengths of time."""

from interlock_lifecycle import say_moment

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


show_moment = say_moment
"""The text of a moment on a page: the same as in messages."""


def show_span(seconds: float) -> str:
    """A length of time in its two largest units: 2d03h, 1h05m, 3m20s, 12s."""
    left = int(abs(seconds))
    if left >= _DAY:
        return f"{left // _DAY}d{left % _DAY // _HOUR:02d}h"
    if left >= _HOUR:
        return f"{left // _HOUR}h{left % _HOUR // _MINUTE:02d}m"
    if left >= _MINUTE:
        return f"{left // _MINUTE}m{left % _MINUTE:02d}s"
    return f"{left}s"

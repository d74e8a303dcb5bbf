"""Times for people: in the zone of a pipeline and in UTC, and lengths of time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def show_moment(moment: datetime, zone: ZoneInfo) -> str:
    """A moment with its zone and in UTC: `2026-03-03 08:00 CET (07:00Z)`. Seconds are shown unless they are 0."""
    moment = moment.replace(microsecond=0)
    clock = "%H:%M:%S" if moment.second else "%H:%M"
    try:
        local, utc = moment.astimezone(zone), moment.astimezone(UTC)
    except OverflowError:
        return moment.isoformat()
    if local.utcoffset() == timedelta():
        return f"{utc:%Y-%m-%d} {utc.strftime(clock)}Z"
    day = "" if local.date() == utc.date() else f"{utc:%m-%d} "
    return f"{local:%Y-%m-%d} {local.strftime(clock)} {local.tzname()} ({day}{utc.strftime(clock)}Z)"


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

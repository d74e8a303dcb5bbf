"""The text forms of moments: one for programs, one for people."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def rfc3339(moment: datetime) -> str:
    """The moment (UTC) with `Z` at its end, and a fraction only where it has one."""
    return moment.isoformat().replace("+00:00", "Z")


def say_moment(moment: datetime, zone: ZoneInfo) -> str:
    """The moment in a zone and in UTC: `2026-03-04 08:00 CET (07:00Z)`. Seconds are left out if they are 0.

    A moment at an end of the calendar has no time in some zones, and is written in its own.
    """
    clock = "%H:%M:%S" if moment.second else "%H:%M"
    try:
        local, utc = moment.astimezone(zone), moment.astimezone(UTC)
    except OverflowError:
        return moment.replace(microsecond=0).isoformat()
    if local.utcoffset() == timedelta():
        return f"{utc:%Y-%m-%d} {utc.strftime(clock)}Z"
    day = "" if local.date() == utc.date() else f"{utc:%m-%d} "
    return f"{local:%Y-%m-%d} {local.strftime(clock)} {local.tzname()} ({day}{utc.strftime(clock)}Z)"


def say_length(span: timedelta) -> str:
    """A length of time, to the second: `1h33m51s`."""
    seconds = round(span.total_seconds())
    parts = ((seconds // 3600, "h"), (seconds % 3600 // 60, "m"), (seconds % 60, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"

"""Reads a moment of the command line: a time, or a length of time from now. Shows the age of a row."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from interlock_cli._output import show_span
from interlock_sla import DurationError, parse_duration

END_FORMS = "a time ahead (2026-03-03T07:00 or with a zone), or a length of time from now (2h)"
"""The forms that `read_end` reads, for messages."""

INSTANT_FORMS = "a time (2026-03-03T07:00 or with a zone), or a length of time from now (+2h, -30m)"
"""The forms that `read_instant` reads, for messages."""


_TWO_DAYS = 48 * 3600


def show_age(seconds: float) -> str:
    """A length of time in days from two days on, otherwise in its two largest units."""
    return show_span(seconds) if seconds < _TWO_DAYS else f"{int(seconds // 86400)}d"


def read_instant(text: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The moment in UTC, None for an invalid text. A time without a zone is in `zone`. now: an aware time."""
    try:
        if text[:1] in ("+", "-"):
            return now + parse_duration(text)
        found = datetime.fromisoformat(text)
        if "T" not in text and " " not in text:
            return None
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, DurationError):
        return None


def read_end(text: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """A moment after `now` in UTC, None for any other text. A length of time may have no sign."""
    is_length = "-" not in text and "+" not in text
    found = read_instant(f"+{text}" if is_length else text, zone, now)
    return found if found is not None and found > now else None

"""Reads the times of the command line: a date, a time, or a length of time from now."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from interlock_sla import DurationError, parse_duration

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAYS = re.compile(r"([0-9]{1,6})d(.*)", re.DOTALL)
_FORMS = "a date (2026-03-03), a time (2026-03-03T07:00, or with a zone: 2026-03-03T07:00Z)"

NOW = "0s"
"""The default of --until."""

INSTANTS = f"must be {_FORMS} or a length of time with its sign (+2h, -30m)"
"""The texts that `Times.instant` reads, as the end of a sentence."""


class Times(Struct, frozen=True):
    """Reads times relative to `now` (UTC). A date or a time without a zone is in `zone`.

    `ahead`: a length of time leads from now to the future, and not to the past.
    """

    now: datetime
    zone: ZoneInfo = ZoneInfo("UTC")
    ahead: bool = False

    @property
    def allowed(self) -> str:
        """The allowed texts, as the end of a sentence."""
        where = "after" if self.ahead else "before"
        return f"must be {_FORMS} or a length of time {where} now (30m, 2h, 7d)"

    def begin(self, text: str) -> datetime | None:
        """The time of a text (UTC). A date means its first moment. None for any other text."""
        return self._read(text, days=0)

    def end(self, text: str) -> datetime | None:
        """The time of a text (UTC). A date means its last millisecond. None for any other text."""
        return self._read(text, days=1)

    def instant(self, text: str) -> datetime | None:
        """The time of a text (UTC), where a length of time has a sign: +2h, -30m. None for any other text."""
        if text[:1] not in ("+", "-"):
            return self.begin(text) if "-" in text else None
        try:
            length = read_length(text[1:])
            return self.now + length if text[0] == "+" else self.now - length
        except (OverflowError, DurationError):
            return None

    def _read(self, text: str, days: int) -> datetime | None:
        if text[:1] == "+" and not self.ahead:
            return None
        try:
            if _DAY.fullmatch(text):
                at = datetime.combine(date.fromisoformat(text) + timedelta(days=days), time(), self.zone)
                return at.astimezone(UTC) - timedelta(milliseconds=days)
            if "-" in text[1:]:
                found = datetime.fromisoformat(text)
                return (found if found.tzinfo else found.replace(tzinfo=self.zone)).astimezone(UTC)
            length = read_length(text)
            return self.now + length if self.ahead else self.now - length
        except (ValueError, OverflowError, DurationError):
            return None


def not_after(until: str) -> str:
    """The problem of a begin that is later than the end `until`, as the end of a sentence."""
    return f"must not be after {'now' if until == NOW else f'--until {until!r}'}"


def read_length(text: str) -> timedelta:
    """A duration that may begin with whole days: `7d`, `1d12h`. Raises DurationError or OverflowError."""
    days = _DAYS.fullmatch(text)
    if days is None:
        return parse_duration(text)
    return timedelta(days=int(days[1])) + (parse_duration(days[2]) if days[2] else timedelta())

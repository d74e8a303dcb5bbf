"""The excluded days of a pipeline as its CONFIG row notes them, and their comparison after an edit."""

import re
from datetime import date, datetime, timedelta

import msgspec
from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._run import digest
from interlock_sla import Exclusions

_BEFORE = 60
"""The age in days up to which a day counts: a tick looks back 25 days, and a deadline moves over up to 31."""

_SPAN = _BEFORE + 400
"""The number of days that a note covers. A later day counts as unknown."""

_TEXT = re.compile(r"(move|keep) ([a-z2-7]{1,32}) ([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9a-f]{1,115})")
_ONE_DAY = timedelta(days=1)


class ExcludedDays(Struct, frozen=True):
    """A note of the excluded days at one time.

    deadlines: sla.excludedDays. digest: a digest of all statements that exclude days. first: the first day of the note.
    days: one character for each day from `first` on, `1` for an excluded day.
    """

    deadlines: str
    digest: str
    first: date
    days: str

    def __str__(self) -> str:
        return f"{self.deadlines} {self.digest} {self.first.isoformat()} {int(self.days, 2):x}"

    def changed_past(self, now: "ExcludedDays") -> bool:
        """Whether the note `now` differs from this one for a day that counts, up to the day on which `now` was made.

        A day outside this note counts as changed.
        """
        days = [now.first + _ONE_DAY * step for step in range(_BEFORE + 1)]
        if any(self._on(day) != now._on(day) for day in days):
            return True
        return self.deadlines != now.deadlines and any(now._on(day) == "1" for day in days)

    def _on(self, day: date) -> str | None:
        place = (day - self.first).days
        return self.days[place] if 0 <= place < len(self.days) else None


def excluded_days(config: PipelineConfig, exclusions: Exclusions, at: datetime) -> ExcludedDays:
    """The excluded days around `at` (aware), as they are then, in days of the schedule's zone."""
    first = at.astimezone(config.zone).date() - _BEFORE * _ONE_DAY
    days = "".join("1" if exclusions.excludes(first + _ONE_DAY * step) else "0" for step in range(_SPAN))
    return ExcludedDays(_deadlines(config), _digest_of(exclusions), first, days)


def read_excluded_days(text: object) -> ExcludedDays | None:
    """Read a note that `str` wrote. None for any other value."""
    match = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        return ExcludedDays(match[1], match[2], date.fromisoformat(match[3]), f"{int(match[4], 16):0{_SPAN}b}")
    except ValueError:
        return None


def notes_these_days(text: object, config: PipelineConfig, exclusions: Exclusions) -> bool:
    """Whether a row's note (None: no note) has exactly these excluded days."""
    if text is None:
        return exclusions.is_empty
    noted = read_excluded_days(text)
    return noted is not None and (noted.deadlines, noted.digest) == (_deadlines(config), _digest_of(exclusions))


def _deadlines(config: PipelineConfig) -> str:
    return "move" if config.sla is None else str(config.sla.excluded_days)


def _digest_of(exclusions: Exclusions) -> str:
    own = (exclusions.weekends, sorted(exclusions.dates), sorted(exclusions.workdays))
    calendars = [(sorted(one.days), sorted(one.dates), sorted(one.workdays)) for one in exclusions.calendars]
    return digest(msgspec.json.encode((own, calendars)).decode())

"""Plays the outside world: lands files by the script and writes the sensors that follow from the jobs' files."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from interlock_cli.demo._script import Landing, Script
from interlock_store import Store

Say = Callable[[str], None]

_LAND, _REST = "land", "rest"
_MOST_AT_WORK = 4


class Replay:
    """The outside world of the flights example. `turn` does whatever is due; call it often."""

    def __init__(self, script: Script, feed: ModuleType, home: Path, store: Store, say: Say) -> None:
        self._script = script
        self._feed = feed
        self._home = home
        self._store = store
        self._say = say
        self._began = time.monotonic()
        self._coming = sorted((landing.at, _LAND, landing) for landing in script.landings)
        self._told_bronze: set[tuple[str, str]] = set()
        self._told_hours: dict[str, int] = {}
        self.rest_landed: dict[str, datetime] = {}

    def prepare(self) -> None:
        """Plant the one fault that the script knows, and start the clock."""
        self._feed.inject_fault(self._home, "bronze", self._script.flaky)
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the replay began."""
        return time.monotonic() - self._began

    @property
    def all_landed(self) -> bool:
        """Whether every file is there, whole."""
        return not self._coming

    def turn(self, busy: int) -> None:
        """Land what is due, and write the sensors of what the jobs have finished.

        While `busy` runs are at work already, no further hour lands: a slow machine takes longer, and shows the same.
        """
        due = [one for one in self._coming if one[0] <= self.elapsed]
        for one in due:
            _, what, landing = one
            if what == _LAND and busy >= _MOST_AT_WORK:
                continue
            self._coming.remove(one)
            self._land(landing, whole=what == _REST)
            busy += 1
        self._follow_bronze()
        self._follow_silver()

    def _land(self, landing: Landing, *, whole: bool) -> None:
        name = f"{landing.day}T{landing.hour}"
        short = landing.missing > 0 and not whole
        rows = self._feed.expected_rows(landing.day, landing.hour)
        landed = rows - landing.missing if short else rows
        self._put(self._feed.land(self._home, landing.day, landing.hour, _now(), rows=landed))
        if short:
            self._say(f"[yellow]{name} landed short:[/] {landed} of {rows} rows")
            self._coming.append((self.elapsed + landing.rest_after, _REST, landing))
            self._coming.sort()
        elif whole:
            self.rest_landed[name] = _now()
            self._say(f"[cyan]{name}: the rest came,[/] {rows} rows")

    def _follow_bronze(self) -> None:
        for day, hours in self._script.hours.items():
            for hour in hours:
                if (day, hour) not in self._told_bronze:
                    row = self._feed.bronze_done(self._home, day, hour, _now())
                    if row is not None:
                        self._told_bronze.add((day, hour))
                        self._put(row)

    def _follow_silver(self) -> None:
        for day, hours in self._script.hours.items():
            row = self._feed.silver_progress(self._home, day, _now(), only=hours)
            if row is not None and row.fields["hours_done"] != self._told_hours.get(day):
                self._told_hours[day] = int(row.fields["hours_done"])
                self._put(row)

    def _put(self, row: Any) -> None:
        self._store.put_sensor(row.pipeline, row.key, row.fields)


def _now() -> datetime:
    return datetime.now(UTC)

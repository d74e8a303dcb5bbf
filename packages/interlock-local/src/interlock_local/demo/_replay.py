"""Plays the outside world: lands files by the script and writes the sensors that follow from the jobs' files."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from interlock_lifecycle.reports import Progress
from interlock_local.demo._script import BRONZE, SILVER, Landing, Script
from interlock_local.demo._watch import Standing
from interlock_store import Store

Say = Callable[[str], None]

_LAND, _REST = "land", "rest"
_MOST_AT_WORK = 4
_LONGER = 40.0
"""Seconds that the late hour's rest waits, at most, for the amended hour to be through."""
_UNTIL_HELD = 10.0
"""Seconds that the short hour's rest waits, at most, until a busy machine has come to hold its run."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Replay:
    """The outside world of the flights example. `turn` does whatever is due; call it often."""

    def __init__(
        self,
        script: Script,
        feed: ModuleType,
        home: Path,
        store: Store,
        say: Say,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._script = script
        self._feed = feed
        self._home = home
        self._store = store
        self._say = say
        self._clock = clock
        self._now = now
        self._began = clock()
        self._coming = sorted((landing.at, _LAND, landing) for landing in script.landings)
        self._told: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.rest_landed: dict[str, datetime] = {}
        self.whole_since: dict[str, datetime] = {}
        """When the sensors of each hour had first said that its file is whole."""

    def prepare(self) -> None:
        """Plant the faults that the script knows, and start the clock."""
        self._feed.inject_fault(self._home, "bronze", self._script.flaky)
        self._feed.inject_fault(self._home, "bronze", self._script.broken, lasting=True)
        self._began = self._clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the replay began."""
        return self._clock() - self._began

    @property
    def all_landed(self) -> bool:
        """Whether every file is there, whole."""
        return not self._coming

    def turn(self, busy: int, standing: Standing) -> None:
        """Land what is due, and write the sensors of what the jobs have finished.

        While `busy` runs are at work already, no further hour lands: a slow machine takes longer, and shows the same.
        """
        due = [one for one in self._coming if one[0] <= self.elapsed]
        for one in due:
            at, what, landing = one
            if what == _LAND and busy >= _MOST_AT_WORK:
                continue
            if what == _REST and not self._may_come(landing, at, standing):
                continue
            self._coming.remove(one)
            if what == _REST:
                self._land_rest(landing)
            else:
                self._land(landing)
            busy += 1
        self._follow_jobs()

    def _may_come(self, landing: Landing, at: float, standing: Standing) -> bool:
        """An amendment comes after its hour's runs; the late rest, which releases gold, after the amended hour's; the
        short hour's once it was seen held.
        """
        if landing.believed:
            return _are_through(landing.date, standing, attempts=1)
        if landing.date == self._script.late and self.elapsed < at + _LONGER:
            return _are_through(self._script.amended, standing, attempts=2)
        if landing.date == self._script.short and self.elapsed < at + _UNTIL_HELD:
            progress, _ = standing.get((BRONZE, landing.date), (None, 0))
            return progress is Progress.HELD
        return True

    def _land(self, landing: Landing) -> None:
        rows = self._feed.expected_rows(landing.day, landing.hour)
        landed = rows - landing.missing
        if landing.believed:
            row = self._feed.land_believed_whole(self._home, landing.day, landing.hour, self._now(), landing.missing)
            self._say(f"[yellow]{landing.date} landed short, and nobody knows:[/] {landed} rows, said to be whole")
        else:
            row = self._feed.land(self._home, landing.day, landing.hour, self._now(), rows=landed)
        self._put_landing(row)
        if landing.missing:
            self._coming.append((self.elapsed + landing.rest_after, _REST, landing))
            self._coming.sort()
            if not landing.believed:
                self._say(f"[yellow]{landing.date} landed short:[/] {landed} of {rows} rows")

    def _land_rest(self, landing: Landing) -> None:
        rows = self._feed.expected_rows(landing.day, landing.hour)
        land = self._feed.amend if landing.believed else self._feed.land
        self._put_landing(land(self._home, landing.day, landing.hour, self._now()))
        self.rest_landed[landing.date] = self._now()
        how = "amended after its run," if landing.believed else "the rest came,"
        self._say(f"[cyan]{landing.date}: {how}[/] {rows} rows")

    def _put_landing(self, row: Any) -> None:
        """The landing sensors go to bronze and to its shadow, which only looks on."""
        self._put(row)
        self._put(self._feed.shadow_of(row))
        if row.fields["missing_rows"] == 0:
            self.whole_since.setdefault(f"{row.fields['date']}T{row.fields['hour']}", self._now())

    def _follow_jobs(self) -> None:
        """Sensors of what bronze and silver wrote; a job that ran again and wrote something else is news again."""
        for day, hours in self._script.hours.items():
            for hour in hours:
                self._tell(self._feed.bronze_done(self._home, day, hour, self._now()))
            self._tell(self._feed.silver_progress(self._home, day, self._now(), only=hours))

    def _tell(self, row: Any) -> None:
        if row is None:
            return
        news = {name: value for name, value in row.fields.items() if name != "updatedAt"}
        if self._told.get((row.pipeline, row.key)) != news:
            self._told[row.pipeline, row.key] = news
            self._put(row)

    def _put(self, row: Any) -> None:
        self._store.put_sensor(row.pipeline, row.key, row.fields)


def _are_through(date: str, standing: Standing, *, attempts: int) -> bool:
    """Whether bronze and silver have completed so many attempts of an hour."""
    done = (Progress.COMPLETED, attempts - 1)
    return standing.get((BRONZE, date)) == done and standing.get((SILVER, date)) == done

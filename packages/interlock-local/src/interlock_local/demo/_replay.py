"""Plays the external systems: lands files by the script, and writes the sensors about files and jobs."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from interlock_lifecycle.reports import Progress
from interlock_local._terminal import Say
from interlock_local.demo._script import BRONZE, SILVER, Landing, Script
from interlock_local.demo._watch import Standing
from interlock_store import Store

_LAND, _REST = "land", "rest"
_NANOSECONDS = 1_000_000_000
_SETTLED = _NANOSECONDS
"""The age of the newest change of a folder from which its files are known."""
_MOST_AT_WORK = 4
_LONGER = 40.0
"""Seconds without progress after which a rest no longer waits.

That of the late hour waits for the end of the amended hour, and that of the short hour until its run is held.
"""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Replay:
    """The external systems of the flights example. `act` takes the actions that are due. Call it often."""

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
        self._written: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._followed: dict[str, tuple[int, ...]] = {}
        self.rest_landed: dict[str, datetime] = {}
        self.whole_since: dict[str, datetime] = {}
        """The time at which the sensors of each hour first reported a complete file."""

    def prepare(self) -> None:
        """Inject the faults of the script, and start the clock."""
        self._feed.inject_fault(self._home, "bronze", self._script.flaky)
        self._feed.inject_fault(self._home, "bronze", self._script.broken, lasting=True)
        self._began = self._clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the replay began."""
        return self._clock() - self._began

    @property
    def landings_ahead(self) -> int:
        """The number of files and rests that have not landed."""
        return len(self._coming)

    @property
    def all_landed(self) -> bool:
        """Whether every file has landed, with its rest."""
        return not self._coming

    def act(self, busy: int, standing: Standing, quiet: float = 0.0) -> None:
        """Land the files that are due, and write the sensors about finished jobs. `quiet`: seconds without progress.

        While too many runs are `busy`, no further hour lands. A slow machine takes longer and has the same results.
        """
        due = [one for one in self._coming if one[0] <= self.elapsed]
        for one in due:
            _, kind, landing = one
            if kind == _LAND and busy >= _MOST_AT_WORK:
                continue
            if kind == _REST and not self._may_come(landing, standing, quiet):
                continue
            self._coming.remove(one)
            if kind == _REST:
                self._land_rest(landing)
            else:
                self._land(landing)
            busy += 1
        self._follow_jobs()

    def _may_come(self, landing: Landing, standing: Standing, quiet: float) -> bool:
        """Whether the rest of an hour may land now.

        An amendment comes after the runs of its hour. The late rest, which releases gold, comes after the runs of the
        amended hour. The rest of the short hour comes when its run is held.
        """
        if landing.believed:
            return _are_through(landing.date, standing, attempts=1)
        if landing.date == self._script.late and quiet < _LONGER:
            return _are_through(self._script.amended, standing, attempts=2)
        if landing.date == self._script.short and quiet < _LONGER:
            progress, _ = standing.get((BRONZE, landing.date), (None, 0))
            return progress is Progress.HELD
        return True

    def _land(self, landing: Landing) -> None:
        rows = self._feed.expected_rows(landing.day, landing.hour)
        landed = rows - landing.missing
        if landing.believed:
            row = self._feed.land_believed_whole(self._home, landing.day, landing.hour, self._now(), landing.missing)
            self._say(("yellow", f"{landing.date} landed short, reported as complete:"), f" {landed} rows")
        else:
            row = self._feed.land(self._home, landing.day, landing.hour, self._now(), rows=landed)
        self._put_landing(row)
        if landing.missing:
            self._coming.append((self.elapsed + landing.rest_after, _REST, landing))
            self._coming.sort()
            if not landing.believed:
                self._say(("yellow", f"{landing.date} landed short:"), f" {landed} of {rows} rows")

    def _land_rest(self, landing: Landing) -> None:
        rows = self._feed.expected_rows(landing.day, landing.hour)
        land = self._feed.amend if landing.believed else self._feed.land
        self._put_landing(land(self._home, landing.day, landing.hour, self._now()))
        self.rest_landed[landing.date] = self._now()
        how = "amended after its run," if landing.believed else "the rest arrived,"
        self._say(("cyan", f"{landing.date}: {how}"), f" {rows} rows")

    def _put_landing(self, row: Any) -> None:
        """Write the landing sensor for bronze and for its dry run."""
        self._put(row)
        self._put(self._feed.dry_run_of(row))
        if row.fields["missing_rows"] == 0:
            self.whole_since.setdefault(f"{row.fields['date']}T{row.fields['hour']}", self._now())

    def _follow_jobs(self) -> None:
        """Write the sensors about the files of bronze and silver, again when a repeated job changed its file."""
        for day, hours in self._script.hours.items():
            changed = tuple(_changed_at(self._home / kind / day) for kind in ("bronze", "silver"))
            if self._followed.get(day) == changed:
                continue
            # A change within the same tick of the file system's clock would not be seen, so a new one counts twice.
            if max(changed) < self._now().timestamp() * _NANOSECONDS - _SETTLED:
                self._followed[day] = changed
            for hour in hours:
                self._write_news(self._feed.bronze_done(self._home, day, hour, self._now()))
            self._write_news(self._feed.silver_progress(self._home, day, self._now(), only=hours))

    def _write_news(self, row: Any) -> None:
        if row is None:
            return
        news = {name: value for name, value in row.fields.items() if name != "updatedAt"}
        if self._written.get((row.pipeline, row.key)) != news:
            self._written[row.pipeline, row.key] = news
            self._put(row)

    def _put(self, row: Any) -> None:
        self._store.put_sensor(row.pipeline, row.key, row.fields)


def _changed_at(folder: Path) -> int:
    """The time at which a file of a folder was written or replaced (nanoseconds since the epoch), 0 without one."""
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _are_through(date: str, standing: Standing, *, attempts: int) -> bool:
    """Whether bronze and silver have completed this number of attempts of an hour."""
    done = (Progress.COMPLETED, attempts - 1)
    return standing.get((BRONZE, date)) == done and standing.get((SILVER, date)) == done

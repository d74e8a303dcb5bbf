"""Silver: counts the departures of one hour by origin and carrier.

It reads `bronze/<day>/<hour>.csv` and writes `silver/<day>/<hour>.json`. A second run writes the same file.
"""

import csv
import io
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping

from _job import MISSING_INPUT, JobError, Run, main, read_input, to_json, write_atomically

DELAYED_FROM_MINUTES = 15  # the US Department of Transportation counts a flight as delayed from 15 minutes


def aggregate(rows: Iterable[Mapping[str, str]]) -> list[dict[str, str | int]]:
    """One entry per origin and carrier, sorted. Delay minutes sum late departures only."""
    groups: dict[tuple[str, str], list[Mapping[str, str]]] = defaultdict(list)
    for row in rows:
        groups[row["origin"], row["carrier"]].append(row)
    return [_group(origin, carrier, groups[origin, carrier]) for origin, carrier in sorted(groups)]


def work(run: Run) -> str:
    """Read one bronze hour and write its counts."""
    path = run.home / "bronze" / run.day / f"{run.hour}.csv"
    try:
        groups = aggregate(csv.DictReader(io.StringIO(read_input(path), newline="")))
    except (KeyError, ValueError) as error:
        raise JobError(MISSING_INPUT, f"{path} is not a bronze file: {error!r}") from error
    summary = {"day": run.day, "hour": run.hour, "groups": groups}
    write_atomically(run.home / "silver" / run.day / f"{run.hour}.json", to_json(summary))
    return f"{sum(int(group['scheduled']) for group in groups)} departures in {len(groups)} groups"


def _group(origin: str, carrier: str, rows: list[Mapping[str, str]]) -> dict[str, str | int]:
    delays = [max(0, int(row["delay_minutes"])) for row in rows if row["cancelled"] == "0"]
    return {
        "origin": origin,
        "carrier": carrier,
        "scheduled": len(rows),
        "departed": len(delays),
        "cancelled": len(rows) - len(delays),
        "delayed": sum(delay >= DELAYED_FROM_MINUTES for delay in delays),
        "delay_minutes": sum(delays),
        "worst_delay_minutes": max(delays, default=0),
    }


if __name__ == "__main__":
    sys.exit(main("silver", hourly=True, work=work))

"""Gold: sums a day from all its silver hours. It fails if an hour is missing.

It reads `silver/<day>/<hour>.json` for every expected hour. It writes `gold/<day>.json` for programs and
`gold/<day>.txt` for people. A second run writes the same files.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from _job import MISSING_INPUT, JobError, Run, expected_hours, main, read_input, to_json, write_atomically

SUMMED = ("scheduled", "departed", "cancelled", "delayed", "delay_minutes")


def total(groups: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The sums of all groups."""
    entries = list(groups)
    sums = {name: sum(int(entry[name]) for entry in entries) for name in SUMMED}
    worst = max((int(entry["worst_delay_minutes"]) for entry in entries), default=0)
    return {**sums, "worst_delay_minutes": worst}


def summarize(day: str, hours: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """The day as a whole, by hour, by origin and by carrier."""
    everything = [group for groups in hours.values() for group in groups]
    return {
        "day": day,
        "total": total(everything),
        "hours": {hour: total(groups) for hour, groups in hours.items()},
        "origins": _by("origin", everything),
        "carriers": _by("carrier", everything),
    }


def render(summary: Mapping[str, Any]) -> str:
    """The summary as a page of text."""
    day = summary["total"]
    lines = [
        f"Departures from New York on {summary['day']}",
        f"{day['scheduled']} scheduled, {day['departed']} departed, {day['cancelled']} cancelled, "
        f"{day['delayed']} at least 15 minutes late (worst {day['worst_delay_minutes']} minutes)",
    ]
    for title, part in (("hour", "hours"), ("origin", "origins"), ("carrier", "carriers")):
        lines += ["", f"{title:<8}{'scheduled':>10}{'departed':>10}{'cancelled':>10}{'delayed':>10}"]
        lines += [
            f"{name:<8}{row['scheduled']:>10}{row['departed']:>10}{row['cancelled']:>10}{row['delayed']:>10}"
            for name, row in summary[part].items()
        ]
    return "\n".join(lines) + "\n"


def work(run: Run) -> str:
    """Read all hours and write the summary as JSON and as text."""
    folder = run.home / "silver" / run.day
    wanted = expected_hours()
    missing = [hour for hour in wanted if not (folder / f"{hour}.json").is_file()]
    if missing:
        raise JobError(
            MISSING_INPUT, f"{len(missing)} of {len(wanted)} hours are missing in {folder}: {', '.join(missing)}"
        )
    try:
        summary = summarize(
            run.day, {hour: json.loads(read_input(folder / f"{hour}.json"))["groups"] for hour in wanted}
        )
    except (KeyError, TypeError, ValueError) as error:
        raise JobError(MISSING_INPUT, f"{folder} contains an invalid silver file: {error!r}") from error
    write_atomically(run.home / "gold" / f"{run.day}.txt", render(summary))
    write_atomically(run.home / "gold" / f"{run.day}.json", to_json(summary))
    day = summary["total"]
    return f"{day['scheduled']} departures over {len(wanted)} hours, {day['cancelled']} cancelled"


def _by(name: str, groups: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    values = sorted({str(group[name]) for group in groups})
    return {value: total(group for group in groups if group[name] == value) for value in values}


if __name__ == "__main__":
    sys.exit(main("gold", hourly=False, work=work))

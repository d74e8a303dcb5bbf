"""Writes the tables of docs/explanation/costs.md from the benchmarks: `python docs/website/costs.py`.

`--check` compares them and changes nothing. The counts and the list prices come from benchmarks/waiting_costs.py.
"""

import logging
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import waiting_costs  # noqa: E402
from moto import mock_aws  # noqa: E402

PAGE = ROOT / "docs" / "explanation" / "costs.md"
HOURS_OF_A_MONTH = 730
DEPLOYMENTS = {
    "20 daily pipelines": (20, "happy run", 30),
    "200 daily pipelines": (200, "happy run", 30),
    "200 daily pipelines, each held for an hour": (200, "held an hour, followed ten minutes", 30),
    "50 hourly pipelines": (50, "a day of an hourly pipeline", 30),
}
"""The pipelines, the story of each of their days, and the days of a month."""


def measured() -> dict[str, Counter[str]]:
    """The counts of each story."""
    logging.disable(logging.CRITICAL)
    found = {}
    for title, story in waiting_costs.STORIES.items():
        with mock_aws():
            found[title] = story()
    return found


def per_run(counts: Mapping[str, Counter[str]]) -> list[str]:
    """The table of the counts and the costs of each story."""
    names = list(waiting_costs.PRICES)
    lines = ["| | " + " | ".join(counts) + " | dollars per million |", "|---" * (len(counts) + 2) + "|"]
    for name in names:
        cells = [f"{found[name]:g}" for found in counts.values()]
        lines.append(f"| {name} | {' | '.join(cells)} | {waiting_costs.PRICES[name]:g} |")
    cells = [f"${waiting_costs.cost(found) / 1e6:.6f}" for found in counts.values()]
    return [*lines, f"| **cost** | {' | '.join(cells)} | |"]


def per_month(counts: Mapping[str, Counter[str]]) -> list[str]:
    """The table of deployments and their costs in a month of 30 days."""
    lines = ["| deployment | runs | cost of the runs per month |", "|---|---|---|"]
    for title, (pipelines, story, days) in DEPLOYMENTS.items():
        dates = pipelines * days
        runs = dates * (24 if "hourly" in story else 1)
        lines.append(f"| {title} | {runs:,} | ${dates * waiting_costs.cost(counts[story]) / 1e6:.2f} |")
    return lines


def written(page: str, counts: Mapping[str, Counter[str]]) -> str:
    """The page with its tables."""
    for name, lines in (("runs", per_run(counts)), ("months", per_month(counts))):
        mark = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        body = "\n".join(lines)
        page = mark.sub(lambda found, body=body: f"{found[1]}\n{body}\n\n{found[2]}", page)  # type: ignore[misc]
    return page


def main() -> int:
    """Write or compare the tables."""
    before = PAGE.read_text()
    after = written(before, measured())
    if "--check" not in sys.argv:
        PAGE.write_text(after)
        return 0
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    sys.stdout.writelines(f"{line}\n" for line in changed)
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())

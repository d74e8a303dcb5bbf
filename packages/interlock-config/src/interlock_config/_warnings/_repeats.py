"""Entries of a list that repeat an earlier entry."""

from collections.abc import Sequence
from datetime import date

from interlock_config._problems import Findings, Path, render


def warn_of_repeats(entries: Sequence[date | str], path: Path, findings: Findings) -> None:
    """Record each entry of the list at `path` that repeats an earlier entry, with the place of the first one."""
    first: dict[date | str, int] = {}
    for place, entry in enumerate(entries):
        earlier = first.setdefault(entry, place)
        if earlier != place:
            findings.warning((*path, place), str(entry), f"repeats {render((*path, earlier))}")

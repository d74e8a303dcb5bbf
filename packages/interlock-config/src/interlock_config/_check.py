"""What a check is: the places it reads, and the function that records what is wrong with them."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from interlock_sla import Duration, format_duration

from ._config import PipelineConfig
from ._problems import Findings
from ._showing import Path

_NO_TIME = timedelta(0)


class Check(NamedTuple):
    """One rule over a config; it runs only when none of the places it reads is wrong in itself."""

    find: Callable[[PipelineConfig, Findings], None]
    reads: tuple[Path, ...]


LONGEST = timedelta(days=31)
"""Longest duration where nothing else limits it: longer ones are mistakes, and far longer ones no date can hold."""


def needs_length(duration: Duration | None, path: Path, findings: Findings, most: timedelta = LONGEST) -> None:
    """Record a duration that is not longer than nothing, or longer than `most`."""
    if duration is not None and not _NO_TIME < duration <= most:
        findings.error(path, duration.text, f"must be longer than 0s, at most {format_duration(most)}")


def check(find: Callable[[PipelineConfig, Findings], None], *places: str) -> Check:
    """A check that reads these places, written with dots: `schedule.trigger`."""
    return Check(find, tuple(tuple(place.split(".")) for place in places))

"""What a check is: the places it reads, and the function that records what is wrong with them."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from interlock_config._config import PipelineConfig
from interlock_config._problems import Findings, Path
from interlock_sla import Duration, format_duration

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


def is_given(value: object, path: Path, findings: Findings) -> bool:
    """Whether a file gives an optional place, be it something that cannot be used."""
    return value is not None or findings.gives(path)


def check(find: Callable[[PipelineConfig, Findings], None], *places: str) -> Check:
    """A check that reads these places, written with dots: `schedule.trigger`.

    One that asks only whether something stands at a place does not read it (`is_given`).
    """
    return Check(find, tuple(tuple(place.split(".")) for place in places))

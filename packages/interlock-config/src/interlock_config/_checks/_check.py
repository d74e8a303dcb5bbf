"""The form of a check: the places that it reads, and the function that records their errors."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from interlock_config._config import PipelineConfig
from interlock_config._problems import Findings, Path
from interlock_sla import Duration, format_duration

_NO_TIME = timedelta(0)


class Check(NamedTuple):
    """One rule over a config. It runs only if the places that it reads have no errors of their own."""

    find: Callable[[PipelineConfig, Findings], None]
    reads: tuple[Path, ...]


LONGEST = timedelta(days=31)
"""Longest duration without another limit. Longer durations are mistakes, and far longer ones exceed every date."""


def needs_length(duration: Duration | None, path: Path, findings: Findings, most: timedelta = LONGEST) -> None:
    """Record a duration that is not longer than 0s, or longer than `most`."""
    if duration is not None and not _NO_TIME < duration <= most:
        findings.error(path, duration.text, f"must be longer than 0s, at most {format_duration(most)}")


def is_given(value: object, path: Path, findings: Findings) -> bool:
    """Whether a file gives a value at an optional place, even an invalid value."""
    return value is not None or findings.gives(path)


def check(find: Callable[[PipelineConfig, Findings], None], *places: str) -> Check:
    """A check that reads these places, written with dots: `schedule.trigger`.

    A check that only asks whether a place has a value does not read it (`is_given`).
    """
    return Check(find, tuple(tuple(place.split(".")) for place in places))

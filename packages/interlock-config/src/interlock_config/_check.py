"""What a check is: the places it reads, and the function that records what is wrong with them."""

from collections.abc import Callable
from typing import NamedTuple

from ._config import PipelineConfig
from ._problems import Findings, Path


class Check(NamedTuple):
    """One rule over a config; it runs only when none of the places it reads is wrong in itself."""

    find: Callable[[PipelineConfig, Findings], None]
    reads: tuple[Path, ...]


def check(find: Callable[[PipelineConfig, Findings], None], *places: str) -> Check:
    """A check that reads these places, written with dots: `schedule.trigger`."""
    return Check(find, tuple(tuple(place.split(".")) for place in places))

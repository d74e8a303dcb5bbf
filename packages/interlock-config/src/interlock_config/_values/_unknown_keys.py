"""The most likely meaning of an unknown key."""

from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

import msgspec.inspect as shape

from interlock_config._config import PipelineConfig
from interlock_config._job_types import JOB_TYPES
from interlock_config._problems import Path, nearest

from ._expected import Expected


class UnknownKey(NamedTuple):
    """The message about an unknown key, and the places that were probably meant."""

    message: str
    meant: tuple[Path, ...] = ()


_TRIGGER: Path = ("schedule", "trigger")
_OF_RULES = (
    "is not a known key of a trigger, whose row names the date to open; "
    "it belongs to a rule of validation.rules or postRun.rules"
)
_A_CRON = "is not a known key here; a schedule is written as schedule.cron, a trigger as {key, check, field, value}"
_CRON_PLACES: tuple[Path, ...] = (("schedule", "cron"), (*_TRIGGER, "key"), (*_TRIGGER, "check"))
_MEANT_IN_TRIGGER = {
    **dict.fromkeys(("anydate", "dateoffset"), UnknownKey(_OF_RULES)),
    **dict.fromkeys(("type", "expression"), UnknownKey(_A_CRON, _CRON_PLACES)),
}
"""Keys that are right elsewhere, or in the schedules of other tools."""


def look_at_unknown_key(key: str, known: Collection[str], path: Path) -> UnknownKey:
    """The message about an unknown key in the mapping at `path`, whose known keys are `known`."""
    if (name := key.partition(":")[0]) != key and name in known:
        return UnknownKey(f"is not a known key; a colon needs a space after it: {name}: …", ((*path, name),))
    if path == _TRIGGER and (meant := _MEANT_IN_TRIGGER.get(key.replace("_", "").casefold())):
        return meant
    near = nearest(key, known)
    if near is not None:
        return UnknownKey(f"is not a known key; did you mean {near}?", ((*path, near),))
    # The key of another job type has no place in this job, and the key of a pipeline has no place in another file.
    if path != ("job", "config") and ("pipeline" in known or path[:1] in _sections()):
        places = _places().get(key.strip().casefold(), [])
        elsewhere = next((place for place in places if place != path[: len(place)]), None)
        if elsewhere is not None:
            return UnknownKey(f"is not a known key here; it belongs at {'.'.join(elsewhere)}", (elsewhere,))
    return UnknownKey(f"is not a known key; known here: {', '.join(known)}")


@lru_cache(maxsize=1)
def _sections() -> frozenset[Path]:
    """The places of the sections of a pipeline config."""
    return frozenset((name,) for name in PipelineConfig.__struct_encode_fields__)


@lru_cache(maxsize=1)
def _places() -> dict[str, list[tuple[str, ...]]]:
    """The places of each key of a pipeline config, by its lower-case name."""
    places: dict[str, list[tuple[str, ...]]] = {}
    waiting: list[tuple[tuple[str, ...], shape.Type]] = [((), shape.type_info(PipelineConfig))]
    while waiting:
        outer, declared = waiting.pop(0)
        kind = Expected(declared).type
        for field in kind.fields if isinstance(kind, shape.StructType) else ():
            place = (*outer, field.encode_name)
            places.setdefault(field.encode_name.casefold(), []).append(place)
            waiting.append((place, field.type))
    for form in JOB_TYPES.values():
        for name in (*form.__struct_encode_fields__, *form.__struct_fields__):
            places.setdefault(name.casefold(), []).append(("job", "config", name))
    return places

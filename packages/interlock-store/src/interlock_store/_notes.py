"""What a CONFIG row notes beside its text: since when a pipeline is there, runs live, and what it has in force."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from interlock_config import ConfigError, PipelineConfig, decode_json
from interlock_lifecycle import digest, terms_of
from interlock_store._rows import CONFIG, MalformedRow, format_time, parse_time
from interlock_store._write import Expect, Item

_FIRST_YEAR, _LAST_YEAR = 1900, 9998
"""Times outside these years are spoiled: no calendar leads there and back."""

ALWAYS = datetime.fromtimestamp(0, UTC)
"""Since when a config has what no edit brought."""

_READ = ("config", "configDigest", "createdAt", "wasDry", "inForce")


class Note(Struct, frozen=True):
    """What is to be written into a CONFIG row, on condition that it is as it was read."""

    set: Item
    remove: tuple[str, ...]
    expect: Expect


def is_noted(row: Mapping[str, Any]) -> bool:
    """Whether somebody has noted this very text."""
    return moment_noted(row, "createdAt") is not None and row.get("configDigest") == digest(row.get("config", ""))


def moment_noted(row: Mapping[str, Any], name: str) -> datetime | None:
    """A time that a CONFIG row notes; one that cannot be read was never noted."""
    return _moment(row.get(name), row) if name in row else None


def _moment(value: object, row: Mapping[str, Any]) -> datetime | None:
    try:
        moment = parse_time(value, row["PK"], CONFIG)
    except MalformedRow:
        return None
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def in_force(row: Mapping[str, Any]) -> dict[str, datetime]:
    """Since when the config has each of its terms (`terms_of`), as far as somebody has noted it."""
    noted = row.get("inForce")
    if not isinstance(noted, Mapping):
        return {}
    found = {str(term): _moment(at, row) for term, at in noted.items()}
    return {term: at for term, at in found.items() if at is not None}


def note(row: Mapping[str, Any], pipeline_id: str, at: datetime) -> Note | None:
    """What to note of a CONFIG row as it was read: when it was first seen, when its text last changed, since when it
    runs live after a dry run, and since when it has what it has in force. None when it says all this already.

    A text that cannot be read changes nothing of the last two: mended, it is what it was.
    """
    config = _readable(row, pipeline_id)
    known = is_noted(row)
    if known and (config is None or "inForce" in row):
        return None
    noted: Item = {"GSI1PK": CONFIG, "GSI1SK": pipeline_id}
    if not known:
        noted |= {"configDigest": digest(row.get("config", "")), "changedAt": format_time(at)}
    if moment_noted(row, "createdAt") is None:
        noted["createdAt"] = format_time(at)
    remove: tuple[str, ...] = ()
    if config is not None:
        # What was there when nobody had noted any terms yet was always there; what an edit brings counts from then.
        before = in_force(row) if "inForce" in row else dict.fromkeys(terms_of(config), ALWAYS)
        noted["inForce"] = {term: format_time(before.get(term, at)) for term in terms_of(config)}
        if config.dry_run:
            noted["wasDry"] = True
        elif row.get("wasDry"):
            noted["liveSince"], remove = format_time(at), ("wasDry",)
    expect = Expect(
        exists=True,
        equals={name: row[name] for name in _READ if name in row},
        absent=tuple(name for name in _READ if name not in row),
    )
    return Note(noted, remove, expect)


def _readable(row: Mapping[str, Any], pipeline_id: str) -> PipelineConfig | None:
    try:
        config = decode_json(str(row.get("config", "")), f"config of {pipeline_id}")
    except ConfigError:
        return None
    return config if config.id == pipeline_id else None

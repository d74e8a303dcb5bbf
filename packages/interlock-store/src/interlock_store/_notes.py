"""The notes of a CONFIG row: the times since when its pipeline exists, runs live, and has each of its terms."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from interlock_config import ConfigError, PipelineConfig, decode_json
from interlock_lifecycle import Pause, digest
from interlock_lifecycle.dates import EXCLUDED_DAYS, excluded_days, notes_these_days, read_excluded_days, terms_of
from interlock_sla import Exclusions
from interlock_store._rows import CONFIG, MalformedRow, format_time, parse_time
from interlock_store._write import Expect, Item

_FIRST_YEAR, _LAST_YEAR = 1900, 9998
"""Times outside these years are corrupted. Arithmetic with them could leave the range of datetime."""

ALWAYS = datetime.fromtimestamp(0, UTC)
"""The time of terms that no edit brought."""

_LAST_END, _NO_END = 9000, "9999-12-31T00:00:00.000000Z"
"""The last year in which a pause may end, and the value of a pause without an end."""

PAUSED = ("pausedUntil", "pausedBy", "pausedReason")
"""The attributes of a pause."""

_READ = ("config", "configDigest", "createdAt", "wasDry", "inForce", "excludedDays")


class Note(Struct, frozen=True):
    """The notes to write into a CONFIG row, on condition that it is as it was read."""

    set: Item
    remove: tuple[str, ...]
    expect: Expect


def is_noted(row: Mapping[str, Any]) -> bool:
    """Whether a note of this text exists."""
    return moment_noted(row, "createdAt") is not None and row.get("configDigest") == digest(row.get("config", ""))


def moment_noted(row: Mapping[str, Any], name: str) -> datetime | None:
    """A time that a CONFIG row notes. An unreadable time counts as never noted."""
    return _moment(row.get(name), row) if name in row else None


def _moment(value: object, row: Mapping[str, Any]) -> datetime | None:
    try:
        moment = parse_time(value, row["PK"], CONFIG)
    except MalformedRow:
        return None
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def read_pause(row: Mapping[str, Any]) -> Pause | None:
    """The pause that a CONFIG row has. None for a row without `pausedUntil`.

    An end that cannot be read never ends the pause. A time beyond the year 9000 is no end.
    """
    if "pausedUntil" not in row:
        return None
    as_read = row["pausedUntil"]
    by, reason = str(row.get("pausedBy", "")), str(row.get("pausedReason", ""))
    try:
        until = parse_time(as_read, row["PK"], CONFIG)
    except MalformedRow as error:
        return Pause(None, by, reason, f"pausedUntil: {error.problem}", as_read)
    return Pause(until if until.year <= _LAST_END else None, by, reason, as_read=as_read)


def pause_row(pause: Pause) -> Item:
    """The attributes of a CONFIG row for a pause."""
    until = _NO_END if pause.until is None else format_time(pause.until)
    return {"pausedUntil": until, "pausedBy": pause.by, "pausedReason": pause.reason}


def in_force(row: Mapping[str, Any]) -> dict[str, datetime]:
    """The time since when the config has each of its terms (`terms_of`), as far as it is noted."""
    noted = row.get("inForce")
    if not isinstance(noted, Mapping):
        return {}
    found = {str(term): _moment(at, row) for term, at in noted.items()}
    return {term: at for term, at in found.items() if at is not None}


def note(row: Mapping[str, Any], pipeline_id: str, at: datetime, exclusions: Exclusions | None) -> Note | None:
    """The notes for a CONFIG row as it was read. None if it has all of them already.

    They are the times at which it was first seen, its text or its calendars last changed, it went live after a dry run,
    and it got each of its terms. exclusions: its excluded days, None if its text or a calendar cannot be read. A text
    that cannot be read leaves the last two as they are, since its repair restores them.
    """
    config = _readable(row, pipeline_id)
    known = is_noted(row)
    days_known = config is None or exclusions is None or notes_these_days(row.get("excludedDays"), config, exclusions)
    if known and days_known and (config is None or "inForce" in row):
        return None
    noted: Item = {"GSI1PK": CONFIG, "GSI1SK": pipeline_id}
    if not known:
        noted["configDigest"] = digest(row.get("config", ""))
    if not known or not days_known:
        noted["changedAt"] = format_time(at)
    if moment_noted(row, "createdAt") is None:
        noted["createdAt"] = format_time(at)
    remove: tuple[str, ...] = ()
    if config is not None:
        # Terms from before the first note always applied. Terms of an edit apply from the edit on.
        before = in_force(row) if "inForce" in row else dict.fromkeys(terms_of(config), ALWAYS)
        in_force_now = {term: before.get(term, at) for term in terms_of(config)}
        in_force_now |= _excluded_since(row, config, exclusions, at)
        noted["inForce"] = {term: format_time(since) for term, since in in_force_now.items()}
        if exclusions is not None and not days_known:
            noted["excludedDays"] = str(excluded_days(config, exclusions, at))
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


def _excluded_since(
    row: Mapping[str, Any], config: PipelineConfig, exclusions: Exclusions | None, at: datetime
) -> dict[str, datetime]:
    """The time since when the excluded days of the past apply. An edit of later days alone does not change it.

    A row without any note always had its excluded days. A note without days means none.
    """
    before = in_force(row).get(EXCLUDED_DAYS)
    kept = {} if before is None else {EXCLUDED_DAYS: before}
    if exclusions is None or "inForce" not in row:
        return kept
    text = row.get("excludedDays")
    if notes_these_days(text, config, exclusions):
        return kept
    now = excluded_days(config, exclusions, at)
    noted = excluded_days(config, Exclusions(), at) if text is None else read_excluded_days(text)
    changed = noted is None or noted.changed_past(now)
    return {EXCLUDED_DAYS: at} if changed else kept


def _readable(row: Mapping[str, Any], pipeline_id: str) -> PipelineConfig | None:
    try:
        config = decode_json(str(row.get("config", "")), f"config of {pipeline_id}")
    except ConfigError:
        return None
    return config if config.id == pipeline_id else None

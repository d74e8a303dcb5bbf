"""A pipeline's config as its row has it, or the reason why it cannot be used."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from interlock_config import ConfigError, PipelineConfig, decode_json
from interlock_lifecycle import Pause
from interlock_lifecycle.dates import notes_these_days
from interlock_sla import Calendar, Exclusions
from interlock_store._notes import in_force, is_noted, moment_noted, read_pause
from interlock_store._write import Item


class StoredConfig(Struct, frozen=True):
    """A pipeline's config as it is stored, or the reason why it cannot be used. It is never a default."""

    config: PipelineConfig | None
    problem: str = ""
    created_at: datetime | None = None
    """The time since when the pipeline exists, or runs live after a dry run. None if it is not noted."""
    calendars: Mapping[str, Calendar] = {}
    periodic: bool = False
    """Whether its trigger's sensor was seen with a period in its key (`key#20260303T07`)."""
    changed_at: datetime | None = None
    """The last time at which the config's text or its calendars' days changed. None if no change was seen."""
    noted: bool = False
    """Whether the row notes this text and its excluded days. `created_at`, `changed_at`, `in_force` belong to it."""
    in_force: Mapping[str, datetime] = {}
    """The time since when the config has each of its terms (`interlock_lifecycle.dates.terms_of`)."""
    pause: Pause | None = None
    """The pause of the pipeline, which may be over. None without one."""

    @property
    def exists(self) -> bool:
        """Whether the CONFIG row exists."""
        return self.problem != NO_CONFIG

    @property
    def exclusions(self) -> Exclusions:
        """The days on which the pipeline starts nothing. An unreadable config, which never runs, has none."""
        return self.config.exclusions(self.calendars) if self.config else Exclusions()


NO_CONFIG = "the pipeline has no config"


def read_config(
    row: Mapping[str, Any], pipeline_id: str, calendars: Callable[[Iterable[str]], Mapping[str, Calendar]]
) -> StoredConfig:
    """A CONFIG row with the calendars that it names. An invalid one is returned with its problem."""
    pause = read_pause(row)
    known_since = [at for name in ("createdAt", "liveSince") if (at := moment_noted(row, name)) is not None]
    created_at = max(known_since, default=None)
    try:
        config = decode_json(str(row.get("config", "")), f"config of {pipeline_id}")
        if config.id != pipeline_id:
            problem = f"the config has the id {config.id!r}, and its row has {pipeline_id!r}"
            return StoredConfig(None, problem, created_at, pause=pause)
        found = calendars(config.calendar_names)
    except ConfigError as error:
        return StoredConfig(None, str(error), created_at, pause=pause)
    missing = sorted(set(config.calendar_names) - set(found))
    if missing:
        return StoredConfig(None, f"calendar {missing[0]!r} does not exist", created_at, pause=pause)
    named = {name: found[name] for name in config.calendar_names}
    exclusions = config.exclusions(named)
    return StoredConfig(
        config,
        created_at=created_at,
        calendars=named,
        periodic=bool(row.get("periodic")),
        changed_at=moment_noted(row, "changedAt"),
        noted=is_noted(row) and "inForce" in row and notes_these_days(row.get("excludedDays"), config, exclusions),
        in_force=in_force(row),
        pause=pause,
    )


def calendars_of(row: Item) -> Iterable[str]:
    try:
        return decode_json(str(row.get("config", "")), "").calendar_names
    except ConfigError:
        return ()

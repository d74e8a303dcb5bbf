"""Follows config and calendar rows: drops cached configs, indexes new rows, reports each invalid config once."""

import hashlib

from interlock_controller.effects import Wakes
from interlock_controller.records._change import Change
from interlock_lifecycle import Announce
from interlock_lifecycle.events import Event, EventType, cut_text, make_event_id
from interlock_store import ConfigCache, Store, format_time
from interlock_telemetry import get_logger

_log = get_logger(__name__)


class ConfigIntake:
    """Takes in changed configs and calendars."""

    def __init__(self, store: Store, cache: ConfigCache, wakes: Wakes) -> None:
        self._store = store
        self._cache = cache
        self._wakes = wakes

    def calendar_changed(self, name: str, change: Change) -> None:
        """Drop the calendar from the cache, and note the change for each config that names it.

        A config that is invalid with the calendar's new days is reported.
        """
        self._cache.drop_calendar(name)
        for pipeline_id in self._store.pipelines_naming(name):
            self._store.note_config(pipeline_id, change.at)
            self._report(pipeline_id, change, format_time(change.at))

    def config_changed(self, pipeline_id: str, change: Change) -> None:
        """Drop the cached config, index the row, report an invalid config once per change, and wake held runs.

        The new config may have other rules, or none at all. A held run is evaluated by them at once, or ends.
        """
        self._cache.drop(pipeline_id)
        if change.row is None:
            _log.info("config_deleted", pipeline=pipeline_id)
        else:
            self._store.index_config(pipeline_id, change.row, change.at)
            self._report(pipeline_id, change, str(change.row.get("config", "")))
        self._wakes.wake_all([wait for wait in self._store.waits.of_pipeline(pipeline_id) if not wait.for_job])

    def _report(self, pipeline_id: str, change: Change, content: str) -> None:
        """Report an invalid config once per `content`: the config's text, or the time of a calendar's change."""
        stored = self._cache.fresh(pipeline_id)
        if stored.config is not None or not stored.exists:
            return
        _log.warning("config_invalid", pipeline=pipeline_id, problem=stored.problem)
        wrong = hashlib.sha256(f"{content}\x1f{stored.problem}".encode()).hexdigest()[:16]
        event = Event(
            id=make_event_id(change.at, f"config {pipeline_id} {wrong}"),
            type=EventType.CONFIG_INVALID,
            pipeline_id=pipeline_id,
            timestamp=change.at,
            message=cut_text(stored.problem),
        )
        self._store.commit(Announce(pipeline_id, (event,), marker=f"config-invalid#{wrong}", at=change.at))

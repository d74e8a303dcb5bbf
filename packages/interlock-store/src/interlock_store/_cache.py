"""A cache of pipeline configs for five minutes. A cached config may lead to "nothing to do", never to "go"."""

from collections.abc import Callable
from datetime import datetime

from interlock_lifecycle.waits import CACHED_CONFIG_LIFE
from interlock_store._config import StoredConfig
from interlock_store._store import Store


class ConfigCache:
    """Configs by pipeline, immutable, dropped on a change or after five minutes."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._kept: dict[str, tuple[datetime, StoredConfig]] = {}

    def get(self, pipeline_id: str) -> StoredConfig:
        """The config as it was at most five minutes ago."""
        kept = self._kept.get(pipeline_id)
        # An absent or unreadable config may be fixed at any moment, and "nothing to do" would lose a sensor.
        if kept is not None and kept[1].config is not None and self._now() - kept[0] < CACHED_CONFIG_LIFE:
            return kept[1]
        return self.fresh(pipeline_id)

    def fresh(self, pipeline_id: str) -> StoredConfig:
        """The config as it is now, for every step that starts a job."""
        stored = self._store.config(pipeline_id)
        self._kept[pipeline_id] = (self._now(), stored)
        return stored

    def looked_up(self, pipeline_id: str) -> tuple[StoredConfig, bool]:
        """The config as `get` returns it, and whether this call has read it, so that it need not be read again."""
        before = self._kept.get(pipeline_id)
        stored = self.get(pipeline_id)
        return stored, self._kept.get(pipeline_id) is not before

    def drop(self, pipeline_id: str) -> None:
        """Forget a pipeline's config, because its row changed."""
        self._kept.pop(pipeline_id, None)

    def drop_calendar(self, name: str) -> None:
        """Forget every config that names a calendar, and every unreadable one."""
        stale = [
            pipeline_id
            for pipeline_id, (_, stored) in self._kept.items()
            if stored.config is None or name in stored.config.calendar_names
        ]
        for pipeline_id in stale:
            self.drop(pipeline_id)

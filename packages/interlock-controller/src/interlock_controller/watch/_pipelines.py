"""Reads the pipelines of a tick, once for all checks."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_controller.watch._failures import PipelineTrouble
from interlock_lifecycle import RunKey
from interlock_lifecycle.dates import Expectation
from interlock_sla import ExecutionDate
from interlock_store import Overview, Store, StoredConfig
from interlock_telemetry import get_logger

_log = get_logger(__name__)


class Watched(Struct, frozen=True):
    """A pipeline with its expectation, the last change of its config (UTC), and whether it has per-period sensors."""

    expected: Expectation
    changed_at: datetime
    periodic: bool

    @property
    def config(self) -> PipelineConfig:
        """The pipeline's config."""
        return self.expected.config

    @property
    def reports(self) -> bool:
        """Whether the watchdog reports on it (watch.enabled). The watchdog recovers its runs in any case."""
        return self.config.watch.enabled

    def is_dormant(self, now: datetime) -> bool:
        """Whether the day of `now`, in the schedule's zone, is excluded."""
        return self.expected.exclusions.excludes(now.astimezone(self.config.zone).date())

    def key(self, date: ExecutionDate) -> RunKey:
        """The run of a date."""
        return RunKey(self.config.id, self.config.schedule_id, date)


class _Sight(Struct):
    """The pipelines of one tick: live ones, dry runs, those for a later tick, and the failed ones."""

    watched: list[Watched]
    dry_runs: list[Watched]
    later: list[str]
    troubles: list[PipelineTrouble]


class LivePipelines:
    """The pipelines of one tick: live ones, and separately dry runs. Invalid configs are left out.

    A config that the stream-router has not noted yet (its stream may be down) is noted here. The next tick looks at
    it, because the pipeline's creation and its switch to live are only known from the note.
    """

    def __init__(self, overview: Overview, store: Store) -> None:
        self._overview = overview
        self._store = store
        self._seen: tuple[datetime, _Sight] | None = None

    def pipelines(self, now: datetime) -> list[Watched]:
        """The live pipelines of this tick. The first check reads them for all."""
        return self._look(now).watched

    def any_run(self, now: datetime) -> dict[str, Watched]:
        """The pipelines of this tick by id, including dry runs."""
        sight = self._look(now)
        return {watched.config.id: watched for watched in (*sight.watched, *sight.dry_runs)}

    def is_known(self, pipeline_id: str, now: datetime) -> bool:
        """Whether the pipeline exists, even if this tick cannot look at it."""
        sight = self._look(now)
        troubled = (trouble.pipeline_id for trouble in sight.troubles)
        return pipeline_id in {*self.any_run(now), *sight.later, *troubled}

    def later(self, now: datetime) -> list[str]:
        """The pipelines for a later tick, which then also covers the time until then."""
        return self._look(now).later

    def check(self, now: datetime) -> int:
        """Raise the errors of the pipelines that this tick cannot look at. The result is always 0."""
        troubles = self._look(now).troubles
        if troubles:
            raise ExceptionGroup(f"{len(troubles)} pipelines could not be looked at", troubles)
        return 0

    def _look(self, now: datetime) -> _Sight:
        if self._seen is None or self._seen[0] != now:
            self._seen = now, self._read(self._overview.pipelines(), now)
        return self._seen[1]

    def _read(self, found: Mapping[str, StoredConfig], now: datetime) -> _Sight:
        sight = _Sight([], [], [], [])
        for pipeline_id, stored in found.items():
            try:
                watched = self._watch(pipeline_id, stored, now)
            except Exception as error:  # noqa: BLE001 (raised by `check`)
                sight.troubles.append(PipelineTrouble(pipeline_id, error))
                watched = None
            if watched is not None:
                (sight.dry_runs if watched.config.dry_run else sight.watched).append(watched)
            elif stored.config is None or not stored.noted:
                sight.later.append(pipeline_id)
        return sight

    def _watch(self, pipeline_id: str, stored: StoredConfig, now: datetime) -> Watched | None:
        """The pipeline, or None if its config is invalid or not noted yet."""
        if stored.config is None:
            _log.warning("pipeline_unreadable", pipeline=pipeline_id, problem=stored.problem)
            return None
        if not stored.noted:
            _log.warning("pipeline_not_noted", pipeline=pipeline_id)
            self._store.note_config(pipeline_id, now)
            return None
        created_at = stored.created_at or now
        expected = Expectation(stored.config, stored.exclusions, created_at, stored.in_force)
        return Watched(expected, stored.changed_at or created_at, stored.periodic)

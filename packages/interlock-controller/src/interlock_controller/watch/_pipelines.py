"""Which pipelines a tick looks at: read once per tick, for every check."""

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
    """A live pipeline: what is expected of it, when its config last changed, and how its sensors are kept."""

    expected: Expectation
    changed_at: datetime
    periodic: bool

    @property
    def config(self) -> PipelineConfig:
        """The pipeline's config."""
        return self.expected.config

    @property
    def reports(self) -> bool:
        """Whether the watchdog reports on it (watch.enabled); it is recovered in any case."""
        return self.config.watch.enabled

    def is_dormant(self, now: datetime) -> bool:
        """Whether the day of `now`, in the schedule's zone, is excluded."""
        return self.expected.exclusions.excludes(now.astimezone(self.config.zone).date())

    def key(self, date: ExecutionDate) -> RunKey:
        """The run of a date."""
        return RunKey(self.config.id, self.config.schedule_id, date)


class _Sight(Struct):
    """What one tick sees: the pipelines to look at, those to look at later, and what is wrong with some of them."""

    watched: list[Watched]
    shadows: list[Watched]
    later: list[str]
    troubles: list[PipelineTrouble]


class LivePipelines:
    """All pipelines, as one tick sees them: live ones, and dry runs apart. Configs that cannot be read are left out.

    A config that the stream-router has not noted yet (its stream may be down) is noted here, and looked at from the
    next tick on: only then is it known since when the pipeline exists, or runs live.
    """

    def __init__(self, overview: Overview, store: Store) -> None:
        self._overview = overview
        self._store = store
        self._seen: tuple[datetime, _Sight] | None = None

    def pipelines(self, now: datetime) -> list[Watched]:
        """The live pipelines at this tick; read once, however many checks ask."""
        return self._look(now).watched

    def any_run(self, now: datetime) -> dict[str, Watched]:
        """The pipelines at this tick by id, dry runs too."""
        sight = self._look(now)
        return {watched.config.id: watched for watched in (*sight.watched, *sight.shadows)}

    def is_known(self, pipeline_id: str, now: datetime) -> bool:
        """Whether there is such a pipeline, even one that cannot be looked at now."""
        sight = self._look(now)
        troubled = (trouble.pipeline_id for trouble in sight.troubles)
        return pipeline_id in {*self.any_run(now), *sight.later, *troubled}

    def later(self, now: datetime) -> list[str]:
        """The pipelines that can only be looked at later, and then for what they are due meanwhile."""
        return self._look(now).later

    def check(self, now: datetime) -> int:
        """Say which pipelines' configs could not be taken in, and why; there is nothing else to find."""
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
            except Exception as error:  # noqa: BLE001 (raised by the check of the live)
                sight.troubles.append(PipelineTrouble(pipeline_id, error))
                watched = None
            if watched is not None:
                (sight.shadows if watched.config.dry_run else sight.watched).append(watched)
            elif stored.config is None or not stored.noted:
                sight.later.append(pipeline_id)
        return sight

    def _watch(self, pipeline_id: str, stored: StoredConfig, now: datetime) -> Watched | None:
        """The pipeline, if it can be looked at now."""
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

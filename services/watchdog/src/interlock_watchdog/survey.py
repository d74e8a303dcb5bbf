"""Which pipelines a tick looks at, and from where on: read once per tick, for every check."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle import Expectation, RunKey, Window
from interlock_sla import ExecutionDate
from interlock_store import Cursor, Overview
from interlock_telemetry import get_logger
from interlock_watchdog.crew import Crew

_log = get_logger(__name__)

T = TypeVar("T")

LOOK_BACK = timedelta(days=25)
"""A tick never answers for more than this, however long the watchdog was away (behaviour.md §5)."""

_NOTICED = timedelta(minutes=10)
"""How long before a tick a config may have changed without that tick having seen it: the index lags, ticks overlap."""


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

    def key(self, date: ExecutionDate) -> RunKey:
        """The run of a date."""
        return RunKey(self.config.id, self.config.schedule_id, date)


class Survey:
    """All live pipelines, as one tick sees them. Dry runs and unreadable configs are left out."""

    def __init__(self, overview: Overview) -> None:
        self._overview = overview
        self._seen: tuple[datetime, list[Watched]] | None = None

    def pipelines(self, now: datetime) -> list[Watched]:
        """The pipelines at this tick; read once, however many checks ask."""
        if self._seen is None or self._seen[0] != now:
            self._seen = now, list(self._read(now))
        return self._seen[1]

    def _read(self, now: datetime) -> Iterator[Watched]:
        for pipeline_id, stored in self._overview.pipelines().items():
            if stored.config is None:
                _log.warning("pipeline_unreadable", pipeline=pipeline_id, problem=stored.problem)
            elif not stored.config.dry_run:
                created_at = stored.created_at or now
                expected = Expectation(stored.config, stored.exclusions, created_at)
                yield Watched(expected, stored.changed_at or created_at, stored.periodic)


class Patrol:
    """One check's way over all pipelines: each tick goes on where the last one ended, pipeline by pipeline."""

    def __init__(self, check: str, overview: Overview, survey: Survey, crew: Crew) -> None:
        self.check = check
        self._overview = overview
        self._survey = survey
        self._crew = crew

    def walk(
        self,
        now: datetime,
        find: Callable[[Watched, Window], Iterable[T]],
        narrow: Callable[[Sequence[tuple[Watched, T]]], Sequence[tuple[Watched, T]]],
        act: Callable[[Watched, T], bool],
    ) -> int:
        """Find what each pipeline's window holds, leave out in batches what needs nothing, act on the rest.

        A pipeline that failed is looked at again from the same moment on; the others go on. The answer is how
        many acts did something. Raises ExceptionGroup when some failed.
        """
        cursor = self._overview.cursor(self.check)
        errors: list[Exception] = []
        behind: dict[str, datetime] = {}
        found: list[tuple[Watched, T]] = []
        windows: dict[str, Window] = {}
        for watched in self._survey.pipelines(now):
            window = windows[watched.config.id] = self.window(watched, cursor, now)
            try:
                found += [(watched, matter) for matter in find(watched, window)]
            except Exception as error:  # noqa: BLE001 (raised with the others below)
                errors.append(error)
                behind[watched.config.id] = window.after
        chosen = narrow(found) if found else []
        done = self._crew.attempt([_bind(act, watched, matter) for watched, matter in chosen])
        for (watched, _), result in zip(chosen, done, strict=True):
            if isinstance(result, Exception):
                errors.append(result)
                behind[watched.config.id] = windows[watched.config.id].after
        self._overview.move_cursor(self.check, Cursor(now, behind))
        if errors:
            raise ExceptionGroup(f"{self.check}: {len(errors)} could not be looked at", errors)
        return sum(1 for result in done if result is True)

    def window(self, watched: Watched, cursor: Cursor | None, now: datetime) -> Window:
        """What this tick answers for: from where the last one ended, not before the pipeline's creation."""
        after = watched.expected.created_at - timedelta(microseconds=1)
        if cursor is not None:
            after = max(after, cursor.behind.get(watched.config.id, cursor.at))
        return Window(max(after, now.astimezone(UTC) - LOOK_BACK), now)

    def is_new_to(self, watched: Watched, cursor: Cursor | None) -> bool:
        """Whether the check has not yet seen the pipeline's config as it is now."""
        if cursor is None or watched.config.id in cursor.behind:
            return True
        return watched.changed_at > cursor.at - _NOTICED


def _bind(act: Callable[[Watched, T], bool], watched: Watched, matter: T) -> Callable[[], bool]:
    return lambda: act(watched, matter)

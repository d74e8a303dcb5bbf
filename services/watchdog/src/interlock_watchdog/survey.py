"""Which pipelines a tick looks at, and from where on: read once per tick, for every check."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle import Expectation, RunKey, Window
from interlock_sla import ExecutionDate
from interlock_store import Cursor, Overview, Store
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


class LookAgain(Exception):
    """What was found cannot be decided yet: the next tick looks at the pipeline from the same moment on."""


class Survey:
    """All live pipelines, as one tick sees them. Dry runs and unreadable configs are left out.

    A config that the stream-router has not noted yet (its stream may be down) is noted here, and looked at from the
    next tick on: only then is it known since when the pipeline exists, or runs live.
    """

    def __init__(self, overview: Overview, store: Store) -> None:
        self._overview = overview
        self._store = store
        self._seen: tuple[datetime, list[Watched], list[str]] | None = None

    def pipelines(self, now: datetime) -> list[Watched]:
        """The pipelines at this tick; read once, however many checks ask."""
        return self._look(now)[1]

    def unnoted(self, now: datetime) -> list[str]:
        """The pipelines that only the next tick looks at."""
        return self._look(now)[2]

    def _look(self, now: datetime) -> tuple[datetime, list[Watched], list[str]]:
        if self._seen is None or self._seen[0] != now:
            unnoted: list[str] = []
            self._seen = now, list(self._read(now, unnoted)), unnoted
        return self._seen

    def _read(self, now: datetime, unnoted: list[str]) -> Iterator[Watched]:
        for pipeline_id, stored in self._overview.pipelines().items():
            if stored.config is None:
                _log.warning("pipeline_unreadable", pipeline=pipeline_id, problem=stored.problem)
            elif not stored.noted:
                _log.warning("pipeline_not_noted", pipeline=pipeline_id)
                self._store.note_config(pipeline_id, now)
                unnoted.append(pipeline_id)
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

        A pipeline that failed is looked at again from the same moment on; the others go on. So is one whose act
        says LookAgain, which is no failure. The answer is how many acts did something. Raises ExceptionGroup when
        some failed.
        """
        cursor = self._overview.cursor(self.check)
        errors: list[Exception] = []
        behind = {name: _position(name, cursor, now) for name in self._survey.unnoted(now)}
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
                behind[watched.config.id] = windows[watched.config.id].after
                if not isinstance(result, LookAgain):
                    errors.append(result)
        self._overview.move_cursor(self.check, Cursor(now, behind))
        if errors:
            raise ExceptionGroup(f"{self.check}: {len(errors)} could not be looked at", errors)
        return sum(1 for result in done if result is True)

    def window(self, watched: Watched, cursor: Cursor | None, now: datetime) -> Window:
        """What this tick answers for: from where the last one ended, not before the pipeline's creation."""
        created = watched.expected.created_at - timedelta(microseconds=1)
        return Window(max(created, _position(watched.config.id, cursor, now)), now)

    def is_new_to(self, watched: Watched, cursor: Cursor | None) -> bool:
        """Whether the check has not yet seen the pipeline's config as it is now."""
        if cursor is None or watched.config.id in cursor.behind:
            return True
        return watched.changed_at > cursor.at - _NOTICED


def _position(pipeline_id: str, cursor: Cursor | None, now: datetime) -> datetime:
    """Up to when a check has answered for a pipeline; never longer ago than anybody looks back."""
    earliest = now.astimezone(UTC) - LOOK_BACK
    return earliest if cursor is None else max(cursor.behind.get(pipeline_id, cursor.at), earliest)


def _bind(act: Callable[[Watched, T], bool], watched: Watched, matter: T) -> Callable[[], bool]:
    return lambda: act(watched, matter)

"""How a check goes over all pipelines: each tick from where the last one ended, each pipeline on its own."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from interlock_controller.watch._edits import NOTICED, Reach
from interlock_controller.watch._failures import PipelineTrouble
from interlock_controller.watch._pipelines import LivePipelines, Watched
from interlock_controller.watch._workers import WorkerPool
from interlock_lifecycle.dates import Window
from interlock_store import Cursor, MalformedRow, Overview
from interlock_telemetry import get_logger

T = TypeVar("T")

_log = get_logger(__name__)

LOOK_BACK = timedelta(days=25)
"""A tick never answers for more than this, however long the watchdog was away (docs/reference/watchdog.md §3)."""

_MOST_BEHIND = 2000
"""How many pipelines a cursor names that are behind: its row has to stay far below the 400 KB of an item."""

Found = Sequence[tuple[Watched, T]]


class LookAgain(Exception):
    """What was found cannot be decided yet: the next tick looks at the pipeline from the same moment on."""


class Sweep:
    """One check's way over all pipelines: each tick goes on where the last one ended, pipeline by pipeline."""

    def __init__(self, check: str, overview: Overview, live: LivePipelines, workers: WorkerPool) -> None:
        self.check = check
        self._overview = overview
        self._live = live
        self._workers = workers

    def walk(
        self,
        now: datetime,
        find: Callable[[Watched, Window], Iterable[T]],
        narrow: Callable[[Found[T]], Found[T]],
        act: Callable[[Watched, T], bool],
        *,
        reach: Reach | None = None,
    ) -> int:
        """Find what each pipeline's window holds, leave out in batches what needs nothing, act on the rest.

        `reach` says how much earlier the window begins for a pipeline that was edited since it was answered for.
        A pipeline that failed is looked at again from the same moment on; the others go on. So is one whose act
        says LookAgain, or whose config cannot be read now, which is no failure. The answer is how many acts did
        something. Raises ExceptionGroup of PipelineTrouble when some failed.
        """
        cursor = cursor_of(self._overview, self.check)
        rounds: _Round[T] = _Round(cursor, now, reach)
        rounds.put_off(self._live.later(now))
        for watched in self._live.pipelines(now):
            rounds.find(watched, find)
        chosen = narrow(rounds.found) if rounds.found else []
        done = self._workers.attempt([_bind(act, watched, matter) for watched, matter in chosen])
        for (watched, _), result in zip(chosen, done, strict=True):
            rounds.note(watched, result)
        self._overview.move_cursor(self.check, cursor_at(now, rounds.behind))
        if rounds.troubles:
            raise ExceptionGroup(f"{self.check}: {len(rounds.troubles)} could not be looked at", rounds.troubles)
        return sum(1 for result in done if result is True)

    def is_new_to(self, watched: Watched, cursor: Cursor | None) -> bool:
        """Whether the check has not yet seen the pipeline's config as it is now."""
        if cursor is None or watched.config.id in cursor.behind:
            return True
        return watched.changed_at > cursor.at - NOTICED


class _Round(Generic[T]):
    """One walk: what was found, what went wrong, and who is behind since when."""

    def __init__(self, cursor: Cursor | None, now: datetime, reach: Reach | None) -> None:
        self._cursor = cursor
        self._now = now
        self._reach = reach
        self.found: list[tuple[Watched, T]] = []
        self.behind: dict[str, datetime] = {}
        self.troubles: list[PipelineTrouble] = []

    def put_off(self, pipeline_ids: Iterable[str]) -> None:
        """These are looked at later, from where they are now."""
        for pipeline_id in pipeline_ids:
            self.behind[pipeline_id] = position(pipeline_id, self._cursor, self._now)

    def find(self, watched: Watched, find: Callable[[Watched, Window], Iterable[T]]) -> None:
        """What a pipeline's window holds; one that fails disturbs no other."""
        try:
            self.found += [(watched, matter) for matter in find(watched, self._window(watched))]
        except Exception as error:  # noqa: BLE001 (raised with the others when all have had their turn)
            self._fail(watched, error)

    def note(self, watched: Watched, result: bool | Exception) -> None:
        """What an act came to."""
        if isinstance(result, LookAgain):
            self.put_off([watched.config.id])
        elif isinstance(result, Exception):
            self._fail(watched, result)

    def _fail(self, watched: Watched, error: Exception) -> None:
        self.put_off([watched.config.id])
        self.troubles.append(PipelineTrouble(watched.config.id, error))

    def _window(self, watched: Watched) -> Window:
        """What this tick answers for: from where the last one ended, not before the pipeline's creation."""
        created = watched.expected.created_at - timedelta(microseconds=1)
        answered = position(watched.config.id, self._cursor, self._now)
        again = self._reach(watched, answered, self._now) if self._reach is not None else None
        return Window(max(created, answered if again is None else min(answered, again)), self._now)


def cursor_of(overview: Overview, check: str) -> Cursor | None:
    """Up to when a check has answered; None before its first tick.

    A row that cannot be read counts as none: the tick writes it anew, and looks back as far as ticks do. What it
    meets again has its run, its verdict or its marker.
    """
    try:
        return overview.cursor(check)
    except MalformedRow as error:
        _log.warning("cursor_unreadable", check=check, problem=error.problem)
        return None


def position(pipeline_id: str, cursor: Cursor | None, now: datetime) -> datetime:
    """Up to when a check has answered for a pipeline; never longer ago than anybody looks back."""
    earliest = now.astimezone(UTC) - LOOK_BACK
    return earliest if cursor is None else max(cursor.behind.get(pipeline_id, cursor.at), earliest)


def cursor_at(now: datetime, behind: Mapping[str, datetime]) -> Cursor:
    """Where a check stands after a tick. Of very many that are behind all go on from the earliest: that costs more
    and tells nothing twice.
    """
    return Cursor(now, behind) if len(behind) <= _MOST_BEHIND else Cursor(min(behind.values()), {})


def _bind(act: Callable[[Watched, T], bool], watched: Watched, matter: T) -> Callable[[], bool]:
    return lambda: act(watched, matter)

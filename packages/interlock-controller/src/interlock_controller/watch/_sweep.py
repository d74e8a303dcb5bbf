"""Walks a check over all pipelines, each tick from the end of the last one and each pipeline on its own."""

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
"""The most time that a tick looks back, even after a longer outage of the watchdog (docs/reference/watchdog.md §3)."""

_CLOCKS_APART = timedelta(minutes=1)
"""The most by which the clock of an earlier tick may be ahead of this one's."""

_MOST_BEHIND = 2000
"""The most lagging pipelines that a cursor names. Its row has to stay far below the 400 KB of an item."""

Found = Sequence[tuple[Watched, T]]


class LookAgain(Exception):
    """The matter cannot be decided yet. The next tick looks at the pipeline from the same moment on."""


class Sweep:
    """One check's walk over all pipelines. Each tick continues at the end of the last one."""

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
        """Find the matters in each pipeline's window, drop the settled ones in batches, act on the rest.

        `find` gives the matters of a window, `narrow` drops the settled ones, and `act` acts on one matter. `reach`
        moves the start of the window back for a pipeline that was edited since its last window.

        A failed pipeline delays no other, and its next window begins where this one began. The same applies to a
        pipeline whose act raises LookAgain, and to one whose config cannot be read now, but these are not failures.
        The result is the number of acts that returned True. Raises ExceptionGroup of PipelineTrouble for the failures.
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
        """Whether the check has not seen the pipeline's current config yet."""
        if cursor is None or watched.config.id in cursor.behind:
            return True
        return watched.changed_at > cursor.at - NOTICED


class _Round(Generic[T]):
    """One walk: the matters found, the failures, and the pipelines that lag with their position (UTC)."""

    def __init__(self, cursor: Cursor | None, now: datetime, reach: Reach | None) -> None:
        self._cursor = cursor
        self._now = now
        self._reach = reach
        self.found: list[tuple[Watched, T]] = []
        self.behind: dict[str, datetime] = {}
        self.troubles: list[PipelineTrouble] = []

    def put_off(self, pipeline_ids: Iterable[str]) -> None:
        """Let these pipelines keep their position for a later tick."""
        for pipeline_id in pipeline_ids:
            self.behind[pipeline_id] = position(pipeline_id, self._cursor, self._now)

    def find(self, watched: Watched, find: Callable[[Watched, Window], Iterable[T]]) -> None:
        """Add the matters in a pipeline's window. A failed pipeline delays no other."""
        try:
            self.found += [(watched, matter) for matter in find(watched, self._window(watched))]
        except Exception as error:  # noqa: BLE001 (raised with the others at the end of the walk)
            self._fail(watched, error)

    def note(self, watched: Watched, result: bool | Exception) -> None:
        """Note the result of an act."""
        if isinstance(result, LookAgain):
            self.put_off([watched.config.id])
        elif isinstance(result, Exception):
            self._fail(watched, result)

    def _fail(self, watched: Watched, error: Exception) -> None:
        self.put_off([watched.config.id])
        self.troubles.append(PipelineTrouble(watched.config.id, error))

    def _window(self, watched: Watched) -> Window:
        """The window of this tick: from the end of the last one, but not before the pipeline's creation."""
        created = watched.expected.created_at - timedelta(microseconds=1)
        answered = position(watched.config.id, self._cursor, self._now)
        again = self._reach(watched, answered, self._now) if self._reach is not None else None
        return Window(max(created, answered if again is None else min(answered, again)), self._now)


def cursor_of(overview: Overview, check: str) -> Cursor | None:
    """The cursor of a check, or None before its first tick.

    A corrupted row counts as None. The tick then looks back by LOOK_BACK and writes the row again. A settled matter
    is not repeated, because it has its run, verdict or marker.
    """
    try:
        return overview.cursor(check)
    except MalformedRow as error:
        _log.warning("cursor_unreadable", check=check, problem=error.problem)
        return None


def position(pipeline_id: str, cursor: Cursor | None, now: datetime) -> datetime:
    """The moment (UTC) up to which a check has looked at a pipeline, at most LOOK_BACK ago.

    A cursor ahead of the clock is corrupted: the check looks back by LOOK_BACK.
    """
    earliest = now.astimezone(UTC) - LOOK_BACK
    if cursor is None:
        return earliest
    covered = cursor.behind.get(pipeline_id, cursor.at)
    # No tick writes a cursor ahead of its clock. A cursor that is ahead would end the check for that time.
    return max(covered, earliest) if covered <= now + _CLOCKS_APART else earliest


def cursor_at(now: datetime, behind: Mapping[str, datetime]) -> Cursor:
    """The cursor of a check after a tick. If too many pipelines lag, all of them continue from the earliest position.

    That costs time, but no matter is reported twice.
    """
    return Cursor(now, behind) if len(behind) <= _MOST_BEHIND else Cursor(min(behind.values()), {})


def _bind(act: Callable[[Watched, T], bool], watched: Watched, matter: T) -> Callable[[], bool]:
    return lambda: act(watched, matter)

"""What is wrong with one pipeline or one row: it is named, told, and kept from holding up anything else."""

from collections.abc import Callable
from datetime import datetime

from interlock_lifecycle import Announce
from interlock_lifecycle.events import Event, EventType, cut_text, make_event_id
from interlock_store import MalformedRow, Store, pipeline_of
from interlock_telemetry import get_logger

_log = get_logger(__name__)

Check = Callable[[datetime], int]
"""Looks at one thing at the instant given; how many things it set right or reported."""


class PipelineTrouble(Exception):
    """A check could not look at one pipeline; `error` is why."""

    def __init__(self, pipeline_id: str, error: Exception) -> None:
        super().__init__(f"{pipeline_id}: {type(error).__name__}: {error}")
        self.pipeline_id, self.error = pipeline_id, error


class RowReports:
    """Rows that cannot be read are told once a day each (WATCHDOG_DEGRADED), instead of failing every tick.

    Their dates cannot be judged before somebody mends them, and may have to wait for that for days.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def guard(self, name: str, check: Check) -> Check:
        """The check, which no longer fails for single rows that cannot be read; anything else is raised."""

        def guarded(now: datetime) -> int:
            try:
                return check(now)
            except ExceptionGroup as group:
                unreadable, rest = group.split(lambda error: _row_of(error) is not None)
                if unreadable is not None:
                    self._tell_all(name, unreadable, now)
                if rest is not None:
                    raise rest from None
                return 0

        return guarded

    def _tell_all(self, name: str, group: ExceptionGroup[Exception], now: datetime) -> None:
        for error in _leaves(group):
            row = _row_of(error)
            assert row is not None
            _log.warning("row_unreadable", check=name, pk=row.pk, sk=row.sk, problem=row.problem)
            self._tell(name, row, now)

    def _tell(self, name: str, row: MalformedRow, now: datetime) -> None:
        pipeline_id, day = pipeline_of(row.pk), f"{now:%Y-%m-%d}"
        event = Event(
            id=make_event_id(now, f"unreadable {row.pk} {row.sk}"),
            type=EventType.WATCHDOG_DEGRADED,
            pipeline_id=pipeline_id,
            timestamp=now,
            message=cut_text(f"{row}; nothing can be said of its date until it is mended"),
            detail={"checks": [name], "pipelines": [pipeline_id], "row": row.sk},
        )
        self._store.commit(Announce(pipeline_id, (event,), marker=f"unreadable#{row.sk}#{day}", at=now))


def _row_of(error: BaseException) -> MalformedRow | None:
    """The pipeline's row that the error is about, if it is about one."""
    found = error.error if isinstance(error, PipelineTrouble) else error
    return found if isinstance(found, MalformedRow) and found.pk.startswith("PIPELINE#") else None


def _leaves(group: BaseExceptionGroup[Exception]) -> list[Exception]:
    found: list[Exception] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def troubled_pipelines(error: BaseException) -> set[str]:
    """The pipelines that an error names."""
    if isinstance(error, BaseExceptionGroup):
        return set().union(*(troubled_pipelines(one) for one in error.exceptions))
    return {error.pipeline_id} if isinstance(error, PipelineTrouble) else set()

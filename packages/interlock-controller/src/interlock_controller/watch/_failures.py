"""Names and reports the failure of one pipeline or one row, so that it holds up no other."""

from collections.abc import Callable
from datetime import datetime

from interlock_lifecycle import Announce
from interlock_lifecycle.events import Event, EventType, cut_text, make_event_id
from interlock_store import MalformedRow, Store, pipeline_of
from interlock_telemetry import get_logger

_log = get_logger(__name__)

Check = Callable[[datetime], int]
"""Looks at one concern at the given instant (UTC). The result is the number of recoveries and reports."""


class PipelineTrouble(Exception):
    """A check failed for one pipeline with `error`."""

    def __init__(self, pipeline_id: str, error: Exception) -> None:
        super().__init__(f"{pipeline_id}: {type(error).__name__}: {error}")
        self.pipeline_id, self.error = pipeline_id, error


class RowReports:
    """Reports each corrupted row once a day (WATCHDOG_DEGRADED) instead of failing every tick.

    The date of a corrupted row cannot be judged until the row is corrected, which may take days.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def guard(self, name: str, check: Check) -> Check:
        """The check with reports for corrupted rows. Any other error is raised."""

        def guarded(now: datetime) -> int:
            try:
                return check(now)
            except ExceptionGroup as group:
                unreadable, rest = group.split(lambda error: _row_of(error) is not None)
                if unreadable is not None:
                    self._report_all(name, unreadable, now)
                if rest is not None:
                    raise rest from None
                return 0

        return guarded

    def _report_all(self, name: str, group: ExceptionGroup[Exception], now: datetime) -> None:
        for error in _leaves(group):
            row = _row_of(error)
            assert row is not None
            _log.warning("row_unreadable", check=name, pk=row.pk, sk=row.sk, problem=row.problem)
            self._report(name, row, now)

    def _report(self, name: str, row: MalformedRow, now: datetime) -> None:
        pipeline_id, day = pipeline_of(row.pk), f"{now:%Y-%m-%d}"
        event = Event(
            id=make_event_id(now, f"unreadable {row.pk} {row.sk}"),
            type=EventType.WATCHDOG_DEGRADED,
            pipeline_id=pipeline_id,
            timestamp=now,
            message=cut_text(f"{row}. The checks skip its date until the row is corrected"),
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

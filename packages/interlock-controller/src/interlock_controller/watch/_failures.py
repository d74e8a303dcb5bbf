"""Names the failure of one pipeline, and repairs corrupted rows, so that they delay no other."""

from collections.abc import Callable
from datetime import datetime

from interlock_controller.effects import RowRepairs
from interlock_store import MalformedRow
from interlock_telemetry import get_logger

_log = get_logger(__name__)

Check = Callable[[datetime], int]
"""Looks at one concern at the given instant (UTC). The result is the number of recoveries and reports."""


class PipelineTrouble(Exception):
    """A check failed for one pipeline with `error`."""

    def __init__(self, pipeline_id: str, error: Exception) -> None:
        super().__init__(f"{pipeline_id}: {type(error).__name__}: {error}")
        self.pipeline_id, self.error = pipeline_id, error


class RowGuard:
    """Repairs each corrupted row that a check meets, instead of failing every tick (docs/reference/rows.md §7)."""

    def __init__(self, repairs: RowRepairs) -> None:
        self._repairs = repairs

    def guard(self, name: str, check: Check) -> Check:
        """The check with repairs of corrupted rows. Any other error is raised, also that of a repair."""

        def guarded(now: datetime) -> int:
            try:
                return check(now)
            except ExceptionGroup as group:
                unreadable, rest = group.split(lambda error: _row_of(error) is not None)
                failed = self._repair_all(name, unreadable) if unreadable is not None else []
                if rest is not None or failed:
                    raise ExceptionGroup(group.message, [*(rest.exceptions if rest else ()), *failed]) from None
                return 0

        return guarded

    def _repair_all(self, name: str, group: ExceptionGroup[Exception]) -> list[Exception]:
        """Repair each row. The result is the errors: a failed repair delays no other."""
        failed: list[Exception] = []
        rows = {(row.pk, row.sk): row for error in _leaves(group) if (row := _row_of(error)) is not None}
        for row in rows.values():
            _log.warning("row_unreadable", check=name, pk=row.pk, sk=row.sk, problem=row.problem)
            try:
                self._repairs.repair(row)
            except Exception as error:  # noqa: BLE001 (raised by the guarded check)
                failed.append(error)
        return failed


def _row_of(error: BaseException) -> MalformedRow | None:
    """The row that the error is about, if it is about one."""
    found = error.error if isinstance(error, PipelineTrouble) else error
    return found if isinstance(found, MalformedRow) else None


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

"""Acts on corrupted rows: repairs the row of a run, and takes any other row out of the way. Both are reported."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from interlock_controller._settling import OVERTAKEN, Overtaken, decide_until_settled
from interlock_dlq import OUTBOX, LogRouter, Router, make_letter
from interlock_lifecycle import RunKey
from interlock_lifecycle.rows import RepairFacts, decide_repair, report_corrupted
from interlock_store import Commit, CorruptedTrigger, MalformedRow, Store, pipeline_of
from interlock_telemetry import get_logger

_log = get_logger(__name__)

_INFRASTRUCTURE = "INFRASTRUCTURE"
"""The pipeline of reports about a row that belongs to no pipeline."""


class RowRepairs:
    """Repairs corrupted rows (docs/reference/rows.md §7). The whole row is kept as a dead letter first."""

    def __init__(self, store: Store, *, now: Callable[[], datetime], dead_letters: Router | None = None) -> None:
        """`dead_letters` keeps the corrupted rows. The default is the log."""
        self._store = store
        self._now = now
        self._dead_letters = dead_letters or LogRouter()

    def repair(self, error: MalformedRow) -> None:
        """Close or complete the row of a run. Any other row leaves the index, so that no tick meets it again.

        Raises Contended.
        """
        if isinstance(error, CorruptedTrigger):
            key = error.corrupted.key
            decide_until_settled(lambda: self._repair_once(key), subject=f"repair of {key}")
            return
        row = self._store.row(error.pk, error.sk)
        if row is None:
            return
        self._keep(row, error)
        self.report(error.pk, error.sk, error.problem, "The row is kept as a dead letter. Write it again")
        self._store.unindex(row)

    def report(self, pk: str, sk: str, problem: str, effect: str) -> None:
        """Report a corrupted row, once a day for its kind and its kind of problem."""
        _log.warning("row_corrupted", pk=pk, sk=sk, problem=problem)
        self._store.commit(report_corrupted(_owner(pk), sk, problem, effect, self._now()))

    def _repair_once(self, key: RunKey) -> Overtaken | None:
        try:
            self._store.run(key)
        except CorruptedTrigger as found:
            return self._replace(found)
        return None

    def _replace(self, found: CorruptedTrigger) -> Overtaken | None:
        row, store = found.corrupted, self._store
        self._keep(row.as_read, found)
        facts = RepairFacts(
            config=store.config(row.key.pipeline_id).config,
            sla=store.sla(row.key),
            entries=store.entries(row.key),
            reruns=store.reruns(row.key),
        )
        commit = store.commit(decide_repair(row, facts, self._now()))
        _log.warning("run_repaired", run=str(row.key), problem=row.problem, commit=str(commit))
        return None if commit is Commit.COMMITTED else OVERTAKEN

    def _keep(self, row: Mapping[str, Any], error: MalformedRow) -> None:
        letter = make_letter(row, error, source=OUTBOX, now=self._now(), correlation_id=f"{error.pk} {error.sk}")
        self._dead_letters.route(letter)


def _owner(pk: str) -> str:
    try:
        return pipeline_of(pk)
    except MalformedRow:
        return _INFRASTRUCTURE

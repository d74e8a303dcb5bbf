"""Plays the operators: they mend what failed for good and ask for reruns, one that is due and one that is not."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from interlock_lifecycle import RunKey
from interlock_lifecycle.reports import Progress
from interlock_local import LocalStackError
from interlock_local.demo._script import BROKEN_ATTEMPTS, BRONZE, Script
from interlock_local.demo._watch import Standing
from interlock_sla import parse_execution_date
from interlock_store import Store

MENDED = "source mended"
AGAIN = "just to be sure"


class Operators:
    """The people who answer the alerts. `turn` does what they would do now; call it often."""

    def __init__(self, script: Script, feed: ModuleType, home: Path, store: Store, say: Callable[[str], None]) -> None:
        self._script = script
        self._feed = feed
        self._home = home
        self._store = store
        self._say = say
        self._asked: set[str] = set()

    @property
    def are_done(self) -> bool:
        """Whether both requests were written."""
        return len(self._asked) == 2

    def turn(self, standing: Standing) -> None:
        """Mend the hour that failed for good and ask for it; later ask for an hour that needs no rerun."""
        broken, unchanged = self._script.broken, self._script.unchanged
        if broken not in self._asked:
            if standing.get((BRONZE, broken)) == (Progress.FAILED, BROKEN_ATTEMPTS - 1):
                self._feed.mend_fault(self._home, "bronze", broken)
                self._ask(broken, MENDED)
        elif unchanged not in self._asked and standing.get((BRONZE, unchanged)) == (Progress.COMPLETED, 0):
            self._ask(unchanged, AGAIN)

    def _ask(self, date: str, reason: str) -> None:
        self._asked.add(date)
        stored = self._store.config(BRONZE)
        if stored.config is None:
            raise LocalStackError(f"The pipeline {BRONZE} cannot be rerun: {stored.problem}.")
        key = RunKey(BRONZE, stored.config.schedule_id, parse_execution_date(date))
        self._store.request_rerun(key, reason=reason, note=None, requested_at=datetime.now(UTC))
        self._say(f'[cyan]an operator asks:[/] interlock rerun {BRONZE} {date} --reason "{reason}"')

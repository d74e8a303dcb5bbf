"""Plays the operators: they fix a source and request two reruns, one that is needed and one that is not."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from interlock_lifecycle import RunKey
from interlock_lifecycle.reports import Progress
from interlock_local import LocalStackError
from interlock_local._terminal import Say
from interlock_local.demo._script import BROKEN_ATTEMPTS, BRONZE, Script
from interlock_local.demo._watch import Standing
from interlock_sla import parse_execution_date
from interlock_store import Store

FIXED = "source fixed"
AGAIN = "just to be sure"


class Operators:
    """The operators, who react to alerts. Each call of `act` takes the actions that are due. Call it often."""

    def __init__(
        self,
        script: Script,
        feed: ModuleType,
        home: Path,
        store: Store,
        say: Say,
        as_called: Callable[[str], str] = str,
    ) -> None:
        self._script = script
        self._feed = feed
        self._home = home
        self._store = store
        self._say = say
        self._as_called = as_called
        self._requested: set[str] = set()

    @property
    def are_done(self) -> bool:
        """Whether both requests were written."""
        return len(self._requested) == 2

    def act(self, standing: Standing) -> None:
        """Fix the source of the hour that failed for good and request a rerun. Later request one that is not needed."""
        broken, unchanged = self._script.broken, self._script.unchanged
        if broken not in self._requested:
            if standing.get((BRONZE, broken)) == (Progress.FAILED, BROKEN_ATTEMPTS - 1):
                self._feed.remove_fault(self._home, "bronze", broken)
                self._request(broken, FIXED)
        elif unchanged not in self._requested and standing.get((BRONZE, unchanged)) == (Progress.COMPLETED, 0):
            self._request(unchanged, AGAIN)

    def _request(self, date: str, reason: str) -> None:
        self._requested.add(date)
        stored = self._store.config(BRONZE)
        if stored.config is None:
            raise LocalStackError(f"The pipeline {BRONZE} cannot be rerun: {stored.problem}.")
        key = RunKey(BRONZE, stored.config.schedule_id, parse_execution_date(date))
        self._store.request_rerun(key, reason=reason, note=None, requested_at=datetime.now(UTC))
        command = self._as_called(f"interlock rerun {BRONZE} {date}")
        self._say(("cyan", "an operator runs:"), f' {command} --reason "{reason}"')

"""Acts on committed rows: an execution for each trigger row, the bus for each event row; safe to repeat."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from interlock_controller._bus import BusEntry
from interlock_lifecycle import (
    MarkStarted,
    Run,
    RunKey,
    decide_started,
    execution_input,
    execution_name,
    needs_start,
    refuse_config,
)
from interlock_store import Commit, Store, StoredConfig

_TRIES = 5


class Bus(Protocol):
    """Where events go."""

    def publish(self, entries: Sequence[BusEntry]) -> None:
        """Put all entries on the bus, or raise."""


class ExecutionStarter(Protocol):
    """What starts executions by name."""

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None:
        """Start an execution; one of that name that exists already is success."""


class Contended(Exception):
    """The same row kept changing under the decision; whoever called tries again later."""


class Outbox:
    """The acting half of "decide, commit, act" (behaviour.md §1)."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        executions: ExecutionStarter,
        *,
        now: Callable[[], datetime],
        execution_timeout: timedelta,
    ) -> None:
        self._store = store
        self._bus = bus
        self._executions = executions
        self._now = now
        self._execution_timeout = execution_timeout

    def start_run(self, key: RunKey) -> Run | None:
        """Start the execution of a date's trigger row if that is still to be done; the run that was started.

        The row and the config are read anew. A config that may not run closes the run instead, unless its job may
        have been started already: what runs is followed.
        """
        for _ in range(_TRIES):
            run = self._store.run(key)
            if run is None or not needs_start(run, run.run_token):
                return None
            stored = self._store.config(key.pipeline_id)
            if run.job_intent is None and (stored.config is None or stored.config.dry_run):
                if self._refuse(run, stored):
                    return None
                continue
            arrived_at = self._store.arrived_at(key)
            wire = execution_input(run, stored.config, arrived_at, self._execution_timeout)
            self._executions.start(execution_name(run), wire)
            if self._mark_started(run):
                return run
        raise Contended(f"{key}: the trigger row changed {_TRIES} times while it was being started")

    def _refuse(self, run: Run, stored: StoredConfig) -> bool:
        why = stored.problem or "the pipeline is now a dry run"
        decision = refuse_config(run, why, self._store.sla(run.key), stored.config, self._now())
        return self._store.commit(decision) is Commit.COMMITTED

    def _mark_started(self, run: Run) -> bool:
        decision = decide_started(run, run.run_token, now=self._now(), execution_timeout=self._execution_timeout)
        if not isinstance(decision, MarkStarted):
            return True
        # A fence says that the orchestrator recorded it first, or that the run moved on: both are settled.
        return self._store.commit(decision) is not Commit.STALE

    def relay(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put the events of outbox rows on the bus, in order, then delete the rows.

        A crash in between sends them again under the same ids.
        """
        self._bus.publish([BusEntry(str(row["detailType"]), str(row["detail"])) for row in rows])
        for row in rows:
            self._store.forget_event(row["PK"], row["SK"])

"""Recovers interrupted work: committed rows without action, dead executions, runs past their lease."""

import json
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from interlock_controller._close_facts import gather_close_facts
from interlock_controller.effects import MISSING, Outbox, Wakes
from interlock_controller.records import RerunIntake
from interlock_controller.watch._workers import WorkerPool
from interlock_lifecycle import Announce, CloseRun, RecoverRun, Run, RunKey, execution_name
from interlock_lifecycle.events import EventType, make_event, owner_detail
from interlock_lifecycle.reruns import report_rejections
from interlock_lifecycle.runs import (
    ExecutionEnded,
    Exhaustion,
    decide_recovery,
    exhaust,
    is_backlog,
    keeps_slot,
    report_backlog,
)
from interlock_sla import SlaError, parse_execution_date
from interlock_store import Commit, Store, key_of_row, read_counter, read_rerun_request, read_run, startable_run
from interlock_telemetry import get_logger

_log = get_logger(__name__)

MAX_PROBES = 100
"""The most executions that one tick looks at."""

_WAKE_GRACE = timedelta(seconds=10)
"""The time in which an execution looks by itself after the end of its wait, and in which a wake is sent."""

_RELAY_BATCH = 50
_COUNTERS = "MARKER#rerun-rejected#"
_ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", MISSING})


class ExecutionStatus(Protocol):
    """Reads the status of an execution."""

    def status(self, name: str) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED, PENDING_REDRIVE or MISSING."""


def _read_input(text: str | None) -> tuple[RunKey, str] | None:
    """The run and the token in an execution's input, or None if the input names no run.

    An event may lack the input, and an operator may start an execution by hand. Such an execution concerns no run, or
    a run that the next tick finds.
    """
    try:
        given = json.loads(text or "")
        return RunKey(given["pipelineId"], given["scheduleId"], parse_execution_date(given["date"])), given["runToken"]
    except (ValueError, KeyError, TypeError, SlaError) as error:
        _log.warning("execution_of_no_run", problem=f"{type(error).__name__}: {error}")
        return None


_LONGEST_LEASE = timedelta(days=400)
"""The longest lease. An execution lasts a year at most. A later end is corrupted, and would block the date for ever."""


def _is_expired(run: Run, now: datetime) -> bool:
    if not run.is_running or run.lease_until is None:
        return False
    return not now <= run.lease_until <= now + _LONGEST_LEASE


class Recovery:
    """The recovering checks of a tick."""

    def __init__(
        self,
        store: Store,
        outbox: Outbox,
        reruns: RerunIntake,
        executions: ExecutionStatus,
        wakes: Wakes,
        *,
        execution_timeout: timedelta,
        pending_grace: timedelta,
        probe_after: timedelta,
        workers: WorkerPool | None = None,
    ) -> None:
        """`pending_grace` is the time that a committed row may wait for the stream. `probe_after` is the age of a
        started run at which its execution is probed first.
        """
        self._store = store
        self._outbox = outbox
        self._reruns = reruns
        self._executions = executions
        self._wakes = wakes
        self._execution_timeout = execution_timeout
        self._pending_grace = pending_grace
        self._probe_after = probe_after
        self._workers = workers or WorkerPool()
        self._turn: int | None = None

    def pending(self, now: datetime) -> int:
        """Act on every committed row that has waited for longer than the grace. The result is the number of rows."""
        rows = self._store.pending(now - self._pending_grace)
        events = [row for row in rows if row["SK"].startswith("EVENT#")]
        batches = [events[start : start + _RELAY_BATCH] for start in range(0, len(events), _RELAY_BATCH)]
        triggers = [row for row in rows if row["SK"].startswith("TRIGGER#")]
        requests = [row for row in rows if row["SK"].startswith("RERUN_REQUEST#")]
        acts: list[Callable[[], object]] = [partial(self._outbox.relay, batch) for batch in batches]
        is_late = is_backlog(len(rows))
        if is_late:
            self._store.commit(report_backlog(len(rows), now))
        acts += [partial(self._start, row, now, is_late=is_late) for row in triggers]
        acts += [partial(self._rerun, row, now) for row in requests]
        acts += [partial(self._report_rejections, row, now) for row in rows if row["SK"].startswith(_COUNTERS)]
        self._workers.do_all(acts)
        return len(rows)

    def _start(self, row: Mapping[str, Any], now: datetime, *, is_late: bool) -> None:
        key = key_of_row(row["PK"], row["SK"])
        waiting = self._store.run(key)
        if waiting is not None and _is_expired(waiting, now):
            # Its execution could never be started. The run must not block its date for ever.
            self._expire(waiting, now)
            return
        if is_late:
            run = self._outbox.start_run(key)
        else:
            run = self._outbox.start_run(key, before=lambda run: self._announce_start(run, now))
        if run is not None:
            _log.warning("backlog_started" if is_late else "run_started_late", run=str(run.key), attempt=run.attempt)

    def _announce_start(self, run: Run, now: datetime) -> None:
        """Report the start before it happens. After the start the row no longer waits, and no tick comes back to it."""
        config = self._store.config(run.key.pipeline_id).config
        event = make_event(
            EventType.TRIGGER_RECOVERED,
            run.key,
            now,
            source=f"pending {run.run_token}",
            attempt=run.attempt,
            run_token=run.run_token,
            message="committed but not started; the watchdog starts it",
            detail={"source": "watchdog", "runToken": run.run_token, **owner_detail(config)},
        )
        self._store.commit(
            Announce(run.key.pipeline_id, (event,), marker=f"recovered#{run.run_token}#{run.key.date}", at=now)
        )

    def _rerun(self, row: Mapping[str, Any], now: datetime) -> None:
        self._reruns.requested(read_rerun_request(row, now))

    def _report_rejections(self, row: Mapping[str, Any], now: datetime) -> None:
        """Report the rerun requests that were rejected in the last hour. A changed counter waits for the next tick."""
        counted = read_counter(row)
        if counted.after.count:
            config = self._store.config(counted.key.pipeline_id).config
            self._store.commit(report_rejections(counted, now, self._store.run_token(counted.key), config))
        else:
            self._store.unindex(row)

    def dead_executions(self, now: datetime) -> int:
        """Probe started runs older than `probe_after`, and recover a run whose execution ended outside of it.

        A recovered run continues under a new token. The result is the number of recovered or closed runs.
        """
        rows = self._store.running()
        # With more than MAX_PROBES rows each tick begins at the end of the one before. A new process begins at a
        # hashed place: a place in step with the clock would never reach some rows for some numbers of rows.
        if self._turn is None:
            self._turn = zlib.crc32(now.isoformat().encode())
        first = self._turn % len(rows) if len(rows) > MAX_PROBES else 0
        self._turn += MAX_PROBES
        chosen = (rows[first:] + rows[:first])[:MAX_PROBES]
        return sum(self._workers.do_all([partial(self._probe, row, now) for row in chosen]))

    def _probe(self, row: Mapping[str, Any], now: datetime) -> bool:
        run = read_run(row)
        is_old = run.started_at is not None and now - run.started_at > self._probe_after
        return is_old and self._recover(run, now)

    def _recover(self, run: Run, now: datetime) -> bool:
        status = self._executions.status(execution_name(run))
        if status not in _ENDED:
            return False
        return self.execution_ended(run, ExecutionEnded(status), now)

    def execution_changed(self, detail: Mapping[str, Any], now: datetime) -> bool:
        """Recover the run of an execution that ended (EventBridge's own event). The result is whether it was open."""
        if detail["status"] not in _ENDED:
            return False
        held = _read_input(detail.get("input"))
        run = self._store.run(held[0]) if held is not None else None
        if run is None or held is None or not run.is_held_by(held[1]):
            return False
        return self.execution_ended(run, ExecutionEnded(detail["status"]), now)

    def execution_ended(self, run: Run, ended: ExecutionEnded, now: datetime) -> bool:
        """Recover or close the run of an ended execution. The result is whether that was needed and committed."""
        facts = gather_close_facts(self._store, run.key)
        decision = decide_recovery(facts, run.run_token, ended, now=now, execution_timeout=self._execution_timeout)
        if not isinstance(decision, RecoverRun | CloseRun):
            return False
        committed = self._store.commit(decision) is Commit.COMMITTED
        _log.warning("execution_ended_outside", run=str(run.key), status=ended.status, committed=committed)
        return committed

    def overdue_waits(self, now: datetime) -> int:
        """Wake executions whose wait should have ended: by its own time, or by a recorded wake that was not sent.

        The result is their number.
        """
        overdue, strays = self._store.waits.overdue(now - _WAKE_GRACE)
        acts: list[Callable[[], object]] = [partial(self._wakes.send, wait) for wait in overdue]
        acts += [partial(self._store.unindex, row) for row in strays]
        self._workers.do_all(acts)
        return len(overdue)

    def stale_runs(self, now: datetime) -> int:
        """Close runs that are past their lease. The result is their number."""

        def close_expired(row: Mapping[str, Any]) -> bool:
            run = read_run(row)
            return _is_expired(run, now) and self._expire(run, now)

        return sum(self._workers.do_all([partial(close_expired, row) for row in self._store.running()]))

    def waiting_dates(self, now: datetime) -> int:
        """Start the oldest runs that wait for a slot or for a resume, if slots are free. The result is their number."""
        waiting: dict[str, list[Run]] = defaultdict(list)
        rows = self._store.waiting()
        placed = self._workers.attempt([partial(self._store.put_in_place, row) for row in rows])
        troubles = [one for one in placed if isinstance(one, Exception)]
        for row in rows:
            run = startable_run(row)
            if run is not None:
                waiting[run.key.pipeline_id].append(run)
        chosen = self._workers.do_all([partial(self._startable, name, runs, now) for name, runs in waiting.items()])
        done = self._workers.attempt([partial(self._outbox.start_run, key) for keys in chosen for key in keys])
        troubles += [one for one in done if isinstance(one, Exception)]
        if troubles:
            raise ExceptionGroup(f"{len(troubles)} waiting runs could not be started", troubles)
        return sum(run is not None for run in done)

    def _startable(self, pipeline_id: str, runs: list[Run], now: datetime) -> list[RunKey]:
        """The runs that have a slot already, and the oldest of the others that may start now. Without a limit all.

        During a pause only runs with a job start, since their job is followed.
        """
        if self._outbox.is_paused(pipeline_id):
            return [run.key for run in runs if run.job_intent is not None]
        taken = self._store.free_stale_slots(pipeline_id, now)
        free = self._outbox.free_slots(pipeline_id)
        under_way = [run.key for run in runs if keeps_slot(run) or run.key in taken]
        others = [run.key for run in runs if run.key not in under_way]
        return [*under_way, *(others if free is None else others[: max(free, 0)])]

    def _expire(self, run: Run, now: datetime) -> bool:
        reason = f"no end was seen before the lease ran out at {run.lease_until:%Y-%m-%dT%H:%M:%SZ}"
        if run.lease_until is not None and run.lease_until > now:
            reason = f"the row of the run is corrupted: its lease would end at {run.lease_until:%Y-%m-%dT%H:%M:%SZ}"
        decision = exhaust(
            gather_close_facts(self._store, run.key), run.run_token, Exhaustion.LEASE, reason=reason, now=now
        )
        return isinstance(decision, CloseRun) and self._store.commit(decision) is Commit.COMMITTED

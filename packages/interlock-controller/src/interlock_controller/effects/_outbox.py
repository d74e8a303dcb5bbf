"""Acts on committed rows, safely repeatable: starts an execution per trigger row, puts each event row on the bus."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from interlock_config import PipelineConfig
from interlock_controller._settling import OVERTAKEN, Overtaken, decide_until_settled
from interlock_controller.effects._bus import PERMANENT_CODES, BusEntry, BusError, MalformedEvent
from interlock_dlq import OUTBOX, LogRouter, Router, make_letter
from interlock_lifecycle import MarkStarted, Run, RunKey, WaitForSlot, execution_name
from interlock_lifecycle.rows import report_corrupted
from interlock_lifecycle.runs import (
    decide_paused,
    decide_slot,
    decide_started,
    execution_input,
    keeps_slot,
    needs_start,
    reject_config,
)
from interlock_store import Commit, RunContext, Store
from interlock_telemetry import bind_run, get_logger, past_span

_log = get_logger(__name__)


class Bus(Protocol):
    """The event bus."""

    def publish(self, entries: Sequence[BusEntry]) -> None:
        """Put all entries on the bus. Raises BusError with the entries that it did not take."""


class ExecutionStarter(Protocol):
    """Starts executions by name."""

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None:
        """Start an execution. An existing execution of that name counts as success."""


class Outbox:
    """The acting half of "decide, commit, act" (docs/reference/runs.md §1)."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        executions: ExecutionStarter,
        *,
        now: Callable[[], datetime],
        execution_timeout: timedelta,
        dead_letters: Router | None = None,
    ) -> None:
        """`dead_letters` keeps the events that the bus can never take. The default is the log, with the whole event."""
        self._store = store
        self._dead_letters = dead_letters or LogRouter()
        self._bus = bus
        self._executions = executions
        self._now = now
        self._execution_timeout = execution_timeout

    def start_run(self, key: RunKey, *, before: Callable[[Run], None] = lambda run: None) -> Run | None:
        """Start the execution of a date's trigger row if it has not started. The result is the run that was started.

        The row and the config are read again. `before` commits the events of the start right before the start. After
        a crash in between, the next call does both again. A config that may not run closes the run, unless the run
        has a job intent: a job that may run is followed. A run of a paused pipeline waits.
        """
        return decide_until_settled(lambda: self._start_once(key, before), subject=f"start of {key}")

    def _start_once(self, key: RunKey, before: Callable[[Run], None]) -> Run | Overtaken | None:
        known = self._store.run_context(key)
        run, stored = known.run, known.config
        if run is None or not needs_start(run, run.run_token):
            return None
        if run.job_intent is None and (stored.config is None or stored.config.dry_run):
            return None if self._reject(run, known) else OVERTAKEN
        waits = decide_paused(run, stored.pause, self._now()) or self._slot(run, stored.config)
        if waits is not None:
            return None if self._wait(waits) else OVERTAKEN
        wire = execution_input(run, stored.config, known.sla.arrived_at, self._execution_timeout)
        before(run)
        self._executions.start(execution_name(run), wire)
        self._trace_start(run, known.sla.arrived_at)
        return run if self._mark_started(run) else OVERTAKEN

    def _trace_start(self, run: Run, arrived_at: datetime | None) -> None:
        """Export the first span of the date's trace: from the arrival of its data to its first execution."""
        if run.attempt:
            return
        key = run.key
        with bind_run(key.pipeline_id, key.schedule_id, str(key.date)):
            since = run.committed_at if arrived_at is None else min(arrived_at, run.committed_at)
            past_span("date", since, self._now(), reason=str(run.reason))

    def start_waiting(self, pipeline_id: str) -> None:
        """Start the oldest runs of a pipeline that wait for a slot, after one of its dates was closed."""
        self._start_oldest(pipeline_id, _STARTED_PER_CLOSE)

    def start_after_edit(self, pipeline_id: str) -> None:
        """Start the oldest runs of a pipeline that wait, after its CONFIG row was changed: its pause may be over.

        The watchdog starts the others.
        """
        self._start_oldest(pipeline_id, _STARTED_PER_EDIT)

    def _start_oldest(self, pipeline_id: str, most: int) -> None:
        for key in self._store.waiting_runs(pipeline_id, most):
            self.start_run(key)

    def is_paused(self, pipeline_id: str) -> bool:
        """Whether a pipeline is paused now."""
        pause = self._store.config(pipeline_id).pause
        return pause is not None and pause.holds(self._now())

    def free_slots(self, pipeline_id: str) -> int | None:
        """The number of dates of a pipeline that may start now. None without a limit, or without a usable config."""
        limit = _limit(self._store.config(pipeline_id).config)
        return None if not limit else limit - len(self._store.open_dates(pipeline_id, limit))

    def _slot(self, run: Run, config: PipelineConfig | None) -> WaitForSlot | None:
        """The wait of a run without a slot. The runs that wait are read only if half of the slots are taken.

        The list of slots ends at the limit. Only then the slot of the date itself is read by its key.
        """
        limit = _limit(config)
        if not limit or keeps_slot(run):
            return None
        pipeline_id = run.key.pipeline_id
        open_dates = self._store.open_dates(pipeline_id, limit)
        free = limit - len(open_dates)
        is_close = 2 * len(open_dates) >= limit
        oldest = self._store.waiting_runs(pipeline_id, free) if free > 0 and is_close else []
        has_slot = free <= 0 and self._store.has_slot(run.key)
        return decide_slot(run, limit, open_dates, oldest, has_slot=has_slot)

    def _wait(self, decision: WaitForSlot) -> bool:
        """Note that the run waits for a slot or a resume. A run that waits already is not written again."""
        if decision.run.waits_for_slot:
            return True
        commit = self._store.commit(decision)
        _log.info("run_waits_to_start", run=str(decision.run.key), commit=str(commit))
        return commit is Commit.COMMITTED

    def _reject(self, run: Run, known: RunContext) -> bool:
        why = known.config.problem or "the pipeline is now a dry run"
        decision = reject_config(run, why, known.sla, known.config.config, self._now())
        return self._store.commit(decision) is Commit.COMMITTED

    def _mark_started(self, run: Run) -> bool:
        decision = decide_started(run, run.run_token, now=self._now(), execution_timeout=self._execution_timeout)
        if not isinstance(decision, MarkStarted):
            return True
        # A fenced commit is settled: the orchestrator recorded the start first, or the run moved on.
        return self._store.commit(decision) is not Commit.STALE

    def relay(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put the events of outbox rows on the bus, in order, then delete the rows.

        After a crash in between, the events are sent again under the same ids. An event that the bus can never take
        becomes a dead letter before its row is deleted. Raises BusError if the bus rejects some events for now. The
        rows of these events stay.
        """
        lost = [(row, lack) for row in rows if (lack := _lack(row))]
        whole = [row for row in rows if not _lack(row)]
        rejected, trouble = self._publish(whole)
        lost += [(whole[at], code) for at, code in sorted(rejected.items()) if code in PERMANENT_CODES]
        self._store.forget_events([row for at, row in enumerate(whole) if at not in rejected])
        for row, why in lost:
            self._bury(row, why)
            if _lack(row):
                self._report(row, why)
            self._store.forget_events([row])
        if trouble is not None and not PERMANENT_CODES.issuperset(rejected.values()):
            raise trouble

    def _publish(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Mapping[int, str], BusError | None]:
        """The code of each row that the bus rejected, by its place, and the error."""
        try:
            self._bus.publish([BusEntry(str(row["detailType"]), str(row["detail"])) for row in rows])
        except BusError as error:
            if not error.rejected:
                raise
            return error.rejected, error
        return {}, None

    def _report(self, row: Mapping[str, Any], why: str) -> None:
        """Report an incomplete row. An event that the bus rejects is not reported, since its report may be rejected."""
        effect = "The row is a dead letter, and its event is not emitted"
        owner = str(row["PK"]).removeprefix("PIPELINE#")
        self._store.commit(report_corrupted(owner, str(row["SK"]), why, effect, self._now()))

    def _bury(self, row: Mapping[str, Any], why: str) -> None:
        letter = make_letter(row, MalformedEvent(why), source=OUTBOX, now=self._now(), correlation_id=row["SK"])
        self._dead_letters.route(letter)
        _log.warning("event_dead_lettered", pk=row["PK"], sk=row["SK"], reason=letter.reason)


_STARTED_PER_CLOSE = 2
"""The runs that are started after a close: one for its slot, and one for a slot that an earlier close left free."""


_STARTED_PER_EDIT = 10
"""The runs that are started after a change of a CONFIG row."""


def _limit(config: PipelineConfig | None) -> int:
    """The number of dates that may be under way at once. 0 without a limit."""
    return 0 if config is None else config.schedule.max_open_dates


def _lack(row: Mapping[str, Any]) -> str:
    """The missing parts of an outbox row, or an empty text if the row is complete."""
    missing = [name for name in ("detailType", "detail") if name not in row]
    return f"its row has no {' and no '.join(missing)}" if missing else ""

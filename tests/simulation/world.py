"""The whole system under a virtual clock: one queue of acts, and the parts that do them."""

import heapq
import itertools
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from msgspec import Struct
from simulation.faults import Change, Crash, Fault, Faults, FaultyTables, Rows
from simulation.invariants import Checks
from simulation.job_events import JobEvents
from simulation.jobs import Job, JobBoard
from simulation.ledger import Ledger
from simulation.parts import Sandbox
from simulation.services import Bus, Executions, Timers, Watchdog
from simulation.streams import Record, Streams
from simulation.truths import UNDATED, Truth

from interlock_config import PipelineConfig
from interlock_controller.watch import run_tick
from interlock_dlq import DeadLetter
from interlock_lifecycle import CorruptedRun, JobEntry, RunKey, RunStatus
from interlock_sla import Calendar, parse_execution_date
from interlock_store import Store, TableNames, pipeline_pk, read_trigger
from interlock_store._rows import entry_row, run_sk
from interlock_store._write import Delete, Put
from interlock_triggers import State

_T = TypeVar("_T")

INVOCATION = timedelta(minutes=5)
"""The longest invocation of a Lambda."""
_MOST_NESTED = 2
_MOST_SKEW_MS = 300


def is_half_written(row: Mapping[str, Any] | None) -> bool:
    """Whether a trigger row cannot be read."""
    if row is None or not str(row["SK"]).startswith("TRIGGER#"):
        return False
    return isinstance(read_trigger(row), CorruptedRun)


class _Frame(Struct, frozen=True):
    """An invocation: its begin, the time at which it is killed, and its run token."""

    began: datetime
    ends: datetime
    actor: str | None


class World:
    """The services, two streams, a state machine service, timers and a watchdog, in one queue.

    `store` reads the tables without faults. Services read them through `tables`.
    """

    def __init__(
        self, seed: int, *, fault_rate: float = 0.0, start: datetime | None = None, tick: timedelta | None = None
    ) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.now = start or datetime(2026, 3, 27, tzinfo=UTC)
        self.tick = tick or timedelta(minutes=5)
        self.names = TableNames.of_environment("sim")
        self.faults = Faults(self.rng, fault_rate)
        self.rows, self.tables = self._storage()
        self.store = Store(self.rows, self.names)
        self.jobs, self.job_events = JobBoard(self), JobEvents(self)
        self.bus, self.executions, self.timers = Bus(self), Executions(self), Timers(self)
        self.dead_letters: list[tuple[Record, DeadLetter]] = []
        self.buried: list[DeadLetter] = []
        """The dead letters of events that the bus can never take."""
        self.truth = UNDATED
        """The truth of the row that is being written."""
        self.ledger = Ledger(self)
        self.checks = Checks(self)
        self.jobs.on_accept = self.checks.job_starts
        self.on_event: Callable[[str, Mapping[str, Any]], None] = lambda event_type, detail: None
        """The receivers of each delivered event."""
        self.streams = Streams(self, self.checks.handled)
        self._queue: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._frames: list[_Frame] = []
        self._sandboxes = [self._boot() for _ in range(3)]
        Watchdog(self)

    def _storage(self) -> tuple[Rows, Any]:
        """The rows themselves, and the tables with faults for the services."""
        rows = Rows(self._committed, lambda: self.now)
        return rows, FaultyTables(rows, self.faults, self.let_others_run)

    # --- the clock ---------------------------------------------------------------------------------------

    def at(self, when: datetime, act: Callable[[], None]) -> None:
        """Schedule an act for a moment."""
        heapq.heappush(self._queue, (max(when, self.now), next(self._order), act))

    def run_until(self, end: datetime) -> None:
        """Let time pass. The first broken invariant ends the story."""
        while self._queue and self._queue[0][0] <= end:
            self._next()
            self.checks.waits.moment()
            self.checks.raise_broken()
        self.now = max(self.now, end)

    def _next(self) -> None:
        when, _, act = heapq.heappop(self._queue)
        self.now = max(self.now, when)
        act()

    def let_others_run(self, span: timedelta | None = None) -> None:
        """Let other acts happen between two steps of an invocation. The invocation may be out of time afterwards.

        Without a `span`, a random number of acts happens.
        """
        if len(self._frames) > _MOST_NESTED:
            return
        latest = self.now + (span if span is not None else timedelta(minutes=6))
        left = self.rng.randint(1, 12) if span is None else 10_000
        while left and self._queue and self._queue[0][0] <= latest:
            self._next()
            left -= 1
        if span is not None:
            self.now = max(self.now, latest)
        if self._frames and self.now >= self._frames[-1].ends:
            self.faults.count[Fault.TIMED_OUT] += 1
            raise Crash

    # --- invocations -------------------------------------------------------------------------------------

    def sandbox(self) -> Sandbox:
        """A process for the next invocation, warm or cold."""
        at = self.rng.randrange(len(self._sandboxes))
        if self.faults.strikes(Fault.COLD_START):
            self._sandboxes[at] = self._boot()
        return self._sandboxes[at]

    def _boot(self) -> Sandbox:
        most = _MOST_SKEW_MS if self.faults.active else 0
        return Sandbox(self, timedelta(milliseconds=self.rng.randint(-most, most)))

    def invoke(self, act: Callable[[], _T], actor: str | None = None) -> _T:
        """Act as one invocation of a Lambda. `actor` is its run token."""
        self._frames.append(_Frame(self.now, self.now + INVOCATION, actor))
        try:
            return act()
        finally:
            self._frames.pop()

    @property
    def invocation(self) -> "_Frame":
        """The present invocation."""
        return self._frames[-1] if self._frames else _Frame(self.now, self.now + INVOCATION, None)

    def run_tick(self, sandbox: Sandbox) -> None:
        """Run one tick of the watchdog."""
        run_tick(sandbox.checks, self.bus, sandbox.now())

    # --- rows --------------------------------------------------------------------------------------------

    def _committed(self, changes: list[Change]) -> None:
        """Pass a complete transaction to the ledger and the checks, then to the streams.

        A half-written trigger row is no run for the ledger and the checks.
        """
        seen = [(key, None if is_half_written(before) else before, after) for key, before, after in changes]
        seen = [change for change in seen if not is_half_written(change[2])]
        self.ledger.note(seen)
        self.checks.transaction(seen)
        for key, _, after in changes:
            self.streams.changed(key, after)

    # --- the outside world -------------------------------------------------------------------------------

    def push(self, config: PipelineConfig) -> None:
        """Write a pipeline's config."""
        self.store.put_config(config)

    def write_config(self, pipeline_id: str, text: str | None) -> None:
        """Write a CONFIG row's text unchanged. None deletes the row."""
        pk = pipeline_pk(pipeline_id)
        if text is None:
            return self.rows.transact([Delete(self.names.control, pk, "CONFIG")])
        row = {"PK": pk, "SK": "CONFIG", "config": text, "GSI1PK": "CONFIG", "GSI1SK": pipeline_id}
        return self.rows.transact([Put(self.names.control, row)])

    def put_calendar(self, calendar: Calendar) -> None:
        """Write a named calendar."""
        self.store.put_calendar(calendar)

    def sense(self, pipeline_id: str, key: str, truth: Truth, **fields: Any) -> None:
        """Write a sensor row with its writer's knowledge of the date."""
        self.truth = truth
        self.store.put_sensor(pipeline_id, key, fields)
        self.truth = UNDATED

    def rerun(self, key: RunKey, *, requested_at: datetime | None = None) -> None:
        """Request a rerun as an operator."""
        self.store.request_rerun(key, reason="manual", note=None, requested_at=requested_at or self.now)

    def write_row(self, pk: str, sk: str, **fields: Any) -> None:
        """Write any row of the control table, valid or not."""
        self.rows.transact([Put(self.names.control, {"PK": pk, "SK": sk, **fields})])

    def write_unless_there(self, pk: str, sk: str, **fields: Any) -> None:
        """Write a row of the control table that does not exist yet."""
        if self.rows.get(self.names.control, pk, sk) is None:
            self.write_row(pk, sk, **fields)

    def spoil_rerun(self, pk: str, sk: str, **fields: Any) -> None:
        """Write a row of the rerun table with a reason and no other readable field."""
        if self.rows.get(self.names.rerun, pk, sk) is None:
            self.rows.transact([Put(self.names.rerun, {"PK": pk, "SK": sk, "reason": "manual", **fields})])

    def report_outcome(self, entry: JobEntry) -> None:
        """Write a joblog row as an external process."""
        self.rows.transact([Put(self.names.joblog, entry_row(entry))])

    def report(self, job: Job) -> None:
        """Write the outcome of a job that only reports to the joblog."""
        failed = job.kind.status.state is not State.SUCCEEDED
        attempt, category = job.attempt, job.kind.status.category
        key = RunKey(attempt.pipeline_id, attempt.schedule_id, parse_execution_date(attempt.date))
        event = "fail" if failed else "success"
        self.report_outcome(
            JobEntry(key, self.now, event, run_id=job.run_id, category=str(category) if category else None)
        )

    # --- looking at it -----------------------------------------------------------------------------------

    def events_of(self, pipeline_id: str, date: str | None = None) -> list[str]:
        """The distinct events delivered about a pipeline, or one of its dates, in order."""
        found: dict[str, str] = {}
        for event_type, detail in self.bus.delivered:
            if detail["pipelineId"] == pipeline_id and date in (None, detail.get("date")):
                found.setdefault(detail["id"], event_type)
        return list(found.values())

    def is_quiet(self) -> bool:
        """Whether no row waits, no run is open, and the streams are read to their ends."""
        waiting = any(shard.waiting for shards in self.streams.shards.values() for shard in shards)
        return not waiting and not self.store.pending(self.now) and not self.store.running()

    def trigger_row(self, key: RunKey) -> Mapping[str, Any] | None:
        """A date's trigger row."""
        return self.rows.get(self.names.control, pipeline_pk(key.pipeline_id), run_sk("TRIGGER", key))

    def cursor_row(self, check: str) -> Put:
        """The cursor row of a check of the watchdog, to be restored."""
        row = self.rows.get(self.names.control, "WATCHDOG", f"MARKER#cursor#{check}")
        assert row is not None
        return Put(self.names.control, row)

    def is_running(self, key: RunKey) -> bool:
        """Whether the date's run is not closed."""
        row = self.trigger_row(key)
        return row is not None and row["status"] == str(RunStatus.RUNNING)

"""The whole system under a virtual clock: real services over the in-memory twin, with faults between lines."""

import heapq
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from simulation.machine import ORCHESTRATOR, Execution, TaskFailed, load_definition

from interlock_config import PipelineConfig
from interlock_controller import AlertDesk, BusEntry, JobDesk, Outbox, RerunDesk, SensorDesk
from interlock_lifecycle import RunKey, Timer, timer_input
from interlock_orchestrator.handler import take
from interlock_orchestrator.request import read_request
from interlock_orchestrator.steps import Desk
from interlock_sla import parse_execution_date
from interlock_sla_monitor.monitor import Monitor
from interlock_store import ConfigCache, MemoryTables, Store, TableNames
from interlock_store._write import Item, Write
from interlock_stream_router.configs import ConfigWatch
from interlock_stream_router.record import Change
from interlock_stream_router.router import Router
from interlock_triggers import (
    Attempt,
    Capability,
    Category,
    OutcomeUnknown,
    Started,
    StartRefused,
    State,
    Status,
)
from interlock_watchdog.recovery import Recovery
from interlock_watchdog.tick import TickFailed, run_tick

TIMEOUT = timedelta(hours=4)
TICK = timedelta(minutes=5)
INVOCATION = timedelta(minutes=5)
NAMES = TableNames.of_environment("sim")
MACHINE = load_definition()


class Crash(BaseException):
    """The process died here. Nothing catches it but the world."""


class Faults:
    """Where and how often things go wrong; off once `active` is False."""

    def __init__(self, rng: random.Random, rate: float) -> None:
        self._rng = rng
        self._rate = rate
        self.active = rate > 0
        self.count = 0

    def strikes(self, share: float = 1.0) -> bool:
        """Whether a fault happens here."""
        if not self.active or self._rng.random() >= self._rate * share:
            return False
        self.count += 1
        return True

    def around(self, act: Callable[[], Any]) -> Any:
        """Do something, dying before or after it."""
        if self.strikes(0.5):
            raise Crash
        result = act()
        if self.strikes(0.5):
            raise Crash
        return result


class FaultyTables(MemoryTables):
    """The twin, on which every transaction may be the last thing that a process does."""

    def __init__(
        self,
        faults: Faults,
        on_change: Callable[[Any, Item | None, Item | None], None],
        others: Callable[[], None],
    ) -> None:
        super().__init__(on_change)
        self._faults = faults
        self._others = others

    def transact(self, writes: Sequence[Write]) -> None:
        """All writes or none; perhaps others run between the caller's reads and this, perhaps a crash."""
        if self._faults.strikes():
            self._others()
        self._faults.around(lambda: super(FaultyTables, self).transact(writes))


class JobBoard:
    """A job target that cannot deduplicate but be asked, or neither; it remembers every start it accepted."""

    def __init__(self, world: "World", *, findable: bool) -> None:
        self._world = world
        self._findable = findable
        self.accepted: list[tuple[Attempt, datetime]] = []
        self._ends: dict[str, tuple[datetime, bool]] = {}
        self._unknowable: set[str] = set()

    def capability(self, job_type: str) -> Capability:
        """Neither keys nor, unless findable, questions."""
        return Capability(deduplicates=False, findable=self._findable, synchronous=False)

    def start(self, job_type: str, config: Mapping[str, Any], attempt: Attempt, *, until: datetime) -> Started:
        """Start a job; some starts are refused, some answers are lost."""
        faults = self._world.faults
        if attempt.resumed and self._findable and attempt.key in self._ends:
            return Started(job_type, attempt.key, None, {})
        if faults.strikes():
            raise StartRefused(Category.TRANSIENT, "throttled", job_type)
        self._check_start(attempt)
        self.accepted.append((attempt, self._world.now))
        succeeds = self._world.rng.random() >= self._world.failure_rate
        slow = self._world.rng.random() < self._world.outlasting
        ends_at = self._world.now + timedelta(seconds=7200 if slow else self._world.rng.randint(30, 900))
        self._ends[attempt.key] = (ends_at, succeeds)
        if faults.strikes():
            if self._findable:
                raise Crash
            self._unknowable.add(attempt.key)
            raise OutcomeUnknown(Category.TRANSIENT, "the answer was lost", job_type)
        return Started(job_type, attempt.key, None, {})

    def _check_start(self, attempt: Attempt) -> None:
        """Invariants (a) and (b): the rules held at the recorded instant, and no earlier job of the date still runs."""
        key = RunKey(attempt.pipeline_id, attempt.schedule_id, parse_execution_date(attempt.date))
        run = self._world.store.run(key)
        if run is None or run.evaluated_at is None:
            raise AssertionError(f"(a) {key}: a job starts although nothing was recorded as safe")
        for earlier, _ in self.accepted:
            same = (earlier.pipeline_id, earlier.date) == (attempt.pipeline_id, attempt.date)
            if same and earlier.key not in self._unknowable and self._ends[earlier.key][0] > self._world.now:
                raise AssertionError(f"(b) {key}: attempt {attempt.number} starts while {earlier.number} still runs")

    def check(self, job_type: str, config: Mapping[str, Any], started: Started, *, until: datetime) -> Status:
        """How the job is by the virtual clock."""
        ends_at, succeeds = self._ends[started.run_id]
        if self._world.now < ends_at:
            return Status(State.RUNNING, None)
        return Status(State.SUCCEEDED, None) if succeeds else Status(State.FAILED, Category.TRANSIENT, "bad luck")


class World:
    """Six Lambdas' worth of services, two streams, a state machine service, timers and a watchdog, in one queue."""

    def __init__(self, seed: int, *, fault_rate: float = 0.0, failure_rate: float = 0.0, findable: bool = True) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.now = datetime(2026, 3, 27, tzinfo=UTC)
        self.failure_rate = failure_rate
        self.outlasting = 0.05
        """Share of jobs that run for two hours, longer than they are followed."""
        self.faults = Faults(self.rng, fault_rate)
        self.tables = FaultyTables(self.faults, self._changed, self._let_others_run)
        self.store = Store(self.tables, NAMES)
        self.jobs = JobBoard(self, findable=findable)
        self.delivered: list[tuple[str, dict[str, Any]]] = []
        self.committed_events: dict[str, str] = {}
        self.executions: dict[str, Execution] = {}
        self.timers: dict[str, Timer] = {}
        self.dead_letters: list[Change] = []
        self._queue: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._stream: list[Change] = []
        self._stream_busy = False
        self._nested = False
        self._wire()
        self.at(self.now + TICK, self._tick)

    # --- the clock -------------------------------------------------------------

    def at(self, when: datetime, act: Callable[[], None]) -> None:
        """Do something at a moment."""
        heapq.heappush(self._queue, (max(when, self.now), next(self._order), act))

    def run_until(self, end: datetime) -> None:
        """Let time pass."""
        while self._queue and self._queue[0][0] <= end:
            when, _, act = heapq.heappop(self._queue)
            self.now = max(self.now, when)
            act()
        self.now = max(self.now, end)

    def _let_others_run(self) -> None:
        """What another Lambda does while this one is between its reads and its write."""
        if self._nested:
            return
        self._nested = True
        try:
            for _ in range(self.rng.randint(1, 12)):
                if not self._queue or self._queue[0][0] > self.now + timedelta(minutes=6):
                    break
                when, _, act = heapq.heappop(self._queue)
                self.now = max(self.now, when)
                act()
        finally:
            self._nested = False

    # --- wiring ----------------------------------------------------------------

    def _wire(self) -> None:
        store, clock = self.store, lambda: self.now
        self._outbox = Outbox(store, self, self, now=clock, execution_timeout=TIMEOUT)  # type: ignore[arg-type]
        reruns = RerunDesk(store, execution_timeout=TIMEOUT)
        cache = ConfigCache(store, clock)
        sensors = SensorDesk(store, cache, execution_timeout=TIMEOUT)
        jobs = JobDesk(store, cache)
        self._router = Router(self._outbox, ConfigWatch(store, cache), sensors, reruns, jobs)
        self._monitor = Monitor(store, self, AlertDesk(store, clock), clock)  # type: ignore[arg-type]
        self._recovery = Recovery(
            store,
            self._outbox,
            reruns,
            self,
            execution_timeout=TIMEOUT,
            pending_grace=timedelta(minutes=2),
            probe_after=TICK,
        )

    def _desk(self) -> Desk:
        return Desk(self.store, self.jobs, lambda: self.now, lambda: self.now + INVOCATION, TIMEOUT, {})

    # --- ports: bus, executions, timers ----------------------------------------

    def publish(self, entries: Sequence[BusEntry]) -> None:
        """The bus: delivers at least once."""

        def put() -> None:
            self.delivered.extend((entry.detail_type, msgspec.json.decode(entry.detail)) for entry in entries)

        self.faults.around(put)

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None:
        """Step Functions: a name is taken for good."""

        def begin() -> None:
            if name in self.executions:
                return
            execution = Execution(MACHINE, name, execution_input, self.now, self._invoke)
            self.executions[name] = execution
            self.at(self.now, lambda: self._step(execution))

        self.faults.around(begin)

    def status(self, name: str) -> str:
        """How an execution is."""
        return self.executions[name].status if name in self.executions else "MISSING"

    def create(self, key: RunKey, timer: Timer) -> None:
        """Scheduler: a timer fires at its moment, sometimes twice."""
        if timer.name in self.timers:
            return
        self.timers[timer.name] = timer
        if self.faults.strikes():
            return
        for _ in range(2 if self.faults.strikes() else 1):
            self.at(timer.at, lambda: self._fire(key, timer))

    def delete(self, timer: Timer) -> None:
        """Scheduler: the timer is gone."""
        self.timers.pop(timer.name, None)

    def _fire(self, key: RunKey, timer: Timer, tries: int = 0) -> None:
        if timer.name not in self.timers:
            return
        try:
            self._monitor.answer(timer_input(key, timer))
        except Crash:
            if tries < 5:
                self.at(self.now + timedelta(minutes=1), lambda: self._fire(key, timer, tries + 1))

    # --- executions ------------------------------------------------------------

    def _step(self, execution: Execution) -> None:
        if execution.status != "RUNNING":
            return
        if self.faults.strikes(0.02):
            execution.status = "ABORTED"
            return
        due = execution.step(self.now)
        if due is not None:
            self.at(due, lambda: self._step(execution))

    def _invoke(self, resource: str, event: dict[str, Any]) -> Any:
        try:
            if resource == ORCHESTRATOR:
                step = take(self._desk(), read_request(event))
                return msgspec.to_builtins(step)
            return self._monitor.answer(event)
        except Crash:
            raise TaskFailed("Lambda.Unknown", "the process died") from None
        except AssertionError:
            raise
        except Exception as error:
            raise TaskFailed("Runtime.HandlerError", f"{type(error).__name__}: {error}") from error

    # --- streams ---------------------------------------------------------------

    def _changed(self, key: tuple[str, str, str], before: Item | None, after: Item | None) -> None:
        table, pk, sk = key
        if table != NAMES.control:
            return
        if sk.startswith("EVENT#") and after is not None:
            self.committed_events[sk.removeprefix("EVENT#")] = str(after["detailType"])
        self._stream.append(Change(pk, sk, after, self.now.replace(microsecond=0)))
        if not self._stream_busy:
            self._stream_busy = True
            self.at(self.now, self._deliver)

    def _deliver(self) -> None:
        """One record at a time, in order; a record whose handling died is delivered again."""
        if not self._stream:
            self._stream_busy = False
            return
        change = self._stream[0]
        if change.sk.startswith(("TRIGGER#", "EVENT#")) and self.faults.strikes(0.3):
            self._stream.pop(0)
            self.at(self.now, self._deliver)
            return
        try:
            self._router.route(change)
        except Crash:
            self.at(self.now + timedelta(seconds=1), self._deliver)
            return
        except ValueError:
            self.dead_letters.append(change)
        if not self.faults.strikes(0.5):
            self._stream.pop(0)
        delay = timedelta(minutes=10) if self.faults.strikes(0.05) else timedelta()
        self.at(self.now + delay, self._deliver)

    # --- the watchdog ----------------------------------------------------------

    def _tick(self) -> None:
        checks = {
            "pending": self._recovery.pending,
            "dead-executions": self._recovery.dead_executions,
            "stale-runs": self._recovery.stale_runs,
        }
        try:
            run_tick(checks, self, self.now)
        except (Crash, TickFailed):
            if not self.faults.active:
                raise
        self.at(self.now + TICK, self._tick)

    # --- the outside world -----------------------------------------------------

    def push(self, config: PipelineConfig) -> None:
        """Write a pipeline's config."""
        self._surely(lambda: self.store.put_config(config))

    def rerun(self, key: RunKey) -> None:
        """An operator asks for another attempt."""
        self._surely(lambda: self.store.request_rerun(key, reason="manual", note=None, requested_at=self.now))

    def sense(self, pipeline_id: str, key: str, **fields: Any) -> None:
        """Write a sensor row."""
        self._surely(lambda: self.store.put_sensor(pipeline_id, key, fields))

    def _surely(self, act: Callable[[], None]) -> None:
        active, self.faults.active = self.faults.active, False
        act()
        self.faults.active = active

    def starts_of(self, key: RunKey) -> list[Attempt]:
        """The starts that the target accepted for a date."""
        return [
            attempt
            for attempt, _ in self.jobs.accepted
            if (attempt.pipeline_id, attempt.schedule_id, attempt.date)
            == (key.pipeline_id, key.schedule_id, str(key.date))
        ]

    def events_of(self, pipeline_id: str) -> list[str]:
        """The distinct events delivered about a pipeline, in order."""
        seen: set[str] = set()
        found = []
        for event_type, detail in self.delivered:
            if detail["pipelineId"] == pipeline_id and detail["id"] not in seen:
                seen.add(detail["id"])
                found.append(event_type)
        return found

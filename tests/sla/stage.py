"""One pipeline on a stage: the parts of the Lambdas over the in-memory twin, with a clock that only the test moves."""

import heapq
import itertools
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from simulation.job_events import DELAY, ended, has_events
from simulation.machine import ORCHESTRATOR, Execution, TaskFailed, end_wait, load_definition, schedule
from sla.lambdas import NAMES, TICK, TIMEOUT, Lambdas, NoLetters, make_parts

from interlock_config import decode_yaml
from interlock_controller.effects import BusEntry, NoTimers
from interlock_controller.watch import TickFailed
from interlock_dlq import Router as DeadLetters
from interlock_lifecycle import JobEntry, RunKey
from interlock_lifecycle.slas import Timer, timer_input
from interlock_sla import Calendar, ExecutionDate, parse_execution_date
from interlock_store import MemoryTables, Store, Tables
from interlock_store._rows import entry_row
from interlock_store._write import Put
from interlock_triggers import Attempt, Capability, Category, Started, State, Status, capability

MACHINE = load_definition()
PIPELINE = "p"
__all__ = ["NAMES", "PIPELINE", "TICK", "TIMEOUT", "Stage"]
_BATCH = 10
"""The number of records in a batch of the stream."""


class Jobs:
    """Jobs with planned ends. `plan` has an outcome and minutes for each start. The last entry repeats."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._started: list[tuple[datetime, Status]] = []
        self.plan: list[tuple[str, int]] = []
        self.on_start: Callable[[str, str, datetime], None] = lambda job_type, run_id, ends_at: None

    def capability(self, job_type: str) -> Capability:
        return capability(job_type)

    def start(
        self,
        job_type: str,
        config: Mapping[str, Any],
        attempt: Attempt,
        *,
        until: datetime,
        taken: Collection[str] = (),
    ) -> Started:
        outcome, minutes = self.plan[min(len(self._started), len(self.plan) - 1)]
        failed = Status(State.FAILED, Category.PERMANENT if outcome == "wrong" else Category.TRANSIENT, outcome)
        status = Status(State.SUCCEEDED, None) if outcome == "ok" else failed
        run_id, ends_at = str(len(self._started)), self._now() + timedelta(minutes=minutes)
        self._started.append((ends_at, status))
        self.on_start(job_type, run_id, ends_at)
        return Started(job_type, run_id)

    def check(
        self,
        job_type: str,
        config: Mapping[str, Any],
        started: Started,
        *,
        until: datetime,
        taken: Collection[str] = (),
    ) -> Status:
        ends_at, status = self._started[int(started.run_id)]
        return status if self._now() >= ends_at else Status(State.RUNNING, None)


class Timers:
    """Scheduler. `mood` decides whether timers that are created from now on fire in time, late, twice or never."""

    def __init__(self, stage: "Stage") -> None:
        self._stage = stage
        self.waiting: dict[str, Timer] = {}
        self.mood = "punctual"
        self.rejects = False

    def create(self, key: RunKey, timer: Timer) -> None:
        if self.rejects:
            raise ConnectionError("the quota of schedules is used up")
        if timer.name in self.waiting:
            return
        self.waiting[timer.name] = timer
        late = timedelta(minutes=10) if self.mood == "late" else timedelta()
        for _ in range({"dropped": 0, "doubled": 2}.get(self.mood, 1)):
            self._stage.at(timer.at + late, lambda: self._fire(key, timer))

    def delete(self, timer: Timer) -> None:
        self.waiting.pop(timer.name, None)

    def _fire(self, key: RunKey, timer: Timer) -> None:
        if self.waiting.get(timer.name) is timer:
            self._stage.lambdas.mind_sla(timer_input(key, timer))


class Stage:
    """The services, the stream, the state machine, Scheduler, the bus and the watchdog's rule around one pipeline."""

    kind: type[Lambdas] = Lambdas
    """The Lambdas: their parts alone, or with the handlers of the services."""

    def __init__(self, start: datetime, *, scheduler: bool = True, letters: DeadLetters | None = None) -> None:
        self.now = start
        self.reported: list[tuple[datetime, str, dict[str, Any]]] = []
        self.records: list[tuple[str, str, Mapping[str, Any] | None, datetime]] = []
        self.executions: dict[str, Execution] = {}
        self.awake = True
        self.router_is_up = True
        self._queue: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.tables = self.open_tables()
        self.store = Store(self.tables, NAMES)
        self.jobs = self.open_jobs()
        self.jobs.on_start = self._await_event
        self.timers = Timers(self)
        timers = self.timers if scheduler else NoTimers()
        self.lambdas = self.kind(make_parts(self.tables, self, self.jobs, timers, self.clock, letters or NoLetters()))
        self.at(start + TICK, self._tick)

    def open_tables(self) -> Tables:
        """The tables of the services. Each changed row goes to `_changed`."""
        return MemoryTables(self._changed)

    def open_jobs(self) -> Jobs:
        """The target of the jobs."""
        return Jobs(self.clock)

    def clock(self) -> datetime:
        return self.now

    # --- time --------------------------------------------------------------------------------------------

    def at(self, when: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (max(when, self.now), next(self._order), act))

    def run_until(self, end: datetime) -> None:
        self._drain()
        while self._queue and self._queue[0][0] <= end:
            when, _, act = heapq.heappop(self._queue)
            self.now = max(self.now, when)
            act()
            self._drain()
        self.now = end

    def _tick(self) -> None:
        self.at(self.now + TICK, self._tick)
        if not self.awake:
            return
        try:
            self.lambdas.tick()
        except TickFailed:
            # The failure is on the bus. The next tick tries again.
            return

    # --- the interfaces that the services need -------------------------------------------------------------

    def publish(self, entries: Sequence[BusEntry]) -> None:
        for entry in entries:
            self.reported.append((self.now, entry.detail_type, json.loads(entry.detail)))

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None:
        if name not in self.executions:
            self.executions[name] = Execution(MACHINE, name, execution_input, self.now, self._invoke)
            self._due(self.executions[name], self.now)

    def status(self, name: str) -> str:
        return self.executions[name].status if name in self.executions else "MISSING"

    def end_wait(self, token: str) -> bool:
        return end_wait(self.executions, token, lambda execution: self._due(execution, self.now))

    def _due(self, execution: Execution, at: datetime) -> None:
        schedule(execution, self.at, at, lambda: self._step(execution))

    def _step(self, execution: Execution) -> None:
        due = execution.step(self.now) if execution.status == "RUNNING" else None
        if due is not None and execution.status == "RUNNING":
            self._due(execution, due)

    def _invoke(self, resource: str, event: dict[str, Any]) -> Any:
        try:
            return self.lambdas.step(event) if resource == ORCHESTRATOR else self.lambdas.mind_sla(event)
        except Exception as error:
            raise TaskFailed("Runtime.HandlerError", f"{type(error).__name__}: {error}") from error

    def _changed(self, key: tuple[str, str, str], before: Any, after: Mapping[str, Any] | None) -> None:
        # The stream's filter drops quiet rows.
        if key[0] != NAMES.rerun and before != after and "quiet" not in (after or {}):
            self.records.append((key[1], key[2], after, self.now))

    def _drain(self) -> None:
        while self.records and self.router_is_up:
            batch = self.records[:_BATCH]
            del self.records[: self.lambdas.route(batch)]

    def _await_event(self, job_type: str, run_id: str, ends_at: datetime) -> None:
        if has_events(job_type):
            self.at(ends_at + DELAY, lambda: self._deliver(ended(job_type, run_id, ends_at)))

    def _deliver(self, message: dict[str, Any]) -> None:
        """The queue of job events delivers a message, again if the router is down."""
        if not self.router_is_up:
            return self.at(self.now + timedelta(minutes=1), lambda: self._deliver(message))
        answer = self.lambdas.deliver([message])
        assert answer == {"batchItemFailures": []}, answer
        return None

    # --- the actions of a test --------------------------------------------------------------------------------

    def push(self, text: str) -> None:
        self.store.put_config(decode_yaml(text, "p.yaml"))

    def close_days(self, *days: str) -> None:
        dates = frozenset(parse_execution_date(day).day for day in days)
        self.store.put_calendar(Calendar("closed", dates=dates))

    def sense(self, date: ExecutionDate, **fields: object) -> None:
        hour = {} if date.hour is None else {"hour": f"{date.hour:02}"}
        self.store.put_sensor(PIPELINE, f"ready#{date.compact}", {**fields, "date": f"{date.day}", **hour})

    def rerun(self, key: RunKey) -> None:
        self.store.request_rerun(key, reason="manual", note=None, requested_at=self.now)

    def report(self, key: RunKey, event: str) -> None:
        """An external process writes to the joblog."""
        self.tables.transact([Put(NAMES.joblog, entry_row(JobEntry(key, self.now, event)))])

    def abort(self) -> None:
        """An operator aborts the running executions, without notice to the watchdog."""
        for execution in self.executions.values():
            if execution.status == "RUNNING":
                execution.status = "ABORTED"

    def events(self) -> list[tuple[datetime, str, str]]:
        """Each event once: the time of its decision (UTC), its type and its date."""
        seen = {detail["id"]: (kind, detail) for _, kind, detail in self.reported}
        return [
            (datetime.fromisoformat(detail["timestamp"]).astimezone(UTC), kind, detail.get("date", ""))
            for kind, detail in seen.values()
        ]

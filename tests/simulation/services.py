"""The AWS services without the tables: the bus, Step Functions and Scheduler, with their permitted faults."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from simulation.faults import Crash, Fault
from simulation.machine import ORCHESTRATOR, Execution, TaskFailed, end_wait, load_definition, schedule

from interlock_controller.effects import BusEntry, BusError
from interlock_controller.runs import read_request, take_step
from interlock_controller.watch import TickFailed
from interlock_lifecycle import RunKey
from interlock_lifecycle.slas import Timer, timer_input

if TYPE_CHECKING:
    from simulation.world import World

MACHINE = load_definition()
_EXECUTION_TIMEOUT = timedelta(hours=4)


class Bus:
    """EventBridge: delivers at least once, and sometimes takes and reports only a part of a call."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.delivered: list[tuple[str, dict[str, Any]]] = []

    def publish(self, entries: Sequence[BusEntry]) -> None:
        """Deliver all entries, or a part and fail."""
        taken = entries
        if self._world.faults.strikes(Fault.BUS_REJECTED):
            taken = entries[: self._world.rng.randrange(len(entries))] if entries else entries
        self._world.faults.around(lambda: self._deliver(taken))
        if len(taken) < len(entries):
            raise BusError(["ThrottlingException"])

    def _deliver(self, entries: Sequence[BusEntry]) -> None:
        for entry in entries:
            detail = msgspec.json.decode(entry.detail)
            self.delivered.append((entry.detail_type, detail))
            self._world.checks.d_delivered(entry.detail_type, detail)
            self._world.on_event(entry.detail_type, detail)


class Executions:
    """Step Functions: a name is used once, and an execution may be aborted while its invocation continues."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.all: dict[str, Execution] = {}
        self._inputs: dict[str, str] = {}
        self.broken_off: dict[str, datetime] = {}
        """The times at which executions were aborted or timed out."""

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None:
        """Start an execution. An existing execution of that name counts as success."""

        def begin() -> None:
            if name not in self.all:
                self._inputs[name] = json.dumps(execution_input)
                self.all[name] = Execution(MACHINE, name, execution_input, self._world.now, self._invoke)
                self._due(self.all[name], self._world.now)

        self._world.faults.around(begin)

    def status(self, name: str) -> str:
        """The status of an execution."""
        return self.all[name].status if name in self.all else "MISSING"

    def abort(self, name: str) -> None:
        """Abort an execution. An invocation in progress continues."""
        self._end(self.all[name], "ABORTED")

    def end_wait(self, token: str) -> bool:
        """Let the execution behind a task token go on. The success may be lost with the process that sends it."""
        go_on = lambda execution: self._due(execution, self._world.now)  # noqa: E731
        return self._world.faults.around(lambda: end_wait(self.all, token, go_on))

    def _due(self, execution: Execution, at: datetime) -> None:
        schedule(execution, self._world.at, at, lambda: self._step(execution))

    def _step(self, execution: Execution) -> None:
        if execution.status != "RUNNING":
            return None
        if self._world.now > execution.started_at + _EXECUTION_TIMEOUT:
            return self._end(execution, "TIMED_OUT")
        if self._world.faults.strikes(Fault.ABORTED):
            # The abort may come during an invocation, which continues.
            soon = timedelta(milliseconds=self._world.rng.choice([0, 1, 90_000]))
            self._world.at(self._world.now + soon, lambda: self.abort(execution.name))
        due = execution.step(self._world.now)
        self._world.checks.waits.history(execution)
        if due is not None and execution.status == "RUNNING":
            self._due(execution, due)
        elif execution.status == "FAILED":
            self._report(execution)
        return None

    def _end(self, execution: Execution, status: str) -> None:
        if execution.status == "RUNNING":
            execution.status = status
            self.broken_off[execution.name] = self._world.now
            self._report(execution)

    def _report(self, execution: Execution) -> None:
        """EventBridge's rule on status changes invokes the watchdog, unless the event is lost."""
        if self._world.faults.strikes(Fault.STATUS_LOST):
            return
        detail = {"status": execution.status, "name": execution.name, "input": self._inputs[execution.name]}
        self._world.at(self._world.now + timedelta(seconds=1), lambda: self._hear(detail))

    def _hear(self, detail: dict[str, Any], tries: int = 0) -> None:
        world, sandbox = self._world, self._world.sandbox()
        try:
            world.invoke(lambda: sandbox.recovery.execution_changed(detail, sandbox.now()))
        except (Crash, Exception):  # noqa: BLE001 (the invocation is repeated after any error)
            if tries < 2:
                world.at(world.now + timedelta(minutes=1 + tries), lambda: self._hear(detail, tries + 1))

    def _invoke(self, resource: str, event: dict[str, Any]) -> Any:
        sandbox = self._world.sandbox()
        try:
            if resource == ORCHESTRATOR:
                step = self._world.invoke(lambda: take_step(sandbox.context(), read_request(event)), event["runToken"])
                return msgspec.to_builtins(step)
            return self._world.invoke(lambda: sandbox.monitor.answer(event))
        except Crash:
            raise TaskFailed("Lambda.Unknown", "the process died") from None
        except Exception as error:
            self._world.checks.h_invocation_failed(error)
            raise TaskFailed("Runtime.HandlerError", f"{type(error).__name__}: {error}") from error


class Timers:
    """EventBridge Scheduler: fires late, twice or never, and deletes an entry after it fired."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.set: dict[str, Timer] = {}
        self.live: set[str] = set()

    def create(self, key: RunKey, timer: Timer) -> None:
        """Make sure that the timer exists."""
        self._world.faults.around(lambda: self._create(key, timer))

    def _create(self, key: RunKey, timer: Timer) -> None:
        if timer.name in self.set:
            return
        self.set[timer.name] = timer
        world = self._world
        if world.faults.strikes(Fault.TIMER_DROPPED):
            return
        late = timedelta(minutes=world.rng.randint(1, 30)) if world.faults.strikes(Fault.TIMER_LATE) else timedelta()
        for _ in range(2 if world.faults.strikes(Fault.TIMER_DOUBLED) else 1):
            world.at(timer.at + late, lambda: self._fire(key, timer))

    def delete(self, timer: Timer) -> None:
        """Make sure that the timer does not exist."""
        self._world.faults.around(lambda: self.set.pop(timer.name, None))

    def _fire(self, key: RunKey, timer: Timer, tries: int = 0) -> None:
        if timer.name not in self.set:
            return
        world, sandbox = self._world, self._world.sandbox()
        try:
            world.invoke(lambda: sandbox.monitor.answer(timer_input(key, timer)))
        except (Crash, Exception):  # noqa: BLE001 (the invocation is repeated, also after TimerEarly)
            if tries < 2:
                world.at(world.now + timedelta(minutes=1 + tries), lambda: self._fire(key, timer, tries + 1))


class Watchdog:
    """The rule that invokes the watchdog. It sometimes misses a tick, or invokes twice."""

    def __init__(self, world: "World") -> None:
        self._world = world
        world.at(world.now + world.tick, self._tick)

    def _tick(self) -> None:
        world = self._world
        world.at(world.now + world.tick, self._tick)
        if world.faults.strikes(Fault.TICK_MISSED):
            return
        if world.faults.strikes(Fault.TICK_DOUBLED):
            world.at(world.now, self._look)
        self._look()

    def _look(self) -> None:
        world, sandbox = self._world, self._world.sandbox()
        began = world.now
        try:
            world.invoke(lambda: world.run_tick(sandbox))
        except (Crash, TickFailed, BusError) as failed:
            world.checks.h_tick_failed(failed)
        else:
            world.checks.f_tick_done(began)

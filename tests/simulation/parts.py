"""One process of every Lambda: the real services, wired as in production, with their own clock and config cache."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from simulation.streams import OutboxLetters

from interlock_controller.effects import Outbox, RowRepairs, Wakes
from interlock_controller.records import (
    ConfigIntake,
    JobEventIntake,
    OutcomeIntake,
    RecordRouter,
    RerunIntake,
    SensorIntake,
)
from interlock_controller.runs import StepContext
from interlock_controller.slas import SlaAlerts, SlaMonitor
from interlock_controller.watch import Check, Recovery, WorkerPool, all_checks
from interlock_store import ConfigCache, Overview, Store

if TYPE_CHECKING:
    from simulation.world import World

TIMEOUT = timedelta(hours=4)
GRACE = timedelta(minutes=2)


class Sandbox:
    """The services of one process. `skew` is the error of its clock."""

    def __init__(self, world: "World", skew: timedelta) -> None:
        self._world = world
        self._skew = skew
        store = Store(world.tables, world.names)
        letters = OutboxLetters(world)
        self.outbox = Outbox(
            store, world.bus, world.executions, now=self.now, execution_timeout=TIMEOUT, dead_letters=letters
        )
        reruns = RerunIntake(store, execution_timeout=TIMEOUT)
        cache = ConfigCache(store, self.now)
        wakes = Wakes(store, world.executions.end_wait, self.now)
        sensors = SensorIntake(store, cache, wakes, execution_timeout=TIMEOUT)
        repairs = RowRepairs(store, now=self.now, dead_letters=letters)
        self.router = RecordRouter(
            self.outbox,
            ConfigIntake(store, cache, wakes),
            sensors,
            reruns,
            OutcomeIntake(store, cache, wakes),
            repairs,
        )
        self.job_events = JobEventIntake(store, wakes)
        self.monitor = SlaMonitor(store, world.timers, SlaAlerts(store, self.now), self.now)
        self.recovery = Recovery(
            store,
            self.outbox,
            reruns,
            world.executions,
            wakes,
            execution_timeout=TIMEOUT,
            pending_grace=GRACE,
            probe_after=world.tick,
        )
        self._store = store
        self.checks: Mapping[str, Check] = all_checks(
            store,
            Overview(world.tables, world.names),
            self.recovery,
            world.timers,
            now=self.now,
            execution_timeout=TIMEOUT,
            workers=WorkerPool(),
            repairs=repairs,
        )

    def now(self) -> datetime:
        """The time by the clock of this process."""
        return self._world.now + self._skew

    def context(self) -> StepContext:
        """The context of an invocation of the orchestrator."""
        world = self._world
        return StepContext(self._store, world.jobs, world.executions.end_wait, self.now, self._until, TIMEOUT, {})

    def _until(self) -> datetime:
        return self._world.invocation.ends + self._skew - timedelta(milliseconds=500)

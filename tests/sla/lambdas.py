"""The four Lambda handlers around one pipeline: their entry points and all parts, wired to the stage's stand-ins.

Only each handler's `wire` (environment to objects) and `now` are replaced. In a deployment they give the clients of AWS
and the wall clock. All code between a handler's entry and its parts runs: the operator's requests (ping, profile), the
invocation's deadline, correlation, the batch's order and partial answers, dead letters, and the flush of telemetry.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any, Protocol

from simulation.job_events import QUEUE

from interlock_controller.effects import BusEntry, EndWait, Outbox, RowRepairs, Timers, Wakes
from interlock_controller.records import (
    ConfigIntake,
    JobEventIntake,
    OutcomeIntake,
    RecordRouter,
    RerunIntake,
    SensorInbox,
    SensorIntake,
)
from interlock_controller.runs import StepContext
from interlock_controller.slas import SlaAlerts, SlaMonitor
from interlock_controller.watch import Recovery, WorkerPool, all_checks
from interlock_dlq import DeadLetter
from interlock_dlq import Router as DeadLetters
from interlock_orchestrator import handler as orchestrator
from interlock_sla_monitor import handler as sla_monitor
from interlock_sla_monitor.wiring import Service as SlaService
from interlock_store import ConfigCache, Overview, Store, TableNames, Tables, to_wire
from interlock_stream_router import handler as stream_router
from interlock_stream_router.wiring import Service as RouterService
from interlock_telemetry import LambdaContext, LambdaEntry, environment
from interlock_triggers import Capability
from interlock_watchdog import handler as watchdog
from interlock_watchdog.wiring import Service as WatchdogService

NAMES = TableNames.of_environment("sla")
TIMEOUT = timedelta(hours=4)
TICK = timedelta(minutes=5)

_SETTINGS = environment([], source={"JOB_EVENTS_QUEUE_ARN": QUEUE})
_SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event"}


class Surroundings(Protocol):
    """The parts of AWS that the Lambdas call: the bus and the state machine."""

    def publish(self, entries: Sequence[BusEntry]) -> None: ...
    def start(self, name: str, execution_input: Mapping[str, Any]) -> None: ...
    def status(self, name: str) -> str: ...
    def end_wait(self, token: str) -> bool: ...


class Jobs(Protocol):
    """Starts jobs and polls them."""

    def capability(self, job_type: str) -> Capability: ...
    def start(
        self, job_type: str, config: Mapping[str, Any], attempt: Any, *, until: datetime, taken: Collection[str] = ()
    ) -> Any: ...
    def check(
        self, job_type: str, config: Mapping[str, Any], started: Any, *, until: datetime, taken: Collection[str] = ()
    ) -> Any: ...


class NoLetters:
    """A router that fails the test for any dead letter."""

    def route(self, letter: DeadLetter) -> None:
        raise AssertionError(f"a dead letter: {letter}")


class _OrchestratorService:
    """The orchestrator's service with the stage's clock in place of the wall clock."""

    settings = _SETTINGS
    health: Mapping[str, Callable[[], None]] = {}

    def __init__(self, store: Store, jobs: Jobs, end_wait: EndWait, now: Callable[[], datetime]) -> None:
        self._store, self._jobs, self._end_wait, self._now = store, jobs, end_wait, now

    def within(self, remaining: Callable[[], timedelta]) -> AbstractContextManager[None]:
        """No limit: the tables are in memory."""
        return nullcontext()

    def context(self, ends_at: datetime) -> StepContext:
        """The context of one invocation. `ends_at` is on the wall clock, so it is ignored here."""
        until = self._now() + timedelta(minutes=5)
        return StepContext(self._store, self._jobs, self._end_wait, self._now, lambda: until, TIMEOUT, {})


def _entry(
    work: Callable[[Any, dict[str, Any], LambdaContext | None], dict[str, Any]], service: Any
) -> LambdaEntry[Any]:
    """The entry point of a Lambda whose wiring made this service."""
    return LambdaEntry("sla-tests", lambda variables: service, work)


class Lambdas:
    """The entry points of stream-router, orchestrator, SLA monitor and watchdog."""

    def __init__(
        self,
        tables: Tables,
        around: Surroundings,
        jobs: Jobs,
        timers: Timers,
        now: Callable[[], datetime],
        letters: DeadLetters,
    ) -> None:
        store = Store(tables, NAMES)
        outbox = Outbox(
            store,
            around,
            around,  # type: ignore[arg-type]
            now=now,
            execution_timeout=TIMEOUT,
            dead_letters=letters,
        )
        wakes = Wakes(store, around.end_wait, now)
        reruns, workers, cache = RerunIntake(store, execution_timeout=TIMEOUT), WorkerPool(), ConfigCache(store, now)
        recovery = Recovery(
            store,
            outbox,
            reruns,
            around,  # type: ignore[arg-type]
            wakes,
            execution_timeout=TIMEOUT,
            pending_grace=timedelta(minutes=2),
            probe_after=TICK,
        )
        overview = Overview(tables, NAMES)
        checks = all_checks(store, overview, recovery, timers, now=now, execution_timeout=TIMEOUT, workers=workers)
        sensors = SensorIntake(store, cache, wakes, execution_timeout=TIMEOUT)
        repairs = RowRepairs(store, now=now, dead_letters=letters)
        configs, outcomes = ConfigIntake(store, cache, wakes), OutcomeIntake(store, cache, wakes)
        router = RecordRouter(outbox, configs, sensors, reruns, outcomes, repairs)
        monitor = SlaMonitor(store, timers, SlaAlerts(store, now), now)
        self._now = now
        self._records = 0
        self._stream_router = _entry(
            stream_router.route,
            RouterService(router, letters, SensorInbox(store), JobEventIntake(store, wakes), None, {}, _SETTINGS, now),
        )
        self._orchestrator = _entry(orchestrator.step, _OrchestratorService(store, jobs, around.end_wait, now))
        self._sla_monitor = _entry(sla_monitor.answer, SlaService(monitor, {}, _SETTINGS))
        service = WatchdogService(checks, recovery, around, workers, {}, _SETTINGS, now)  # type: ignore[arg-type]
        self._watchdog = _entry(watchdog.watch, service)

    def tick(self) -> None:
        """EventBridge's rate rule invokes the watchdog."""
        moment = self._now().isoformat()
        self._watchdog({**_SCHEDULED, "id": f"tick-{moment}", "time": moment})

    def step(self, event: dict[str, Any]) -> Any:
        """The state machine invokes the orchestrator."""
        return self._orchestrator(event)

    def mind_sla(self, event: Any) -> dict[str, Any]:
        """The state machine, or Scheduler, invokes the SLA monitor."""
        return dict(self._sla_monitor(dict(event)))

    def route(self, changes: Sequence[tuple[str, str, Mapping[str, Any] | None, datetime]]) -> int:
        """The stream delivers a batch of changed rows. Returns the number of accepted rows."""
        records = [self._record(*change) for change in changes]
        answer = self.deliver(records)
        failed = [one["itemIdentifier"] for one in answer["batchItemFailures"]]
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        return numbers.index(failed[0]) if failed else len(records)

    def deliver(self, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """A stream or a queue delivers a batch of records. Returns the partial batch response."""
        return dict(self._stream_router({"Records": [*records]}))

    def _record(self, pk: str, sk: str, row: Mapping[str, Any] | None, at: datetime) -> dict[str, Any]:
        self._records += 1
        body: dict[str, Any] = {
            "Keys": to_wire({"PK": pk, "SK": sk}),
            "SequenceNumber": f"{self._records:021}",
            "ApproximateCreationDateTime": at.timestamp(),
        }
        image = {} if row is None else {"NewImage": to_wire(row)}
        return {"eventID": f"e{self._records}", "eventSource": "aws:dynamodb", "dynamodb": {**body, **image}}

"""The parts of the four Lambdas of the loop around one pipeline, wired to the stage's stand-ins.

Each method is one invocation. Like the handler of its service, it reads the event, calls the part of
interlock-controller, and answers. `fuzz.handlers` puts the real handlers around the parts.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct, to_builtins

from interlock_controller.effects import BusEntry, EndWait, Outbox, RowRepairs, Timers, Wakes
from interlock_controller.records import (
    ConfigIntake,
    JobEventIntake,
    OutcomeIntake,
    RecordRouter,
    RerunIntake,
    SensorInbox,
    SensorIntake,
    event_runs,
    read_change,
)
from interlock_controller.runs import StepContext, read_request, take_step
from interlock_controller.slas import SlaAlerts, SlaMonitor
from interlock_controller.watch import Cause, Check, Recovery, WorkerPool, all_checks, run_tick
from interlock_dlq import DeadLetter, process_queue, process_stream
from interlock_dlq import Router as DeadLetters
from interlock_store import ConfigCache, Overview, Store, TableNames, Tables, to_wire
from interlock_triggers import Capability

NAMES = TableNames.of_environment("sla")
TIMEOUT = timedelta(hours=4)
TICK = timedelta(minutes=5)

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


class Parts(Struct, frozen=True):
    """The objects of interlock-controller that the Lambdas call. `letters`: the dead letters of the stream-router."""

    store: Store
    router: RecordRouter
    letters: DeadLetters
    inbox: SensorInbox
    job_events: JobEventIntake
    jobs: Jobs
    end_wait: EndWait
    monitor: SlaMonitor
    checks: Mapping[str, Check]
    recovery: Recovery
    workers: WorkerPool
    bus: Any
    now: Callable[[], datetime]

    def context(self) -> StepContext:
        """The context of an invocation of the orchestrator, which takes five minutes at most."""
        until = self.now() + timedelta(minutes=5)
        return StepContext(self.store, self.jobs, self.end_wait, self.now, lambda: until, TIMEOUT, {})


def make_parts(
    tables: Tables,
    around: Surroundings,
    jobs: Jobs,
    timers: Timers,
    now: Callable[[], datetime],
    letters: DeadLetters,
) -> Parts:
    """The parts over one set of tables and one clock."""
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
    return Parts(
        store=store,
        router=router,
        letters=letters,
        inbox=SensorInbox(store),
        job_events=JobEventIntake(store, wakes),
        jobs=jobs,
        end_wait=around.end_wait,
        monitor=monitor,
        checks=checks,
        recovery=recovery,
        workers=workers,
        bus=around,
        now=now,
    )


class Lambdas:
    """The invocations of stream-router, orchestrator, SLA monitor and watchdog."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._records = 0

    def watchdog(self, event: dict[str, Any]) -> Any:
        """Run every check."""
        moment = self.parts.now()
        return run_tick(self.parts.checks, self.parts.bus, moment, cause=Cause.of(event, moment))

    def orchestrator(self, event: dict[str, Any]) -> Any:
        """Take one step of a run."""
        return dict(to_builtins(take_step(self.parts.context(), read_request(event))))

    def sla_monitor(self, event: dict[str, Any]) -> dict[str, Any]:
        """Schedule, cancel, fire, calculate or reconcile the SLA of one date."""
        return self.parts.monitor.answer(event)

    def stream_router(self, event: dict[str, Any]) -> dict[str, Any]:
        """Route a batch of changed rows, or take a batch of job events. The answer is the partial batch response."""
        parts, records = self.parts, event["Records"]
        if records and records[0].get("eventSource") == "aws:sqs":
            return process_queue(records, parts.job_events.take, None, now=parts.now).response()
        parts.router.begin_batch(event_runs(records))

        def route_one(record: dict[str, Any]) -> None:
            parts.router.route(read_change(record))

        return process_stream(records, route_one, parts.letters, now=parts.now).response()

    def tick(self) -> None:
        """EventBridge's rate rule invokes the watchdog."""
        moment = self.parts.now().isoformat()
        self.watchdog({**_SCHEDULED, "id": f"tick-{moment}", "time": moment})

    def step(self, event: dict[str, Any]) -> Any:
        """The state machine invokes the orchestrator."""
        return self.orchestrator(event)

    def mind_sla(self, event: Any) -> dict[str, Any]:
        """The state machine, or Scheduler, invokes the SLA monitor."""
        return dict(self.sla_monitor(dict(event)))

    def route(self, changes: Sequence[tuple[str, str, Mapping[str, Any] | None, datetime]]) -> int:
        """The stream delivers a batch of changed rows. Returns the number of accepted rows."""
        records = [self._record(*change) for change in changes]
        answer = self.deliver(records)
        failed = [one["itemIdentifier"] for one in answer["batchItemFailures"]]
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        return numbers.index(failed[0]) if failed else len(records)

    def deliver(self, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """A stream or a queue delivers a batch of records. Returns the partial batch response."""
        return dict(self.stream_router({"Records": [*records]}))

    def _record(self, pk: str, sk: str, row: Mapping[str, Any] | None, at: datetime) -> dict[str, Any]:
        self._records += 1
        body: dict[str, Any] = {
            "Keys": to_wire({"PK": pk, "SK": sk}),
            "SequenceNumber": f"{self._records:021}",
            "ApproximateCreationDateTime": at.timestamp(),
        }
        image = {} if row is None else {"NewImage": to_wire(row)}
        return {"eventID": f"e{self._records}", "eventSource": "aws:dynamodb", "dynamodb": {**body, **image}}

"""Builds the watchdog's checks from the environment, once per process."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from interlock_controller.effects import (
    STATE_MACHINE,
    TIMER_VARIABLES,
    EventBus,
    Executions,
    Outbox,
    RowRepairs,
    TaskTokens,
    Wakes,
    dead_letters_of_environment,
    timers_of_environment,
)
from interlock_controller.records import RerunIntake
from interlock_controller.watch import Canary, Check, DeadMan, Recovery, WorkerPool, all_checks
from interlock_store import Overview, Store, TableNames, open_tables
from interlock_telemetry import (
    Settings,
    aws_client,
    duration,
    environment,
    instrument,
    pause,
    truth,
    url,
    zone_database,
)

SERVICE = "watchdog"

REQUIRED = (
    "CONTROL_TABLE",
    "JOBLOG_TABLE",
    "RERUN_TABLE",
    "EVENT_BUS_NAME",
    "STATE_MACHINE_ARN",
    "SLA_MONITOR_ARN",
    "SCHEDULER_ROLE_ARN",
    "SCHEDULER_GROUP_NAME",
)

_DAY = timedelta(days=1)
OWN = {
    **STATE_MACHINE,
    **TIMER_VARIABLES,
    "PENDING_GRACE": duration(timedelta(minutes=2), highest=_DAY),
    "PROBE_AFTER": duration(timedelta(minutes=5), highest=_DAY),
    "MISSED_AFTER": duration(timedelta(minutes=5), highest=_DAY),
    "DEAD_MAN_URL": url(),
    "WATCHDOG_CANARY": truth(True),
}
"""The ARNs that it uses, its times (docs/reference/watchdog.md §2), the monitor of its ticks, and the canary."""


_NOT_MONITORED = DeadMan(None)


def now() -> datetime:
    """The wall clock (UTC)."""
    return datetime.now(UTC)


_NO_CANARY = Canary(None, now=now)


class Service(Struct, frozen=True):
    """The checks of a tick, the recovery, the bus for failed checks, the worker pool, and the checks of a ping.

    within: limits the calls to the tables to the remaining time of an invocation. dead_man: the monitor of the ticks.
    canary: sends the canary of each completed tick.
    """

    checks: Mapping[str, Check]
    recovery: Recovery
    bus: EventBus
    workers: WorkerPool
    health: Mapping[str, Callable[[], object]]
    settings: Settings
    now: Callable[[], datetime] = now
    within: Callable[[Callable[[], timedelta]], AbstractContextManager[object]] = nullcontext
    dead_man: DeadMan = _NOT_MONITORED
    canary: Canary = _NO_CANARY


def wire(variables: Mapping[str, str]) -> Service:
    """Build the service. An error names all missing variables at once."""
    settings = environment(REQUIRED, own=OWN, source=variables)
    instrument(SERVICE, source=variables)
    names = TableNames(settings["CONTROL_TABLE"], settings["JOBLOG_TABLE"], settings["RERUN_TABLE"])
    tables = open_tables(settings.table_client, boto3_client=lambda: aws_client("dynamodb"), sleep=pause)
    store, workers = Store(tables, names), WorkerPool(settings.workers_per_stage)
    bus = EventBus(aws_client("events"), settings["EVENT_BUS_NAME"], sleep=pause)
    executions = Executions(aws_client("stepfunctions"), settings["STATE_MACHINE_ARN"])
    timeout = settings.sfn_timeout
    dead_letters = dead_letters_of_environment(settings, lambda: aws_client("sqs"))
    recovery = Recovery(
        store,
        Outbox(store, bus, executions, now=now, execution_timeout=timeout, dead_letters=dead_letters),
        RerunIntake(store, execution_timeout=timeout),
        executions,
        Wakes(store, TaskTokens(aws_client("stepfunctions")).end_wait, now),
        execution_timeout=timeout,
        pending_grace=settings.duration("PENDING_GRACE"),
        probe_after=settings.duration("PROBE_AFTER"),
        workers=workers,
    )
    timers = timers_of_environment(settings, lambda: aws_client("scheduler"))
    checks = all_checks(
        store,
        Overview(tables, names),
        recovery,
        timers,
        now=now,
        execution_timeout=timeout,
        workers=workers,
        missed_after=settings.duration("MISSED_AFTER"),
        repairs=RowRepairs(store, now=now, dead_letters=dead_letters),
    )
    dead_man = DeadMan(settings.get("DEAD_MAN_URL"))
    canary = Canary(bus if settings.truth("WATCHDOG_CANARY") else None, now=now)
    return Service(
        checks,
        recovery,
        bus,
        workers,
        {
            **store.pings(),
            "bus": bus.ping,
            "machine": executions.ping,
            "timers": timers.ping,
            "zones": zone_database,
        },
        settings,
        within=tables.within,
        dead_man=dead_man,
        canary=canary,
    )

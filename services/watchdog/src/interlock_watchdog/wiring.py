"""Builds the watchdog's checks from the environment, once per process."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import boto3
from msgspec import Struct

from interlock_controller.effects import (
    EventBus,
    Executions,
    Outbox,
    RowRepairs,
    dead_letters_of_environment,
    timers_of_environment,
)
from interlock_controller.records import RerunIntake
from interlock_controller.watch import Check, Recovery, WorkerPool, all_checks
from interlock_sla import parse_duration
from interlock_store import DynamoTables, Overview, Store, TableNames
from interlock_telemetry import Settings, environment, instrument

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

_OPTIONAL = {"PENDING_GRACE": "2m", "PROBE_AFTER": "5m", "MISSED_AFTER": "5m", "SCHEDULER_DLQ_ARN": None}
"""The watchdog's times (docs/reference/watchdog.md §2), and the queue for timers that Scheduler could not deliver."""


def now() -> datetime:
    """The wall clock (UTC)."""
    return datetime.now(UTC)


class Service(Struct, frozen=True):
    """The checks of a tick, the recovery, the bus for failed checks, the worker pool, and the checks of a ping."""

    checks: Mapping[str, Check]
    recovery: Recovery
    bus: EventBus
    workers: WorkerPool
    health: Mapping[str, Callable[[], None]]
    settings: Settings
    now: Callable[[], datetime] = now


def wire(variables: Mapping[str, str]) -> Service:
    """Build the service. An error names all missing variables at once."""
    settings = environment(REQUIRED, _OPTIONAL, source=variables)
    instrument(SERVICE, source=variables)
    names = TableNames(settings["CONTROL_TABLE"], settings["JOBLOG_TABLE"], settings["RERUN_TABLE"])
    tables = DynamoTables(boto3.client("dynamodb"))
    store, workers = Store(tables, names), WorkerPool(settings.workers_per_stage)
    bus = EventBus(boto3.client("events"), settings["EVENT_BUS_NAME"])
    executions = Executions(boto3.client("stepfunctions"), settings["STATE_MACHINE_ARN"])
    timeout = settings.sfn_timeout
    dead_letters = dead_letters_of_environment(settings, lambda: boto3.client("sqs"))
    recovery = Recovery(
        store,
        Outbox(store, bus, executions, now=now, execution_timeout=timeout, dead_letters=dead_letters),
        RerunIntake(store, execution_timeout=timeout),
        executions,
        execution_timeout=timeout,
        pending_grace=parse_duration(settings["PENDING_GRACE"]),
        probe_after=parse_duration(settings["PROBE_AFTER"]),
        workers=workers,
    )
    checks = all_checks(
        store,
        Overview(tables, names),
        recovery,
        timers_of_environment(settings, lambda: boto3.client("scheduler")),
        now=now,
        execution_timeout=timeout,
        workers=workers,
        missed_after=parse_duration(settings["MISSED_AFTER"]),
        repairs=RowRepairs(store, now=now, dead_letters=dead_letters),
    )
    return Service(checks, recovery, bus, workers, {"control": store.ping}, settings)

"""Builds the SLA monitor from the environment, once per process."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import boto3
from msgspec import Struct

from interlock_controller.effects import timers_of_environment
from interlock_controller.slas import SlaAlerts, SlaMonitor
from interlock_store import DynamoTables, Store, TableNames
from interlock_telemetry import Settings, environment, instrument

SERVICE = "sla-monitor"

REQUIRED = (
    "CONTROL_TABLE",
    "JOBLOG_TABLE",
    "RERUN_TABLE",
    "EVENT_BUS_NAME",
    "SLA_MONITOR_ARN",
    "SCHEDULER_ROLE_ARN",
    "SCHEDULER_GROUP_NAME",
)


class Service(Struct, frozen=True):
    """The SLA monitor, the checks of a ping, and the settings."""

    monitor: SlaMonitor
    health: Mapping[str, Callable[[], None]]
    settings: Settings


def now() -> datetime:
    """The wall clock (UTC)."""
    return datetime.now(UTC)


def wire(variables: Mapping[str, str]) -> Service:
    """Build the service. An error names all missing variables at once."""
    settings = environment(REQUIRED, ["SCHEDULER_DLQ_ARN"], source=variables)
    instrument(SERVICE, source=variables)
    names = TableNames(settings["CONTROL_TABLE"], settings["JOBLOG_TABLE"], settings["RERUN_TABLE"])
    store = Store(DynamoTables(boto3.client("dynamodb")), names)
    monitor = SlaMonitor(
        store, timers_of_environment(settings, lambda: boto3.client("scheduler")), SlaAlerts(store, now), now
    )
    return Service(monitor, {"control": store.ping}, settings)

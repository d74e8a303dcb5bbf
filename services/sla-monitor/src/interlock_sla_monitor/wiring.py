"""Builds the SLA monitor from the environment, once per process."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from interlock_controller.effects import TIMER_VARIABLES, timers_of_environment
from interlock_controller.slas import SlaAlerts, SlaMonitor
from interlock_store import Store, TableNames, open_tables
from interlock_telemetry import Settings, aws_client, environment, instrument, pause, zone_database

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
    """The SLA monitor, the checks of a ping, and the settings.

    within: limits the calls to the tables to the remaining time of an invocation.
    """

    monitor: SlaMonitor
    health: Mapping[str, Callable[[], object]]
    settings: Settings
    within: Callable[[Callable[[], timedelta]], AbstractContextManager[object]] = nullcontext


def now() -> datetime:
    """The wall clock (UTC)."""
    return datetime.now(UTC)


def wire(variables: Mapping[str, str]) -> Service:
    """Build the service. An error names all missing variables at once."""
    settings = environment(REQUIRED, own=TIMER_VARIABLES, source=variables)
    instrument(SERVICE, source=variables)
    names = TableNames(settings["CONTROL_TABLE"], settings["JOBLOG_TABLE"], settings["RERUN_TABLE"])
    tables = open_tables(settings.table_client, boto3_client=lambda: aws_client("dynamodb"), sleep=pause)
    store = Store(tables, names)
    timers = timers_of_environment(settings, lambda: aws_client("scheduler"))
    monitor = SlaMonitor(store, timers, SlaAlerts(store, now), now)
    health = {**store.pings(), "timers": timers.ping, "zones": zone_database}
    return Service(monitor, health, settings, tables.within)

"""From the environment to the orchestrator's desk, once per process."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import boto3
from msgspec import Struct

from interlock_orchestrator.steps import Desk, Jobs
from interlock_store import DynamoTables, Store, TableNames
from interlock_telemetry import Settings, environment, instrument
from interlock_triggers import Breakers, Clients, Triggers

SERVICE = "orchestrator"

REQUIRED = ("CONTROL_TABLE", "JOBLOG_TABLE", "RERUN_TABLE", "EVENT_BUS_NAME")
_OPTIONAL = {"INTERLOCK_TRIGGER_ALLOWED_HOSTS": ""}

_CLOSING_TIME = timedelta(seconds=5)
"""What an invocation keeps of its time for writing down what a job's start was answered."""


class Service(Struct, frozen=True):
    """What every invocation shares; `desk` makes the desk of one invocation from its remaining time."""

    store: Store
    jobs: Jobs
    execution_timeout: timedelta
    variables: Mapping[str, str]
    health: Mapping[str, Callable[[], None]]
    settings: Settings

    def desk(self, ends_at: datetime) -> Desk:
        """The desk of an invocation that ends at `ends_at` (UTC)."""
        return Desk(
            store=self.store,
            jobs=self.jobs,
            now=now,
            until=lambda: ends_at - _CLOSING_TIME,
            execution_timeout=self.execution_timeout,
            environment=self.variables,
        )


def now() -> datetime:
    """The wall clock (UTC)."""
    return datetime.now(UTC)


def wire(variables: Mapping[str, str]) -> Service:
    """Build the service; missing variables are named all at once."""
    settings = environment(REQUIRED, _OPTIONAL, source=variables)
    instrument(SERVICE, source=variables)
    names = TableNames(settings["CONTROL_TABLE"], settings["JOBLOG_TABLE"], settings["RERUN_TABLE"])
    store = Store(DynamoTables(boto3.client("dynamodb")), names)
    health = {"control": store.ping}
    return Service(store, _jobs(settings, variables), settings.sfn_timeout, variables, health, settings)


def _jobs(settings: Settings, variables: Mapping[str, str]) -> Triggers:
    breakers = Breakers(trip_after=settings.cb_trip_after, timeout=settings.cb_timeout.total_seconds())
    allowed = settings["INTERLOCK_TRIGGER_ALLOWED_HOSTS"]
    return Triggers(Clients(allowed_hosts=allowed, environment=variables, breakers=breakers))

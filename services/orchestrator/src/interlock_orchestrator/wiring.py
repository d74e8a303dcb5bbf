"""Builds the orchestrator's service from the environment, once per process."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol

from msgspec import Struct

from interlock_controller.effects import EndWait, TaskTokens
from interlock_controller.runs import Jobs, StepContext
from interlock_store import Store, TableNames, open_tables
from interlock_telemetry import (
    InvalidEnvironment,
    Metric,
    Settings,
    aws_client,
    environment,
    instrument,
    measure,
    pause,
    zone_database,
)
from interlock_triggers import AllowListError, Breakers, Clients, SecretStore, Triggers

SERVICE = "orchestrator"

REQUIRED = ("CONTROL_TABLE", "JOBLOG_TABLE", "RERUN_TABLE", "EVENT_BUS_NAME")
_ALLOWED = "INTERLOCK_TRIGGER_ALLOWED_HOSTS"
_OPTIONAL = {_ALLOWED: ""}

_CLOSING_TIME = timedelta(seconds=5)
"""The time at the end of an invocation for recording the answer to a job's start."""


_BREAKER_STATES = {"closed": 0, "half-open": 1, "open": 2}
"""The values of a breaker's gauge, by state."""


class Service(Struct, frozen=True):
    """The objects that all invocations share. `context` makes the context of one invocation.

    within: limits the calls to the tables to the remaining time of an invocation.
    """

    store: Store
    jobs: Jobs
    end_wait: EndWait
    execution_timeout: timedelta
    variables: Mapping[str, str]
    health: Mapping[str, Callable[[], object]]
    settings: Settings
    unreadable_secrets: Callable[[Mapping[str, Any]], Sequence[str]]
    within: Callable[[Callable[[], timedelta]], AbstractContextManager[object]] = nullcontext

    def context(self, ends_at: datetime) -> StepContext:
        """The context of an invocation that ends at `ends_at` (UTC)."""
        return StepContext(
            store=self.store,
            jobs=self.jobs,
            end_wait=self.end_wait,
            now=now,
            until=lambda: ends_at - _CLOSING_TIME,
            execution_timeout=self.execution_timeout,
            environment=self.variables,
            has_job_events=self.settings.job_events,
            unreadable_secrets=self.unreadable_secrets,
        )


def now() -> datetime:
    """The wall clock (UTC)."""
    return datetime.now(UTC)


class Measure(Protocol):
    """Takes measurements: interlock_telemetry's `measure`, or its stand-in in tests."""

    def __call__(self, metric: Metric, value: float, **attributes: str) -> None:
        """Set a gauge."""


def wire(variables: Mapping[str, str], measured: Measure = measure) -> Service:
    """Build the service. An error names all missing variables at once."""
    settings = environment(REQUIRED, _OPTIONAL, source=variables)
    instrument(SERVICE, source=variables)
    names = TableNames(settings["CONTROL_TABLE"], settings["JOBLOG_TABLE"], settings["RERUN_TABLE"])
    tables = open_tables(settings.table_client, boto3_client=lambda: aws_client("dynamodb"), sleep=pause)
    store = Store(tables, names)
    health = {**store.pings(), "zones": zone_database}
    jobs = _jobs(settings, variables, measured)
    end_wait = TaskTokens(aws_client("stepfunctions")).end_wait
    unreadable = jobs.clients.secrets.unreadable
    return Service(store, jobs, end_wait, settings.sfn_timeout, variables, health, settings, unreadable, tables.within)


def _jobs(settings: Settings, variables: Mapping[str, str], measured: Measure) -> Triggers:
    breakers = Breakers(
        trip_after=settings.cb_trip_after,
        timeout=settings.cb_timeout.total_seconds(),
        on_change=lambda host, state: measured(Metric.BREAKER_STATE, _BREAKER_STATES[state], target=host),
    )
    allowed, secrets = settings[_ALLOWED], SecretStore(_secret_reader())
    try:
        return Triggers(Clients(allowed_hosts=allowed, environment=variables, breakers=breakers, secrets=secrets))
    except AllowListError as error:
        raise InvalidEnvironment((), (f"{_ALLOWED} is {allowed!r}: {error}",)) from None


def _secret_reader() -> Callable[[str], str]:
    """Reads the text of a secret by its name or its ARN. Each region has one client, made on first use."""

    @cache
    def client(region: str | None) -> Any:
        return aws_client("secretsmanager", region=region, reserve=_CLOSING_TIME)

    def read(name: str) -> str:
        region = name.split(":")[3] if name.startswith("arn:") else None
        return str(client(region).get_secret_value(SecretId=name).get("SecretString", ""))

    return read

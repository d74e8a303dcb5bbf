"""Builds the objects of the stream-router from the environment, once per process."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from interlock_controller.effects import (
    STATE_MACHINE,
    EventBus,
    Executions,
    Outbox,
    RowRepairs,
    TaskTokens,
    Wakes,
    dead_letters_of_environment,
    queue_of,
)
from interlock_controller.records import (
    ConfigIntake,
    JobEventIntake,
    OutcomeIntake,
    RecordRouter,
    RerunIntake,
    SensorInbox,
    SensorIntake,
)
from interlock_dlq import Router as DeadLetters
from interlock_store import ConfigCache, Store, TableNames, open_tables
from interlock_telemetry import Settings, arn, aws_client, environment, instrument, pause, url, zone_database

SERVICE = "stream-router"

REQUIRED = ("CONTROL_TABLE", "JOBLOG_TABLE", "RERUN_TABLE", "STATE_MACHINE_ARN", "EVENT_BUS_NAME")
_OWN = {**STATE_MACHINE, "SENSOR_INBOX_DLQ_URL": url(), "JOB_EVENTS_QUEUE_ARN": arn("sqs")}


_WAKES_AT_A_TIME = 8
"""A row without a date wakes all runs of its pipeline, and its record has the time of one invocation."""


def now() -> datetime:
    """The wall clock (UTC)."""
    return datetime.now(UTC)


class Service(Struct, frozen=True):
    """The stream-router's objects: the router of records, the sensor inbox, the job events, the checks of a ping.

    dead_letters, inbox_dead_letters: the queues of records and of messages that can never be processed. Without
    `inbox_dead_letters`, such messages stay in the inbox, whose redrive policy keeps them.
    within: limits the calls to the tables to the remaining time of an invocation.
    """

    router: RecordRouter
    dead_letters: DeadLetters
    inbox: SensorInbox
    job_events: JobEventIntake
    inbox_dead_letters: DeadLetters | None
    health: Mapping[str, Callable[[], object]]
    settings: Settings
    now: Callable[[], datetime] = now
    within: Callable[[Callable[[], timedelta]], AbstractContextManager[object]] = nullcontext


def wire(variables: Mapping[str, str]) -> Service:
    """Build the service. An error names all missing variables at once."""
    settings = environment(REQUIRED, own=_OWN, source=variables)
    instrument(SERVICE, source=variables)
    names = TableNames(settings["CONTROL_TABLE"], settings["JOBLOG_TABLE"], settings["RERUN_TABLE"])
    tables = open_tables(settings.table_client, boto3_client=lambda: aws_client("dynamodb"), sleep=pause)
    store = Store(tables, names)
    timeout = settings.sfn_timeout
    executions = Executions(aws_client("stepfunctions"), settings["STATE_MACHINE_ARN"])
    wakes = Wakes(store, TaskTokens(aws_client("stepfunctions")).end_wait, now, parallel=_WAKES_AT_A_TIME)
    bus = EventBus(aws_client("events"), settings["EVENT_BUS_NAME"], sleep=pause)
    cache = ConfigCache(store, now)
    dead_letters = dead_letters_of_environment(settings, lambda: aws_client("sqs"))
    router = RecordRouter(
        outbox=Outbox(store, bus, executions, now=now, execution_timeout=timeout, dead_letters=dead_letters),
        configs=ConfigIntake(store, cache, wakes),
        sensors=SensorIntake(store, cache, wakes, execution_timeout=timeout),
        reruns=RerunIntake(store, execution_timeout=timeout),
        jobs=OutcomeIntake(store, cache, wakes),
        repairs=RowRepairs(store, now=now, dead_letters=dead_letters),
    )
    health = {**store.pings(), "bus": bus.ping, "machine": executions.ping, "zones": zone_database}
    inbox_letters = _inbox_dead_letters(settings)
    job_events = JobEventIntake(store, wakes)
    inbox = SensorInbox(store)
    return Service(router, dead_letters, inbox, job_events, inbox_letters, health, settings, within=tables.within)


def _inbox_dead_letters(settings: Settings) -> DeadLetters | None:
    """The queue at SENSOR_INBOX_DLQ_URL, which is only set with an inbox."""
    url = settings.get("SENSOR_INBOX_DLQ_URL")
    if not url:
        return None
    return queue_of(settings, url, aws_client("sqs"))

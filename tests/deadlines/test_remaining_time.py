"""A server that accepts and never answers: each Lambda ends within the remaining time of its invocation.

Without tables, nothing answers. With tables, only DynamoDB answers. The work of the invocation ends in the normal
failure of its source: a record of a batch is delivered again, or Lambda or Step Functions retries an error.
"""

import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import pytest
from deadlines.surroundings import (
    ACCOUNT,
    EVENTS,
    KEYS,
    NAMES,
    REGION,
    Context,
    answering_tables,
    silent_server,
    store_at,
)
from msgspec import Struct

from interlock_lifecycle import RunKey
from interlock_lifecycle.runs import open_run
from interlock_sla import parse_execution_date
from interlock_store import Store, to_wire

LEFT = 3.0
"""The seconds that each invocation has left."""
MARGIN = 7.0
"""The seconds after the time limit at which a test fails. A call without a limit takes at least 12 seconds."""

HOUR = timedelta(hours=1)
KEY = RunKey("bronze", "stream", parse_execution_date("2026-03-03"))
RUN = {"pipelineId": "bronze", "scheduleId": "stream", "date": "2026-03-03"}
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:slack"
VARIABLES = {
    **KEYS,
    "CONTROL_TABLE": NAMES.control,
    "JOBLOG_TABLE": NAMES.joblog,
    "RERUN_TABLE": NAMES.rerun,
    "EVENTS_TABLE": EVENTS,
    "EVENTS_TTL_DAYS": "90",
    "EVENT_BUS_NAME": "bus",
    "STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:machine",
    "SLA_MONITOR_ARN": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sla-monitor",
    "SCHEDULER_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/timers",
    "SCHEDULER_GROUP_NAME": "test-interlock-sla",
    "SLACK_CHANNEL_ID": "C1",
    "NO_PROXY": "127.0.0.1",
}

Event = dict[str, Any]


class Situation(Struct, frozen=True):
    """An invocation: the Lambda, its event, and further variables. The tables answer if `has_tables`.

    `event` makes the event, from the store if there are tables. `end` is the expected end: the record is "returned",
    the invocation "raises", a ping is "degraded", or the work is "done" without the silent service.
    """

    name: str
    service: str
    event: Callable[[Store | None], Event]
    end: str
    has_tables: bool = False
    variables: dict[str, str] = {}


def stream_record(store: Store | None, pk: str, sk: str, **attributes: Any) -> Event:
    row = {"PK": pk, "SK": sk, **attributes}
    body = {
        "SequenceNumber": "1",
        "ApproximateCreationDateTime": datetime.now(UTC).timestamp(),
        "Keys": to_wire({"PK": pk, "SK": sk}),
        "NewImage": to_wire(row),
    }
    return {"Records": [{"eventID": "e1", "eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": body}]}


def sensor_record(store: Store | None) -> Event:
    return stream_record(store, "PIPELINE#bronze", "SENSOR#ready", data={"date": "2026-03-03"})


def event_record(store: Store | None) -> Event:
    return stream_record(store, "PIPELINE#bronze", "EVENT#1", detailType="RUN_HELD", detail="{}")


def broken_record(store: Store | None) -> Event:
    return {"Records": [{"eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": "1", "Keys": 7}}]}


def committed_run(store: Store | None, ago: timedelta = timedelta()) -> Event:
    """A trigger row that waits for its execution."""
    assert store is not None
    now = datetime.now(UTC) - ago
    start = open_run(KEY, decided_at=now, execution_timeout=4 * HOUR, arrived_at=now)
    store.commit(start)
    row = store.row("PIPELINE#bronze", "TRIGGER#stream#2026-03-03")
    assert row is not None
    names = {"PK": row.pop("PK"), "SK": row.pop("SK")}
    return stream_record(store, names["PK"], names["SK"], **row)


def step(store: Store | None) -> Event:
    windows = {
        "evaluationIntervalSeconds": 300,
        "evaluationWindowSeconds": 3600,
        "jobCheckIntervalSeconds": 60,
        "jobPollWindowSeconds": 3600,
    }
    started = datetime.now(UTC).isoformat()
    return {"mode": "evaluate", **RUN, "runToken": "t1", "startedAt": started, "config": windows, "canWait": True}


def schedule(store: Store | None) -> Event:
    return {"mode": "schedule", **RUN}


def schedule_of_a_run(store: Store | None) -> Event:
    committed_run(store)
    return schedule(store)


def tick(store: Store | None) -> Event:
    return {"id": "tick", "time": datetime.now(UTC).isoformat()}


def tick_after_a_lost_start(store: Store | None) -> Event:
    """Only some ticks ask for timers, and each starts an execution that was not started for minutes."""
    committed_run(store, ago=timedelta(minutes=10))
    return tick(store)


def ping(store: Store | None) -> Event:
    return {"__ping__": True}


def message(store: Store | None) -> Event:
    detail = {"id": "01", "pipelineId": "bronze", "timestamp": "2026-03-03T12:00:00Z", **RUN}
    body = {"id": "x", "detail-type": "JOB_FAILED", "source": "interlock", "detail": detail}
    return {"Records": [{"messageId": "m1", "eventSource": "aws:sqs", "body": json.dumps(body)}]}


def broken_message(store: Store | None) -> Event:
    return {"Records": [{"messageId": "m1", "eventSource": "aws:sqs", "body": "no event"}]}


def minute(store: Store | None) -> Event:
    return {}


LETTERS = {"DLQ_QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/letters"}
TOKEN = {"SLACK_BOT_TOKEN": "xoxb-token"}
SLACK_SECRET = {"SLACK_SECRET_ARN": SECRET}
BOTO3 = {"INTERLOCK_TABLES": "boto3"}

SITUATIONS = [
    Situation("a sensor row", "stream-router", sensor_record, "returned"),
    Situation("a sensor row with boto3's tables", "stream-router", sensor_record, "returned", variables=BOTO3),
    Situation("an event for the bus", "stream-router", event_record, "returned", has_tables=True),
    Situation("a dead letter", "stream-router", broken_record, "returned", has_tables=True, variables=LETTERS),
    Situation("a start of an execution", "stream-router", committed_run, "returned", has_tables=True),
    Situation("a ping", "stream-router", ping, "degraded"),
    Situation("a step", "orchestrator", step, "raises"),
    Situation("a ping", "orchestrator", ping, "degraded"),
    Situation("timers of a date", "sla-monitor", schedule, "raises"),
    Situation("timers with tables", "sla-monitor", schedule_of_a_run, "raises", has_tables=True),
    Situation("a ping", "sla-monitor", ping, "degraded"),
    Situation("a tick", "watchdog", tick, "raises"),
    Situation("a tick with tables", "watchdog", tick_after_a_lost_start, "raises", has_tables=True),
    Situation("a ping", "watchdog", ping, "degraded"),
    Situation("an event", "event-sink", message, "returned"),
    Situation("a dead letter", "event-sink", broken_message, "returned", has_tables=True, variables=LETTERS),
    Situation("a ping", "event-sink", ping, "degraded"),
    Situation("an alert", "alert-dispatcher", message, "returned", variables=TOKEN),
    Situation("an alert without Slack", "alert-dispatcher", message, "done", has_tables=True, variables=TOKEN),
    Situation(
        "an alert without its secret", "alert-dispatcher", message, "done", has_tables=True, variables=SLACK_SECRET
    ),
    Situation(
        "a dead letter", "alert-dispatcher", broken_message, "returned", has_tables=True, variables={**TOKEN, **LETTERS}
    ),
    Situation("a minute", "alert-dispatcher", minute, "raises", variables=TOKEN),
    Situation("a minute without Slack", "alert-dispatcher", minute, "done", has_tables=True, variables=TOKEN),
    Situation("a ping", "alert-dispatcher", ping, "degraded", variables=TOKEN),
]


def name_of(situation: Situation) -> str:
    return f"{situation.service}-{situation.name.replace(' ', '_')}"


@pytest.fixture
def silent() -> Iterator[str]:
    with silent_server() as url:
        yield url


@pytest.mark.parametrize("situation", SITUATIONS, ids=name_of)
def test_invocation_ends_in_time_without_an_answer(
    situation: Situation, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        variables = {"AWS_ENDPOINT_URL": silent, "SLACK_API_URL": f"{silent}/api/", **VARIABLES, **situation.variables}
        store = None
        if situation.has_tables:
            url = stack.enter_context(answering_tables())
            variables["AWS_ENDPOINT_URL_DYNAMODB"], store = url, store_at(url)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        handle = importlib.import_module(f"interlock_{situation.service.replace('-', '_')}.handler").handle
        handle.reset()
        stack.callback(handle.reset)
        event = situation.event(store)
        # On a busy machine the tables may answer too late, and then the alert returns to its queue.
        for left in (LEFT, 10 * LEFT) if situation.end == "done" else (LEFT,):
            began = monotonic()
            end = end_of(handle, event, left)
            took = monotonic() - began
            assert took < left + MARGIN
            if end == situation.end:
                break
        assert end == situation.end


def end_of(handle: Callable[[Event, Context], Event], event: Event, left: float) -> str:
    """The end of the invocation, as in `Situation.end`, with `left` seconds until its time limit."""
    try:
        answer = handle(event, Context(left))
    except Exception:  # noqa: BLE001 (the source of the event retries any error)
        return "raises"
    if "status" in answer:
        return str(answer["status"])
    return "returned" if answer.get("batchItemFailures") else "done"

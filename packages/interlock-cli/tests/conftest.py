"""Tables in memory for the commands. The profile `fuzz` of hypothesis runs each property for minutes."""

import json
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings

from interlock_store import MemoryTables, TableNames
from interlock_store._write import Delete, Put

# The fixtures hold no state of an example.
settings.register_profile(
    "default", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("default")


class NoQueues:
    """A client of an SQS without queues."""

    def get_queue_url(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "GetQueueUrl")


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> MemoryTables:
    """The tables that each command of this test reads and writes, in the environment `test`."""
    made = MemoryTables()
    monkeypatch.setattr("interlock_cli._deployment._aws.boto3", SimpleNamespace(client=lambda *_, **__: NoQueues()))
    monkeypatch.setattr("interlock_cli._deployment._aws.DynamoTables", lambda _: made)
    monkeypatch.setenv("INTERLOCK_ENVIRONMENT", "test")
    return made


@pytest.fixture
def relay(tables: MemoryTables) -> Callable[[], None]:
    """Take the outbox to the events table, as stream-router, bus and event-sink do."""
    names = TableNames.of_environment("test")

    def take() -> None:
        for row in tables.rows_of(names.control):
            if not row["SK"].startswith("EVENT#"):
                continue
            wire = json.loads(row["detail"])
            at = datetime.fromisoformat(wire["timestamp"])
            stored = {
                "PK": row["PK"],
                "SK": f"{round(at.timestamp() * 1000):013d}#{row['detailType']}#{wire['id']}",
                "eventType": row["detailType"],
                "scheduleId": wire["scheduleId"],
                "date": wire["date"],
                "detail": row["detail"],
            }
            tables.transact([Put(names.events, stored), Delete(names.control, row["PK"], row["SK"])])

    return take

"""Tables in memory for the commands. The profile `fuzz` of hypothesis runs each property for minutes."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings

from interlock_store import MemoryTables

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

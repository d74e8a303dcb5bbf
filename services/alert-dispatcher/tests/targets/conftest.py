"""The environment of a process with targets, and a receiver of webhooks."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from target_parts import KEY, TABLE, Hook

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def table(dynamodb: "DynamoDBClient", slack: Any, monkeypatch: pytest.MonkeyPatch) -> "DynamoDBClient":
    variables = {
        "EVENTS_TABLE": TABLE,
        "EVENTS_TTL_DAYS": "90",
        "SLACK_CHANNEL_ID": "C1000000",
        "SLACK_API_URL": slack.url,
        "SLACK_BOT_TOKEN": "xoxb-plain",
        "INTERLOCK_WEBHOOK_KEY": KEY,
        "INTERLOCK_TRIGGER_ALLOWED_HOSTS": "127.0.0.1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in ("SLACK_SECRET_ARN", "DLQ_QUEUE_URL", "PROFILE_BUCKET", "ALERT_QUIET"):
        monkeypatch.delenv(name, raising=False)
    return dynamodb

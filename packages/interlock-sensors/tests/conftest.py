"""The tables of a deployment, as moto plays them, and the sensors that write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from moto import mock_aws

from interlock_sensors import Sensors

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 3, 3, 22, 40, tzinfo=timezone.utc)
CONTROL, JOBLOG = "prod-interlock-control", "prod-interlock-joblog"


class Clock:
    """A clock that each test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


class Counted:
    """A client that counts its calls, and fails where a test says so."""

    def __init__(self, client: Any) -> None:
        self.client, self.calls = client, []
        self.requests: list[dict[str, Any]] = []
        self.exceptions = client.exceptions
        self.instead: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            self.calls.append(name)
            self.requests.append(request)
            return self.instead.get(name, getattr(self.client, name))(**request)

        return call

    def rows(self, table: str = CONTROL) -> list[dict[str, Any]]:
        return list(self.client.scan(TableName=table)["Items"])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        made = botocore.session.get_session().create_client("dynamodb", region_name="eu-west-1")
        for table in (CONTROL, JOBLOG):
            made.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK")],
            )
        yield Counted(made)


@pytest.fixture
def sensors(client: Counted, clock: Clock) -> Sensors:
    return Sensors("prod", client=client, clock=clock)

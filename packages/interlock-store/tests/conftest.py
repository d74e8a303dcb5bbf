"""The same store over each kind of tables: the in-memory twin, and DynamoDB as moto plays it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import Run, RunKey, StartRun, open_run
from interlock_sla import parse_execution_date
from interlock_store import DynamoTables, MemoryTables, Store, TableNames, Tables

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
NAMES = TableNames.of_environment("test")


def create_tables(client: Any, names: TableNames) -> None:
    """The tables with the keys and the index that the deployment gives them."""
    for name in (names.control, names.joblog, names.rerun, names.events):
        request: dict[str, Any] = {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
            "AttributeDefinitions": [{"AttributeName": part, "AttributeType": "S"} for part in ("PK", "SK")],
        }
        if name == names.control:
            parts = ("GSI1PK", "GSI1SK")
            request["AttributeDefinitions"] += [{"AttributeName": part, "AttributeType": "S"} for part in parts]
            request["GlobalSecondaryIndexes"] = [
                {
                    "IndexName": "GSI1",
                    "KeySchema": [
                        {"AttributeName": "GSI1PK", "KeyType": "HASH"},
                        {"AttributeName": "GSI1SK", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ]
        client.create_table(**request)


@pytest.fixture(params=["memory", "moto"])
def tables(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tables]:
    if request.param == "memory":
        yield MemoryTables()
        return
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_tables(client, NAMES)
        yield DynamoTables(client)


@pytest.fixture
def store(tables: Tables) -> Store:
    return Store(tables, NAMES)


@pytest.fixture
def key() -> RunKey:
    return RunKey("bronze", "stream", parse_execution_date("2026-03-03T11"))


@pytest.fixture
def start(key: RunKey) -> StartRun:
    return open_run(key, decided_at=NOW, execution_timeout=timedelta(hours=4), arrived_at=NOW)


@pytest.fixture
def opened(start: StartRun) -> Run:
    return start.run


@pytest.fixture
def config() -> PipelineConfig:
    return decode_yaml(
        """
pipeline: {id: bronze}
schedule:
  trigger: {key: landing, check: exists}
  exclude: {holidays: us}
validation: {trigger: ALL, rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
""",
        "bronze.yaml",
    )

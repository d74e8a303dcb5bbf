"""The examples of docs/how-to/write-a-sensor.md write rows that the product reads, each way the same row."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from interlock_sla import parse_execution_date
from interlock_store import DynamoTables, Store, TableNames

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "write-a-sensor.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
[COMMAND] = re.findall(r"aws dynamodb put-item --table-name (\S+) --item '(.*?)'\n```", PAGE, re.DOTALL)
ROW, POLICY = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
NAME = "bronze-orders"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        client = boto3.client("dynamodb")
        tables = TableNames.of_environment("prod")
        for table in (tables.control, tables.joblog):
            client.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
                AttributeDefinitions=[{"AttributeName": part, "AttributeType": "S"} for part in ("PK", "SK")],
            )
        yield Store(DynamoTables(client), tables)


def run(program: str) -> None:
    exec(compile(program, "write-a-sensor.md", "exec"), {})


def command(table: str, item: str) -> None:
    """The command of the AWS CLI: its item is the request of the API."""
    boto3.client("dynamodb").put_item(TableName=table, Item=json.loads(item))


def ways() -> dict[str, Any]:
    first = next(program for program in PROGRAMS if "sensors.put(" in program)
    plain = next(program for program in PROGRAMS if "boto3.resource" in program)
    return {"package": lambda: run(first), "boto3": lambda: run(plain), "cli": lambda: command(*COMMAND)}


@pytest.mark.parametrize("way", ["package", "boto3", "cli"])
def test_each_way_writes_the_row_of_the_page(store: Store, way: str) -> None:
    ways()[way]()
    assert store.all_sensors(NAME) == {ROW["SK"].removeprefix("SENSOR#"): ROW["data"]}
    row = store._tables.get(store.names.control, ROW["PK"], ROW["SK"])
    assert row is not None
    assert row.keys() == ROW.keys()
    if way != "cli":
        assert abs(int(row["ttl"]) - 400 * 86400 - datetime.now(UTC).timestamp()) < 600


def test_each_program_of_the_page_runs(store: Store) -> None:
    assert len(PROGRAMS) == 5
    for program in PROGRAMS:
        run(program)
    key = parse_execution_date("2026-03-03")
    read = store.all_sensors(NAME)
    assert {name: read[name]["count"] for name in read} == {
        f"landing#{key}": 1203,
        f"orders-load#{key}": 5,
        f"rows#orders#{key}": 1203,
        f"rows#customers#{key}": 88,
    }


def test_the_policy_allows_the_attributes_that_are_written() -> None:
    [statement] = POLICY["Statement"]
    condition = statement["Condition"]["ForAllValues:StringEquals"]
    assert set(condition["dynamodb:Attributes"]) == set(ROW)
    assert condition["dynamodb:LeadingKeys"] == [ROW["PK"]]
    assert statement["Resource"].endswith(f":table/{COMMAND[0]}")

"""Programs of docs/how-to/write-a-sensor.md in other languages: their text, their call, and the row that they write."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import boto3
import pytest
from moto.server import ThreadedMotoServer
from sensors.test_page import NAME, PAGE, ROW

from interlock_store import DynamoTables, Store, TableNames

Done = subprocess.CompletedProcess[str]


def text_of(language: str) -> str:
    """The only program of the page in this language."""
    [text] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(text)


@pytest.fixture
def endpoint() -> Iterator[str]:
    """The address of a server of moto."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


def writes_the_row_of_the_page(program: Sequence[str], endpoint: str) -> None:
    """Check that the program puts the row of the page into the table of the page."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-west-1"}
    client = boto3.client("dynamodb", endpoint_url=endpoint, **keys)
    names = TableNames.of_environment("prod")
    client.create_table(
        TableName=names.control,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": part, "AttributeType": "S"} for part in ("PK", "SK")],
    )
    done = _call(program, endpoint)
    assert (done.returncode, done.stderr) == (0, "")
    store = Store(DynamoTables(client), names)
    assert store.all_sensors(NAME) == {ROW["SK"].removeprefix("SENSOR#"): ROW["data"]}
    row = store._tables.get(names.control, ROW["PK"], ROW["SK"])
    assert row is not None
    assert row.keys() == ROW.keys()
    assert abs(int(row["ttl"]) - 400 * 86400 - datetime.now(UTC).timestamp()) < 600


def fails_without_the_table(program: Sequence[str], endpoint: str) -> None:
    """Check that the program ends with exit code 1 and names the error of DynamoDB."""
    # The servers of moto in one process share their tables, so a region without tables is called.
    done = _call(program, endpoint, region="eu-north-1")
    assert done.returncode == 1
    assert "ResourceNotFoundException" in done.stderr


def _call(program: Sequence[str], endpoint: str, region: str = "eu-west-1") -> Done:
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": region}
    environment = {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": endpoint, **keys}
    return subprocess.run(program, env=environment, capture_output=True, text=True, timeout=300, check=False)

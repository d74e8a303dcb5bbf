"""The Go program of docs/how-to/write-a-sensor.md writes the row of the page to a server of moto."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from sensors.test_page import NAME, PAGE, ROW

from interlock_store import DynamoTables, Store, TableNames

# Debian's package golang-github-aws-aws-sdk-go-v2-dev, whose version reads no AWS_ENDPOINT_URL.
SOURCES = Path("/usr/share/gocode")
SERVICE = SOURCES / "src/github.com/aws/aws-sdk-go-v2/service/dynamodb"
CLIENT = "dynamodb.NewFromConfig(settings)"
OF_THE_TEST = """dynamodb.NewFromConfig(settings, func(options *dynamodb.Options) {
	options.EndpointResolver = dynamodb.EndpointResolverFromURL(os.Getenv("ENDPOINT"))
})"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built program, whose client calls the address in ENDPOINT."""
    if "INTERLOCK_TEST_GO" not in os.environ:
        pytest.skip("INTERLOCK_TEST_GO is not set (`nox -s go` sets it)")
    if shutil.which("go") is None or not SERVICE.exists():
        pytest.skip("Go is absent. On Debian: apt-get install golang-go golang-github-aws-aws-sdk-go-v2-dev")
    folder = tmp_path_factory.mktemp("go")
    [text] = re.findall(r"```go\n(.*?)```", PAGE, re.DOTALL)
    formatted = subprocess.run(["gofmt"], input=text, capture_output=True, text=True, check=True).stdout
    assert formatted == text
    assert CLIENT in text
    (folder / "main.go").write_text(text.replace(CLIENT, OF_THE_TEST))
    environment = {"GOPATH": str(SOURCES), "GO111MODULE": "off", "GOFLAGS": "-p=2"}
    done = subprocess.run(
        ["go", "build", "-o", "sensor", "main.go"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "sensor"


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


def call(program: Path, endpoint: str, region: str = "eu-west-1") -> subprocess.CompletedProcess[str]:
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": region}
    environment = {"PATH": os.environ["PATH"], "ENDPOINT": endpoint, **keys}
    return subprocess.run([program], env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_the_program_writes_the_row_of_the_page(program: Path, endpoint: str) -> None:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-west-1"}
    client = boto3.client("dynamodb", endpoint_url=endpoint, **keys)
    names = TableNames.of_environment("prod")
    client.create_table(
        TableName=names.control,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": part, "AttributeType": "S"} for part in ("PK", "SK")],
    )
    done = call(program, endpoint)
    assert (done.returncode, done.stderr) == (0, "")
    store = Store(DynamoTables(client), names)
    assert store.all_sensors(NAME) == {ROW["SK"].removeprefix("SENSOR#"): ROW["data"]}
    row = store._tables.get(names.control, ROW["PK"], ROW["SK"])
    assert row is not None
    assert row.keys() == ROW.keys()
    assert abs(int(row["ttl"]) - 400 * 86400 - datetime.now(UTC).timestamp()) < 600


def test_a_row_that_was_not_written_is_a_failure(program: Path, endpoint: str) -> None:
    done = call(program, endpoint, region="eu-north-1")
    assert done.returncode == 1
    assert "ResourceNotFoundException" in done.stderr

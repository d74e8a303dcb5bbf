"""The same store over each kind of tables, and over each client: the twin, DynamoDB as moto plays it, any endpoint."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, settings
from moto import mock_aws
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import Run, RunKey, StartRun
from interlock_lifecycle.runs import open_run
from interlock_sla import parse_execution_date
from interlock_store import (
    PROJECTED,
    DynamoClient,
    DynamoScan,
    DynamoTables,
    Keys,
    MemoryScan,
    MemoryTables,
    RowScan,
    Server,
    Store,
    TableNames,
    Tables,
)

sys.path.insert(0, str(Path(__file__).parent))

from dynamodb_local import difference, served

KEYS = Keys(os.environ.get("STACK_ACCESS_KEY", "test"), os.environ.get("STACK_SECRET", "test"))
NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


# A busy machine makes examples slow, and a slow example is no error.
settings.register_profile("store", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("store")


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
            parts = ("GSI1PK", "GSI1SK", "GSI2PK", "GSI2SK")
            request["AttributeDefinitions"] += [{"AttributeName": part, "AttributeType": "S"} for part in parts]
            some = {"ProjectionType": "INCLUDE", "NonKeyAttributes": [*PROJECTED["GSI2"]]}
            request["GlobalSecondaryIndexes"] = [_index("GSI1", {"ProjectionType": "ALL"}), _index("GSI2", some)]
        client.create_table(**request)


def _index(name: str, projection: dict[str, Any]) -> dict[str, Any]:
    keys = [{"AttributeName": f"{name}PK", "KeyType": "HASH"}, {"AttributeName": f"{name}SK", "KeyType": "RANGE"}]
    return {"IndexName": name, "KeySchema": keys, "Projection": projection}


def empty_tables(client: Any, names: TableNames) -> None:
    """Remove the rows of moto's tables. Tables that are made again for each test take most of the suite's time."""
    tables = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID]["us-east-1"].tables
    if names.control not in tables:
        create_tables(client, names)
    for table in tables.values():
        table.items.clear()


@contextmanager
def _moto() -> Iterator[None]:
    """moto in this process, with the tables of the test before."""
    mock = mock_aws()
    mock.start(reset=False)
    try:
        yield
    finally:
        mock.stop(remove_data=False)


# Kinds of tables on a server, and the option that names it. The calls have the keys of STACK_ variables.
SERVERS = {"stack": "--endpoint-url", "dynamodb_local": "--dynamodb-local"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that name servers with DynamoDB's API, to run the contract against them too."""
    parser.addoption("--endpoint-url", default=None, help="A server with DynamoDB's API.")
    parser.addoption("--dynamodb-local", default=None, help="The folder of DynamoDBLocal.jar.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that uses tables runs against each kind of them, with boto3's client and with the direct client."""
    if "kind" not in metafunc.fixturenames:
        return
    given = [kind for kind, option in SERVERS.items() if metafunc.config.getoption(option, default=None)]
    kinds = [("memory", ""), *((kind, client) for kind in ("moto", *given) for client in ("boto3", "direct"))]
    names = [kind if client != "direct" else f"{kind}_direct" for kind, client in kinds]
    if "client" in metafunc.fixturenames:
        metafunc.parametrize(("kind", "client"), kinds, ids=names, scope="function")
    else:
        metafunc.parametrize("kind", ["memory", "moto", *given], scope="function")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that meets a difference of DynamoDB Local must fail on it."""
    for item in items:
        kind = re.search(r"\[(dynamodb_local(?:_direct)?)[\]-]", item.name)
        reason = difference(item.name, kind[1]) if kind else None
        if reason is not None:
            item.add_marker(pytest.mark.xfail(strict=True, reason=reason))


@cache
def _client(endpoint_url: str | None = None) -> Any:
    """One client for all tests of an endpoint, because its creation takes longer than a test."""
    return boto3.client(
        "dynamodb",
        region_name="us-east-1",
        aws_access_key_id=KEYS.access_key,
        aws_secret_access_key=KEYS.secret,
        endpoint_url=endpoint_url,
        config=Config(proxies={}, retries={"mode": "standard", "max_attempts": 3}),
    )


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """moto behind a port of loopback, since the direct client is not botocore, which moto replaces."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def dynamodb_local(request: pytest.FixtureRequest) -> Iterator[str]:
    with served(Path(request.config.getoption("--dynamodb-local"))) as url:
        yield url


@pytest.fixture
def names(kind: str) -> TableNames:
    """Tables of its own for each test on a server, whose tables stay."""
    return TableNames.of_environment(f"contract-{uuid4().hex[:12]}" if kind in SERVERS else "test")


@pytest.fixture
def tables(kind: str, client: str, names: TableNames, request: pytest.FixtureRequest) -> Iterator[Tables]:
    if kind == "memory":
        yield MemoryTables()
        return
    url = None
    if kind == "stack":
        url = request.config.getoption(SERVERS[kind])
    elif kind == "dynamodb_local":
        url = request.getfixturevalue("dynamodb_local")
    elif client == "direct":
        url = request.getfixturevalue("moto_server")
    boto3_client = _client(url)
    with _moto() if url is None else nullcontext():
        if kind == "moto":
            empty_tables(boto3_client, names)
        else:
            create_tables(boto3_client, names)
        with closing(DynamoClient(Server(url or "", "us-east-1", lambda: KEYS))) as direct:
            yield DynamoTables(direct if client == "direct" else boto3_client)
        if kind != "moto":
            for name in (names.control, names.joblog, names.rerun, names.events):
                boto3_client.delete_table(TableName=name)


@pytest.fixture
def store(tables: Tables, names: TableNames) -> Store:
    return Store(tables, names)


@pytest.fixture
def scan(tables: Tables) -> RowScan:
    """Scans in pages of two rows."""
    if isinstance(tables, MemoryTables):
        return MemoryScan(tables, page_size=2)
    assert isinstance(tables, DynamoTables)
    return DynamoScan(tables._client, page_size=2)


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

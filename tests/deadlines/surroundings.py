"""The surroundings of the six Lambdas: servers on loopback that answer, or that accept and never answer."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from time import monotonic
from typing import Any

import boto3
import urllib3
from botocore.config import Config
from moto.server import ThreadedMotoServer

from interlock_config import decode_yaml
from interlock_store import DynamoTables, Store, TableNames

NAMES = TableNames.of_environment("test")
EVENTS = "test-interlock-events"
REGION = "us-east-1"
ACCOUNT = "123456789012"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
PIPELINE = """
pipeline: {id: bronze}
schedule: {trigger: {key: ready, check: exists}}
sla: {maxDuration: 1h, expectedDuration: 20m}
validation: {rules: [{key: ready, check: exists}]}
job: {type: glue, config: {jobName: bronze}}
"""


class Context:
    """Lambda's context of an invocation that has `seconds` left."""

    aws_request_id = "request"

    def __init__(self, seconds: float) -> None:
        self._ends_at = monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """The milliseconds until Lambda would end the invocation."""
        return max(int((self._ends_at - monotonic()) * 1000), 0)


@contextmanager
def silent_server() -> Iterator[str]:
    """The URL of a server that accepts each connection and never answers. At its end it closes them."""
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    accepted.append(server.accept()[0])

        thread = Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    for connection in accepted:
        connection.close()


@contextmanager
def answering_tables() -> Iterator[str]:
    """The URL of a DynamoDB with the four tables and one pipeline."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        # The tables of moto's servers belong to the process.
        urllib3.PoolManager().request("POST", f"{url}/moto-api/reset")
        client = _client(url)
        for table in (NAMES.control, NAMES.joblog, NAMES.rerun, EVENTS):
            _create(client, table)
        Store(DynamoTables(client), NAMES).put_config(decode_yaml(PIPELINE, "bronze.yaml"))
        yield url
    finally:
        server.stop()


def store_at(url: str) -> Store:
    """The store over the tables of a server."""
    return Store(DynamoTables(_client(url)), NAMES)


def _client(url: str) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
    return boto3.client("dynamodb", endpoint_url=url, config=Config(proxies={}), **keys)


def _create(client: Any, table: str) -> None:
    names = ("PK", "SK", "GSI1PK", "GSI1SK") if table == NAMES.control else ("PK", "SK")
    options = {}
    if table == NAMES.control:
        index = {"IndexName": "GSI1", "KeySchema": _keys("GSI1"), "Projection": {"ProjectionType": "ALL"}}
        options = {"GlobalSecondaryIndexes": [index]}
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=_keys(""),
        **options,
    )


def _keys(prefix: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": f"{prefix}PK", "KeyType": "HASH"},
        {"AttributeName": f"{prefix}SK", "KeyType": "RANGE"},
    ]

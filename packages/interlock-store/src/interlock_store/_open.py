"""Opens the tables of the process's environment, with the client of this package or with boto3's."""

import os
import time
from collections.abc import Callable

from interlock_store._client import DynamoClient, TableClient, find_server
from interlock_store._dynamo import DynamoTables


def open_tables(
    client: str = "direct",
    *,
    boto3_client: Callable[[], TableClient] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> DynamoTables:
    """The tables of DynamoDB, or of AWS_ENDPOINT_URL, with the credentials and the region of the environment.

    client: "direct" is the client of this package, "boto3" is boto3's. boto3 is also used behind a proxy and for a URL
    with a path. `boto3_client` makes it, by default with boto3's own limits. `sleep` waits between the tries on a busy
    table. Raises botocore's errors for an environment without a region or credentials.
    """
    return DynamoTables(_client(client, boto3_client or _boto3_client), sleep=sleep)


def _client(name: str, boto3_client: Callable[[], TableClient]) -> TableClient:
    server = find_server(os.environ) if name == "direct" else None
    if server is not None:
        return DynamoClient(server, trace=_trace if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else _no_trace)
    return boto3_client()


def _boto3_client() -> TableClient:
    import boto3

    return boto3.client("dynamodb")


def _trace() -> str | None:
    """The trace of the invocation. Lambda changes the variable before each invocation."""
    return os.environ.get("_X_AMZN_TRACE_ID")


def _no_trace() -> None:
    """A process outside of Lambda has no trace."""

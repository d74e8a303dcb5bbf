"""Makes boto3 clients on their first use, since the import of boto3 takes most of a cold start."""

import threading
from typing import Any

_MAKING = threading.Lock()
"""boto3's default session is not thread-safe while it makes clients."""

_LIMITS: Any = {"connect_timeout": 2, "read_timeout": 4, "retries": {"mode": "standard", "total_max_attempts": 3}}
"""The seconds and the requests of a call. boto3's own limits, 60 seconds for each, outlive most invocations."""


class ClientOnUse:
    """A boto3 client that is made when the first of its attributes is read. Many invocations call no such service."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._client: Any = None

    def __getattr__(self, name: str) -> Any:
        """An attribute of the client."""
        with _MAKING:
            if self._client is None:
                import boto3
                from botocore.config import Config

                self._client = boto3.client(self._service, config=Config(**_LIMITS))  # type: ignore[call-overload]
        return getattr(self._client, name)


def client_on_use(service: str) -> Any:
    """A client of an AWS service with boto3's interface, such as `events`. AWS_ENDPOINT_URL applies as usual.

    A call sends at most three requests. Each has 2 seconds to connect and 4 seconds for each read.
    """
    return ClientOnUse(service)

"""Makes the AWS clients of a Lambda: on their first use, and with the remaining time as the limit of every call."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial, wraps
from typing import Any

from interlock_telemetry._within import call_in_time, reject_after_deadline

_MAKING = threading.Lock()
"""boto3's default session is not thread-safe while it makes clients."""

_SECONDS: Any = {"connect_timeout": 2, "read_timeout": 4}
"""The seconds of a request. boto3's own limits, 60 seconds for each, outlive most invocations."""

_CONNECTIONS = 100
"""The most kept connections of a client: the highest WORKERS_PER_STAGE. boto3 closes those of more workers."""


class AwsClient:
    """A boto3 client that is made when the first of its attributes is read. Many invocations call no such service."""

    def __init__(self, service: str, region: str | None, requests: int, reserve: timedelta) -> None:
        self._service, self._region, self._requests, self._reserve = service, region, requests, reserve
        self._client: Any = None

    def __getattr__(self, name: str) -> Any:
        """An attribute of the client. An operation ends within the remaining time of the invocation."""
        with _MAKING:
            if self._client is None:
                self._client = _made(self._service, self._region, self._requests)
        found = getattr(self._client, name)
        is_operation = name in self._client.meta.method_to_api_mapping
        return _in_time(found, f"{self._service}.{name}", self._reserve) if is_operation else found


def aws_client(service: str, *, region: str | None = None, requests: int = 3, reserve: timedelta = timedelta()) -> Any:
    """A client of an AWS service with boto3's interface, such as `events`. AWS_ENDPOINT_URL applies as usual.

    region: the region of the service, by default that of the environment. requests: the most requests of a call, 1 for
    calls that must not be repeated. Each request has 2 seconds to connect and 4 seconds for each read. In an invocation
    of a LambdaEntry, the call with its retries and pauses ends by the invocation's deadline, and sends no request after
    it. It raises CallTimeout then. reserve: the time that must be left after a call. Waiters and paginators have only
    the limits of a request.
    """
    return AwsClient(service, region, requests, reserve)


def _made(service: str, region: str | None, requests: int) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        **_SECONDS, max_pool_connections=_CONNECTIONS, retries={"mode": "standard", "total_max_attempts": requests}
    )
    client: Any = boto3.client(service, region_name=region, config=config)  # type: ignore[call-overload]
    client.meta.events.register_first("before-send", partial(_before_send, service))
    return client


def _before_send(service: str, **_: object) -> None:
    """The retry of a call that was given up must not reach the service in a later invocation."""
    reject_after_deadline(service)


def _in_time(operation: Callable[..., Any], name: str, reserve: timedelta) -> Callable[..., Any]:
    @wraps(operation)
    def call(**parameters: Any) -> Any:
        return call_in_time(name, partial(operation, **parameters), reserve=reserve)

    return call

"""Makes the AWS clients of a Lambda: on their first use, and with the remaining time as the limit of every call."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial, wraps
from typing import Any

from interlock_telemetry._within import call_in_time, reject_after_deadline

_MAKING = threading.Lock()
"""boto3's default session is not thread-safe while it makes clients."""

_LIMITS: Any = {"connect_timeout": 2, "read_timeout": 4, "retries": {"mode": "standard", "total_max_attempts": 3}}
"""The seconds and the requests of a call. boto3's own limits, 60 seconds for each, outlive most invocations."""


class AwsClient:
    """A boto3 client that is made when the first of its attributes is read. Many invocations call no such service."""

    def __init__(self, service: str, reserve: timedelta) -> None:
        self._service, self._reserve = service, reserve
        self._client: Any = None

    def __getattr__(self, name: str) -> Any:
        """An attribute of the client. An operation ends within the remaining time of the invocation."""
        with _MAKING:
            if self._client is None:
                self._client = _made(self._service)
        found = getattr(self._client, name)
        is_operation = name in self._client.meta.method_to_api_mapping
        return _in_time(found, f"{self._service}.{name}", self._reserve) if is_operation else found


def aws_client(service: str, *, reserve: timedelta = timedelta()) -> Any:
    """A client of an AWS service with boto3's interface, such as `events`. AWS_ENDPOINT_URL applies as usual.

    A call sends at most three requests. Each has 2 seconds to connect and 4 seconds for each read. In an invocation of
    a LambdaEntry, the call with its retries and pauses ends by the invocation's deadline, and sends no request after
    it. It raises CallTimeout then. `reserve` is the time that must be left after a call. Waiters and paginators have
    only the limits of a request.
    """
    return AwsClient(service, reserve)


def _made(service: str) -> Any:
    import boto3
    from botocore.config import Config

    client: Any = boto3.client(service, config=Config(**_LIMITS))  # type: ignore[call-overload]
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

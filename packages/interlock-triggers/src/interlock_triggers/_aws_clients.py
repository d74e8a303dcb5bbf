"""AWS clients: made with boto3 on first use, with the client's own retries off for starts."""

import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ._deadline import Deadline

_CONNECT_SECONDS = 3
_READ_SECONDS = 20
_TRIES = 3
_PAUSES = 3
"""The most seconds that boto3 pauses before its second and its third try together."""
_KEPT = 64


class Boto3Missing(Exception):
    """boto3 is not installed."""


class NoTime(Exception):
    """Less than a second is left: nothing is sent."""


def default_client(service: str, *, region: str | None, retries: bool, read_timeout: float) -> Any:
    """A boto3 client of the default session. AWS_ENDPOINT_URL and similar variables apply as usual."""
    try:
        boto3 = import_module("boto3")
        configuration = import_module("botocore.config")
    except ImportError:
        raise Boto3Missing from None
    config = configuration.Config(
        connect_timeout=min(_CONNECT_SECONDS, read_timeout),
        read_timeout=read_timeout,
        tcp_keepalive=True,
        retries={"mode": "standard", "total_max_attempts": _TRIES if retries else 1},
    )
    return boto3.client(service, region_name=region, config=config)


def _read_seconds(share: int) -> float:
    """The part of a try's seconds that is left for the answer after the longest connect."""
    return share - min(_CONNECT_SECONDS, share / 2)


class AwsClients:
    """Makes and keeps AWS clients. `make` replaces boto3."""

    def __init__(self, make: Callable[..., Any] | None = None) -> None:
        self._make = make or default_client
        self._lock = threading.Lock()
        self._clients: dict[tuple[Any, ...], Any] = {}

    def get(
        self,
        service: str,
        deadline: Deadline,
        *,
        region: str | None = None,
        retries: bool = False,
        longest: int = _READ_SECONDS,
    ) -> Any:
        """A client whose calls end before the deadline. Raises NoTime when less than a second is left.

        `longest` is the longest wait for an answer in seconds. `retries` lets boto3 repeat calls that only read.
        """
        left = int(deadline.remaining())
        if left < 1:
            raise NoTime
        retries = retries and left >= 2 * _TRIES + _PAUSES
        # Whole seconds per try, so that few clients are made.
        share = (left - _PAUSES) // _TRIES if retries else left
        key = (service, region, retries, min(_read_seconds(share), longest))
        # boto3's default session is not thread-safe while it makes clients. The clients are thread-safe.
        with self._lock:
            if key not in self._clients:
                if len(self._clients) >= _KEPT:
                    self._clients.clear()
                self._clients[key] = self._make(service, region=region, retries=retries, read_timeout=key[3])
            return self._clients[key]

    def __repr__(self) -> str:
        return f"AwsClients({len(self._clients)} made)"

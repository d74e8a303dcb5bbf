"""Decides about retries as botocore's standard mode does for DynamoDB: codes, attempts, delays and the quota."""

import random
import threading
from collections.abc import Callable

from msgspec import Struct

ATTEMPTS = 4
"""The most requests of one call."""

_LONGEST_DELAY = 20.0
_MOST_AFTER = 5.0
"""The most seconds that the server's wish adds to a delay."""

_TRANSIENT_STATUS = frozenset({500, 502, 503, 504})
_TRANSIENT_CODES = frozenset(
    {
        "PriorRequestNotComplete",
        "ReplicatedWriteConflictException",
        "RequestTimeout",
        "RequestTimeoutException",
    }
)
_THROTTLING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


class Failure(Struct, frozen=True):
    """A failed request: the status and code of its answer, or neither if the network failed or garbled the answer.

    retry_after: the wish of the server in seconds.
    """

    status: int | None = None
    code: str = ""
    retry_after: float | None = None

    @property
    def is_throttling(self) -> bool:
        """Whether the table or the account takes fewer requests."""
        return self.code in _THROTTLING_CODES

    @property
    def may_pass(self) -> bool:
        """Whether another request may succeed."""
        return (
            self.status is None
            or self.status in _TRANSIENT_STATUS
            or self.code in _TRANSIENT_CODES
            or self.is_throttling
        )


def delay_before_retry(failure: Failure, attempt: int, jitter: Callable[[], float] = random.random) -> float:
    """The seconds before the request after `attempt` (1 is the first). `jitter` returns a number from 0 to 1."""
    base = 1.0 if failure.is_throttling else 0.025
    delay = jitter() * min(base * 2.0 ** (attempt - 1), _LONGEST_DELAY)
    if failure.retry_after is None:
        return delay
    return max(delay, min(failure.retry_after, delay + _MOST_AFTER))


class RetryQuota:
    """Limits the retries of all calls of a client, so that an outage is not answered with many more requests."""

    def __init__(self, capacity: int = 500) -> None:
        self._capacity = self._left = capacity
        self._lock = threading.Lock()

    def take(self, failure: Failure) -> int | None:
        """The cost of one retry, or None if the quota is used up."""
        cost = 5 if failure.is_throttling else 14
        with self._lock:
            if cost > self._left:
                return None
            self._left -= cost
            return cost

    def give_back(self, cost: int | None) -> None:
        """Note a success: it returns the cost of its last retry. A success without a retry returns 1."""
        if self._left == self._capacity:
            return
        with self._lock:
            self._left = min(self._capacity, self._left + (1 if cost is None else cost))

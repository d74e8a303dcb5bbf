"""Whether an event comes from an operator instead of the work: a ping or a request for a profile; and its answer."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from interlock_telemetry._health import ping
from interlock_telemetry._profile import profile


def answer_operator(
    event: object,
    handle: Callable[[Any], object],
    *,
    service: str,
    checks: Mapping[str, Callable[[], None]],
    bucket: str | None,
    now: datetime,
) -> dict[str, Any] | None:
    """The answer to `{"__ping__": true}` or `{"__profile__": …}`; None for an event that is work.

    `handle` is the Lambda's own handling of an event, for the profile; `checks` are what a ping looks at.
    """
    answer = ping(event, checks, now)
    if answer is not None:
        return answer
    return profile(event, handle, service=service, bucket=bucket, now=now)

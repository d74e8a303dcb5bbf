"""Answers events from an operator: pings and requests for a profile."""

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
    checks: Mapping[str, Callable[[], object]],
    bucket: str | None,
    now: datetime,
) -> dict[str, Any] | None:
    """The answer to `{"__ping__": true}` or `{"__profile__": …}`, None for any other event.

    `handle` is the Lambda's own handler, for the profile. `checks` are the checks of a ping.
    """
    answer = ping(event, checks, now)
    if answer is not None:
        return answer
    return profile(event, handle, service=service, bucket=bucket, now=now)

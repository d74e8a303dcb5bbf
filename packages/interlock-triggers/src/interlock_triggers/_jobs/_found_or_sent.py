"""Starts at targets without an idempotency key that can be asked for jobs: search for the job, then start it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from interlock_triggers._call import Call
from interlock_triggers._errors import MissingExtra
from interlock_triggers._types import Attempt, Started

from ._aws import AwsTrouble

Find = Callable[[Call[Any], Attempt], str | None]
"""Returns the run id of the attempt's job, or None if the target does not know it. Raises AwsTrouble."""
Send = Callable[[Call[Any], Attempt], str]
"""Starts the job and returns its run id. Raises AwsTrouble."""

_FORGOTTEN_AFTER_SECONDS = 7 * 86400


def start(call: Call[Any], attempt: Attempt, find: Find, send: Send) -> Started:
    """Search for the attempt's job if it may already exist, and start it otherwise.

    If the answer to the start is lost, the target is asked at once. If it does not know the job yet, the next
    invocation asks again.
    """
    if attempt.resumed:
        found = _looked_for(call, attempt, find)
        if found is not None:
            return Started(call.type, found)
    try:
        return Started(call.type, send(call, attempt))
    except AwsTrouble as trouble:
        if not trouble.maybe:
            raise call.rejected(trouble.category, call.clean(str(trouble))) from None
        found = _looked_for(call, attempt, find)
        if found is None:
            raise call.unconfirmed(call.clean(str(trouble)), trouble.category) from None
        return Started(call.type, found)


def _looked_for(call: Call[Any], attempt: Attempt, find: Find) -> str | None:
    try:
        return find(call, attempt)
    except AwsTrouble as trouble:
        reason = f"the target cannot be asked whether the job exists: {call.clean(str(trouble))}"
        raise call.unconfirmed(reason, trouble.category) from None
    except MissingExtra as missing:
        raise call.unconfirmed(missing.message, missing.category) from None


def is_old(began: object, now: float) -> bool:
    """Whether a job began longer ago than any attempt lives (7 days). The search ends at such jobs."""
    return isinstance(began, datetime) and now - began.astimezone(UTC).timestamp() > _FORGOTTEN_AFTER_SECONDS

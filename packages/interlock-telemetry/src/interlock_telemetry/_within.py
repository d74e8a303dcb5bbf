"""Ends every call and every pause of an invocation by its deadline. This is the only place of that rule.

Timeouts of a client do not bound a call: they count per read, each retry begins them again, and pauses and the
resolution of a name have none. A call therefore runs on a thread of its own, and its caller waits until the deadline.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import TypeVar

from interlock_telemetry._deadline import InvocationDeadline
from interlock_telemetry._errors import CallTimeout, DeadlinePassed
from interlock_telemetry._pool import run_bounded

T = TypeVar("T")

_CURRENT: ContextVar[InvocationDeadline | None] = ContextVar("interlock_deadline", default=None)

_GIVEN_UP: ContextVar[threading.Event | None] = ContextVar("interlock_given_up", default=None)
"""Set once the caller has left a call. A frozen process stops the clock of a deadline, and this flag stays."""


@contextmanager
def bind_deadline(deadline: InvocationDeadline) -> Iterator[None]:
    """Bind the deadline of an invocation for the block and the workers of `run_bounded` in it."""
    token = _CURRENT.set(deadline)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def out_of_time() -> bool:
    """Whether the deadline of the invocation has passed. False outside of an invocation."""
    deadline = _CURRENT.get()
    return deadline is not None and deadline.expired


def within_invocation(limit: timedelta) -> timedelta:
    """The remaining time of the invocation, at most `limit`. It is `limit` outside of an invocation."""
    deadline = _CURRENT.get()
    return limit if deadline is None else deadline.within(limit)


def call_in_time(name: str, call: Callable[[], T], *, reserve: timedelta = timedelta()) -> T:
    """The result of `call`, or its error. Raises CallTimeout if the deadline passes before its end.

    `reserve`: the time before the deadline that must be left after the call.

    A thread cannot be stopped from outside: an unanswered call ends later without an effect on its caller. So its
    request must be safe to repeat, or the caller must treat CallTimeout as an unknown outcome.
    """
    deadline = _CURRENT.get()
    if deadline is None:
        return call()
    ends, given_up = deadline.earlier(reserve), threading.Event()
    token = _GIVEN_UP.set(given_up)
    try:
        # The call sees the deadline of its caller, so that its retries end with the reserve too.
        with bind_deadline(ends):
            (outcome,) = run_bounded([call], 1, deadline=ends)
    finally:
        _GIVEN_UP.reset(token)
    if isinstance(outcome.error, DeadlinePassed):
        given_up.set()
        raise CallTimeout(name, sent=outcome.error.started)
    return outcome.result()


def reject_after_deadline(name: str) -> None:
    """Raise CallTimeout if the caller has left the call, or its time is over. A client calls it before each request."""
    given_up = _GIVEN_UP.get()
    if out_of_time() or (given_up is not None and given_up.is_set()):
        raise CallTimeout(name, sent=False)


def pause(seconds: float) -> None:
    """Sleep for `seconds`, and no longer than until the deadline of the invocation."""
    deadline = _CURRENT.get()
    if deadline is not None:
        seconds = 0.0 if deadline.expired else min(seconds, deadline.remaining().total_seconds())
    time.sleep(seconds)

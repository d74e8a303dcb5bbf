"""Ends the way of a canary: asks Slack, posts nothing, and measures the time since the watchdog sent the canary."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from interlock_alert_dispatcher.checkup import Check
from interlock_alert_dispatcher.errors import DeliveryError
from interlock_alert_dispatcher.tokens import TokenUnreadable
from interlock_dlq import MalformedRecord, RetryLater
from interlock_telemetry import InvocationDeadline, Metric, get_logger, measure

_log = get_logger(__name__)

SOURCE = "interlock.canary"
"""The source of a canary on the bus. An alert has another source."""

OLDEST = timedelta(minutes=15)
"""An older canary is not measured: it waited in the queue while the function was away, and newer ones follow it."""

_PATIENCE = timedelta(seconds=5)
"""The longest wait for Slack. The alerts of the same batch wait as long."""


class Canary(Struct, frozen=True):
    """A canary: its id, and the time at which the watchdog sent it."""

    id: Annotated[str, Meta(min_length=1)]
    timestamp: Annotated[datetime, Meta(tz=True)]


class _Sender(Struct):
    source: str


class _Envelope(Struct):
    detail: Canary


def read_canary(message: Mapping[str, Any]) -> Canary | None:
    """The canary in an SQS message, None for the message of an alert. Raises MalformedRecord for an invalid canary."""
    body = message.get("body") or ""
    try:
        is_canary = msgspec.json.decode(body, type=_Sender).source == SOURCE
    except (msgspec.DecodeError, TypeError, UnicodeError):
        return None  # the reader of alerts rejects it, with the reason
    try:
        return msgspec.json.decode(body, type=_Envelope).detail if is_canary else None
    except msgspec.DecodeError as error:
        raise MalformedRecord(f"not a canary: {error}") from error


class CanaryWatch:
    """Measures canaries. Terraform has the alarm `canary-late` on the log line `canary_arrived`."""

    def __init__(self, probe: Check | None, *, now: Callable[[], datetime]) -> None:
        """`probe` asks Slack and posts nothing. None: there is no token, and the way ends at this function."""
        self._probe = probe
        self._now = now

    def arrive(self, canary: Canary, deadline: InvocationDeadline) -> None:
        """Measure the latency of a canary. It is never delivered again: the next tick sends the next canary."""
        age = self._now() - canary.timestamp
        if age > OLDEST:
            _log.warning("canary_ignored", age=age.total_seconds(), oldest=OLDEST.total_seconds())
            return
        try:
            self._ask(deadline)
        except (DeliveryError, TokenUnreadable, RetryLater) as error:
            _log.warning("canary_failed", reason=f"{type(error).__name__}: {error}")
            return
        # The clocks of two Lambdas differ a little.
        latency = max(self._now() - canary.timestamp, timedelta()).total_seconds()
        measure(Metric.CANARY_LATENCY, latency)
        _log.info("canary_arrived", latency=latency, slack=self._probe is not None)

    def _ask(self, deadline: InvocationDeadline) -> None:
        if self._probe is not None:
            self._probe(InvocationDeadline.after(deadline.within(_PATIENCE), clock=deadline.clock))

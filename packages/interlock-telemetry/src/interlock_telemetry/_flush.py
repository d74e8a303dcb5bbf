"""Sends the collected spans and metrics at the end of every invocation, within a time limit."""

import threading
from datetime import timedelta

from interlock_telemetry._deadline import LambdaContext
from interlock_telemetry._exporter import Exporter
from interlock_telemetry._instruments import exporter
from interlock_telemetry._logs import get_logger

_log = get_logger(__name__)

PATIENCE = timedelta(seconds=2)
"""The longest wait for a collector that has answered so far."""
AFTER_FAILURE = timedelta(milliseconds=100)
"""The longest wait for a collector that has not answered the flush before."""
_RESERVE = timedelta(milliseconds=50)
"""The part of the remaining time that a flush leaves for Lambda's own end of the invocation."""


def flush(timeout: timedelta = PATIENCE, *, context: object = None) -> None:
    """Send spans and metrics. A collector that is slow or unavailable is logged and raises nothing.

    Call it at the end of every invocation. It waits at most `timeout`, and never longer than the rest of the
    invocation of `context`. After a flush that failed it waits at most 100 ms, until one succeeds. It flushes the
    providers without a shutdown, since a warm start uses them again.
    """
    sending = exporter()
    if sending is not None:
        _flusher.flush(sending, _limit(timeout, context))


def _limit(timeout: timedelta, context: object) -> timedelta:
    if not isinstance(context, LambdaContext):
        return timeout
    left = timedelta(milliseconds=context.get_remaining_time_in_millis()) - _RESERVE
    return max(min(timeout, left), timedelta())


class Flusher:
    """Sends on one background thread, since exporters retry on their own, with pauses that ignore a time limit.

    While an earlier flush still runs, no other flush begins. Only the first of several failures in a row is logged, and
    the first success after them.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self._failed = 0

    def flush(self, sending: Exporter, limit: timedelta) -> None:
        """Send within the limit, or leave the sending to the background thread."""
        if self._failed:
            limit = min(limit, AFTER_FAILURE)
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._send, args=(sending, limit), name="interlock-telemetry", daemon=True
            )
            self._thread.start()
        self._thread.join(limit.total_seconds())
        if self._thread.is_alive():
            self._note(f"the collector did not answer within {limit.total_seconds():g}s")
            return
        error, self._thread, self._error = self._error, None, None
        self._note(None if error is None else f"{type(error).__name__}: {error}")

    def _send(self, sending: Exporter, limit: timedelta) -> None:
        try:
            sending.flush(limit)
        except Exception as error:  # noqa: BLE001 - telemetry never makes the observed work fail
            self._error = error

    def _note(self, problem: str | None) -> None:
        if problem is not None:
            self._failed += 1
            if self._failed == 1:
                _log.warning("telemetry_not_sent", reason=problem)
        elif self._failed:
            _log.info("telemetry_sent_again", failed_flushes=self._failed)
            self._failed = 0


_flusher = Flusher()

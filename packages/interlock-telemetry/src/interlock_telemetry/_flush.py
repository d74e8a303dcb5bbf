"""Sends the collected spans and metrics at the end of every invocation, within a time limit."""

import threading
import time
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
    """Send spans and metrics. It never raises. A slow or unavailable collector and any other error are logged.

    Call it at the end of every invocation. It waits at most `timeout`, and never longer than the rest of the
    invocation of `context`. After a flush that failed it waits at most 100 ms, until one succeeds. It flushes the
    providers without a shutdown, since a warm start uses them again.
    """
    try:
        sending = exporter()
        if sending is not None:
            _flusher.flush(sending, _limit(timeout, context))
    except Exception as error:  # noqa: BLE001 - telemetry never makes the observed work fail
        _flusher.note(_described(error))


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
        """Send within the limit, or leave the sending to the background thread. Raises RuntimeError without a thread.

        An earlier flush has sent none of the data that was measured since its begin, so its end begins a new one.
        """
        if self._failed:
            limit = min(limit, AFTER_FAILURE)
        ends = time.monotonic() + limit.total_seconds()
        if self._thread is not None:
            if not self._has_ended(self._thread, ends):
                self.note(_late(limit))
                return
            # The earlier flush counts as a failure since its limit passed. Its error is not a second one.
            if self._result() is None:
                self.note(None)
            limit = timedelta(seconds=max(ends - time.monotonic(), 0))
        thread = threading.Thread(target=self._send, args=(sending, limit), name="interlock-telemetry", daemon=True)
        thread.start()
        self._thread = thread
        self.note(self._result() if self._has_ended(thread, ends) else _late(limit))

    def _has_ended(self, thread: threading.Thread, ends: float) -> bool:
        """Whether the thread has ended before the moment `ends` of the monotonic clock. It waits until then."""
        thread.join(max(ends - time.monotonic(), 0))
        return not thread.is_alive()

    def _result(self) -> str | None:
        """The error of the flush that has ended, None after a success. The next flush needs a new thread."""
        error, self._thread, self._error = self._error, None, None
        return None if error is None else _described(error)

    def _send(self, sending: Exporter, limit: timedelta) -> None:
        try:
            sending.flush(limit)
        except Exception as error:  # noqa: BLE001 - telemetry never makes the observed work fail
            self._error = error

    def note(self, problem: str | None) -> None:
        """Log the begin and the end of a series of failures. `problem` is None for a success."""
        if problem is not None:
            self._failed += 1
            if self._failed == 1:
                _log.warning("telemetry_not_sent", reason=problem)
        elif self._failed:
            _log.info("telemetry_sent_again", failed_flushes=self._failed)
            self._failed = 0


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _late(limit: timedelta) -> str:
    return f"the collector did not answer within {limit.total_seconds():g}s"


_flusher = Flusher()

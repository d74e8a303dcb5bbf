"""Sends the collected spans and metrics at the end of every invocation, within a time limit."""

from datetime import timedelta

from interlock_telemetry._instruments import exporter
from interlock_telemetry._logs import get_logger
from interlock_telemetry._pool import run_stage

_log = get_logger(__name__)


def flush(timeout: timedelta = timedelta(seconds=2)) -> None:
    """Send spans and metrics. A collector that is slow or unavailable is logged and raises nothing.

    Call it at the end of every invocation. It flushes the providers without a shutdown, since a warm start uses them
    again.
    """
    sending = exporter()
    if sending is None:
        return
    try:
        # Exporters retry on their own, with pauses that ignore this timeout.
        run_stage("telemetry_flush", lambda: sending.flush(timeout), timeout)
    except Exception as error:  # noqa: BLE001 - telemetry never makes the observed work fail
        _log.warning("telemetry_not_sent", reason=f"{type(error).__name__}: {error}")

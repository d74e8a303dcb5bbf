"""Sends what was collected, at the end of every invocation, and never longer than it may take."""

from datetime import timedelta

from interlock_telemetry._instruments import exporter
from interlock_telemetry._logs import get_logger
from interlock_telemetry._pool import run_stage

_log = get_logger(__name__)


def flush(timeout: timedelta = timedelta(seconds=2)) -> None:
    """Send spans and metrics; a collector that is away or slow is logged, not raised.

    To be called at the end of every invocation. The providers are flushed and not shut down: a warm start goes on
    using them.
    """
    sending = exporter()
    if sending is None:
        return
    try:
        # Exporters retry on their own, with pauses that know nothing of our timeout.
        run_stage("telemetry_flush", lambda: sending.flush(timeout), timeout)
    except Exception as error:  # noqa: BLE001 - telemetry never fails the work that it watches
        _log.warning("telemetry_not_sent", reason=f"{type(error).__name__}: {error}")

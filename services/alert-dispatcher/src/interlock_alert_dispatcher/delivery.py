"""Delivers each alert of the queue: to Slack at once, or to the pending alerts."""

from collections.abc import Callable
from datetime import datetime

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.dispatch import Dispatcher
from interlock_alert_dispatcher.pending import PendingAlerts
from interlock_alert_dispatcher.slack import SlackError
from interlock_alert_dispatcher.text import text_of
from interlock_alert_dispatcher.tokens import TokenUnreadable
from interlock_dlq import RetryLater
from interlock_telemetry import InvocationDeadline, get_logger

_log = get_logger(__name__)


class Delivery:
    """Posts an alert, or keeps it as a row if Slack does not take it.

    While alerts are pending, each new alert joins them, so that the most severe alert is posted first.
    """

    def __init__(self, dispatcher: Dispatcher, pending: PendingAlerts, *, now: Callable[[], datetime]) -> None:
        self._dispatcher = dispatcher
        self._pending = pending
        self._now = now

    def deliver(self, alert: Alert, body: str, deadline: InvocationDeadline) -> None:
        """Post or keep the alert. The queue may forget it afterwards. Raises the errors of the table."""
        if not alert.is_merged and not self._pending.is_empty():
            self._keep(alert, body, "alerts are pending already")
            return
        try:
            self._dispatcher.dispatch(alert, deadline)
        except (SlackError, TokenUnreadable, RetryLater) as error:
            self._keep(alert, body, f"{type(error).__name__}: {error}")
            if self._dispatcher.quiet_until > self._now():
                self._pending.note_quiet(self._dispatcher.quiet_until)

    def _keep(self, alert: Alert, body: str, reason: str) -> None:
        self._pending.put(alert, body, reason, self._now())
        _log.warning("alert_pending", type=alert.type, pipeline=alert.pipeline_id, reason=reason)


class LogOnly:
    """Writes alerts to the log, in a deployment without a token."""

    def deliver(self, alert: Alert, body: str, deadline: InvocationDeadline) -> None:
        """Log the alert's text."""
        _log.warning("alert", type=alert.type, pipeline=alert.pipeline_id, date=alert.date, text=text_of(alert))

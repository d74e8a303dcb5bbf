"""Delivers each alert of the queue: to its target at once, or to the pending alerts of the target."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.errors import DeliveryError, TargetRejected
from interlock_alert_dispatcher.pending import PendingAlerts
from interlock_alert_dispatcher.text import text_of
from interlock_alert_dispatcher.tokens import TokenUnreadable
from interlock_dlq import LogRouter, RetryLater, Router, make_letter
from interlock_telemetry import InvocationDeadline, get_logger

_log = get_logger(__name__)


class Alerts(Protocol):
    """Delivers alerts."""

    def deliver(self, alert: Alert, body: str, deadline: InvocationDeadline) -> None:
        """Deliver one alert with the body of its message, or raise."""
        ...


class Destination(Protocol):
    """Posts alerts to one target, each once."""

    @property
    def quiet_until(self) -> datetime:
        """No message is sent before this time (UTC)."""
        ...

    def stay_quiet(self, until: datetime | None) -> None:
        """Send no message before `until`, for which the target asked."""
        ...

    def keep_pace(self, pause: timedelta) -> None:
        """Let the drain pause before its next message."""
        ...

    def await_release(self, deadline: InvocationDeadline) -> None:
        """Wait until the target takes messages. Raises RetryLater if the invocation is too short."""
        ...

    def silence(self, alert: Alert) -> bool:
        """Note that a silence covers the alert, which is then never posted.

        The result is whether nothing is left to do. Else `dispatch` has to be called.
        """
        ...

    def follow(self, alert: Alert) -> bool:
        """Commit the state after an alert that is routed elsewhere. The result is whether `refresh` has to follow."""
        ...

    def refresh(self, alert: Alert, deadline: InvocationDeadline, *, late: bool = False) -> None:
        """Let the head of the alert's thread state the committed state. It posts nothing. Raises as `dispatch`."""
        ...

    def dispatch(self, alert: Alert, deadline: InvocationDeadline, *, late: bool = False) -> bool:
        """Post the alert. The result is False if nothing had to be posted. Raises an error if it has to wait.

        Only a `late` alert, which the drain posts, may wait here for a target that is busy.
        """
        ...


class Delivery:
    """Posts an alert, or keeps it as a row if the target does not take it.

    While alerts are pending, each new alert joins them, so that the most severe alert is posted first. An alert becomes
    a dead letter if the target rejects it for good.
    """

    def __init__(
        self,
        dispatcher: Destination,
        pending: PendingAlerts,
        *,
        now: Callable[[], datetime],
        letters: Router | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._pending = pending
        self._now = now
        self._letters = letters or LogRouter()

    def deliver(self, alert: Alert, body: str, deadline: InvocationDeadline) -> None:
        """Post or keep the alert. The queue may forget it afterwards. Raises the errors of the table."""
        try:
            if self._dispatcher.silence(alert):
                return
            if not alert.is_merged and not self._pending.is_empty():
                self._keep(alert, body, "alerts are pending already")
                return
            self._dispatcher.dispatch(alert, deadline)
        except TargetRejected as rejection:
            self._bury(alert, body, rejection)
        except (DeliveryError, TokenUnreadable, RetryLater) as error:
            self._keep(alert, body, f"{type(error).__name__}: {error}")
            if self._dispatcher.quiet_until > self._now():
                self._pending.note_quiet(self._dispatcher.quiet_until)

    def follow(self, alert: Alert, body: str, deadline: InvocationDeadline) -> None:
        """Let the target's thread of the run state an alert that is routed elsewhere, or keep the alert for that.

        It posts nothing. A thread that is not begun only keeps the state. Raises the errors of the table.
        """
        if not self._dispatcher.follow(alert):
            return
        try:
            if self._pending.is_empty():
                self._dispatcher.refresh(alert, deadline)
                return
            reason = "alerts are pending already"
        except (DeliveryError, TokenUnreadable, RetryLater) as error:
            reason = f"{type(error).__name__}: {error}"
        self._keep(alert, body, reason, for_state=True)
        if self._dispatcher.quiet_until > self._now():
            self._pending.note_quiet(self._dispatcher.quiet_until)

    def _bury(self, alert: Alert, body: str, rejection: TargetRejected) -> None:
        """Send the alert to the dead letters. Without a kept letter it waits as a row."""
        record = {"messageId": alert.id, "body": body}
        try:
            self._letters.route(make_letter(record, rejection, source=self._pending.partition))
        except Exception as failure:  # noqa: BLE001 - the other targets go on, and the row stays
            self._keep(alert, body, f"{rejection}; no dead letter was kept: {type(failure).__name__}: {failure}")
            return
        _log.error("alert_dead_lettered", type=alert.type, pipeline=alert.pipeline_id, reason=str(rejection))

    def _keep(self, alert: Alert, body: str, reason: str, *, for_state: bool = False) -> None:
        self._pending.put(alert, body, reason, self._now(), for_state=for_state)
        _log.warning("alert_pending", type=alert.type, pipeline=alert.pipeline_id, reason=reason)


class LogOnly:
    """Writes alerts to the log, in a deployment without a token."""

    def deliver(self, alert: Alert, body: str, deadline: InvocationDeadline) -> None:
        """Log the alert's text."""
        _log.warning("alert", type=alert.type, pipeline=alert.pipeline_id, date=alert.date, text=text_of(alert))

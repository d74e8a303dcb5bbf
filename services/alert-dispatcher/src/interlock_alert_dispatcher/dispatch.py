"""Posts each alert as one Slack message in its thread, even if it is delivered twice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.leases import Done, Held, Key, Lease, LeasedRows
from interlock_alert_dispatcher.slack import SlackBusy, ThreadGone
from interlock_alert_dispatcher.text import text_of
from interlock_dlq import RetryLater
from interlock_telemetry import InvocationDeadline, get_logger

_log = get_logger(__name__)

_PATIENCE = timedelta(seconds=3)
"""How long an alert waits for another alert that opens their thread, before it is tried again later."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_LOOK_EVERY = timedelta(milliseconds=200)

_POST_WITHIN = timedelta(seconds=20)
"""How long one alert may take after its lease. It ends well before the lease, so that no other Lambda posts it."""

_NEEDED = timedelta(seconds=2)
"""The time that the invocation must have left to begin with a message."""


class Occupied(RetryLater):
    """Another invocation posts this alert, or opens its thread."""


class Channel(Protocol):
    """The Slack channel of the messages."""

    @property
    def channel(self) -> str:
        """The channel's id."""
        ...

    def post(self, text: str, thread_ts: str | None, deadline: InvocationDeadline) -> str:
        """Post a message before the deadline. The result is its ts."""
        ...


class Dispatcher:
    """Posts alerts. Several Lambdas may run it at once.

    A row per event id keeps a second delivery from posting again. That row and the thread's row are leased for the
    time of one post. A crash in between delays the message until the lease runs out, and loses nothing.
    """

    def __init__(
        self,
        slack: Channel,
        rows: LeasedRows,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[timedelta], None],
    ) -> None:
        self._slack = slack
        self._rows = rows
        self._now = now
        self._sleep = sleep
        self.quiet_until = _EPOCH
        """No message is sent before this time (UTC)."""

    def stay_quiet(self, until: datetime | None) -> None:
        """Send no message before `until`."""
        self.quiet_until = max(self.quiet_until, until or _EPOCH)

    def dispatch(self, alert: Alert, deadline: InvocationDeadline, *, late: bool = False) -> bool:
        """Post the alert. The result is False if it was posted before. Raises an error if it has to be tried again."""
        while True:
            self.await_turn(deadline)
            try:
                return self._dispatch_once(alert, deadline, late=late)
            except SlackBusy as busy:
                self.stay_quiet(busy.until)
            except ThreadGone:
                _log.warning("thread_gone", pipeline=alert.pipeline_id, thread=alert.thread)

    def await_turn(self, deadline: InvocationDeadline) -> None:
        """Wait for the time that Slack asked for, without a lease. Raises RetryLater if the invocation is too short."""
        wait = max(self.quiet_until - self._now(), timedelta())
        if wait + _NEEDED > deadline.remaining():
            raise RetryLater("Slack's wait is longer than the invocation" if wait else "too little time is left")
        if wait:
            self._sleep(wait)

    def _dispatch_once(self, alert: Alert, deadline: InvocationDeadline, *, late: bool) -> bool:
        # The time counts from before the lease, which must outlast the post even if the table is slow.
        soon = InvocationDeadline.after(deadline.within(_POST_WITHIN), clock=deadline.clock)
        taken = self._rows.take(Key(f"PIPELINE#{alert.pipeline_id}", f"ALERT#{alert.id}"), self._now())
        match taken:
            case Done():
                _log.info("alert_known", type=alert.type, pipeline=alert.pipeline_id)
                return False
            case Held():
                raise Occupied("another delivery of this alert is being posted")
        try:
            thread_ts, ts = self._post(alert, text_of(alert, late=late), soon)
        except Exception:
            self._release(taken)
            raise
        self._note(taken, thread_ts, messageTs=ts)
        _log.info("alert_posted", type=alert.type, pipeline=alert.pipeline_id, ts=ts, thread=thread_ts)
        return True

    def _post(self, alert: Alert, text: str, deadline: InvocationDeadline) -> tuple[str, str]:
        """Post into the alert's thread, or open it. The result is the ts of the thread and of the message."""
        thread = self._thread(alert, deadline)
        if isinstance(thread, Lease):
            return self._open(text, thread, deadline)
        thread_ts = thread.texts["threadTs"]
        try:
            return thread_ts, self._slack.post(text, thread_ts, deadline)
        except ThreadGone:
            self._rows.forget(thread)
            raise

    def _open(self, text: str, thread: Lease, deadline: InvocationDeadline) -> tuple[str, str]:
        try:
            ts = self._slack.post(text, None, deadline)
        except Exception:
            self._release(thread)
            raise
        self._note(thread, ts, channelId=self._slack.channel)
        return ts, ts

    def _thread(self, alert: Alert, deadline: InvocationDeadline) -> Done | Lease:
        """The open thread, or the right to open it."""
        key = Key(f"PIPELINE#{alert.pipeline_id}", alert.thread)
        patience = self._now() + deadline.within(_PATIENCE)
        while True:
            thread = self._rows.find(key) or self._rows.take(key, self._now())
            if isinstance(thread, Done) and thread.texts.get("channelId") != self._slack.channel:
                # The thread belongs to an earlier channel.
                self._rows.forget(thread)
                continue
            if not isinstance(thread, Held):
                return thread
            if self._now() >= patience:
                raise Occupied("another alert is opening the thread")
            self._sleep(_LOOK_EVERY)

    def _release(self, lease: Lease) -> None:
        try:
            self._rows.release(lease)
        except Exception as error:  # noqa: BLE001 - the first error matters, and the lease runs out by itself
            _log.warning("lease_not_released", row=lease.key.sk, reason=f"{type(error).__name__}: {error}")

    def _note(self, lease: Lease, thread_ts: str, **texts: str) -> None:
        """Note a posted message. A failed note must not make the queue deliver the message again."""
        try:
            if self._rows.finish(lease, self._now(), thread_ts, **texts):
                return
            reason = "its lease had run out"
        except Exception as error:  # noqa: BLE001 - the message is in Slack, and only the note is missing
            reason = f"{type(error).__name__}: {error}"
        _log.error("post_not_noted", row=lease.key.sk, ts=thread_ts, reason=reason)

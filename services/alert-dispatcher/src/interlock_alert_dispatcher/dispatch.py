"""Posts each alert as one reply in its thread, even if it is delivered twice, and keeps the head of the thread true."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.blocks import Deployment, reply_blocks
from interlock_alert_dispatcher.hints import Severity
from interlock_alert_dispatcher.leases import Done, Held, Key, Lease, LeasedRows
from interlock_alert_dispatcher.slack import Message, SlackAway, SlackBusy, ThreadGone
from interlock_alert_dispatcher.state import Step
from interlock_alert_dispatcher.text import severity_of, text_of
from interlock_alert_dispatcher.threads import Channel, Occupied, Threads
from interlock_dlq import RetryLater
from interlock_telemetry import InvocationDeadline, get_logger

_log = get_logger(__name__)

_UNKNOWN = Deployment()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PACE = timedelta(seconds=1)
"""Slack takes one message per second and channel, except for short bursts."""

_POST_WITHIN = timedelta(seconds=20)
"""How long one alert may take after its lease. It ends well before the lease, so that no other Lambda posts it."""

_NEEDED = timedelta(seconds=2)
"""The time that the invocation must have left to begin with a message."""


class Dispatcher:
    """Posts alerts. Several Lambdas may run it at once.

    A row per event id keeps a second delivery from posting again. That row and the thread's row are leased for the
    time of one post. A crash in between delays the message until the lease runs out, and loses nothing. The next holder
    of the lease looks for the message in Slack's history before it posts.
    """

    def __init__(
        self,
        slack: Channel,
        rows: LeasedRows,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[timedelta], None],
        deployment: Deployment = _UNKNOWN,
        quiet: bool = True,
    ) -> None:
        self._slack = slack
        self._rows = rows
        self._threads = Threads(slack, rows, deployment, now=now, sleep=sleep)
        self._deployment = deployment
        self._quiet = quiet
        self._now = now
        self._sleep = sleep
        self.quiet_until = _EPOCH
        """No message is sent before this time (UTC)."""

    def stay_quiet(self, until: datetime | None) -> None:
        """Send no message before `until`."""
        self.quiet_until = max(self.quiet_until, until or _EPOCH)

    def dispatch(self, alert: Alert, deadline: InvocationDeadline, *, late: bool = False) -> bool:
        """Post the alert. Raises an error if it has to be tried again.

        The result is False if it was posted before, if another alert reports it too, or if it is a success for which
        quiet dispatchers open no thread.
        """
        if alert.is_merged:
            _log.info("alert_merged", type=alert.type, id=alert.id, pipeline=alert.pipeline_id, into=alert.followed_by)
            return False
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
                _log.info("alert_known", type=alert.type, id=alert.id, pipeline=alert.pipeline_id)
                return False
            case Held():
                raise Occupied("another delivery of this alert is being posted")
        try:
            step = self._threads.record(alert)
            if self._quiet and severity_of(alert) is Severity.GOOD and not self._threads.is_begun(alert):
                self._rows.give_back(taken, self._now())
                _log.info("alert_quiet", type=alert.type, id=alert.id, pipeline=alert.pipeline_id)
                return False
            thread_ts, ts = self._post(alert, step, taken, soon, late=late)
        except Exception as error:
            self._rows.give_back(taken, self._now(), unsure=str(error) if isinstance(error, SlackAway) else "")
            raise
        self._rows.note(taken, self._now(), thread_ts, messageTs=ts)
        _log.info("alert_posted", type=alert.type, id=alert.id, pipeline=alert.pipeline_id, ts=ts, thread=thread_ts)
        return True

    def _post(
        self, alert: Alert, step: Step, taken: Lease, deadline: InvocationDeadline, *, late: bool
    ) -> tuple[str, str]:
        """Let the head state the committed state, and post the reply. The result is the ts of the thread and reply.

        Only the reply must not be repeated, so it comes last.
        """
        head = self._threads.head(alert, deadline)
        if late and head.is_new:
            self._sleep(PACE)
        try:
            ts = self._threads.find(taken, alert.id, head.ts, deadline) or self._slack.post(
                self._message(alert, late=late),
                head.ts,
                deadline,
                broadcast=step.is_worse and not head.shows,
            )
        except ThreadGone:
            self._threads.forget(head)
            raise
        return head.ts, ts

    def _message(self, alert: Alert, *, late: bool) -> Message:
        blocks = reply_blocks(alert, self._deployment, late=late)
        return Message(alert.id, text_of(alert, late=late), tuple(blocks))

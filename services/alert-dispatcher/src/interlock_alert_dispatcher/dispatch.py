"""Posts each alert as one reply in its thread, even if it is delivered twice, and keeps the head of the thread true."""

from collections.abc import Callable
from datetime import datetime, timedelta

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.blocks import reply_blocks
from interlock_alert_dispatcher.deployment import Deployment
from interlock_alert_dispatcher.errors import lost_answer
from interlock_alert_dispatcher.hints import Severity
from interlock_alert_dispatcher.leases import Done, Held, Key, Lease, LeasedRows, key_at
from interlock_alert_dispatcher.pacing import POST_WITHIN, Pace, Pacing, silence_nothing
from interlock_alert_dispatcher.slack import Message, SlackBusy, ThreadGone
from interlock_alert_dispatcher.state import Step
from interlock_alert_dispatcher.text import severity_of, text_of
from interlock_alert_dispatcher.threads import Channel, Occupied, Threads
from interlock_telemetry import InvocationDeadline, get_logger

_log = get_logger(__name__)

_UNKNOWN = Deployment()
_SILENCED = "silenced"

PACE = timedelta(seconds=1)
"""Slack takes one message per second and channel, except for short bursts."""


def _mention_nobody(alert: Alert) -> str:
    return ""


class Dispatcher(Pacing):
    """Posts the alerts of one channel. Several Lambdas may run it at once.

    `place` ends the keys of the rows of this channel. `mention` gives the people whom a change for the worse notifies.

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
        place: str = "",
        mention: Callable[[Alert], str] = _mention_nobody,
        silenced_by: Callable[[Alert], str] = silence_nothing,
        pace: Pace | None = None,
        window: timedelta | None = None,
    ) -> None:
        super().__init__(now=now, sleep=sleep, pace=pace)
        self._slack = slack
        self._rows = rows
        self._threads = Threads(slack, rows, deployment, now=now, sleep=sleep, place=place, window=window)
        self._place = place
        self._mention = mention
        self._silenced_by = silenced_by
        self._deployment = deployment
        self._quiet = quiet

    def silence(self, alert: Alert) -> bool:
        """Note that a silence covers the alert, which is then never posted, and commit the state of its thread.

        The result is whether nothing is left to do. If the thread has a head, `dispatch` has to update it.
        """
        silence = "" if alert.is_merged else self._silenced_by(alert)
        if not silence:
            return False
        taken = self._rows.take(self._key_of(alert), self._now())
        match taken:
            case Done():
                return False
            case Held():
                raise Occupied("another delivery of this alert is being posted")
        try:
            recorded = self._threads.record(alert, silenced=True)
            self._rows.end(taken, self._now(), _SILENCED, silence=silence)
        except Exception:
            self._rows.give_back(taken, self._now())
            raise
        _log.info("alert_silenced", type=alert.type, pipeline=alert.pipeline_id, silence=silence)
        return not recorded.is_begun

    def follow(self, alert: Alert) -> bool:
        """Commit the state after an alert that is routed elsewhere, which this channel does not see.

        The result is whether the thread is begun. `refresh` then has to update its head. An alert that begins the
        thread later shows the state, so the order of the alerts does not matter.
        """
        return self._threads.record(alert, silenced=True).is_begun

    def refresh(self, alert: Alert, deadline: InvocationDeadline, *, late: bool = False) -> None:
        """Let the head of the alert's thread state the committed state. Raises as `dispatch`. It posts nothing."""
        while True:
            self.await_release(deadline, may_wait=late)
            try:
                self._threads.refresh(
                    alert, InvocationDeadline.after(deadline.within(POST_WITHIN), clock=deadline.clock)
                )
            except SlackBusy as busy:
                self.stay_quiet(busy.until)
                if not late:
                    raise
            else:
                _log.info("alert_followed", type=alert.type, id=alert.id, pipeline=alert.pipeline_id)
                return

    def dispatch(self, alert: Alert, deadline: InvocationDeadline, *, late: bool = False) -> bool:
        """Post the alert. Raises an error if it has to be tried again. Only a late alert waits for a busy Slack.

        The result is False if it was posted before, if another alert reports it too, if it is a success for which quiet
        dispatchers open no thread, or if it is a repeat or a silenced alert, which only changes the head.
        """
        if alert.is_merged:
            _log.info("alert_merged", type=alert.type, id=alert.id, pipeline=alert.pipeline_id, into=alert.followed_by)
            return False
        while True:
            self.await_release(deadline, may_wait=late)
            try:
                return self._dispatch_once(alert, deadline, late=late)
            except SlackBusy as busy:
                self.stay_quiet(busy.until)
                if not late:
                    raise
            except ThreadGone:
                _log.warning("thread_gone", pipeline=alert.pipeline_id, thread=alert.thread)

    def _dispatch_once(self, alert: Alert, deadline: InvocationDeadline, *, late: bool) -> bool:
        # The time counts from before the lease, which must outlast the post even if the table is slow.
        soon = InvocationDeadline.after(deadline.within(POST_WITHIN), clock=deadline.clock)
        taken = self._rows.take(self._key_of(alert), self._now())
        match taken:
            case Done(outcome=outcome):
                if outcome == _SILENCED:
                    # An edit notifies no person.
                    self._threads.refresh(alert, soon)
                _log.info("alert_known", type=alert.type, id=alert.id, pipeline=alert.pipeline_id)
                return False
            case Held():
                raise Occupied("another delivery of this alert is being posted")
        try:
            recorded = self._threads.record(alert)
            step = recorded.step
            if self._quiet and severity_of(alert) is Severity.GOOD and not recorded.is_begun:
                self._rows.end(taken, self._now(), "quiet")
                _log.info("alert_quiet", type=alert.type, id=alert.id, pipeline=alert.pipeline_id)
                return False
            if step.is_repeat:
                self._threads.head(alert, soon)
                self._rows.end(taken, self._now(), "suppressed")
                _log.info("alert_suppressed", type=alert.type, pipeline=alert.pipeline_id)
                return False
            thread_ts, ts = self._post(alert, step, taken, soon, late=late)
        except Exception as error:
            self._rows.give_back(taken, self._now(), unsure=lost_answer(error))
            raise
        self._rows.note(taken, self._now(), thread_ts, messageTs=ts)
        self._threads.note_reply(alert)
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
        # The channel sees each mention, because Slack notifies a channel of no reply.
        mention = self._mention(alert) if step.is_worse else ""
        try:
            ts = self._threads.find(taken, alert.id, head.ts, deadline) or self._slack.post(
                self._message(alert, mention, late=late),
                head.ts,
                deadline,
                broadcast=step.is_worse and (mention != "" or not head.shows),
            )
        except ThreadGone:
            self._threads.forget(head.thread)
            raise
        return head.ts, ts

    def _key_of(self, alert: Alert) -> Key:
        return Key(f"PIPELINE#{alert.pipeline_id}", key_at(f"ALERT#{alert.id}", self._place))

    def _message(self, alert: Alert, mention: str, *, late: bool) -> Message:
        blocks = reply_blocks(alert, self._deployment, late=late, mention=mention)
        text = text_of(alert, late=late)
        return Message(alert.id, f"{mention} {text}" if mention else text, tuple(blocks))

"""Sends each alert once to a target without threads: an SNS topic or a webhook."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.errors import TargetBusy, lost_answer
from interlock_alert_dispatcher.fanout import Announcement
from interlock_alert_dispatcher.leases import Done, Held, Key, LeasedRows, key_at
from interlock_alert_dispatcher.pacing import POST_WITHIN, Pace, Pacing, silence_nothing
from interlock_alert_dispatcher.threads import Occupied
from interlock_telemetry import InvocationDeadline, get_logger

_log = get_logger(__name__)


class Transport(Protocol):
    """The way of an alert to its target."""

    def send(self, alert: Alert, deadline: InvocationDeadline, *, late: bool) -> str:
        """Send the alert. The result is the id that the target gave it, or "". Raises DeliveryError."""
        ...

    def announce(self, said: Announcement, deadline: InvocationDeadline) -> str:
        """Send a message that is about no alert. The result is that of `send`."""
        ...


class Sender(Pacing):
    """Sends alerts to one target. Several Lambdas may run it at once.

    A row per event id keeps a second delivery from sending again. A target without a history cannot be asked for a
    message whose answer was lost, so the alert is sent again: with the same key, by which its reader finds duplicates.
    """

    def __init__(
        self,
        transport: Transport,
        rows: LeasedRows,
        place: str,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[timedelta], None],
        silenced_by: Callable[[Alert], str] = silence_nothing,
        pace: Pace | None = None,
    ) -> None:
        super().__init__(now=now, sleep=sleep, pace=pace)
        self._transport = transport
        self._rows = rows
        self._place = place
        self._silenced_by = silenced_by

    def silence(self, alert: Alert) -> bool:
        """Note that a silence covers the alert, which is then never sent. The result is whether one covers it."""
        silence = self._silenced_by(alert)
        if not silence:
            return False
        taken = self._rows.take(self._key_of(alert), self._now())
        match taken:
            case Done():
                return False
            case Held():
                raise Occupied("another delivery of this alert is being sent")
        try:
            self._rows.end(taken, self._now(), "silenced", silence=silence)
        except Exception:
            self._rows.give_back(taken, self._now())
            raise
        _log.info("alert_silenced", type=alert.type, pipeline=alert.pipeline_id, silence=silence, target=self._place)
        return True

    def probe(self, deadline: InvocationDeadline) -> None:
        """There is no question without a message, so the first alert is the question."""

    def dispatch(self, alert: Alert, deadline: InvocationDeadline, *, late: bool = False) -> bool:
        """Send the alert. The result is False if it was sent before. Raises an error if it has to be tried again.

        Only a late alert waits for a target that is busy.
        """
        while True:
            self.await_release(deadline, may_wait=late)
            try:
                return self._dispatch_once(alert, deadline, late=late)
            except TargetBusy as busy:
                self.stay_quiet(busy.until)
                if not late:
                    raise

    def _dispatch_once(self, alert: Alert, deadline: InvocationDeadline, *, late: bool) -> bool:
        # The time counts from before the lease, which must outlast the post even if the table is slow.
        soon = InvocationDeadline.after(deadline.within(POST_WITHIN), clock=deadline.clock)
        taken = self._rows.take(self._key_of(alert), self._now())
        match taken:
            case Done():
                _log.info("alert_known", type=alert.type, pipeline=alert.pipeline_id, target=self._place)
                return False
            case Held():
                raise Occupied("another delivery of this alert is being sent")
        try:
            receipt = self._transport.send(alert, soon, late=late)
        except Exception as error:
            self._rows.give_back(taken, self._now(), unsure=lost_answer(error))
            raise
        self._rows.note_end(taken, self._now(), "delivered", **({"receipt": receipt} if receipt else {}))
        _log.info("alert_sent", type=alert.type, pipeline=alert.pipeline_id, target=self._place, receipt=receipt)
        return True

    def _key_of(self, alert: Alert) -> Key:
        return Key(f"PIPELINE#{alert.pipeline_id}", key_at(f"ALERT#{alert.id}", self._place))

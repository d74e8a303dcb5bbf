"""Looks for a target while its alerts are pending, and posts them once it answers again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct

from interlock_alert_dispatcher.alert import Alert, read_alert
from interlock_alert_dispatcher.delivery import Destination
from interlock_alert_dispatcher.dispatch import PACE
from interlock_alert_dispatcher.errors import DeliveryError, TargetBusy, TargetRefused, TargetRejected
from interlock_alert_dispatcher.leases import Done, Key, Lease, LeasedRows
from interlock_alert_dispatcher.pending import Pending, PendingAlerts
from interlock_alert_dispatcher.threads import Occupied
from interlock_alert_dispatcher.tokens import TokenUnreadable
from interlock_dlq import OUTBOX, DeadLetter, Permanence, RetryLater, Router, classify, make_letter
from interlock_telemetry import InvocationDeadline, Metric, get_logger, measure

_log = get_logger(__name__)

LEASE = timedelta(seconds=65)
"""How long one invocation may post. It is longer than the function's timeout."""

_INVOCATION = timedelta(seconds=60)

_PAGE = 100
_NO_TIME = "no time is left"
_REFUSALS = 3
"""So many rejections in a row may be a fault of the channel or the token, and not of the messages.

One more alert from further back decides: its success proves that the messages are at fault.
"""


class Drained(Struct, frozen=True):
    """The result: the posted messages, the alerts that still wait, and why the posting ended early."""

    posted: int = 0
    waiting: int = 0
    reason: str | None = None


class _Progress(Struct):
    posted: int = 0
    skipped: set[Key] = set()
    refused: list[tuple[Pending, TargetRefused]] = []
    stopped: str | None = None

    @property
    def is_doubtful(self) -> bool:
        """Whether so many alerts were rejected in a row that one from further back has to decide."""
        return len(self.refused) >= _REFUSALS


class Probe(Protocol):
    """Asks a target whether it answers."""

    def probe(self, deadline: InvocationDeadline) -> None:
        """Raise unless the target takes messages. Nothing is posted."""
        ...


class Drain:
    """Posts the pending alerts of one target, most severe first, then oldest. Only one invocation at a time does so.

    A crash between a post and the deletion of its row posts nothing twice, because the row of the event id is done by
    then. A crash between a post and its note may post that one message again, as for any alert.
    """

    def __init__(
        self,
        slack: Probe,
        dispatcher: Destination,
        pending: PendingAlerts,
        leases: LeasedRows,
        letters: Router,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._probe = slack
        self._dispatcher = dispatcher
        self._pending = pending
        self._leases = leases
        self._letters = letters
        self._now = now
        self._named = {"target": pending.target} if pending.target else {}

    def run(self, deadline: InvocationDeadline) -> Drained:
        """Post pending alerts until the deadline. Without a pending alert it only reads the table once."""
        if self._pending.is_empty():
            measure(Metric.ALERTS_PENDING, 0, **self._named)
            return Drained()
        lease = self._leases.take(self._pending.drain, self._now())
        if isinstance(lease, Done):
            # No drain is ever done. Another process wrote this row.
            self._leases.forget(lease)
            lease = self._leases.take(self._pending.drain, self._now())
        if not isinstance(lease, Lease):
            return self._report(_Progress(stopped="another invocation posts them"))
        # The lease must outlast the posts, also under a longer timeout of the function.
        soon = InvocationDeadline.after(deadline.within(_INVOCATION), clock=deadline.clock)
        try:
            progress = self._post_all(soon)
        except Exception:
            self._leases.release(lease)
            raise
        self._leases.release(lease)
        return self._report(progress)

    def _report(self, progress: _Progress) -> Drained:
        waiting = self._pending.count()
        measure(Metric.ALERTS_PENDING, waiting, **self._named)
        _log.info("alerts_pending", posted=progress.posted, waiting=waiting, reason=progress.stopped, **self._named)
        return Drained(progress.posted, waiting, progress.stopped)

    def _post_all(self, deadline: InvocationDeadline) -> _Progress:
        progress = _Progress()
        self._dispatcher.stay_quiet(self._pending.quiet_until(self._now()))
        progress.stopped = self._look(deadline)
        while progress.stopped is None:
            # The line is read again for each message, because a more severe alert may have joined it.
            pending = self._decisive(progress, deadline) if progress.is_doubtful else self._next(progress, deadline)
            if pending is None:
                break
            self._post(pending, progress, deadline)
        if self._dispatcher.quiet_until > self._now():
            self._pending.note_quiet(self._dispatcher.quiet_until)
        return progress

    def _next(self, progress: _Progress, deadline: InvocationDeadline, *, after: str = "") -> Pending | None:
        """The first alert behind `after` that this invocation has not skipped. None: no alert, or no time is left."""
        for row in self._pending.line(len(progress.skipped) + 1, after=after):
            if row.key not in progress.skipped:
                return row
            if deadline.expired:
                progress.stopped = _NO_TIME
                break
        return None

    def _decisive(self, progress: _Progress, deadline: InvocationDeadline) -> Pending | None:
        """The alert that decides whether the channel or the rejected messages are at fault.

        It is the next one behind the alert that decided in the last invocation, so that each alert of the line decides
        once. An alert of a pipeline without a rejection comes first, because messages of one run have the same faults.
        """
        rejected = {pending.pipeline for pending, _ in progress.refused}
        tried, found = self._pending.last_tried(), None
        for after in dict.fromkeys((tried, "")):
            for row in self._pending.line(_PAGE, after=after):
                if row.key not in progress.skipped:
                    if row.pipeline not in rejected:
                        return row
                    found = found or row
                if deadline.expired:
                    progress.stopped = _NO_TIME
                    return None
        if found is None:
            # No alert is left that could decide.
            progress.stopped = str(progress.refused[-1][1])
        return found

    def _look(self, deadline: InvocationDeadline) -> str | None:
        """Look for Slack once. The result is the reason to post nothing, or None."""
        try:
            self._dispatcher.await_release(deadline)
            self._probe.probe(deadline)
        except TargetBusy as busy:
            self._dispatcher.stay_quiet(busy.until)
            return str(busy)
        except (DeliveryError, TokenUnreadable, RetryLater) as error:
            return f"{type(error).__name__}: {error}"
        return None

    def _post(self, pending: Pending, progress: _Progress, deadline: InvocationDeadline) -> None:
        try:
            alert = read_alert({"body": pending.body})
            is_posted = self._deliver(alert, deadline, for_state=pending.is_for_state)
        except Occupied:
            progress.skipped.add(pending.key)
        except TargetRejected as rejection:
            progress.skipped.add(pending.key)
            self._bury(pending, rejection)
        except TargetRefused as refusal:
            progress.skipped.add(pending.key)
            if progress.is_doubtful:
                self._pending.note_tried(pending)
                progress.stopped = str(refusal)
            progress.refused.append((pending, refusal))
        except (DeliveryError, TokenUnreadable, RetryLater) as error:
            progress.stopped = f"{type(error).__name__}: {error}"
        except Exception as error:
            # An alert that is at fault itself must not hold up the others for good.
            if classify(error) is Permanence.TRANSIENT:
                raise
            progress.skipped.add(pending.key)
            self._bury(pending, error)
        else:
            self._pending.remove(pending)
            if is_posted:
                self._note_post(progress)

    def _deliver(self, alert: Alert, deadline: InvocationDeadline, *, for_state: bool) -> bool:
        """Post the alert, or only update the head of its thread. The result is whether a message was posted."""
        if not for_state:
            return not self._dispatcher.silence(alert) and self._dispatcher.dispatch(alert, deadline, late=True)
        if self._dispatcher.follow(alert):
            self._dispatcher.refresh(alert, deadline, late=True)
        return False

    def _note_post(self, progress: _Progress) -> None:
        """Keep the pace. Slack takes messages, so the messages that it rejected are at fault themselves."""
        progress.posted += 1
        self._dispatcher.keep_pace(PACE)
        for pending, refusal in progress.refused:
            self._bury(pending, refusal)
        progress.refused.clear()

    def _bury(self, pending: Pending, error: Exception) -> None:
        """Send an alert that can never be posted to the dead letters. Without a kept letter it stays a row."""
        try:
            self._letters.route(_letter_of(pending, error))
        except Exception as failure:  # noqa: BLE001 - the other alerts go on, and the row stays
            _log.error("dead_letter_not_kept", row=pending.key.sk, reason=f"{type(failure).__name__}: {failure}")
            return
        self._pending.remove(pending)
        _log.error("alert_dead_lettered", row=pending.key.sk, reason=f"{type(error).__name__}: {error}")


def _letter_of(pending: Pending, error: Exception) -> DeadLetter:
    """The message of the alert, as the queue had it. Without a message it is the whole row, which is never resent."""
    if pending.has_body:
        return make_letter({"messageId": pending.key.sk, "body": pending.body}, error, source=pending.key.pk)
    return make_letter(pending.row, error, source=OUTBOX)


class NoDrain:
    """Leaves pending alerts where they are, in a deployment without a token."""

    def __init__(self, pending: PendingAlerts) -> None:
        self._pending = pending

    def run(self, deadline: InvocationDeadline) -> Drained:
        """Report the pending alerts."""
        waiting = self._pending.count()
        measure(Metric.ALERTS_PENDING, waiting)
        reason = "no Slack token is set"
        if waiting:
            _log.warning("alerts_pending", posted=0, waiting=waiting, reason=reason)
        return Drained(waiting=waiting, reason=reason)

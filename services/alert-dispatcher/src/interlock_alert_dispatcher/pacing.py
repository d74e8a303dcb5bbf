"""The pacing of one target: the times at which it may be asked."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.errors import TargetBusy
from interlock_dlq import RetryLater
from interlock_telemetry import InvocationDeadline

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

POST_WITHIN = timedelta(seconds=20)
"""How long one alert may take after its lease. It ends well before the lease, so that no other Lambda posts it."""

_NEEDED = timedelta(seconds=2)
"""The time that the invocation must have left to begin with a message."""


def silence_nothing(alert: Alert) -> str:
    """No silence covers any alert."""
    return ""


class Pace:
    """The times of one address. All targets that lead there share it, also after an edit of the routing."""

    def __init__(self) -> None:
        self.quiet_until = _EPOCH
        """No message is sent before this time (UTC), for which the address asked."""
        self.next_at = _EPOCH
        """The time of the drain's next message (UTC)."""


class Pacing:
    """Keeps the time before which a target takes nothing, and the pace of the drain."""

    def __init__(
        self, *, now: Callable[[], datetime], sleep: Callable[[timedelta], None], pace: Pace | None = None
    ) -> None:
        self._now = now
        self._sleep = sleep
        self._pace = pace or Pace()

    @property
    def quiet_until(self) -> datetime:
        """No message is sent before this time (UTC), for which the target asked."""
        return self._pace.quiet_until

    def stay_quiet(self, until: datetime | None) -> None:
        """Send no message before `until`, for which the target asked."""
        self._pace.quiet_until = max(self._pace.quiet_until, until or _EPOCH)

    def keep_pace(self, pause: timedelta) -> None:
        """Let the drain pause before its next message. An alert of the queue does not wait for it."""
        self._pace.next_at = self._now() + pause

    def follow(self, alert: Alert) -> bool:
        """Commit the state after an alert that is routed elsewhere. A target without threads has no state."""
        return False

    def refresh(self, alert: Alert, deadline: InvocationDeadline, *, late: bool = False) -> None:
        """Let the head of the alert's thread state the committed state. A target without threads has no head."""

    def await_release(self, deadline: InvocationDeadline, *, may_wait: bool = True) -> None:
        """Wait for the time that the target asked for, without a lease. Only a drain may wait.

        Raises RetryLater if the invocation is too short, and TargetBusy in place of a wait if `may_wait` is false. A
        wait would delay the alerts of the other targets.
        """
        if not may_wait and self.quiet_until > self._now():
            raise TargetBusy(self.quiet_until)
        until = max(self.quiet_until, self._pace.next_at) if may_wait else self._now()
        wait = max(until - self._now(), timedelta())
        if wait + _NEEDED > deadline.remaining():
            raise RetryLater("the target's wait is longer than the invocation" if wait else "too little time is left")
        if wait:
            self._sleep(wait)

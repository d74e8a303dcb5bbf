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


class Pacing:
    """Keeps the time before which a target takes nothing, and the pace of the drain."""

    def __init__(self, *, now: Callable[[], datetime], sleep: Callable[[timedelta], None]) -> None:
        self._now = now
        self._sleep = sleep
        self.quiet_until = _EPOCH
        """No message is sent before this time (UTC), for which the target asked."""
        self._next_at = _EPOCH

    def stay_quiet(self, until: datetime | None) -> None:
        """Send no message before `until`, for which the target asked."""
        self.quiet_until = max(self.quiet_until, until or _EPOCH)

    def keep_pace(self, pause: timedelta) -> None:
        """Let the drain pause before its next message. An alert of the queue does not wait for it."""
        self._next_at = self._now() + pause

    def await_release(self, deadline: InvocationDeadline, *, may_wait: bool = True) -> None:
        """Wait for the time that the target asked for, without a lease. Only a drain may wait.

        Raises RetryLater if the invocation is too short, and TargetBusy in place of a wait if `may_wait` is false. A
        wait would delay the alerts of the other targets.
        """
        if not may_wait and self.quiet_until > self._now():
            raise TargetBusy(self.quiet_until)
        until = max(self.quiet_until, self._next_at) if may_wait else self._now()
        wait = max(until - self._now(), timedelta())
        if wait + _NEEDED > deadline.remaining():
            raise RetryLater("the target's wait is longer than the invocation" if wait else "too little time is left")
        if wait:
            self._sleep(wait)

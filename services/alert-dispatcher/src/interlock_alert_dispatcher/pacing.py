"""The pacing of one target: the times at which it may be asked."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from interlock_alert_dispatcher.alert import Alert
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
    """Keeps the time before which a target takes nothing."""

    def __init__(self, *, now: Callable[[], datetime], sleep: Callable[[timedelta], None]) -> None:
        self._now = now
        self._sleep = sleep
        self.quiet_until = _EPOCH
        """No message is sent before this time (UTC)."""

    def stay_quiet(self, until: datetime | None) -> None:
        """Send no message before `until`."""
        self.quiet_until = max(self.quiet_until, until or _EPOCH)

    def await_release(self, deadline: InvocationDeadline) -> None:
        """Wait for the time that the target asked for, without a lease.

        Raises RetryLater if the invocation is too short.
        """
        wait = max(self.quiet_until - self._now(), timedelta())
        if wait + _NEEDED > deadline.remaining():
            raise RetryLater("the target's wait is longer than the invocation" if wait else "too little time is left")
        if wait:
            self._sleep(wait)

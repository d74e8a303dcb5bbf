"""Looks for faults of the Slack settings, before an alert finds them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from interlock_alert_dispatcher.slack import Slack, SlackError, SlackRefused
from interlock_alert_dispatcher.tokens import TokenUnreadable
from interlock_dlq import RetryLater
from interlock_telemetry import InvocationDeadline, Metric, get_logger, measure

_log = get_logger(__name__)

_EVERY = timedelta(minutes=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Checkup:
    """Checks token, scopes and channel every five minutes of a process. Terraform has an alarm on `slack_unusable`."""

    def __init__(self, slack: Slack, *, now: Callable[[], datetime]) -> None:
        self._slack = slack
        self._now = now
        self._last = _EPOCH

    def run(self, deadline: InvocationDeadline) -> None:
        """Check, and log a fault. A Slack that does not answer is no fault of the settings: alerts wait for it."""
        if self._now() - self._last < _EVERY:
            return
        self._last = self._now()
        try:
            self._slack.check(deadline)
        except (SlackRefused, TokenUnreadable) as fault:
            _log.error("slack_unusable", channel=self._slack.channel, reason=f"{type(fault).__name__}: {fault}")
            measure(Metric.SLACK_FAULTS, 1)
        except (SlackError, RetryLater) as error:
            _log.warning("slack_not_checked", reason=f"{type(error).__name__}: {error}")
        else:
            measure(Metric.SLACK_FAULTS, 0)

"""Looks for faults of the settings of alerts, before an alert finds them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from interlock_alert_dispatcher.errors import DeliveryError, SettingsFault, TargetRefused
from interlock_alert_dispatcher.tokens import TokenUnreadable
from interlock_dlq import RetryLater
from interlock_telemetry import InvocationDeadline, Metric, get_logger, measure, run_bounded

_log = get_logger(__name__)

_AT_ONCE = 8
_EVERY = timedelta(minutes=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Check = Callable[[InvocationDeadline], None]
"""Raises TargetRefused, SettingsFault or TokenUnreadable for a fault of the settings. It posts nothing."""


class Checkup:
    """Checks the routing and the settings of each target every five minutes of a process.

    Terraform has an alarm on the log line `slack_unusable`.
    """

    def __init__(self, checks: Callable[[], Mapping[str, Check]], *, now: Callable[[], datetime]) -> None:
        self._checks = checks
        self._now = now
        self._last = _EPOCH

    def run(self, deadline: InvocationDeadline) -> None:
        """Check, and log each fault. A target that does not answer has no fault of its settings: alerts wait for it."""
        if self._now() - self._last < _EVERY:
            return
        self._last = self._now()
        results = [_result_of(channel, check, deadline) for channel, check in self._checks().items()]
        if any(result is not None for result in results):
            measure(Metric.SLACK_FAULTS, 0 if all(result is not False for result in results) else 1)


def check_all(checks: Mapping[str, Check], deadline: InvocationDeadline) -> None:
    """Make all checks at the same time. Raises SettingsFault, which names each check without a success."""
    calls = [partial(check, deadline) for check in checks.values()]
    outcomes = run_bounded(calls, workers=_AT_ONCE, deadline=deadline)
    faults = [f"{name}: {outcome.error}" for name, outcome in zip(checks, outcomes, strict=True) if not outcome.ok]
    if faults:
        raise SettingsFault(". ".join(faults))


def _result_of(channel: str, check: Check, deadline: InvocationDeadline) -> bool | None:
    """Whether the check found no fault, None if it could not be made."""
    try:
        check(deadline)
    except (TargetRefused, SettingsFault, TokenUnreadable) as fault:
        _log.error("slack_unusable", channel=channel, reason=f"{type(fault).__name__}: {fault}")
        return False
    except (DeliveryError, RetryLater) as error:
        _log.warning("slack_not_checked", channel=channel, reason=f"{type(error).__name__}: {error}")
        return None
    return True

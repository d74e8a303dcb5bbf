"""Looks for faults of the settings of alerts, before an alert finds them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from interlock_alert_dispatcher.errors import DeliveryError, SettingsFault, TargetRefused
from interlock_alert_dispatcher.tokens import TokenUnreadable
from interlock_dlq import RetryLater
from interlock_telemetry import DeadlinePassed, InvocationDeadline, Metric, get_logger, measure, run_bounded

_log = get_logger(__name__)

_AT_ONCE = 8
_FIRST = ("alerts.yaml", "silences")
"""The checks that ask no target and end soon. They come before the others."""

_EVERY = timedelta(minutes=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_FAULTS = (TargetRefused, SettingsFault, TokenUnreadable)
_EXPECTED = (*_FAULTS, DeliveryError, RetryLater, DeadlinePassed)

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
        self._turn = 0

    def run(self, deadline: InvocationDeadline) -> None:
        """Check, and log each fault. A target that does not answer has no fault of its settings: alerts wait for it.

        The checks are made at the same time, and take at most half of the time that is left. If too many of them hang,
        each run begins with another target. Raises the error of a check that is no fault, after all checks.
        """
        if self._now() - self._last < _EVERY:
            return
        self._last = self._now()
        checks = self._in_order()
        part = InvocationDeadline.after(deadline.remaining() / 2, clock=deadline.clock)
        calls = [partial(check, part) for check in checks.values()]
        outcomes = run_bounded(calls, workers=_AT_ONCE, deadline=part)
        results = [_result_of(channel, outcome.error) for channel, outcome in zip(checks, outcomes, strict=True)]
        if any(result is not None for result in results):
            measure(Metric.SLACK_FAULTS, 0 if all(result is not False for result in results) else 1)
        for outcome in outcomes:
            if not isinstance(outcome.error, _EXPECTED):
                outcome.result()

    def _in_order(self) -> dict[str, Check]:
        """The checks of this run: those that ask no target first, then the targets, each run from another one."""
        checks = self._checks()
        others = [name for name in checks if name not in _FIRST]
        start = self._turn * _AT_ONCE % max(len(others), 1)
        self._turn += 1
        first = [name for name in _FIRST if name in checks]
        return {name: checks[name] for name in (*first, *others[start:], *others[:start])}


def check_all(checks: Mapping[str, Check], deadline: InvocationDeadline) -> None:
    """Make all checks at the same time. Raises SettingsFault, which names each check without a success."""
    calls = [partial(check, deadline) for check in checks.values()]
    outcomes = run_bounded(calls, workers=_AT_ONCE, deadline=deadline)
    faults = [f"{name}: {outcome.error}" for name, outcome in zip(checks, outcomes, strict=True) if not outcome.ok]
    if faults:
        raise SettingsFault(". ".join(faults))


def _result_of(channel: str, error: BaseException | None) -> bool | None:
    """Whether the check found no fault, None if it could not be made. `error` ended the check."""
    if isinstance(error, _FAULTS):
        _log.error("slack_unusable", channel=channel, reason=f"{type(error).__name__}: {error}")
        return False
    if error is not None:
        _log.warning("slack_not_checked", channel=channel, reason=f"{type(error).__name__}: {error}")
        return None
    return True

"""Creates the Scheduler entries of SLA clocks once under deterministic names, and deletes them."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from interlock_lifecycle import RunKey
from interlock_lifecycle.slas import Timer, timer_input
from interlock_telemetry import Settings, arn

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_scheduler.type_defs import TargetTypeDef


TIMER_VARIABLES = {
    "SLA_MONITOR_ARN": arn("lambda", "function:"),
    "SCHEDULER_ROLE_ARN": arn("iam", "role/"),
    "SCHEDULER_DLQ_ARN": arn("sqs"),
}
"""The forms of the variables of a Lambda that makes timers. EventBridge Scheduler checks them only with a timer."""


class Timers(Protocol):
    """The timers that fire SLA alerts at their moment."""

    def create(self, key: RunKey, timer: Timer) -> None:
        """Make sure that the timer exists."""

    def delete(self, timer: Timer) -> None:
        """Make sure that the timer does not exist."""

    def ping(self) -> None:
        """Raise unless timers can be made."""


class NoTimers:
    """The timers of an environment without EventBridge Scheduler. The watchdog's checks report its alerts."""

    def create(self, key: RunKey, timer: Timer) -> None:
        """Do nothing."""

    def delete(self, timer: Timer) -> None:
        """Do nothing."""

    def ping(self) -> None:
        """Do nothing."""


def timers_of_environment(settings: Settings, make_client: Callable[[], "EventBridgeSchedulerClient"]) -> Timers:
    """The timers for a Lambda's environment variables: NoTimers if SKIP_SCHEDULER is set.

    `make_client` makes the boto3 client of EventBridge Scheduler. It is only called without SKIP_SCHEDULER.
    """
    if settings.skip_scheduler:
        return NoTimers()
    return SchedulerTimers(
        make_client(),
        group=settings["SCHEDULER_GROUP_NAME"],
        target_arn=settings["SLA_MONITOR_ARN"],
        role_arn=settings["SCHEDULER_ROLE_ARN"],
        dead_letters_arn=settings.get("SCHEDULER_DLQ_ARN"),
    )


class SchedulerTimers:
    """One-time EventBridge Scheduler entries that invoke the SLA monitor and delete themselves.

    `dead_letters_arn` names the queue for timers that Scheduler could not deliver.
    """

    def __init__(
        self,
        client: "EventBridgeSchedulerClient",
        *,
        group: str,
        target_arn: str,
        role_arn: str,
        dead_letters_arn: str | None = None,
    ) -> None:
        self._client = client
        self._group = group
        self._target: TargetTypeDef = {"Arn": target_arn, "RoleArn": role_arn}
        if dead_letters_arn is not None:
            self._target["DeadLetterConfig"] = {"Arn": dead_letters_arn}

    def create(self, key: RunKey, timer: Timer) -> None:
        """Create the entry. An existing entry of that name counts as success."""
        try:
            self._client.create_schedule(
                Name=timer.name,
                GroupName=self._group,
                ScheduleExpression=f"at({timer.at:%Y-%m-%dT%H:%M:%S})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={**self._target, "Input": json.dumps(timer_input(key, timer))},
            )
        except self._client.exceptions.ConflictException:
            return

    def ping(self) -> None:
        """Raise unless the schedule group exists and EventBridge Scheduler answers."""
        self._client.get_schedule_group(Name=self._group)

    def delete(self, timer: Timer) -> None:
        """Delete the entry. A missing entry counts as success."""
        try:
            self._client.delete_schedule(Name=timer.name, GroupName=self._group)
        except self._client.exceptions.ResourceNotFoundException:
            return

"""A Lambda's variables pick its timers."""

import boto3
import pytest

from interlock_controller.effects import NoTimers, SchedulerTimers, timers_of_environment
from interlock_telemetry import Settings, environment

NAMES = ("SLA_MONITOR_ARN", "SCHEDULER_ROLE_ARN", "SCHEDULER_GROUP_NAME")


def settings(**more: str) -> Settings:
    return environment(NAMES, ["SCHEDULER_DLQ_ARN"], source={**dict.fromkeys(NAMES, "x"), **more})


def test_scheduler_unless_it_is_skipped() -> None:
    made = timers_of_environment(settings(), lambda: boto3.client("scheduler", region_name="us-east-1"))
    assert isinstance(made, SchedulerTimers)


def test_without_scheduler_no_client_is_made() -> None:
    def reject() -> None:
        pytest.fail("a client was made")

    assert isinstance(timers_of_environment(settings(SKIP_SCHEDULER="true"), reject), NoTimers)  # type: ignore[arg-type]

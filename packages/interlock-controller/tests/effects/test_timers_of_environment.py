"""A Lambda's variables pick its timers."""

import boto3
import pytest

from interlock_controller.effects import TIMER_VARIABLES, NoTimers, SchedulerTimers, timers_of_environment
from interlock_telemetry import InvalidEnvironment, Settings, environment

NAMES = ("SLA_MONITOR_ARN", "SCHEDULER_ROLE_ARN", "SCHEDULER_GROUP_NAME")
VARIABLES = {
    "SLA_MONITOR_ARN": "arn:aws:lambda:eu-west-1:123456789012:function:sla-monitor",
    "SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/timers",
    "SCHEDULER_GROUP_NAME": "timers",
}


def settings(**more: str) -> Settings:
    return environment(NAMES, own=TIMER_VARIABLES, source={**VARIABLES, **more})


def test_scheduler_unless_it_is_skipped() -> None:
    made = timers_of_environment(settings(), lambda: boto3.client("scheduler", region_name="us-east-1"))
    assert isinstance(made, SchedulerTimers)


def test_without_scheduler_no_client_is_made() -> None:
    def reject() -> None:
        pytest.fail("a client was made")

    assert isinstance(timers_of_environment(settings(SKIP_SCHEDULER="true"), reject), NoTimers)  # type: ignore[arg-type]


def test_all_invalid_arns_are_named_before_the_first_timer() -> None:
    with pytest.raises(InvalidEnvironment) as caught:
        settings(SLA_MONITOR_ARN="sla-monitor", SCHEDULER_ROLE_ARN="role/timers", SCHEDULER_DLQ_ARN="letters")
    assert [problem.split(" is ")[0] for problem in caught.value.invalid] == list(TIMER_VARIABLES)

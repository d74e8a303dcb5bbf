"""The Terraform root that the suite of a real account writes can be planned, and a destroy can remove all of it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from account._deployment import root_text

if TYPE_CHECKING:
    from conftest import Plan

ZIPS = Path(__file__).parent / "zips"
SERVICES = {"alert-dispatcher", "event-sink", "orchestrator", "sla-monitor", "stream-router", "watchdog"}
PREFIX = "account-0a1b2c3d-interlock-"


@pytest.fixture(scope="module")
def plan(plan_of_text: Callable[[str, str], "Plan"]) -> "Plan":
    return plan_of_text("account", root_text("account-0a1b2c3d", "000000000000", "eu-west-1", ZIPS))


def test_the_root_plans_the_whole_deployment(plan: "Plan") -> None:
    functions = {one.values["function_name"] for one in plan.of("aws_lambda_function")}
    assert functions == {f"{PREFIX}{service}" for service in SERVICES}
    # The suite finds the state machine by this name.
    assert plan.one("aws_sfn_state_machine").values["name"] == f"{PREFIX}pipeline"


def test_a_destroy_can_remove_the_deployment(plan: "Plan") -> None:
    tables = plan.of("aws_dynamodb_table")
    assert len(tables) == 4
    assert not any(one.values["deletion_protection_enabled"] for one in tables)
    assert {one.values["retention_in_days"] for one in plan.of("aws_cloudwatch_log_group")} == {1}

"""The suite of a real account runs in the named account only, and computes its cost from counts."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from account import Usage, WrongAccount, chosen_account, cost_lines, usage_of
from account._deployment import root_text

from interlock_local import find_checkout

ID = "123456789012"


def never() -> str:
    pytest.fail("AWS was asked")


@pytest.mark.parametrize("variables", [{}, {"INTERLOCK_ACCOUNT_TESTS": ""}, {"INTERLOCK_ACCOUNT_TESTS": " "}])
def test_without_an_account_the_suite_does_not_run(variables: dict[str, str]) -> None:
    with pytest.raises(WrongAccount, match="costs money: set INTERLOCK_ACCOUNT_TESTS to the id of the account"):
        chosen_account(variables, never)


@pytest.mark.parametrize("value", ["1", "yes", "12345678901", "1234567890123", "12345678901a"])
def test_an_account_is_named_by_its_id(value: str) -> None:
    with pytest.raises(WrongAccount, match=f"INTERLOCK_ACCOUNT_TESTS is '{value}', which is no account id"):
        chosen_account({"INTERLOCK_ACCOUNT_TESTS": value}, never)


def test_credentials_of_another_account_are_rejected() -> None:
    with pytest.raises(WrongAccount, match=f"is {ID}, but the credentials belong to account 999999999999"):
        chosen_account({"INTERLOCK_ACCOUNT_TESTS": ID}, lambda: "999999999999")


def test_the_named_account_is_used() -> None:
    assert chosen_account({"INTERLOCK_ACCOUNT_TESTS": f" {ID} "}, lambda: ID) == ID


def test_terraform_may_work_in_the_named_account_only(tmp_path: Path) -> None:
    text = root_text("account-1", ID, "eu-west-1", tmp_path)
    assert f'allowed_account_ids = ["{ID}"]' in text
    assert 'environment         = "account-1"' in text
    assert "deletion_protection = false" in text
    variables = (find_checkout() / "infra" / "stack" / "variables.tf").read_text(encoding="utf-8")
    given = set(re.findall(r"^  (\w+) += ", text.partition('module "interlock"')[2], re.MULTILINE)) - {"source"}
    assert len(given) == 6
    assert given <= set(re.findall(r'^variable "(\w+)"', variables, re.MULTILINE))


class Cloud:
    """CloudWatch with one point of 1,000 per metric, and one execution with three states."""

    def get_metric_statistics(self, **asked: Any) -> dict[str, Any]:
        return {"Datapoints": [{"Sum": 1000.0}]}

    def get_paginator(self, operation: str) -> "Cloud":
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        if "executionArn" in asked:
            kinds = (
                "ExecutionStarted",
                "TaskStateEntered",
                "TaskStateExited",
                "ChoiceStateEntered",
                "FailStateEntered",
            )
            return [{"events": [{"type": kind} for kind in kinds]}]
        return [{"executions": [{"executionArn": "a"}]}, {"executions": []}]


def test_the_cost_is_counts_by_prices() -> None:
    now = datetime(2026, 3, 3, tzinfo=UTC)
    usage = usage_of(lambda service: Cloud(), "account-1", "arn:m", now, now)
    assert usage.counts == {
        "state transitions": 3,
        "invocations": 6000,
        "gigabyte-seconds": 3,
        "write units": 4000,
        "read units": 4000,
    }
    assert usage.dollars == pytest.approx((3 * 25 + 6000 * 0.2 + 3 * 13.3334 + 4000 * 0.625 + 4000 * 0.125) / 1e6)
    assert cost_lines(Usage({"invocations": 1_000_000}))[:2] == [
        "invocations           1,000,000  0.200000 USD",
        "sum                              0.200000 USD",
    ]

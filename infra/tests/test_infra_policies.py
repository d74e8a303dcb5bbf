"""Managed policies for people and producers: each permits its work and no more."""

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Plan

ACCOUNT = "eu-west-1:000000000000"
POLICIES = ("reader", "operator", "table-sensor-writer", "inbox-sensor-writer")


def _statements(plan: "Plan", name: str) -> list[dict[str, Any]]:
    policy = plan.one("aws_iam_policy", name=f"test-interlock-{name}").values
    statements: list[dict[str, Any]] = json.loads(policy["policy"])["Statement"]
    return statements


def _allowed(plan: "Plan", name: str) -> set[tuple[str, str]]:
    return {
        (action, resource)
        for statement in _statements(plan, name)
        for action in statement["Action"]
        for resource in (statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]])
    }


def _permits(plan: "Plan", name: str, action: str, resource: str) -> bool:
    return any(one == action and fnmatchcase(resource, pattern) for one, pattern in _allowed(plan, name))


def _table(name: str) -> str:
    return f"arn:aws:dynamodb:{ACCOUNT}:table/test-interlock-{name}"


def _queue(name: str) -> str:
    return f"arn:aws:sqs:{ACCOUNT}:test-interlock-{name}"


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_names_its_resources(name: str, full: "Plan") -> None:
    for action, resource in _allowed(full, name):
        assert "*" not in action
        assert "test-interlock-" in resource or resource.endswith(":key/k")
    policy = full.one("aws_iam_policy", name=f"test-interlock-{name}").values
    assert policy["path"] == "/data/"
    # IAM counts the characters of a managed policy, without white space.
    assert len(policy["policy"]) <= 6144


def test_policies_are_created_on_request_only(stack: "Plan", full: "Plan") -> None:
    assert stack.of("aws_iam_policy") == []
    assert len(full.of("aws_iam_policy")) == len(POLICIES)
    assert full.output("policy_arns") == {
        name: f"arn:aws:iam::000000000000:policy/data/test-interlock-{name}" for name in POLICIES
    }
    assert stack.output("policy_arns") == {}


def test_a_reader_changes_nothing(full: "Plan") -> None:
    actions = {action for action, _ in _allowed(full, "reader")}
    assert actions == {
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "kms:Decrypt",
    }
    for table in (
        "control",
        "control/index/GSI1",
        "control/index/GSI2",
        "events",
        "events/index/GSI1",
        "joblog",
        "rerun",
    ):
        assert _permits(full, "reader", "dynamodb:Query", _table(table))


def test_an_operator_changes_no_append_only_table(full: "Plan") -> None:
    changed = {
        resource
        for action, resource in _allowed(full, "operator")
        if action in {"dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
    }
    assert changed == {_table("control"), _table("events")}


def test_an_operator_may_redrive_each_dead_letter_queue(full: "Plan") -> None:
    actions = ("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "ReceiveMessage")
    letters = [one.values["name"] for one in full.of("aws_sqs_queue") if "-dlq" in one.values["name"]]
    assert len(letters) == 7
    for name in letters:
        queue = f"arn:aws:sqs:{ACCOUNT}:{name}"
        for action in actions:
            assert _permits(full, "operator", f"sqs:{action}", queue), (action, name)
    for action in ("dynamodb:GetRecords", "dynamodb:GetShardIterator"):
        assert _permits(full, "operator", action, f"{_table('control')}/stream/2026-01-01T00:00:00.000")


def test_an_operator_may_invoke_each_function_and_alias(full: "Plan") -> None:
    """Also the alias of a function without one, because AWS reports it as absent only to a permitted caller."""
    for function in full.of("aws_lambda_function"):
        arn = f"arn:aws:lambda:{ACCOUNT}:function:{function.values['function_name']}"
        for name in (arn, f"{arn}:live"):
            assert _permits(full, "operator", "lambda:InvokeFunction", name), name


def test_an_operator_takes_no_message_of_a_live_queue(full: "Plan") -> None:
    for name in ("alerts", "event-sink", "sensor-inbox.fifo"):
        for action in ("DeleteMessage", "ReceiveMessage", "SendMessage"):
            assert not _permits(full, "operator", f"sqs:{action}", _queue(name))


def test_a_writer_of_the_inbox_reaches_nothing_else(full: "Plan") -> None:
    key = f"arn:aws:kms:{ACCOUNT}:key/k"
    assert _allowed(full, "inbox-sensor-writer") == {
        ("sqs:SendMessage", _queue("sensor-inbox.fifo")),
        ("kms:Decrypt", key),
        ("kms:GenerateDataKey", key),
    }
    # The output for a policy of your own says the same.
    assert _statements(full, "inbox-sensor-writer") == json.loads(full.output("sensor_writer_policy"))["Statement"]


def test_a_writer_of_the_table_puts_no_command(full: "Plan") -> None:
    """docs/how-to/limit-a-sensor-writer.md has these conditions."""
    put = _statements(full, "table-sensor-writer")[0]
    assert (put["Action"], put["Resource"]) == (["dynamodb:PutItem"], _table("control"))
    assert put["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["PIPELINE#*"]},
        # A config has the attribute config, so that such a row is rejected.
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["PK", "SK", "data", "ttl"]},
    }

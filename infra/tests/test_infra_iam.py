"""Who may do what: each service only what its code does, and nothing for everything."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Plan

REPOSITORY = Path(__file__).resolve().parents[2]
SERVICES = ("alert-dispatcher", "event-sink", "orchestrator", "sla-monitor", "stream-router", "watchdog")
# AWS knows no resource for these.
EVERYWHERE = {
    "dynamodb:ListStreams",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}
CONTROL = {"BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"}
TABLES = {
    "stream-router": {"control": CONTROL, "joblog": {"PutItem", "Query"}, "rerun": {"PutItem", "Query"}},
    "orchestrator": {"control": CONTROL, "joblog": {"PutItem", "Query"}, "rerun": {"PutItem", "Query"}},
    "watchdog": {"control": CONTROL, "joblog": {"PutItem", "Query"}, "rerun": {"PutItem", "Query"}},
    "sla-monitor": {"control": CONTROL, "joblog": {"Query"}, "rerun": {"Query"}},
    "event-sink": {"events": {"PutItem"}},
    "alert-dispatcher": {"events": {"DeleteItem", "GetItem", "UpdateItem"}},
}


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _statements(stack: "Plan", role: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for policy in stack.of("aws_iam_role_policy"):
        if policy.values["role"] == f"test-interlock-{role}":
            found += json.loads(policy.values["policy"])["Statement"]
    assert found, f"{role} has no policy"
    return found


def _allowed(stack: "Plan", role: str) -> set[tuple[str, str]]:
    return {
        (action, resource)
        for statement in _statements(stack, role)
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


@pytest.mark.parametrize("role", [*SERVICES, "pipeline", "scheduler"])
def test_no_role_may_do_anything_to_everything(role: str, stack: "Plan") -> None:
    for action, resource in _allowed(stack, role):
        assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z]+", action), action
        assert resource != "*" or action in EVERYWHERE, action
        assert resource == "*" or "test-interlock-" in resource, resource


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_touches_its_tables_only(service: str, stack: "Plan") -> None:
    tables: dict[str, set[str]] = {}
    for action, resource in _allowed(stack, service):
        name = resource.partition(":table/test-interlock-")[2]
        if name and "/" not in name:
            tables.setdefault(name, set()).add(action.removeprefix("dynamodb:"))
    assert tables == TABLES[service]


@pytest.mark.parametrize("service", SERVICES)
def test_only_what_reads_by_key_may_ask_an_index(service: str, stack: "Plan") -> None:
    asked = {
        (action, resource.rpartition(":")[2]) for action, resource in _allowed(stack, service) if "/index/" in resource
    }
    expected = (
        {("dynamodb:Query", "table/test-interlock-control/index/GSI1")} if "control" in TABLES[service] else set()
    )
    assert asked == expected


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("client", "action"),
    [
        (r"\bEventBus\(", "events:PutEvents"),
        (r"\bSchedulerTimers\(", "scheduler:CreateSchedule"),
        (r"\bExecutions\(", "states:StartExecution"),
        (r"\bSqsRouter\(", "sqs:SendMessage"),
        (r"\bSecretToken\(", "secretsmanager:GetSecretValue"),
    ],
)
def test_a_service_that_uses_something_may(client: str, action: str, service: str, stack: "Plan") -> None:
    wiring = REPOSITORY / "services" / service / "src" / f"interlock_{service.replace('-', '_')}" / "wiring.py"
    uses = re.search(client, wiring.read_text(encoding="utf-8")) is not None
    may = any(allowed == action for allowed, _ in _allowed(stack, service))
    if action == "secretsmanager:GetSecretValue":
        # Permitted together with the secret's ARN, which this plan has not.
        assert not may
        return
    assert may or not uses


def test_only_those_that_relay_may_put_events_and_all_others_are_denied(stack: "Plan") -> None:
    may = {
        service for service in SERVICES if any(action == "events:PutEvents" for action, _ in _allowed(stack, service))
    }
    assert may == {"stream-router", "watchdog"}
    (statement,) = json.loads(stack.one("aws_cloudwatch_event_bus_policy").values["policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "events:PutEvents")
    assert statement["Condition"] == {
        "ArnNotEquals": {
            "aws:PrincipalArn": [f"arn:aws:iam::000000000000:role/test-interlock-{service}" for service in sorted(may)]
        }
    }


def test_timers_may_only_fire_and_only_scheduler_takes_their_role(stack: "Plan") -> None:
    assert _allowed(stack, "scheduler") == {
        ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:000000000000:function:test-interlock-sla-monitor"),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:000000000000:test-interlock-sla-monitor-dlq"),
    }
    passing = [
        statement
        for service in SERVICES
        for statement in _statements(stack, service)
        if "iam:PassRole" in statement["Action"]
    ]
    assert len(passing) == 2
    for statement in passing:
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def test_the_orchestrator_may_start_nothing_that_is_not_enabled(stack: "Plan") -> None:
    services = {action.partition(":")[0] for action, _ in _allowed(stack, "orchestrator")}
    assert services == {"dynamodb", "logs"}


def test_the_state_machine_invokes_two_functions(stack: "Plan") -> None:
    invoked = {
        resource.rpartition(":")[2] for action, resource in _allowed(stack, "pipeline") if action.startswith("lambda:")
    }
    assert invoked == {"test-interlock-orchestrator", "test-interlock-sla-monitor"}

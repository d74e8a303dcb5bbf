"""The policies of the plan as the local deployment packs them: by role, with placeholders."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Plan

ROLES = (
    "stream-router",
    "orchestrator",
    "sla-monitor",
    "watchdog",
    "event-sink",
    "alert-dispatcher",
    "sfn",
    "scheduler",
)
INBOX = ("SensorInbox", "SensorInboxLetters")
"""The statements of the sensor inbox. The local deployment always has one, and infra/stack has one on request."""

_PLACEHOLDERS = {
    "test-interlock-": "${environment}-interlock-",
    "eu-west-1": "${region}",
    "000000000000": "${account}",
}


def packed_policies(stack: "Plan", full: "Plan") -> str:
    """The text of policies.json: the plan of infra/stack with its sensor inbox."""
    inbox = [one for one in _permissions(full, "stream-router") if one["Sid"] in INBOX]
    found = {
        role: {
            "trust": _trust(stack, role),
            "permissions": [*_permissions(stack, role), *(inbox if role == "stream-router" else [])],
        }
        for role in ROLES
    }
    text = json.dumps(found, indent=2)
    for planned, placeholder in _PLACEHOLDERS.items():
        text = text.replace(planned, placeholder)
    return text + "\n"


def _permissions(plan: "Plan", role: str) -> list[dict[str, Any]]:
    policies = [one for one in plan.of("aws_iam_role_policy") if one.values["role"] == f"test-interlock-{role}"]
    return [statement for policy in policies for statement in json.loads(policy.values["policy"])["Statement"]]


def _trust(plan: "Plan", role: str) -> list[dict[str, Any]]:
    found = plan.one("aws_iam_role", name=f"test-interlock-{role}").values["assume_role_policy"]
    statements: list[dict[str, Any]] = json.loads(found)["Statement"]
    return statements

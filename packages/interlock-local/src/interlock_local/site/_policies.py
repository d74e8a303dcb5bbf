"""The policies of the roles: those of the Terraform plan, and the few permissions that a deployment needs beyond it."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

FUNCTION_ROLES = ("stream-router", "orchestrator", "sla-monitor", "watchdog", "event-sink", "alert-dispatcher")
"""The roles of the functions."""

ROLES = (*FUNCTION_ROLES, "sfn", "scheduler")
"""The roles of a deployment: one per function, one of the state machine and one of the timers."""

Statements = list[dict[str, Any]]


class PlannedRole(Struct, frozen=True):
    """The trust and the permissions of a role in the plan of infra/stack, with placeholders."""

    trust: Statements
    permissions: Statements


class Extra(Struct, frozen=True):
    """A permission that the plan does not have: its Sid, roles, actions, resource and reason.

    The resource has the placeholders of policies.json. `own_server`: only our ministack needs it.
    """

    sid: str
    roles: tuple[str, ...]
    actions: tuple[str, ...]
    resource: str
    reason: str
    own_server: bool = True


EXTRAS = (
    Extra(
        "CreateLogGroup",
        FUNCTION_ROLES,
        ("logs:CreateLogGroup",),
        "arn:aws:logs:${region}:${account}:log-group:/aws/lambda/${environment}-interlock-${role}:*",
        "Terraform creates the log groups. Here Lambda creates them with the first line.",
        own_server=False,
    ),
    Extra(
        "LocalWake",
        ("stream-router", "orchestrator", "watchdog"),
        ("states:SendTaskSuccess",),
        "*",
        "ministack knows no state machine for a task token.",
    ),
    Extra(
        "LocalBus",
        ("stream-router", "watchdog"),
        ("events:DescribeEventBus",),
        "arn:aws:events:${region}:${account}:rule/default/${environment}-interlock-bus",
        "ministack checks DescribeEventBus against a rule of the default bus.",
    ),
    Extra(
        "LocalTimers",
        ("sla-monitor", "watchdog"),
        ("scheduler:CreateSchedule", "scheduler:DeleteSchedule"),
        "arn:aws:scheduler:${region}:${account}:schedule/default/*",
        "ministack checks a schedule of any group against the group default.",
    ),
)
"""The permissions beyond the plan."""


def planned_roles() -> Mapping[str, PlannedRole]:
    """Each role of ROLES in the plan of infra/stack, from policies.json. infra/tests compares the file with the plan.

    The placeholders are ${environment}, ${region} and ${account}.
    """
    text = files(__package__).joinpath("policies.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, PlannedRole])


class Identity(Struct, frozen=True):
    """The values of the placeholders: the deployment's environment, region and account."""

    environment: str
    region: str
    account: str


def trust_policy(role: str, identity: Identity) -> dict[str, Any]:
    """The policy that names the AWS service that may assume a role of ROLES."""
    return _document(planned_roles()[role].trust, role, identity)


def role_policy(role: str, identity: Identity, *, own_server: bool = False) -> dict[str, Any]:
    """The inline policy of a role of ROLES. `own_server` adds the permissions that our local server checks instead."""
    beyond = [
        {"Sid": one.sid, "Effect": "Allow", "Action": list(one.actions), "Resource": one.resource}
        for one in EXTRAS
        if role in one.roles and (own_server or not one.own_server)
    ]
    return _document([*planned_roles()[role].permissions, *beyond], role, identity)


def _document(statements: Statements, role: str, identity: Identity) -> dict[str, Any]:
    values = {**asdict(identity), "role": role}
    return {"Version": "2012-10-17", "Statement": _filled(statements, values)}


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    """The value with each placeholder replaced, in texts at any depth."""
    if isinstance(value, str):
        for name, text in values.items():
            value = value.replace(f"${{{name}}}", text)
        return value
    if isinstance(value, list):
        return [_filled(one, values) for one in value]
    if isinstance(value, dict):
        return {name: _filled(one, values) for name, one in value.items()}
    return value

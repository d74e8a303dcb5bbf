"""The local deployment is the plan: each difference has its reason in docs/reference/local-stack.md."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from parity import INBOX, Resources, deployed_resources, packed_policies, planned_resources, recorded

from interlock_local.site import StackSettings
from interlock_local.site._policies import EXTRAS, ROLES, Identity, role_policy

if TYPE_CHECKING:
    from conftest import Plan

REPOSITORY = Path(__file__).resolve().parents[2]
PACKED = REPOSITORY / "packages/interlock-local/src/interlock_local/site/policies.json"
PAGE = REPOSITORY / "docs/reference/local-stack.md"
SERVICES = ("alert-dispatcher", "event-sink", "orchestrator", "sla-monitor", "stream-router", "watchdog")
EVERY_FIELD = "all"
Difference = tuple[str, str]
"""A resource such as `aws_sqs_queue alerts`, and a field. EVERY_FIELD: only one side has the resource."""


@pytest.fixture(scope="module")
def deployed() -> Resources:
    zips = {service: REPOSITORY / f"infra/tests/zips/{service}.zip" for service in SERVICES}
    return deployed_resources(recorded(StackSettings(environment="test", architecture="arm64"), zips))


@pytest.fixture(scope="module")
def planned(stack: "Plan", full: "Plan") -> Resources:
    """The plan of infra/stack with a sensor inbox, which the local deployment always has."""
    found, more = planned_resources(stack), planned_resources(full)
    found |= {name: fields for name, fields in more.items() if "sensor-inbox" in name and name.split()[0] in _DEPLOYED}
    router = "test-interlock-stream-router"
    for resource, fields in (
        (f"aws_iam_role_policy {router}/interlock", INBOX),
        (f"aws_lambda_function {router}", ("environment.SENSOR_INBOX_DLQ_URL",)),
    ):
        found[resource] = {**found[resource], **{field: more[resource][field] for field in fields}}
    return found


_DEPLOYED = {"aws_lambda_event_source_mapping", "aws_sqs_queue"}


def _differences(deployed: Resources, planned: Resources) -> Iterator[Difference]:
    for name in sorted({*deployed, *planned}):
        shown = name.replace("test-interlock-", "")
        if name not in deployed or name not in planned:
            yield shown, EVERY_FIELD
            continue
        here, there = deployed[name], planned[name]
        yield from (
            (shown, field) for field in sorted({*here, *there}) if here.get(field, ...) != there.get(field, ...)
        )


def _reasons() -> list[tuple[str, str]]:
    """The patterns of resources and fields in the table of the page."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.partition("<!-- table: plan -->")[2].partition("<!-- end -->")[0]
    rows = re.findall(r"^\| `([^`]+)` \| `?([^`|]+?)`? \| ([^|]+) \|$", section, re.MULTILINE)
    assert all(reason.strip() for _, _, reason in rows)
    return [(resource, field) for resource, field, _ in rows]


def _covers(reason: tuple[str, str], difference: Difference) -> bool:
    return all(map(fnmatchcase, difference, reason))


def test_each_difference_from_the_plan_has_a_reason(deployed: Resources, planned: Resources) -> None:
    reasons = _reasons()
    found = list(_differences(deployed, planned))
    assert [one for one in found if not any(_covers(reason, one) for reason in reasons)] == []


def test_each_reason_has_a_difference(deployed: Resources, planned: Resources) -> None:
    found = list(_differences(deployed, planned))
    assert [reason for reason in _reasons() if not any(_covers(reason, one) for one in found)] == []


def test_comparison_sees_each_kind_of_resource(deployed: Resources, planned: Resources) -> None:
    """A resource without fields would be equal to any other."""
    bare = {"aws_cloudwatch_event_bus", "aws_scheduler_schedule_group"}
    kinds = {name.split()[0] for name in deployed}
    assert len(kinds) == 13
    for side in (deployed, planned):
        assert {name for name, fields in side.items() if name.split()[0] in kinds - bare and not fields} == set()


def test_local_roles_have_the_policies_of_the_plan(stack: "Plan", full: "Plan", request: pytest.FixtureRequest) -> None:
    """`--write` writes the file."""
    text = packed_policies(stack, full)
    if request.config.getoption("--write"):
        PACKED.write_text(text, encoding="utf-8")
    assert PACKED.read_text(encoding="utf-8") == text, "uv run nox -s infra -- -k local_roles --write"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("own_server", [False, True])
def test_permissions_beyond_the_plan_are_named(role: str, own_server: bool, planned: Resources) -> None:
    policy = role_policy(role, Identity("test", "eu-west-1", "000000000000"), own_server=own_server)
    planned_sids = planned[f"aws_iam_role_policy test-interlock-{role}/interlock"].keys()
    beyond = [one["Sid"] for one in policy["Statement"] if one["Sid"] not in planned_sids]
    assert beyond == [one.sid for one in EXTRAS if role in one.roles and (own_server or not one.own_server)]
    assert "${" not in json.dumps(policy)


def test_page_names_each_permission_beyond_the_plan() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("## 2.")[2].partition("## 3.")[0]
    rows: dict[str, Any] = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE))
    assert rows.keys() == {one.sid for one in EXTRAS}
    for one in EXTRAS:
        assert one.reason in rows[one.sid]
        assert all(f"`{action}`" in rows[one.sid] for action in one.actions)

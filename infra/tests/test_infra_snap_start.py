"""SnapStart: every invoker of a function names its alias, and nothing is published without it."""

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from interlock_cli._signals._resends import ALIAS

if TYPE_CHECKING:
    from conftest import Plan, Resource

OFFERED = ("orchestrator", "sla-monitor", "stream-router")
OTHERS = ("alert-dispatcher", "event-sink", "watchdog")
PREFIX = "arn:aws:lambda:eu-west-1:000000000000:function:test-interlock-"
NOT_RESTORED = {
    "Lambda.SnapStartException",
    "Lambda.SnapStartNotReadyException",
    "Lambda.SnapStartTimeoutException",
}
# These resources permit an invocation or describe the function. They invoke nothing.
_NO_INVOKERS = {"aws_iam_policy", "aws_iam_role_policy", "aws_lambda_alias", "aws_lambda_permission"}


def _function(plan: "Plan", service: str) -> dict[str, Any]:
    return dict(plan.one("aws_lambda_function", function_name=f"test-interlock-{service}").values)


def _aliases(plan: "Plan") -> dict[str, "Resource"]:
    return {
        alias.values["function_name"].removeprefix("test-interlock-"): alias for alias in plan.of("aws_lambda_alias")
    }


def _invoked(plan: "Plan") -> Iterator[tuple[str, str]]:
    """Each resource that invokes a function of the deployment, with the ARN that it names."""
    for resource in plan.resources:
        if resource.type not in _NO_INVOKERS:
            yield from ((resource.address, arn) for arn in _arns(dict(resource.values)))


def _arns(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _arns(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _arns(inner)
    elif isinstance(value, str):
        yield from re.findall(rf"{PREFIX}[a-z-]+(?::[A-Za-z0-9_$-]+)?", value)


def _may_invoke(statements: list[dict[str, Any]]) -> set[str]:
    found: set[str] = set()
    for statement in statements:
        if "lambda:InvokeFunction" in statement["Action"]:
            resources = statement["Resource"]
            found |= set(resources if isinstance(resources, list) else [resources])
    return {arn.removeprefix(PREFIX) for arn in found if arn.startswith(PREFIX)}


def _role_may_invoke(plan: "Plan", role: str) -> set[str]:
    policies = [one.values for one in plan.of("aws_iam_role_policy") if one.values["role"] == f"test-interlock-{role}"]
    return _may_invoke([one for policy in policies for one in json.loads(policy["policy"])["Statement"]])


def _retried(plan: "Plan") -> list[set[str]]:
    """The errors of the most patient retry of each step that invokes a function."""
    definition = json.loads(plan.one("aws_sfn_state_machine").values["definition"])
    return [
        set(max(state["Retry"], key=lambda retry: retry["MaxAttempts"])["ErrorEquals"])
        for state in definition["States"].values()
        if state["Type"] == "Task" and "Retry" in state
    ]


@pytest.mark.parametrize("service", OFFERED)
def test_a_function_with_snapstart_publishes_its_versions(service: str, own: "Plan") -> None:
    function = _function(own, service)
    assert function["publish"] is True
    assert [one["apply_on"] for one in function["snap_start"]] == ["PublishedVersions"]
    # SnapStart needs Python 3.12, no EFS and at most 512 MB of /tmp.
    assert function["runtime"] == "python3.13"
    assert not function.get("file_system_config")
    assert not function.get("ephemeral_storage")
    assert own.of("aws_lambda_provisioned_concurrency_config") == []
    # `interlock dlq redrive` finds the alias by its name.
    assert _aliases(own)[service].values["name"] == ALIAS == "live"


def test_every_invoker_of_such_a_function_names_its_alias(own: "Plan") -> None:
    invoked = list(_invoked(own))
    kinds = {
        address.rpartition("module.")[2].partition(".")[2].partition(".")[0].partition("[")[0] for address, _ in invoked
    }
    assert {"aws_lambda_event_source_mapping", "aws_sfn_state_machine", "aws_lambda_function"} <= kinds
    names = {service: f"{PREFIX}{service}:live" for service in OFFERED}
    assert {arn for _, arn in invoked} >= set(names.values())
    wrong = [
        (address, arn)
        for address, arn in invoked
        for service, alias in names.items()
        if arn.removeprefix(PREFIX).split(":")[0] == service and arn != alias
    ]
    assert wrong == []


def test_each_mapping_of_the_router_names_its_alias(own: "Plan") -> None:
    router = [one for one in own.of("aws_lambda_event_source_mapping") if ".stream_router." in one.address]
    assert len(router) == 4
    assert {one.values["function_name"] for one in router} == {f"{PREFIX}stream-router:live"}


def test_timers_are_made_for_the_alias(own: "Plan") -> None:
    for service in ("sla-monitor", "watchdog"):
        variables = _function(own, service)["environment"][0]["variables"]
        assert variables["SLA_MONITOR_ARN"] == f"{PREFIX}sla-monitor:live"


def test_failed_events_of_the_alias_are_retried_and_kept(own: "Plan") -> None:
    settings = [
        (one.values.get("qualifier"), one.values["maximum_retry_attempts"], one.values["maximum_event_age_in_seconds"])
        for one in own.of("aws_lambda_function_event_invoke_config")
        if one.values["function_name"] == "test-interlock-sla-monitor"
    ]
    assert sorted(settings, key=str) == [("live", 2, 21600), (None, 2, 21600)]


@pytest.mark.parametrize("role", ["scheduler", "sfn"])
def test_a_role_may_invoke_alias_and_function(role: str, own: "Plan", full: "Plan", stack: "Plan") -> None:
    """Executions and timers from before SnapStart name the function, and from after it the alias."""
    plain = _role_may_invoke(stack, role)
    assert plain
    both = plain | {f"{service}:live" for service in plain}
    assert _role_may_invoke(full, role) == both
    assert _may_invoke(json.loads(own.output("role_policies")[role])["Statement"]) == both


def test_steps_wait_for_a_snapshot(own: "Plan", stack: "Plan") -> None:
    retried = _retried(own)
    assert len(retried) == len(_retried(stack)) > 5
    assert all(errors >= NOT_RESTORED for errors in retried)
    assert not any(errors & NOT_RESTORED for errors in _retried(stack))


@pytest.mark.parametrize("service", OTHERS)
def test_functions_that_report_failures_have_no_snapshot(service: str, own: "Plan") -> None:
    function = _function(own, service)
    assert not function.get("publish")
    assert not function.get("snap_start")
    assert service not in _aliases(own)


def test_an_alias_alone_is_invoked_by_none(full: "Plan") -> None:
    assert set(_aliases(full)) == set(OFFERED)
    assert [arn for _, arn in _invoked(full) if arn.endswith(":live")] == []
    for service in OFFERED:
        assert _function(full, service)["publish"] is True
        assert not _function(full, service).get("snap_start")


def test_without_snapstart_nothing_is_published(stack: "Plan", small: "Plan") -> None:
    for plan in (stack, small):
        assert plan.of("aws_lambda_alias") == []
        assert [one.address for one in plan.resources if ":live" in json.dumps(one.values)] == []
        for function in plan.of("aws_lambda_function"):
            assert not function.values.get("publish")
            assert not function.values.get("snap_start")
        assert plan.output("alias_arns") is None


def test_outputs_name_the_aliases(full: "Plan", own: "Plan") -> None:
    expected = {service: f"{PREFIX}{service}:live" for service in OFFERED}
    assert full.output("alias_arns") == own.output("alias_arns") == expected

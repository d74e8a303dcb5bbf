"""Settings of functions, own resources and outputs reach the plan."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Plan

SERVICES = ("alert-dispatcher", "event-sink", "orchestrator", "sla-monitor", "stream-router", "watchdog")
ROLES = (*SERVICES, "scheduler", "sfn")
ACCOUNT = "eu-west-1:000000000000"


def _function(plan: "Plan", service: str) -> Mapping[str, Any]:
    return plan.one("aws_lambda_function", function_name=f"test-interlock-{service}").values


def _alarm(plan: "Plan", name: str) -> Mapping[str, Any]:
    return plan.one("aws_cloudwatch_metric_alarm", alarm_name=f"test-interlock-{name}").values


# --- outputs -----------------------------------------------------------------------------------------------------

# Their names belong to another resource: a rule, a role or a log group.
_PARTS = {"aws_cloudwatch_log_metric_filter", "aws_iam_role_policy", "aws_lambda_event_source_mapping"}


@pytest.mark.parametrize("root", ["stack", "shared", *(f"services/{service}" for service in SERVICES)])
def test_a_root_outputs_the_name_of_each_resource(root: str, plan_of: "Callable[[str], Plan]") -> None:
    plan = plan_of(root)
    named = {
        resource.values.get("function_name") or resource.values.get("alarm_name") or resource.values.get("name")
        for resource in plan.resources
        if resource.type not in _PARTS
    } - {None}
    assert named
    texts = set(_texts(plan.outputs))
    # An ARN ends with the name, after a colon, a slash or the path of a role.
    ends = {text.rpartition(":")[2].rpartition("/")[2] for text in texts} | {text.rpartition(":")[2] for text in texts}
    assert named - texts - ends == set()


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [*value, *(text for one in value.values() for text in _texts(one))]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return []


@pytest.mark.parametrize("root", ["stack", "shared", *(f"services/{service}" for service in SERVICES)])
def test_an_output_of_an_arn_is_the_arn_of_a_resource(root: str, plan_of: "Callable[[str], Plan]") -> None:
    plan = plan_of(root)
    names = {
        resource.values[key]
        for resource in plan.resources
        for key in ("name", "function_name", "alarm_name")
        if key in resource.values
    }
    arns = {
        text
        for name, value in plan.outputs.items()
        if name.endswith(("_arn", "_arns"))
        for text in _texts(value)
        if text.startswith("arn:")
    }
    ends = {arn.rpartition("log-group:")[2].rpartition(":")[2] for arn in arns}
    assert {end for end in ends if end not in names and end.rpartition("/")[2] not in names} == set()


# --- own resources -----------------------------------------------------------------------------------------------


def test_own_roles_and_log_groups_replace_ours(own: "Plan") -> None:
    assert own.of("aws_iam_role", "aws_iam_role_policy", "aws_cloudwatch_log_group") == []
    for service in SERVICES:
        function = _function(own, service)
        assert function["role"] == f"arn:aws:iam::000000000000:role/data/own-{service}"
        assert function["logging_config"][0]["log_group"] == f"/data/{service}"
    machine = own.one("aws_sfn_state_machine").values
    assert machine["role_arn"] == "arn:aws:iam::000000000000:role/data/own-sfn"
    assert machine["logging_configuration"][0]["log_destination"] == f"arn:aws:logs:{ACCOUNT}:log-group:/data/sfn:*"


def test_metrics_of_logs_read_own_log_groups(own: "Plan") -> None:
    filters = own.of("aws_cloudwatch_log_metric_filter")
    assert {one.values["log_group_name"] for one in filters} == {
        "/data/alert-dispatcher",
        "/data/orchestrator",
        "/data/watchdog",
    }


def test_own_roles_are_named_wherever_ours_were(own: "Plan") -> None:
    policy = json.loads(own.one("aws_cloudwatch_event_bus_policy").values["policy"])
    assert policy["Statement"][0]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"] == [
        "arn:aws:iam::000000000000:role/data/own-stream-router",
        "arn:aws:iam::000000000000:role/data/own-watchdog",
    ]
    variables = _function(own, "watchdog")["environment"][0]["variables"]
    assert variables["SCHEDULER_ROLE_ARN"] == "arn:aws:iam::000000000000:role/data/own-scheduler"
    passed = [
        statement["Resource"]
        for statement in json.loads(own.output("role_policies")["sla-monitor"])["Statement"]
        if "iam:PassRole" in statement["Action"]
    ]
    assert passed == ["arn:aws:iam::000000000000:role/data/own-scheduler"]


def test_an_own_queue_takes_failed_events(own: "Plan") -> None:
    queue = f"arn:aws:sqs:{ACCOUNT}:failed"
    assert "test-interlock-async-dlq" not in {one.values["name"] for one in own.of("aws_sqs_queue")}
    for service in ("event-sink", "sla-monitor", "watchdog"):
        assert _function(own, service)["dead_letter_config"] == [{"target_arn": queue}]
    assert _function(own, "sla-monitor")["environment"][0]["variables"]["SCHEDULER_DLQ_ARN"] == queue
    targets = [one.values for one in own.of("aws_cloudwatch_event_target") if "watchdog" in one.values["rule"]]
    assert [target["dead_letter_config"] for target in targets] == [[{"arn": queue}]]


@pytest.mark.parametrize("role", ROLES)
def test_the_policy_of_an_own_role_is_that_of_ours(role: str, stack: "Plan") -> None:
    inline = [
        json.loads(policy.values["policy"])["Statement"]
        for policy in stack.of("aws_iam_role_policy")
        if policy.values["role"] == f"test-interlock-{role}"
    ]
    assert json.loads(stack.output("role_policies")[role])["Statement"] == [one for all_ in inline for one in all_]


def test_an_own_role_may_do_its_work(own: "Plan") -> None:
    policies = own.output("role_policies")
    allowed = {
        role: {action for statement in json.loads(policies[role])["Statement"] for action in statement["Action"]}
        for role in ROLES
    }
    assert {"glue:StartJobRun", "states:SendTaskSuccess", "kms:Decrypt"} <= allowed["orchestrator"]
    assert allowed["scheduler"] == {"lambda:InvokeFunction", "sqs:SendMessage", "kms:Decrypt", "kms:GenerateDataKey"}
    logs = [one for one in json.loads(policies["watchdog"])["Statement"] if one["Sid"] == "Logs"]
    assert [one["Resource"] for one in logs] == [f"arn:aws:logs:{ACCOUNT}:log-group:/data/watchdog:*"]


def test_each_role_has_the_path_and_the_boundary(full: "Plan") -> None:
    roles = [role.values for role in full.of("aws_iam_role")]
    assert len(roles) == len(ROLES)
    assert {(role["path"], role["permissions_boundary"]) for role in roles} == {
        ("/data/", "arn:aws:iam::000000000000:policy/boundary")
    }
    assert _function(full, "watchdog")["role"] == "arn:aws:iam::000000000000:role/data/test-interlock-watchdog"


# --- tracing and layers ------------------------------------------------------------------------------------------


def test_traces_are_sent_only_on_request(full: "Plan", stack: "Plan") -> None:
    for service in SERVICES:
        assert _function(full, service)["tracing_config"] == [{"mode": "Active"}]
        # AWS itself knows a mode for functions without a setting.
        assert not _function(stack, service).get("tracing_config")
    assert _tracing(full) == set(SERVICES) | {"sfn"}
    assert _tracing(stack) == set()
    assert full.one("aws_sfn_state_machine").values["tracing_configuration"] == [{"enabled": True}]


def _tracing(plan: "Plan") -> set[str]:
    return {
        policy.values["role"].removeprefix("test-interlock-")
        for policy in plan.of("aws_iam_role_policy")
        if "xray:PutTraceSegments" in policy.values["policy"]
    }


def test_layers_belong_to_one_function(full: "Plan") -> None:
    layers = {service: _function(full, service).get("layers") or [] for service in SERVICES}
    expected = {service: [] for service in SERVICES} | {
        "orchestrator": [f"arn:aws:lambda:{ACCOUNT}:layer:collector:3"],
    }
    assert layers == expected


# --- alarms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES)
def test_each_function_has_three_alarms(service: str, stack: "Plan") -> None:
    timeout = _function(stack, service)["timeout"]
    found = {
        kind: (alarm["metric_name"], alarm["statistic"], alarm["threshold"], alarm["evaluation_periods"])
        for kind in ("errors", "throttles", "duration")
        for alarm in [_alarm(stack, f"{service}-{kind}")]
    }
    assert found == {
        "errors": ("Errors", "Sum", 0, 1),
        "throttles": ("Throttles", "Sum", 0, 3),
        # 80 % of the timeout, in milliseconds.
        "duration": ("Duration", "Maximum", timeout * 800, 1),
    }


@pytest.mark.parametrize(
    ("alarm", "default", "set_"),
    [
        ("event-sink-errors", 0, 5),
        ("event-sink-throttles", 0, 9),
        ("event-sink-duration", 48_000, 60_000),
        ("alert-dlq-depth", 0, 1),
        ("job-events-dlq-depth", 0, 1),
        ("alerts-age", 900, 1800),
        ("stream-router-iterator-age", 300_000, 600_000),
        ("watchdog-rule-failures", 0, 2),
        ("sla-timer-failures", 0, 4),
        ("control-throttles", 0, 3),
        ("canary-late", 60, 120),
    ],
)
def test_a_threshold_can_be_set(alarm: str, default: int, set_: int, stack: "Plan", full: "Plan") -> None:
    assert _alarm(stack, alarm)["threshold"] == default
    assert _alarm(full, alarm)["threshold"] == set_


def test_each_rule_has_an_alarm_on_failed_invocations(stack: "Plan") -> None:
    watched = {
        tuple(sorted(metric["dimensions"].items()))
        for alarm in stack.of("aws_cloudwatch_metric_alarm")
        for query in alarm.values.get("metric_query", [])
        for metric in query["metric"]
        if metric["metric_name"] == "FailedInvocations"
    }
    rules = {tuple(sorted(_rule_dimensions(rule.values).items())) for rule in stack.of("aws_cloudwatch_event_rule")}
    assert len(rules) == 11
    assert watched == rules


def _rule_dimensions(rule: Mapping[str, Any]) -> dict[str, str]:
    bus = rule.get("event_bus_name") or "default"
    return {"RuleName": rule["name"]} | ({} if bus == "default" else {"EventBusName": bus})


def test_each_table_and_index_has_an_alarm_on_throttles(stack: "Plan") -> None:
    for table in stack.of("aws_dynamodb_table"):
        alarm = _alarm(stack, f"{table.values['name'].removeprefix('test-interlock-')}-throttles")
        watched = {
            (metric["metric_name"], metric["dimensions"].get("GlobalSecondaryIndexName"))
            for query in alarm["metric_query"]
            for metric in query["metric"]
            if metric["dimensions"]["TableName"] == table.values["name"]
        }
        indexes = [None, *(index["name"] for index in table.values.get("global_secondary_index", []))]
        assert watched == {(f"{kind}ThrottleEvents", index) for kind in ("Read", "Write") for index in indexes}


def test_each_part_of_a_sum_counts_as_zero_without_data(stack: "Plan") -> None:
    sums = [
        alarm.values
        for alarm in stack.of("aws_cloudwatch_metric_alarm")
        if any("+" in (query.get("expression") or "") for query in alarm.values.get("metric_query", []))
    ]
    # Four tables, three functions with several rules, and the timers.
    assert len(sums) == 9
    for alarm in sums:
        (expression,) = (query["expression"] for query in alarm["metric_query"] if query.get("expression"))
        parts = {query["id"] for query in alarm["metric_query"] if not query.get("expression")}
        assert set(expression.split(" + ")) == {f"FILL({part}, 0)" for part in parts}
        # CloudWatch takes at most ten metrics in an alarm.
        assert len(parts) <= 10


def test_failed_timers_and_dropped_timers_raise_one_alarm(stack: "Plan") -> None:
    alarm = _alarm(stack, "sla-timer-failures")
    metrics = {
        (metric["namespace"], metric["metric_name"], metric["dimensions"]["ScheduleGroup"])
        for query in alarm["metric_query"]
        for metric in query["metric"]
    }
    assert metrics == {
        ("AWS/Scheduler", "TargetErrorCount", "test-interlock-sla"),
        ("AWS/Scheduler", "InvocationDroppedCount", "test-interlock-sla"),
    }

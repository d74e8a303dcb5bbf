"""Permissions: each service has only those that its code needs, and none for all resources."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from interlock_triggers._jobs._step_function import execution_arn

if TYPE_CHECKING:
    from conftest import Plan

REPOSITORY = Path(__file__).resolve().parents[2]
SERVICES = ("alert-dispatcher", "event-sink", "orchestrator", "sla-monitor", "stream-router", "watchdog")
# AWS accepts no resource for these actions.
EVERYWHERE = {
    "dynamodb:ListStreams",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
CONTROL = {"BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"}
TABLES = {
    "stream-router": {"control": CONTROL, "joblog": {"PutItem", "Query"}, "rerun": {"PutItem", "Query"}},
    "orchestrator": {"control": CONTROL, "joblog": {"PutItem", "Query"}, "rerun": {"PutItem", "Query"}},
    "watchdog": {"control": CONTROL, "joblog": {"PutItem", "Query"}, "rerun": {"PutItem", "Query"}},
    "sla-monitor": {"control": CONTROL, "joblog": {"Query"}, "rerun": {"Query"}},
    "event-sink": {"events": {"PutItem"}},
    "alert-dispatcher": {"events": {"BatchGetItem", "DeleteItem", "GetItem", "Query", "UpdateItem"}},
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


def _permits(stack: "Plan", role: str, action: str, resource: str, **context: str) -> bool:
    """Whether a role may act on a resource. `context` has condition keys, with `_` for their `:`."""
    keys = {name.replace("_", ":", 1): value for name, value in context.items()}
    return any(
        action in _listed(statement["Action"])
        and any(fnmatchcase(resource, pattern) for pattern in _listed(statement["Resource"]))
        and all(
            operator == "StringEquals" and keys.get(key) in _listed(value)
            for operator, condition in statement.get("Condition", {}).items()
            for key, value in condition.items()
        )
        for statement in _statements(stack, role)
        if statement["Effect"] == "Allow"
    )


def _allowed(stack: "Plan", role: str) -> set[tuple[str, str]]:
    return {
        (action, resource)
        for statement in _statements(stack, role)
        if statement["Effect"] == "Allow"
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


ROLES = [*SERVICES, "sfn", "scheduler"]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_has_all_actions_or_all_resources(role: str, stack: "Plan", full: "Plan") -> None:
    for action, resource in _allowed(stack, role) | _allowed(full, role):
        assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z]+", action), action
        assert resource != "*" or action in EVERYWHERE, action


@pytest.mark.parametrize("role", ROLES)
def test_by_default_a_role_reaches_only_our_resources(role: str, stack: "Plan") -> None:
    foreign = {
        resource for _, resource in _allowed(stack, role) if resource != "*" and "test-interlock-" not in resource
    }
    assert foreign == set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_touches_its_tables_only(service: str, stack: "Plan") -> None:
    tables: dict[str, set[str]] = {}
    for action, resource in _allowed(stack, service):
        name = resource.partition(":table/test-interlock-")[2]
        if name and "/" not in name:
            tables.setdefault(name, set()).add(action.removeprefix("dynamodb:"))
    assert tables == TABLES[service]


@pytest.mark.parametrize("service", SERVICES)
def test_only_services_that_use_an_index_may_query_it(service: str, stack: "Plan") -> None:
    asked = {
        (action, resource.rpartition(":")[2]) for action, resource in _allowed(stack, service) if "/index/" in resource
    }
    # The digest of the alert-dispatcher lists the events of a day.
    indexed = {"control"} | ({"events"} if service == "alert-dispatcher" else set())
    expected = {
        ("dynamodb:Query", f"table/test-interlock-{table}/index/GSI1") for table in indexed & TABLES[service].keys()
    }
    assert asked == expected


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("client", "action"),
    [
        (r"\bEventBus\(", "events:PutEvents"),
        (r"\bSchedulerTimers\(", "scheduler:CreateSchedule"),
        (r"\bExecutions\(", "states:StartExecution"),
        (r"\bStepFunctionsTokens\(", "states:SendTaskSuccess"),
        (r"\b(SqsRouter|dead_letters_of_environment)\(", "sqs:SendMessage"),
        (r"\bSecretToken\(", "secretsmanager:GetSecretValue"),
    ],
)
def test_a_service_has_the_permissions_for_its_clients(client: str, action: str, service: str, full: "Plan") -> None:
    wiring = REPOSITORY / "services" / service / "src" / f"interlock_{service.replace('-', '_')}" / "wiring.py"
    uses = re.search(client, wiring.read_text(encoding="utf-8")) is not None
    if action == "sqs:SendMessage":
        function = full.one("aws_lambda_function", function_name=f"test-interlock-{service}")
        uses = uses and "DLQ_QUEUE_URL" in function.values["environment"][0]["variables"]
    may = any(allowed == action for allowed, _ in _allowed(full, service))
    assert may or not uses


def test_only_the_relaying_roles_may_put_events(stack: "Plan") -> None:
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


def test_only_scheduler_takes_the_role_of_timers(stack: "Plan") -> None:
    assert _allowed(stack, "scheduler") == {
        ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:000000000000:function:test-interlock-sla-monitor"),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:000000000000:test-interlock-async-dlq"),
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


def test_the_orchestrator_may_start_enabled_types_only(stack: "Plan") -> None:
    allowed = _allowed(stack, "orchestrator")
    assert {action.partition(":")[0] for action, _ in allowed} == {"dynamodb", "logs", "states"}
    assert {action for action, _ in allowed if action.startswith("states:")} == {"states:SendTaskSuccess"}


def test_only_waking_roles_may_answer_our_task_tokens(full: "Plan") -> None:
    machine = "arn:aws:states:eu-west-1:000000000000:stateMachine:test-interlock-pipeline"
    may = {
        (role, resource)
        for role in ROLES
        for action, resource in _allowed(full, role)
        if action.startswith("states:SendTask")
    }
    assert may == {(service, machine) for service in ("orchestrator", "stream-router", "watchdog")}


def test_the_state_machine_invokes_two_functions(stack: "Plan") -> None:
    invoked = {
        resource.rpartition(":")[2] for action, resource in _allowed(stack, "sfn") if action.startswith("lambda:")
    }
    assert invoked == {"test-interlock-orchestrator", "test-interlock-sla-monitor"}


def test_an_enabled_trigger_may_start_named_targets_only(full: "Plan") -> None:
    account = "eu-west-1:000000000000"
    application = f"arn:aws:emr-serverless:{account}:/applications/app"
    tables = {pair for pair in _allowed(full, "orchestrator") if pair[0].startswith("dynamodb:")}
    common = {
        "Logs",
        "Key",
        "Profiles",
        "WakeExecutions",
        "JobSecrets",
        "JobSecretKeys",
        "NetworkInterfaces",
        "FindNetwork",
        "Traces",
    }
    named = {
        (action, resource)
        for statement in _statements(full, "orchestrator")
        if statement["Effect"] == "Allow" and statement.get("Sid") not in common
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }
    assert named - tables == {
        ("glue:StartJobRun", f"arn:aws:glue:{account}:job/load"),
        ("glue:GetJob", f"arn:aws:glue:{account}:job/load"),
        ("glue:GetJobRun", f"arn:aws:glue:{account}:job/load"),
        ("glue:GetJobRuns", f"arn:aws:glue:{account}:job/load"),
        ("logs:FilterLogEvents", f"arn:aws:logs:{account}:log-group:/aws-glue/*"),
        ("logs:FilterLogEvents", f"arn:aws:logs:{account}:log-group:/data/glue"),
        ("logs:FilterLogEvents", f"arn:aws:logs:{account}:log-group:/data/glue:*"),
        ("elasticmapreduce:AddJobFlowSteps", f"arn:aws:elasticmapreduce:{account}:cluster/j-1"),
        ("elasticmapreduce:DescribeStep", f"arn:aws:elasticmapreduce:{account}:cluster/j-1"),
        ("elasticmapreduce:ListSteps", f"arn:aws:elasticmapreduce:{account}:cluster/j-1"),
        ("emr-serverless:StartJobRun", application),
        ("emr-serverless:GetJobRun", f"{application}/jobruns/*"),
        ("iam:PassRole", "arn:aws:iam::000000000000:role/jobs"),
        *(
            (f"states:{action}", f"arn:aws:states:{account}:stateMachine:{machine}")
            for action in ("DescribeStateMachine", "StartExecution")
            for machine in ("load", "report", "report:live", "report:3")
        ),
        ("states:DescribeExecution", f"arn:aws:states:{account}:execution:load:*"),
        ("states:DescribeExecution", f"arn:aws:states:{account}:execution:report:*"),
        ("lambda:InvokeFunction", f"arn:aws:lambda:{account}:function:load"),
        ("lambda:InvokeFunction", f"arn:aws:lambda:{account}:function:load:*"),
    }


MACHINE = "arn:aws:states:eu-west-1:000000000000:stateMachine:report"


@pytest.mark.parametrize("qualifier", ["live", "3"])
def test_a_job_named_by_alias_or_version_starts_and_is_followed(qualifier: str, full: "Plan") -> None:
    for action in ("states:DescribeStateMachine", "states:StartExecution"):
        # AWS checks the machine's ARN, with the alias or the version as a condition key.
        assert _permits(full, "orchestrator", action, MACHINE, states_StateMachineQualifier=qualifier)
    followed = execution_arn(f"{MACHINE}:{qualifier}", "run-1")
    assert followed == "arn:aws:states:eu-west-1:000000000000:execution:report:run-1"
    assert _permits(full, "orchestrator", "states:DescribeExecution", followed)


def test_a_named_alias_permits_no_other_one(full: "Plan") -> None:
    start = "states:StartExecution"
    assert not _permits(full, "orchestrator", start, MACHINE)
    assert not _permits(full, "orchestrator", start, MACHINE, states_StateMachineQualifier="next")
    assert not _permits(full, "orchestrator", "states:DescribeExecution", MACHINE.replace("stateMachine", "execution"))


@pytest.mark.parametrize("role", [*SERVICES, "scheduler"])
def test_each_role_with_encrypted_data_may_use_the_key(role: str, full: "Plan") -> None:
    key = "arn:aws:kms:eu-west-1:000000000000:key/k"
    assert {("kms:Decrypt", key), ("kms:GenerateDataKey", key)} <= _allowed(full, role)


def test_each_reader_of_secrets_reads_its_own_only(full: "Plan") -> None:
    readers = {
        (service, resource)
        for service in SERVICES
        for action, resource in _allowed(full, service)
        if action.startswith("secretsmanager:")
    }
    assert readers == {
        (service, f"arn:aws:secretsmanager:eu-west-1:000000000000:secret:{name}-a1b2c3")
        for service, name in (
            ("alert-dispatcher", "slack"),
            ("alert-dispatcher", "webhook"),
            ("orchestrator", "jobs"),
        )
    }


def test_readers_of_secrets_may_decrypt_them(full: "Plan", stack: "Plan") -> None:
    key = "arn:aws:kms:eu-west-1:000000000000:key/secrets"
    for service in SERVICES:
        reads = service in {"alert-dispatcher", "orchestrator"}
        assert _permits(full, service, "kms:Decrypt", key) is reads
        assert not any(action.startswith(("kms:", "secretsmanager:")) for action, _ in _allowed(stack, service))


NETWORK = {"AssignPrivateIpAddresses", "CreateNetworkInterface", "DeleteNetworkInterface", "UnassignPrivateIpAddresses"}


def test_a_function_in_a_vpc_has_its_network_but_not_its_code(full: "Plan", stack: "Plan") -> None:
    role = "orchestrator"
    changed = {action.removeprefix("ec2:") for action, resource in _allowed(full, role) if "ec2" in resource}
    assert changed == NETWORK
    # A shared subnet has the ARN of the account that owns it. The interface in it has that of the function's account.
    owner = "arn:aws:ec2:eu-west-1:111122223333"
    assert _permits(full, role, "ec2:CreateNetworkInterface", f"{owner}:subnet/subnet-1")
    assert not _permits(full, role, "ec2:CreateNetworkInterface", f"{owner}:network-interface/eni-1")
    denied = [statement for statement in _statements(full, role) if statement["Effect"] == "Deny"]
    asked = {action for action, _ in _allowed(full, role) if action.startswith("ec2:")}
    assert [set(one["Action"]) for one in denied] == [asked, asked]
    function = f"arn:aws:lambda:eu-west-1:000000000000:function:test-interlock-{role}"
    # AWS may name the version of a function with an alias.
    assert [one["Condition"] for one in denied] == [
        {"ArnEquals": {"lambda:SourceFunctionArn": arn}} for arn in (function, f"{function}:*")
    ]
    outside = [(stack, service) for service in SERVICES] + [(full, service) for service in SERVICES if service != role]
    assert not [service for plan, service in outside for action, _ in _allowed(plan, service) if "ec2:" in action]


def test_logs_of_glue_jobs_elsewhere_are_readable(full: "Plan") -> None:
    """Without this permission a run that Glue reports as successful would count as a success."""
    group = "arn:aws:logs:eu-west-1:000000000000:log-group:/data/glue"
    for resource in (group, f"{group}:log-stream:jr_1"):
        assert _permits(full, "orchestrator", "logs:FilterLogEvents", resource)
    assert not _permits(full, "orchestrator", "logs:FilterLogEvents", f"{group}-other")


def test_only_the_alert_dispatcher_publishes_to_the_topics(full: "Plan", stack: "Plan") -> None:
    publishing = {
        (service, resource)
        for service in SERVICES
        for action, resource in _allowed(full, service)
        if action == "sns:Publish"
    }
    assert publishing == {("alert-dispatcher", "arn:aws:sns:eu-west-1:000000000000:data-alerts")}
    assert ("kms:GenerateDataKey", "arn:aws:kms:eu-west-1:000000000000:key/topics") in _allowed(
        full, "alert-dispatcher"
    )
    assert not any(action.startswith("sns:") for action, _ in _allowed(stack, "alert-dispatcher"))


@pytest.mark.parametrize(
    ("module", "service"),
    [
        ("_glue", "glue"),
        ("_glue_logs", ""),
        ("_emr", "elasticmapreduce"),
        ("_emr_serverless", "emr-serverless"),
        ("_step_function", "states"),
    ],
)
def test_each_aws_call_of_a_trigger_is_permitted(module: str, service: str, full: "Plan") -> None:
    path = REPOSITORY / "packages" / "interlock-triggers" / "src" / "interlock_triggers" / "_jobs" / f"{module}.py"
    verbs = "add|cancel|describe|filter|get|invoke|list|start|stop"
    operations = re.findall(rf'"((?:{verbs})(?:_[a-z]+)+)"', path.read_text(encoding="utf-8"))
    assert operations
    permitted = {
        action for action, _ in _allowed(full, "orchestrator") if action.startswith(f"{service}:") or not service
    }
    asked = {operation.title().replace("_", "") for operation in operations}
    assert asked <= {action.partition(":")[2] for action in permitted}


INBOX = "arn:aws:sqs:eu-west-1:000000000000:test-interlock-sensor-inbox"


def test_router_reaches_the_sensor_inbox_only_if_it_exists(stack: "Plan", full: "Plan") -> None:
    added = _allowed(full, "stream-router") - _allowed(stack, "stream-router")
    common = {action for action, _ in added if action.partition(":")[0] in {"kms", "s3", "xray"}}
    assert {pair for pair in added if pair[0] not in common} == {
        ("sqs:DeleteMessage", f"{INBOX}.fifo"),
        ("sqs:GetQueueAttributes", f"{INBOX}.fifo"),
        ("sqs:ReceiveMessage", f"{INBOX}.fifo"),
        ("sqs:SendMessage", f"{INBOX}-dlq.fifo"),
    }
    others = [service for service in SERVICES if service != "stream-router"]
    assert not [service for service in others for _, resource in _allowed(full, service) if "inbox" in resource]


def test_sensor_writer_may_only_send_to_the_inbox(full: "Plan") -> None:
    statements = json.loads(full.output("sensor_writer_policy"))["Statement"]
    allowed = {
        (action, statement["Effect"], statement["Resource"])
        for statement in statements
        for action in statement["Action"]
    }
    key = "arn:aws:kms:eu-west-1:000000000000:key/k"
    assert allowed == {
        ("sqs:SendMessage", "Allow", f"{INBOX}.fifo"),
        ("kms:Decrypt", "Allow", key),
        ("kms:GenerateDataKey", "Allow", key),
    }


def test_router_may_only_read_the_queue_of_job_events(stack: "Plan", small: "Plan") -> None:
    queue = "arn:aws:sqs:eu-west-1:000000000000:test-interlock-job-events"
    assert _allowed(stack, "stream-router") - _allowed(small, "stream-router") == {
        ("sqs:DeleteMessage", queue),
        ("sqs:GetQueueAttributes", queue),
        ("sqs:ReceiveMessage", queue),
    }
    others = [role for role in ROLES if role != "stream-router"]
    assert not [role for role in others for _, resource in _allowed(stack, role) if "job-events" in resource]

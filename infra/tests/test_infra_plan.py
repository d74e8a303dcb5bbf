"""The plan deploys the names, tables, queues, streams, variables and alarms of docs/reference."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from interlock_cli import main
from interlock_cli._output._receipt import RECEIPT
from interlock_cli._pipelines._search import Search
from interlock_local.pump._filter import check_patterns, wanted
from interlock_local.site._wiring import STREAM_FILTERS
from interlock_store import PROJECTED

if TYPE_CHECKING:
    from conftest import Plan

SERVICES = ("alert-dispatcher", "event-sink", "orchestrator", "sla-monitor", "stream-router", "watchdog")
BASE = {"CONTROL_TABLE", "JOBLOG_TABLE", "RERUN_TABLE", "EVENT_BUS_NAME"}
TIMERS = {"SLA_MONITOR_ARN", "SCHEDULER_ROLE_ARN", "SCHEDULER_GROUP_NAME"}
REQUIRED = {
    "stream-router": BASE | {"STATE_MACHINE_ARN"},
    "orchestrator": BASE,
    "watchdog": BASE | TIMERS | {"STATE_MACHINE_ARN"},
    "sla-monitor": BASE | TIMERS,
    "event-sink": {"EVENTS_TABLE", "EVENTS_TTL_DAYS"},
    "alert-dispatcher": {"SLACK_CHANNEL_ID", "EVENTS_TABLE", "EVENTS_TTL_DAYS"},
}
OPTIONAL = {
    "ALERT_QUIET",
    "DLQ_BUCKET",
    "DLQ_QUEUE_URL",
    "JOB_EVENTS",
    "JOB_EVENTS_QUEUE_ARN",
    "PYTHONTZPATH",
    "SCHEDULER_DLQ_ARN",
    "SFN_TIMEOUT_SECONDS",
    "WATCHDOG_CANARY",
}
SERVICE_SOURCES = Path(__file__).parents[2] / "services/alert-dispatcher/src"
ASYNCHRONOUS = {"event-sink", "sla-monitor", "watchdog"}
PROGRESS = {"JOB_TRIGGERED", "RUN_HELD", "VALIDATION_PASSED", "POST_RUN_BASELINE_CAPTURED", "POST_RUN_PASSED"}


def _function(stack: "Plan", service: str) -> Mapping[str, Any]:
    return stack.one("aws_lambda_function", function_name=f"test-interlock-{service}").values


def _policy(text: str) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = json.loads(text)["Statement"]
    return statements


def test_everything_is_named_after_the_environment(stack: "Plan") -> None:
    # Mappings have no names. The policies of a role are named within the role.
    unnamed = ("aws_lambda_event_source_mapping", "aws_iam_role_policy")
    names = {
        resource.address: resource.values[key]
        for resource in stack.resources
        for key in ("name", "function_name", "alarm_name")
        if key in resource.values and resource.type not in unnamed
    }
    prefixes = ("test-interlock-", "/aws/lambda/test-interlock-", "/aws/vendedlogs/states/test-interlock-")
    assert len(names) > 50
    assert {address: name for address, name in names.items() if not name.startswith(prefixes)} == {}


def test_there_is_one_function_and_one_role_per_service(stack: "Plan") -> None:
    functions = {resource.values["function_name"] for resource in stack.of("aws_lambda_function")}
    assert functions == {f"test-interlock-{service}" for service in SERVICES}
    roles = {resource.values["name"] for resource in stack.of("aws_iam_role")}
    assert roles == functions | {"test-interlock-sfn", "test-interlock-scheduler"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_function_runs_its_handler_under_its_own_role(service: str, stack: "Plan") -> None:
    function = _function(stack, service)
    assert function["handler"] == f"interlock_{service.replace('-', '_')}.handler.handle"
    assert function["role"].endswith(f":role/test-interlock-{service}")
    assert (function["runtime"], function["architectures"]) == ("python3.13", ["arm64"])


@pytest.mark.parametrize(
    ("service", "reserved"),
    [
        ("stream-router", 10),
        ("orchestrator", 10),
        ("sla-monitor", 5),
        ("watchdog", 2),
        ("event-sink", 5),
        ("alert-dispatcher", 3),
    ],
)
def test_functions_keep_to_their_concurrency(service: str, reserved: int, stack: "Plan") -> None:
    assert _function(stack, service)["reserved_concurrent_executions"] == reserved


@pytest.mark.parametrize("service", SERVICES)
def test_a_function_has_every_variable_it_needs_and_no_other(service: str, stack: "Plan") -> None:
    variables = _function(stack, service)["environment"][0]["variables"]
    assert set(variables) >= REQUIRED[service]
    assert set(variables) - REQUIRED[service] <= OPTIONAL
    assert {name for name, value in variables.items() if not value.strip()} == {"PYTHONTZPATH"}


def test_variables_name_what_is_deployed(stack: "Plan") -> None:
    variables = _function(stack, "watchdog")["environment"][0]["variables"]
    account = "eu-west-1:000000000000"
    assert variables == {
        "PYTHONTZPATH": "",
        "CONTROL_TABLE": "test-interlock-control",
        "JOBLOG_TABLE": "test-interlock-joblog",
        "RERUN_TABLE": "test-interlock-rerun",
        "EVENT_BUS_NAME": "test-interlock-bus",
        "STATE_MACHINE_ARN": f"arn:aws:states:{account}:stateMachine:test-interlock-pipeline",
        "SLA_MONITOR_ARN": f"arn:aws:lambda:{account}:function:test-interlock-sla-monitor",
        "SCHEDULER_ROLE_ARN": "arn:aws:iam::000000000000:role/test-interlock-scheduler",
        "SCHEDULER_GROUP_NAME": "test-interlock-sla",
        "SCHEDULER_DLQ_ARN": f"arn:aws:sqs:{account}:test-interlock-async-dlq",
        "DLQ_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/000000000000/test-interlock-sr-control-dlq",
        "SFN_TIMEOUT_SECONDS": "14400",
        "WATCHDOG_CANARY": "true",
    }
    stack.one("aws_scheduler_schedule_group", name="test-interlock-sla")
    stack.one("aws_cloudwatch_event_bus", name="test-interlock-bus")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_on_its_own_is_the_same_as_in_the_stack(
    service: str, stack: "Plan", plan_of: "Callable[[str], Plan]"
) -> None:
    alone = _function(plan_of(f"services/{service}"), service)
    together = _function(stack, service)
    different = {name for name in alone if alone[name] != together[name]}
    # The path of the zips depends on the folder of the root.
    assert different <= {"filename"}


@pytest.mark.parametrize("table", ["control", "joblog", "rerun", "events"])
def test_a_table_is_protected_and_has_its_keys(table: str, stack: "Plan") -> None:
    values = stack.one("aws_dynamodb_table", name=f"test-interlock-{table}").values
    assert (values["hash_key"], values["range_key"], values["billing_mode"]) == ("PK", "SK", "PAY_PER_REQUEST")
    assert values["ttl"] == [{"attribute_name": "ttl", "enabled": True}]
    assert values["server_side_encryption"][0]["enabled"]
    assert values["point_in_time_recovery"][0]["enabled"]
    assert values["deletion_protection_enabled"]
    streamed = table in {"control", "joblog"}
    assert (values["stream_enabled"], values.get("stream_view_type") == "NEW_IMAGE") == (streamed, streamed)


@pytest.mark.parametrize(
    ("table", "name", "keys", "types"),
    [
        ("control", "GSI1", ("GSI1PK", "GSI1SK"), "SS"),
        ("control", "GSI2", ("GSI2PK", "GSI2SK"), "SS"),
        ("events", "GSI1", ("eventType", "timestamp"), "SN"),
    ],
)
def test_an_indexed_table_has_its_index(
    table: str, name: str, keys: tuple[str, str], types: str, stack: "Plan"
) -> None:
    values = stack.one("aws_dynamodb_table", name=f"test-interlock-{table}").values
    (index,) = (one for one in values["global_secondary_index"] if one["name"] == name)
    assert (index["hash_key"], index["range_key"]) == keys
    assert index["projection_type"] == ("INCLUDE" if name in PROJECTED else "ALL")
    assert set(index.get("non_key_attributes") or ()) == set(PROJECTED.get(name, ()))
    kinds = {attribute["name"]: attribute["type"] for attribute in values["attribute"]}
    assert {key: kinds[key] for key in keys} == dict(zip(keys, types, strict=True))


def test_the_queues_are_these_and_encrypted(stack: "Plan") -> None:
    queues = stack.of("aws_sqs_queue")
    names = {queue.values["name"].removeprefix("test-interlock-") for queue in queues}
    assert names == {
        "event-sink",
        "event-sink-dlq",
        "alerts",
        "alert-dlq",
        "sr-control-dlq",
        "sr-joblog-dlq",
        "async-dlq",
        "job-events",
        "job-events-dlq",
    }
    assert all(queue.values["sqs_managed_sse_enabled"] for queue in queues)


def test_every_dead_letter_queue_has_an_alarm_and_two_weeks(stack: "Plan") -> None:
    queues = {queue.values["name"]: queue.values for queue in stack.of("aws_sqs_queue")}
    watched = {
        alarm.values["dimensions"]["QueueName"]
        for alarm in stack.of("aws_cloudwatch_metric_alarm")
        if alarm.values["metric_name"] == "ApproximateNumberOfMessagesVisible"
    }
    read = {"test-interlock-alerts", "test-interlock-event-sink", "test-interlock-job-events"}
    assert watched == set(queues) - read
    assert {queues[name]["message_retention_seconds"] for name in watched} == {14 * 86400}


@pytest.mark.parametrize("service", SERVICES)
def test_an_asynchronous_function_has_a_dead_letter_queue(service: str, stack: "Plan") -> None:
    targets = [entry["target_arn"] for entry in _function(stack, service)["dead_letter_config"]]
    expected = ["arn:aws:sqs:eu-west-1:000000000000:test-interlock-async-dlq"] if service in ASYNCHRONOUS else []
    assert targets == expected


def test_every_rule_target_may_fill_a_dead_letter_queue(stack: "Plan") -> None:
    targets = stack.of("aws_cloudwatch_event_target")
    assert len(targets) == 11
    for target in targets:
        (letters,) = target.values["dead_letter_config"]
        assert letters["arn"].endswith("-dlq")
        # The rule may fill the queue of the target, unless the target is a function.
        assert target.values["rule"] in _may_send(stack, letters["arn"])
        if ":sqs:" in target.values["arn"]:
            assert target.values["rule"] in _may_send(stack, target.values["arn"])


def _may_send(stack: "Plan", queue_arn: str) -> set[str]:
    """The names of the rules that the policy of a queue allows."""
    return {
        rule.rpartition("/")[2]
        for policy in stack.of("aws_sqs_queue_policy")
        for statement in _policy(policy.values["policy"])
        if statement["Effect"] == "Allow" and statement["Resource"] == queue_arn
        for rule in statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    }


def test_no_queue_takes_anything_without_tls(stack: "Plan") -> None:
    denied = {
        statement["Resource"].rpartition(":")[2]
        for policy in stack.of("aws_sqs_queue_policy")
        for statement in _policy(policy.values["policy"])
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert denied == {queue.values["name"] for queue in stack.of("aws_sqs_queue")}


@pytest.mark.parametrize("table", ["control", "joblog"])
def test_a_stream_is_mapped_so_that_nothing_is_lost(table: str, stack: "Plan") -> None:
    mapping = _mapping(stack, table)
    assert mapping["starting_position"] == "TRIM_HORIZON"
    assert mapping["batch_size"] == 10
    assert mapping["bisect_batch_on_function_error"]
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]
    assert mapping["maximum_retry_attempts"] == 10
    assert mapping["function_name"].endswith(":function:test-interlock-stream-router")
    target = mapping["destination_config"][0]["on_failure"][0]["destination_arn"]
    assert target.endswith(f":test-interlock-sr-{table}-dlq")


def _mapping(stack: "Plan", table: str) -> Mapping[str, Any]:
    (found,) = [
        resource.values
        for resource in stack.of("aws_lambda_event_source_mapping")
        if resource.address.endswith(f'["{table}"]')
    ]
    return found


def _row(sk: str, **attributes: str) -> dict[str, Any]:
    keys = {"PK": {"S": "PIPELINE#p"}, "SK": {"S": sk}}
    return {"Keys": keys, "NewImage": {**keys, **{name: {"S": value} for name, value in attributes.items()}}}


def _deleted(sk: str) -> dict[str, Any]:
    return {"Keys": {"PK": {"S": "PIPELINE#p"}, "SK": {"S": sk}}}


@pytest.mark.parametrize(
    ("table", "body", "selected"),
    [
        ("control", _row("SENSOR#orders"), True),
        ("control", _row("TRIGGER#cron#2026-03-03"), True),
        ("control", _row("EVENT#01"), True),
        ("control", _row("RERUN_REQUEST#cron#2026-03-03"), True),
        ("control", _row("CONFIG"), True),
        ("control", _row("SOMETHING-NEW#1"), True),
        ("control", _row("MARKERS"), True),
        ("control", _row("MARKER#missed#2026-03-03"), True),
        ("control", _row("MARKER#missed#2026-03-03", quiet="1"), False),
        ("control", _row("KEPT#stream#2026-03-03", quiet="1"), False),
        ("control", _deleted("CONFIG"), True),
        ("control", _deleted("EVENT#01"), False),
        ("control", _deleted("SENSOR#orders"), True),
        ("control", _row("SENSOR#first-sensor-arrival#2026-03-03", quiet="1"), False),
        ("joblog", _row("JOB#cron#2026-03-03#1"), True),
        ("joblog", _row("JOB#cron#2026-03-03#1", runToken="t"), False),
        ("joblog", _deleted("JOB#cron#2026-03-03#1"), False),
    ],
)
def test_a_filter_drops_only_rows_without_effect(
    table: str, body: dict[str, Any], selected: bool, stack: "Plan"
) -> None:
    patterns = _patterns(stack, table)
    assert wanted({"dynamodb": body}, patterns) is selected
    # AWS documents no other key for DynamoDB streams.
    assert all(set(pattern) == {"dynamodb"} for pattern in patterns)


@pytest.mark.parametrize("table", ["control", "joblog"])
def test_filters_are_those_of_the_local_stack(table: str, stack: "Plan") -> None:
    patterns = _patterns(stack, table)
    check_patterns(patterns)
    # The plan has them as a set.
    assert sorted(map(json.dumps, patterns)) == sorted(map(json.dumps, STREAM_FILTERS[table]))


def _patterns(stack: "Plan", table: str) -> list[dict[str, Any]]:
    return [json.loads(entry["pattern"]) for entry in _mapping(stack, table)["filter_criteria"][0]["filter"]]


def test_the_alert_queue_limits_concurrency_and_retries(stack: "Plan") -> None:
    queue = stack.one("aws_sqs_queue", name="test-interlock-alerts").values
    timeout = _function(stack, "alert-dispatcher")["timeout"]
    assert queue["visibility_timeout_seconds"] == 6 * timeout
    (mapping,) = [
        resource.values
        for resource in stack.of("aws_lambda_event_source_mapping")
        if resource.address.endswith(".alerts")
    ]
    assert mapping["event_source_arn"].endswith(":test-interlock-alerts")
    # The third invocation is for the probe.
    assert mapping["scaling_config"] == [{"maximum_concurrency": 2}]
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]


def test_each_minute_the_dispatcher_looks_for_slack(stack: "Plan") -> None:
    rule = stack.one("aws_cloudwatch_event_rule", name="test-interlock-alert-probe").values
    assert rule["schedule_expression"] == "rate(1 minute)"
    target = stack.one("aws_cloudwatch_event_target", rule=rule["name"]).values
    assert target["arn"].endswith(":function:test-interlock-alert-dispatcher")
    assert json.loads(target["input"]) == {"probe": True}


def test_waiting_alerts_raise_an_alarm_without_slack(stack: "Plan") -> None:
    logged = stack.one("aws_cloudwatch_log_metric_filter", name="test-interlock-alert-dispatcher-waiting").values
    alarm = stack.one("aws_cloudwatch_metric_alarm", alarm_name="test-interlock-alert-dispatcher-waiting").values
    (metric,) = logged["metric_transformation"]
    assert (metric["namespace"], metric["name"]) == (alarm["namespace"], alarm["metric_name"])
    assert metric["value"] == "$.waiting"
    assert logged["log_group_name"] == "/aws/lambda/test-interlock-alert-dispatcher"
    assert "alerts_pending" in logged["pattern"]


def test_unusable_slack_settings_raise_an_alarm_in_minutes(stack: "Plan") -> None:
    logged = stack.one("aws_cloudwatch_log_metric_filter", name="test-interlock-alert-dispatcher-unusable").values
    alarm = stack.one("aws_cloudwatch_metric_alarm", alarm_name="test-interlock-alert-dispatcher-unusable").values
    (metric,) = logged["metric_transformation"]
    assert (metric["namespace"], metric["name"]) == (alarm["namespace"], alarm["metric_name"])
    assert "slack_unusable" in logged["pattern"]
    assert alarm["period"] * alarm["datapoints_to_alarm"] == 300


def test_failures_of_infrastructure_alarm_and_failed_jobs_do_not(stack: "Plan") -> None:
    alarm = stack.one("aws_cloudwatch_metric_alarm", alarm_name="test-interlock-pipeline-infra-failures").values
    counted = {
        logged.values["log_group_name"].rpartition("-interlock-")[2]: logged.values["pattern"]
        for logged in stack.of("aws_cloudwatch_log_metric_filter")
        if logged.values["metric_transformation"][0]["name"] == alarm["metric_name"]
    }
    assert counted.keys() == {"orchestrator", "watchdog"}
    assert '"infra_failure"' in counted["orchestrator"]
    # An execution that an operator aborted is no failure of the infrastructure.
    for part in ('$.event = "execution_ended_outside"', "$.committed IS TRUE", '$.status != "ABORTED"'):
        assert part in counted["watchdog"]
    states = [one.values["metric_name"] for one in stack.of("aws_cloudwatch_metric_alarm") if _is_of_states(one.values)]
    # Each run whose job fails for good is a failed execution.
    assert states == ["ExecutionsTimedOut"]


def _is_of_states(alarm: Mapping[str, Any]) -> bool:
    return alarm["namespace"] == "AWS/States"


def test_silence_of_the_watchdog_alarms_only_after_a_tick(full: "Plan") -> None:
    alarm = full.one("aws_cloudwatch_metric_alarm", alarm_name="test-interlock-watchdog-silent").values
    # A new alarm has no data. Missing data that breach would raise it before the first tick.
    assert alarm["treat_missing_data"] == "missing"
    assert alarm["insufficient_data_actions"] == ["arn:aws:sns:eu-west-1:000000000000:alarms"]
    assert (alarm["period"], alarm["evaluation_periods"]) == (1800, 2)


@pytest.mark.parametrize(
    ("fault", "event", "minutes"),
    [
        ("dead-lettered", "alert_dead_lettered", 5),
        ("digest-waits", "digest_waits", 15),
        ("silence-unreadable", "silence_unreadable", 5),
    ],
)
def test_each_fault_of_alerts_raises_an_alarm(stack: "Plan", fault: str, event: str, minutes: int) -> None:
    name = f"test-interlock-alert-dispatcher-{fault}"
    logged = stack.one("aws_cloudwatch_log_metric_filter", name=name).values
    alarm = stack.one("aws_cloudwatch_metric_alarm", alarm_name=name).values
    (metric,) = logged["metric_transformation"]
    assert (metric["namespace"], metric["name"]) == (alarm["namespace"], alarm["metric_name"])
    assert logged["pattern"] == f'{{ $.event = "{event}" }}'
    assert logged["log_group_name"] == "/aws/lambda/test-interlock-alert-dispatcher"
    assert alarm["period"] * alarm["evaluation_periods"] == minutes * 60
    assert (alarm["comparison_operator"], alarm["threshold"]) == ("GreaterThanThreshold", 0)
    # The function writes this line, so a renamed one would leave the alarm silent.
    sources = SERVICE_SOURCES.glob("**/*.py")
    assert any(f'"{event}"' in source.read_text() for source in sources)


def test_late_or_absent_canaries_raise_an_alarm(stack: "Plan") -> None:
    logged = stack.one("aws_cloudwatch_log_metric_filter", name="test-interlock-canary-latency").values
    alarm = stack.one("aws_cloudwatch_metric_alarm", alarm_name="test-interlock-canary-late").values
    (written,) = logged["metric_transformation"]
    assert logged["log_group_name"] == "/aws/lambda/test-interlock-alert-dispatcher"
    assert "canary_arrived" in logged["pattern"]
    assert (written["value"], written["default_value"]) == ("$.latency", None)
    queries = {query["id"]: query for query in alarm["metric_query"]}
    (read,) = queries["latency"]["metric"]
    assert (read["namespace"], read["metric_name"]) == (written["namespace"], written["name"])
    assert (read["stat"], read["period"]) == ("Maximum", 3 * 300)
    assert [name for name, query in queries.items() if query["return_data"]] == ["late"]
    assert queries["late"]["expression"] == "FILL(latency, 900)"
    assert (alarm["comparison_operator"], alarm["threshold"]) == ("GreaterThanThreshold", 60)
    assert (alarm["evaluation_periods"], alarm["treat_missing_data"]) == (1, "breaching")


def test_without_a_canary_no_alarm_waits_for_one(small: "Plan") -> None:
    assert _function(small, "watchdog")["environment"][0]["variables"]["WATCHDOG_CANARY"] == "false"
    rule = small.one("aws_cloudwatch_event_rule", name="test-interlock-alerts").values
    assert json.loads(rule["event_pattern"])["source"] == ["interlock"]
    found = small.of("aws_cloudwatch_metric_alarm") + small.of("aws_cloudwatch_log_metric_filter")
    assert [one.address for one in found if "canary" in one.address] == []


def test_the_sinks_queue_batches_and_limits_itself(stack: "Plan") -> None:
    queue = stack.one("aws_sqs_queue", name="test-interlock-event-sink").values
    (mapping,) = [
        resource.values
        for resource in stack.of("aws_lambda_event_source_mapping")
        if resource.address.endswith(".events")
    ]
    timeout, window = _function(stack, "event-sink")["timeout"], mapping["maximum_batching_window_in_seconds"]
    assert queue["visibility_timeout_seconds"] == 6 * timeout + window
    redrive = json.loads(queue["redrive_policy"])
    assert redrive["deadLetterTargetArn"].endswith(":test-interlock-event-sink-dlq")
    assert redrive["maxReceiveCount"] * queue["visibility_timeout_seconds"] >= 86400
    assert mapping["event_source_arn"].endswith(":test-interlock-event-sink")
    assert mapping["batch_size"] == 100
    assert mapping["scaling_config"] == [{"maximum_concurrency": 5}]
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("rule", ["event-sink", "infra-alarm-events"])
def test_no_event_invokes_the_sink_without_its_queue(rule: str, stack: "Plan") -> None:
    target = stack.one("aws_cloudwatch_event_target", rule=f"test-interlock-{rule}").values
    assert target["arn"] == "arn:aws:sqs:eu-west-1:000000000000:test-interlock-event-sink"
    assert target["dead_letter_config"][0]["arn"].endswith(":test-interlock-event-sink-dlq")


def test_alerts_are_all_events_except_progress(stack: "Plan") -> None:
    rule = stack.one("aws_cloudwatch_event_rule", name="test-interlock-alerts").values
    pattern = json.loads(rule["event_pattern"])
    assert pattern["source"] == ["interlock", "interlock.canary"]
    ((operator, types),) = pattern["detail-type"][0].items()
    assert (operator, set(types)) == ("anything-but", PROGRESS)
    assert rule["event_bus_name"] == "test-interlock-bus"


def test_the_sink_takes_every_event_of_the_bus(stack: "Plan") -> None:
    rule = stack.one("aws_cloudwatch_event_rule", name="test-interlock-event-sink").values
    assert json.loads(rule["event_pattern"]) == {"source": ["interlock"]}
    assert rule["event_bus_name"] == "test-interlock-bus"


def test_the_watchdog_gets_ticks_and_ended_executions(stack: "Plan") -> None:
    schedule = stack.one("aws_cloudwatch_event_rule", name="test-interlock-watchdog").values
    assert schedule["schedule_expression"] == "rate(5 minutes)"
    status = stack.one("aws_cloudwatch_event_rule", name="test-interlock-execution-status").values
    assert json.loads(status["event_pattern"]) == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "stateMachineArn": ["arn:aws:states:eu-west-1:000000000000:stateMachine:test-interlock-pipeline"],
            "status": ["ABORTED", "FAILED", "TIMED_OUT"],
        },
    }
    for rule in (schedule, status):
        target = stack.one("aws_cloudwatch_event_target", rule=rule["name"]).values
        assert target["arn"].endswith(":function:test-interlock-watchdog")


def test_each_rule_that_invokes_a_function_may(stack: "Plan") -> None:
    invoked = [t for t in stack.of("aws_cloudwatch_event_target") if ":function:" in t.values["arn"]]
    permitted = [p.values["function_name"] for p in stack.of("aws_lambda_permission")]
    assert sorted(permitted) == sorted(target.values["arn"].rpartition(":")[2] for target in invoked)


def test_the_state_machine_calls_the_functions_that_are_deployed(stack: "Plan") -> None:
    machine = stack.one("aws_sfn_state_machine", name="test-interlock-pipeline").values
    definition = json.loads(machine["definition"])
    assert definition["TimeoutSeconds"] == 14400
    function = "arn:aws:lambda:eu-west-1:000000000000:function:test-interlock"
    waiting = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    tasks = [state for state in definition["States"].values() if state["Type"] == "Task"]
    called = {state["Resource"] for state in tasks}
    assert called == {f"{function}-orchestrator", f"{function}-sla-monitor", waiting}
    waits = [state["Parameters"]["FunctionName"] for state in tasks if state["Resource"] == waiting]
    assert waits == [f"{function}-orchestrator"] * 2
    assert machine["type"] == "STANDARD"


def test_the_alarms_are_these(stack: "Plan") -> None:
    alarms = {
        alarm.values["alarm_name"].removeprefix("test-interlock-") for alarm in stack.of("aws_cloudwatch_metric_alarm")
    }
    queues = {"alert-dlq", "event-sink-dlq", "sr-control-dlq", "sr-joblog-dlq", "async-dlq", "job-events-dlq"}
    of_functions = {f"{service}-{kind}" for service in SERVICES for kind in ("duration", "errors", "throttles")}
    of_rules = {f"{service}-rule-failures" for service in SERVICES if service not in {"orchestrator", "sla-monitor"}}
    of_tables = {f"{table}-throttles" for table in ("control", "events", "joblog", "rerun")}
    assert alarms == of_functions | of_rules | of_tables | {f"{queue}-depth" for queue in queues} | {
        "alerts-age",
        "sla-timer-failures",
        "pipeline-infra-failures",
        "pipeline-timed-out",
        "stream-router-iterator-age",
        "watchdog-silent",
        "alert-dispatcher-waiting",
        "alert-dispatcher-unusable",
        "alert-dispatcher-dead-lettered",
        "alert-dispatcher-digest-waits",
        "alert-dispatcher-silence-unreadable",
        "canary-late",
    }


def test_logs_are_kept_for_a_month(stack: "Plan") -> None:
    groups = {group.values["name"]: group.values["retention_in_days"] for group in stack.of("aws_cloudwatch_log_group")}
    assert set(groups.values()) == {30}
    assert len(groups) == len(SERVICES) + 1


def test_timer_entries_fit_their_schedule_group(stack: "Plan") -> None:
    trust = stack.one("aws_iam_role", name="test-interlock-scheduler").values["assume_role_policy"]
    (statement,) = _policy(trust)
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert re.fullmatch(
        r"arn:aws:scheduler:[^:]+:\d{12}:schedule-group/test-interlock-sla",
        statement["Condition"]["StringEquals"]["aws:SourceArn"],
    )


def test_a_user_key_encrypts_all_that_holds_data(full: "Plan") -> None:
    key = "arn:aws:kms:eu-west-1:000000000000:key/k"
    assert {table.values["server_side_encryption"][0]["kms_key_arn"] for table in full.of("aws_dynamodb_table")} == {
        key
    }
    assert {queue.values["kms_master_key_id"] for queue in full.of("aws_sqs_queue")} == {key}
    assert {function.values["kms_key_arn"] for function in full.of("aws_lambda_function")} == {key}
    groups = full.of("aws_cloudwatch_log_group")
    assert len(groups) == len(SERVICES) + 1
    assert {group.values["kms_key_id"] for group in groups} == {key}
    assert full.one("aws_cloudwatch_event_bus").values["kms_key_identifier"] == key
    # SQS rejects both settings together.
    assert not any(queue.values.get("sqs_managed_sse_enabled") for queue in full.of("aws_sqs_queue"))


def test_every_alarm_notifies_the_topic(full: "Plan") -> None:
    alarms = full.of("aws_cloudwatch_metric_alarm")
    assert {tuple(alarm.values["alarm_actions"]) for alarm in alarms} == {
        ("arn:aws:sns:eu-west-1:000000000000:alarms",)
    }


def test_variables_reach_their_functions(full: "Plan") -> None:
    variables = {
        function.values["function_name"].removeprefix("test-interlock-"): function.values["environment"][0]["variables"]
        for function in full.of("aws_lambda_function")
    }
    assert {found["STAGE_TIMEOUT"] for found in variables.values()} == {"10s"}
    assert {found["PROFILE_BUCKET"] for found in variables.values()} == {"profiles"}
    with_letters = ["alert-dispatcher", "event-sink", "stream-router", "watchdog"]
    assert sorted(service for service, found in variables.items() if "DLQ_BUCKET" in found) == with_letters
    assert [service for service, found in variables.items() if "INTERLOCK_STAGE" in found] == ["orchestrator"]
    assert variables["alert-dispatcher"]["SLACK_CHANNEL_ID"] == "C1"
    assert variables["alert-dispatcher"]["INTERLOCK_TRIGGER_ALLOWED_HOSTS"] == "hooks.internal,10.0.0.0/8"
    assert variables["alert-dispatcher"]["SLACK_SECRET_ARN"].endswith(":secret:slack-a1b2c3")


def test_settings_of_one_function_win_over_those_of_all(full: "Plan", stack: "Plan") -> None:
    memory = {service: _function(full, service)["memory_size"] for service in SERVICES}
    assert memory == dict.fromkeys(SERVICES, 1024) | {"orchestrator": 2048}
    assert {_function(stack, service)["memory_size"] for service in SERVICES} == {512}
    groups = {group.values["name"]: group.values["retention_in_days"] for group in full.of("aws_cloudwatch_log_group")}
    assert groups.pop("/aws/lambda/test-interlock-event-sink") == 90
    assert set(groups.values()) == {30}


@pytest.mark.parametrize(
    ("queue", "service", "times"),
    [("event-sink", "event-sink", 6), ("alerts", "alert-dispatcher", 6), ("job-events", "stream-router", 2)],
)
def test_a_queue_hides_messages_for_the_time_of_its_reader(
    queue: str, service: str, times: int, full: "Plan", stack: "Plan"
) -> None:
    for plan in (full, stack):
        hidden = plan.one("aws_sqs_queue", name=f"test-interlock-{queue}").values["visibility_timeout_seconds"]
        # The event-sink also waits up to two seconds for its batch.
        assert hidden - times * _function(plan, service)["timeout"] == (2 if queue == "event-sink" else 0)


def test_only_a_named_function_enters_the_vpc(full: "Plan") -> None:
    networks = {
        function.values["function_name"].removeprefix("test-interlock-"): function.values["vpc_config"]
        for function in full.of("aws_lambda_function")
    }
    (network,) = networks.pop("orchestrator")
    assert network["subnet_ids"] == ["subnet-0a1b2c3d4e5f60718", "subnet-0a1b2c3d4e5f60719"]
    assert network["security_group_ids"] == ["sg-0a1b2c3d4e5f60718"]
    assert set(map(len, networks.values())) == {0}


def test_everything_that_can_be_tagged_is(full: "Plan") -> None:
    untagged = {
        resource.address
        for resource in full.resources
        if "tags" in resource.values and resource.values["tags"] != {"team": "data"}
    }
    assert untagged == set()


def test_tables_without_protection_can_be_deleted(full: "Plan") -> None:
    assert not any(table.values["deletion_protection_enabled"] for table in full.of("aws_dynamodb_table"))


CONFIGS = Path(__file__).parent / "configs"


def test_the_plan_and_the_command_read_the_same_files(full: "Plan", stack: "Plan") -> None:
    planned = {found.address.partition(".config[")[2].strip('"]') for found in full.of("terraform_data")} - {""}
    read = {file.relative_to(CONFIGS).as_posix() for name in CONFIGS.iterdir() for file in Search(name).files}
    assert planned == read == {"calendars/holidays.yaml", "pipelines/daily.yaml", "pipelines/team/HOURLY.YAML"}
    # One resource more pushes them.
    assert len(full.of("terraform_data")) == len(stack.of("terraform_data")) + len(read) + 1


def test_the_receipts_are_those_of_the_command(tmp_path: Path) -> None:
    copies = [shutil.copytree(folder, tmp_path / folder.name) for folder in sorted(CONFIGS.iterdir())]
    for copy in copies:
        (copy / RECEIPT).unlink()
    done = CliRunner().invoke(main, ["validate", *map(str, copies), "--receipt"])
    assert done.exit_code == 0, done.output
    for copy in copies:
        assert (copy / RECEIPT).read_bytes() == (CONFIGS / copy.name / RECEIPT).read_bytes()


def test_sensor_inbox_is_a_fifo_queue_with_its_own_letters(full: "Plan") -> None:
    inbox = full.one("aws_sqs_queue", name="test-interlock-sensor-inbox.fifo").values
    letters = full.one("aws_sqs_queue", name="test-interlock-sensor-inbox-dlq.fifo").values
    for queue in (inbox, letters):
        assert queue["fifo_queue"] is True
        assert (queue["deduplication_scope"], queue["fifo_throughput_limit"]) == ("messageGroup", "perMessageGroupId")
    redrive = json.loads(inbox["redrive_policy"])
    assert redrive["deadLetterTargetArn"].endswith(":test-interlock-sensor-inbox-dlq.fifo")
    mapping = [one.values for one in full.of("aws_lambda_event_source_mapping") if one.values["batch_size"] == 10]
    (read,) = [
        one for one in mapping if str(one.get("event_source_arn", "")).endswith(":test-interlock-sensor-inbox.fifo")
    ]
    assert read["function_response_types"] == ["ReportBatchItemFailures"]
    assert inbox["visibility_timeout_seconds"] >= 60
    variables = _function(full, "stream-router")["environment"][0]["variables"]
    assert variables["SENSOR_INBOX_DLQ_URL"].endswith("/test-interlock-sensor-inbox-dlq.fifo")
    full.one("aws_cloudwatch_metric_alarm", alarm_name="test-interlock-sensor-inbox-dlq.fifo-depth")


def test_without_an_inbox_no_queue_and_no_policy_exist(stack: "Plan") -> None:
    assert not [queue for queue in stack.of("aws_sqs_queue") if "inbox" in queue.values["name"]]
    assert "SENSOR_INBOX_DLQ_URL" not in _function(stack, "stream-router")["environment"][0]["variables"]
    assert stack.output("sensor_writer_policy") is None
    assert stack.output("sensor_inbox_url") is None


OUR_MACHINE = "arn:aws:states:eu-west-1:000000000000:stateMachine:test-interlock-pipeline"


@pytest.mark.parametrize(
    ("job_type", "source", "detail_type", "detail"),
    [
        ("glue", "aws.glue", "Glue Job State Change", {"state": ["FAILED", "STOPPED", "SUCCEEDED", "TIMEOUT"]}),
        ("emr", "aws.emr", "EMR Step Status Change", {"state": ["CANCELLED", "COMPLETED", "FAILED", "INTERRUPTED"]}),
        (
            "emr-serverless",
            "aws.emr-serverless",
            "EMR Serverless Job Run State Change",
            {"state": ["CANCELLED", "FAILED", "SUCCESS"]},
        ),
        (
            "step-function",
            "aws.states",
            "Step Functions Execution Status Change",
            {
                "status": ["ABORTED", "FAILED", "SUCCEEDED", "TIMED_OUT"],
                "stateMachineArn": [{"anything-but": [OUR_MACHINE]}],
            },
        ),
    ],
)
def test_ended_jobs_reach_the_queue_of_job_events(
    job_type: str, source: str, detail_type: str, detail: dict[str, Any], stack: "Plan"
) -> None:
    rule = stack.one("aws_cloudwatch_event_rule", name=f"test-interlock-job-events-{job_type}").values
    assert json.loads(rule["event_pattern"]) == {"source": [source], "detail-type": [detail_type], "detail": detail}
    # AWS puts these events on the default bus.
    assert rule.get("event_bus_name") in {None, "default"}
    target = stack.one("aws_cloudwatch_event_target", rule=rule["name"]).values
    assert target["arn"] == "arn:aws:sqs:eu-west-1:000000000000:test-interlock-job-events"


def test_the_router_reads_job_events_and_keeps_their_letters(stack: "Plan") -> None:
    queue = stack.one("aws_sqs_queue", name="test-interlock-job-events").values
    redrive = json.loads(queue["redrive_policy"])
    assert redrive["deadLetterTargetArn"].endswith(":test-interlock-job-events-dlq")
    assert queue["visibility_timeout_seconds"] == 2 * _function(stack, "stream-router")["timeout"]
    # A run asks its target within 10 minutes, so a later event is useless.
    assert redrive["maxReceiveCount"] * queue["visibility_timeout_seconds"] >= 600
    arn = "arn:aws:sqs:eu-west-1:000000000000:test-interlock-job-events"
    (mapping,) = [
        one.values for one in stack.of("aws_lambda_event_source_mapping") if one.values.get("event_source_arn") == arn
    ]
    assert mapping["function_name"].endswith(":function:test-interlock-stream-router")
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]
    assert mapping["scaling_config"] == [{"maximum_concurrency": 2}]
    assert _function(stack, "stream-router")["environment"][0]["variables"]["JOB_EVENTS_QUEUE_ARN"] == arn


def test_job_events_can_be_left_out(stack: "Plan", small: "Plan") -> None:
    assert not [one.address for one in small.resources if "job_events" in one.address]
    assert "JOB_EVENTS_QUEUE_ARN" not in _function(small, "stream-router")["environment"][0]["variables"]
    options = ("job_events", "canary", "dashboard")
    left_out = [one.address for one in stack.resources if any(option in one.address for option in options)]
    assert len(stack.resources) - len(small.resources) == len(left_out)


def test_the_alert_rule_is_updated_after_its_function() -> None:
    """A function of an earlier version would dead-letter a canary. The plan does not show this order."""
    service = Path(__file__).resolve().parents[1] / "services/alert-dispatcher/routing.tf"
    rule = service.read_text(encoding="utf-8").partition('resource "aws_cloudwatch_event_rule" "alerts"')[2]
    assert "depends_on = [module.function]" in rule.partition("\nresource")[0]


def test_the_definition_is_updated_after_the_functions() -> None:
    """The plan does not show an order within the resources, so this reads the code."""
    infra = Path(__file__).resolve().parents[1]
    orchestrator = (infra / "services/orchestrator/state-machine.tf").read_text(encoding="utf-8")
    machine = orchestrator.partition('resource "aws_sfn_state_machine"')[2].partition("\nresource")[0]
    (after,) = re.findall(r"depends_on = \[(.*)\]", machine)
    assert {"module.function", "var.wakers"} <= set(after.split(", "))
    stack = (infra / "stack/main.tf").read_text(encoding="utf-8")
    (wakers,) = re.findall(r"wakers += compact\(\[(.*)\]\)", stack)
    functions = ["module.stream_router.function_arn", "module.watchdog.function_arn"]
    assert wakers.split(", ") == [*functions, "module.sla_monitor.alias_arn"]

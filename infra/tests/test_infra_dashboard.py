"""The dashboard shows metrics that exist: those of the packages, of our log metric filters and of AWS."""

import json
import re
from typing import TYPE_CHECKING, Any

from interlock_telemetry import Metric

if TYPE_CHECKING:
    from conftest import Plan

# The metrics of AWS's documentation that the dashboard and the alarms use, with the dimensions that select them.
OF_AWS = {
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName"),
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName"),
    ("AWS/DynamoDB", "ReadThrottleEvents", "TableName"),
    ("AWS/DynamoDB", "WriteThrottleEvents", "TableName"),
    ("AWS/DynamoDB", "ReadThrottleEvents", "GlobalSecondaryIndexName,TableName"),
    ("AWS/DynamoDB", "WriteThrottleEvents", "GlobalSecondaryIndexName,TableName"),
    ("AWS/Events", "FailedInvocations", "RuleName"),
    ("AWS/Events", "FailedInvocations", "EventBusName,RuleName"),
    ("AWS/Lambda", "ConcurrentExecutions", "FunctionName"),
    ("AWS/Lambda", "Duration", "FunctionName"),
    ("AWS/Lambda", "Errors", "FunctionName"),
    ("AWS/Lambda", "Invocations", "FunctionName"),
    ("AWS/Lambda", "IteratorAge", "FunctionName"),
    ("AWS/Lambda", "Throttles", "FunctionName"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName"),
    ("AWS/Scheduler", "InvocationAttemptCount", "ScheduleGroup"),
    ("AWS/Scheduler", "InvocationDroppedCount", "ScheduleGroup"),
    ("AWS/Scheduler", "TargetErrorCount", "ScheduleGroup"),
    ("AWS/States", "ExecutionThrottled", "StateMachineArn"),
    ("AWS/States", "ExecutionsAborted", "StateMachineArn"),
    ("AWS/States", "ExecutionsFailed", "StateMachineArn"),
    ("AWS/States", "ExecutionsStarted", "StateMachineArn"),
    ("AWS/States", "ExecutionsSucceeded", "StateMachineArn"),
    ("AWS/States", "ExecutionsTimedOut", "StateMachineArn"),
}


def _widgets(plan: "Plan") -> list[dict[str, Any]]:
    body = json.loads(plan.one("aws_cloudwatch_dashboard").values["dashboard_body"])
    widgets: list[dict[str, Any]] = body["widgets"]
    return widgets


def _rows(plan: "Plan") -> list[list[Any]]:
    return [row for widget in _widgets(plan) for row in widget["properties"]["metrics"]]


def _filtered(plan: "Plan") -> set[str]:
    """The metrics of our log metric filters."""
    return {
        transformation["name"]
        for one in plan.of("aws_cloudwatch_log_metric_filter")
        for transformation in one.values["metric_transformation"]
    }


def test_the_dashboard_shows_each_metric_of_the_packages(stack: "Plan") -> None:
    searched = [
        re.findall(r'MetricName="([^"]+)" environment="test"', row[0]["expression"])
        for row in _rows(stack)
        if isinstance(row[0], dict)
    ]
    assert sorted(name for names in searched for name in names) == sorted(map(str, Metric))
    # The exporter writes these dimensions. A search without one of them finds nothing.
    expressions = [row[0]["expression"] for row in _rows(stack) if isinstance(row[0], dict)]
    assert all(expression.startswith("SEARCH('{Interlock,environment,service} ") for expression in expressions)


def test_metrics_of_logs_are_those_of_the_filters(stack: "Plan") -> None:
    shown = {row[1] for row in _rows(stack) if row[0] == "Interlock"}
    assert shown == _filtered(stack)


def test_alarms_use_metrics_that_exist(stack: "Plan") -> None:
    alarms = [alarm.values for alarm in stack.of("aws_cloudwatch_metric_alarm")]
    metrics = [alarm for alarm in alarms if alarm.get("metric_name")] + [
        metric for alarm in alarms for query in alarm.get("metric_query", []) for metric in query["metric"]
    ]
    ours = {metric["metric_name"] for metric in metrics if metric["namespace"] == "Interlock"}
    assert ours == _filtered(stack)
    others = {
        (metric["namespace"], metric["metric_name"], ",".join(sorted(metric["dimensions"])))
        for metric in metrics
        if metric["namespace"] != "Interlock"
    }
    assert others <= OF_AWS


def test_the_dashboard_uses_metrics_of_aws_that_exist(stack: "Plan") -> None:
    shown = {tuple(row[:3]) for row in _rows(stack) if isinstance(row[0], str) and row[0] != "Interlock"}
    assert shown <= OF_AWS
    assert {namespace for namespace, _, _ in shown} == {
        "AWS/DynamoDB",
        "AWS/Lambda",
        "AWS/SQS",
        "AWS/Scheduler",
        "AWS/States",
    }


def test_the_dashboard_names_resources_of_the_plan(stack: "Plan") -> None:
    named = {row[3].rpartition(":")[2] for row in _rows(stack) if isinstance(row[0], str) and len(row) > 3}
    of = {
        "FunctionName": ("aws_lambda_function", "function_name"),
        "QueueName": ("aws_sqs_queue", "name"),
        "TableName": ("aws_dynamodb_table", "name"),
        "StateMachineArn": ("aws_sfn_state_machine", "name"),
        "ScheduleGroup": ("aws_scheduler_schedule_group", "name"),
    }
    planned = {one.values[key] for type_, key in of.values() for one in stack.of(type_)}
    # The queues of job events belong to the stream-router, and the dashboard to infra/shared.
    assert planned - named == {"test-interlock-job-events", "test-interlock-job-events-dlq"}
    assert named <= planned


def test_widgets_do_not_overlap(stack: "Plan") -> None:
    places = [(widget["x"], widget["y"]) for widget in _widgets(stack)]
    assert len(set(places)) == len(places)
    assert {x for x, _ in places} == {0, 8, 16}
    assert {y % 6 for _, y in places} == {0}


def test_the_dashboard_can_be_left_out(small: "Plan") -> None:
    assert small.of("aws_cloudwatch_dashboard") == []

"""The SLA monitor's handler over AWS's API, wired from its variables."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from interlock_config import decode_yaml
from interlock_sla_monitor import handler
from interlock_store import DynamoTables, Store, TableNames
from interlock_telemetry import MissingEnvironment, zone_database

NAMES = TableNames.of_environment("test")
PIPELINE = """
pipeline: {id: bronze}
schedule: {trigger: {key: ready, check: exists}}
sla: {deadline: "10:00", expectedDuration: 30m, timezone: Europe/Berlin}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""
DATE = {"pipelineId": "bronze", "scheduleId": "stream", "date": "2096-03-03"}
TIMERS = ["bronze-stream-2096-03-03-sla-breach-209603040900", "bronze-stream-2096-03-03-sla-warning-209603040830"]


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The Scheduler of an account with one pipeline and the resources in the monitor's variables."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("INTERLOCK_TABLES", "boto3")  # moto replaces botocore only
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    variables = {
        "CONTROL_TABLE": NAMES.control,
        "JOBLOG_TABLE": NAMES.joblog,
        "RERUN_TABLE": NAMES.rerun,
        "EVENT_BUS_NAME": "bus",
        "SLA_MONITOR_ARN": "arn:aws:lambda:eu-west-1:123456789012:function:sla-monitor",
        "SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/some",
        "SCHEDULER_GROUP_NAME": "timers",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        for table in (NAMES.control, NAMES.joblog, NAMES.rerun):
            dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK")],
                KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
            )
        Store(DynamoTables(dynamodb), NAMES).put_config(decode_yaml(PIPELINE, "bronze.yaml"))
        handler.handle.reset()
        client = boto3.client("scheduler")
        client.create_schedule_group(Name="timers")
        yield client
    handler.handle.reset()


def timers(scheduler: Any) -> list[str]:
    return sorted(found["Name"] for found in scheduler.list_schedules()["Schedules"])


def test_a_date_gets_its_timers_and_loses_them_again(scheduler: Any) -> None:
    moments = handler.handle({"mode": "schedule", **DATE}, None)
    assert moments == {"warningAt": "2096-03-04T08:30:00+00:00", "breachAt": "2096-03-04T09:00:00+00:00"}
    assert timers(scheduler) == TIMERS
    assert handler.handle({"mode": "cancel", **DATE}, None) == moments
    assert timers(scheduler) == []


def test_ping_asks_each_table_and_the_group_of_timers(scheduler: Any) -> None:
    parts = ("control", "joblog", "rerun", "timers")
    answer = handler.handle({"__ping__": True}, None)
    assert answer["checks"] == {**dict.fromkeys(parts, "ok"), "zones": f"ok: {zone_database()}"}
    for table in (NAMES.control, NAMES.joblog, NAMES.rerun):
        boto3.client("dynamodb").delete_table(TableName=table)
    scheduler.delete_schedule_group(Name="timers")
    answer = handler.handle({"__ping__": True}, None)
    assert answer["status"] == "degraded"
    assert [part for part, text in answer["checks"].items() if "ResourceNotFoundException" in text] == list(parts)


def test_missing_variables_are_named_at_once(scheduler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONTROL_TABLE", "SLA_MONITOR_ARN"):
        monkeypatch.delenv(name)
    with pytest.raises(MissingEnvironment, match=r"CONTROL_TABLE.*SLA_MONITOR_ARN"):
        handler.handle({"mode": "schedule", **DATE}, None)


def test_wiring_imports_no_boto3(scheduler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The import of boto3 takes most of a cold start, and many invocations call the tables only."""
    monkeypatch.setenv("INTERLOCK_TABLES", "direct")
    monkeypatch.setenv("HOME", "/nonexistent")
    program = "import os, sys; from interlock_sla_monitor.wiring import wire; wire(os.environ); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"boto3", "botocore.session", "tenacity"} & set(done.stdout.split())

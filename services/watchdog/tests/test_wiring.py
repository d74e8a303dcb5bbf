"""The watchdog's handler over AWS's API, wired from its variables."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from interlock_config import decode_yaml
from interlock_store import DynamoTables, Store, TableNames
from interlock_store._write import Item, Put
from interlock_telemetry import zone_database
from interlock_watchdog.wiring import wire

NAMES = TableNames.of_environment("test")
LONG_AGO = "2026-03-03T12:00:00Z"
ROLE = "arn:aws:iam::123456789012:role/some"
PIPELINE = """
pipeline: {id: bronze}
schedule: {trigger: {key: ready, check: exists}}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The clients of an account with the resources in the watchdog's variables."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("INTERLOCK_TABLES", "boto3")  # moto replaces botocore only
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        clients: dict[str, Any] = {name: boto3.client(name) for name in ("dynamodb", "events", "stepfunctions", "sqs")}  # type: ignore[call-overload]
        _make_tables(clients["dynamodb"])
        clients["events"].create_event_bus(Name="bus")
        machine = clients["stepfunctions"].create_state_machine(
            name="machine", definition='{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}', roleArn=ROLE
        )
        queue = clients["sqs"].create_queue(QueueName="dlq")["QueueUrl"]
        variables = {
            "CONTROL_TABLE": NAMES.control,
            "JOBLOG_TABLE": NAMES.joblog,
            "RERUN_TABLE": NAMES.rerun,
            "STATE_MACHINE_ARN": machine["stateMachineArn"],
            "EVENT_BUS_NAME": "bus",
            "SLA_MONITOR_ARN": "arn:aws:lambda:eu-west-1:123456789012:function:sla-monitor",
            "SCHEDULER_ROLE_ARN": ROLE,
            "SCHEDULER_GROUP_NAME": "default",
            "DLQ_QUEUE_URL": queue,
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield {**clients, "queue": queue}


def _make_tables(client: Any) -> None:
    index = {"IndexName": "GSI1", "KeySchema": _keys("GSI1"), "Projection": {"ProjectionType": "ALL"}}
    for table in (NAMES.control, NAMES.joblog, NAMES.rerun):
        indexed = table == NAMES.control
        names = ("PK", "SK", "GSI1PK", "GSI1SK") if indexed else ("PK", "SK")
        client.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=_keys(""),
            **({"GlobalSecondaryIndexes": [index]} if indexed else {}),
        )


def _keys(prefix: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": f"{prefix}PK", "KeyType": "HASH"},
        {"AttributeName": f"{prefix}SK", "KeyType": "RANGE"},
    ]


@pytest.fixture
def tables(aws: dict[str, Any]) -> DynamoTables:
    made = DynamoTables(aws["dynamodb"])
    Store(made, NAMES).put_config(decode_yaml(PIPELINE, "bronze.yaml"))
    return made


@pytest.fixture
def tick(aws: dict[str, Any]) -> Iterator[Callable[[], dict[str, Any]]]:
    from interlock_watchdog import handler

    handler.handle.reset()
    yield lambda: handler.handle({"source": "aws.events", "detail-type": "Scheduled Event"}, None)
    handler.handle.reset()


def waiting(name: str, detail: str) -> Item:
    """An event that has waited for the bus for a long time."""
    index = {"GSI1PK": "PENDING", "GSI1SK": LONG_AGO}
    return {"PK": "PIPELINE#bronze", "SK": f"EVENT#{name}", "detailType": "SLA_WARNING", "detail": detail, **index}


def test_a_rejected_event_is_dead_lettered_and_others_go_out(
    aws: dict[str, Any], tables: DynamoTables, tick: Callable[[], dict[str, Any]]
) -> None:
    wrong, fine = waiting("1", "no json"), waiting("2", json.dumps({"pipelineId": "bronze"}))
    tables.transact([Put(NAMES.control, row) for row in (wrong, fine)])
    tick()
    (message,) = aws["sqs"].receive_message(QueueUrl=aws["queue"], MaxNumberOfMessages=10)["Messages"]
    letter = json.loads(message["Body"])
    assert (letter["payload"], letter["source"]) == (wrong, "outbox")
    left = tables.query(NAMES.control, "PENDING", index="GSI1")
    assert [row["SK"] for row in left if row["SK"] in ("EVENT#1", "EVENT#2")] == []


@pytest.fixture
def canaries(aws: dict[str, Any]) -> Callable[[], list[dict[str, Any]]]:
    """The canaries that the bus received."""
    queue = aws["sqs"].create_queue(QueueName="canaries")["QueueUrl"]
    arn = aws["sqs"].get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": ["interlock.canary"], "detail-type": ["CANARY"]})
    aws["events"].put_rule(Name="canaries", EventBusName="bus", EventPattern=pattern)
    aws["events"].put_targets(Rule="canaries", EventBusName="bus", Targets=[{"Id": "queue", "Arn": arn}])

    def received() -> list[dict[str, Any]]:
        messages = aws["sqs"].receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    return received


@pytest.mark.parametrize(("value", "sent"), [(None, 1), ("true", 1), ("false", 0)])
def test_tick_puts_a_canary_on_the_bus_unless_it_is_off(
    tables: DynamoTables,
    tick: Callable[[], dict[str, Any]],
    canaries: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    value: str | None,
    sent: int,
) -> None:
    if value is not None:
        monkeypatch.setenv("WATCHDOG_CANARY", value)
    before = datetime.now(UTC)
    tick()
    found = canaries()
    assert len(found) == sent
    for canary in found:
        assert canary["detail"].keys() == {"id", "timestamp"}
        assert before <= datetime.fromisoformat(canary["detail"]["timestamp"]) <= datetime.now(UTC)


def test_tick_is_done_although_the_bus_rejects_its_canary(
    aws: dict[str, Any], tables: DynamoTables, tick: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    aws["events"].delete_event_bus(Name="bus")
    assert "found" in tick()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines if line["event"] in ("tick_done", "canary_not_sent")] == [
        "tick_done",
        "canary_not_sent",
    ]


def test_ping_names_the_zones_that_decide(aws: dict[str, Any]) -> None:
    assert wire(os.environ).health["zones"]() == zone_database()


def test_wiring_imports_no_boto3(aws: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The import of boto3 takes most of a cold start, and many invocations call the tables only."""
    monkeypatch.setenv("INTERLOCK_TABLES", "direct")
    monkeypatch.setenv("HOME", "/nonexistent")
    program = "import os, sys; from interlock_watchdog.wiring import wire; wire(os.environ); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"boto3", "botocore.session", "tenacity"} & set(done.stdout.split())


def test_ping_asks_the_bus(aws: dict[str, Any]) -> None:
    assert wire(os.environ).health["bus"]() is None
    aws["events"].delete_event_bus(Name="bus")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        wire(os.environ).health["bus"]()

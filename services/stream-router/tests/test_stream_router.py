"""The stream-router as Lambda calls it: records lead to rows, executions and events (DynamoDB, SFN, bus: moto)."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from interlock_config import decode_yaml
from interlock_lifecycle import RunKey, RunStatus
from interlock_sla import Calendar, parse_execution_date
from interlock_store import DynamoTables, Store, TableNames, to_wire
from interlock_telemetry import zone_database

NAMES = TableNames.of_environment("test")
NOW = 1_772_539_200.0  # 2026-03-03T12:00:00Z
KEY = RunKey("bronze", "stream", parse_execution_date("2026-03-03"))
PIPELINE = """
pipeline: {id: bronze}
schedule: {trigger: {key: ready, check: equals, field: ready, value: true}}
sla: {maxDuration: 1h}
validation: {trigger: ALL, rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""
READY = {"PK": "PIPELINE#bronze", "SK": "SENSOR#ready", "data": {"ready": True, "date": "2026-03-03"}}

Handle = Callable[[Mapping[str, Any], object], dict[str, Any]]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The stream-router's surroundings, and its environment pointing at them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("INTERLOCK_TABLES", "boto3")  # moto replaces botocore only
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        clients = {name: boto3.client(name) for name in ("dynamodb", "events", "stepfunctions", "sqs")}  # type: ignore[call-overload]
        _create_tables(clients["dynamodb"])
        clients["events"].create_event_bus(Name="bus")
        machine = clients["stepfunctions"].create_state_machine(
            name="machine", definition='{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}', roleArn=_ROLE
        )
        queue = clients["sqs"].create_queue(QueueName="dlq")["QueueUrl"]
        fifo = {"FifoQueue": "true"}
        inbox_letters = clients["sqs"].create_queue(QueueName="inbox-dlq.fifo", Attributes=fifo)["QueueUrl"]
        variables = {
            "CONTROL_TABLE": NAMES.control,
            "JOBLOG_TABLE": NAMES.joblog,
            "RERUN_TABLE": NAMES.rerun,
            "STATE_MACHINE_ARN": machine["stateMachineArn"],
            "EVENT_BUS_NAME": "bus",
            "DLQ_QUEUE_URL": queue,
            "SENSOR_INBOX_DLQ_URL": inbox_letters,
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield {**clients, "queue": queue, "inbox_letters": inbox_letters, "machine": machine["stateMachineArn"]}


_ROLE = "arn:aws:iam::123456789012:role/machine"


def _create_tables(client: Any) -> None:
    for name in (NAMES.control, NAMES.joblog, NAMES.rerun):
        attributes = ("PK", "SK", "GSI1PK", "GSI1SK") if name == NAMES.control else ("PK", "SK")
        request: dict[str, Any] = {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": one, "AttributeType": "S"} for one in attributes],
            "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        }
        if name == NAMES.control:
            keys = [
                {"AttributeName": "GSI1PK", "KeyType": "HASH"},
                {"AttributeName": "GSI1SK", "KeyType": "RANGE"},
            ]
            index = {"IndexName": "GSI1", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}
            request["GlobalSecondaryIndexes"] = [index]
        client.create_table(**request)


@pytest.fixture
def handle(aws: dict[str, Any]) -> Iterator[Handle]:
    from interlock_stream_router import handler

    handler.handle.reset()
    yield handler.handle
    handler.handle.reset()


@pytest.fixture
def store(aws: dict[str, Any]) -> Store:
    made = Store(DynamoTables(aws["dynamodb"]), NAMES)
    made.put_config(decode_yaml(PIPELINE, "bronze.yaml"))
    return made


def batch(*rows: Mapping[str, Any] | None, at: float = NOW) -> dict[str, Any]:
    """Rows as the records of one Lambda invocation, numbered from 1."""
    return {"Records": [record(row, number, at) for number, row in enumerate(rows, 1)]}


def record(row: Mapping[str, Any] | None, number: int, at: float = NOW) -> dict[str, Any]:
    body: dict[str, Any] = {"SequenceNumber": str(number), "ApproximateCreationDateTime": at}
    if row is not None:
        body["Keys"] = to_wire({name: row[name] for name in ("PK", "SK")})
        body["NewImage"] = to_wire(row)
    return {"eventID": f"e{number}", "eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": body}


def row_of(aws: dict[str, Any], sk: str) -> dict[str, Any]:
    store = DynamoTables(aws["dynamodb"])
    row = store.get(NAMES.control, "PIPELINE#bronze", sk)
    assert row is not None
    return row


def executions(aws: dict[str, Any]) -> list[str]:
    listed = aws["stepfunctions"].list_executions(stateMachineArn=aws["machine"])["executions"]
    return [one["name"] for one in listed]


def letters(aws: dict[str, Any]) -> list[dict[str, Any]]:
    answer = aws["sqs"].receive_message(QueueUrl=aws["queue"], MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def test_a_sensors_committed_run_starts_its_execution(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    assert handle(batch(READY), None) == {"batchItemFailures": []}
    run = store.run(KEY)
    assert run is not None
    assert run.started_token is None
    assert executions(aws) == []

    handle(batch(row_of(aws, "TRIGGER#stream#2026-03-03")), None)
    started = store.run(KEY)
    assert started is not None
    assert started.started_token == run.run_token
    assert executions(aws) == [f"bronze-stream-2026-03-03-{run.run_token}"]
    described = aws["stepfunctions"].describe_execution(
        executionArn=aws["machine"].replace("stateMachine", "execution") + f":{executions(aws)[0]}"
    )
    reported = json.loads(described["input"])
    assert reported["sensorArrivalAt"] == "2026-03-03T12:00:00Z"
    assert reported["sla"] == {"maxDuration": "1h", "timezone": "UTC", "critical": False}
    assert reported["config"]["evaluationWindowSeconds"] == 3600


def test_every_record_delivered_twice_changes_nothing(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    for _ in range(2):
        handle(batch(READY, READY), None)
    trigger = row_of(aws, "TRIGGER#stream#2026-03-03")
    for _ in range(2):
        handle(batch(trigger, trigger), None)
    assert len(executions(aws)) == 1
    events = [row for row in store.pending(datetime.now(UTC)) if row["SK"].startswith("EVENT#")]
    assert [row["detailType"] for row in events] == ["JOB_TRIGGERED"]


def test_an_event_row_goes_to_the_bus_and_is_deleted(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    target = aws["sqs"].create_queue(QueueName="heard")
    arn = aws["sqs"].get_queue_attributes(QueueUrl=target["QueueUrl"], AttributeNames=["QueueArn"])
    aws["events"].put_rule(Name="all", EventBusName="bus", EventPattern='{"source": ["interlock"]}')
    aws["events"].put_targets(
        Rule="all", EventBusName="bus", Targets=[{"Id": "1", "Arn": arn["Attributes"]["QueueArn"]}]
    )
    handle(batch(READY), None)
    handle(batch(row_of(aws, "TRIGGER#stream#2026-03-03")), None)
    (event,) = [row for row in store.pending(datetime.now(UTC)) if row["SK"].startswith("EVENT#")]
    handle(batch(event), None)
    heard = aws["sqs"].receive_message(QueueUrl=target["QueueUrl"])["Messages"]
    envelope = json.loads(heard[0]["Body"])
    assert (envelope["source"], envelope["detail-type"]) == ("interlock", "JOB_TRIGGERED")
    assert envelope["detail"]["pipelineId"] == "bronze"
    assert store.pending(datetime.now(UTC)) == []


def test_a_permanently_rejected_event_holds_up_nothing(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    wrong = {"PK": "PIPELINE#bronze", "SK": "EVENT#x", "detailType": "JOB_TRIGGERED", "detail": "not json"}
    aws["dynamodb"].put_item(TableName=NAMES.control, Item=to_wire(wrong))
    assert handle(batch(wrong, READY), None) == {"batchItemFailures": []}
    assert store.run(KEY) is not None
    (letter,) = letters(aws)
    assert letter["payload"] == wrong
    assert DynamoTables(aws["dynamodb"]).get(NAMES.control, "PIPELINE#bronze", "EVENT#x") is None


@pytest.mark.parametrize("lacking", ["detailType", "detail"])
def test_an_incomplete_event_row_is_dead_lettered(
    aws: dict[str, Any], store: Store, handle: Handle, lacking: str
) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": "EVENT#x", "detailType": "JOB_TRIGGERED", "detail": "{}"}
    row = {name: value for name, value in row.items() if name != lacking}
    aws["dynamodb"].put_item(TableName=NAMES.control, Item=to_wire(row))
    assert handle(batch(row, READY), None) == {"batchItemFailures": []}
    assert store.run(KEY) is not None
    (letter,) = letters(aws)
    assert letter["payload"] == row
    assert f"no {lacking}" in letter["reason"]
    assert DynamoTables(aws["dynamodb"]).get(NAMES.control, "PIPELINE#bronze", "EVENT#x") is None


def test_an_incomplete_event_row_stays_without_its_letter(
    aws: dict[str, Any], store: Store, handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"PK": "PIPELINE#bronze", "SK": "EVENT#x", "detailType": "JOB_TRIGGERED"}
    aws["dynamodb"].put_item(TableName=NAMES.control, Item=to_wire(row))
    monkeypatch.setenv("DLQ_MAX_RETRIES", "0")
    aws["sqs"].delete_queue(QueueUrl=aws["queue"])
    logging.getLogger("interlock_dlq").setLevel(logging.CRITICAL)
    try:
        assert handle(batch(row), None) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    finally:
        logging.getLogger("interlock_dlq").setLevel(logging.NOTSET)
    assert row_of(aws, "EVENT#x") == row


def test_a_request_for_another_schedule_is_rejected(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    handle(batch(READY), None)
    request = {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#nightly#2026-03-03", "requestedAt": 1772539200}
    aws["dynamodb"].put_item(TableName=NAMES.control, Item=to_wire(request))
    assert handle(batch(request), None) == {"batchItemFailures": []}
    assert [run.key for run in store.runs("bronze")] == [KEY]
    (event,) = [row for row in store.pending(datetime.now(UTC)) if row["SK"].startswith("EVENT#")]
    assert event["detailType"] == "RERUN_REJECTED"
    assert "the pipeline's schedule is 'stream'" in event["detail"]
    answered = row_of(aws, "RERUN_REQUEST#nightly#2026-03-03")
    assert answered["outcome"] == "rejected"
    assert handle(batch({**answered, "requestedBy": "again"}), None) == {"batchItemFailures": []}
    assert len([row for row in store.pending(datetime.now(UTC)) if row["SK"].startswith("EVENT#")]) == 1


def test_a_touched_row_of_an_answered_request_starts_nothing(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    """The mark on the row decides: without a time of its own, each record would be another request."""
    answered = {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#stream#2026-03-03", "handledAt": "2026-03-03T11:00:00Z"}
    assert handle(batch(answered), None) == {"batchItemFailures": []}
    assert list(store.runs("bronze")) == []
    assert letters(aws) == []


@pytest.mark.parametrize(
    "row",
    [
        {"PK": "PIPELINE#bronze", "SK": "SPANNER#x"},
        {"PK": "NOBODY", "SK": "SENSOR#ready", "data": {"ready": True}},
        {"PK": "PIPELINE#bronze", "SK": "TRIGGER#stream", "status": "RUNNING", "runToken": "t"},
        {"PK": "PIPELINE#bronze", "SK": "TRIGGER#stream#2026-13-77", "status": "RUNNING", "runToken": "t"},
        {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#stream#tomorrow"},
        {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#stream#2026-03-03#x"},
        {"PK": "PIPELINE#bronze", "SK": "TRIGGER#stream#2026-03-03#x", "status": "RUNNING", "runToken": "t"},
        {"PK": "PIPELINE#bronze", "SK": "JOB#stream#2026-03-03#x#1772539200000", "event": "fail"},
        {"PK": "PIPELINE#bronze", "SK": "EVENT#1"},
        {"PK": "PIPELINE#bronze", "SK": "SENSOR#ready"},
        {"PK": "PIPELINE#bronze", "SK": "SENSOR#ready", "ttl": 1},
        {"PK": "PIPELINE#bronze", "SK": "JOB#stream#2026-03-03#1772539200000", "event": "exploded"},
        {"PK": "PIPELINE#bronze", "SK": "JOB#stream#2026-03-03#1772539200000"},
        {"PK": "PIPELINE#bronze", "SK": "JOB#stream#2026-03-03#noon", "event": "fail"},
        {"PK": "PIPELINE#bronze", "SK": "JOB#stream#2026-03-03#99999999999999999999", "event": "fail"},
        {"PK": "PIPELINE#bronze", "SK": "JOB#stream#2026-03-03#1772539200000", "event": "fail", "duration": "long"},
        None,
    ],
)
def test_malformed_row_is_dead_lettered_and_stream_goes_on(
    aws: dict[str, Any], store: Store, handle: Handle, row: Mapping[str, Any] | None
) -> None:
    assert handle(batch(row, READY), None) == {"batchItemFailures": []}
    assert store.run(KEY) is not None
    assert len(letters(aws)) == 1


@pytest.mark.parametrize("pipeline", ["bronze", "gone"])
def test_a_run_with_an_invalid_token_is_dead_lettered(
    aws: dict[str, Any], store: Store, handle: Handle, pipeline: str
) -> None:
    row = {"PK": f"PIPELINE#{pipeline}", "SK": "TRIGGER#stream#2026-03-01", "status": "RUNNING", "runToken": 1}
    aws["dynamodb"].put_item(TableName=NAMES.control, Item=to_wire(row))
    assert handle(batch(row, READY), None) == {"batchItemFailures": []}
    assert store.run(KEY) is not None
    (letter,) = letters(aws)
    assert "runToken must be a string, got Decimal('1')" in letter["reason"]
    assert executions(aws) == []


def test_a_rerun_of_an_unknown_pipeline_is_rejected(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    request = {"PK": "PIPELINE#nobody", "SK": "RERUN_REQUEST#stream#2026-03-03", "reason": "manual"}
    assert handle(batch(request), None) == {"batchItemFailures": []}
    (event,) = [row for row in store.pending(datetime.now(UTC)) if row["SK"].startswith("EVENT#")]
    assert event["detailType"] == "RERUN_REJECTED"
    assert "no config" in event["detail"]
    assert letters(aws) == []


def test_a_dry_run_starts_nothing_through_the_handler(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    store.put_config(decode_yaml(PIPELINE + "dryRun: true\n", "bronze.yaml"))
    store.put_sensor("bronze", "ready", READY["data"])
    failed = {"PK": "PIPELINE#bronze", "SK": "JOB#stream#2026-03-03#1772542800000", "event": "fail"}
    rerun = {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#stream#2026-03-03", "requestedAt": "2026-03-03T14:00:00Z"}
    assert handle(batch(READY, failed, rerun), None) == {"batchItemFailures": []}
    reported = [row["detailType"] for row in store.pending(datetime.now(UTC)) if row["SK"].startswith("EVENT#")]
    assert sorted(reported) == [
        "DRY_RUN_COMPLETED",
        "DRY_RUN_RETRY_EXHAUSTED",
        "DRY_RUN_SLA_PROJECTION",
        "DRY_RUN_WOULD_RERUN",
        "DRY_RUN_WOULD_TRIGGER",
    ]
    assert list(store.runs("bronze")) == []
    assert executions(aws) == []


def test_a_temporary_failure_answers_its_sequence_number(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    handle(batch(READY), None)
    trigger = row_of(aws, "TRIGGER#stream#2026-03-03")
    aws["stepfunctions"].delete_state_machine(stateMachineArn=aws["machine"])
    other = {**READY, "data": {"ready": True, "date": "2026-03-04"}}
    assert handle(batch(READY, trigger, other), None) == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert store.run(RunKey("bronze", "stream", parse_execution_date("2026-03-04"))) is None


def test_reserved_and_unrelated_rows_start_nothing(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    rows = [
        {**READY, "SK": "SENSOR#ready-not"},
        {**READY, "SK": "SENSOR#first-sensor-arrival#2026-03-03"},
        {**READY, "PK": "PIPELINE#unknown"},
        {**READY, "data": {"ready": False}},
        {"PK": "PIPELINE#bronze", "SK": "MARKER#x#y"},
    ]
    assert handle(batch(*rows), None) == {"batchItemFailures": []}
    assert list(store.runs("bronze")) == []
    assert letters(aws) == []


def test_a_changed_config_is_read_and_an_invalid_one_reported(
    aws: dict[str, Any], store: Store, handle: Handle
) -> None:
    handle(batch({**READY, "data": {"ready": False}}), None)
    wrong = {"PK": "PIPELINE#bronze", "SK": "CONFIG", "config": "{}"}
    aws["dynamodb"].put_item(TableName=NAMES.control, Item=to_wire(wrong))
    for _ in range(2):
        handle(batch(wrong, READY), None)
    assert store.run(KEY) is None
    events = [row for row in store.pending(datetime.now(UTC)) if row["SK"].startswith("EVENT#")]
    assert [row["detailType"] for row in events] == ["CONFIG_INVALID"]
    store.put_config(decode_yaml(PIPELINE, "bronze.yaml"))
    handle(batch(row_of(aws, "CONFIG"), READY), None)
    assert store.run(KEY) is not None


def test_an_invalid_calendar_is_reported_per_pipeline(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    named = PIPELINE.replace("schedule: {", "schedule: {exclude: {holidays: us}, ")
    for name in ("silver", "gold"):
        store.put_config(decode_yaml(named.replace("bronze", name), f"{name}.yaml"))
    store.put_calendar(Calendar("us"))
    row = DynamoTables(aws["dynamodb"]).get(NAMES.control, "CALENDAR#us", "CONFIG")
    assert row is not None
    handle(batch(row), None)
    wrong = {**row, "config": "{}"}
    aws["dynamodb"].put_item(TableName=NAMES.control, Item=to_wire(wrong))
    for _ in range(2):
        assert handle(batch(wrong), None) == {"batchItemFailures": []}
    events = [row for row in store.pending(datetime.now(UTC)) if row["SK"].startswith("EVENT#")]
    reported = sorted((row["PK"], row["detailType"]) for row in events)
    assert reported == [("PIPELINE#gold", "CONFIG_INVALID"), ("PIPELINE#silver", "CONFIG_INVALID")]


def test_an_edited_calendar_is_noted_in_each_pipelines_row(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    """The day before is closed: deadlines before the edit are no longer judged. A redelivery changes nothing."""
    store.put_config(decode_yaml(PIPELINE.replace("schedule: {", "schedule: {calendar: us, "), "bronze.yaml"))
    store.put_calendar(Calendar("us"))
    handle(batch(row_of(aws, "CONFIG")), None)
    store.put_calendar(Calendar("us", dates=frozenset([date(2026, 3, 2)])))
    row = DynamoTables(aws["dynamodb"]).get(NAMES.control, "CALENDAR#us", "CONFIG")
    assert row is not None
    assert not store.config("bronze").noted
    for _ in range(2):
        handle(batch(row), None)
    stored = store.config("bronze")
    assert (stored.noted, stored.changed_at) == (True, datetime.fromtimestamp(NOW, UTC))
    assert stored.in_force["excluded days"] == datetime.fromtimestamp(NOW, UTC)


def test_a_config_that_became_invalid_closes_the_run(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    handle(batch(READY), None)
    aws["dynamodb"].put_item(
        TableName=NAMES.control, Item=to_wire({"PK": "PIPELINE#bronze", "SK": "CONFIG", "config": "{}"})
    )
    handle(batch(row_of(aws, "TRIGGER#stream#2026-03-03")), None)
    run = store.run(KEY)
    assert run is not None
    assert run.status is RunStatus.FAILED_FINAL
    assert executions(aws) == []


def test_a_ping_reports_each_answer(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    answer = handle({"__ping__": True}, None)
    assert answer["status"] == "healthy"
    parts = ("control", "joblog", "rerun", "bus", "machine")
    assert answer["checks"] == {**dict.fromkeys(parts, "ok"), "zones": f"ok: {zone_database()}"}
    for table in (NAMES.control, NAMES.joblog, NAMES.rerun):
        aws["dynamodb"].delete_table(TableName=table)
    assert handle({"__ping__": True}, None)["status"] == "degraded"


def test_missing_variables_are_named_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from interlock_stream_router.wiring import REQUIRED, wire

    with pytest.raises(Exception, match="CONTROL_TABLE") as raised:
        wire({})
    assert all(name in str(raised.value) for name in REQUIRED)
    assert "CONTROL_TABLE" not in os.environ


def reading(body: object, number: int, group: str = "bronze#ready") -> dict[str, Any]:
    """A message of the sensor inbox as Lambda receives it."""
    text = body if isinstance(body, str) else json.dumps(body)
    attributes = {"MessageGroupId": group, "ApproximateReceiveCount": "1"}
    return {"messageId": f"m{number}", "eventSource": "aws:sqs", "body": text, "attributes": attributes}


TAKEN = {"pipelineId": "bronze", "key": "ready", "data": {"ready": True, "date": "2026-03-03"}}


def test_reading_becomes_a_row_and_an_invalid_one_a_letter(aws: dict[str, Any], store: Store, handle: Handle) -> None:
    wrong = {**TAKEN, "SK": "CONFIG"}
    assert handle({"Records": [reading(wrong, 1), reading(TAKEN, 2)]}, None) == {"batchItemFailures": []}
    assert row_of(aws, "SENSOR#ready") == READY
    (message,) = aws["sqs"].receive_message(QueueUrl=aws["inbox_letters"])["Messages"]
    letter = json.loads(message["Body"])
    assert "unknown field `SK`" in letter["reason"]
    assert (letter["permanence"], json.loads(letter["payload"]["body"])) == ("permanent", wrong)
    assert letters(aws) == []


def test_reading_that_the_table_rejects_returns_with_its_group(
    aws: dict[str, Any], store: Store, handle: Handle
) -> None:
    aws["dynamodb"].delete_table(TableName=NAMES.control)
    other = reading("no reading", 3, group="gold#ready")
    answer = handle({"Records": [reading(TAKEN, 1), reading("no reading", 2), other]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]}


def test_readings_stay_in_the_inbox_without_a_letter_queue(
    aws: dict[str, Any], store: Store, handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SENSOR_INBOX_DLQ_URL")
    assert handle({"Records": [reading("no reading", 1)]}, None) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}


def test_wiring_imports_no_boto3(aws: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The import of boto3 takes most of a cold start, and many invocations call the tables only."""
    monkeypatch.setenv("INTERLOCK_TABLES", "direct")
    monkeypatch.setenv("HOME", "/nonexistent")
    program = "import os, sys; from interlock_stream_router.wiring import wire; wire(os.environ); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"boto3", "botocore.session", "tenacity"} & set(done.stdout.split())

"""Where the local server differs from AWS: each row of docs/reference/local-stack.md §3 has its test here.

The tests wait for timers and a sweep of a minute, so that they run on demand: `nox -s tables`. A new version of
ministack may make one of them fail. Then its row is no longer true.
"""

import io
import json
import os
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pytest
from botocore.config import Config

from interlock_local.stack import Ministack

pytestmark = pytest.mark.skipif(
    os.environ.get("INTERLOCK_DIFFERENCES") != "1", reason="on demand: INTERLOCK_DIFFERENCES=1"
)

ROLE = "arn:aws:iam::000000000000:role/machine"
PATIENCE = 300.0

Clients = Callable[[str], Any]


@pytest.fixture(scope="module")
def server() -> Iterator[Ministack]:
    with Ministack() as running:
        yield running


@pytest.fixture(scope="module")
def clients(server: Ministack) -> Clients:
    @cache
    def client(service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=server.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=server.key.access_key,
            aws_secret_access_key=server.key.secret,
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    return client


class Machines:
    """State machines of the server."""

    def __init__(self, clients: Clients) -> None:
        self.client = clients("stepfunctions")

    def create(self, start: str, **states: Any) -> str:
        definition = json.dumps({"StartAt": start, "States": states})
        name = str(uuid.uuid4())
        return str(self.client.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"])

    def start(self, machine: str, given: Any = None) -> str:
        answer = self.client.start_execution(stateMachineArn=machine, input=json.dumps(given or {}))
        return str(answer["executionArn"])

    def status(self, execution: str) -> str:
        return str(self.client.describe_execution(executionArn=execution)["status"])

    def ended(self, execution: str) -> dict[str, Any]:
        await_that(lambda: self.status(execution) != "RUNNING", "the end of the execution")
        found: dict[str, Any] = self.client.describe_execution(executionArn=execution)
        return found

    def output(self, execution: str) -> Any:
        found = self.ended(execution)
        assert found["status"] == "SUCCEEDED", found
        return json.loads(found["output"])


def await_that(condition: Callable[[], object], event: str, patience: float = PATIENCE) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"not seen: {event}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def machines(clients: Clients) -> Machines:
    return Machines(clients)


@pytest.fixture(scope="module")
def queue(clients: Clients) -> str:
    return str(clients("sqs").create_queue(QueueName="steps")["QueueUrl"])


def sending(queue: str, **fields: Any) -> dict[str, Any]:
    """A state that sends its input as a message."""
    message = {"QueueUrl": queue, "MessageBody.$": "$"}
    return {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": message, **fields}


def messages(clients: Clients, queue: str) -> list[str]:
    """All messages of a queue, which is empty afterwards."""
    found: list[str] = []
    while True:
        batch = clients("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        if not batch:
            return found
        for message in batch:
            found.append(message["Body"])
            clients("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


FAILING = {"Type": "Fail", "Error": "Wrong"}


def test_a_wrong_path_is_null(machines: Machines) -> None:
    wrong = {"Type": "Pass", "Parameters": {"run.$": "$.run.id", "item.$": "$.items[5]"}, "End": True}
    assert machines.output(machines.start(machines.create("Wrong", Wrong=wrong))) == {"run": None, "item": None}


@pytest.mark.parametrize(("given", "expected"), [({"sla": None}, "absent"), ({}, "absent"), ({"sla": 1}, "present")])
def test_a_null_field_is_absent(machines: Machines, given: Any, expected: str) -> None:
    states: dict[str, Any] = {
        "Has": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.sla", "IsPresent": True, "Next": "Present"}],
            "Default": "Absent",
        },
        "Present": {"Type": "Pass", "Result": "present", "End": True},
        "Absent": {"Type": "Pass", "Result": "absent", "End": True},
    }
    assert machines.output(machines.start(machines.create("Has", **states), given)) == expected


def test_an_absent_field_is_null(machines: Machines) -> None:
    states: dict[str, Any] = {
        "Is": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.sla", "IsNull": True, "Next": "Null"}],
            "Default": "Other",
        },
        "Null": {"Type": "Pass", "Result": "null", "End": True},
        "Other": {"Type": "Pass", "Result": "other", "End": True},
    }
    assert machines.output(machines.start(machines.create("Is", **states))) == "null"


def test_a_map_goes_on_after_a_failed_item(machines: Machines, clients: Clients, queue: str) -> None:
    steps = {
        "Which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$", "StringEquals": "second", "Next": "Wrong"}],
            "Default": "Send",
        },
        "Wrong": FAILING,
        "Send": sending(queue, End=True),
    }
    over = {
        "Type": "Map",
        "MaxConcurrency": 1,
        "ItemProcessor": {"StartAt": "Which", "States": steps},
        "End": True,
    }
    execution = machines.start(machines.create("Each", Each=over), ["first", "second", "third"])
    assert machines.ended(execution)["status"] == "FAILED"
    assert sorted(messages(clients, queue)) == ["first", "third"]


def test_a_parallel_goes_on_after_a_failed_branch(machines: Machines, clients: Clients, queue: str) -> None:
    late = {"Later": {"Type": "Wait", "Seconds": 2, "Next": "Send"}, "Send": sending(queue, End=True)}
    branches = [{"StartAt": "Wrong", "States": {"Wrong": FAILING}}, {"StartAt": "Later", "States": late}]
    both = {"Type": "Parallel", "Branches": branches, "End": True}
    execution = machines.start(machines.create("Both", Both=both), "late")
    assert machines.ended(execution)["status"] == "FAILED"
    assert messages(clients, queue) == ["late"]


def test_a_retry_waits_longer_than_its_longest_delay(machines: Machines) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 4, "MaxDelaySeconds": 1, "MaxAttempts": 1}]
    absent = sending("http://127.0.0.1/absent", Retry=retry, End=True)
    begun = time.monotonic()
    assert machines.ended(machines.start(machines.create("Send", Send=absent), "x"))["status"] == "FAILED"
    # At least the interval, and not the second of MaxDelaySeconds.
    assert time.monotonic() - begun >= 4


@pytest.mark.parametrize("limit", ["TimeoutSeconds", "HeartbeatSeconds"])
def test_an_activity_outlives_its_limit(machines: Machines, limit: str) -> None:
    activity = machines.client.create_activity(name=str(uuid.uuid4()))["activityArn"]
    waits = {"Type": "Task", "Resource": activity, limit: 1, "End": True}
    execution = machines.start(machines.create("Work", Work=waits))
    token = machines.client.get_activity_task(activityArn=activity)["taskToken"]
    time.sleep(3)
    assert machines.status(execution) == "RUNNING"
    machines.client.send_task_success(taskToken=token, output='"late"')
    assert machines.output(execution) == "late"


def test_timeoutsecondspath_of_an_activity_is_ignored(machines: Machines) -> None:
    activity = machines.client.create_activity(name=str(uuid.uuid4()))["activityArn"]
    waits = {"Type": "Task", "Resource": activity, "TimeoutSecondsPath": "$.most", "End": True}
    execution = machines.start(machines.create("Work", Work=waits), {"most": 1})
    time.sleep(3)
    assert machines.status(execution) == "RUNNING"
    machines.client.stop_execution(executionArn=execution)


def test_the_machine_outlives_its_timeout(machines: Machines) -> None:
    definition = {
        "StartAt": "Wait",
        "TimeoutSeconds": 1,
        "States": {"Wait": {"Type": "Wait", "Seconds": 4, "End": True}},
    }
    name = str(uuid.uuid4())
    made = machines.client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)
    assert machines.ended(machines.start(made["stateMachineArn"]))["status"] == "SUCCEEDED"


def test_a_repeated_start_is_rejected(machines: Machines) -> None:
    machine = machines.create("Done", Done={"Type": "Succeed"})
    same = {"stateMachineArn": machine, "name": "run-1", "input": "{}"}
    machines.client.start_execution(**same)
    with pytest.raises(machines.client.exceptions.ExecutionAlreadyExists):
        machines.client.start_execution(**same)


SLOW = """
import os, time
def handle(event, context):
    with open(os.environ["HOME"] + "/deliveries", "a") as file:
        file.write(event["detail"]["id"] + "\\n")
    time.sleep(3)
"""
QUEUES = "arn:aws:sqs:us-east-1:000000000000:"


def slow_function(clients: Clients, letters: str) -> str:
    """The ARN of a function that takes one invocation at a time, with a dead-letter queue."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("slow.py", SLOW)
    made = clients("lambda").create_function(
        FunctionName="slow",
        Runtime="python3.13",
        Role=ROLE,
        Handler="slow.handle",
        Timeout=30,
        Code={"ZipFile": buffer.getvalue()},
        DeadLetterConfig={"TargetArn": letters},
    )
    clients("lambda").put_function_concurrency(FunctionName="slow", ReservedConcurrentExecutions=1)
    return str(made["FunctionArn"])


def test_a_throttled_delivery_vanishes(server: Ministack, clients: Clients) -> None:
    """Three events at once for a function that takes one. AWS tries the others again, and keeps them at last."""
    events, letters = clients("events"), clients("sqs").create_queue(QueueName="letters")["QueueUrl"]
    target = {
        "Id": "slow",
        "Arn": slow_function(clients, f"{QUEUES}letters"),
        "DeadLetterConfig": {"Arn": f"{QUEUES}letters"},
    }
    events.put_rule(Name="slow", EventPattern=json.dumps({"source": ["test"]}))
    events.put_targets(Rule="slow", Targets=[target])

    def put(number: str) -> None:
        events.put_events(Entries=[{"Source": "test", "DetailType": "t", "Detail": json.dumps({"id": number})}])

    with ThreadPoolExecutor() as pool:
        list(pool.map(put, ["1", "2", "3"]))
    deliveries = server.home / "home" / "deliveries"
    await_that(deliveries.exists, "the first delivery")
    time.sleep(12)
    assert len(deliveries.read_text().split()) < 3
    assert messages(clients, letters) == []


def test_a_timer_ignores_its_zone(clients: Clients) -> None:
    """In one hour by the clock of New York, which shows an earlier time than UTC."""
    url = clients("sqs").create_queue(QueueName="timers")["QueueUrl"]
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    clients("scheduler").create_schedule(
        Name="one",
        ScheduleExpression=f"at({in_an_hour.astimezone(ZoneInfo('America/New_York')):%Y-%m-%dT%H:%M:%S})",
        ScheduleExpressionTimezone="America/New_York",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": f"{QUEUES}timers", "RoleArn": ROLE, "Input": "fired"},
    )
    found: list[str] = []
    await_that(lambda: found.extend(messages(clients, url)) or found, "the timer", 60)
    assert found == ["fired"]


def test_a_ttl_delete_leaves_no_stream_record(clients: Clients) -> None:
    db, streams = clients("dynamodb"), clients("dynamodbstreams")
    db.create_table(
        TableName="rows",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    db.update_time_to_live(TableName="rows", TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"})
    for name, ends in (("expired", "1000000000"), ("deleted", "9999999999")):
        db.put_item(TableName="rows", Item={"PK": {"S": name}, "ttl": {"N": ends}})
    db.delete_item(TableName="rows", Key={"PK": {"S": "deleted"}})
    await_that(lambda: "Item" not in db.get_item(TableName="rows", Key={"PK": {"S": "expired"}}), "the sweep")
    arn = db.describe_table(TableName="rows")["Table"]["LatestStreamArn"]
    [shard] = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    at = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=at["ShardIterator"])["Records"]
    found = [(record["eventName"], record["dynamodb"]["Keys"]["PK"]["S"]) for record in records]
    assert sorted(found) == [("INSERT", "deleted"), ("INSERT", "expired"), ("REMOVE", "deleted")]

"""The server is killed at any moment, and each acknowledged write is there after the next start."""

import contextlib
import http.client
import json
import os
import resource
import signal
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from interlock_local import LocalStackError
from interlock_local.stack import Ministack

TABLE: dict[str, Any] = {
    "TableName": "control",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK", "GSI1PK", "GSI1SK")
    ],
    "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "GSI1",
            "KeySchema": [
                {"AttributeName": "GSI1PK", "KeyType": "HASH"},
                {"AttributeName": "GSI1SK", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
}


def client(server: Ministack, service: str = "dynamodb") -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=server.endpoint_url,
        region_name=server.key.region,
        aws_access_key_id=server.key.access_key,
        aws_secret_access_key=server.key.secret,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def item(sort: str, **values: str) -> dict[str, dict[str, str]]:
    return {"PK": {"S": "P"}, "SK": {"S": sort}, **{name: {"S": value} for name, value in values.items()}}


def rows(server: Ministack) -> dict[str, dict[str, Any]]:
    pages = client(server).get_paginator("scan").paginate(TableName="control", ConsistentRead=True)
    return {one["SK"]["S"]: one for page in pages for one in page["Items"]}


def process_of(server: Ministack) -> int:
    """The process of the server itself, without its guard and its workers."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            mine = f"GATEWAY_PORT={server.port}".encode() in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if mine and b"interlock_local.server" in words and b"-I" not in words:
            return int(entry.name)
    raise AssertionError("the server has no process")


def kill(server: Ministack) -> None:
    """End the server process with SIGKILL, as the kernel or an impatient user does."""
    os.kill(process_of(server), signal.SIGKILL)
    assert server.wait(20)
    server.stop()


def test_each_kind_of_write_survives_a_kill(tmp_path: Path) -> None:
    server = Ministack(data_dir=tmp_path)
    server.start()
    tables = client(server)
    tables.create_table(**TABLE)
    for number in range(30):
        tables.put_item(TableName="control", Item=item(f"row-{number:02}", v="old"))
    tables.update_item(
        TableName="control",
        Key=item("row-00"),
        UpdateExpression="SET v = :v ADD n :one",
        ExpressionAttributeValues={":v": {"S": "new"}, ":one": {"N": "1"}},
    )
    tables.update_table(TableName="control", DeletionProtectionEnabled=False)
    tables.delete_item(TableName="control", Key=item("row-01"))
    tables.batch_write_item(
        RequestItems={
            "control": [
                {"PutRequest": {"Item": item("batch", GSI1PK="PENDING", GSI1SK="1")}},
                {"DeleteRequest": {"Key": item("row-02")}},
            ]
        }
    )
    arn = tables.describe_table(TableName="control")["Table"]["TableArn"]
    there = {"TableName": "control", "Key": item("row-03"), "ConditionExpression": "attribute_exists(PK)"}
    tables.transact_write_items(
        TransactItems=[
            {"ConditionCheck": there},
            {"Put": {"TableName": arn, "Item": item("put")}},
            {"Delete": {"TableName": "control", "Key": item("row-04")}},
            {
                "Update": {
                    "TableName": "control",
                    "Key": item("counter"),
                    "UpdateExpression": "ADD n :one",
                    "ExpressionAttributeValues": {":one": {"N": "7"}},
                }
            },
        ]
    )
    never = item("row-05", v="never")
    with pytest.raises(ClientError):
        tables.put_item(TableName="control", Item=never, ConditionExpression="attribute_not_exists(PK)")
    before = rows(server)
    assert len(before) == 30
    kill(server)
    with Ministack(data_dir=tmp_path) as again:
        assert rows(again) == before
        found = client(again).query(
            TableName="control",
            IndexName="GSI1",
            KeyConditionExpression="GSI1PK = :p",
            ExpressionAttributeValues={":p": {"S": "PENDING"}},
        )
        assert [one["SK"]["S"] for one in found["Items"]] == ["batch"]


def test_writers_keep_what_was_acknowledged_at_any_moment(tmp_path: Path) -> None:
    """Four writers count up. Each kill comes at a moment that they do not know."""
    acknowledged: dict[str, int] = {}
    for round_number in range(4):
        server = Ministack(data_dir=tmp_path)
        server.start()
        if round_number == 0:
            client(server).create_table(**TABLE)
        found = {sort: int(row["n"]["N"]) for sort, row in rows(server).items()}
        for name, count in acknowledged.items():
            assert found[name] in {count, count + 1}, "the last write may be there without its answer"
        acknowledged.update(found)

        def write(name: str, tables: Any) -> None:
            while True:
                try:
                    answer = tables.update_item(
                        TableName="control",
                        Key=item(name),
                        UpdateExpression="ADD n :one",
                        ExpressionAttributeValues={":one": {"N": "1"}},
                        ReturnValues="ALL_NEW",
                    )
                except (BotoCoreError, ClientError):
                    return
                acknowledged[name] = int(answer["Attributes"]["n"]["N"])

        writers = [threading.Thread(target=write, args=(f"w{one}", client(server))) for one in range(4)]
        for writer in writers:
            writer.start()
        goal = sum(acknowledged.values()) + 40 * (round_number + 1)
        while sum(acknowledged.values()) < goal:
            time.sleep(0.005)
        kill(server)
        for writer in writers:
            writer.join(20)
    assert len(acknowledged) == 4


def test_unread_stream_records_come_again_with_their_times(tmp_path: Path) -> None:
    server = Ministack(data_dir=tmp_path)
    server.start()
    client(server).create_table(**TABLE)
    for number in range(5):
        client(server).put_item(TableName="control", Item=item("row", v=str(number)))
    client(server).put_item(TableName="control", Item=item("row", v="4"))  # changes nothing, so it has no record
    client(server).delete_item(TableName="control", Key=item("row"))
    live = stream_of(server)
    kill(server)
    (tmp_path / "stream-positions.json").write_text(json.dumps({"control": live[1]["dynamodb"]["SequenceNumber"]}))
    with Ministack(data_dir=tmp_path) as again:
        unread = again.backlog("control")
        assert [shape(one) for one in unread] == [shape(one) for one in live[2:]]
        assert [one["eventName"] for one in unread] == ["MODIFY", "MODIFY", "MODIFY", "REMOVE"]
        assert stream_of(again) == [], "the restored items are no news"
        client(again).put_item(TableName="control", Item=item("later"))
    with Ministack(data_dir=tmp_path) as third:
        assert len(third.backlog("control")) == 5, "what the second start did not handle either"


def shape(record: dict[str, Any]) -> tuple[Any, ...]:
    change = record["dynamodb"]
    image = change.get("NewImage")
    at = change["ApproximateCreationDateTime"].timestamp()
    return record["eventID"], record["eventName"], change["SequenceNumber"], at, change["Keys"], image


def stream_of(server: Ministack) -> list[dict[str, Any]]:
    streams = client(server, "dynamodbstreams")
    arn = client(server).describe_table(TableName="control")["Table"]["LatestStreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    records: list[dict[str, Any]] = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    return records


def test_a_long_journal_is_compacted_while_writers_go_on(tmp_path: Path) -> None:
    server = Ministack(data_dir=tmp_path, settings={"LOCAL_STACK_COMPACTED_ABOVE": str(2 * 1024 * 1024)})
    server.start()
    client(server).create_table(**TABLE)
    positions, journal = tmp_path / "stream-positions.json", tmp_path / "journal.jsonl"
    written, largest, tables = 0, 0, client(server)
    deadline = time.monotonic() + 60
    while journal.stat().st_size >= largest or written < 20:
        assert time.monotonic() < deadline, "never compacted"
        largest = max(largest, journal.stat().st_size)
        tables.put_item(TableName="control", Item=item("row", v="x" * 20_000, n=str(written)))
        written += 1
        if written % 10 == 0:
            # Snapshots of queues and timers have lines of their own.
            lines = [line for line in map(json.loads, journal.read_bytes().splitlines()) if line.get("changes")]
            done = lines[-1]["changes"][0]["note"]["number"]
            positions.write_text(json.dumps({"control": done}))
    tables.put_item(TableName="control", Item=item("last"))
    kill(server)
    with Ministack(data_dir=tmp_path) as again:
        assert rows(again).keys() == {"row", "last"}
        assert rows(again)["row"]["n"]["S"] == str(written - 1)
        assert len(again.backlog("control")) == written % 10 + 1, "the unread records are kept"


def test_messages_and_events_survive_a_kill(tmp_path: Path) -> None:
    server = Ministack(data_dir=tmp_path)
    server.start()
    wire(server)
    url = client(server, "sqs").get_queue_url(QueueName="alerts")["QueueUrl"]
    client(server, "sqs").send_message(QueueUrl=url, MessageBody="old")
    deadline = time.monotonic() + 20
    snapshot = tmp_path / "state" / "sqs.json"
    while not snapshot.exists() or b"old" not in snapshot.read_bytes():
        assert time.monotonic() < deadline, "no snapshot"
        time.sleep(0.05)
    time.sleep(1.2)  # the snapshot's line in the journal
    (taken,) = client(server, "sqs").receive_message(QueueUrl=url, VisibilityTimeout=900)["Messages"]
    assert taken["Body"] == "old"
    process, bus = process_of(server), client(server, "events")
    client(server, "sqs").send_message(QueueUrl=url, MessageBody="new")
    send_as_older_clients(server, url, "form")
    bus.put_events(Entries=[{"Source": "interlock", "DetailType": "BREACH", "Detail": "{}", "EventBusName": "bus"}])
    os.kill(process, signal.SIGKILL)
    assert server.wait(20)
    server.stop()
    with Ministack(data_dir=tmp_path) as again:
        wire(again)
        assert again.repeat_lost() in {0, 3}, "0 if a snapshot came in this moment"
        assert again.repeat_lost() == 0, "only once"
        bodies = {one["Body"] for one in received(again, url)}
        assert {"old", "new", "form"} < bodies
        assert [json.loads(body)["detail-type"] for body in bodies - {"old", "new", "form"}] == ["BREACH"]


def send_as_older_clients(server: Ministack, url: str, text: str) -> None:
    """SendMessage in the query protocol."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    signed = AWSRequest(
        "POST",
        f"{server.endpoint_url}/",
        headers,
        urlencode({"Action": "SendMessage", "Version": "2012-11-05", "QueueUrl": url, "MessageBody": text}),
    )
    SigV4Auth(Credentials(server.key.access_key, server.key.secret), "sqs", server.key.region).add_auth(signed)
    request = urllib.request.Request(signed.url, signed.data.encode(), dict(signed.headers))
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200


def test_a_body_that_is_no_text_ends_nothing(tmp_path: Path) -> None:
    with Ministack(data_dir=tmp_path) as server:
        key = Credentials(server.key.access_key, server.key.secret)
        signed = AWSRequest("POST", f"{server.endpoint_url}/schedules/x", {}, b"\xff\xfe{}")
        SigV4Auth(key, "scheduler", server.key.region).add_auth(signed)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("POST", "/schedules/x", signed.data, dict(signed.headers))
            assert connection.getresponse().status == 400
        client(server).create_table(**TABLE)
        assert server.failure is None


def wire(server: Ministack) -> None:
    """A bus, a queue and the rule between them, as each deployment creates them again."""
    queues, bus = client(server, "sqs"), client(server, "events")
    url = queues.create_queue(QueueName="alerts")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    with contextlib.suppress(bus.exceptions.ResourceAlreadyExistsException):
        bus.create_event_bus(Name="bus")
    bus.put_rule(Name="all", EventBusName="bus", EventPattern='{"source": ["interlock"]}')
    bus.put_targets(Rule="all", EventBusName="bus", Targets=[{"Id": "alerts", "Arn": arn}])


def received(server: Ministack, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while batch := client(server, "sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += batch
    return found


def test_writes_that_cannot_be_kept_are_rejected(tmp_path: Path) -> None:
    with Ministack(data_dir=tmp_path) as server:
        client(server).create_table(**TABLE)
        with pytest.raises(ClientError, match="does not support ExecuteStatement"):
            client(server).execute_statement(Statement="INSERT INTO control VALUE {'PK': 'a', 'SK': 'b'}")
        assert rows(server) == {}


def test_a_server_without_its_journal_ends(tmp_path: Path) -> None:
    """A write that cannot be kept gets no answer. Here the file may not grow, as on a full disk."""
    server = Ministack(data_dir=tmp_path)
    server.start()
    client(server).create_table(**TABLE)
    # The limit counts for the log too, which is shorter.
    client(server).put_item(TableName="control", Item=item("kept", v="x" * 300_000))
    size = (tmp_path / "journal.jsonl").stat().st_size
    resource.prlimit(process_of(server), resource.RLIMIT_FSIZE, (size + 100, size + 100))
    with pytest.raises((BotoCoreError, ClientError)):
        client(server).put_item(TableName="control", Item=item("lost", v="x" * 200))
    assert server.wait(20)
    assert "the journal of the local stack cannot be kept: OSError" in str(server.failure)
    server.stop()
    with Ministack(data_dir=tmp_path) as again:
        assert rows(again).keys() == {"kept"}


def test_a_journal_changed_by_hand_is_reported(tmp_path: Path) -> None:
    with Ministack(data_dir=tmp_path) as server:
        client(server).create_table(**TABLE)
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"by hand\n" + path.read_bytes())
    with pytest.raises(LocalStackError, match=r"(?s)did not start.*line 1 is not readable"):
        Ministack(data_dir=tmp_path).start()


def test_a_directory_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    with Ministack(data_dir=tmp_path) as server:
        client(server).create_table(**TABLE)
        client(server).put_item(TableName="control", Item=item("kept"))
    (tmp_path / "journal.jsonl").unlink()  # an earlier version had only the server's own files
    server = Ministack(data_dir=tmp_path)
    server.start()
    assert rows(server).keys() == {"kept"}
    client(server).put_item(TableName="control", Item=item("more"))
    kill(server)
    with Ministack(data_dir=tmp_path) as again:
        assert rows(again).keys() == {"kept", "more"}

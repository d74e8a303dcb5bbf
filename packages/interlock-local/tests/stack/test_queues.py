"""A kept stack on another port: its queues move with their messages. Needs ministack."""

from pathlib import Path
from typing import Any

import boto3
import pytest

from interlock_local.stack import Ministack
from interlock_local.stack._queues import move_queues

ATTRIBUTES = {"VisibilityTimeout": "360", "SqsManagedSseEnabled": "true"}


def queues(server: Ministack) -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=server.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=server.key.access_key,
        aws_secret_access_key=server.key.secret,
    )


def count(client: Any) -> int:
    url = client.get_queue_url(QueueName="alerts")["QueueUrl"]
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(found["Attributes"]["ApproximateNumberOfMessages"])


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A data directory with a queue of 12 messages."""
    with Ministack(data_dir=tmp_path) as server:
        client = queues(server)
        url = client.create_queue(QueueName="alerts", Attributes=ATTRIBUTES)["QueueUrl"]
        for number in range(12):
            mark = {"number": {"DataType": "String", "StringValue": str(number)}}
            client.send_message(QueueUrl=url, MessageBody=f"alert {number}", MessageAttributes=mark)
    return tmp_path


def on_another_port(kept: Path) -> Ministack:
    (kept / "port").unlink()
    return Ministack(data_dir=kept)


def test_messages_and_attributes_are_moved(kept: Path) -> None:
    with on_another_port(kept) as server:
        client = queues(server)
        assert move_queues(client, server.endpoint_url) == 12
        assert client.list_queues()["QueueUrls"] == [f"{server.endpoint_url}/000000000000/alerts"]
        # The later deployment creates the same queue, which is not a conflict.
        url = client.create_queue(QueueName="alerts", Attributes=ATTRIBUTES)["QueueUrl"]
        got = client.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"][0]
        assert got["Body"] == f"alert {got['MessageAttributes']['number']['StringValue']}"


def test_a_second_move_moves_nothing(kept: Path) -> None:
    with on_another_port(kept) as server:
        client = queues(server)
        move_queues(client, server.endpoint_url)
        assert move_queues(client, server.endpoint_url) == 0
        assert count(client) == 12


def test_a_message_in_flight_is_moved_too(kept: Path) -> None:
    with Ministack(data_dir=kept) as server:
        client = queues(server)
        url = client.get_queue_url(QueueName="alerts")["QueueUrl"]
        assert client.receive_message(QueueUrl=url)["Messages"]
    with on_another_port(kept) as server:
        client = queues(server)
        assert move_queues(client, server.endpoint_url) == 12, "its receiver ended with the server"
        assert count(client) == 12


FIFO = {"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}


def test_order_of_a_fifo_queue_is_moved_too(tmp_path: Path) -> None:
    """More messages of one group than one receive returns."""
    sent = [f"reading {number}" for number in range(25)]
    with Ministack(data_dir=tmp_path) as server:
        client = queues(server)
        url = client.create_queue(QueueName="inbox.fifo", Attributes=FIFO)["QueueUrl"]
        for body in sent:
            client.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="bronze", MessageDeduplicationId=body)
    with on_another_port(tmp_path) as server:
        client = queues(server)
        assert move_queues(client, server.endpoint_url) == 25
        assert move_queues(client, server.endpoint_url) == 0
        url = client.create_queue(QueueName="inbox.fifo", Attributes=FIFO)["QueueUrl"]
        assert url.startswith(server.endpoint_url)
        got: list[str] = []
        while batch := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in batch:
                got.append(message["Body"])
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        assert got == sent

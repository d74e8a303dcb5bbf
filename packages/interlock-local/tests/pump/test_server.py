"""The pump with a real server: order, a partial failure, the end of retries, and a restart. Needs ministack."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from interlock_local.pump import FileCheckpoints, PumpClients, StreamMapping, StreamPump
from interlock_local.stack import Ministack

# Fails at the first `flaky` record, exits on `poison`, and notes the handled records.
HANDLER = """
import os
home = os.environ["HOME"]
def handle(event, context):
    for record in event["Records"]:
        name = record["dynamodb"]["Keys"]["SK"]["S"]
        if name == "poison":
            os._exit(1)
        if name == "flaky" and not os.path.exists(home + "/seen"):
            open(home + "/seen", "w").close()
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
        with open(home + "/done", "a") as file:
            file.write(name + "\\n")
    return {"batchItemFailures": []}
"""


class Site:
    """A table with a stream, a function and a queue on a server."""

    def __init__(self, server: Ministack) -> None:
        self.server = server
        self.clients: dict[str, Any] = {}
        for service in ("dynamodb", "dynamodbstreams", "lambda", "sqs"):
            self.clients[service] = boto3.client(
                service,
                endpoint_url=server.endpoint_url,
                region_name="us-east-1",
                aws_access_key_id=server.key.access_key,
                aws_secret_access_key=server.key.secret,
                config=Config(retries={"total_max_attempts": 1}, proxies={}),
            )

    def build(self) -> None:
        self.clients["dynamodb"].create_table(
            TableName="control",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK")],
            KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("main.py", HANDLER)
        self.clients["lambda"].create_function(
            FunctionName="router",
            Runtime="python3.13",
            Role="arn:aws:iam::000000000000:role/router",
            Handler="main.handle",
            Code={"ZipFile": buffer.getvalue()},
        )
        self.clients["sqs"].create_queue(QueueName="dlq")

    def write(self, *names: str) -> None:
        for name in names:
            item = {"PK": {"S": "PIPELINE#gold"}, "SK": {"S": name}}
            self.clients["dynamodb"].put_item(TableName="control", Item=item)

    def pump(self, checkpoint_file: Path | None = None) -> StreamPump:
        table = self.clients["dynamodb"].describe_table(TableName="control")["Table"]
        mapping = StreamMapping(
            name="control",
            stream_arn=table["LatestStreamArn"],
            function_name="router",
            maximum_retry_attempts=1,
            on_failure_queue_url=self.clients["sqs"].get_queue_url(QueueName="dlq")["QueueUrl"],
        )
        clients = PumpClients(self.clients["dynamodbstreams"], self.clients["lambda"], self.clients["sqs"])
        return StreamPump([mapping], clients, checkpoints=FileCheckpoints(checkpoint_file))

    def done(self) -> list[str]:
        return (self.server.home / "home" / "done").read_text().split()

    def given_up(self) -> list[Any]:
        url = self.clients["sqs"].get_queue_url(QueueName="dlq")["QueueUrl"]
        found = self.clients["sqs"].receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]


def test_records_are_done_in_order_and_only_poison_is_given_up() -> None:
    with Ministack() as server:
        site = Site(server)
        site.build()
        site.write("a", "b", "flaky", "c", "poison", "d", *(f"n{number}" for number in range(20)))
        pump = site.pump()
        pump.start()
        try:
            assert pump.drain(300)
        finally:
            assert pump.stop()
        done = site.done()
        expected = ["a", "b", "flaky", "c", "d", *(f"n{number}" for number in range(20))]
        # Bisection repeats the records before the poison record in its batch, and keeps the order of those after it.
        assert list(dict.fromkeys(done)) == expected
        (message,) = site.given_up()
        assert message["DDBStreamBatchInfo"]["batchSize"] == 1
        assert message["responseContext"]["functionError"] == "Unhandled"


def test_only_new_records_are_delivered_after_a_restart(tmp_path: Path) -> None:
    data, places = tmp_path / "data", tmp_path / "places.json"
    with Ministack(data_dir=data) as server:
        site = Site(server)
        site.build()
        site.write("a", "b")
        pump = site.pump(places)
        pump.start()
        assert pump.drain(300)
        assert pump.stop()
    with Ministack(data_dir=data) as server:
        site = Site(server)
        pump = site.pump(places)
        pump.start()
        site.write("c")
        assert pump.drain(300)
        assert pump.stop()
        assert site.done() == ["a", "b", "c"]

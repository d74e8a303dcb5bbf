"""`interlock status` counts the dead letters of each queue, or states why it cannot."""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from click.testing import CliRunner, Result
from moto import mock_aws

from interlock_cli import main
from interlock_cli._deployment._deployment import Deployment
from interlock_cli._signals._dead_letters import QUEUES, DeadLetters, count_dead_letters
from interlock_local.site._queues import DEAD_LETTERS
from interlock_store import MemoryTables, TableNames
from interlock_store._rows import PENDING_ALERTS
from interlock_store._write import Put

Status = Callable[..., Result]


class Sqs:
    """A client whose every request fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get_queue_url(self, **_: Any) -> Any:
        raise self._error


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch, tables: MemoryTables) -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("sqs", region_name="us-east-1")
        monkeypatch.setattr("interlock_cli._deployment._aws.boto3", SimpleNamespace(client=lambda *_, **__: client))
        yield client


@pytest.fixture
def queues(sqs: Any) -> dict[str, str]:
    kinds = {name: {"FifoQueue": "true"} if name.endswith(".fifo") else {} for name in QUEUES}
    return {
        name: sqs.create_queue(QueueName=f"test-interlock-{name}", Attributes=kind)["QueueUrl"]
        for name, kind in kinds.items()
    }


def status(*options: str) -> Result:
    return CliRunner().invoke(main, ["status", *options], env={"NO_COLOR": "1"})


def test_empty_queues_are_one_line(queues: dict[str, str]) -> None:
    done = status()
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "no dead letters wait")
    assert status("--json").stderr == ""


def test_waiting_letters_are_counted_by_queue(sqs: Any, queues: dict[str, str]) -> None:
    for name, count in (("sr-control-dlq", 3), ("alert-dlq", 1)):
        for _ in range(count):
            sqs.send_message(QueueUrl=queues[name], MessageBody="x")
    sqs.receive_message(QueueUrl=queues["sr-control-dlq"])
    line = "dead letters wait: 1 in test-interlock-alert-dlq, 3 in test-interlock-sr-control-dlq"
    assert status().stdout.splitlines()[-1] == line
    as_json = status("--json")
    assert (json.loads(as_json.stdout), as_json.stderr) == ([], f"{line}\n")


def test_alerts_that_wait_for_slack_are_counted(queues: dict[str, str], tables: MemoryTables) -> None:
    names = TableNames.of_environment("test")
    for number in range(3):
        key = {"PK": PENDING_ALERTS, "SK": f"1#177255000000{number}#a"}
        tables.transact([Put(names.events, key)])
    assert status().stdout.splitlines()[-2:] == ["no dead letters wait", "alerts wait: 3"]
    assert status("--json").stderr == "alerts wait: 3\n"
    for number in range(3, 1100):
        tables.transact([Put(names.events, {"PK": PENDING_ALERTS, "SK": f"1#177255000{number:04}#a"})])
    assert status().stdout.splitlines()[-1] == "alerts wait: 1,000 or more"


def test_an_absent_queue_is_left_out(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="test-interlock-async-dlq")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert status().stdout.splitlines()[-1] == "dead letters wait: 1 in test-interlock-async-dlq"


def test_a_deployment_without_queues_is_reported(sqs: Any) -> None:
    assert status().stdout.splitlines()[-1] == "dead letters are unknown: 'test' has no dead-letter queue"


def denied(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "\x1b[2J"}}, "GetQueueUrl")


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (denied("AccessDenied"), "the command needs the permissions sqs:GetQueueUrl and sqs:GetQueueAttributes"),
        (denied("InternalFailure"), "SQS answered InternalFailure"),
        (EndpointConnectionError(endpoint_url="http://x"), "SQS cannot be asked: Could not connect"),
    ],
)
def test_unreadable_queues_do_not_end_the_command(
    monkeypatch: pytest.MonkeyPatch, tables: MemoryTables, error: Exception, problem: str
) -> None:
    monkeypatch.setattr("interlock_cli._deployment._aws.boto3", SimpleNamespace(client=lambda *_, **__: Sqs(error)))
    done = status()
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1].startswith(f"dead letters are unknown: {problem}")
    assert count_dead_letters(Deployment("test", None)) != DeadLetters({})


def test_the_queues_are_those_of_the_deployment() -> None:
    assert sorted(QUEUES) == sorted(DEAD_LETTERS)

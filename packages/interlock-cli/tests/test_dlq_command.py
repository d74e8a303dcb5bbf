"""`interlock dlq` lists, shows and redrives the messages of all dead-letter queues."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from hostile import HOSTILE, raw_signs
from moto import mock_aws

from interlock_cli import main
from interlock_dlq import LetterBucket, SqsRouter, make_letter
from interlock_store import MemoryTables, TableNames
from interlock_store._write import Put

QUEUES = ("alert-dlq", "async-dlq", "event-sink-dlq", "sr-control-dlq", "alerts", "event-sink")
ENVELOPE = json.dumps({"source": "interlock", "detail-type": "SLA_BREACH", "detail": {"pipelineId": "bronze"}})


class Objects:
    """An S3 client with one object."""

    body = b""

    def put_object(self, *, Body: bytes, **_: Any) -> None:  # noqa: N803
        self.body = Body

    def get_object(self, **_: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.body)}


class Functions:
    """A Lambda client that keeps its invocations. A function fails if its payload has the text `failing`.

    aliased: the functions with the alias `live`. denied: the code of the error of all others, `asked` their names.
    """

    def __init__(self, sqs: Any) -> None:
        self.sqs, self.s3 = sqs, Objects()
        self.invoked: list[tuple[str, Any]] = []
        self.aliased: set[str] = set()
        self.denied, self.asked = "ResourceNotFoundException", list[str]()
        self.failing = "no such text"
        self.invoking: Callable[[], object] = lambda: None

    def invoke(self, *, FunctionName: str, Payload: bytes, Qualifier: str = "", **_: Any) -> dict[str, Any]:  # noqa: N803
        name = FunctionName.removeprefix("test-interlock-")
        if Qualifier and (name not in self.aliased or Qualifier != "live"):
            self.asked.append(name)
            raise ClientError({"Error": {"Code": self.denied}}, "Invoke")
        self.invoked.append((f"{name}:{Qualifier}" if Qualifier else name, json.loads(Payload)))
        self.invoking()
        fails = self.failing in Payload.decode()
        return {"Payload": io.BytesIO(b"{}"), **({"FunctionError": "Unhandled"} if fails else {})}


class Trimmed:
    """A client of streams that have lost their records."""

    def get_shard_iterator(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "TrimmedDataAccessException"}}, "GetShardIterator")


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch, tables: MemoryTables) -> Iterator[Functions]:
    with mock_aws():
        sqs = boto3.client("sqs", region_name="us-east-1")
        made = Functions(sqs)
        clients = {"s3": made.s3, "sqs": sqs, "lambda": made, "dynamodbstreams": Trimmed(), "dynamodb": None}
        monkeypatch.setattr(
            "interlock_cli._deployment._aws.boto3", SimpleNamespace(client=lambda service, **_: clients[service])
        )
        monkeypatch.setattr("interlock_cli._signals._dlq.WAIT_SECONDS", 0)
        monkeypatch.setattr("interlock_cli._deployment._deployment.Deployment._check_reachable", lambda _: None)
        for name in QUEUES:
            sqs.create_queue(QueueName=f"test-interlock-{name}")
        yield made


def queue(name: str) -> str:
    url: str = boto3.client("sqs", region_name="us-east-1").get_queue_url(QueueName=f"test-interlock-{name}")[
        "QueueUrl"
    ]
    return url


def put(name: str, body: str) -> str:
    sent = boto3.client("sqs", region_name="us-east-1").send_message(QueueUrl=queue(name), MessageBody=body)
    return str(sent["MessageId"])


def put_letter(name: str, text: str = "no PK") -> str:
    letter = make_letter({"n": 1}, KeyError(text), source="arn:stream", correlation_id="e-1")
    SqsRouter(queue(name), boto3.client("sqs", region_name="us-east-1")).route(letter)
    return letter.id


def left(name: str) -> int:
    client = boto3.client("sqs", region_name="us-east-1")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = client.get_queue_attributes(QueueUrl=queue(name), AttributeNames=names)["Attributes"]
    return sum(int(value) for value in found.values())


def dlq(*options: str) -> Result:
    return CliRunner().invoke(main, ["dlq", *options], env={"NO_COLOR": "1", "COLUMNS": "80"})


def test_list_names_every_kind_of_message(functions: Functions) -> None:
    letter, envelope = put_letter("sr-control-dlq"), put("alert-dlq", ENVELOPE)
    done = dlq("list")
    assert done.exit_code == 0
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    found = json.loads(dlq("list", "--json").stdout)
    assert [(one["queue"], one["id"], one["kind"]) for one in found] == [
        ("alert-dlq", envelope, "message"),
        ("sr-control-dlq", letter, "letter"),
    ]
    assert found[1]["reason"] == "KeyError: 'no PK'"
    assert [one["queue"] for one in json.loads(dlq("list", "-q", "alert-dlq", "--json").stdout)] == ["alert-dlq"]


def test_list_fits_80_columns_with_whole_ids(functions: Functions) -> None:
    event = {"pipelineId": "bronze", "message": "no success by the deadline 08:00Z"}
    ids = [
        put("alert-dlq", json.dumps({"detail-type": "SLA_BREACH", "detail": event})),
        put("alert-dlq", ENVELOPE),
        put("alert-dlq", "no json"),
        put_letter("event-sink-dlq", "a long reason " * 20),
    ]
    lines = dlq("list").stdout.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert [one for one in ids if not any(one in line for line in lines)] == []
    assert [line.rstrip() for line in lines if line.rstrip().endswith("-dlq")] == ["alert-dlq", "event-sink-dlq"]
    reasons = [one["reason"] for one in json.loads(dlq("list", "-q", "alert-dlq", "--json").stdout)]
    assert sorted(reasons) == ["SLA_BREACH bronze", "SLA_BREACH bronze: no success by the deadline 08:00Z", "no json"]


def test_empty_queues_and_absent_queues(functions: Functions) -> None:
    assert (dlq("list").exit_code, dlq("list").stdout) == (0, "no dead letters\n")
    absent = dlq("list", "-q", "sr-joblog-dlq")
    assert (absent.exit_code, absent.stderr) == (2, "error: 'test' has no dead-letter queue sr-joblog-dlq\n")


def test_show_prints_the_whole_letter(functions: Functions) -> None:
    letter = put_letter("sr-control-dlq")
    assert '"n": 1' in dlq("show", letter).stdout
    assert json.loads(dlq("show", letter, "--json").stdout)["content"]["payload"] == {"n": 1}
    absent = dlq("show", "other")
    assert (absent.exit_code, absent.stderr) == (
        2,
        "error: no letter 'other' is in the dead-letter queues of 'test'\n",
    )


def test_foreign_text_of_letters_is_escaped(functions: Functions) -> None:
    hostile = "".join(text for text in HOSTILE if text.isprintable() or "\x1b" in text)
    letter, message = put_letter("sr-control-dlq", hostile), put("alert-dlq", "\x1b[2J\u202e" + "x")
    for done in (dlq("list"), dlq("show", letter), dlq("show", message), dlq("list", "--json")):
        assert done.exit_code == 0
        assert raw_signs(done.stdout.replace("\n", "")) == []


def test_redrive_without_apply_sends_nothing(functions: Functions, tmp_path: Path) -> None:
    put_letter("sr-control-dlq")
    put("alert-dlq", ENVELOPE)
    done = dlq("redrive", "--ledger", str(tmp_path / "ledger"))
    assert done.stdout.splitlines() == [
        "alert-dlq: 1 to send",
        "async-dlq: no letters",
        "event-sink-dlq: no letters",
        "sr-control-dlq: 1 to send",
    ]
    assert (functions.invoked, list(tmp_path.iterdir())) == ([], [])


def test_each_message_goes_back_to_its_function(functions: Functions, tmp_path: Path) -> None:
    put_letter("sr-control-dlq")
    put("alert-dlq", ENVELOPE)
    put("event-sink-dlq", ENVELOPE)
    put("async-dlq", '{"mode": "fire-alert"}')
    put("async-dlq", '{"source": "aws.states"}')
    done = dlq("redrive", "--apply", "--ledger", str(tmp_path / "ledger"))
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == f"ledger: {tmp_path / 'ledger'}"
    sent = dict(functions.invoked)
    assert sent["stream-router"] == {"Records": [{"n": 1}]}
    assert sent["sla-monitor"] == {"mode": "fire-alert"}
    assert sent["watchdog"] == {"source": "aws.states"}
    for name, source in (("alert-dispatcher", "alerts"), ("event-sink", "event-sink")):
        (record,) = sent[name]["Records"]
        assert (record["body"], record["eventSourceARN"].rpartition(":")[2]) == (ENVELOPE, f"test-interlock-{source}")
    assert sum(left(name) for name in QUEUES) == 0
    entries = (tmp_path / "ledger" / "alert-dlq.jsonl").read_text().splitlines()
    assert [json.loads(line).get("step") for line in entries] == [None, "begun", "resent", "deleted"]


def test_a_function_with_an_alias_is_invoked_by_it(functions: Functions, tmp_path: Path) -> None:
    """The alias has the version that the other invokers run. The code of the function may be newer and broken."""
    functions.aliased = {"sla-monitor", "stream-router"}
    functions.sqs.create_queue(QueueName="test-interlock-job-events-dlq")
    functions.sqs.create_queue(QueueName="test-interlock-job-events")
    put_letter("sr-control-dlq")
    put("job-events-dlq", ENVELOPE)
    put("async-dlq", '{"mode": "fire-alert"}')
    put("async-dlq", '{"source": "aws.states"}')
    done = dlq("redrive", "--apply", "--ledger", str(tmp_path / "ledger"))
    assert done.exit_code == 0, done.output
    names = sorted(name for name, _ in functions.invoked)
    assert names == ["sla-monitor:live", "stream-router:live", "stream-router:live", "watchdog"]


def test_interrupted_redrive_names_the_command_that_goes_on(functions: Functions, tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    functions.invoking = interrupt
    put("alert-dlq", ENVELOPE)
    done = dlq("redrive", "--apply", "--ledger", str(tmp_path / "led ger"))
    again = f"interlock dlq redrive --apply --ledger '{tmp_path}/led ger'"
    assert (done.exit_code, done.stderr) == (130, f"interrupted: {again} continues it\n")
    assert left("alert-dlq") == 1


def test_an_absent_alias_is_asked_for_once_per_queue(functions: Functions, tmp_path: Path) -> None:
    for _ in range(3):
        put("alert-dlq", ENVELOPE)
    dlq("redrive", "--apply", "--ledger", str(tmp_path / "ledger"))
    assert [name for name, _ in functions.invoked] == ["alert-dispatcher"] * 3
    assert functions.asked == ["alert-dispatcher"]


@pytest.mark.parametrize("code", ["AccessDeniedException", "SnapStartNotReadyException"])
def test_another_error_of_the_alias_fails_the_letter(functions: Functions, tmp_path: Path, code: str) -> None:
    functions.denied = code
    put_letter("sr-control-dlq")
    done = dlq("redrive", "--apply", "--ledger", str(tmp_path / "ledger"))
    assert (done.exit_code, functions.invoked, left("sr-control-dlq")) == (1, [], 1)
    assert code in (tmp_path / "ledger" / "sr-control-dlq.jsonl").read_text()


def test_a_letter_in_the_bucket_is_sent_with_its_record(functions: Functions, tmp_path: Path) -> None:
    functions.sqs.set_queue_attributes(QueueUrl=queue("sr-control-dlq"), Attributes={"MaximumMessageSize": "1024"})
    letter = make_letter({"n": "x" * 2000}, KeyError("no PK"), source="arn:stream")
    SqsRouter(queue("sr-control-dlq"), functions.sqs, bucket=LetterBucket("letters", functions.s3)).route(letter)
    done = dlq("redrive", "--apply", "--ledger", str(tmp_path / "ledger"))
    assert done.exit_code == 0, done.output
    assert functions.invoked == [("stream-router", {"Records": [{"n": "x" * 2000}]})]


def test_failed_letters_stay_and_exit_code_is_one(functions: Functions, tmp_path: Path) -> None:
    functions.failing = "bronze"
    put("alert-dlq", ENVELOPE)
    put("async-dlq", "no json")
    put("async-dlq", "{}")
    done = dlq("redrive", "--apply", "--json", "--ledger", str(tmp_path / "ledger"))
    reports = json.loads(done.stdout)["queues"]
    assert (done.exit_code, reports["alert-dlq"]["failed"], reports["async-dlq"]["failed"]) == (1, 1, 2)
    assert (left("alert-dlq"), left("async-dlq")) == (1, 2)


@pytest.mark.parametrize("operation", ["ReceiveMessage", "GetQueueAttributes"])
def test_reports_come_before_the_error_of_a_queue(functions: Functions, tmp_path: Path, operation: str) -> None:
    put("alert-dlq", ENVELOPE)
    put("async-dlq", '{"mode": "fire-alert"}')

    def deny(params: Any, **_: Any) -> None:
        if params["QueueUrl"].endswith("async-dlq") and functions.invoked:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, operation)

    functions.sqs.meta.events.register(f"provide-client-params.sqs.{operation}", deny)
    ledger = str(tmp_path / "ledger")
    done = dlq("redrive", "-q", "alert-dlq", "-q", "async-dlq", "--apply", "--json", "--ledger", ledger)
    assert done.exit_code == 2
    found = json.loads(done.stdout)
    assert (found["ledger"], found["queues"]["alert-dlq"]["resent"]) == (ledger, 1)
    assert "AccessDenied" in done.stderr
    sent = len(functions.invoked) - 1
    assert found["queues"]["async-dlq"]["resent"] == sent == (operation == "GetQueueAttributes")
    put("alert-dlq", ENVELOPE)
    again = dlq("redrive", "-q", "alert-dlq", "-q", "async-dlq", "--apply", "--ledger", str(tmp_path / "other"))
    assert again.stdout.splitlines()[1] == "alert-dlq: 1 resent"
    assert again.stdout.splitlines()[0] == f"ledger: {tmp_path / 'other'}"


def test_only_the_named_letters_are_sent(functions: Functions, tmp_path: Path) -> None:
    wanted = put("alert-dlq", ENVELOPE)
    put("alert-dlq", ENVELOPE)
    done = dlq("redrive", wanted, "-q", "alert-dlq", "--apply", "--ledger", str(tmp_path / "ledger"))
    assert done.stdout.splitlines()[1] == "alert-dlq: 1 resent, 1 skipped"
    assert (left("alert-dlq"), len(functions.invoked)) == (1, 1)


def test_letters_that_another_reader_holds_are_counted(functions: Functions, tmp_path: Path) -> None:
    put("alert-dlq", ENVELOPE)
    put("alert-dlq", ENVELOPE)
    client = boto3.client("sqs", region_name="us-east-1")
    client.receive_message(QueueUrl=queue("alert-dlq"), MaxNumberOfMessages=1, VisibilityTimeout=600)
    options = ("redrive", "-q", "alert-dlq", "--ledger", str(tmp_path / "ledger"), "--apply")
    assert dlq(*options).stdout.splitlines()[1] == "alert-dlq: 1 resent, 1 hidden by another reader"
    assert json.loads(dlq(*options, "--json").stdout)["queues"]["alert-dlq"]["hidden"] == 1


def test_hold_is_the_time_for_which_letters_are_hidden(functions: Functions, tmp_path: Path) -> None:
    held: list[int] = []
    functions.sqs.meta.events.register(
        "provide-client-params.sqs.ReceiveMessage", lambda params, **_: held.append(params["VisibilityTimeout"])
    )
    dlq("redrive", "-q", "alert-dlq", "--hold", "45")
    assert set(held) == {45}
    assert dlq("redrive", "--hold", "5").exit_code == 2


def test_record_that_dies_again_is_reported_as_such(functions: Functions, tmp_path: Path) -> None:
    put_letter("sr-control-dlq")
    functions.invoking = lambda: put_letter("sr-control-dlq")
    done = dlq("redrive", "-q", "sr-control-dlq", "--apply", "--ledger", str(tmp_path / "ledger"))
    assert done.stdout.splitlines()[1] == "sr-control-dlq: 1 resent, 1 dead-lettered again"
    assert left("sr-control-dlq") == 1


def test_unknown_letter_is_an_error_without_a_ledger(functions: Functions, tmp_path: Path) -> None:
    put("alert-dlq", ENVELOPE)
    done = dlq("redrive", "nope", "--apply", "--ledger", str(tmp_path / "ledger"))
    assert (done.exit_code, done.stderr) == (2, "error: no letter 'nope' is in the dead-letter queues of 'test'\n")
    assert (functions.invoked, list(tmp_path.iterdir()), left("alert-dlq")) == ([], [], 1)


def test_named_letter_is_found_in_the_whole_queue(functions: Functions, tmp_path: Path) -> None:
    for _ in range(120):
        wanted = put("alert-dlq", ENVELOPE)
    done = dlq("redrive", wanted, "-q", "alert-dlq", "--apply", "--ledger", str(tmp_path / "ledger"))
    assert done.stdout.splitlines()[1] == "alert-dlq: 1 resent, 119 skipped", done.output
    assert (left("alert-dlq"), len(functions.invoked)) == (119, 1)


@pytest.mark.parametrize("command", ["show", "redrive"])
def test_letter_beyond_the_limit_is_not_denied(functions: Functions, command: str) -> None:
    for _ in range(5):
        wanted = put("alert-dlq", ENVELOPE)
    done = dlq(command, wanted, "--limit", "3")
    assert (done.exit_code, done.stderr) == (
        2,
        f"error: letter '{wanted}' is not among the first 3 letters of alert-dlq\n",
    )
    assert left("alert-dlq") == 5


def test_list_and_redrive_report_that_a_queue_has_more(functions: Functions) -> None:
    for _ in range(3):
        put("alert-dlq", ENVELOPE)
    done = dlq("list", "--limit", "2", "--json")
    assert (len(json.loads(done.stdout)), done.stderr) == (2, "warning: alert-dlq: the queue may have more\n")
    assert dlq("list").stderr == ""
    assert dlq("redrive", "--limit", "2").stdout.splitlines()[0] == "alert-dlq: 2 to send, the queue may have more"


def test_held_group_of_a_fifo_queue_is_reported(functions: Functions) -> None:
    name = "sensor-inbox-dlq.fifo"
    functions.sqs.create_queue(QueueName=f"test-interlock-{name}", Attributes={"FifoQueue": "true"})
    for number in range(12):
        functions.sqs.send_message(
            QueueUrl=queue(name), MessageBody="{}", MessageGroupId="bronze", MessageDeduplicationId=str(number)
        )
    more = "the queue may have more (a FIFO queue shows at most 10 letters of a group)"
    done = dlq("list", "-q", name, "--json")
    assert (len(json.loads(done.stdout)), done.stderr) == (10, f"warning: {name}: {more}\n")
    assert dlq("redrive", "-q", name).stdout == f"{name}: 10 to send, {more}\n"
    assert dlq("show", "nope", "-q", name).exit_code == 2


def lost_batch(size: int) -> str:
    batch = {
        "shardId": "shardId-1",
        "startSequenceNumber": "11",
        "endSequenceNumber": "14",
        "approximateArrivalOfFirstRecord": "2026-03-03T08:00:00Z",
        "approximateArrivalOfLastRecord": "2026-03-03T08:00:05Z",
        "batchSize": size,
        "streamArn": "arn:aws:dynamodb:eu-west-1:1:table/test-interlock-control/stream/s",
    }
    return json.dumps({"DDBStreamBatchInfo": batch})


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize(("options", "code", "stays"), [((), 1, 1), (("--accept-lost",), 0, 0)])
def test_lost_batch_is_sent_from_the_table(
    functions: Functions,
    tables: MemoryTables,
    tmp_path: Path,
    size: int,
    options: tuple[str, ...],
    code: int,
    stays: int,
) -> None:
    """Rows of another time are not sent. The letter stays until a person has checked the rows."""
    functions.aliased = {"stream-router"}
    control = TableNames.of_environment("test").control
    for key, at in (("lost", "2026-03-03T08:00:01Z"), ("old", "2026-03-01T08:00:01Z"), ("odd", "yesterday")):
        tables.transact([Put(control, {"PK": "PIPELINE#bronze", "SK": f"SENSOR#{key}", "updatedAt": at})])
    tables.transact([Put(control, {"PK": "PIPELINE#bronze", "SK": "CONFIG", "GSI1PK": "CONFIG", "GSI1SK": "bronze"})])
    put("sr-control-dlq", lost_batch(size))
    done = dlq("redrive", "--apply", *options, "--ledger", str(tmp_path / "ledger"))
    assert (done.exit_code, left("sr-control-dlq")) == (code, stays), done.output
    ((name, event),) = functions.invoked
    (record,) = event["Records"]
    assert (name, record["dynamodb"]["Keys"]["SK"]) == ("stream-router:live", {"S": "SENSOR#lost"})
    assert record["dynamodb"]["ApproximateCreationDateTime"] == 1772524801.0

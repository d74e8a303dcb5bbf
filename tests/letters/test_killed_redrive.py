"""A redrive of letters of all kinds on the local stack. The command is killed five times in the middle.

INTERLOCK_LETTERS is the number of letters (`nox -s letters`: 1,000).
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec import Struct
from msgspec.structs import replace

from interlock_dlq import AuditTracker, DeadLetter, Fate, LetterBucket, SqsRouter, make_letter
from interlock_local.site import StackSettings
from interlock_local.stack import LocalStack

T = TypeVar("T")

LETTERS = int(os.environ.get("INTERLOCK_LETTERS", "100"))
KILLS = 5
SEED = 7
PATIENCE = 600.0
HOLD = "30"
"""Seconds for which the letters of a killed redrive stay hidden."""

SHARES = {
    "record": 0.25,
    "stored": 0.1,
    "event": 0.25,
    "batch": 0.15,
    "reading": 0.1,
    "invocation": 0.1,
    "alert": 0.05,
}
"""The share of each kind: a stream record, a stream record in S3 that was too large for its queue, an event that the
event-sink returned, a batch of the stream that Lambda gave up, a reading of the FIFO inbox, the payload of an
invocation, an event that the alert-dispatcher returned."""
BUCKET = "lost-letters"

QUEUES = {
    "record": "sr-control-dlq",
    "stored": "sr-control-dlq",
    "event": "event-sink-dlq",
    "batch": "sr-control-dlq",
    "reading": "sensor-inbox-dlq.fifo",
    "invocation": "async-dlq",
    "alert": "alert-dlq",
}
DATES_PER_PIPELINE = 50
PIPELINE = """
pipeline: {{id: {name}}}
schedule:
  dates: {{back: 0, ahead: 0}}
  trigger: {{key: ready, check: exists}}
validation: {{rules: [{{key: ready, check: exists}}]}}
job: {{type: command, config: {{command: {command}}}}}
"""


class Lost(Struct, frozen=True):
    """Work that lies in a dead-letter queue. `id` is that of the message or of the letter in it."""

    kind: str
    name: str
    id: str


class Plant:
    """The stack, the work that was lost, and its effects after the redrive."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        self.counts = {kind: round(LETTERS * share) for kind, share in SHARES.items()}
        self._sqs = stack.client("sqs")

    def url(self, kind: str) -> str:
        name = f"local-interlock-{QUEUES[kind]}"
        return str(self._sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def fill(self) -> list[Lost]:
        """Lose some work of each kind: its message is in a dead-letter queue, and no function has seen it."""
        dates = self._days()
        kinds = ("event", "invocation", "alert")
        named = [(kind, f"{kind}-{number}") for kind in kinds for number in self._each(kind)]
        lost = [self._lose(kind, name, number) for number, (kind, name) in enumerate(named)]
        self.stack.client("s3").create_bucket(Bucket=BUCKET)
        for kind in ("record", "stored", "batch", "reading"):
            runs = [next(dates) for _ in self._each(kind)]
            for pipeline in sorted({pipeline for pipeline, _ in runs}):
                self._push(pipeline)
            lost += self._lose_readings(runs) if kind == "reading" else self._lose_rows(kind, runs)
        return lost

    def effects(self, kind: str) -> Counter[str]:
        """How often the work of a kind was done, by its name."""
        if kind in {"record", "stored", "batch", "reading"}:
            lines = [line for file in self.folder.glob("*.starts") for line in file.read_text().splitlines()]
            return Counter(lines)
        if kind == "alert":
            return Counter(text for message in self.stack.slack_messages() for text in self._named(message))
        rows = self.stack.store().events("lost")
        return Counter(str(row["message"]) for row in rows)

    def _named(self, message: dict[str, Any]) -> Iterator[str]:
        if "thread_ts" in message:
            yield from (f"alert-{n}" for n in self._each("alert") if f"alert-{n}." in message["text"])

    def _each(self, kind: str) -> range:
        return range(self.counts[kind])

    def _days(self) -> Iterator[tuple[str, str]]:
        first = datetime(2025, 1, 1, tzinfo=UTC)
        for number in range(10**6):
            day = first + timedelta(days=number % DATES_PER_PIPELINE)
            yield f"lost-{number // DATES_PER_PIPELINE}", f"{day:%Y-%m-%d}"

    def _push(self, pipeline: str) -> None:
        shell = f'echo "{pipeline} $INTERLOCK_DATE" >> {self.folder}/{pipeline}.starts'
        path = self.folder / f"{pipeline}.yaml"
        path.write_text(PIPELINE.format(name=pipeline, command=json.dumps(f"sh -c '{shell}'")))
        self.interlock("push", str(path))

    def interlock(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "interlock_cli", *arguments, "--endpoint-url", self.stack.endpoint_url]
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)

    def _lose(self, kind: str, name: str, number: int) -> Lost:
        detail = {
            "id": f"01JNE8W6F0{number:016}",
            "pipelineId": "lost",
            "scheduleId": "stream",
            "date": "2026-03-03",
            "message": name if kind != "alert" else f"the job broke, {name}.",
            # The row of an event of March would have expired.
            "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
        event = {"source": "interlock", "detail-type": "JOB_FAILED", "id": name, "detail": detail}
        sent = self._sqs.send_message(QueueUrl=self.url(kind), MessageBody=json.dumps(event))
        return Lost(kind, name, str(sent["MessageId"]))

    def _lose_rows(self, kind: str, runs: list[tuple[str, str]]) -> list[Lost]:
        """Write sensor rows as quiet rows, which the router's mapping leaves out, and dead-letter their records."""
        table = self.stack.client("dynamodb")
        for pipeline, date in runs:
            row = {"PK": f"PIPELINE#{pipeline}", "SK": f"SENSOR#ready#{date}", "date": date, "quiet": "true"}
            item = {name: {"S": value} for name, value in row.items()}
            table.put_item(TableName="local-interlock-control", Item=item | {"data": {"M": {"date": {"S": date}}}})
        wanted = {f"PIPELINE#{pipeline} SENSOR#ready#{date}": f"{pipeline} {date}" for pipeline, date in runs}
        found = {}
        for record in self._stream():
            keys = record["dynamodb"]["Keys"]
            name = wanted.get(f"{keys['PK']['S']} {keys['SK']['S']}")
            if name:
                found[name] = record
        assert set(found) == set(wanted.values())
        send = {"record": self._lose_record, "stored": self._lose_stored, "batch": self._lose_batch}[kind]
        return [Lost(kind, name, send(record)) for name, record in found.items()]

    def _lose_readings(self, runs: list[tuple[str, str]]) -> list[Lost]:
        """Readings that no function took: the redrive policy of the inbox moves them as they are."""
        return [Lost("reading", f"{pipeline} {date}", self._lose_reading(pipeline, date)) for pipeline, date in runs]

    def _lose_reading(self, pipeline: str, date: str) -> str:
        # A row per date, so that no reading supersedes another one before its run has read it.
        body = {"pipelineId": pipeline, "key": f"ready#{date}", "data": {"date": date}}
        sent = self._sqs.send_message(
            QueueUrl=self.url("reading"),
            MessageBody=json.dumps(body),
            MessageGroupId=f"{pipeline}#ready",
            MessageDeduplicationId=f"{pipeline} {date}",
        )
        return str(sent["MessageId"])

    def _stream(self) -> Iterator[dict[str, Any]]:
        streams = self.stack.client("dynamodbstreams")
        arn = streams.list_streams(TableName="local-interlock-control")["Streams"][0]["StreamArn"]
        for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            iterator = streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while iterator:
                answer = streams.get_records(ShardIterator=iterator)
                yield from ({**record, "arn": arn, "shard": shard["ShardId"]} for record in answer["Records"])
                iterator = answer.get("NextShardIterator") if answer["Records"] else None

    def _lose_record(self, record: dict[str, Any]) -> str:
        letter = self._letter(record)
        SqsRouter(self.url("record"), self._sqs).route(letter)
        return letter.id

    def _lose_stored(self, record: dict[str, Any]) -> str:
        """The queue has the letter without its record, which lies in S3."""
        letter = self._letter(record)
        place = LetterBucket(BUCKET, self.stack.client("s3")).put(letter)
        SqsRouter(self.url("stored"), self._sqs).route(replace(letter, payload={}, stored_at=place))
        return letter.id

    def _letter(self, record: dict[str, Any]) -> DeadLetter:
        change = record["dynamodb"]
        content = {
            "eventID": record["eventID"],
            "eventName": record["eventName"],
            "eventSource": "aws:dynamodb",
            "eventSourceARN": record["arn"],
            "dynamodb": {name: change[name] for name in ("Keys", "NewImage", "SequenceNumber")}
            | {"ApproximateCreationDateTime": change["ApproximateCreationDateTime"].timestamp()},
        }
        return make_letter(content, KeyError("a mistake"), source=record["arn"], correlation_id=record["eventID"])

    def _lose_batch(self, record: dict[str, Any]) -> str:
        number, at = record["dynamodb"]["SequenceNumber"], f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        batch = {
            "shardId": record["shard"],
            "startSequenceNumber": number,
            "endSequenceNumber": number,
            "approximateArrivalOfFirstRecord": at,
            "approximateArrivalOfLastRecord": at,
            "batchSize": 1,
            "streamArn": record["arn"],
        }
        sent = self._sqs.send_message(QueueUrl=self.url("batch"), MessageBody=json.dumps({"DDBStreamBatchInfo": batch}))
        return str(sent["MessageId"])


class Ledgers(Struct):
    """The files that the command writes: one per queue."""

    folder: Path

    def steps(self) -> list[tuple[str, str]]:
        """Each step on the disk, as letter and step, also those before a kill."""
        lines = [line for file in sorted(self.folder.glob("*.jsonl")) for line in file.read_bytes().splitlines()]
        whole = [json.loads(line) for line in lines if line.endswith(b"}")]
        return [(entry["letter"], entry["step"]) for entry in whole if "step" in entry]

    def failures(self) -> list[tuple[str, str]]:
        """Each failed resend, as letter and reason. The letter stays in its queue, and the next redrive sends it."""
        lines = [line for file in sorted(self.folder.glob("*.jsonl")) for line in file.read_bytes().splitlines()]
        entries = (json.loads(line) for line in lines if line.endswith(b"}"))
        return [(one["letter"], one["reason"]) for one in entries if one.get("step") == "failed"]

    def last(self) -> dict[str, str]:
        """The last step of each letter."""
        return dict(self.steps())


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    settings = StackSettings(pending_grace="5s", probe_after="5s", orchestrator_timeout=40)
    with LocalStack(settings=settings) as stack:
        yield Plant(stack, tmp_path_factory.mktemp("lost"))


def test_killed_redrive_loses_nothing_and_names_each_repeat(plant: Plant) -> None:
    lost = plant.fill()
    assert len({one.id for one in lost}) == len(lost)
    ledgers, dice = Ledgers(plant.folder / "ledgers"), random.Random(SEED)
    unknown: set[str] = set()
    reported: list[str] = []
    began = time.monotonic()
    for _ in range(KILLS):
        goal = len(ledgers.steps()) + dice.randint(3, max(4, 3 * LETTERS // (KILLS + 1)))
        kill_at(plant, ledgers, goal)
        unknown |= {letter for letter, step in ledgers.last().items() if step == "begun"}
    killed_after = len({letter for letter, _ in ledgers.steps()})
    assert killed_after < len(lost), "the kills came too late to prove anything"
    while waiting(plant):
        report = redrive(plant, ledgers)
        reported += [letter for queue in report["queues"].values() for letter in queue["repeated"]]
        time.sleep(1)
    took = time.monotonic() - began

    audit = AuditTracker()
    assert all(audit.expect(one.id) for one in lost)
    # A kill between the deletion and its line leaves `resent`. The queues are empty, so the letter is gone.
    for letter, step in ledgers.last().items():
        audit.settle(letter, Fate.ACKNOWLEDGED if step in {"resent", "deleted"} else Fate.RETURNED)
    result = audit.reconcile()
    assert (result.acknowledged, result.returned, result.pending) == (len(lost), 0, ())
    begun = Counter(letter for letter, step in ledgers.steps() if step == "begun")
    repeated = {letter for letter, count in begun.items() if count > 1}
    failed = dict(ledgers.failures())
    assert repeated <= unknown | set(failed), failed
    assert set(reported) <= repeated
    for kind in SHARES:
        await_effects(plant, kind, {one.name for one in lost if one.kind == kind})
    print(
        f"{len(lost)} letters, {KILLS} kills within the first {killed_after}, {len(repeated)} sent twice and named by "
        f"the ledger, {took:.0f} s"
    )
    print(f"failed resends, which were sent again: {sorted(failed.values())}")


def await_effects(plant: Plant, kind: str, names: set[str]) -> None:
    """Each piece of work was done once: no job started twice, no message posted twice."""
    deadline = time.monotonic() + PATIENCE
    while not names <= set(plant.effects(kind)):
        missing = sorted(names - set(plant.effects(kind)))
        assert time.monotonic() < deadline, f"{kind}: {len(missing)} without effect, such as {missing[:5]}"
        time.sleep(0.5)
    found = plant.effects(kind)
    assert {name: found[name] for name in names if found[name] != 1} == {}


def command(plant: Plant, ledgers: Ledgers) -> list[str]:
    options = ("dlq", "redrive", "--apply", "--json", "--limit", "10000", "--hold", HOLD)
    place = ("--ledger", str(ledgers.folder), "--endpoint-url", plant.stack.endpoint_url)
    return [sys.executable, "-m", "interlock_cli", *options, *place]


def kill_at(plant: Plant, ledgers: Ledgers, steps: int) -> None:
    """Start the command, and kill it once its ledgers have so many steps."""
    process = subprocess.Popen(command(plant, ledgers), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    await_that(lambda: len(ledgers.steps()) >= steps or process.poll() is not None, "the next kill")
    process.send_signal(signal.SIGKILL)
    process.communicate()


def redrive(plant: Plant, ledgers: Ledgers) -> dict[str, Any]:
    done = subprocess.run(command(plant, ledgers), capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return dict(json.loads(done.stdout))


def waiting(plant: Plant) -> int:
    """The number of messages in the dead-letter queues, with the hidden ones."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    sqs = plant.stack.client("sqs")
    found = [
        sqs.get_queue_attributes(QueueUrl=plant.url(kind), AttributeNames=names)["Attributes"]
        for kind in ("record", "event", "reading", "invocation", "alert")
    ]
    return sum(int(count) for attributes in found for count in attributes.values())


def await_that(condition: Callable[[], T], event: str) -> T:
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{event}: not seen within {PATIENCE:.0f} s"
        time.sleep(0.02)
    return found

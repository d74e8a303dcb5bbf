"""The whole pump: several streams and shards, draining, stopping, and positions in a file."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from interlock_local import LocalStackError
from interlock_local.pump import FileCheckpoints, PumpClients, StreamMapping, StreamPump
from interlock_local.pump._pump import pause_of

ENOUGH = 300.0


class Streams:
    """Streams with shards of records. `parents` has the parent of a shard, and `closed` the shards that have ended."""

    def __init__(self) -> None:
        self.shards: dict[str, dict[str, list[str]]] = {}
        self.parents: dict[str, str] = {}
        self.closed: set[str] = set()
        self.defect: Exception | None = None
        self.reading = threading.Event()
        self.answer = threading.Event()
        self.answer.set()

    def put(self, stream: str, shard: str, *numbers: str) -> None:
        self.shards.setdefault(stream, {}).setdefault(shard, []).extend(numbers)

    def describe_stream(self, **kwargs: Any) -> dict[str, Any]:
        names = list(self.shards.get(kwargs["StreamArn"], {}))
        start = names.index(kwargs["ExclusiveStartShardId"]) + 1 if "ExclusiveStartShardId" in kwargs else 0
        shards = [
            {"ShardId": n, **({"ParentShardId": self.parents[n]} if n in self.parents else {})}
            for n in names[start : start + 1]
        ]
        last = {"LastEvaluatedShardId": names[start]} if start + 1 < len(names) else {}
        return {"StreamDescription": {"Shards": shards, **last}}

    def get_shard_iterator(self, **kwargs: Any) -> dict[str, Any]:
        numbers = self.shards[kwargs["StreamArn"]][kwargs["ShardId"]]
        place = numbers.index(kwargs["SequenceNumber"]) + 1 if "SequenceNumber" in kwargs else 0
        return {"ShardIterator": f"{kwargs['StreamArn']} {kwargs['ShardId']} {place}"}

    def get_records(self, **kwargs: Any) -> dict[str, Any]:
        if self.defect is not None:
            raise self.defect
        stream, shard, place = kwargs["ShardIterator"].split(" ")
        numbers = self.shards[stream][shard][int(place) :]
        records = [{"eventName": "INSERT", "dynamodb": {"SequenceNumber": number}} for number in numbers]
        self.reading.set()
        self.answer.wait(ENOUGH)
        following = f"{stream} {shard} {int(place) + len(numbers)}"
        return {"Records": records, **({} if shard in self.closed else {"NextShardIterator": following})}


class Function:
    """A function that records its input. `react` runs inside each invocation."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.react: Callable[[list[str]], object] = lambda numbers: None

    def invoke(self, **kwargs: Any) -> dict[str, Any]:
        numbers = [r["dynamodb"]["SequenceNumber"] for r in json.loads(kwargs["Payload"])["Records"]]
        self.react(numbers)
        self.seen.extend(numbers)
        return {"Payload": io.BytesIO(b"null")}


class NoQueue:
    def send_message(self, **kwargs: Any) -> None:
        raise AssertionError("no record is given up in these tests")


@pytest.fixture
def streams() -> Streams:
    return Streams()


@pytest.fixture
def function() -> Function:
    return Function()


PumpMaker = Callable[..., StreamPump]


@pytest.fixture
def make_pump(streams: Streams, function: Function) -> Iterator[PumpMaker]:
    pumps: list[StreamPump] = []

    def make(*names: str, checkpoint_file: Path | None = None) -> StreamPump:
        mappings = [
            StreamMapping(name=n, stream_arn=n, function_name="router", retry_delay=0.01, retry_delay_maximum=0.05)
            for n in names
        ]
        clients = PumpClients(streams=streams, functions=function, queues=NoQueue())
        pump = StreamPump(mappings, clients, checkpoints=FileCheckpoints(checkpoint_file))
        pumps.append(pump)
        return pump

    yield make
    for pump in pumps:
        assert pump.stop(ENOUGH)


def test_draining_waits_for_all_written_records(make_pump: PumpMaker, streams: Streams, function: Function) -> None:
    streams.put("control", "s0", *(str(n) for n in range(95)))
    streams.put("joblog", "s0", "a", "b")
    pump = make_pump("control", "joblog")
    pump.start()
    assert pump.drain(ENOUGH)
    assert [n for n in function.seen if n.isdigit()] == [str(n) for n in range(95)]
    assert [n for n in function.seen if not n.isdigit()] == ["a", "b"]
    assert pump.counts("control").handled == 95
    assert pump.counts("joblog").invocations == 1


def test_draining_waits_for_the_writes_of_the_function(
    make_pump: PumpMaker, streams: Streams, function: Function
) -> None:
    def relay(numbers: list[str]) -> None:
        for number in numbers:
            if number.startswith("c") and len(number) < 10:
                streams.put("joblog", "s0", f"j{number}")
            elif number.startswith("j") and len(number) < 10:
                streams.put("control", "s0", f"c{number}")

    function.react = relay
    streams.put("control", "s0", "c")
    streams.put("joblog", "s0")
    pump = make_pump("control", "joblog")
    pump.start()
    assert pump.drain(ENOUGH)
    assert max(map(len, function.seen)) == 10


def test_draining_ignores_a_read_that_began_before_it(
    make_pump: PumpMaker, streams: Streams, function: Function
) -> None:
    streams.put("control", "s0")
    streams.answer.clear()
    pump = make_pump("control")
    pump.start()
    assert streams.reading.wait(ENOUGH)
    streams.put("control", "s0", "1")
    threading.Timer(0.1, streams.answer.set).start()
    assert pump.drain(ENOUGH)
    assert function.seen == ["1"]


def test_draining_ends_at_its_timeout(make_pump: PumpMaker, streams: Streams, function: Function) -> None:
    gate = threading.Event()
    function.react = lambda numbers: gate.wait(ENOUGH)
    streams.put("control", "s0", "1")
    pump = make_pump("control")
    pump.start()
    assert not pump.drain(0.2)
    gate.set()
    assert pump.drain(ENOUGH)


def test_a_child_shard_is_read_after_its_parent(make_pump: PumpMaker, streams: Streams, function: Function) -> None:
    failures = iter([True, True])

    def fail_twice(numbers: list[str]) -> None:
        if next(failures, False):
            raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")

    function.react = fail_twice
    streams.put("control", "child", "3", "4")
    streams.put("control", "parent", "1", "2")
    streams.parents["child"] = "parent"
    streams.closed.add("parent")
    pump = make_pump("control")
    pump.start()
    assert pump.drain(ENOUGH)
    assert function.seen == ["1", "2", "3", "4"]


def test_positions_survive_in_the_file(
    make_pump: PumpMaker, streams: Streams, function: Function, tmp_path: Path
) -> None:
    file = tmp_path / "places.json"
    streams.put("control", "s0", "1", "2")
    first = make_pump("control", checkpoint_file=file)
    first.start()
    assert first.drain(ENOUGH)
    assert first.stop(ENOUGH)
    streams.put("control", "s0", "3")
    second = make_pump("control", checkpoint_file=file)
    second.start()
    assert second.drain(ENOUGH)
    assert function.seen == ["1", "2", "3"]


@pytest.mark.parametrize("text", ["", "[]", '{"control control": 3}', "{"])
def test_unreadable_file_of_positions_restarts_the_reading(
    make_pump: PumpMaker, streams: Streams, function: Function, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "places.json"
    file.write_text(text)
    streams.put("control", "s0", "1")
    pump = make_pump("control", checkpoint_file=file)
    pump.start()
    assert pump.drain(ENOUGH)
    assert function.seen == ["1"]


def test_dead_follower_is_reported(make_pump: PumpMaker, streams: Streams) -> None:
    streams.put("control", "s0", "1")
    streams.defect = KeyError("a defect")
    pump = make_pump("control")
    pump.start()
    assert not pump.drain(ENOUGH)
    assert pump.failure is not None
    assert "a defect" in pump.failure


def test_unsupported_filter_is_rejected_at_once() -> None:
    mapping = StreamMapping(name="x", stream_arn="x", function_name="f", filters=({"a": [{"numeric": []}]},))
    with pytest.raises(LocalStackError, match="numeric"):
        StreamPump([mapping], PumpClients(streams=Streams(), functions=Function(), queues=NoQueue()))


@pytest.mark.parametrize(
    ("quiet_for", "due", "hurries", "pause"),
    [
        (1.9, float("inf"), False, 0.2),
        (2.1, float("inf"), False, 0.3),
        (2.1, float("inf"), True, 0.1),
        (9.0, 0.05, False, 0.05),
        (9.0, -1.0, False, 0.001),
    ],
    ids=["busy", "quiet", "quiet-and-drained", "retry", "overdue"],
)
def test_a_quiet_stream_is_read_less_often(quiet_for: float, due: float, hurries: bool, pause: float) -> None:
    assert pause_of(quiet_for, due, hurries=hurries) == pause

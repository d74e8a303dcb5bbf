"""One shard: order, partial failures, bisection and retries, like AWS's event source mappings."""

import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from interlock_local.pump import Counts, PumpClients, PumpClock, StreamMapping
from interlock_local.pump._checkpoint import FileCheckpoints
from interlock_local.pump._shard import Shard, Step

STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/dev-interlock-control/stream/2026-03-03T00:00:00.000"
WRITTEN = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
NOW = datetime(2026, 3, 3, 9, 30, 0, 250_000, tzinfo=UTC)
QUEUE = "http://queues/sr-control-dlq"


def rejected(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Operation")


class FakeStream:
    """A stream with one shard of records numbered "1", "2", … . `oldest` is the trim horizon."""

    def __init__(self, records: int = 0) -> None:
        self.items: list[dict[str, Any]] = []
        self.oldest = 0
        self.closed = False
        self.errors: list[Exception] = []
        self.iterators_asked: list[dict[str, Any]] = []
        self.append(records)

    def append(self, count: int, event_name: str = "INSERT", sort_key: str = "SENSOR#row-count") -> None:
        for _ in range(count):
            number = len(self.items) + 1
            self.items.append(
                {
                    "eventID": f"id-{number}",
                    "eventName": event_name,
                    "eventVersion": "1.1",
                    "awsRegion": "us-east-1",
                    "dynamodb": {
                        "ApproximateCreationDateTime": WRITTEN + timedelta(minutes=number),
                        "Keys": {"PK": {"S": "PIPELINE#gold"}, "SK": {"S": sort_key}},
                        "NewImage": {"blob": {"B": b"\x00\x01"}, "many": {"BS": [b"a"]}},
                        "SequenceNumber": str(number),
                        "StreamViewType": "NEW_IMAGE",
                    },
                }
            )

    def describe_stream(self, **kwargs: Any) -> dict[str, Any]:
        return {"StreamDescription": {"Shards": [{"ShardId": "shard-1"}]}}

    def get_shard_iterator(self, **kwargs: Any) -> dict[str, Any]:
        self.iterators_asked.append(kwargs)
        match kwargs["ShardIteratorType"]:
            case "TRIM_HORIZON":
                place = self.oldest
            case "LATEST":
                place = len(self.items)
            case _:
                place = int(kwargs["SequenceNumber"])
                if place <= self.oldest:
                    raise rejected("TrimmedDataAccessException")
        return {"ShardIterator": str(place)}

    def get_records(self, **kwargs: Any) -> dict[str, Any]:
        if self.errors:
            raise self.errors.pop(0)
        place, limit = int(kwargs["ShardIterator"]), kwargs["Limit"]
        page = self.items[place : place + limit]
        answer: dict[str, Any] = {"Records": page}
        if not self.closed:
            answer["NextShardIterator"] = str(place + len(page))
        return answer


Handler = Callable[[list[str]], Any]


class FakeFunction:
    """A Lambda function as a Python callable. It gets sequence numbers, and answers, raises, or is throttled."""

    def __init__(self, handle: Handler) -> None:
        self.handle = handle
        self.batches: list[list[str]] = []
        self.events: list[dict[str, Any]] = []

    def invoke(self, **kwargs: Any) -> dict[str, Any]:
        event = json.loads(kwargs["Payload"])
        numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
        self.events.append(event)
        self.batches.append(numbers)
        response: dict[str, Any] = {"StatusCode": 200, "ResponseMetadata": {"RequestId": "request-1"}}
        try:
            body = self.handle(numbers)
        except RuntimeError as error:
            response["FunctionError"] = "Unhandled"
            body = {"errorMessage": str(error)}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return {**response, "Payload": io.BytesIO(raw)}


class FakeQueue:
    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.errors: list[Exception] = []

    def send_message(self, **kwargs: Any) -> None:
        if self.errors:
            raise self.errors.pop(0)
        assert kwargs["QueueUrl"] == QUEUE
        self.messages.append(json.loads(kwargs["MessageBody"]))


class Rig:
    """A shard with fakes around it and a clock that only moves when the shard waits."""

    def __init__(self, stream: FakeStream, handle: Handler, **options: Any) -> None:
        self.stream = stream
        self.function = FakeFunction(handle)
        self.queue = FakeQueue()
        self.checkpoints: FileCheckpoints = options.pop("checkpoints", FileCheckpoints())
        self.counts = Counts()
        self.time = 0.0
        self.waits: list[float] = []
        self.mapping = StreamMapping(
            name="control",
            stream_arn=STREAM,
            function_name="router",
            function_arn="arn:aws:lambda:us-east-1:000000000000:function:router",
            on_failure_queue_url=QUEUE,
            retry_delay=1,
            retry_delay_maximum=60,
            **options,
        )
        self.shard = Shard(
            self.mapping,
            "shard-1",
            PumpClients(streams=stream, functions=self.function, queues=self.queue),
            self.checkpoints,
            PumpClock(monotonic=lambda: self.time, now=lambda: NOW),
            self.counts,
        )

    def settle(self, steps: int = 500) -> None:
        """Step until the stream is read to its end, skipping the waits."""
        for _ in range(steps):
            match self.shard.step():
                case Step.EMPTY | Step.ENDED:
                    return
                case Step.WAITING:
                    self.waits.append(round(self.shard.waits_until - self.time, 3))
                    self.time = self.shard.waits_until
        raise AssertionError(f"did not settle: {self.function.batches[-5:]}")

    @property
    def place(self) -> str | None:
        return self.checkpoints.last_done("control", STREAM, "shard-1")


def failing(*numbers: str) -> Handler:
    return lambda batch: {"batchItemFailures": [{"itemIdentifier": n} for n in numbers if n in batch]}


def times(count: int, first: Handler, then: Handler) -> Handler:
    calls = iter([first] * count)
    return lambda batch: next(calls, then)(batch)


def fine(batch: Sequence[str]) -> None:
    return None


def crash(batch: Sequence[str]) -> None:
    raise RuntimeError("worker died")


def test_records_arrive_in_order_in_batches_of_the_mapping() -> None:
    rig = Rig(FakeStream(25), fine, batch_size=10)
    rig.settle()
    assert [len(batch) for batch in rig.function.batches] == [10, 10, 5]
    assert [n for batch in rig.function.batches for n in batch] == [str(n) for n in range(1, 26)]
    assert rig.place == "25"
    assert rig.counts.handled == 25


def test_record_has_the_form_of_a_lambda_event() -> None:
    rig = Rig(FakeStream(1), fine)
    rig.settle()
    (record,) = rig.function.events[0]["Records"]
    assert record["eventSource"] == "aws:dynamodb"
    assert record["eventSourceARN"] == STREAM
    assert record["dynamodb"]["ApproximateCreationDateTime"] == int(WRITTEN.timestamp()) + 60
    assert record["dynamodb"]["NewImage"] == {"blob": {"B": "AAE="}, "many": {"BS": ["YQ=="]}}


def test_partial_failure_resumes_at_the_lowest_failed_record() -> None:
    rig = Rig(FakeStream(6), times(1, failing("5", "3"), fine))
    rig.settle()
    assert rig.function.batches == [["1", "2", "3", "4", "5", "6"], ["3", "4", "5", "6"]]
    assert rig.counts.handled == 6


def test_position_moves_to_just_before_the_failed_record() -> None:
    rig = Rig(FakeStream(6), failing("4"))
    for _ in range(2):
        rig.shard.step()
    assert rig.place == "3"


def test_later_records_wait_until_the_failed_one_is_done() -> None:
    rig = Rig(FakeStream(4), times(3, failing("2"), fine), batch_size=2, bisect_batch_on_function_error=False)
    rig.settle()
    assert rig.function.batches == [["1", "2"], ["2"], ["2"], ["2"], ["3", "4"]]


@pytest.mark.parametrize(
    "answer",
    [None, {}, "", b"", {"batchItemFailures": []}, {"batchItemFailures": None}, {"processed": 3}],
    ids=str,
)
def test_an_empty_answer_is_success(answer: Any) -> None:
    rig = Rig(FakeStream(3), lambda batch: answer)
    rig.settle()
    assert rig.function.batches == [["1", "2", "3"]]


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifer": "2"}]},
        {"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "id-2"}]},
        {"batchItemFailures": [{"itemIdentifier": "99"}]},
        {"batchItemFailures": "2"},
        {"batchItemFailures": ["2"]},
        ["2"],
        b"not JSON",
    ],
    ids=str,
)
def test_answer_with_an_unknown_record_fails_the_whole_batch(answer: Any) -> None:
    rig = Rig(FakeStream(3), times(1, lambda batch: answer, fine), bisect_batch_on_function_error=False)
    rig.settle()
    assert rig.function.batches == [["1", "2", "3"], ["1", "2", "3"]]


def test_without_partial_responses_the_answer_does_not_matter() -> None:
    rig = Rig(FakeStream(3), failing("2"), report_batch_item_failures=False)
    rig.settle()
    assert rig.function.batches == [["1", "2", "3"]]


def test_a_function_error_retries_the_whole_batch() -> None:
    rig = Rig(FakeStream(3), times(2, crash, fine), bisect_batch_on_function_error=False)
    rig.settle()
    assert rig.function.batches == [["1", "2", "3"]] * 3
    assert rig.counts.failures == 2


def test_bisection_finds_the_record_that_crashes_the_function() -> None:
    rig = Rig(FakeStream(8), lambda batch: crash(batch) if "6" in batch else None, maximum_retry_attempts=1)
    rig.settle()
    assert rig.function.batches == [
        ["1", "2", "3", "4", "5", "6", "7", "8"],
        ["1", "2", "3", "4"],
        ["5", "6", "7", "8"],
        ["5", "6"],
        ["5"],
        ["6"],
        ["6"],
        ["7", "8"],
    ]
    assert [m["DDBStreamBatchInfo"]["startSequenceNumber"] for m in rig.queue.messages] == ["6"]
    assert (rig.counts.handled, rig.counts.given_up) == (7, 1)


def test_record_that_always_fails_is_isolated_and_given_up() -> None:
    rig = Rig(FakeStream(4), failing("2"), maximum_retry_attempts=2)
    rig.settle()
    assert [m["DDBStreamBatchInfo"]["batchSize"] for m in rig.queue.messages] == [1]
    assert rig.function.batches == [["1", "2", "3", "4"], ["2", "3", "4"], ["2"], ["2"], ["2"], ["3", "4"]]
    assert rig.counts.handled == 3


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (1, 2), (3, 4)])
def test_batch_is_given_up_after_its_retries(retries: int, attempts: int) -> None:
    rig = Rig(
        FakeStream(3),
        lambda batch: crash(batch) if "1" in batch else None,
        batch_size=2,
        bisect_batch_on_function_error=False,
        maximum_retry_attempts=retries,
    )
    rig.settle()
    assert rig.function.batches == [["1", "2"]] * attempts + [["3"]]
    assert (rig.counts.handled, rig.counts.given_up) == (1, 2)
    assert rig.place == "3"


def test_progress_resets_the_count_of_retries() -> None:
    answers = iter([failing("2"), failing("2"), failing("3"), failing("3"), fine])
    rig = Rig(
        FakeStream(3),
        lambda batch: next(answers)(batch),
        bisect_batch_on_function_error=False,
        maximum_retry_attempts=2,
    )
    rig.settle()
    assert rig.counts.given_up == 0
    assert rig.function.batches == [["1", "2", "3"], ["2", "3"], ["2", "3"], ["3"], ["3"]]


def test_without_a_maximum_a_batch_is_never_given_up() -> None:
    rig = Rig(FakeStream(1), times(200, crash, fine), maximum_retry_attempts=None)
    rig.settle(1000)
    assert len(rig.function.batches) == 201
    assert rig.queue.messages == []


def test_on_failure_message_is_that_of_aws() -> None:
    rig = Rig(FakeStream(3), crash, bisect_batch_on_function_error=False, maximum_retry_attempts=1)
    rig.settle()
    assert rig.queue.messages == [
        {
            "requestContext": {
                "requestId": "request-1",
                "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:router",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 2,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "version": "1.0",
            "timestamp": "2026-03-03T09:30:00.250Z",
            "DDBStreamBatchInfo": {
                "shardId": "shard-1",
                "startSequenceNumber": "1",
                "endSequenceNumber": "3",
                "approximateArrivalOfFirstRecord": "2026-03-03T08:01:00Z",
                "approximateArrivalOfLastRecord": "2026-03-03T08:03:00Z",
                "batchSize": 3,
                "streamArn": STREAM,
            },
        }
    ]


def test_shard_waits_until_the_on_failure_message_is_sent() -> None:
    rig = Rig(FakeStream(1), crash, maximum_retry_attempts=0)
    rig.queue.errors = [rejected("ServiceUnavailable"), EndpointConnectionError(endpoint_url=QUEUE)]
    rig.settle()
    assert len(rig.queue.messages) == 1
    assert len(rig.function.batches) == 1
    assert rig.place == "1"


def test_retries_back_off_up_to_the_maximum() -> None:
    rig = Rig(FakeStream(1), times(8, crash, fine), maximum_retry_attempts=None)
    rig.settle()
    assert rig.waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_throttled_function_is_called_again_without_a_failure() -> None:
    def throttled(batch: list[str]) -> Any:
        raise rejected("TooManyRequestsException")

    rig = Rig(FakeStream(2), times(5, throttled, fine), maximum_retry_attempts=0)
    rig.settle()
    assert rig.function.batches == [["1", "2"]] * 6
    assert (rig.counts.failures, rig.counts.given_up, rig.counts.handled) == (0, 0, 2)


def test_filtered_records_are_skipped_and_the_position_moves() -> None:
    stream = FakeStream()
    stream.append(2)
    stream.append(1, event_name="REMOVE")
    stream.append(1)
    stream.append(2, sort_key="MARKER#missed#2026-03-03")
    pattern = {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {"Keys": {"SK": {"S": [{"prefix": "SENSOR#"}]}}},
    }
    rig = Rig(stream, fine, filters=(pattern,), batch_size=2)
    rig.settle()
    assert rig.function.batches == [["1", "2"], ["4"]]
    assert rig.place == "6"


def test_stream_of_filtered_records_calls_no_function() -> None:
    stream = FakeStream()
    stream.append(3, event_name="REMOVE")
    rig = Rig(stream, fine, filters=({"eventName": ["INSERT"]},))
    rig.settle()
    assert rig.function.batches == []
    assert rig.place == "3"


def test_reading_continues_after_the_last_known_position() -> None:
    checkpoints = FileCheckpoints()
    checkpoints.done("control", STREAM, "shard-1", "2")
    rig = Rig(FakeStream(4), fine, checkpoints=checkpoints)
    rig.settle()
    assert rig.function.batches == [["3", "4"]]


def test_lost_position_continues_at_the_oldest_record() -> None:
    checkpoints = FileCheckpoints()
    checkpoints.done("control", STREAM, "shard-1", "2")
    stream = FakeStream(5)
    stream.oldest = 3
    rig = Rig(stream, fine, checkpoints=checkpoints)
    rig.settle()
    assert rig.function.batches == [["4", "5"]]


def test_latest_skips_existing_records() -> None:
    stream = FakeStream(3)
    rig = Rig(stream, fine, starting_position="LATEST")
    rig.settle()
    stream.append(1)
    rig.settle()
    assert rig.function.batches == [["4"]]


def test_expired_iterator_is_renewed_at_its_position() -> None:
    stream = FakeStream(2)
    rig = Rig(stream, fine)
    rig.settle()
    stream.append(1)
    stream.errors = [rejected("ExpiredIteratorException")]
    rig.settle()
    assert rig.function.batches == [["1", "2"], ["3"]]


def test_unreadable_stream_is_read_again_later() -> None:
    stream = FakeStream(1)
    stream.errors = [EndpointConnectionError(endpoint_url="http://x"), rejected("InternalServerError")]
    rig = Rig(stream, fine)
    rig.settle()
    assert rig.function.batches == [["1"]]
    assert rig.waits == [1, 2]


def test_closed_shard_ends_after_its_last_record() -> None:
    stream = FakeStream(3)
    stream.closed = True
    rig = Rig(stream, times(1, failing("2"), fine))
    rig.settle()
    assert rig.function.batches == [["1", "2", "3"], ["2", "3"]]
    assert rig.shard.step() is Step.ENDED

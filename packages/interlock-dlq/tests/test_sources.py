"""Each source of a batch: its identifiers, its order, its content, and events that are not a batch."""

from typing import Any

import batch_events
import pytest
from batch_events import EVENTS, Item
from msgspec import Struct

from interlock_dlq import (
    BatchResult,
    MalformedRecord,
    NullRouter,
    RetryLater,
    UnknownBatch,
    process_batch,
    process_queue,
    process_stream,
    record_decoder,
)

OK, WRONG, BUSY = "ok", "wrong", "busy"


class Content(Struct):
    """The content of a record in these tests."""

    lane: str
    number: int
    kind: str


def items(*kinds: str, lanes: str = "0") -> list[Item]:
    return [(lanes[number % len(lanes)], number, kind) for number, kind in enumerate(kinds)]


class Handler:
    """Handles contents by their kind."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def __call__(self, content: Content) -> None:
        self.numbers.append(content.number)
        if content.kind == WRONG:
            raise MalformedRecord("wrong")
        if content.kind == BUSY:
            raise RetryLater("busy")


def run(source: str, made: list[Item], **options: Any) -> tuple[BatchResult, Handler, NullRouter]:
    handler, router = Handler(), NullRouter()
    return process_batch(EVENTS[source](made), handler, router, into=Content, **options), handler, router


@pytest.mark.parametrize("source", EVENTS)
def test_good_batch_of_each_source_is_processed(source: str) -> None:
    result, handler, router = run(source, items(OK, OK, OK))
    assert result == BatchResult(total=3, processed=3, dlq_routed=0, batch_failures=0)
    assert (handler.numbers, router.letters) == ([0, 1, 2], [])


@pytest.mark.parametrize(
    ("source", "returned"),
    [
        ("dynamodb", [{"itemIdentifier": "1002"}]),
        ("kinesis", [{"itemIdentifier": "1002"}]),
        ("kafka", [{"itemIdentifier": {"partition": "t-0", "offset": 2}}]),
        ("sqs", [{"itemIdentifier": "m-2"}]),
        ("fifo", [{"itemIdentifier": "m-2"}, {"itemIdentifier": "m-3"}]),
    ],
)
def test_failures_of_each_source_are_reported_in_its_form(source: str, returned: list[Any]) -> None:
    result, handler, router = run(source, items(OK, WRONG, BUSY, OK))
    assert result.response() == {"batchItemFailures": returned}
    assert result.dlq_routed == 1
    assert handler.numbers == ([0, 1, 2, 3] if source == "sqs" else [0, 1, 2])
    (letter,) = router.letters
    assert record_decoder(Content)(dict(letter.payload)) == Content(lane="0", number=1, kind=WRONG)


def test_letter_of_kafka_names_cluster_partition_and_offset() -> None:
    _, _, router = run("kafka", items(WRONG))
    (letter,) = router.letters
    assert (letter.source, letter.correlation_id) == ("arn:aws:kafka:eu-west-1:1:cluster/c t-0", "t-0@0")


def test_returned_kafka_record_stops_only_its_partition() -> None:
    result, handler, _ = run("kafka", items(BUSY, OK, OK, OK, OK, BUSY, lanes="01"))
    assert handler.numbers == [0, 1, 3, 5]
    assert result.failed_at == ({"partition": "t-0", "offset": 0}, {"partition": "t-1", "offset": 5})
    assert (result.processed, result.batch_failures) == (2, 4)


def test_fifo_batch_stops_whole_without_skip_of_groups() -> None:
    made = items(OK, BUSY, OK, OK, lanes="ab")
    skipping, handler, _ = run("fifo", made)
    assert (handler.numbers, skipping.failed_at) == ([0, 1, 2], ("m-1", "m-3"))
    strict, handler, _ = run("fifo", made, skip_group=False)
    assert (handler.numbers, strict.failed_at) == ([0, 1], ("m-1", "m-2", "m-3"))


def test_groups_of_standard_queue_have_no_order() -> None:
    event = batch_events.sqs(items(BUSY, OK))
    for record in event["Records"]:
        record["attributes"]["MessageGroupId"] = "a"
    for skip_group in (True, False):
        result = process_batch(event, Handler(), NullRouter(), into=Content, skip_group=skip_group)
        assert result.failed_at == ("m-0",)


def test_fifo_messages_without_readable_group_share_one() -> None:
    event = batch_events.fifo(items(BUSY, OK))
    for record in event["Records"]:
        record["attributes"] = None
    assert process_batch(event, Handler(), NullRouter(), into=Content).failed_at == ("m-0", "m-1")


def test_kinesis_records_are_a_stream_too() -> None:
    records = batch_events.kinesis(items(OK, BUSY))["Records"]
    assert process_stream(records, Handler(), NullRouter(), into=Content).failed_at == ("1001",)


def reject(record: object) -> None:
    raise AssertionError("no record may be handled")


SNS = {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "m"}}]}
MIXED = {"Records": [*batch_events.sqs(items(OK))["Records"], *batch_events.kinesis(items(OK))["Records"]]}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (SNS, "eventSource must be one of aws:sqs, .*, got None"),
        ({"Records": [{"eventSource": "aws:s3"}]}, "got 'aws:s3'"),
        ({"Records": [{"eventSource": {"name": "aws:sqs"}}]}, "eventSource must be one of"),
        ({"eventSource": ["aws:kafka"], "records": {}}, "Records must be a list, got NoneType"),
        (MIXED, "one eventSource, got"),
        ({"detail": {}}, "Records must be a list, got NoneType"),
        ({"Records": "text"}, "Records must be a list, got str"),
        ({"Records": [None]}, "a record must be an object, got NoneType"),
        ([], "an event must be an object, got list"),
        ({"eventSource": "aws:kafka", "records": []}, "records must be an object with a list per partition, got list"),
    ],
)
def test_unknown_batch_is_error_before_any_record(event: Any, said: str) -> None:
    with pytest.raises(UnknownBatch, match=said):
        process_batch(event, reject, NullRouter())


@pytest.mark.parametrize(
    ("process", "made"), [(process_stream, batch_events.sqs), (process_queue, batch_events.dynamodb)]
)
def test_records_of_other_source_are_an_error(process: Any, made: Any) -> None:
    with pytest.raises(UnknownBatch, match="eventSource must be"):
        process(made(items(OK))["Records"], reject, NullRouter())


@pytest.mark.parametrize("offset", [None, "7", True])
def test_kafka_record_without_offset_is_dead_lettered(offset: object) -> None:
    event = batch_events.kafka(items(OK, OK))
    event["records"]["t-0"][0]["offset"] = offset
    handler, router = Handler(), NullRouter()
    result = process_batch(event, handler, router, into=Content)
    assert (handler.numbers, result.dlq_routed, len(router.letters)) == ([1], 1, 1)


@pytest.mark.parametrize("source", EVENTS)
def test_content_of_other_type_is_dead_lettered_unhandled(source: str) -> None:
    class Other(Struct):
        absent: int

    handler, router = Handler(), NullRouter()
    result = process_batch(EVENTS[source](items(OK)), handler, router, into=Other)
    assert (result.dlq_routed, handler.numbers) == (1, [])
    assert router.letters[0].reason == "the record is not Other: Object missing required field `absent`"

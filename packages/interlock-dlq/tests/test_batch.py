"""The fate of each record of a batch: no record is lost or counted twice."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock_dlq import (
    BatchResult,
    DeadLetter,
    MalformedRecord,
    NullRouter,
    Permanence,
    RetryLater,
    RoutingFailed,
    process_queue,
    process_stream,
)

AT = datetime(2026, 3, 3, tzinfo=UTC)
OK, WRONG, BUSY = "ok", "wrong", "busy"


def stream(*kinds: str) -> list[dict[str, Any]]:
    return [
        {
            "eventID": f"id-{number}",
            "kind": kind,
            "eventSourceARN": "arn:stream",
            "dynamodb": {"SequenceNumber": f"{100 + number}", "NewImage": {"n": {"N": str(number)}}},
        }
        for number, kind in enumerate(kinds)
    ]


def queue(*kinds: str) -> list[dict[str, Any]]:
    attributes = {"ApproximateReceiveCount": "4"}
    return [
        {"messageId": f"m-{number}", "kind": kind, "eventSourceARN": "arn:queue", "attributes": attributes}
        for number, kind in enumerate(kinds)
    ]


class Handler:
    """Handles records by their kind and keeps their order."""

    def __init__(self) -> None:
        self.handled: list[dict[str, Any]] = []

    def __call__(self, record: dict[str, Any]) -> None:
        self.handled.append(record)
        if record["kind"] == WRONG:
            raise MalformedRecord("wrong")
        if record["kind"] == BUSY:
            raise RetryLater("busy")


class FullRouter:
    """Keeps nothing."""

    def route(self, letter: DeadLetter) -> None:
        raise RoutingFailed(letter.id)


def test_batch_without_failure_is_processed_in_order() -> None:
    handler, records = Handler(), stream(OK, OK, OK)
    result = process_stream(records, handler, NullRouter())
    assert result == BatchResult(total=3, processed=3, dlq_routed=0, batch_failures=0)
    assert handler.handled == records
    assert result.response() == {"batchItemFailures": []}


def test_transient_failure_ends_stream_batch_at_its_number() -> None:
    handler = Handler()
    result = process_stream(stream(OK, BUSY, OK, BUSY, OK), handler, NullRouter())
    assert [record["eventID"] for record in handler.handled] == ["id-0", "id-1"]
    assert result == BatchResult(total=5, processed=1, dlq_routed=0, batch_failures=4, failed_at=("101",))
    # It is the sequence number, since Lambda would read an unknown event id as the whole batch.
    assert result.response() == {"batchItemFailures": [{"itemIdentifier": "101"}]}


def test_wrong_stream_record_is_dead_lettered_and_passed() -> None:
    handler, router, records = Handler(), NullRouter(), stream(OK, WRONG, OK)
    result = process_stream(records, handler, router, now=lambda: AT)
    assert result == BatchResult(total=3, processed=2, dlq_routed=1, batch_failures=0)
    (letter,) = router.letters
    assert letter.payload == records[1]
    assert (letter.source, letter.reason, letter.error_type) == ("arn:stream", "wrong", "MalformedRecord")
    assert (letter.permanence, letter.at, letter.correlation_id) == (Permanence.PERMANENT, AT, "id-1")


def test_record_stays_in_stream_if_letter_is_not_kept() -> None:
    handler = Handler()
    result = process_stream(stream(OK, WRONG, OK), handler, FullRouter())
    assert result == BatchResult(total=3, processed=1, dlq_routed=0, batch_failures=2, failed_at=("101",))
    assert len(handler.handled) == 2


def test_record_reached_too_late_is_returned_unhandled() -> None:
    handler = Handler()
    result = process_stream(stream(OK, OK, OK), handler, NullRouter(), expired=lambda: len(handler.handled) == 1)
    assert result == BatchResult(total=3, processed=1, dlq_routed=0, batch_failures=2, failed_at=("101",))
    assert len(handler.handled) == 1


@pytest.mark.parametrize("body", [None, {}, {"SequenceNumber": ""}, {"SequenceNumber": None}, "text"])
def test_record_without_sequence_number_is_dead_lettered(body: object) -> None:
    handler, router = Handler(), NullRouter()
    record = {"eventID": "odd", "kind": OK, "dynamodb": body}
    result = process_stream([record, *stream(OK)], handler, router)
    assert (result.processed, result.dlq_routed) == (1, 1)
    assert router.letters[0].payload == record


def test_unkept_record_without_number_returns_whole_batch() -> None:
    # Lambda reads an empty identifier as "the whole batch failed".
    result = process_stream([*stream(OK), {"eventID": "odd"}], Handler(), FullRouter())
    assert result.failed_at == ("",)
    assert (result.processed, result.batch_failures) == (0, 2)


def test_queue_messages_are_handled_independently() -> None:
    handler, router = Handler(), NullRouter()
    result = process_queue(queue(BUSY, OK, WRONG, BUSY, OK), handler, router)
    assert result == BatchResult(total=5, processed=2, dlq_routed=1, batch_failures=2, failed_at=("m-0", "m-3"))
    assert result.response() == {"batchItemFailures": [{"itemIdentifier": "m-0"}, {"itemIdentifier": "m-3"}]}
    assert len(handler.handled) == 5
    assert (router.letters[0].correlation_id, router.letters[0].attempts) == ("m-2", 4)


def test_wrong_message_stays_in_queue_without_router(
    caplog: pytest.LogCaptureFixture,
) -> None:
    result = process_queue(queue(OK, WRONG), Handler(), None)
    assert (result.processed, result.dlq_routed, result.failed_at) == (1, 0, ("m-1",))
    assert [record.__dict__["event"] for record in caplog.records] == ["record_given_back"]


def fifo(*kinds_of_groups: tuple[str, str]) -> list[dict[str, Any]]:
    groups = [{"attributes": {"MessageGroupId": group}} for _, group in kinds_of_groups]
    return [{**one, **more} for one, more in zip(queue(*(kind for kind, _ in kinds_of_groups)), groups, strict=True)]


def test_returned_message_holds_back_the_rest_of_its_group() -> None:
    handler, router = Handler(), NullRouter()
    result = process_queue(fifo((OK, "a"), (BUSY, "a"), (OK, "b"), (OK, "a"), (WRONG, "b"), (OK, "b")), handler, router)
    assert result.failed_at == ("m-1", "m-3")
    assert (result.processed, result.dlq_routed, result.batch_failures) == (3, 1, 2)
    assert [message["messageId"] for message in handler.handled] == ["m-0", "m-1", "m-2", "m-4", "m-5"]


@pytest.mark.parametrize("attributes", [None, {}, {"ApproximateReceiveCount": "many"}])
def test_message_without_receive_count_has_one_attempt(attributes: Any) -> None:
    router = NullRouter()
    process_queue([{**queue(WRONG)[0], "attributes": attributes}], Handler(), router)
    assert router.letters[0].attempts == 1


@pytest.mark.parametrize("process", [process_stream, process_queue])
def test_empty_batch_has_no_failures(process: Callable[..., BatchResult]) -> None:
    result = process([], Handler(), NullRouter())
    assert result == BatchResult(total=0, processed=0, dlq_routed=0, batch_failures=0)


def test_caller_can_classify_errors() -> None:
    result = process_stream(stream(WRONG), Handler(), NullRouter(), classify=lambda error: Permanence.TRANSIENT)
    assert (result.dlq_routed, result.failed_at) == (0, ("100",))


def test_fates_are_counted() -> None:
    counted: dict[str, int] = {}
    process_stream(stream(OK, WRONG, OK, BUSY, OK), Handler(), NullRouter(), count=counted.__setitem__)
    assert counted == {"records_processed": 2, "dlq_routed": 1, "batch_failures": 2}


def test_every_failure_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    process_stream(stream(WRONG, BUSY), Handler(), NullRouter())
    process_stream(stream(WRONG), Handler(), FullRouter())
    assert [(record.__dict__["event"], record.__dict__["fields"]["record"]) for record in caplog.records] == [
        ("record_dead_lettered", "id-0"),
        ("record_given_back", "id-1"),
        ("dead_letter_not_kept", "id-0"),
    ]
    assert "RetryLater: busy" in caplog.text


def test_exit_signals_are_not_caught() -> None:
    def leave(record: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process_stream(stream(OK), leave, NullRouter())


KINDS = st.lists(st.sampled_from([OK, WRONG, BUSY]), max_size=12)
ROUTERS = st.sampled_from([NullRouter, FullRouter])


@settings(max_examples=100, deadline=None)
@given(kinds=KINDS, router=ROUTERS, reached=st.integers(0, 12), is_stream=st.booleans())
def test_every_record_is_processed_dead_lettered_or_returned(
    kinds: list[str], router: type[Any], reached: int, is_stream: bool
) -> None:
    handler, letters = Handler(), router()
    process, records = (process_stream, stream(*kinds)) if is_stream else (process_queue, queue(*kinds))
    result = process(records, handler, letters, expired=lambda: len(handler.handled) >= reached)
    assert result.total == len(kinds)
    assert result.processed + result.dlq_routed + result.batch_failures == result.total
    assert result.dlq_routed == len(getattr(letters, "letters", []))
    assert bool(result.failed_at) is bool(result.batch_failures)


@settings(max_examples=100, deadline=None)
@given(kinds=KINDS)
def test_resumed_stream_handles_every_record_once_in_order(kinds: list[str]) -> None:
    """The test plays the source: it delivers from the lowest failed sequence number until the batch is empty."""
    handler, letters, records = Handler(), NullRouter(), stream(*kinds)
    busy = {record["eventID"] for record in records if record["kind"] == BUSY}
    done: list[str] = []

    def handle(record: dict[str, Any]) -> None:
        if record["eventID"] in busy:
            busy.discard(record["eventID"])
            raise RetryLater("once")
        done.append(record["eventID"])
        handler({**record, "kind": OK if record["kind"] == BUSY else record["kind"]})

    left = records
    while left:
        failed = process_stream(left, handle, letters).failed_at
        left = [record for record in left if failed and record["dynamodb"]["SequenceNumber"] >= failed[0]]
    assert done == [record["eventID"] for record in records]

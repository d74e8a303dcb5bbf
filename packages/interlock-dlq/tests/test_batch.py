"""What becomes of each record of a batch, and that none is lost or counted twice."""

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


class Desk:
    """Handles records as their kind says, and remembers their order."""

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


def test_a_batch_without_trouble_is_processed_in_order() -> None:
    desk, records = Desk(), stream(OK, OK, OK)
    result = process_stream(records, desk, NullRouter())
    assert result == BatchResult(total=3, processed=3, dlq_routed=0, batch_failures=0)
    assert desk.handled == records
    assert result.response() == {"batchItemFailures": []}


def test_the_first_transient_failure_of_a_stream_ends_the_batch_at_its_sequence_number() -> None:
    desk = Desk()
    result = process_stream(stream(OK, BUSY, OK, BUSY, OK), desk, NullRouter())
    assert [record["eventID"] for record in desk.handled] == ["id-0", "id-1"]
    assert result == BatchResult(total=5, processed=1, dlq_routed=0, batch_failures=4, failed_at=("101",))
    # The sequence number, not the event id: Lambda would take an id that it does not know for the whole batch.
    assert result.response() == {"batchItemFailures": [{"itemIdentifier": "101"}]}


def test_a_record_of_a_stream_that_is_wrong_is_dead_lettered_whole_and_the_next_follows() -> None:
    desk, router, records = Desk(), NullRouter(), stream(OK, WRONG, OK)
    result = process_stream(records, desk, router, now=lambda: AT)
    assert result == BatchResult(total=3, processed=2, dlq_routed=1, batch_failures=0)
    (letter,) = router.letters
    assert letter.payload == records[1]
    assert (letter.source, letter.reason, letter.error_type) == ("arn:stream", "wrong", "MalformedRecord")
    assert (letter.permanence, letter.at, letter.correlation_id) == (Permanence.PERMANENT, AT, "id-1")


def test_a_letter_that_nobody_keeps_leaves_its_record_in_the_stream() -> None:
    desk = Desk()
    result = process_stream(stream(OK, WRONG, OK), desk, FullRouter())
    assert result == BatchResult(total=3, processed=1, dlq_routed=0, batch_failures=2, failed_at=("101",))
    assert len(desk.handled) == 2


def test_a_record_that_is_reached_too_late_is_given_back_unhandled() -> None:
    desk = Desk()
    result = process_stream(stream(OK, OK, OK), desk, NullRouter(), expired=lambda: len(desk.handled) == 1)
    assert result == BatchResult(total=3, processed=1, dlq_routed=0, batch_failures=2, failed_at=("101",))
    assert len(desk.handled) == 1


@pytest.mark.parametrize("body", [None, {}, {"SequenceNumber": ""}, {"SequenceNumber": None}, "text"])
def test_a_stream_record_without_a_sequence_number_is_dead_lettered_unhandled(body: object) -> None:
    desk, router = Desk(), NullRouter()
    record = {"eventID": "odd", "kind": OK, "dynamodb": body}
    result = process_stream([record, *stream(OK)], desk, router)
    assert (result.processed, result.dlq_routed) == (1, 1)
    assert router.letters[0].payload == record


def test_a_record_without_a_sequence_number_that_cannot_be_kept_gives_the_whole_batch_back() -> None:
    # Lambda takes an empty identifier for "everything failed".
    result = process_stream([*stream(OK), {"eventID": "odd"}], Desk(), FullRouter())
    assert result.failed_at == ("",)
    assert (result.processed, result.batch_failures) == (1, 1)


def test_messages_of_a_queue_stand_for_themselves() -> None:
    desk, router = Desk(), NullRouter()
    result = process_queue(queue(BUSY, OK, WRONG, BUSY, OK), desk, router)
    assert result == BatchResult(total=5, processed=2, dlq_routed=1, batch_failures=2, failed_at=("m-0", "m-3"))
    assert result.response() == {"batchItemFailures": [{"itemIdentifier": "m-0"}, {"itemIdentifier": "m-3"}]}
    assert len(desk.handled) == 5
    assert (router.letters[0].correlation_id, router.letters[0].attempts) == ("m-2", 4)


def test_without_a_router_a_wrong_message_stays_for_the_queue_s_redrive_policy(
    caplog: pytest.LogCaptureFixture,
) -> None:
    result = process_queue(queue(OK, WRONG), Desk(), None)
    assert (result.processed, result.dlq_routed, result.failed_at) == (1, 0, ("m-1",))
    assert [record.__dict__["event"] for record in caplog.records] == ["record_given_back"]


@pytest.mark.parametrize("attributes", [None, {}, {"ApproximateReceiveCount": "many"}])
def test_a_message_that_does_not_tell_its_deliveries_counts_one(attributes: Any) -> None:
    router = NullRouter()
    process_queue([{**queue(WRONG)[0], "attributes": attributes}], Desk(), router)
    assert router.letters[0].attempts == 1


@pytest.mark.parametrize("process", [process_stream, process_queue])
def test_an_empty_batch_is_fine(process: Callable[..., BatchResult]) -> None:
    result = process([], Desk(), NullRouter())
    assert result == BatchResult(total=0, processed=0, dlq_routed=0, batch_failures=0)


def test_the_caller_may_classify_by_rules_of_its_own() -> None:
    result = process_stream(stream(WRONG), Desk(), NullRouter(), classify=lambda error: Permanence.TRANSIENT)
    assert (result.dlq_routed, result.failed_at) == (0, ("100",))


def test_what_happened_is_counted() -> None:
    counted: dict[str, int] = {}
    process_stream(stream(OK, WRONG, OK, BUSY, OK), Desk(), NullRouter(), count=counted.__setitem__)
    assert counted == {"records_processed": 2, "dlq_routed": 1, "batch_failures": 2}


def test_every_failure_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    process_stream(stream(WRONG, BUSY), Desk(), NullRouter())
    process_stream(stream(WRONG), Desk(), FullRouter())
    assert [(record.__dict__["event"], record.__dict__["fields"]["record"]) for record in caplog.records] == [
        ("record_dead_lettered", "id-0"),
        ("record_given_back", "id-1"),
        ("dead_letter_not_kept", "id-0"),
    ]
    assert "RetryLater: busy" in caplog.text


def test_a_process_that_is_told_to_end_ends() -> None:
    def leave(record: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process_stream(stream(OK), leave, NullRouter())


KINDS = st.lists(st.sampled_from([OK, WRONG, BUSY]), max_size=12)
ROUTERS = st.sampled_from([NullRouter, FullRouter])


@settings(max_examples=100, deadline=None)
@given(kinds=KINDS, router=ROUTERS, reached=st.integers(0, 12), is_stream=st.booleans())
def test_every_record_is_processed_dead_lettered_or_given_back(
    kinds: list[str], router: type[Any], reached: int, is_stream: bool
) -> None:
    desk, letters = Desk(), router()
    process, records = (process_stream, stream(*kinds)) if is_stream else (process_queue, queue(*kinds))
    result = process(records, desk, letters, expired=lambda: len(desk.handled) >= reached)
    assert result.total == len(kinds)
    assert result.processed + result.dlq_routed + result.batch_failures == result.total
    assert result.dlq_routed == len(getattr(letters, "letters", []))
    assert bool(result.failed_at) is bool(result.batch_failures)


@settings(max_examples=100, deadline=None)
@given(kinds=KINDS)
def test_a_stream_that_resumes_where_it_was_told_handles_every_record_once_in_order(kinds: list[str]) -> None:
    """The source's side: deliver again from the lowest failed sequence number, until the batch is empty."""
    desk, letters, records = Desk(), NullRouter(), stream(*kinds)
    busy = {record["eventID"] for record in records if record["kind"] == BUSY}
    done: list[str] = []

    def handle(record: dict[str, Any]) -> None:
        if record["eventID"] in busy:
            busy.discard(record["eventID"])
            raise RetryLater("once")
        done.append(record["eventID"])
        desk({**record, "kind": OK if record["kind"] == BUSY else record["kind"]})

    left = records
    while left:
        failed = process_stream(left, handle, letters).failed_at
        left = [record for record in left if failed and record["dynamodb"]["SequenceNumber"] >= failed[0]]
    assert done == [record["eventID"] for record in records]

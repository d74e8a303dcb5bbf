"""A batch whose first records fail alike with a programming error is given back instead of dead-lettered."""

from typing import Any

import batch_events
import pytest
from batch_events import EVENTS

from interlock_dlq import MalformedRecord, NullRouter, Permanence, RetryLater, process_batch

Event = dict[str, Any]


def batch(source: str, size: int) -> Event:
    return EVENTS[source]([("0", number, "ok") for number in range(size)])


def mistake(record: Any) -> None:
    record.no_such_attribute  # noqa: B018


@pytest.mark.parametrize("source", EVENTS)
def test_mistake_in_handler_dead_letters_no_record(source: str) -> None:
    handled, router = [], NullRouter()

    def handle(record: Any) -> None:
        handled.append(record)
        mistake(record)

    result = process_batch(batch(source, 10_000), handle, router)
    assert (result.processed, result.dlq_routed, result.batch_failures) == (0, 0, 10_000)
    assert (len(handled), router.letters) == (3, [])


@pytest.mark.parametrize("source", ["dynamodb", "kinesis", "kafka"])
def test_stream_fails_as_whole_so_that_mapping_halves_it(source: str) -> None:
    assert process_batch(batch(source, 10), mistake, NullRouter()).failed_at == ("",)


def test_every_message_of_queue_is_reported() -> None:
    result = process_batch(batch("sqs", 5), mistake, NullRouter())
    assert result.failed_at == ("m-0", "m-1", "m-2", "m-3", "m-4")


@pytest.mark.parametrize(("alike", "dead"), [(0, 4), (1, 0), (4, 0), (5, 4)])
def test_number_of_alike_failures_is_an_option(alike: int, dead: int) -> None:
    assert process_batch(batch("sqs", 4), mistake, NullRouter(), alike=alike).dlq_routed == dead


def by_turn(*errors: Exception | None) -> Any:
    """A handler that raises one error after another, each at the same line."""
    turns = iter(errors)

    def handle(record: Any) -> None:
        error = next(turns)
        if error is not None:
            raise error

    return handle


def other_place(record: Any) -> None:
    raise TypeError


@pytest.mark.parametrize(
    ("errors", "dead"),
    [
        ([TypeError(), TypeError(), None, TypeError(), TypeError()], 4),
        ([None, TypeError(), TypeError(), TypeError(), TypeError()], 4),
        ([TypeError(), TypeError(), KeyError(), TypeError(), TypeError()], 5),
        ([ValueError(), ValueError(), ValueError(), ValueError(), ValueError()], 5),
        ([MalformedRecord("a"), MalformedRecord("a"), MalformedRecord("a"), MalformedRecord("a"), TypeError()], 5),
        ([TypeError(), RetryLater("busy"), TypeError(), TypeError(), None], 0),
    ],
)
def test_records_are_at_fault_unless_first_failures_are_alike(errors: list[Exception | None], dead: int) -> None:
    router = NullRouter()
    result = process_batch(batch("sqs", 5), by_turn(*errors), router)
    assert (result.dlq_routed, len(router.letters)) == (dead, dead)


def test_same_error_of_other_lines_is_not_alike() -> None:
    calls = iter([mistake_here, mistake_there, mistake_here])
    result = process_batch(batch("sqs", 3), lambda record: next(calls)(record), NullRouter())
    assert result.dlq_routed == 3


def mistake_here(record: Any) -> None:
    raise TypeError


def mistake_there(record: Any) -> None:
    raise TypeError


class DeclaredError(TypeError):
    """A TypeError whose author states that the record is wrong."""

    permanence = Permanence.PERMANENT


class MalformedKey(KeyError):
    """A KeyError that is named for a wrong record."""


@pytest.mark.parametrize("kind", [DeclaredError, MalformedKey])
def test_error_with_declared_permanence_counts_for_record(kind: type[Exception]) -> None:
    result = process_batch(batch("sqs", 5), by_turn(*[kind() for _ in range(5)]), NullRouter())
    assert result.dlq_routed == 5


def test_held_letters_are_kept_in_order_at_the_end() -> None:
    router = NullRouter()
    process_batch(batch("dynamodb", 2), mistake, router)
    assert [letter.correlation_id for letter in router.letters] == ["id-0", "id-1"]


def test_held_record_without_kept_letter_returns_its_successors() -> None:
    """The second record succeeds before the letter of the first is rejected, so both come again in their order."""

    class OnceFull(NullRouter):
        def route(self, letter: Any) -> None:
            raise TimeoutError("slow")

    event = batch_events.dynamodb([("0", number, "ok") for number in range(4)])
    result = process_batch(event, by_turn(TypeError(), TypeError(), None), OnceFull())
    assert (result.processed, result.batch_failures, result.failed_at) == (0, 4, ("1000",))


def test_successor_of_unkept_letter_is_not_dead_lettered_too() -> None:
    """It comes again with its predecessor, and would be dead-lettered twice."""

    class FullOnce(NullRouter):
        def route(self, letter: Any) -> None:
            if letter.correlation_id == "id-0":
                raise TimeoutError("slow")
            super().route(letter)

    router = FullOnce()
    result = process_batch(batch("dynamodb", 3), by_turn(TypeError(), TypeError(), None), router)
    assert (router.letters, result.failed_at, result.batch_failures) == ([], ("1000",), 3)

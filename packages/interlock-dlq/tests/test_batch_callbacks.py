"""Functions of the caller: context, hooks and counts. Their errors change no fate and end no batch."""

from typing import Any

import pytest
from batch_events import EVENTS

from interlock_dlq import (
    Fate,
    LogRouter,
    MalformedRecord,
    NullRouter,
    RetryLater,
    SqsRouter,
    make_letter,
    process_batch,
    process_queue,
    process_stream,
    redrive,
)


def batch(size: int, source: str = "dynamodb") -> dict[str, Any]:
    return EVENTS[source]([("0", number, "ok") for number in range(size)])


def broken(*arguments: Any) -> Any:
    raise ZeroDivisionError("in a callback")


class Unprintable(ValueError):
    """An error whose text raises an error."""

    def __str__(self) -> str:
        raise ZeroDivisionError

    __repr__ = __str__


def fail(record: Any) -> None:
    raise MalformedRecord("wrong")


@pytest.mark.parametrize("name", ["count", "on_success"])
def test_failing_observer_of_good_batch_changes_nothing(name: str, caplog: pytest.LogCaptureFixture) -> None:
    result = process_batch(batch(3), lambda record: None, NullRouter(), **{name: broken})
    assert (result.processed, result.failed_at) == (3, ())
    assert f"callback_failed {name}: ZeroDivisionError: in a callback" in caplog.text


def test_failing_hook_of_failures_changes_nothing() -> None:
    router = NullRouter()
    result = process_batch(batch(3), fail, router, on_failure=broken)
    assert (result.dlq_routed, len(router.letters)) == (3, 3)


def test_error_that_cannot_be_classified_returns_record(caplog: pytest.LogCaptureFixture) -> None:
    result = process_batch(batch(3), fail, NullRouter(), classify=broken)
    assert (result.dlq_routed, result.failed_at) == (0, ("1000",))
    assert "error_not_classified id-0: ZeroDivisionError" in caplog.text


def test_failing_expiry_returns_records_unhandled() -> None:
    result = process_batch(batch(3), fail, NullRouter(), expired=broken)
    assert (result.dlq_routed, result.failed_at) == (0, ("1000",))


def test_failing_clock_returns_record() -> None:
    assert process_batch(batch(2), fail, NullRouter(), now=broken).failed_at == ("1000",)


class Odd(Exception):
    """An error with an attribute that raises an error."""

    @property
    def permanence(self) -> None:
        raise ZeroDivisionError


def raise_unprintable(record: Any) -> None:
    raise Unprintable


def raise_odd(record: Any) -> None:
    raise Odd


def test_error_without_text_is_dead_lettered(caplog: pytest.LogCaptureFixture) -> None:
    router = NullRouter()
    assert process_batch(batch(2), raise_unprintable, router).dlq_routed == 2
    assert {letter.reason for letter in router.letters} == {"(its text cannot be made: ZeroDivisionError)"}
    assert "record_dead_lettered id-0: Unprintable: (its text cannot be made" in caplog.text


def test_error_whose_attributes_raise_returns_record() -> None:
    assert process_batch(batch(2), raise_odd, NullRouter()).failed_at == ("1000",)


def test_broken_texts_end_neither_router_nor_redrive(caplog: pytest.LogCaptureFixture) -> None:
    class Queue:
        def send_message(self, **_: Any) -> None:
            raise Unprintable

        def receive_message(self, **_: Any) -> Any:
            letters.route(make_letter({}, ValueError(), source="s"))
            raise Unprintable

        change_message_visibility_batch = delete_message = send_message

    letters = SqsRouter("q", Queue(), fallback=LogRouter(), max_retries=0)
    with pytest.raises(Exception, match="the queue cannot be read: Unprintable"):
        redrive("q", lambda letter: None, client=Queue())
    assert "dead_letter_not_queued" in caplog.text


def test_value_without_text_does_not_lose_letter() -> None:
    class Value:
        def __str__(self) -> str:
            raise ZeroDivisionError

        __repr__ = __str__

    router = SqsRouter("q", sent := Sender())
    record = {"messageId": "m", "value": Value()}
    assert process_queue([record], fail, router).dlq_routed == 1
    assert "cannot be made" in sent.bodies[0]


class Sender:
    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send_message(self, *, MessageBody: str, **_: Any) -> None:  # noqa: N803
        self.bodies.append(MessageBody)


class Context:
    """Lambda's context with the remaining times of the coming calls."""

    def __init__(self, *remaining: int) -> None:
        self._remaining = list(remaining)

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining.pop(0)


def test_handler_gets_context_as_second_argument() -> None:
    context, seen = Context(9000, 9000), []
    process_batch(batch(2), lambda record, given: seen.append(given), NullRouter(), context=context)
    process_batch(batch(1, "sqs"), lambda value, given: seen.append(value), None, into=dict, context=Context(9000))
    assert seen == [context, context, {"lane": "0", "number": 0, "kind": "ok"}]


def test_no_record_begins_in_last_half_second() -> None:
    context = Context(501, 499, 499)
    result = process_batch(batch(3), lambda record, _: None, NullRouter(), context=context)
    assert (result.processed, result.failed_at) == (1, ("1001",))


def test_own_expiry_replaces_that_of_context() -> None:
    result = process_batch(batch(3), lambda record, _: None, None, context=Context(), expired=lambda: False)
    assert result.processed == 3


def test_hooks_get_results_and_fates() -> None:
    seen: list[Any] = []

    def handle(record: dict[str, Any]) -> str:
        number = record["messageId"]
        if number == "m-1":
            raise MalformedRecord("wrong")
        if number == "m-2":
            raise RetryLater("busy")
        return f"done {number}"

    process_queue(
        batch(3, "sqs")["Records"],
        handle,
        NullRouter(),
        on_success=lambda record, result: seen.append((record["messageId"], result)),
        on_failure=lambda record, error, fate: seen.append((record["messageId"], str(error), fate)),
    )
    assert seen == [("m-0", "done m-0"), ("m-1", "wrong", Fate.REJECTED), ("m-2", "busy", Fate.RETURNED)]


def test_unknown_option_is_error_before_any_record() -> None:
    with pytest.raises(TypeError, match="colour"):
        process_stream(batch(1)["Records"], broken, NullRouter(), colour="red")  # type: ignore[call-arg]


@pytest.mark.parametrize("into", [None, dict[str, Any]])
@pytest.mark.parametrize("source", EVENTS)
def test_async_handler_of_sync_batch_is_an_error(source: str, into: Any) -> None:
    async def handle(record: Any) -> None:
        raise AssertionError("it is never awaited")

    router = NullRouter()
    with pytest.raises(TypeError, match="the batch needs process_batch_async"):
        process_batch(batch(2, source), handle, router, into=into)
    assert router.letters == []

"""The async variant: the same fates and the same order, with several records under way."""

import asyncio
import threading
from typing import Any

import pytest
from batch_events import EVENTS, Item

from interlock_dlq import (
    BatchResult,
    DeadLetter,
    MalformedRecord,
    NullRouter,
    RetryLater,
    UnknownBatch,
    process_batch_async,
    record_decoder,
)

read = record_decoder(dict[str, Any])


class Handler:
    """Handles records by their kind. It keeps the numbers in the order of their ends, and the most at once."""

    def __init__(self) -> None:
        self.ended: list[int] = []
        self.begun: list[int] = []
        self.most = 0
        self._now = 0

    async def __call__(self, record: dict[str, Any]) -> None:
        content = read(record)
        self.begun.append(content["number"])
        self._now += 1
        self.most = max(self.most, self._now)
        # The first records take longest, so that an order that is not kept is seen.
        for _ in range(30 - content["number"]):
            await asyncio.sleep(0)
        self._now -= 1
        self.ended.append(content["number"])
        if content["kind"] == "wrong":
            raise MalformedRecord("wrong")
        if content["kind"] == "busy":
            raise RetryLater("busy")
        if content["kind"] == "mistake":
            raise TypeError("mistake")


def run(source: str, items: list[Item], router: Any = None, **options: Any) -> tuple[BatchResult, Handler]:
    handler = Handler()
    router = NullRouter() if router is None else router
    return asyncio.run(process_batch_async(EVENTS[source](items), handler, router, **options)), handler


def items(*kinds: str, lanes: str = "0") -> list[Item]:
    return [(lanes[number % len(lanes)], number, kind) for number, kind in enumerate(kinds)]


def test_messages_of_standard_queue_run_at_once_up_to_limit() -> None:
    result, handler = run("sqs", items(*["ok"] * 20), parallel=4)
    assert (result.processed, handler.most) == (20, 4)


@pytest.mark.parametrize("source", ["dynamodb", "kinesis"])
def test_records_of_shard_run_one_after_another(source: str) -> None:
    result, handler = run(source, items("ok", "wrong", "busy", "ok"))
    assert (handler.ended, handler.most) == ([0, 1, 2], 1)
    assert (result.processed, result.dlq_routed, result.failed_at) == (1, 1, ("1002",))


@pytest.mark.parametrize("source", ["fifo", "kafka"])
def test_groups_and_partitions_run_at_once_and_keep_order(source: str) -> None:
    result, handler = run(source, items("ok", "ok", "busy", "ok", "ok", "ok", lanes="01"))
    assert [number for number in handler.ended if number % 2 == 0] == [0, 2]
    assert [number for number in handler.ended if number % 2 == 1] == [1, 3, 5]
    assert (handler.most, result.processed, result.batch_failures) == (2, 4, 2)


def test_fifo_without_skip_of_groups_is_one_lane() -> None:
    result, handler = run("fifo", items("ok", "busy", "ok", "ok", lanes="01"), skip_group=False)
    assert (handler.ended, result.batch_failures) == ([0, 1], 3)


def test_mistake_in_handler_gives_batch_back() -> None:
    result, handler = run("sqs", items(*["mistake"] * 25), parallel=2)
    assert (result.dlq_routed, result.batch_failures) == (0, 25)
    assert len(handler.begun) <= 4


def test_success_ends_suspicion_against_handler() -> None:
    result, _ = run("sqs", items("mistake", "ok", "mistake", "mistake", "mistake"), parallel=1)
    assert (result.processed, result.dlq_routed) == (1, 4)


def test_letters_are_kept_in_thread() -> None:
    threads: list[threading.Thread] = []

    class Router(NullRouter):
        def route(self, letter: DeadLetter) -> None:
            threads.append(threading.current_thread())
            super().route(letter)

    router = Router()
    run("sqs", items("wrong", "ok", "wrong"), router)
    assert len(router.letters) == 2
    assert threading.main_thread() not in threads


def test_unknown_batch_and_no_workers_are_errors() -> None:
    with pytest.raises(UnknownBatch):
        asyncio.run(process_batch_async({}, Handler(), NullRouter()))
    with pytest.raises(ValueError, match="parallel must be at least 1, got 0"):
        run("sqs", [], parallel=0)


def test_handler_that_ends_as_cancelled_returns_its_record() -> None:
    async def leave(record: dict[str, Any]) -> None:
        raise asyncio.CancelledError

    result = asyncio.run(process_batch_async(EVENTS["sqs"](items("ok", "ok")), leave, NullRouter(), parallel=1))
    assert (result.processed, result.failed_at) == (0, ("m-0", "m-1"))


def test_cancelled_batch_gives_no_answer() -> None:
    async def wait(record: dict[str, Any]) -> None:
        await asyncio.sleep(300)

    async def cancel() -> None:
        batch = asyncio.create_task(process_batch_async(EVENTS["sqs"](items("ok")), wait, NullRouter()))
        await asyncio.sleep(0.01)
        batch.cancel()
        await batch

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())


@pytest.mark.parametrize("source", EVENTS)
def test_handler_without_an_awaitable_has_handled(source: str) -> None:
    handled: list[Any] = []
    router = NullRouter()
    event = EVENTS[source](items("ok", "ok"))
    handle: Any = handled.append
    result = asyncio.run(process_batch_async(event, handle, router))
    assert (result.processed, len(handled), router.letters) == (2, 2, [])

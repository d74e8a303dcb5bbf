"""Every record ends once, and each shard, group and partition keeps its order, whatever fails.

The test plays the source. It delivers batches and obeys the responses until every record has ended.
`pytest packages/interlock-dlq/tests/test_invariant.py --records 100000` plays that many records for each source.
"""

import asyncio
import logging
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from batch_events import EVENTS, Item, number_of
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock_dlq import (
    BatchResult,
    DeadLetter,
    MalformedRecord,
    Permanence,
    RetryLater,
    RoutingFailed,
    classify,
    process_batch,
    process_batch_async,
    record_decoder,
)

OK, WRONG, MISTAKE, BUSY = "ok", "wrong", "mistake", "busy"
SOURCES = ["dynamodb", "kinesis", "sqs", "fifo", "strict fifo", "kafka"]
LANES = {"dynamodb": 1, "kinesis": 1, "kafka": 3}
_PART = 500
read = record_decoder(dict[str, Any])


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Without the lines of thousands of faults, which would take most of the time."""
    logger = logging.getLogger("interlock_dlq")
    logger.disabled = True
    yield
    logger.disabled = False


class Faults:
    """Decides by chance which calls fail."""

    def __init__(self, seed: int, rate: float) -> None:
        self._dice, self._rate = random.Random(seed), rate

    def strike(self) -> bool:
        return self._dice.random() < self._rate

    def size(self) -> int:
        return self._dice.randint(1, 10)

    def callback(self, *arguments: Any) -> None:
        if self.strike():
            raise ZeroDivisionError("in a callback")

    def classify(self, error: BaseException) -> Permanence:
        self.callback()
        return classify(error)

    def expired(self) -> bool:
        self.callback()
        return self.strike()


class Letters:
    """A router that is full now and then."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.kept: Counter[int] = Counter()

    def route(self, letter: DeadLetter) -> None:
        if self._faults.strike():
            raise RoutingFailed("full")
        self.kept[read(dict(letter.payload))["number"]] += 1


class Play:
    """A source with its records, the handler, and the checks of each call."""

    def __init__(self, source: str, items: list[Item], faults: Faults, *, is_async: bool) -> None:
        self.kind, self.faults, self.is_async = source.removeprefix("strict "), faults, is_async
        self.skip_group = not source.startswith("strict")
        self.letters = Letters(faults)
        self.left = items
        self.results: list[BatchResult] = []
        self.handled: Counter[int] = Counter()
        self._order: dict[str, list[int]] = defaultdict(list)
        self._passed: set[int] = set()
        """The records that failed for good in this batch. Their successors may be handled."""
        for lane, number, _ in items:
            self._order[lane].append(number)

    def handle(self, record: dict[str, Any]) -> None:
        content = read(record)
        number, kind = content["number"], content["kind"]
        if self.kind != "sqs":
            open_ones = {left[1] for left in self.left if left[0] == content["lane"]} - self._passed
            assert min(open_ones) == number, "a record came before its predecessor had ended"
        self.handled[number] += 1
        if kind == BUSY and self.faults.strike():
            raise RetryLater("busy")
        if self.faults.strike():
            raise TimeoutError("slow")
        self._passed.add(number)
        if kind == WRONG:
            raise MalformedRecord("wrong")
        if kind == MISTAKE:
            raise TypeError("mistake")

    async def handle_async(self, record: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        self.handle(record)

    def deliver(self, size: int) -> None:
        """Deliver one batch, check its result, and keep the records that come again."""
        batch, rest = self.left[:size], self.left[size:]
        self._passed.clear()
        result = self._process(EVENTS[self.kind](batch))
        assert result.processed + result.dlq_routed + result.batch_failures == result.total == len(batch)
        again = self._again(batch, result)
        assert len(again) == result.batch_failures
        self.results.append(result)
        self.left = again + rest

    def _process(self, event: Any) -> BatchResult:
        options: dict[str, Any] = {
            "skip_group": self.skip_group,
            "classify": self.faults.classify,
            "expired": self.faults.expired,
            "count": self.faults.callback,
            "on_success": self.faults.callback,
            "on_failure": self.faults.callback,
        }
        if self.is_async:
            return asyncio.run(process_batch_async(event, self.handle_async, self.letters, **options))
        return process_batch(event, self.handle, self.letters, **options)

    def _again(self, batch: list[Item], result: BatchResult) -> list[Item]:
        """The records that Lambda delivers again."""
        if "" in result.failed_at:
            return batch
        named = {number_of(identifier) for identifier in result.failed_at}
        if self.kind in {"sqs", "fifo"}:
            return [item for item in batch if item[1] in named]
        first = {item[0]: item[1] for item in batch if item[1] in named}
        return [item for item in batch if item[1] >= first.get(item[0], len(self.handled) + 10**9)]


def check_end(play: Play, kinds: list[str]) -> None:
    """All records have ended once: those that can never be handled as one letter each, the others as processed."""
    dead = [number for number, kind in enumerate(kinds) if kind in {WRONG, MISTAKE}]
    assert sum(result.processed for result in play.results) == len(kinds) - len(dead)
    assert sum(result.dlq_routed for result in play.results) == len(dead)
    assert play.letters.kept == Counter(dead)
    assert set(play.handled) == set(range(len(kinds)))


@settings(max_examples=60, deadline=None)
@given(
    source=st.sampled_from(SOURCES),
    kinds=st.lists(st.sampled_from([OK, OK, WRONG, MISTAKE, BUSY]), max_size=40),
    seed=st.integers(0, 2**32),
    rate=st.sampled_from([0, 0.05, 0.2]),
    is_async=st.booleans(),
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_every_record_ends_once_in_order(source: str, kinds: list[str], seed: int, rate: float, is_async: bool) -> None:
    faults = Faults(seed, rate)
    lanes = LANES.get(source, 4)
    items = [(str(number % lanes), number, kind) for number, kind in enumerate(kinds)]
    play = Play(source, items, faults, is_async=is_async)
    while play.left:
        play.deliver(faults.size())
    check_end(play, kinds)


@pytest.mark.parametrize("source", SOURCES)
def test_many_records_with_faults_end_once(source: str, pytestconfig: pytest.Config) -> None:
    count = pytestconfig.getoption("--records")
    faults, lanes = Faults(7, 0.02), LANES.get(source, 4)
    results: list[BatchResult] = []
    letters = 0
    for start in range(0, count, _PART):
        kinds = random.Random(start).choices([OK, WRONG, MISTAKE, BUSY], [90, 4, 2, 4], k=min(_PART, count - start))
        items = [(str(number % lanes), number, kind) for number, kind in enumerate(kinds)]
        play = Play(source, items, faults, is_async=False)
        while play.left:
            play.deliver(faults.size())
        check_end(play, kinds)
        results += play.results
        letters += play.letters.kept.total()
    print(
        f"{source:12} {count:,} records in {len(results):,} batches: {sum(r.processed for r in results):,} processed, "
        f"{letters:,} dead-lettered, {sum(r.batch_failures for r in results):,} returned on the way"
    )

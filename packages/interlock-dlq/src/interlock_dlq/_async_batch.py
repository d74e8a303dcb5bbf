"""Handles the records of a batch with an async handler, in the order of each shard, partition and group."""

from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any, Unpack

from interlock_dlq._batch import BatchOptions, Options
from interlock_dlq._errors import RetryLater
from interlock_dlq._route import Router
from interlock_dlq._settle import BatchResult, Failure, Settlement, conclude, guarded
from interlock_dlq._sources import Record, Source, source_of

AsyncHandle = Callable[..., Awaitable[object]]


async def process_batch_async(
    event: Mapping[str, Any],
    handle: AsyncHandle,
    router: Router | None,
    *,
    skip_group: bool = True,
    parallel: int = 10,
    **options: Unpack[BatchOptions],
) -> BatchResult:
    """Handle the records of a Lambda event with an async handler, at most `parallel` of them at once.

    It is `process_batch` with the same order: the records of a shard, a partition or a FIFO group are handled one after
    another. Letters are kept in a thread, so that a slow queue does not block the event loop. A handler that returns no
    awaitable has handled its record. Raises UnknownBatch, and ValueError if `parallel` is less than 1.
    """
    if parallel < 1:
        raise ValueError(f"parallel must be at least 1, got {parallel}")
    source, records = source_of(event, skip_group=skip_group)
    given = Options(**options)
    settlement = given.settlement(source, router)
    await _work_through(records, _lanes(records, source), parallel, _Step(settlement, given, source, handle).take)
    await _keep(settlement, settlement.acquit())
    return conclude(records, source, settlement.fates, is_ours=settlement.is_ours, count=given.count)


def _lanes(records: Sequence[Record], source: Source) -> deque[list[int]]:
    """The positions of the records of each lane. A record without a lane has its own."""
    lanes: dict[Hashable, list[int]] = {}
    for position, record in enumerate(records):
        lane = source.lane(record)
        lanes.setdefault((position,) if lane is None else lane, []).append(position)
    return deque(lanes.values())


async def _work_through(
    records: Sequence[Record],
    lanes: deque[list[int]],
    parallel: int,
    take: Callable[[int, Record], Awaitable[None]],
) -> None:
    import asyncio  # slow to import, and a sync handler does not need it

    async def work() -> None:
        while lanes:
            for position in lanes.popleft():
                await take(position, records[position])

    async with asyncio.TaskGroup() as workers:
        for _ in range(min(parallel, len(lanes))):
            workers.create_task(work())


class _Step:
    """Takes one record: skips it, handles it, or settles its failure."""

    def __init__(self, settlement: Settlement, options: Options, source: Source, handle: AsyncHandle) -> None:
        self._settlement = settlement
        self._check, self._work = options.check(source), options.work(handle)
        self._on_success = options.on_success

    async def take(self, position: int, record: Record) -> None:
        settlement = self._settlement
        if settlement.has_stops and settlement.skips(position, record):
            return
        try:
            if self._check is not None:
                self._check(record)
            result = self._work(record)
            if hasattr(result, "__await__"):
                result = await _uncancelled(result)
        except Exception as error:  # noqa: BLE001 - every record needs a fate after any error
            await _keep(settlement, settlement.judge(Failure(position, record, error)))
            return
        if settlement.is_suspected:
            await _keep(settlement, settlement.acquit())
        if self._on_success is not None:
            guarded("on_success", self._on_success, record, result)


async def _uncancelled(work: Awaitable[object]) -> object:
    """The result of a handler. Raises RetryLater if the handler was cancelled and the batch was not.

    Without this error the worker would end as cancelled, and the record would count as handled.
    """
    import asyncio

    try:
        return await work
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise RetryLater("the handler was cancelled") from error


async def _keep(settlement: Settlement, failures: Sequence[Failure]) -> None:
    if failures:
        import asyncio

        await asyncio.to_thread(settlement.keep_all, failures)

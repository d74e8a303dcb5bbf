"""The tables' streams as Lambda reads them: shards, batches, partial responses, redelivery and no skipped record."""

import itertools
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from simulation.faults import Crash, Fault

from interlock_controller.records import Change, RecordRouter, event_runs, read_change
from interlock_dlq import BatchResult, DeadLetter, RoutingFailed, process_stream
from interlock_store import to_wire

if TYPE_CHECKING:
    from simulation.world import World

BATCH = 10
_MOST_TRIES = 400
_LOSSY = ("TRIGGER#", "EVENT#")
"""Rows whose records may be lost: they are in the pending index, so that the watchdog acts on them."""

_FILTERED = ("MARKER#", "VERDICT#", "DRY_RUN#")
"""Rows whose records the mapping's filter withholds from the router."""


class Record(Struct):
    """A stream record: Lambda's input, the true time of the write, and whether it is settled."""

    wire: dict[str, Any]
    sk: str
    written_at: datetime
    settled: bool = False

    @property
    def number(self) -> str:
        """The record's place in its shard."""
        return str(self.wire["dynamodb"]["SequenceNumber"])


class Shard:
    """One shard: its records in order, one invocation at a time, continued from the lowest failed sequence number."""

    def __init__(self, world: "World", handled: Callable[[Change, Record], None]) -> None:
        self._world = world
        self._handled = handled
        self.waiting: list[Record] = []
        self.stopped_until: datetime | None = None
        self._busy = False
        self._most = BATCH
        self._tries = 0

    def append(self, record: Record) -> None:
        """Add the record of a changed row."""
        self.waiting.append(record)
        if not self._busy:
            self._busy = True
            self._again(timedelta(milliseconds=self._world.rng.randint(50, 500)))

    def _again(self, delay: timedelta) -> None:
        when = self._world.now + delay
        if self.stopped_until is not None:
            when = max(when, self.stopped_until)
        self._world.at(when, self._deliver)

    def _deliver(self) -> None:
        """One invocation with the next batch."""
        world, faults = self._world, self._world.faults
        if self.stopped_until is not None and world.now < self.stopped_until:
            return self._again(timedelta())
        if faults.strikes(Fault.BATCH_DELAYED):
            return self._again(timedelta(minutes=world.rng.randint(1, 30)))
        if self.waiting and self._may_be_lost(self.waiting[0]) and faults.strikes(Fault.RECORD_LOST):
            self.waiting.pop(0)
        if not self.waiting:
            self._busy = False
            return None
        batch = self.waiting[: 1 if faults.strikes(Fault.BATCH_CUT) else self._most]
        done = self._invoke(batch)
        self._progress(len(batch), done)
        if done and faults.strikes(Fault.BATCH_DUPLICATED):
            done = world.rng.randint(0, done)
        for record in self.waiting[:done]:
            world.checks.e_record_is_settled(record)
        del self.waiting[:done]
        return self._again(timedelta(milliseconds=200) if done == len(batch) else timedelta(seconds=1))

    def _progress(self, asked: int, done: int) -> None:
        """Halve a failed batch, as the mapping's bisecting does. After a success the batch may be whole again."""
        self._most = BATCH if done == asked else max(1, self._most // 2)
        self._tries = 0 if done else self._tries + 1
        if self._tries > _MOST_TRIES:
            self._world.checks.broke("e", f"a record blocks its shard: {self.waiting[0].sk}")
            self.waiting.pop(0)

    def _may_be_lost(self, record: Record) -> bool:
        sensor = self._world.streams.may_lose_sensors and record.sk.startswith("SENSOR#")
        return sensor or record.sk.startswith(_LOSSY)

    def _invoke(self, batch: list[Record]) -> int:
        """The number of records, from the first, that need no redelivery."""
        world, router = self._world, self._world.sandbox().router
        by_number = {record.number: record for record in batch}

        def route(wire: dict[str, Any]) -> None:
            change, record = read_change(wire), by_number[wire["dynamodb"]["SequenceNumber"]]
            with world.checks.routing(change, record):
                router.route(change)
            record.settled = True
            self._handled(change, record)

        letters = _Letters(world, by_number)
        try:
            result = world.invoke(lambda: self._process([record.wire for record in batch], router, route, letters))
        except Crash:
            return 0
        world.checks.e_books_balance(result, len(batch))
        failed = [item["itemIdentifier"] for item in result.response()["batchItemFailures"]]
        if not failed:
            return len(batch)
        # An identifier that is not in the batch means all of it to Lambda.
        numbers = [record.number for record in batch]
        return numbers.index(failed[0]) if failed[0] in numbers else 0

    def _process(
        self, wires: list[dict[str, Any]], router: RecordRouter, route: Callable[[dict[str, Any]], None], letters: Any
    ) -> BatchResult:
        router.begin_batch(event_runs(wires))
        return process_stream(wires, route, letters)


class _Letters:
    """The dead-letter queue."""

    def __init__(self, world: "World", by_number: dict[str, Record]) -> None:
        self._world = world
        self._by_number = by_number

    def route(self, letter: DeadLetter) -> None:
        """Keep the letter, unless the queue rejects it."""
        if self._world.faults.strikes(Fault.LETTER_REJECTED):
            raise RoutingFailed("the queue rejected the letter")
        record = self._by_number[letter.payload["dynamodb"]["SequenceNumber"]]
        record.settled = True
        self._world.dead_letters.append((record, letter))
        self._world.checks.waits.lettered(record)


class OutboxLetters:
    """The same queue, for events that the bus can never take."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def route(self, letter: DeadLetter) -> None:
        """Keep the letter, unless the queue rejects it."""
        if self._world.faults.strikes(Fault.LETTER_REJECTED):
            raise RoutingFailed("the queue rejected the letter")
        self._world.buried.append(letter)


class Streams:
    """The streams of the control table and of the job log."""

    def __init__(self, world: "World", handled: Callable[[Change, Record], None], *, shards: int = 2) -> None:
        self._world = world
        self._numbers = itertools.count(1)
        self.appended = 0
        self.may_lose_sensors = False
        """Whether sensor records may be lost too: the watchdog looks again only for a trigger's sensor."""
        self.shards = {
            table: [Shard(world, handled) for _ in range(shards)] for table in (world.names.control, world.names.joblog)
        }

    def changed(self, key: tuple[str, str, str], after: dict[str, Any] | None) -> None:
        """Add the record of a changed row, in the order of its partition."""
        table, pk, sk = key
        if table not in self.shards or sk.startswith(_FILTERED):
            return
        body: dict[str, Any] = {
            "SequenceNumber": f"{next(self._numbers):021d}",
            "Keys": to_wire({"PK": pk, "SK": sk}),
            "ApproximateCreationDateTime": int(self._world.now.timestamp()),
        }
        if after is not None:
            body["NewImage"] = to_wire(after)
        self.appended += 1
        wire = {"eventID": f"event-{self.appended}", "eventSourceARN": f"{table}/stream", "dynamodb": body}
        shards = self.shards[table]
        shards[zlib.crc32(pk.encode()) % len(shards)].append(Record(wire, sk, self._world.now))

    def stop(self, until: datetime) -> None:
        """No shard delivers before `until`."""
        for shard in itertools.chain(*self.shards.values()):
            shard.stopped_until = until

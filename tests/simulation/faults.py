"""The faults of the simulated world, their rates, and the tables that show them."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from interlock_store import MemoryTables, TableBusy
from interlock_store._write import Item, Write

_T = TypeVar("_T")
Change = tuple[tuple[str, str, str], Item | None, Item | None]
"""A row's key, its old image and its new one."""


_INDEX_LAG = timedelta(minutes=2)


class Crash(BaseException):
    """The end of the process. Only the world catches it."""


class Fault(StrEnum):
    """Every kind of fault, with the name of its count."""

    CRASH_BEFORE = "crash before a write"
    CRASH_AFTER = "crash after a write"
    TIMED_OUT = "invocation out of time"
    INTERLEAVED = "others ran in between"
    CONFLICT = "transaction conflict"
    THROTTLED = "read throttled"
    INDEX_LAG = "index behind its table"
    COLD_START = "cold start"
    BUS_REJECTED = "bus took a part"
    BATCH_DUPLICATED = "batch duplicated"
    BATCH_DELAYED = "batch delayed"
    BATCH_CUT = "batch cut"
    RECORD_LOST = "record lost"
    STREAM_STOPPED = "stream stopped for a day"
    LETTER_REJECTED = "dead letter rejected"
    TIMER_LATE = "timer late"
    TIMER_DOUBLED = "timer doubled"
    TIMER_DROPPED = "timer dropped"
    TICK_MISSED = "tick missed"
    TICK_DOUBLED = "tick doubled"
    ABORTED = "execution aborted"
    STATUS_LOST = "status change lost"
    EVENT_LOST = "job event lost"
    EVENT_DOUBLED = "job event doubled"
    EVENT_LATE = "job event late"
    START_REJECTED = "start rejected"
    START_FORBIDDEN = "start rejected for good"
    ANSWER_LOST = "start's answer lost"
    STATUS_UNREADABLE = "job status unreadable"
    CONFIG_EDITED = "config edited in flight"


_WEIGHT: dict[Fault, float] = {
    Fault.CRASH_BEFORE: 0.4,
    Fault.CRASH_AFTER: 0.4,
    Fault.CONFLICT: 0.2,
    Fault.THROTTLED: 0.02,
    Fault.BATCH_DUPLICATED: 0.5,
    Fault.BATCH_DELAYED: 0.05,
    Fault.RECORD_LOST: 0.15,
    Fault.COLD_START: 0.3,
    Fault.LETTER_REJECTED: 3.0,
    Fault.TIMER_LATE: 2.0,
    Fault.TIMER_DROPPED: 2.0,
    Fault.TICK_DOUBLED: 0.5,
    Fault.ABORTED: 0.03,
    Fault.STATUS_LOST: 5.0,
    Fault.EVENT_LOST: 2.0,
    Fault.EVENT_LATE: 2.0,
    Fault.START_FORBIDDEN: 0.2,
    Fault.STATUS_UNREADABLE: 0.5,
}
"""The rate of a fault as a multiple of the story's rate. The default is 1."""


class Faults:
    """Decides about faults. While `active` is False, no fault happens. `count` counts the faults."""

    def __init__(self, rng: random.Random, rate: float) -> None:
        self._rng = rng
        self._rate = rate
        self.active = self.ever_active = rate > 0
        self.count: Counter[Fault] = Counter()

    def strikes(self, fault: Fault) -> bool:
        """Whether this fault happens now."""
        if not self.active or self._rng.random() >= self._rate * _WEIGHT.get(fault, 1.0):
            return False
        self.count[fault] += 1
        return True

    def around(self, act: Callable[[], _T]) -> _T:
        """Act, perhaps with a crash before or after it."""
        if self.strikes(Fault.CRASH_BEFORE):
            raise Crash
        result = act()
        if self.strikes(Fault.CRASH_AFTER):
            raise Crash
        return result


class Rows(MemoryTables):
    """In-memory tables that report the changes of each transaction: key, old image, new image."""

    def __init__(self, on_commit: Callable[[list[Change]], None], now: Callable[[], datetime]) -> None:
        self._now = now
        super().__init__(lambda key, before, after: self._changes.append((key, before, after)))
        self._changes: list[Change] = []
        self._on_commit = on_commit
        self._written: dict[tuple[str, str, str], datetime] = {}

    def transact(self, writes: Sequence[Write]) -> None:
        """Write all or nothing."""
        super().transact(writes)
        changes, self._changes = self._changes, []
        self._written.update((key, self._now()) for key, _, _ in changes)
        self._on_commit(changes)

    def is_news(self, key: tuple[str, str, str]) -> bool:
        """Whether the row's write is so recent that an index may not have it yet."""
        return self._now() - self._written.get(key, self._now() - 2 * _INDEX_LAG) < _INDEX_LAG


class FaultyTables:
    """The tables of a Lambda: sometimes busy, with lagging indexes, and with a possible crash at each write."""

    def __init__(self, rows: Rows, faults: Faults, let_others_run: Callable[[], None]) -> None:
        self._rows = rows
        self._faults = faults
        self._let_others_run = let_others_run

    def get(self, table: str, pk: str, sk: str) -> Item | None:
        """One row."""
        self._read()
        return self._rows.get(table, pk, sk)

    def get_many(self, table: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """The rows that exist among `keys`."""
        self._read()
        return self._rows.get_many(table, keys)

    def query(self, table: str, pk: str, **how: Any) -> Iterator[Item]:
        """Rows of one partition. An index may lack the newest of them."""
        self._read()
        found = self._rows.query(table, pk, **how)
        if how.get("index") and self._faults.strikes(Fault.INDEX_LAG):
            return (row for row in found if not self._rows.is_news((table, row["PK"], row["SK"])))
        return found

    def transact(self, writes: Sequence[Write]) -> None:
        """Write all or nothing, perhaps after other processes ran since the caller's reads."""
        if self._faults.strikes(Fault.INTERLEAVED):
            self._let_others_run()
        if self._faults.strikes(Fault.CONFLICT):
            raise TableBusy("the table was busy again and again")
        self._faults.around(lambda: self._rows.transact(writes))

    def _read(self) -> None:
        if self._faults.strikes(Fault.THROTTLED):
            if self._faults.strikes(Fault.INTERLEAVED):
                self._let_others_run()
            raise TableBusy("reads were throttled again and again")

"""The stream pump: passes stream records to functions like AWS's event source mappings, over public APIs."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from interlock_local.pump._checkpoint import Checkpoints, FileCheckpoints
from interlock_local.pump._filter import check_patterns
from interlock_local.pump._mapping import StreamMapping
from interlock_local.pump._shard import Counts, PumpClients, PumpClock, Shard, Step

log = logging.getLogger(__name__)

# Seconds between two reads of an idle stream, during a drain, and after _QUIET_AFTER seconds without a record. Lambda
# reads a stream four times per second. Seconds between two lists of its shards, and between two lists without a shard.
_POLL = 0.2
_DRAIN_POLL = 0.1
_QUIET_POLL = 0.3
_QUIET_AFTER = 2.0
_RELIST = 5.0
_RELIST_EMPTY = 0.5


class StreamPump:
    """Passes stream records to functions, with one thread per mapping, until it is stopped.

    Each shard keeps its order: a record is delivered only after all older records are done or given up. Delivery is
    at least once. ``checkpoints`` keeps the positions over a restart. Without them, or if the stream no longer has the
    position, reading begins at the mapping's starting position.

    ``backlog`` has, per mapping, records in the form of GetRecords that come before the stream's own. They are the
    records of a former stream of the same table, whose server was killed before they were handled.

    Raises:
        LocalStackError: for a filter pattern that is not supported.
    """

    def __init__(
        self,
        mappings: Sequence[StreamMapping],
        clients: PumpClients,
        *,
        checkpoints: Checkpoints | None = None,
        backlog: Mapping[str, Sequence[Any]] | None = None,
        clock: PumpClock | None = None,
    ) -> None:
        for mapping in mappings:
            check_patterns(mapping.filters)
        self._stop = threading.Event()
        self._drains = threading.Event()
        self._news = threading.Condition()
        self._followers = [
            _Follower(
                mapping,
                clients,
                checkpoints or FileCheckpoints(),
                clock or PumpClock(),
                self._stop,
                self._drains,
                self._news,
                (backlog or {}).get(mapping.name, ()),
            )
            for mapping in mappings
        ]

    def start(self) -> None:
        """Begin to follow the streams. Returns at once."""
        for follower in self._followers:
            follower.start()

    def counts(self, mapping: str) -> Counts:
        """The counts of this mapping so far."""
        return next(replace(f.counts) for f in self._followers if f.mapping.name == mapping)

    @property
    def failure(self) -> str | None:
        """The reason why a follower ended with an error, or None."""
        return next((f.failure for f in self._followers if f.failure), None)

    def drain(self, timeout: float) -> bool:
        """Wait until all streams are read to their end and all records are done or given up.

        This includes records that the functions write to the streams meanwhile. Returns False after ``timeout``
        seconds.
        """
        deadline = time.monotonic() + timeout
        self._drains.set()
        try:
            return self._drain(deadline)
        finally:
            self._drains.clear()

    def _drain(self, deadline: float) -> bool:
        with self._news:
            while True:
                before = [(f.quiet_passes, f.passes_with_work) for f in self._followers]
                # The current pass may have read before this moment, so only the next pass counts.
                goals = [quiet + 2 for quiet, _ in before]
                if not self._await_quiet(goals, deadline):
                    return False
                if all(f.passes_with_work == work for f, (_, work) in zip(self._followers, before, strict=True)):
                    return True

    def _await_quiet(self, goals: Sequence[int], deadline: float) -> bool:
        while any(f.quiet_passes < goal for f, goal in zip(self._followers, goals, strict=True)):
            left = deadline - time.monotonic()
            if left <= 0 or self.failure is not None or not any(f.is_alive() for f in self._followers):
                return False
            self._news.wait(min(left, 1.0))
        return True

    def stop(self, timeout: float = 30.0) -> bool:
        """Stop after the current invocations. False if one of them takes longer than ``timeout`` seconds."""
        self._stop.set()
        deadline = time.monotonic() + timeout
        for follower in self._followers:
            if follower.ident is not None:
                follower.join(max(0.0, deadline - time.monotonic()))
        return not any(follower.is_alive() for follower in self._followers)


def pause_of(quiet_for: float, due: float, *, hurries: bool) -> float:
    """Seconds until the next pass, after seconds without a record. `due`: seconds until a batch is tried again."""
    poll = _DRAIN_POLL if hurries else _QUIET_POLL if quiet_for > _QUIET_AFTER else _POLL
    return max(0.001, min(poll, due))


class _Follower(threading.Thread):
    """The thread of one mapping. It goes over the shards of its stream, pass after pass."""

    def __init__(
        self,
        mapping: StreamMapping,
        clients: PumpClients,
        checkpoints: Checkpoints,
        clock: PumpClock,
        stop: threading.Event,
        drains: threading.Event,
        news: threading.Condition,
        backlog: Sequence[Any],
    ) -> None:
        super().__init__(name=f"pump-{mapping.name}", daemon=True)
        self.mapping = mapping
        self.counts = Counts()
        self.quiet_passes = 0
        self.passes_with_work = 0
        self.failure: str | None = None
        self._clients = clients
        self._checkpoints = checkpoints
        self._clock = clock
        self._stop_asked = stop
        self._drains = drains
        self._worked_at = 0.0
        self._news = news
        self._backlog = backlog
        self._shards: dict[str, Shard] = {}
        self._ended: set[str] = set()
        self._relist_at = 0.0
        self._listed = False

    def run(self) -> None:
        """Follow the stream until the stop. A defect ends the thread and is kept in `failure`."""
        try:
            while not self._stop_asked.is_set():
                self._pass()
        except Exception as error:
            # Without this, a dead thread would stop all pipelines without a report.
            log.exception("pump_died mapping=%s", self.mapping.name)
            with self._news:
                self.failure = f"{type(error).__name__}: {error}"
                self._news.notify_all()

    def _pass(self) -> None:
        listed = self._list_shards()
        steps: dict[str, Step] = {}
        for shard in list(self._shards.values()):
            if self._stop_asked.is_set():
                return
            steps[shard.shard_id] = shard.step()
        self._drop_ended(steps)
        worked = Step.WORKED in steps.values()
        waits = [self._shards[name].waits_until for name, step in steps.items() if step is Step.WAITING]
        with self._news:
            self.passes_with_work += worked
            self.quiet_passes += listed and not worked and not waits
            self._news.notify_all()
        now = self._clock.monotonic()
        if worked:
            self._worked_at = now
            return
        due = min(waits, default=float("inf")) - now
        self._stop_asked.wait(pause_of(now - self._worked_at, due, hurries=self._drains.is_set()))

    def _drop_ended(self, steps: dict[str, Step]) -> None:
        for shard_id, step in steps.items():
            if step is Step.ENDED:
                del self._shards[shard_id]
                self._ended.add(shard_id)
                self._relist_at = 0.0

    def _list_shards(self) -> bool:
        """Add new shards whose parent is done. False if the stream was never described."""
        if self._clock.monotonic() < self._relist_at:
            return self._listed
        try:
            shards = self._described()
        except (BotoCoreError, ClientError) as error:
            log.warning("stream_not_described mapping=%s error=%s", self.mapping.name, error)
            self._relist_at = self._clock.monotonic() + _RELIST_EMPTY
            return self._listed
        names = {shard["ShardId"] for shard in shards}
        for shard in shards:
            name, parent = shard["ShardId"], shard.get("ParentShardId")
            unfinished_parent = parent in names and parent not in self._ended
            if name not in self._shards and name not in self._ended and not unfinished_parent:
                self._shards[name] = Shard(
                    self.mapping, name, self._clients, self._checkpoints, self._clock, self.counts, self._backlog
                )
                self._backlog = ()
        self._listed = True
        self._relist_at = self._clock.monotonic() + (_RELIST if self._shards else _RELIST_EMPTY)
        return True

    def _described(self) -> list[dict[str, str]]:
        shards: list[dict[str, str]] = []
        more: dict[str, str] = {}
        while True:
            page = self._clients.streams.describe_stream(StreamArn=self.mapping.stream_arn, **more)
            described = page["StreamDescription"]
            shards.extend(described["Shards"])
            if "LastEvaluatedShardId" not in described:
                return shards
            more = {"ExclusiveStartShardId": described["LastEvaluatedShardId"]}

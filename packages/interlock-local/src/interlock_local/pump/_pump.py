"""The stream pump: what AWS's event source mappings do between a DynamoDB stream and a function, over public APIs."""

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from interlock_local.pump._checkpoint import Checkpoints
from interlock_local.pump._filter import check_patterns
from interlock_local.pump._mapping import StreamMapping
from interlock_local.pump._shard import Counts, PumpClients, PumpClock, Shard, Step

log = logging.getLogger(__name__)

# An idle stream is read this often, its list of shards this often, and this often while there are none (s).
_POLL = 0.05
_RELIST = 5.0
_RELIST_EMPTY = 0.5


class StreamPump:
    """Feeds functions from streams, one thread per mapping, until it is stopped.

    Per shard the order is kept: nothing is handed over before everything older is done or was given up. Delivery
    is at least once. ``checkpoint_file`` keeps the places over a restart; without one, or where the stream does
    not hold the place any more, reading begins at the mapping's starting position.

    Raises:
        LocalStackError: for a filter pattern that is not supported.
    """

    def __init__(
        self,
        mappings: Sequence[StreamMapping],
        clients: PumpClients,
        *,
        checkpoint_file: Path | None = None,
        clock: PumpClock | None = None,
    ) -> None:
        for mapping in mappings:
            check_patterns(mapping.filters)
        self._stop = threading.Event()
        self._news = threading.Condition()
        checkpoints = Checkpoints(checkpoint_file)
        self._followers = [
            _Follower(mapping, clients, checkpoints, clock or PumpClock(), self._stop, self._news)
            for mapping in mappings
        ]

    def start(self) -> None:
        """Begin to follow the streams; returns at once."""
        for follower in self._followers:
            follower.start()

    def counts(self, mapping: str) -> Counts:
        """What was done for this mapping so far."""
        return next(replace(f.counts) for f in self._followers if f.mapping.name == mapping)

    @property
    def failure(self) -> str | None:
        """Why a follower died, which it never should; None while all is well."""
        return next((f.failure for f in self._followers if f.failure), None)

    def drain(self, timeout: float) -> bool:
        """Wait until all streams are read to their end and everything read is done or given up.

        Records that the functions write to the followed streams meanwhile are waited for too. Returns False
        when ``timeout`` seconds were not enough.
        """
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                before = [(f.quiet_passes, f.passes_with_work) for f in self._followers]
                # A pass that is under way may have read before this moment: only the one after it counts.
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
        """Stop following after the invocations under way; False when one of them outlasts ``timeout`` seconds."""
        self._stop.set()
        deadline = time.monotonic() + timeout
        for follower in self._followers:
            if follower.ident is not None:
                follower.join(max(0.0, deadline - time.monotonic()))
        return not any(follower.is_alive() for follower in self._followers)


class _Follower(threading.Thread):
    """One mapping's thread: goes over the shards of its stream, pass after pass."""

    def __init__(
        self,
        mapping: StreamMapping,
        clients: PumpClients,
        checkpoints: Checkpoints,
        clock: PumpClock,
        stop: threading.Event,
        news: threading.Condition,
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
        self._news = news
        self._shards: dict[str, Shard] = {}
        self._ended: set[str] = set()
        self._relist_at = 0.0
        self._listed = False

    def run(self) -> None:
        """Follow until asked to stop; a defect ends the thread and is kept for whoever asks."""
        try:
            while not self._stop_asked.is_set():
                self._pass()
        except Exception as error:
            # A thread that dies unseen would stop all pipelines silently.
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
        if not worked:
            due = min(waits, default=float("inf")) - self._clock.monotonic()
            self._stop_asked.wait(max(0.001, min(_POLL, due)))

    def _drop_ended(self, steps: dict[str, Step]) -> None:
        for shard_id, step in steps.items():
            if step is Step.ENDED:
                del self._shards[shard_id]
                self._ended.add(shard_id)
                self._relist_at = 0.0

    def _list_shards(self) -> bool:
        """Take up shards that are new and whose parent is done; False when the stream could not be described."""
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
                    self.mapping, name, self._clients, self._checkpoints, self._clock, self.counts
                )
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

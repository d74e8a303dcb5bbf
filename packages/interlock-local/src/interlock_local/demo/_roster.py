"""Plays the pipeline whose data never arrives. Its schedule and deadline are in the near future, so that they pass."""

import math
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from types import ModuleType

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import RunKey
from interlock_local.demo._script import ROSTER
from interlock_store import Store

MISSED_AFTER = timedelta(seconds=5)
"""Time after its schedule at which the roster counts as missed. The default is a tick of the watchdog, 5 minutes."""

SET_UP = timedelta(seconds=6)
"""Longest duration of the push and of the watchdog's tick on an idle machine."""

_SHORTEST, _LONGEST = timedelta(seconds=20), timedelta(seconds=30)
"""Range of the time between warning and deadline: more than the delay of local timers, which is up to 10 s."""

_TIMERS = 2
"""A warning and a breach."""

_ALLOWANCE = timedelta(minutes=3)
"""Time for the events after the deadline. Local timers fire up to 10 s late, and a busy machine is slow. The watchdog
replaces a lost timer two minutes after its time."""


class Roster:
    """The pipeline roster-flights, with a schedule in New York and a deadline in India.

    Both are at the nearest minute that leaves time for the push and the warning.
    """

    def __init__(
        self, feed: ModuleType, tick: Callable[[], object], now: datetime, *, set_up: timedelta = SET_UP
    ) -> None:
        self._tick = tick
        self._is_missed = False
        self.due_at = _next_minute(now + set_up + _SHORTEST)
        self.warned_from = self.due_at - min(_LONGEST, timedelta(seconds=(self.due_at - now - set_up).seconds))
        self.config: PipelineConfig = decode_yaml(
            feed.roster(self.due_at, self.due_at - self.warned_from), f"{ROSTER}.yaml"
        )

    @property
    def key(self) -> RunKey:
        """The key of the run that never starts."""
        assert self.config.cron is not None
        date = self.config.cron.execution_date(self.due_at, self.config.zone)
        return RunKey(ROSTER, self.config.schedule_id, date)

    @property
    def clock(self) -> str:
        """The deadline on the clocks of India and of UTC."""
        there = self.due_at.astimezone(self.config.sla_zone)
        return f"{there:%H:%M} {there.tzname()} ({self.due_at:%H:%M}Z)"

    def push(self, store: Store, drain: Callable[[], object], timers: Callable[[str], Collection[str]]) -> bool:
        """Write the pipeline, and let the watchdog create its timers. False if the warning was already past."""
        store.put_config(self.config)
        drain()
        self._tick()
        return len(timers(f"{ROSTER}-{self.key.schedule_id}-{self.key.date}-sla-")) == _TIMERS

    def act(self, now: datetime) -> None:
        """Invoke the watchdog once when the schedule is overdue. Otherwise it runs every minute."""
        if not self._is_missed and now >= self.due_at + MISSED_AFTER + timedelta(seconds=1):
            self._is_missed = True
            self._tick()

    def is_over(self, now: datetime, seen: set[tuple[str, str]]) -> bool:
        """Whether all its events came, or their time is over."""
        reported = {(ROSTER, "SLA_BREACH"), (ROSTER, "SCHEDULE_MISSED")} <= seen
        return (reported and self._is_missed) or now > self.due_at + _ALLOWANCE

    def line(self, now: datetime) -> str:
        """The state of the roster in one line."""
        left = math.ceil((self.due_at - now).total_seconds())
        state = f"deadline in {left} s" if left > 0 else f"deadline passed {-left} s ago"
        return f"{ROSTER} {self.key.date}: no data comes; due at {self.clock}, {state}"


def _next_minute(moment: datetime) -> datetime:
    """The first whole minute at or after a moment (UTC)."""
    return datetime.fromtimestamp(math.ceil(moment.timestamp() / 60) * 60, UTC)

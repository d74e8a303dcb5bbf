"""Plays the pipeline whose data never comes: made for this very minute, so that its schedule and deadline pass."""

import math
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from types import ModuleType

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import RunKey
from interlock_local.demo._script import ROSTER
from interlock_store import Store

MISSED_AFTER = timedelta(seconds=5)
"""How long after its schedule the roster counts as missed; on AWS the watchdog gives it a tick, 5 minutes."""

SET_UP = timedelta(seconds=6)
"""What pushing the pipeline and the watchdog's tick take, at most, on an idle machine."""

_SHORTEST, _LONGEST = timedelta(seconds=20), timedelta(seconds=30)
"""How long before the deadline the warning is due: more than the ten seconds that timers may be late here."""

_TIMERS = 2
"""A warning and a breach."""

_ALLOWANCE = timedelta(seconds=45)
"""Timers fire up to ten seconds late here, and a busy machine takes its time to tell."""


class Roster:
    """roster-flights of the nearest minute that leaves time to push it: New York's schedule, India's deadline."""

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
        """The run that will not be."""
        assert self.config.cron is not None
        date = self.config.cron.execution_date(self.due_at, self.config.zone)
        return RunKey(ROSTER, self.config.schedule_id, date)

    @property
    def clock(self) -> str:
        """When it is due, on the clocks of India and of UTC."""
        there = self.due_at.astimezone(self.config.sla_zone)
        return f"{there:%H:%M} {there.tzname()} ({self.due_at:%H:%M}Z)"

    def push(self, store: Store, drain: Callable[[], object], timers: Callable[[str], Collection[str]]) -> bool:
        """Write the pipeline, and have the watchdog make its timers; False when its warning was past by then."""
        store.put_config(self.config)
        drain()
        self._tick()
        return len(timers(f"{ROSTER}-{self.key.schedule_id}-{self.key.date}-sla-")) == _TIMERS

    def turn(self, now: datetime) -> None:
        """Have the watchdog look once the schedule is overdue; it comes by every minute otherwise."""
        if not self._is_missed and now >= self.due_at + MISSED_AFTER + timedelta(seconds=1):
            self._is_missed = True
            self._tick()

    def is_over(self, now: datetime, seen: set[tuple[str, str]]) -> bool:
        """Whether its story was told, or should have been long ago."""
        told = {(ROSTER, "SLA_BREACH"), (ROSTER, "SCHEDULE_MISSED")} <= seen
        return (told and self._is_missed) or now > self.due_at + _ALLOWANCE

    def line(self, now: datetime) -> str:
        """Where it stands, in one line."""
        left = math.ceil((self.due_at - now).total_seconds())
        what = f"deadline in {left} s" if left > 0 else f"deadline passed {-left} s ago"
        return f"{ROSTER} {self.key.date}: nobody sends it; due at {self.clock}, {what}"


def _next_minute(moment: datetime) -> datetime:
    """The first whole minute at or after a moment (UTC)."""
    return datetime.fromtimestamp(math.ceil(moment.timestamp() / 60) * 60, UTC)

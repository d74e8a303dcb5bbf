"""Lets SLA timers speak, once and only when it is true: gathers the date's facts, decides, commits."""

from collections.abc import Callable
from datetime import datetime

from interlock_lifecycle import TERMINAL_JOB_EVENTS, EventType, Ignore, RunKey, TooEarly, decide_alert
from interlock_store import Commit, Contended, Store
from interlock_telemetry import get_logger

_log = get_logger(__name__)
_TRIES = 5


class AlertDesk:
    """What a fired timer leads to."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def fire(self, key: RunKey, alert: EventType, fires_for: datetime) -> datetime | None:
        """Speak or stay silent; when it spoke, at what moment. TimerEarly when the moment is yet to come."""
        for _ in range(_TRIES):
            stored = self._store.config(key.pipeline_id)
            run = self._store.run(key)
            entries = [entry for entry in self._store.entries(key) if entry.event in TERMINAL_JOB_EVENTS]
            last = max(entries, key=lambda entry: entry.at, default=None)
            now = self._now()
            sla, days = self._store.sla(key), stored.exclusions
            decision = decide_alert(alert, fires_for, stored.config, key, run, last, sla, now, days)
            if isinstance(decision, TooEarly):
                raise TimerEarly(key, decision.at)
            if isinstance(decision, Ignore):
                _log.info("alert_silent", run=str(key), alert=str(alert), reason=decision.reason)
                return None
            match self._store.commit(decision):
                case Commit.COMMITTED:
                    _log.info("alert_fired", run=str(key), alert=str(alert))
                    return now
                case Commit.FENCED:
                    return None
                case Commit.STALE:
                    continue
        raise Contended(f"alert of {key}: the run changed {_TRIES} times meanwhile")


class TimerEarly(Exception):
    """A timer fired before its moment; raising it makes the asynchronous invocation come again."""

    def __init__(self, key: RunKey, at: datetime) -> None:
        super().__init__(f"{key}: the moment is {at.isoformat()}")
        self.at = at

"""Emits SLA alerts once, and only if they are true: gathers the date's facts, lets the lifecycle decide, commits."""

from collections.abc import Callable
from datetime import datetime

from interlock_controller._settling import OVERTAKEN, Overtaken, decide_until_settled
from interlock_lifecycle import TERMINAL_JOB_EVENTS, Announce, Ignore, JobEntry, RecordBreach, RunKey
from interlock_lifecycle.events import EventType
from interlock_lifecycle.slas import AlertFacts, TooEarly, clocks_in_trouble, decide_alert, judge_completed
from interlock_store import Commit, Store
from interlock_telemetry import get_logger

_log = get_logger(__name__)

_Decision = RecordBreach | Announce | TooEarly | Ignore


class SlaAlerts:
    """Emits the alerts of fired timers."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def fire(self, key: RunKey, alert: EventType, fires_for: datetime) -> datetime | None:
        """Emit the alert if it is due and true. The result is the time of the alert (UTC), or None without an alert.

        `fires_for` is the moment of the timer. Raises TimerEarly if the moment lies ahead, and Contended.
        """
        return self._decide_and_commit(
            key, str(alert), lambda now: decide_alert(alert, fires_for, key, self._facts(key), now)
        )

    def judge(self, key: RunKey) -> datetime | None:
        """Give a completed run the verdict that its close could not give.

        The result is the time of the verdict (UTC), or None if there was none to give. Raises Contended.
        """

        def decide(now: datetime) -> RecordBreach | Ignore:
            known = self._store.run_context(key)
            if known.run is None:
                return Ignore("there is no run")
            return judge_completed(known.config.config, known.run, self._outcomes(key), known.sla, now)

        return self._decide_and_commit(key, "verdict", decide)

    def _decide_and_commit(self, key: RunKey, alert: str, decide: Callable[[datetime], _Decision]) -> datetime | None:
        """Decide and commit until no other writer was first."""
        return decide_until_settled(lambda: self._fire_once(key, alert, decide), subject=f"alert of {key}")

    def _fire_once(
        self, key: RunKey, alert: str, decide: Callable[[datetime], _Decision]
    ) -> datetime | Overtaken | None:
        now = self._now()
        decision = decide(now)
        if isinstance(decision, TooEarly):
            raise TimerEarly(key, decision.at)
        if isinstance(decision, Ignore):
            _log.info("alert_silent", run=str(key), alert=alert, reason=decision.reason)
            return None
        match self._store.commit(decision):
            case Commit.COMMITTED:
                _log.info("alert_fired", run=str(key), alert=alert)
                return now
            case Commit.FENCED:
                return None
            case Commit.STALE:
                return OVERTAKEN

    def _facts(self, key: RunKey) -> AlertFacts:
        known = self._store.run_context(key)
        config, other = known.config.config, key.under_other_schedule
        if config is not None:
            sla = known.sla
            for clock, problem in clocks_in_trouble(config, key.date, sla.arrived_at, sla.exclusions).items():
                _log.warning("deadline_left_out", run=str(key), clock=str(clock), problem=problem)
        has_run = known.run is not None
        return AlertFacts(
            config=config,
            run=known.run,
            sla=known.sla,
            entries=self._outcomes(key),
            has_hours=not has_run and not key.date.is_hourly and self._store.has_hours(key),
            other_run=None if has_run else self._store.run(other),
            other_verdict=None if has_run else self._store.verdict(other),
            wait=self._store.waits.of_run(key) if has_run else None,
        )

    def _outcomes(self, key: RunKey) -> tuple[JobEntry, ...]:
        return tuple(entry for entry in self._store.entries(key) if entry.event in TERMINAL_JOB_EVENTS)


class TimerEarly(Exception):
    """A timer fired before its moment `at` (UTC). Lambda repeats the asynchronous invocation after this error."""

    def __init__(self, key: RunKey, at: datetime) -> None:
        super().__init__(f"{key}: the moment is {at.isoformat()}")
        self.at = at

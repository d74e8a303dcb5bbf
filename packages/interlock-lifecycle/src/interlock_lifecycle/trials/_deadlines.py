"""The deadlines of a replayed date: SLA alerts, missed starts and the end of the trigger's window."""

from datetime import datetime, timedelta

from interlock_lifecycle._decision import Announce, RecordBreach
from interlock_lifecycle.dates._expected import MISSED_AFTER, ExpectedStart
from interlock_lifecycle.dates._missed import ExpiryFacts, decide_missed, expire_trigger
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.slas._alert import AlertFacts, decide_alert
from interlock_lifecycle.slas._sla import EVENT_OF, deadlines_of_run
from interlock_lifecycle.trials._state import State

STREAM_GRACE = timedelta(minutes=2)
"""The time after the end of a trigger's window for which a record may still be on its way."""


class Deadlines:
    """The acts of the SLA monitor and of the watchdog."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._timers: set[tuple[EventType, datetime]] = set()

    def await_all(self) -> None:
        """Await the moments that do not depend on a run."""
        state, scene = self._state, self._state.scene
        for start in scene.missed:
            state.agenda.add(start.at + MISSED_AFTER, lambda at, one=start: self._miss(one, at))  # type: ignore[misc]
        if scene.trigger_ends is not None:
            state.agenda.add(scene.trigger_ends + STREAM_GRACE, self._expire)
        if scene.is_expected:
            self.set_timers()

    def set_timers(self, begun_at: datetime | None = None) -> None:
        """Await the SLA alerts. An execution that begins at `begun_at` reports the passed ones at once."""
        state = self._state
        sla = state.sla
        for deadline in deadlines_of_run(state.config, state.key, sla.arrived_at, sla.exclusions, sla.since):
            for kind, due in (("warning", deadline.warning_at), ("breach", deadline.breach_at)):
                alert = EVENT_OF[deadline.clock, kind]
                if due is None or ((alert, due) in self._timers and (begun_at is None or begun_at < due)):
                    continue
                self._timers.add((alert, due))
                fire = lambda moment, one=alert, at=due: self._fire(one, at, moment)  # noqa: E731
                state.agenda.add(max(due, begun_at or due), fire)

    def _fire(self, alert: EventType, due: datetime, at: datetime) -> None:
        state = self._state
        if state.run is None and not state.scene.is_expected:
            return
        facts = AlertFacts(state.config, state.run, state.sla, state.entries, state.scene.has_hours)
        decision = decide_alert(alert, due, state.key, facts, at)
        if isinstance(decision, RecordBreach):
            state.judge(decision.verdicts)
            state.note(decision.events)
        elif isinstance(decision, Announce):
            state.announce(decision.events, decision.marker)

    def _miss(self, start: ExpectedStart, at: datetime) -> None:
        if self._state.run is None:
            self._state.note(decide_missed(self._state.config, start, at).events)

    def _expire(self, at: datetime) -> None:
        state, ended_at = self._state, self._state.scene.trigger_ends
        if state.run is not None or ended_at is None or state.entries:
            return
        decision = expire_trigger(state.config, state.key, ended_at, ExpiryFacts(state.sla), at)
        state.note(decision.events)
        state.judge(decision.verdicts)
        state.run = decision.run

"""The records of a replayed date from outside: the rows of its trigger, and the rerun requests."""

from datetime import datetime

from interlock_lifecycle._decision import (
    Announce,
    NoteAfterRun,
    NoteDormant,
    OpenAttempt,
    RejectRerun,
    RequestRerun,
    StartRun,
)
from interlock_lifecycle._run import RunStatus
from interlock_lifecycle._words import OWN_REASONS, RerunReason
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.reruns._rejections import REPORTED_EVERY
from interlock_lifecycle.reruns._rerun import RerunFacts, RerunRequest, decide_rerun
from interlock_lifecycle.sensors._arrival import SensorFacts
from interlock_lifecycle.sensors._sensor import decide_sensor
from interlock_lifecycle.trials._attempts import Attempts
from interlock_lifecycle.trials._course import Occurrence
from interlock_lifecycle.trials._deadlines import Deadlines
from interlock_lifecycle.trials._knowledge import LATENCY
from interlock_lifecycle.trials._openings import Opening
from interlock_lifecycle.trials._record import RecordedEvent, is_summary
from interlock_lifecycle.trials._state import ANY_TIMEOUT, State
from interlock_rules import holds


class Requests:
    """The acts of the stream-router and of operators."""

    def __init__(self, state: State, deadlines: Deadlines) -> None:
        self._state = state
        self._attempts = Attempts(state, deadlines, self._await_later_rows)

    def await_all(self) -> None:
        """Await the openings of the date, its late rows and its rerun requests."""
        for opening in self._state.scene.openings:
            self._await_opening(opening)
        for event in self._state.scene.record.events:
            self._await_record(event)

    def _await_opening(self, opening: Opening) -> None:
        self._state.agenda.add(opening.at, lambda at: self._open(opening, at))

    def _open(self, opening: Opening, at: datetime) -> None:
        state, scene = self._state, self._state.scene
        if state.run is not None:
            return
        if opening.problem:
            state.stop(opening.problem)
            return
        state.is_open = state.is_open or opening.is_possible
        if opening.is_possible and not state.leniently:
            return
        if opening.fire is not None:
            self._attempts.take(opening.start(state.key, at, ANY_TIMEOUT).run, at)
            return
        facts = SensorFacts(None, state.arrived_at is not None, scene.exclusions)
        decision = decide_sensor(state.sensor(at), state.config, facts, execution_timeout=ANY_TIMEOUT)
        if isinstance(decision, StartRun):
            state.arrived_at = state.arrived_at or decision.arrived_at
            self._attempts.take(decision.run, at)
        elif isinstance(decision, NoteDormant | Announce):
            state.announce(decision.events, decision.marker)
            again = opening.after_excluded(state.key, state.config, scene.exclusions, scene.knowledge)
            if again is not None:
                self._await_opening(again)

    def _await_record(self, event: RecordedEvent) -> None:
        """Repeat the acts of operators and the late rows of the record."""
        add = self._state.agenda.add
        if is_summary(event):
            add(event.at - REPORTED_EVERY, lambda at: self._count())
            add(event.at, lambda at: self._count())
        elif event.type in (EventType.RERUN_ACCEPTED, EventType.RERUN_REJECTED):
            reason = str(event.detail.get("reason") or RerunReason.MANUAL)
            if reason not in OWN_REASONS:
                add(event.at, lambda at: self._request(reason, event.id, at, event))
            elif reason != RerunReason.LATE_DATA:
                add(event.at, lambda at: self._request_for_drift(reason, at, event))
        elif event.type == EventType.LATE_DATA_ARRIVAL:
            add(event.at, self._late_row)

    def _await_later_rows(self, closed_at: datetime) -> None:
        """After a close that the record does not have, look at the rows that the record took otherwise."""
        state, knowledge, rule = self._state, self._state.scene.knowledge, self._state.config.trigger_rule
        if not state.is_shifted or rule is None or state.run is None:
            return
        last = max((one.ended_at for one in state.scene.attempts if one.ended_at is not None), default=closed_at)
        if closed_at < last and not knowledge.is_known(rule.row_name, closed_at, last):
            if state.run.status is RunStatus.COMPLETED:
                state.stop(f"rows of {rule.key} that came before {last:%Y-%m-%dT%H:%M:%SZ} may request a rerun")
                return
            state.occurrences.append(Occurrence(str(EventType.LATE_DATA_ARRIVAL), closed_at, has_unknown=True))
        noted = [one.at for one in state.scene.record.events if one.type == EventType.LATE_DATA_ARRIVAL]
        for span in knowledge.spans(rule.row_name):
            is_new = span.is_write and span.since > closed_at and all(abs(span.since - at) > LATENCY for at in noted)
            if is_new and span.fields is not None and holds(rule, span.fields, span.since):
                state.agenda.add(span.since, self._late_row)

    def _late_row(self, at: datetime) -> None:
        """A row that fulfils the trigger came: the held run reads it, or it is late data."""
        state, run = self._state, self._state.run
        if run is None or state.config.trigger_rule is None:
            return
        if run.is_running:
            self._attempts.evaluate(run.run_token, at)
            return
        facts = SensorFacts(run, True, state.scene.exclusions)
        decision = decide_sensor(state.sensor(at), state.config, facts, execution_timeout=ANY_TIMEOUT)
        if isinstance(decision, Announce):
            state.announce(decision.events, decision.marker)
        elif isinstance(decision, RequestRerun | NoteAfterRun):
            state.note(decision.events)
            if isinstance(decision, RequestRerun):
                self._request(decision.reason, decision.requested_at.isoformat(), at)

    def _count(self) -> None:
        """Requests were rejected, and only their number is recorded. Another course might accept them."""
        if self._state.is_shifted:
            self._state.stop("further rerun requests were rejected, and only their number is recorded")

    def _request_for_drift(self, reason: str, at: datetime, recorded: RecordedEvent) -> None:
        """Repeat a rerun for drift. It depends on the baseline of the run that the record has."""
        if self._state.is_shifted:
            self._state.stop("a rerun for drift depends on the time of the run")
        else:
            self._request(reason, recorded.id, at, recorded)

    def _request(self, reason: str, identity: str, at: datetime, recorded: RecordedEvent | None = None) -> None:
        state = self._state
        decision = self._answer_known(RerunRequest(state.key, reason, identity, at), at, recorded)
        if decision is None:
            return
        if recorded is not None and str(decision.events[0].type) != recorded.type:
            state.is_shifted = True
        if isinstance(decision, OpenAttempt):
            self._attempts.open(decision, at)
        else:
            state.announce(decision.events, decision.counted.marker if decision.counted is not None else None)

    def _answer_known(
        self, request: RerunRequest, at: datetime, recorded: RecordedEvent | None
    ) -> OpenAttempt | RejectRerun | None:
        """The answer to a request. If it depends on unknown rows, the recorded answer to the same run counts."""
        state = self._state
        newest, has_unknown = state.scene.knowledge.newest_update(at)
        answers = [self._answer(request, stamp) for stamp in ((newest, at) if has_unknown else (newest,))]
        if type(answers[0]) is type(answers[-1]):
            return answers[0]
        if recorded is not None and not state.is_shifted and state.scene.knowledge.reads_same_rows:
            for one in answers:
                if one is not None and _is_as(one, recorded):
                    return one
        state.stop("a rerun request depends on rows that are not known")
        return None

    def _answer(self, request: RerunRequest, newest: datetime | None) -> OpenAttempt | RejectRerun | None:
        state = self._state
        facts = RerunFacts(state.run, state.scene.exclusions, state.entries, state.reruns, newest)
        decision = decide_rerun(request, facts, state.config, execution_timeout=ANY_TIMEOUT)
        return decision if isinstance(decision, OpenAttempt | RejectRerun) else None


def _is_as(decision: OpenAttempt | RejectRerun, recorded: RecordedEvent) -> bool:
    (event, *_) = decision.events
    return (str(event.type), event.message) == (recorded.type, recorded.message)

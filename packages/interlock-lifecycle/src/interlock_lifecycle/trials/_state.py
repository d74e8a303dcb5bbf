"""The state of one date during its replay."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from interlock_lifecycle._decision import ClockVerdict, Verdict
from interlock_lifecycle._run import JobEntry, RerunEntry, Run, Sensor
from interlock_lifecycle.dates._terms import clocks_since
from interlock_lifecycle.events._event import Event
from interlock_lifecycle.slas._sla import SlaFacts
from interlock_lifecycle.trials._agenda import Agenda
from interlock_lifecycle.trials._course import Course, Occurrence, Scene
from interlock_lifecycle.trials._record import RecordedAttempt
from interlock_sla import Clock

ANY_TIMEOUT = timedelta(hours=4)
"""The timeout of executions, as long as a deployment does not set another one."""

_NEAR = timedelta(seconds=1)


class State:
    """The rows that a date would have, as far as decisions read them, and the events so far.

    leniently: unknown rows count as held where that is possible. is_open: unknown rows have decided. is_shifted: the
    course differs from the recorded one, at least in its times. unknown: the reasons for which the replay ends early.
    """

    def __init__(self, scene: Scene, *, leniently: bool) -> None:
        self.scene, self.config, self.leniently = scene, scene.config, leniently
        self.key = replace(scene.record.key, schedule_id=scene.config.schedule_id)
        self.agenda = Agenda()
        self.run: Run | None = None
        self.verdict = Verdict(self.key)
        self.arrived_at: datetime | None = None
        self.begun_at: datetime | None = None
        self.logged: list[JobEntry] = []
        self.reruns: list[RerunEntry] = []
        self.occurrences: list[Occurrence] = []
        self.unknown: list[str] = []
        self.is_open = self.is_shifted = False
        self._markers: set[str] = set()

    @property
    def sla(self) -> SlaFacts:
        """The SLA of the date so far."""
        since = clocks_since({}, self.scene.created_at)
        return SlaFacts(self.arrived_at, self.verdict, since, self.scene.exclusions)

    @property
    def entries(self) -> tuple[JobEntry, ...]:
        """The joblog: the entries of external processes, and those of the replay."""
        return (*(entry for entry in self.scene.record.entries if entry.run_token is None), *self.logged)

    @property
    def recorded(self) -> RecordedAttempt | None:
        """The recorded attempt with the number of the present one."""
        number = self.run.attempt if self.run is not None else 0
        return self.scene.attempts[number] if number < len(self.scene.attempts) else None

    def compare_to(self, recorded: datetime | None, at: datetime) -> None:
        """Note whether a moment of the replay is that of the record."""
        if recorded is None or abs(recorded - at) > _NEAR:
            self.is_shifted = True

    def note(self, events: Iterable[Event], *, has_unknown: bool = False, has_message: bool = True) -> None:
        """Add events. has_unknown: unknown rows decided. has_message: all rows that the messages name are known."""
        for one in events:
            message = one.message or "" if has_message else ""
            self.occurrences.append(Occurrence(str(one.type), one.timestamp, message, has_unknown))

    def announce(self, events: Iterable[Event], marker: str | None) -> None:
        """Add events that are reported once per marker."""
        if marker is None or marker not in self._markers:
            self.note(events)
        if marker is not None:
            self._markers.add(marker)

    def judge(self, verdicts: dict[Clock, ClockVerdict]) -> None:
        """Add judgements of SLA clocks."""
        self.verdict = replace(self.verdict, clocks={**self.verdict.clocks, **verdicts})

    def stop(self, reason: str) -> None:
        """End the replay: the course is not known from here on."""
        self.unknown.append(reason)

    def sensor(self, at: datetime) -> Sensor:
        """A record of the trigger for the date. Its condition is known to hold."""
        rule = self.config.trigger_rule
        assert rule is not None
        span = self.scene.knowledge.at(rule.row_name, at)
        fields = span.fields if span is not None and span.fields is not None else {}
        # The key names the date. Another form of the date in the fields would count too, and must not contradict it.
        named = {name: value for name, value in fields.items() if name not in ("date", "hour")}
        return Sensor(self.key.pipeline_id, f"{rule.key}#{self.key.date}", named, at)

    def course(self) -> Course:
        """The course so far."""
        status = self.run.status if self.run is not None else None
        return Course(tuple(self.occurrences), self.begun_at, status, tuple(self.unknown), self.is_open)

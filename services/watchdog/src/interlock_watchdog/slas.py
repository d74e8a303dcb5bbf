"""Sees to it that SLA clocks are heard: timers for what is ahead, the alert itself where a timer was lost."""

import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct

from interlock_controller import AlertDesk, Timers
from interlock_lifecycle import (
    EventType,
    Run,
    RunKey,
    SlaFacts,
    Timer,
    Verdict,
    Window,
    deadlines_of,
    due_deadlines,
    due_warnings,
    timers_of,
    warning_marker,
)
from interlock_sla import Clock, Deadline, ExecutionDate
from interlock_store import Overview
from interlock_watchdog.crew import Crew
from interlock_watchdog.survey import Patrol, Survey, Watched

TIMER_GRACE = timedelta(minutes=2)
"""How long after its moment a timer may still speak for itself; Scheduler is precise to a minute."""

_EDIT_REACHES = timedelta(hours=26)
"""By how much an edit of its time moves a deadline at most, a day of 25 hours included."""

_HORIZON = timedelta(hours=24)
_SPREAD_MINUTES = 12 * 60


class Alert(Struct, frozen=True):
    """An alert that is due: which, of which date, for which moment (UTC)."""

    key: RunKey
    event: EventType
    moment: datetime


class TimersAhead:
    """Absolute clocks get their Scheduler entries a day ahead, so that warnings come also when nothing ever runs."""

    def __init__(self, overview: Overview, timers: Timers, patrol: Patrol) -> None:
        self._overview = overview
        self._timers = timers
        self._patrol = patrol

    def check(self, now: datetime) -> int:
        """Create the timers that came within the horizon; how many."""
        cursor = self._overview.cursor(self._patrol.check)

        def find(watched: Watched, window: Window) -> Iterable[tuple[RunKey, Timer]]:
            if not watched.reports:
                return ()
            horizon = _horizon(watched.config.id)
            start = now if self._patrol.is_new_to(watched, cursor) else window.after + horizon
            return _timers(watched, Window(max(start, now), now + horizon))

        def create(watched: Watched, one: tuple[RunKey, Timer]) -> bool:
            self._timers.create(*one)
            return True

        return self._patrol.walk(now, find, self._open, create)

    def _open(
        self, found: Sequence[tuple[Watched, tuple[RunKey, Timer]]]
    ) -> Sequence[tuple[Watched, tuple[RunKey, Timer]]]:
        """Without those of dates that are over already: they ran long before their deadline."""
        runs = self._overview.runs(dict.fromkeys(key for _, (key, _) in found))
        return [one for one in found if one[1][0] not in runs or runs[one[1][0]].is_running]


def _timers(watched: Watched, window: Window) -> Iterable[tuple[RunKey, Timer]]:
    dates = dict.fromkeys(date for find in (due_deadlines, due_warnings) for date, _ in find(watched.expected, window))
    for date in dates:
        key = watched.key(date)
        for timer in timers_of(watched.config, key, None):
            if window.holds(timer.at):
                yield key, timer


def _horizon(pipeline_id: str) -> timedelta:
    """24 to 36 hours, the same for the same pipeline: deadlines of one minute are not all scheduled in one tick."""
    return _HORIZON + timedelta(minutes=zlib.crc32(pipeline_id.encode()) % _SPREAD_MINUTES)


class DroppedTimers:
    """Deadlines and warnings of expected dates that are past although nobody spoke of them."""

    def __init__(self, overview: Overview, alerts: AlertDesk, patrol: Patrol) -> None:
        self._overview = overview
        self._alerts = alerts
        self._patrol = patrol

    def check(self, now: datetime) -> int:
        """Speak for the timers that did not; how many alerts."""
        cursor = self._overview.cursor(self._patrol.check)

        def find(watched: Watched, window: Window) -> Iterable[Alert]:
            if self._patrol.is_new_to(watched, cursor):
                # An edit may have put a deadline into the past.
                earlier = max(watched.expected.created_at, now - _EDIT_REACHES)
                window = Window(min(window.after, earlier), now)
            return self._find(watched, window) if watched.reports else ()

        def fire(watched: Watched, alert: Alert) -> bool:
            return self._alerts.fire(alert.key, alert.event, alert.moment) is not None

        return self._patrol.walk(now, find, self._unsettled, fire)

    def _find(self, watched: Watched, window: Window) -> Iterable[Alert]:
        past = window.earlier(TIMER_GRACE)
        for date, deadline in due_warnings(watched.expected, past):
            assert deadline.warning_at is not None
            yield Alert(watched.key(date), EventType.SLA_WARNING, deadline.warning_at)
        for date, deadline in due_deadlines(watched.expected, past):
            yield Alert(watched.key(date), EventType.SLA_BREACH, deadline.breach_at)

    def _unsettled(self, found: Sequence[tuple[Watched, Alert]]) -> Sequence[tuple[Watched, Alert]]:
        keys = dict.fromkeys(alert.key for _, alert in found)
        runs, verdicts = self._overview.runs(keys), self._overview.verdicts(keys)
        return [one for one in found if not _is_settled(one[1].key, runs, verdicts)]


def _is_settled(key: RunKey, runs: dict[RunKey, Run], verdicts: dict[RunKey, Verdict]) -> bool:
    run = runs.get(key)
    return (run is not None and not run.is_running) or Clock.ABSOLUTE in verdicts.get(key, Verdict(key)).clocks


class RelativeSlas:
    """Runs under way whose relative clock has passed a moment that nobody spoke of."""

    def __init__(self, overview: Overview, alerts: AlertDesk, survey: Survey, crew: Crew) -> None:
        self._overview = overview
        self._alerts = alerts
        self._survey = survey
        self._crew = crew

    def check(self, now: datetime) -> int:
        """Speak for the timers that did not; how many alerts."""
        clocked = {
            watched.config.id: watched
            for watched in self._survey.pipelines(now)
            if watched.reports and watched.config.sla is not None and watched.config.sla.max_duration is not None
        }
        runs = self._overview.running() if clocked else ()
        keys = [run.key for run in runs if run.key.pipeline_id in clocked]
        arrivals = self._overview.arrivals(keys)
        due = [alert for key, at in arrivals.items() for alert in _overdue(clocked[key.pipeline_id], key, at, now)]
        verdicts = self._overview.verdicts(dict.fromkeys(alert.key for alert in due))
        given = self._overview.marked(
            (alert.key.pipeline_id, warning_marker(alert.key, alert.event, alert.moment)) for alert in due
        )
        left = [alert for alert in due if not _was_heard(alert, verdicts, given)]
        fired = self._crew.do_all([partial(self._alerts.fire, one.key, one.event, one.moment) for one in left])
        return sum(1 for moment in fired if moment is not None)


def _overdue(watched: Watched, key: RunKey, arrived_at: datetime, now: datetime) -> Iterable[Alert]:
    """The breach if its moment is past by the timers' grace, else the warning if that is."""
    deadline = _relative(watched, key.date, arrived_at)
    if deadline is None:
        return
    if deadline.breach_at + TIMER_GRACE <= now:
        yield Alert(key, EventType.RELATIVE_SLA_BREACH, deadline.breach_at)
    elif deadline.warning_at is not None and deadline.warning_at + TIMER_GRACE <= now:
        yield Alert(key, EventType.RELATIVE_SLA_WARNING, deadline.warning_at)


def _relative(watched: Watched, date: ExecutionDate, arrived_at: datetime) -> Deadline | None:
    found = (one for one in deadlines_of(watched.config, date, arrived_at) if one.clock is Clock.RELATIVE)
    return next(found, None)


def _was_heard(alert: Alert, verdicts: dict[RunKey, Verdict], given: set[tuple[str, str]]) -> bool:
    known = SlaFacts(None, verdicts.get(alert.key, Verdict(alert.key)))
    if Clock.RELATIVE in known.verdict.clocks:
        return True
    return (alert.key.pipeline_id, warning_marker(alert.key, alert.event, alert.moment)) in given

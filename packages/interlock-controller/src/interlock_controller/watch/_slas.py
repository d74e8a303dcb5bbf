"""Creates timers for SLA moments ahead, and emits the alerts of lost timers."""

import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct

from interlock_controller.effects import Timers
from interlock_controller.slas import SlaAlerts
from interlock_controller.watch._edits import NOTICED, reach_of_edit
from interlock_controller.watch._failures import PipelineTrouble
from interlock_controller.watch._pipelines import LivePipelines, Watched
from interlock_controller.watch._sweep import Found, Sweep, cursor_of
from interlock_controller.watch._workers import WorkerPool
from interlock_lifecycle import Run, RunKey, Verdict
from interlock_lifecycle.dates import Window, clocks_since, due_clocks
from interlock_lifecycle.events import EventType
from interlock_lifecycle.slas import Timer, deadlines_of_run, timers_of, warning_marker
from interlock_sla import Clock, Deadline
from interlock_store import Overview

TIMER_GRACE = timedelta(minutes=2)
"""How long after its moment a timer may still fire. Scheduler is precise to a minute."""

_MOST_UNJUDGED = 25 * 24
"""How many of a pipeline's newest dates are read after its config changed: the hours that a tick looks back."""

_HORIZON = timedelta(hours=24)
_SPREAD_MINUTES = 12 * 60


class Alert(Struct, frozen=True):
    """A due alert: its date, its event type and its moment (UTC)."""

    key: RunKey
    event: EventType
    moment: datetime


class TimersAhead:
    """The check `sla-timers`: creates the timers of absolute clocks a day ahead, so that dates without a run alert."""

    def __init__(self, overview: Overview, timers: Timers, sweep: Sweep) -> None:
        self._overview = overview
        self._timers = timers
        self._sweep = sweep

    def check(self, now: datetime) -> int:
        """Create the timers that came within the horizon. The result is their number."""
        cursor = cursor_of(self._overview, self._sweep.check)

        def find(watched: Watched, window: Window) -> Iterable[tuple[RunKey, Timer]]:
            if not watched.reports:
                return ()
            horizon = _horizon(watched.config.id)
            start = now if self._sweep.is_new_to(watched, cursor) else window.after + horizon
            return _timers(watched, Window(max(start, now), now + horizon))

        def create(watched: Watched, one: tuple[RunKey, Timer]) -> bool:
            self._timers.create(*one)
            return True

        return self._sweep.walk(now, find, self._open, create)

    def _open(self, found: Found[tuple[RunKey, Timer]]) -> Found[tuple[RunKey, Timer]]:
        """The timers without those of dates that are over, because these ran long before their deadline."""
        runs = self._overview.runs(dict.fromkeys(key for _, (key, _) in found))
        return [one for one in found if one[1][0] not in runs or runs[one[1][0]].is_running]


def _timers(watched: Watched, window: Window) -> Iterable[tuple[RunKey, Timer]]:
    dates = dict.fromkeys(due.date for due in due_clocks(watched.expected, window))
    for date in dates:
        key = watched.key(date)
        for timer in timers_of(watched.config, key, None, watched.expected.exclusions):
            if window.holds(timer.at):
                yield key, timer


def _horizon(pipeline_id: str) -> timedelta:
    """24 to 36 hours, fixed per pipeline, so that equal deadlines of many pipelines do not fall into one tick."""
    return _HORIZON + timedelta(minutes=zlib.crc32(pipeline_id.encode()) % _SPREAD_MINUTES)


class DroppedTimers:
    """The check `dropped-timers`: past deadlines and warnings of expected dates without an alert."""

    def __init__(self, overview: Overview, alerts: SlaAlerts, sweep: Sweep) -> None:
        self._overview = overview
        self._alerts = alerts
        self._sweep = sweep

    def check(self, now: datetime) -> int:
        """Emit the alerts of timers that did not fire. The result is their number."""
        return self._sweep.walk(now, self._find, self._unsettled, self._emit, reach=reach_of_edit())

    def _find(self, watched: Watched, window: Window) -> Iterable[Alert]:
        if not watched.reports:
            return
        past = window.earlier(TIMER_GRACE)
        for due in due_clocks(watched.expected, past):
            event = EventType.SLA_WARNING if due.is_warning else EventType.SLA_BREACH
            yield Alert(watched.key(due.date), event, due.at)

    def _unsettled(self, found: Found[Alert]) -> Found[Alert]:
        keys = dict.fromkeys(alert.key for _, alert in found)
        runs, verdicts = self._overview.runs(keys), self._overview.verdicts(keys)
        return [one for one in found if not _is_settled(one[1], runs, verdicts)]

    def _emit(self, watched: Watched, alert: Alert) -> bool:
        if self._alerts.fire(alert.key, alert.event, alert.moment) is not None:
            return True
        # A completed run without a verdict was closed while its config could not be read.
        return alert.event is EventType.SLA_BREACH and self._alerts.judge(alert.key) is not None


def _is_settled(alert: Alert, runs: Mapping[RunKey, Run], verdicts: Mapping[RunKey, Verdict]) -> bool:
    if Clock.ABSOLUTE in verdicts.get(alert.key, Verdict(alert.key)).clocks:
        return True
    run = runs.get(alert.key)
    is_over = run is not None and not run.is_running
    return is_over and not (run is not None and run.stands and alert.event is EventType.SLA_BREACH)


class UnjudgedRuns:
    """The check `unjudged-runs`: runs without a verdict, because their config was unreadable at their close."""

    def __init__(self, overview: Overview, alerts: SlaAlerts, sweep: Sweep) -> None:
        self._overview = overview
        self._alerts = alerts
        self._sweep = sweep

    def check(self, now: datetime) -> int:
        """Judge the runs of pipelines whose config was edited since the last tick. The result is their number."""
        cursor = cursor_of(self._overview, self._sweep.check)

        def find(watched: Watched, window: Window) -> Iterable[RunKey]:
            if watched.config.sla is None or cursor is None or not self._sweep.is_new_to(watched, cursor):
                return ()
            return self._completed(watched, window.after - NOTICED)

        def judge(watched: Watched, key: RunKey) -> bool:
            return self._alerts.judge(key) is not None

        return self._sweep.walk(now, find, self._unjudged, judge)

    def _completed(self, watched: Watched, since: datetime) -> list[RunKey]:
        config = watched.config
        runs = self._overview.newest_runs(config.id, config.schedule_id, _MOST_UNJUDGED)
        over = (run for run in runs if run.stands and run.closed_at is not None)
        return [run.key for run in over if run.closed_at is not None and run.closed_at > since]

    def _unjudged(self, found: Found[RunKey]) -> Found[RunKey]:
        verdicts = self._overview.verdicts(key for _, key in found)
        return [(watched, key) for watched, key in found if not verdicts.get(key, Verdict(key)).clocks]


class RelativeSlas:
    """The check `relative-slas`: runs in progress whose relative clock has passed a moment without an alert."""

    def __init__(self, overview: Overview, alerts: SlaAlerts, live: LivePipelines, workers: WorkerPool) -> None:
        self._overview = overview
        self._alerts = alerts
        self._live = live
        self._workers = workers

    def check(self, now: datetime) -> int:
        """Emit the alerts of timers that did not fire. The result is their number."""
        due = self._due(now)
        verdicts = self._overview.verdicts(dict.fromkeys(alert.key for alert in due))
        given = self._overview.marked(
            (alert.key.pipeline_id, warning_marker(alert.key, alert.event, alert.moment)) for alert in due
        )
        left = [alert for alert in due if not _was_heard(alert, verdicts, given)]
        fired = self._workers.attempt([partial(self._alerts.fire, one.key, one.event, one.moment) for one in left])
        troubles = [
            PipelineTrouble(alert.key.pipeline_id, result)
            for alert, result in zip(left, fired, strict=True)
            if isinstance(result, Exception)
        ]
        if troubles:
            raise ExceptionGroup(f"{len(troubles)} of {len(left)} alerts could not be emitted", troubles)
        return sum(1 for moment in fired if moment is not None)

    def _due(self, now: datetime) -> list[Alert]:
        """The due alerts of runs in progress, including runs whose execution could not be started yet."""
        clocked = {
            watched.config.id: watched
            for watched in self._live.pipelines(now)
            if watched.reports and watched.config.sla is not None and watched.config.sla.max_duration is not None
        }
        if not clocked:
            return []
        runs = [*self._overview.running(), *self._overview.unstarted()]
        arrivals = self._overview.arrivals(run.key for run in runs if run.key.pipeline_id in clocked)
        return [alert for key, at in arrivals.items() for alert in _overdue(clocked[key.pipeline_id], key, at, now)]


def _overdue(watched: Watched, key: RunKey, arrived_at: datetime, now: datetime) -> Iterable[Alert]:
    """The breach if its moment is past by the timers' grace, else the warning on the same condition."""
    deadline = _relative(watched, key, arrived_at)
    if deadline is None:
        return
    if deadline.breach_at <= now - TIMER_GRACE:
        yield Alert(key, EventType.RELATIVE_SLA_BREACH, deadline.breach_at)
    elif deadline.warning_at is not None and deadline.warning_at <= now - TIMER_GRACE:
        yield Alert(key, EventType.RELATIVE_SLA_WARNING, deadline.warning_at)


def _relative(watched: Watched, key: RunKey, arrived_at: datetime) -> Deadline | None:
    expected = watched.expected
    since = clocks_since(expected.in_force, expected.created_at)
    found = deadlines_of_run(expected.config, key, arrived_at, expected.exclusions, since)
    return next((one for one in found if one.clock is Clock.RELATIVE), None)


def _was_heard(alert: Alert, verdicts: Mapping[RunKey, Verdict], given: set[tuple[str, str]]) -> bool:
    if Clock.RELATIVE in verdicts.get(alert.key, Verdict(alert.key)).clocks:
        return True
    return (alert.key.pipeline_id, warning_marker(alert.key, alert.event, alert.moment)) in given

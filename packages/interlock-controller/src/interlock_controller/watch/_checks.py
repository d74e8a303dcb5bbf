"""All checks of a tick, by name, over one set of objects."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from interlock_controller.effects import Timers
from interlock_controller.slas import AlertDesk
from interlock_controller.watch._failures import Check, RowReports
from interlock_controller.watch._pipelines import Survey
from interlock_controller.watch._recovery import Recovery
from interlock_controller.watch._schedules import CronStarts, MissedSchedules, TriggerDeadlines
from interlock_controller.watch._sensors import MissingPostRun, StrandedSensors
from interlock_controller.watch._slas import DroppedTimers, RelativeSlas, TimersAhead, UnjudgedRuns
from interlock_controller.watch._sweep import Patrol
from interlock_controller.watch._workers import Crew
from interlock_lifecycle import MISSED_AFTER
from interlock_store import Overview, Store


def all_checks(
    store: Store,
    overview: Overview,
    recovery: Recovery,
    timers: Timers,
    *,
    now: Callable[[], datetime],
    execution_timeout: timedelta,
    crew: Crew,
    missed_after: timedelta = MISSED_AFTER,
) -> Mapping[str, Check]:
    """The checks in the order in which a tick runs them: what acts first, then what reports."""
    survey, alerts = Survey(overview, store), AlertDesk(store, now)

    def patrol(check: str) -> Patrol:
        return Patrol(check, overview, survey, crew)

    checks = {
        "pending": recovery.pending,
        "dead-executions": recovery.dead_executions,
        "stale-runs": recovery.stale_runs,
        "configs": survey.check,
        "cron-starts": CronStarts(store, overview, patrol("cron-starts"), execution_timeout=execution_timeout).check,
        "stranded-sensors": StrandedSensors(store, overview, survey, crew, execution_timeout=execution_timeout).check,
        "trigger-deadlines": TriggerDeadlines(store, overview, patrol("trigger-deadlines")).check,
        "missed-schedules": MissedSchedules(
            store, overview, patrol("missed-schedules"), missed_after=missed_after
        ).check,
        "sla-timers": TimersAhead(overview, timers, patrol("sla-timers")).check,
        "dropped-timers": DroppedTimers(overview, alerts, patrol("dropped-timers")).check,
        "relative-slas": RelativeSlas(overview, alerts, survey, crew).check,
        "unjudged-runs": UnjudgedRuns(overview, alerts, patrol("unjudged-runs")).check,
        "missing-post-run": MissingPostRun(store, overview, survey, crew).check,
    }
    reports = RowReports(store)
    return {name: reports.guard(name, check) for name, check in checks.items()}

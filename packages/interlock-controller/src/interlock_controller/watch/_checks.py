"""Builds all checks of a tick by name. They share one set of objects."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from interlock_controller.effects import RowRepairs, Timers
from interlock_controller.slas import SlaAlerts
from interlock_controller.watch._dormant import DormantDates
from interlock_controller.watch._failures import Check, RowGuard
from interlock_controller.watch._pipelines import LivePipelines
from interlock_controller.watch._recovery import Recovery
from interlock_controller.watch._schedules import CronStarts, MissedSchedules, TriggerDeadlines
from interlock_controller.watch._sensors import MissingPostRun, StrandedSensors
from interlock_controller.watch._slas import DroppedTimers, RelativeSlas, TimersAhead, UnjudgedRuns
from interlock_controller.watch._sweep import Sweep
from interlock_controller.watch._workers import WorkerPool
from interlock_lifecycle.dates import MISSED_AFTER
from interlock_store import Overview, Store


def all_checks(
    store: Store,
    overview: Overview,
    recovery: Recovery,
    timers: Timers,
    *,
    now: Callable[[], datetime],
    execution_timeout: timedelta,
    workers: WorkerPool,
    missed_after: timedelta = MISSED_AFTER,
    repairs: RowRepairs | None = None,
) -> Mapping[str, Check]:
    """The checks in the order of a tick: first those that recover and start runs, then those that report.

    repairs: takes care of corrupted rows. The default keeps their dead letters in the log.
    """
    live, alerts = LivePipelines(overview, store), SlaAlerts(store, now)

    def sweep(check: str) -> Sweep:
        return Sweep(check, overview, live, workers)

    checks = {
        "pending": recovery.pending,
        "dead-executions": recovery.dead_executions,
        "overdue-waits": recovery.overdue_waits,
        "stale-runs": recovery.stale_runs,
        "waiting-dates": recovery.waiting_dates,
        "configs": live.check,
        "cron-starts": CronStarts(store, overview, sweep("cron-starts"), execution_timeout=execution_timeout).check,
        "dormant-dates": DormantDates(store, overview, live, workers, execution_timeout=execution_timeout).check,
        "stranded-sensors": StrandedSensors(store, overview, live, workers, execution_timeout=execution_timeout).check,
        "trigger-deadlines": TriggerDeadlines(store, overview, sweep("trigger-deadlines")).check,
        "missed-schedules": MissedSchedules(
            store, overview, sweep("missed-schedules"), missed_after=missed_after
        ).check,
        "sla-timers": TimersAhead(overview, timers, sweep("sla-timers")).check,
        "dropped-timers": DroppedTimers(overview, alerts, sweep("dropped-timers")).check,
        "relative-slas": RelativeSlas(overview, alerts, live, workers).check,
        "unjudged-runs": UnjudgedRuns(overview, alerts, sweep("unjudged-runs")).check,
        "missing-post-run": MissingPostRun(store, overview, live, workers).check,
    }
    rows = RowGuard(repairs or RowRepairs(store, now=now))
    return {name: rows.guard(name, check) for name, check in checks.items()}

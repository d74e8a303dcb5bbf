"""Starts the dates of cron pipelines without a trigger, and reports expected dates without a run."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from interlock_config import PipelineConfig
from interlock_controller.watch._dates import without_run
from interlock_controller.watch._edits import reach_of_edit, reach_of_moved_fires
from interlock_controller.watch._pipelines import Watched
from interlock_controller.watch._sweep import Found, LookAgain, Sweep
from interlock_lifecycle import TERMINAL_JOB_EVENTS
from interlock_lifecycle.dates import (
    Duty,
    Expectation,
    ExpectedStart,
    ExpiryFacts,
    Window,
    decide_missed,
    due_fires,
    due_starts,
    due_trigger_deadlines,
    expire_trigger,
    has_stand_in,
)
from interlock_lifecycle.sensors import start_of_fire, stranded_sensors
from interlock_sla import ExecutionDate
from interlock_store import Commit, Overview, Store, StoredConfig
from interlock_telemetry import get_logger

_log = get_logger(__name__)

STREAM_GRACE = timedelta(minutes=2)
"""How long a sensor that came in time may still be on its way through the stream."""

_RECENT_RUNS = 3
"""How many dates, besides those of later fires, may count as a fire's run: data may name another date."""

_TRIGGERS = frozenset({"sensor", "schedule"})
"""The reasons of a first attempt that its date's own trigger began. A rerun request has its own reason."""

Fire = tuple[datetime, ExecutionDate]
Expiry = tuple[ExecutionDate, datetime]


class CronStarts:
    """The check `cron-starts`: the latest due fire of a cron pipeline without a trigger becomes a run, no older one."""

    def __init__(self, store: Store, overview: Overview, sweep: Sweep, *, execution_timeout: timedelta) -> None:
        self._store = store
        self._overview = overview
        self._sweep = sweep
        self._execution_timeout = execution_timeout

    def check(self, now: datetime) -> int:
        """Commit the due starts. The result is their number."""

        def start(watched: Watched, fire: Fire) -> bool:
            return self._start(watched, fire, now)

        return self._sweep.walk(now, self._find, self._without_run, start, reach=reach_of_moved_fires)

    def _find(self, watched: Watched, window: Window) -> Iterable[Fire]:
        if watched.config.schedule.trigger is not None:
            return ()
        return due_fires(watched.expected, window)[-1:]

    def _without_run(self, found: Found[Fire]) -> Found[Fire]:
        return without_run(self._overview, found, lambda fire: fire[1])

    def _start(self, watched: Watched, fire: Fire, now: datetime) -> bool:
        at, date = fire
        stored = self._store.config(watched.config.id)
        if not _still_fires(stored, fire):
            _log.info("cron_start_held", pipeline=watched.config.id, reason=stored.problem or "the config changed")
            raise LookAgain("the config was edited just now")
        if stored.exclusions.excludes(now.astimezone(watched.config.zone).date()):
            # The fire's day was allowed, but no run begins on an excluded day. The next allowed day starts it.
            raise LookAgain("today is excluded")
        decision = start_of_fire(watched.key(date), at, now=now, execution_timeout=self._execution_timeout)
        committed = self._store.commit(decision) is Commit.COMMITTED
        if not committed:
            # Another start was first, or the row is corrupted: then this read raises.
            self._store.run(decision.run.key)
        _log.info("cron_start", run=str(decision.run.key), fire=at.isoformat(), committed=committed)
        return committed


def _still_fires(stored: StoredConfig, fire: Fire) -> bool:
    """Whether the current config still starts this date at this fire. The index that the tick read lags behind."""
    config = stored.config
    if config is None or config.dry_run or config.schedule.trigger is not None:
        return False
    at = fire[0]
    moment = Window(at - timedelta(seconds=1), at)
    expected = Expectation(config, stored.exclusions, stored.created_at or at, stored.in_force)
    return fire in due_fires(expected, moment)


class MissedSchedules:
    """The check `missed-schedules`: reports inclusion dates and dates of triggered crons without a run."""

    def __init__(self, store: Store, overview: Overview, sweep: Sweep, *, missed_after: timedelta) -> None:
        self._store = store
        self._overview = overview
        self._sweep = sweep
        self._missed_after = missed_after

    def check(self, now: datetime) -> int:
        """Report each missed date once. The result is the number of reports."""

        def report(watched: Watched, start: ExpectedStart) -> bool:
            return self._report(watched, start, now)

        return self._sweep.walk(now, self._find, self._without_run, report, reach=reach_of_edit(Duty.MISSED))

    def _find(self, watched: Watched, window: Window) -> Iterable[ExpectedStart]:
        schedule = watched.config.schedule
        waits_for_sensor = schedule.trigger is not None or schedule.include is not None
        if not watched.reports or not waits_for_sensor:
            return ()
        return due_starts(watched.expected, window, self._missed_after)

    def _without_run(self, found: Found[ExpectedStart]) -> Found[ExpectedStart]:
        return without_run(self._overview, found, lambda start: start.date)

    def _report(self, watched: Watched, start: ExpectedStart, now: datetime) -> bool:
        config = _unchanged(self._store, watched)
        if self._store.run(watched.key(start.date)) is not None:
            return False
        if start.fire is not None and self._has_stand_in(watched, start.fire, now):
            return False
        return self._store.commit(decide_missed(config, start, now)) is Commit.COMMITTED

    def _has_stand_in(self, watched: Watched, fire: datetime, now: datetime) -> bool:
        """Whether the run of another date counts as this fire's. A run after the next fire belongs to a later fire."""
        config = watched.config
        assert config.cron is not None
        later = sum(1 for _ in config.cron.fires_between(fire, now, config.zone))
        triggered = dict(self._triggers(config, _RECENT_RUNS + later))
        return has_stand_in(watched.expected, fire, triggered, self._missed_after)

    def _triggers(self, config: PipelineConfig, newest: int) -> Iterator[tuple[ExecutionDate, datetime]]:
        """The trigger times of the newest dates. A retry, rerun or recovery of a date is not a trigger."""
        for run in self._overview.newest_runs(config.id, config.schedule_id, newest):
            if run.attempt == 0 and run.recoveries == 0 and run.reason in _TRIGGERS:
                yield run.key.date, run.committed_at
            elif (arrived_at := self._store.arrived_at(run.key)) is not None:
                yield run.key.date, arrived_at


class TriggerDeadlines:
    """The check `trigger-deadlines`: dates without a trigger by the end of their window (schedule.trigger.deadline)."""

    def __init__(self, store: Store, overview: Overview, sweep: Sweep) -> None:
        self._store = store
        self._overview = overview
        self._sweep = sweep

    def check(self, now: datetime) -> int:
        """Close these dates as final failures. The result is their number."""

        def expire(watched: Watched, expiry: Expiry) -> bool:
            return self._expire(watched, *expiry, now)

        return self._sweep.walk(now, self._find, self._without_run, expire, reach=reach_of_edit(Duty.EXPIRY))

    def _expire(self, watched: Watched, date: ExecutionDate, ended_at: datetime, now: datetime) -> bool:
        config, key = _unchanged(self._store, watched), watched.key(date)
        if self._store.run(key) is not None:
            return False
        if any(entry.event in TERMINAL_JOB_EVENTS for entry in self._store.entries(key)):
            return False
        if self._came_in_time(watched, date, ended_at, now):
            raise LookAgain("the sensor came in time and its run is about to start")
        decision = expire_trigger(config, key, ended_at, ExpiryFacts(self._store.sla(key)), now)
        commit = self._store.commit(decision)
        if commit is Commit.STALE:
            raise LookAgain("its verdict was given just now")
        return commit is Commit.COMMITTED

    def _came_in_time(self, watched: Watched, date: ExecutionDate, ended_at: datetime, now: datetime) -> bool:
        """Whether the trigger's sensor held by `ended_at`, although its record was lost or came on an excluded day."""
        rule = watched.config.trigger_rule
        assert rule is not None
        readings = self._store.readings(watched.key(date), [rule])
        waits, rows = readings.kept.dormant, readings.rows
        if waits is not None and waits.since <= ended_at:
            return True
        found = stranded_sensors(watched.expected, rows, since=watched.expected.created_at, now=now)
        return any(one.key.date == date and (one.arrived_at or ended_at) <= ended_at for one in found)

    def _find(self, watched: Watched, window: Window) -> Iterable[Expiry]:
        return due_trigger_deadlines(watched.expected, window.earlier(STREAM_GRACE)) if watched.reports else ()

    def _without_run(self, found: Found[Expiry]) -> Found[Expiry]:
        return without_run(self._overview, found, lambda expiry: expiry[0])


def _unchanged(store: Store, watched: Watched) -> PipelineConfig:
    """The config that the tick read. Raises LookAgain if it changed: the next tick finds the matters of the new one."""
    if store.config(watched.config.id).config != watched.config:
        raise LookAgain("the config was edited just now")
    return watched.config

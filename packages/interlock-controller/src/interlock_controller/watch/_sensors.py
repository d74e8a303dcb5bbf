"""Finds sensors that should have triggered a run and did not, and missing post-run sensors."""

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_controller._settling import OVERTAKEN, Overtaken, decide_until_settled
from interlock_controller.watch._dates import without_run
from interlock_controller.watch._failures import PipelineTrouble
from interlock_controller.watch._pipelines import LivePipelines, Watched
from interlock_controller.watch._sweep import LOOK_BACK, cursor_at, cursor_of, position
from interlock_controller.watch._workers import WorkerPool
from interlock_lifecycle import TERMINAL_JOB_EVENTS, NoteAfterRun, Run
from interlock_lifecycle.runs import is_backlog, report_backlog
from interlock_lifecycle.sensors import (
    NEWEST_PERIODS,
    Stranded,
    awaited,
    dormant_since,
    miss_post_run,
    recover_trigger,
    report_undated,
    stranded_sensors,
    undated_marker,
    undated_sensors,
)
from interlock_store import Commit, Cursor, Overview, Store, read_run
from interlock_telemetry import get_logger

_log = get_logger(__name__)


_PARTS = 3
"""Pipelines with per-period sensors, or without a known sensor, need a query each: a third of them per tick."""

_BUCKETS = 288
"""All others are queried once a day for per-period sensors: one bucket of them every five minutes."""

_BUCKET_SECONDS = 300
_FORGOTTEN_AFTER = timedelta(days=1)
"""How long completed runs of pipelines without reports (unwatched, dry or deleted) stay in the post-run index."""

_WRITTEN_LATE = timedelta(hours=1)
"""How much a sensor's own timestamp may precede its write."""

Rows = Mapping[str, Mapping[str, object]]


class StrandedSensors:
    """The check `stranded-sensors`: triggers whose record was lost, or that came on and for an excluded day."""

    def __init__(
        self,
        store: Store,
        overview: Overview,
        live: LivePipelines,
        workers: WorkerPool,
        *,
        execution_timeout: timedelta,
    ) -> None:
        self._store = store
        self._overview = overview
        self._live = live
        self._workers = workers
        self._execution_timeout = execution_timeout

    def check(self, now: datetime) -> int:
        """Start the runs of stranded sensors. The result is their number."""
        part, cursors = self._parts()
        troubles: list[PipelineTrouble] = []
        found = list(self._stranded(now, part, cursors, troubles))
        left = without_run(self._overview, found, lambda one: one.key.date)
        is_late = is_backlog(len(left))
        if is_late:
            self._store.commit(report_backlog(len(left), now))
        acts = [partial(self._recover, watched, one, now, is_late=is_late) for watched, one in left]
        done = self._workers.attempt(acts)
        for (watched, _), result in zip(left, done, strict=True):
            if isinstance(result, Exception):
                troubles.append(PipelineTrouble(watched.config.id, result))
        self._move_on(now, part, cursors, {trouble.pipeline_id for trouble in troubles})
        if troubles:
            raise ExceptionGroup(f"{len(troubles)} pipelines' sensors could not be reconciled", troubles)
        return sum(one is True for one in done)

    def _move_on(self, now: datetime, part: int, cursors: Mapping[str, Cursor | None], failed: Collection[str]) -> None:
        """Move the cursor of each part. A failed or postponed pipeline keeps its position."""
        for name in ("plain", f"periods-{part}"):
            later = dict.fromkeys([*self._live.later(now), *failed])
            behind = {pipeline_id: position(pipeline_id, cursors[name], now) for pipeline_id in later}
            self._overview.move_cursor(f"sensors-{name}", cursor_at(now, behind))

    def _stranded(
        self, now: datetime, part: int, cursors: Mapping[str, Cursor | None], troubles: list[PipelineTrouble]
    ) -> Iterator[tuple[Watched, Stranded]]:
        """The stranded sensors of each pipeline. A failed pipeline delays no other."""
        undated: list[tuple[Watched, str]] = []
        for watched, cursor, rows in self._read(now, part, cursors, troubles):
            try:
                since = _since(watched, cursor, now)
                found = stranded_sensors(watched.expected, rows, since=since, now=now)
                undated += [(watched, key) for key in undated_sensors(watched.expected, rows, now=now)]
            except Exception as error:  # noqa: BLE001 (raised by the check with the others)
                troubles.append(PipelineTrouble(watched.config.id, error))
            else:
                yield from ((watched, one) for one in found)
        self._report_undated(undated, now, troubles)

    def _report_undated(
        self, undated: list[tuple[Watched, str]], now: datetime, troubles: list[PipelineTrouble]
    ) -> None:
        """Report each trigger row without date and time once. An unchanged rewrite of such a row starts nothing."""
        named = {
            (watched.config.id, undated_marker(key)): (watched, key) for watched, key in undated if watched.reports
        }
        known = self._overview.marked(named) if named else set()
        new = [(watched, key) for marker, (watched, key) in named.items() if marker not in known]
        acts = [partial(self._store.commit, report_undated(watched.config, key, now)) for watched, key in new]
        for (watched, _), result in zip(new, self._workers.attempt(acts), strict=True):
            if isinstance(result, Exception):
                troubles.append(PipelineTrouble(watched.config.id, result))

    def _parts(self) -> tuple[int, dict[str, Cursor | None]]:
        """The third that was read longest ago, and the cursor of each part."""
        names = ["plain", *(f"periods-{part}" for part in range(_PARTS))]
        cursors = {name: cursor_of(self._overview, f"sensors-{name}") for name in names}
        ages = [cursors[f"periods-{part}"] for part in range(_PARTS)]
        return min(range(_PARTS), key=lambda part: ages[part].at.timestamp() if ages[part] else 0.0), cursors  # type: ignore[union-attr]

    def _read(
        self, now: datetime, part: int, cursors: Mapping[str, Cursor | None], troubles: list[PipelineTrouble]
    ) -> Iterable[tuple[Watched, Cursor | None, Rows]]:
        """The trigger sensors of this tick: every plain one, and the per-period ones of the third that is due."""
        triggered = [
            (watched, watched.config.schedule.trigger.key)
            for watched in self._live.pipelines(now)
            if watched.config.schedule.trigger is not None and not watched.is_dormant(now)
        ]
        plain = self._overview.sensor_rows((watched.config.id, key) for watched, key in triggered)
        for watched, key in triggered:
            fields = plain.get((watched.config.id, key))
            if fields is not None:
                yield watched, cursors["plain"], {key: fields}
        due = [
            (watched, key)
            for watched, key in triggered
            if _is_due(watched, part, cursors["plain"], now, is_plain=(watched.config.id, key) in plain)
        ]
        cursor = cursors[f"periods-{part}"]
        held = self._workers.attempt(
            [partial(self._overview.newest_periods, watched.config.id, key, NEWEST_PERIODS) for watched, key in due]
        )
        for (watched, _), rows in zip(due, held, strict=True):
            if isinstance(rows, Exception):
                troubles.append(PipelineTrouble(watched.config.id, rows))
            else:
                yield watched, cursor if watched.periodic else None, rows

    def _recover(self, watched: Watched, one: Stranded, now: datetime, *, is_late: bool) -> bool:
        stored = self._store.config(one.key.pipeline_id)
        if stored.config != watched.config or stored.exclusions.excludes(now.astimezone(watched.config.zone).date()):
            return False
        if any(entry.event in TERMINAL_JOB_EVENTS for entry in self._store.entries(one.key)):
            return False
        if not one.names_date and self._store.run(replace(one.key, date=one.key.date.next())) is not None:
            # The stream has the time of the write, and the row that of the producer's reading: the router took it up.
            return False
        if self._store.sensor_rows(one.key.pipeline_id, (one.sensor_key,)).get(one.sensor_key) != one.fields:
            # Another row has come since. The next tick looks at it.
            return False
        return self._start(one, watched.config, now, is_late=is_late)

    def _start(self, one: Stranded, config: PipelineConfig, now: datetime, *, is_late: bool) -> bool:
        """Start the run, unless another writer was first. Raises Contended if the rows changed at each try."""

        def start_once() -> bool | Overtaken:
            known = self._store.arrived_at(one.key) is not None
            decision = recover_trigger(
                one,
                config,
                has_arrival=known,
                now=now,
                execution_timeout=self._execution_timeout,
                is_late=is_late,
            )
            commit = self._store.commit(decision)
            _log.warning("sensor_reconciled", run=str(one.key), sensor=one.sensor_key, commit=str(commit))
            return OVERTAKEN if commit is Commit.STALE else commit is Commit.COMMITTED

        return decide_until_settled(start_once, subject=f"stranded sensor {one.sensor_key} of {one.key}")


def _since(watched: Watched, cursor: Cursor | None, now: datetime) -> datetime:
    """The start of the time to look at: the last reading of its third, or the excluded days right before today."""
    since = watched.expected.created_at
    if cursor is not None:
        since = position(watched.config.id, cursor, now) - _WRITTEN_LATE
    dormant = dormant_since(watched.expected, now)
    return max(min(since, dormant) if dormant is not None else since, now - LOOK_BACK)


def _is_due(watched: Watched, part: int, plain: Cursor | None, now: datetime, *, is_plain: bool) -> bool:
    number = zlib.crc32(watched.config.id.encode())
    if watched.periodic or not is_plain:
        # Without a plain row the key's kind is unknown: the record of its first per-period key may be the lost one.
        return number % _PARTS == part
    bucket = int(now.timestamp()) // _BUCKET_SECONDS
    before = int(plain.at.timestamp()) // _BUCKET_SECONDS if plain is not None else bucket - _BUCKETS
    passed = min(bucket - before, _BUCKETS)
    return (bucket - number) % _BUCKETS < passed


class MissingPostRun:
    """The check `missing-post-run`: completed runs without post-run sensors after postRun.sensorTimeout."""

    def __init__(self, store: Store, overview: Overview, live: LivePipelines, workers: WorkerPool) -> None:
        self._store = store
        self._overview = overview
        self._live = live
        self._workers = workers

    def check(self, now: datetime) -> int:
        """Report each such run once. The result is the number of reports."""
        pipelines = {
            watched.config.id: watched
            for watched in self._live.pipelines(now)
            if watched.config.post_run_rules is not None and watched.reports
        }
        # Runs of pipelines without post-run rules wait in the index too, and leave it after _FORGOTTEN_AFTER.
        shortest = min((_timeout(watched) for watched in pipelines.values()), default=_FORGOTTEN_AFTER)
        rows = self._overview.awaiting_post_run(now - shortest)
        return sum(self._workers.do_all([partial(self._look, pipelines, row, now) for row in rows]))

    def _look(self, pipelines: Mapping[str, Watched], row: Mapping[str, Any], now: datetime) -> bool:
        run = read_run(row)
        watched = pipelines.get(run.key.pipeline_id)
        if watched is None:
            return self._forget(run, now)
        return _is_over(watched, run, now) and self._report(watched, run, now)

    def _forget(self, run: Run, now: datetime) -> bool:
        """Take a run without reports out of the post-run index after a while. Then no tick reads it any more."""
        if run.closed_at is not None and run.closed_at <= now - _FORGOTTEN_AFTER:
            self._store.commit(NoteAfterRun(run, (), settled=True))
        return False

    def _report(self, watched: Watched, run: Run, now: datetime) -> bool:
        rules = watched.config.post_run_rules
        assert rules is not None
        readings = self._store.readings(run.key, rules.rules)
        missing = awaited(watched.config, run, readings.rows, readings.kept)
        if not missing:
            # The router judges their records when the stream delivers them.
            self._store.commit(NoteAfterRun(run, (), settled=True))
            return False
        decision = miss_post_run(watched.config, run, missing, now)
        return self._store.commit(decision) is Commit.COMMITTED


def _timeout(watched: Watched) -> timedelta:
    assert watched.config.post_run is not None
    return timedelta(seconds=watched.config.post_run.sensor_timeout.total_seconds())


def _is_over(watched: Watched, run: Run, now: datetime) -> bool:
    return run.closed_at is not None and run.closed_at + _timeout(watched) <= now

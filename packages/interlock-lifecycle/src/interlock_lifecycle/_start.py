"""The begin of an attempt: a date's first trigger row, the input of the execution, and the record of its start."""

import math
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import KeptRows, MarkStarted, StartRun, Superseded, WaitForSlot
from interlock_lifecycle._moment import rfc3339
from interlock_lifecycle._run import Pause, Run, RunKey, RunStatus, make_run_token
from interlock_lifecycle._words import RerunReason
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import make_event

LEASE_GRACE = timedelta(minutes=30)
"""The time after its execution's timeout for which a run keeps its lock (docs/reference/runs.md §1.1)."""

_CLOSING_TIME = timedelta(minutes=5)
"""The part of an execution's timeout that is reserved for triggering and closing."""

JOB_CHECK_INTERVAL_SECONDS = 60

MOST_POLLS = 1200
"""The number of polls that an execution may make. Step Functions ends an execution after 25,000 history entries. The
looks after wakes take up to 9,000 of them (docs/reference/runs.md §3.2)."""

_SPARE_POLLS = 20
"""Polls in addition to those of the intervals: the first look, retry delays, waits that end at a deadline."""


def open_run(
    key: RunKey,
    *,
    decided_at: datetime,
    execution_timeout: timedelta,
    arrived_at: datetime | None,
    reason: str = "sensor",
    kept: KeptRows = KeptRows(),  # noqa: B008 (frozen)
) -> StartRun:
    """The first attempt of a date.

    decided_at: the time of the record or fire that opens the date (UTC). It determines the run token. arrived_at: the
    arrival of the first sensor, None if the arrival is stored already or no sensor is awaited. kept: the row that
    opened the date.
    """
    run = Run(
        key=key,
        status=RunStatus.RUNNING,
        attempt=0,
        run_token=make_run_token(key, 0, 0, decided_at),
        committed_at=decided_at,
        lease_until=lease_end(decided_at, execution_timeout),
        reason=reason,
    )
    return StartRun(run, arrived_at, kept=kept)


def lease_end(start: datetime, execution_timeout: timedelta) -> datetime:
    """The end of the lease of a run that started at `start`."""
    return start + execution_timeout + LEASE_GRACE


class ExecutionWindows(Struct, frozen=True):
    """The windows and intervals of one execution, in whole seconds, fitted into its timeout and its polls."""

    evaluation_interval: int
    evaluation_window: int
    job_poll_window: int
    job_check_interval: int = JOB_CHECK_INTERVAL_SECONDS

    @property
    def polls(self) -> int:
        """The largest number of polls of such an execution: it uses up both windows."""
        evaluations = math.ceil(self.evaluation_window / self.evaluation_interval)
        return evaluations + math.ceil(self.job_poll_window / self.job_check_interval) + _SPARE_POLLS


def start_delay(run: Run, config: PipelineConfig) -> timedelta:
    """The wait before an attempt's first evaluation: the retry delay after a failed job, otherwise zero."""
    return config.retry_delay_before(run.attempt) if run.reason == RerunReason.JOB_FAIL_RETRY else timedelta()


def execution_windows(run: Run, config: PipelineConfig | None, execution_timeout: timedelta) -> ExecutionWindows:
    """The windows of a run's attempt, cut so that the execution ends by itself before its timeout.

    If both windows do not fit, the job keeps at least half of the available time. Without a config the execution only
    follows a job that may have been started before, for as long as the execution may run. Windows that would take more
    than 1,200 polls keep their length and get longer intervals.
    """
    if config is None:
        left = int((execution_timeout - _CLOSING_TIME).total_seconds())
        return _within_polls(ExecutionWindows(JOB_CHECK_INTERVAL_SECONDS, 1, max(left - 1, 1)))
    available = execution_timeout - _CLOSING_TIME - start_delay(run, config)
    total = max(int(available.total_seconds()), 2)
    wanted_poll = config.job.job_poll_window_seconds
    wanted_evaluation = int(config.schedule.evaluation.window.total_seconds())
    evaluation = min(wanted_evaluation, total - min(wanted_poll, total // 2))
    interval = max(1, int(config.schedule.evaluation.interval.total_seconds()))
    poll = max(min(wanted_poll, total - evaluation), 1)
    return _within_polls(ExecutionWindows(interval, max(evaluation, 1), poll))


def _within_polls(windows: ExecutionWindows) -> ExecutionWindows:
    """The same windows, with both intervals stretched by one factor until the polls are at most 1,200."""
    if windows.polls <= MOST_POLLS:
        return windows
    # Two polls in reserve: each interval is rounded up, and so is its number of polls.
    stretch = windows.polls / (MOST_POLLS - _SPARE_POLLS - 2)
    return replace(
        windows,
        evaluation_interval=math.ceil(windows.evaluation_interval * stretch),
        job_check_interval=math.ceil(windows.job_check_interval * stretch),
    )


def execution_input(
    run: Run, config: PipelineConfig | None, arrived_at: datetime | None, execution_timeout: timedelta
) -> dict[str, Any]:
    """The state machine's input (docs/reference/runs.md §3.1)."""
    windows = execution_windows(run, config, execution_timeout)
    wire: dict[str, Any] = {
        "pipelineId": run.key.pipeline_id,
        "scheduleId": run.key.schedule_id,
        "date": str(run.key.date),
        "attempt": run.attempt,
        "runToken": run.run_token,
        "config": {
            "evaluationIntervalSeconds": windows.evaluation_interval,
            "evaluationWindowSeconds": windows.evaluation_window,
            "jobCheckIntervalSeconds": windows.job_check_interval,
            "jobPollWindowSeconds": windows.job_poll_window,
        },
    }
    if arrived_at is not None:
        wire["sensorArrivalAt"] = rfc3339(arrived_at)
    if config is not None and config.sla is not None:
        wire["sla"] = _sla_input(config)
    return wire


def _sla_input(config: PipelineConfig) -> dict[str, Any]:
    sla = config.sla
    assert sla is not None
    wire = {
        "deadline": sla.deadline,
        "expectedDuration": str(sla.expected_duration.text) if sla.expected_duration else None,
        "maxDuration": str(sla.max_duration.text) if sla.max_duration else None,
        "timezone": sla.timezone or config.schedule.timezone or "UTC",
        "critical": bool(sla.critical),
    }
    return {name: value for name, value in wire.items() if value is not None}


def needs_start(run: Run | None, token: str) -> bool:
    """Whether the execution of this token must still be started or recorded as started.

    A run of an older tool has no token: another state machine executes it.
    """
    return run is not None and bool(token) and run.is_held_by(token) and run.started_token != token


def keeps_slot(run: Run) -> bool:
    """Whether the run itself shows that its date is under way already: a job, a retry, or a counted recovery.

    A lost execution is not counted. The row of its slot shows that its date is under way.
    """
    return run.job_intent is not None or run.reason == RerunReason.JOB_FAIL_RETRY or run.recoveries > 0


def decide_slot(
    run: Run, limit: int, open_dates: Collection[RunKey | None], oldest: Sequence[RunKey], *, has_slot: bool = False
) -> WaitForSlot | None:
    """Decide whether a run that is to be started waits for a slot (docs/reference/runs.md §3.3).

    The component that starts executions calls it for a run without one. limit: schedule.maxOpenDates, 0 for no limit.
    open_dates: the dates of the pipeline that are under way, at most `limit`. oldest: the runs that have waited the
    longest, at least as many as slots are free. has_slot: whether the date has a slot that is not among `open_dates`,
    as after the limit was lowered. Results:

    - `WaitForSlot`: all slots are taken, or the free ones are due to older runs.
    - `None`: the run starts now. So does a retry or a recovery, since its date is under way already.
    """
    if not limit or has_slot or keeps_slot(run) or run.key in open_dates:
        return None
    free = limit - len(open_dates)
    if free > 0 and (len(oldest) < free or run.key in oldest[:free]):
        return None
    return WaitForSlot(run)


def decide_paused(run: Run, pause: Pause | None, now: datetime) -> WaitForSlot | None:
    """Decide whether a run that is to be started waits for the end of a pause (docs/reference/runs.md §3.4).

    The component that starts executions calls it before `decide_slot`. pause: that of the pipeline, None without one.
    now: UTC. Results:

    - `WaitForSlot`: the pipeline is paused. The run stays committed, and starts in its order after the pause.
    - `None`: the run may start. So may a run with a job intent, since its job is followed during a pause.
    """
    if pause is None or not pause.holds(now) or run.job_intent is not None:
        return None
    return WaitForSlot(run)


def decide_started(
    run: Run | None, token: str, *, now: datetime, execution_timeout: timedelta
) -> MarkStarted | Superseded:
    """Record that the execution of a run exists, once per run token.

    The component that starts the execution calls it, and so does the orchestrator at the first evaluation. Results:

    - `MarkStarted`: the row has no started execution for this token. The lease begins again at `now` (UTC), and
      JOB_TRIGGERED is emitted.
    - `Superseded`: the start is recorded already, the run is closed, or another token owns it. There is nothing to do.
    """
    if run is None or not needs_start(run, token):
        return Superseded(run.status if run else None, run.attempt if run else None)
    event = make_event(
        EventType.JOB_TRIGGERED,
        run.key,
        now,
        source=f"started {token}",
        attempt=run.attempt,
        run_token=run.run_token,
        message=f"an execution was started for attempt {run.attempt} ({run.reason})",
        detail={"runToken": token, "reason": run.reason},
    )
    return MarkStarted(run, now, lease_end(now, execution_timeout), (event,))

"""Where a run stands, for people: its progress, what it waits for and why, and how long it still may."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._run import Run, RunStatus
from interlock_lifecycle._sla import SlaFacts, deadlines_of
from interlock_lifecycle._start import start_delay
from interlock_rules import select_sensors
from interlock_sla import Clock


class Progress(StrEnum):
    """How far a run has come."""

    COMMITTED = "committed"
    HELD = "held"
    EVALUATING = "evaluating"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class SlaReport(Struct, frozen=True):
    """One SLA clock of a run: its deadline (UTC), and met, breach or open."""

    clock: Clock
    breach_at: datetime
    verdict: str


class RunReport(Struct, frozen=True):
    """One line about a run. `until` is when its present phase ends by itself (UTC), None when nothing runs out."""

    date: str
    progress: Progress
    attempt: int
    reason: str
    until: datetime | None
    sla: tuple[SlaReport, ...]


def describe_run(
    run: Run,
    config: PipelineConfig | None,
    problem: str,
    sensors: Mapping[str, Mapping[str, object]],
    sla: SlaFacts,
    now: datetime,
) -> RunReport:
    """Where a run stands at `now`. Without a readable config `problem` says why nothing goes on."""
    progress, reason, until = _standing(run, config, problem, sensors, now)
    return RunReport(str(run.key.date), progress, run.attempt, reason, until, _sla(run, config, sla))


def _standing(
    run: Run,
    config: PipelineConfig | None,
    problem: str,
    sensors: Mapping[str, Mapping[str, object]],
    now: datetime,
) -> tuple[Progress, str, datetime | None]:
    if run.status is RunStatus.COMPLETED:
        return Progress.COMPLETED, "", None
    if run.status is RunStatus.FAILED_FINAL:
        return Progress.FAILED, run.close_reason or "no reason was recorded", None
    if run.job_intent is not None:
        return Progress.RUNNING, _job(run), None
    if run.started_token != run.run_token:
        return Progress.COMMITTED, "waits for its execution to be started", None
    if config is None:
        return Progress.HELD, problem, run.lease_until
    evaluation = config.rules.evaluate(select_sensors(sensors, config.rules.keys, run.key.date), now)
    until = _window_end(run, config)
    if run.evaluated_at is not None or evaluation.passed:
        return Progress.EVALUATING, "all rules hold; the job is about to start", until
    return Progress.HELD, evaluation.explain(), until


def _window_end(run: Run, config: PipelineConfig) -> datetime | None:
    if run.started_at is None:
        return None
    window: timedelta = config.schedule.evaluation.window
    return run.started_at + start_delay(run, config) + window


def _job(run: Run) -> str:
    intent = run.job_intent
    assert intent is not None
    if intent.outcome is not None:
        return f"the {intent.type} job ended with {intent.outcome.event}; the run is being closed"
    if intent.run_id is None:
        return f"the {intent.type} job is being started"
    return f"the {intent.type} job {intent.run_id} runs"


def _sla(run: Run, config: PipelineConfig | None, sla: SlaFacts) -> tuple[SlaReport, ...]:
    if config is None:
        return ()
    judged = sla.verdict.clocks
    return tuple(
        SlaReport(found.clock, found.breach_at, str(judged[found.clock].outcome) if found.clock in judged else "open")
        for found in deadlines_of(config, run.key.date, sla.arrived_at)
    )

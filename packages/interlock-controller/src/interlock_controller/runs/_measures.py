"""Measures the delays of a run where its steps commit them (docs/reference/environment.md §5)."""

from datetime import datetime

from interlock_controller.runs._context import StepContext
from interlock_lifecycle import CloseRun, Run, RunStatus, Wait
from interlock_sla import Outcome
from interlock_telemetry import Metric


def measure_wake(context: StepContext, wait: Wait | None, looked_at: datetime) -> None:
    """The time from the last wake to the look that follows it. A look without a wake has none."""
    if wait is not None and wait.woken_at is not None:
        waits_for = "job" if wait.for_job else "sensors"
        context.count(Metric.WAKE_LATENCY, _seconds(wait.woken_at, looked_at), waits_for=waits_for)


def measure_hold(context: StepContext, wait: Wait | None, held_since: datetime, passed_at: datetime) -> None:
    """The time for which the rules have held the run. A run that passes at its first look has no WAIT# row."""
    if wait is not None and not wait.for_job:
        context.count(Metric.RUN_HELD, _seconds(held_since, passed_at))


def measure_start(context: StepContext, run: Run, arrived_at: datetime | None) -> None:
    """The time from the first sensor to the first job of the date. A retry or a rerun has none."""
    if run.attempt == 0 and arrived_at is not None:
        context.count(Metric.START_DELAY, _seconds(arrived_at, context.now()))


def measure_lateness(context: StepContext, decision: CloseRun) -> None:
    """The time from each deadline to the completion. A rerun after a success in time has none."""
    if decision.status is not RunStatus.COMPLETED or decision.entry is None:
        return
    breached = {clock: one for clock, one in decision.judged.clocks.items() if one.outcome is Outcome.BREACH}
    for clock, judgement in {**breached, **decision.verdicts}.items():
        late = _seconds(judgement.deadline, decision.entry.at)
        context.count(Metric.RUN_LATENESS, late, clock=str(clock))


def _seconds(start: datetime, end: datetime) -> float:
    """The seconds between two times, 0 if they are in the wrong order: clocks of writers differ."""
    return max((end - start).total_seconds(), 0.0)

"""A date at a time that is to come, if no row changes until then: the deadlines that pass and the end of a hold."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import ClockVerdict, CloseRun, PassEvaluation, RecordBreach
from interlock_lifecycle._moment import say_moment
from interlock_lifecycle._run import Run, RunStatus
from interlock_lifecycle._start import start_delay
from interlock_lifecycle.dates._expected import begin_of
from interlock_lifecycle.reports._date_facts import DateFacts
from interlock_lifecycle.reports._explanation import explain_date
from interlock_lifecycle.reports._report import Progress
from interlock_lifecycle.runs._close import CloseFacts, Exhaustion, exhaust
from interlock_lifecycle.runs._evaluate import (
    EvaluationFacts,
    EvaluationWindow,
    HoldRun,
    Passed,
    WindowUsedUp,
    decide_evaluation,
)
from interlock_lifecycle.slas._alert import AlertFacts, decide_alert
from interlock_lifecycle.slas._sla import EVENT_OF, deadlines_of_run
from interlock_rules import next_change, select_rows
from interlock_sla import Clock, Deadline


class Projection(Struct, frozen=True):
    """The facts about a date as they would be, and the moment from which its job would run, None if it would not."""

    facts: DateFacts
    starts_at: datetime | None = None

    def says(self, config: PipelineConfig) -> tuple[str, ...]:
        """The assumption of the projection, as sentences without their full stop."""
        if self.starts_at is None:
            return ("no row changes until then",)
        return (f"its job starts {say_moment(self.starts_at, config.zone)}, and the time of its end is not known",)


def project(facts: DateFacts, read_at: datetime, at: datetime) -> Projection:
    """The date at `at`, if nothing is written after the time `read_at` of its facts (both UTC).

    The functions that decide in the controller are called at the moments at which the controller would call them. A run
    that has no execution yet without a pause, or whose job is under way, stays as it is, since its course is not known.
    """
    config, run = facts.config, facts.run
    if config is None or at <= read_at:
        return Projection(facts)
    if run is None:
        if explain_date(facts, read_at).state != Progress.NOT_BEGUN:
            return Projection(facts)
        run = _begun_by_watchdog(facts, config, read_at, at)
        if run is None:
            return Projection(_breached(facts, config, read_at, at))
        facts = replace(_breached(facts, config, read_at, run.committed_at), run=run)
        read_at = run.committed_at
    if not run.is_running or run.job_intent is not None:
        return Projection(facts)
    pause = facts.pause
    if pause is not None and pause.holds(read_at):
        if pause.until is None or pause.until > at:
            return Projection(_breached(facts, config, read_at, at))
        # The run has waited for the end of the pause, with a new execution from then on.
        run = replace(run, started_token=run.run_token, started_at=pause.until, evaluated_at=None)
        facts = replace(_breached(facts, config, read_at, pause.until), run=run)
        read_at = pause.until
    if run.started_token != run.run_token:
        return Projection(facts)
    return _projected_hold(facts, config, run, read_at, at)


def _begun_by_watchdog(facts: DateFacts, config: PipelineConfig, read_at: datetime, at: datetime) -> Run | None:
    """The run that the watchdog begins by `at`: at the fire of a cron without a trigger. None without one.

    In reality it begins with a tick of the watchdog, up to a few minutes after the fire. A pause and a limit of open
    dates delay the start of its execution.
    """
    if config.cron is None or config.schedule.trigger is not None or config.dry_run:
        return None
    begins_at = max(begin_of(config, facts.key.date), read_at)
    if begins_at > at:
        return None
    token = "projection"  # noqa: S105 (the name of an execution)
    return Run(
        facts.key,
        RunStatus.RUNNING,
        0,
        token,
        begins_at,
        started_token=token,
        started_at=begins_at,
        reason="schedule",
    )


def _projected_hold(facts: DateFacts, config: PipelineConfig, run: Run, read_at: datetime, at: datetime) -> Projection:
    """A held run, up to the first moment at which its rules hold, or at which its window is over."""
    evaluation = config.schedule.evaluation
    window = EvaluationWindow(run.started_at or read_at, evaluation.window, evaluation.interval)
    gathered = EvaluationFacts(
        run, config, facts.problem, facts.rows, facts.sla, facts.kept, facts.wait, pause=facts.pause
    )
    for moment in _looks(facts, config, run, window, read_at, at):
        decision = decide_evaluation(gathered, run.run_token, window, moment)
        match decision:
            case PassEvaluation() | Passed():
                before = _breached(facts, config, read_at, moment)
                evaluated_at = run.evaluated_at or moment
                return Projection(replace(before, run=replace(run, evaluated_at=evaluated_at)), evaluated_at)
            case WindowUsedUp():
                return Projection(_exhausted(_breached(facts, config, read_at, moment), decision, moment))
            case HoldRun():
                continue
            case _:
                break
    return Projection(_breached(facts, config, read_at, at))


def _looks(
    facts: DateFacts, config: PipelineConfig, run: Run, window: EvaluationWindow, read_at: datetime, at: datetime
) -> Iterator[datetime]:
    """The moments of (read_at, at] at which an evaluation may have another result, and `read_at` itself."""
    opens_at = window.started_at + start_delay(run, config)
    closes_at = opens_at + window.length
    moment: datetime | None = max(read_at, opens_at)
    selected = select_rows(facts.rows, config.validation.rules, facts.key.date, facts.kept.rows)
    while moment is not None and moment <= at:
        yield moment
        if moment >= closes_at:
            return
        change = next_change(config.validation.rules, selected.fields, moment)
        moment = closes_at if change is None else min(change, closes_at)


def _exhausted(facts: DateFacts, decision: WindowUsedUp, now: datetime) -> DateFacts:
    run = facts.run
    assert run is not None
    closing = CloseFacts(run, facts.config, 0, facts.sla.exclusions, facts.sla)
    closed = exhaust(closing, run.run_token, Exhaustion.VALIDATION, reason=decision.reason, now=now)
    assert isinstance(closed, CloseRun)
    ended = replace(run, status=closed.status, closed_at=now, close_reason=closed.reason)
    return replace(_judged(facts, closed.verdicts), run=ended)


def _breached(facts: DateFacts, config: PipelineConfig, after: datetime, until: datetime) -> DateFacts:
    """The facts with a breach for each deadline that passes after `after` and not after `until`."""
    sla = facts.sla
    for deadline in deadlines_of_run(config, facts.key, sla.arrived_at, sla.exclusions, sla.since):
        if after < deadline.breach_at <= until:
            facts = _judge(facts, config, deadline)
    return facts


def _judge(facts: DateFacts, config: PipelineConfig, deadline: Deadline) -> DateFacts:
    gathered = AlertFacts(
        config, facts.run, facts.sla, tuple(facts.entries), other_run=facts.other_run, wait=facts.wait
    )
    breach = EVENT_OF[deadline.clock, "breach"]
    decision = decide_alert(breach, deadline.breach_at, facts.key, gathered, deadline.breach_at)
    return _judged(facts, decision.verdicts) if isinstance(decision, RecordBreach) else facts


def _judged(facts: DateFacts, verdicts: Mapping[Clock, ClockVerdict]) -> DateFacts:
    verdict = replace(facts.sla.verdict, clocks={**facts.sla.verdict.clocks, **verdicts})
    return replace(facts, sla=replace(facts.sla, verdict=verdict))

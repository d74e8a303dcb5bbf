"""The state of a run for people: its progress, the reason of its wait, and the end of that wait."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import KeptRows
from interlock_lifecycle._run import Pause, Run, RunStatus, Wait
from interlock_lifecycle._start import decide_paused, start_delay
from interlock_lifecycle.dates._expected import Expectation, Window, begin_of, expected_dates, trigger_ends
from interlock_lifecycle.slas._sla import SlaFacts, deadlines_of
from interlock_lifecycle.waits._held import blocks_of, is_of
from interlock_rules import select_rows
from interlock_sla import Clock, Deadline, ExecutionDate

_LOOK_BACK = timedelta(days=25)
"""The age up to which a date without a run is shown. The watchdog looks back as far."""


class Progress(StrEnum):
    """The progress of a run."""

    COMMITTED = "committed"
    HELD = "held"
    EVALUATING = "evaluating"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    NOT_BEGUN = "not begun"


class SlaReport(Struct, frozen=True):
    """One SLA clock of a date: its deadline (UTC), and met, breach or open.

    judged_at: the time of the verdict. overdue: an open clock's deadline is past. counts: the clock existed at its
    deadline, otherwise it is never judged. moved_from: the deadline before it
    moved over excluded days, None if it did not move.
    """

    clock: Clock
    breach_at: datetime
    verdict: str
    warning_at: datetime | None = None
    judged_at: datetime | None = None
    overdue: bool = False
    moved_from: datetime | None = None
    counts: bool = True


class RunReport(Struct, frozen=True):
    """One line about a run. `until`: the time at which its present phase ends by itself (UTC), None without an end.

    held_since: the time since when the first of the rules that do not hold holds the run (UTC). next_look: the time at
    which an execution that waits for a wake looks without one (UTC). Both are None if the run has no such wait.
    """

    date: str
    progress: Progress
    attempt: int
    reason: str
    until: datetime | None
    sla: tuple[SlaReport, ...]
    held_since: datetime | None = None
    next_look: datetime | None = None


def describe_run(
    run: Run,
    config: PipelineConfig | None,
    problem: str,
    sensors: Mapping[str, Mapping[str, object]],
    sla: SlaFacts,
    now: datetime,
    kept: KeptRows = KeptRows(),  # noqa: B008 (frozen)
    *,
    slots_taken: int = 0,
    wait: Wait | None = None,
    pause: Pause | None = None,
) -> RunReport:
    """The state of a run at `now` (UTC).

    problem: the reason why the run is held, for a config that cannot be read. sensors: the rows that its rules may
    read, as they are now. kept: the rows that its date keeps. slots_taken: the taken slots of the pipeline, for
    a run that waits for one. wait: the run's WAIT# row. pause: that of the pipeline, which may be over.
    """
    progress, reason, until = _standing(run, config, problem, sensors, kept, now)
    if progress is Progress.EVALUATING and run.evaluated_at is None and (blocks := blocks_of(wait, run)):
        progress, reason = Progress.HELD, "; ".join(blocks)
    if run.is_running and pause is not None and decide_paused(run, pause, now) is not None:
        progress, reason, until = Progress.HELD, str(pause), pause.until
    elif progress is Progress.COMMITTED:
        reason = _why_not_started(run, config, slots_taken)
    return RunReport(
        str(run.key.date),
        progress,
        run.attempt,
        reason,
        until,
        sla_reports(run.key.date, config, sla, None if progress is Progress.COMPLETED else now),
        *_wait(run, progress, wait, now),
    )


def _wait(run: Run, progress: Progress, wait: Wait | None, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Since when the run is held, and when it looks again. A wait of another execution, or one that is over, is left
    out."""
    if wait is None or not is_of(wait, run) or progress not in (Progress.HELD, Progress.RUNNING):
        return None, None
    held_since = min(wait.held.values(), default=None) if progress is Progress.HELD else None
    return held_since, wait.look_at if wait.look_at is not None and wait.look_at > now else None


def _standing(
    run: Run,
    config: PipelineConfig | None,
    problem: str,
    sensors: Mapping[str, Mapping[str, object]],
    kept: KeptRows,
    now: datetime,
) -> tuple[Progress, str, datetime | None]:
    if run.status is RunStatus.COMPLETED:
        return Progress.COMPLETED, "", None
    if run.status is RunStatus.FAILED_FINAL:
        return Progress.FAILED, run.close_reason or "no reason was recorded", None
    if run.job_intent is not None:
        return Progress.RUNNING, _job(run), None
    if run.started_token != run.run_token:
        return Progress.COMMITTED, "", None
    if config is None:
        return Progress.HELD, problem, run.lease_until
    selected = select_rows(sensors, config.validation.rules, run.key.date, kept.rows)
    evaluation = config.rules.evaluate(selected.fields, now, selected.notes)
    until = _window_end(run, config)
    if run.evaluated_at is not None or evaluation.passed:
        return Progress.EVALUATING, "all rules hold, and the job is about to start", until
    return Progress.HELD, evaluation.explain(), until


def _why_not_started(run: Run, config: PipelineConfig | None, slots_taken: int) -> str:
    if not run.waits_for_slot or config is None or not config.schedule.max_open_dates:
        return "waits for the start of its execution"
    limit = config.schedule.max_open_dates
    return f"waits for a slot: {slots_taken} of {limit} slots (schedule.maxOpenDates) are taken"


def _window_end(run: Run, config: PipelineConfig) -> datetime | None:
    if run.started_at is None:
        return None
    window: timedelta = config.schedule.evaluation.window
    return run.started_at + start_delay(run, config) + window


def _job(run: Run) -> str:
    intent = run.job_intent
    assert intent is not None
    if intent.outcome is not None:
        return f"the {intent.type} job ended with {intent.outcome.event}, and the run is being closed"
    if intent.run_id is None:
        return f"the {intent.type} job is being started"
    return f"the {intent.type} job {intent.run_id} runs"


def sla_reports(
    date: ExecutionDate, config: PipelineConfig | None, sla: SlaFacts, now: datetime | None
) -> tuple[SlaReport, ...]:
    """The clocks of a date. An open clock is overdue at `now` (UTC). None: no clock is overdue."""
    deadlines = () if config is None else deadlines_of(config, date, sla.arrived_at, sla.exclusions)
    known = {deadline.clock for deadline in deadlines}
    judged = sla.verdict.clocks.items()
    # A verdict stays, also without a config that has its clock.
    gone = (SlaReport(clock, one.deadline, str(one.outcome), judged_at=one.at) for clock, one in judged)
    return (*(_clock(found, sla, now) for found in deadlines), *(one for one in gone if one.clock not in known))


def _clock(deadline: Deadline, sla: SlaFacts, now: datetime | None) -> SlaReport:
    judged = sla.verdict.clocks.get(deadline.clock)
    verdict = str(judged.outcome) if judged is not None else "open"
    counts = judged is not None or sla.since.get(deadline.clock, deadline.breach_at) <= deadline.breach_at
    at = judged.deadline if judged is not None else deadline.breach_at
    return SlaReport(
        deadline.clock,
        at,
        verdict,
        warning_at=deadline.warning_at,
        judged_at=judged.at if judged is not None else None,
        overdue=judged is None and counts and now is not None and deadline.breach_at <= now,
        moved_from=deadline.moved_from if at == deadline.breach_at else None,
        counts=counts,
    )


def dates_not_begun(
    expected: Expectation, begun: Collection[ExecutionDate], now: datetime, *, newest: int
) -> list[ExecutionDate]:
    """The newest dates without a run that should have begun by `now` (UTC), oldest first.

    A cron, inclusion dates, an absolute SLA deadline or a trigger deadline make dates expected. A pipeline without any
    of these begins with its data. Dry runs have no expected dates.
    """
    config = expected.config
    if not has_expected_dates(config):
        return []
    window = Window(max(expected.created_at, now - _LOOK_BACK), now)
    hourly = any(end is not None and end.startswith(":") for end in _ends(config))
    found = (date for date in expected_dates(expected, window, hourly=hourly) if date not in begun)
    return [date for date in found if begin_of(config, date) <= now][-newest:]


def has_expected_dates(config: PipelineConfig) -> bool:
    """Whether dates without a run are expected, and not only begun by their data."""
    return not config.dry_run and bool(any(_ends(config)) or config.schedule.cron or config.schedule.include)


def _ends(config: PipelineConfig) -> tuple[str | None, ...]:
    trigger = config.schedule.trigger
    return (config.sla.deadline if config.sla else None, trigger.deadline if trigger else None)


def describe_absent(expected: Expectation, date: ExecutionDate, sla: SlaFacts, now: datetime) -> RunReport:
    """The state of an expected date that nothing has triggered."""
    config = expected.config
    until = trigger_ends(config, date, expected.exclusions)
    return RunReport(
        str(date), Progress.NOT_BEGUN, 0, "nothing has triggered it", until, sla_reports(date, config, sla, now)
    )

"""The evaluation of a run's rules: it passes, is held, or has used up its window."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import (
    CloseRun,
    KeptRows,
    NoteHeld,
    OpenWait,
    PassEvaluation,
    RecoverRun,
    Superseded,
)
from interlock_lifecycle._run import Pause, Run, Wait
from interlock_lifecycle._start import start_delay
from interlock_lifecycle.events._catalogue import EventType
from interlock_lifecycle.events._event import make_event, owner_detail
from interlock_lifecycle.runs._close import reject_config
from interlock_lifecycle.runs._pause import park
from interlock_lifecycle.sensors._accounted import rows_seen
from interlock_lifecycle.sensors._baseline import baseline_events, baseline_to_write, take_baseline
from interlock_lifecycle.sensors._kept import rows_passed
from interlock_lifecycle.sensors._observed import describe_rows, observed_rules
from interlock_lifecycle.slas._sla import SlaFacts, deadlines_of, next_moment
from interlock_lifecycle.waits._held import decide_hold, describe_rules, is_of
from interlock_lifecycle.waits._looks import (
    CACHED_CONFIG_LIFE,
    LONGEST_WAIT,
    before_deadline,
    look_seconds,
    rest_seconds,
    wait_seconds,
)
from interlock_rules import Rule, Selection, next_change, select_rows


class Passed(Struct, frozen=True):
    """The rules held at an earlier evaluation of this attempt, or its job is under way."""


class HoldRun(Struct, frozen=True):
    """The job may not start yet. `reason` is one line. An execution that polls looks again in `wait_seconds`.

    rules: the number of rules that were evaluated, 0 before the end of the retry delay. look_seconds: the seconds after
    which an execution that waits for a wake looks at the latest, 0 before the end of the retry delay, when nothing
    wakes it. rest_seconds: the part of this time for which it rests first. note: the change of the WAIT# row.
    """

    reason: str
    wait_seconds: int
    rules: int = 0
    look_seconds: int = 0
    rest_seconds: int = 0
    note: OpenWait | NoteHeld | None = None


class WindowUsedUp(Struct, frozen=True):
    """The evaluation window is over, and the rules do not hold.

    rules: the number of rules that were evaluated. failing: those that do not hold, as RUN_HELD describes them. rows:
    the rows that they read, as an event keeps them.
    """

    reason: str
    rules: int = 0
    failing: tuple[Mapping[str, Any], ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()


class EvaluationFacts(Struct, frozen=True):
    """The trigger row, the config as it is stored now, the named sensors' rows, and the SLA so far.

    config: None if it is missing or unreadable. rejection: the reason for that. kept: the rows that the date keeps.
    wait: the WAIT# row as it was before the sensors' rows were read. changed_at: the last change of the config (UTC).
    blocks: the reasons for which the job could not start although its rules hold, as sentences.
    pause: the pause of the pipeline, None without one.
    """

    run: Run | None
    config: PipelineConfig | None
    rejection: str
    sensors: Mapping[str, Mapping[str, object]]
    sla: SlaFacts
    kept: KeptRows = KeptRows()
    wait: Wait | None = None
    changed_at: datetime | None = None
    pause: Pause | None = None
    blocks: tuple[str, ...] = ()
    read: Selection | None = None
    """The row that each rule reads, if it is known without `sensors`, as in a trial on history."""


class EvaluationWindow(Struct, frozen=True):
    """The start of the execution (UTC), the length of its evaluation, and the interval of its polls."""

    started_at: datetime
    length: timedelta
    interval: timedelta


EvaluationDecision: TypeAlias = PassEvaluation | Passed | HoldRun | WindowUsedUp | RecoverRun | CloseRun | Superseded


def decide_evaluation(
    facts: EvaluationFacts, token: str, window: EvaluationWindow, now: datetime
) -> EvaluationDecision:
    """Decide whether the job of a run may start: one evaluation.

    The orchestrator calls it at each look of an execution. All rules are evaluated at the instant `now` (UTC), which is
    not later than the reading of the facts. Results:

    - `PassEvaluation`: all rules hold. The baseline, the rows that were read, and VALIDATION_PASSED are committed.
    - `Passed`: an earlier evaluation passed, or the job is under way.
    - `HoldRun`: a rule does not hold, the job cannot start (`facts.blocks`), or the retry delay is not over. The next
      look follows after its wait. A blocked job is looked at once per interval, since no row wakes its run.
    - `WindowUsedUp`: a rule does not hold or the job cannot start, and the evaluation window is over. The caller ends
      the run (`exhaust`).
    - `RecoverRun`: the pipeline is paused. The execution ends, and the run waits for the end of the pause.
    - `CloseRun`: the config is missing, unreadable or a dry run. The run fails with CONFIG_INVALID before its job.
    - `Superseded`: the run is closed, or another execution owns it.
    """
    run = facts.run
    if run is None or not run.is_held_by(token):
        return Superseded(run.status if run else None, run.attempt if run else None)
    if run.job_intent is not None or run.evaluated_at is not None:
        return Passed()
    config = facts.config
    if config is None or config.dry_run:
        return reject_config(run, facts.rejection or "the pipeline is now a dry run", facts.sla, config, now)
    if facts.pause is not None and facts.pause.holds(now):
        return park(run, facts.pause, now, config)
    opens_at = window.started_at + start_delay(run, config)
    closes_at = opens_at + window.length
    if now < opens_at:
        return HoldRun("waiting for the retry delay", wait_seconds(now, opens_at - now, closes_at, None))
    selected = facts.read
    if selected is None:
        selected = select_rows(facts.sensors, observed_rules(config), run.key.date, facts.kept.rows)
    evaluation = config.rules.evaluate(selected.fields, now, selected.notes)
    if evaluation.passed and not facts.blocks:
        return _pass(run, config, facts, selected, now)
    blocks = facts.blocks if evaluation.passed else ()
    reason = "; ".join(blocks) or evaluation.explain()
    failing = tuple(finding for finding in evaluation.findings if not finding.passed)
    if now >= closes_at:
        known = facts.wait.held if facts.wait is not None and is_of(facts.wait, run) else {}
        described = tuple(describe_rules(failing, known, now))
        rows = tuple(describe_rows(selected, observed_rules(config)))
        return WindowUsedUp(reason, len(config.validation.rules), described, rows)
    deadlines = deadlines_of(config, run.key.date, facts.sla.arrived_at, facts.sla.exclusions)
    deadline = next_moment(deadlines, facts.sla.verdict.clocks, now)
    change = next_change(config.validation.rules, selected.fields, now)
    longest = window.interval if blocks else max(window.interval, LONGEST_WAIT)
    wakes = facts.wait.wakes if facts.wait is not None and is_of(facts.wait, run) else 0
    # A stream-router with the config from before an edit wakes no run for a sensor that only the edit names.
    known_everywhere = facts.changed_at + CACHED_CONFIG_LIFE if facts.changed_at is not None else None
    rest = rest_seconds(wakes, window.interval, window.length)
    # Only a deadline and the window's end cut a rest. Otherwise a row that is new each second, or that is dated ahead
    # of the clock, would make each change of its age rule a look.
    rested = [max(moment, now + timedelta(seconds=rest)) for moment in (change, known_everywhere) if moment is not None]
    look = look_seconds(now, longest, closes_at, before_deadline(deadline), *rested)
    return HoldRun(
        reason,
        wait_seconds(now, window.interval, closes_at, deadline),
        rules=len(config.validation.rules),
        look_seconds=look,
        rest_seconds=min(rest, look),
        note=decide_hold(run, facts.wait, failing, reason, now, blocks, config=config, read=selected),
    )


def _pass(
    run: Run, config: PipelineConfig, facts: EvaluationFacts, selected: Selection, now: datetime
) -> PassEvaluation:
    taken = take_baseline(config, run.key, facts.sensors, facts.kept.rows)
    source = f"evaluate {run.run_token}"
    events = [
        make_event(
            EventType.VALIDATION_PASSED,
            run.key,
            now,
            source=source,
            attempt=run.attempt,
            run_token=run.run_token,
            message=f"all {len(config.validation.rules)} rules hold",
            detail={"rows": describe_rows(selected, observed_rules(config)), **owner_detail(config)},
        )
    ]
    events += baseline_events(taken, run, now, source=source, ordinal=1, config=config)
    everything = select_rows(facts.sensors, rules_to_read(config), run.key.date, facts.kept.rows)
    return PassEvaluation(
        run,
        now,
        baseline_to_write(taken),
        tuple(events),
        seen=rows_seen(facts.sensors, everything, facts.kept.rows, run.key.date),
        kept=rows_passed(selected, config.validation.rules, facts.kept, run.key.date, now),
        rules=len(config.validation.rules),
        ends_wait=facts.wait is not None,
    )


def rules_to_read(config: PipelineConfig) -> tuple[Rule, ...]:
    """The rules whose rows an evaluation reads: validation rules, the trigger, and rules of the post-run baseline."""
    trigger = (config.trigger_rule,) if config.trigger_rule is not None else ()
    post_run = config.post_run.rules if config.post_run is not None else ()
    return (*config.validation.rules, *trigger, *post_run)

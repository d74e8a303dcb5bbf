"""The explanation of one date for people: its state with all reasons, by the decisions that the controller makes."""

from collections.abc import Sequence
from datetime import date as calendar_day
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import (
    CloseRun,
    PassEvaluation,
    RecoverRun,
    RejectRerun,
    Superseded,
)
from interlock_lifecycle._moment import say_moment
from interlock_lifecycle._run import JobEntry, RerunEntry, RunStatus
from interlock_lifecycle._start import decide_paused
from interlock_lifecycle._words import OWN_REASONS, RerunReason
from interlock_lifecycle.dates._expected import Expectation, Window, begin_of, expected_dates, trigger_ends
from interlock_lifecycle.reports._absent import own_date, why_not_triggered
from interlock_lifecycle.reports._date_facts import DateFacts
from interlock_lifecycle.reports._readings import RuleReading, read_observed, read_rules
from interlock_lifecycle.reports._report import (
    Progress,
    RunReport,
    SlaReport,
    describe_run,
    has_expected_dates,
    sla_reports,
)
from interlock_lifecycle.reruns._rerun import (
    RerunFacts,
    RerunRequest,
    decide_rerun,
    why_no_date,
    why_other_kind,
)
from interlock_lifecycle.runs._evaluate import (
    EvaluationFacts,
    EvaluationWindow,
    HoldRun,
    Passed,
    WindowUsedUp,
    decide_evaluation,
    rules_to_read,
)
from interlock_lifecycle.sensors._dormant import next_allowed_day
from interlock_rules import Mode, next_change, select_rows, updated_at

EXCLUDED = "excluded"
DORMANT = "waits for an open day"
NOT_EXPECTED = "not expected"
ACCEPTED = "accepted"
"""The answer to a rerun request that starts a run."""

_ANY_TIMEOUT = timedelta(hours=4)
"""The timeout of an execution, for decisions whose result is only described. It changes no answer."""

_AROUND = timedelta(days=2)
_SHOWN_ENTRIES = 3


class Budget(Struct, frozen=True):
    """The attempts of one kind: the number of used ones, and the number that the config allows."""

    name: str
    used: int
    allowed: int


class LogLine(Struct, frozen=True):
    """A joblog entry of the date. `at` is UTC."""

    at: datetime
    event: str
    text: str


class Explanation(Struct, frozen=True):
    """A date at `at` (UTC), with the reasons of its state.

    state: a `Progress`, or EXCLUDED, DORMANT or NOT_EXPECTED. reason: one sentence without its full stop. decision: the
    next step of the controller on these facts, empty without one. begins_at: the cron fire or the begin of the
    date. excluded_by: the reason why its day is excluded, None for an open day. next_open_day: the first open day after
    an excluded one. trigger, rules: each rule with the row that it reads. rules_at: the time (UTC) of the evaluation
    that read these rows, None for the rows as they are. enough: the number of rules that must hold,
    as ALL or ANY. until, held_since, next_look: as in `RunReport`. changes_at: the time at which an age rule changes
    its result by time alone. rerun: the answer that a manual rerun request would get. changes: each change that would
    let the date go on. paused: the pause of the pipeline, empty without one. assumed: the
    consequence of each row that was only assumed. read_at: the time of the facts (UTC), if `at` is later. The
    explanation is then a projection, in which no other row changes.
    """

    pipeline: str
    schedule: str
    date: str
    at: datetime
    state: str
    reason: str
    decision: str = ""
    zone: str = "UTC"
    cron: str | None = None
    begins_at: datetime | None = None
    excluded_by: str | None = None
    next_open_day: calendar_day | None = None
    trigger: RuleReading | None = None
    enough: str = str(Mode.ALL)
    rules: tuple[RuleReading, ...] = ()
    rules_at: datetime | None = None
    attempt: int = 0
    budgets: tuple[Budget, ...] = ()
    until: datetime | None = None
    held_since: datetime | None = None
    next_look: datetime | None = None
    changes_at: datetime | None = None
    sla: tuple[SlaReport, ...] = ()
    log: tuple[LogLine, ...] = ()
    rerun: str = ""
    paused: str = ""
    changes: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    read_at: datetime | None = None


def explain_date(facts: DateFacts, now: datetime) -> Explanation:
    """Explain a date at `now` (aware), with the functions that decide in the controller."""
    config = facts.config
    if config is None:
        return _without_config(facts, now)
    exclusions, day = facts.sla.exclusions, facts.key.date.day
    report = _report(facts, now)
    state, reason = _state(facts, config, report, now)
    excluded_by = exclusions.reason(day)
    evaluation = facts.evaluation
    rules = (
        read_rules(config.validation.rules, facts.rows, facts.kept, facts.key.date, now)
        if evaluation is None
        else read_observed(config.validation.rules, evaluation.rows, evaluation.at)
    )
    trigger = _trigger(facts, config, now)
    rerun = rerun_answer(facts, config, RerunReason.MANUAL, now)
    awaits_rules = report is None or report.progress in (Progress.COMMITTED, Progress.HELD, Progress.EVALUATING)
    return Explanation(
        pipeline=facts.key.pipeline_id,
        schedule=facts.key.schedule_id,
        date=str(facts.key.date),
        at=now,
        state=state,
        reason=reason,
        decision=_decision(facts, config, now) if state != DORMANT else _decision_of_dormant(facts, config, now),
        zone=str(config.zone),
        cron=config.schedule.cron,
        begins_at=begin_of(config, facts.key.date),
        excluded_by=excluded_by,
        next_open_day=_next_open_day(facts, config, state, now),
        trigger=trigger,
        enough=str(config.validation.trigger),
        rules=rules,
        rules_at=evaluation.at if evaluation is not None else None,
        attempt=report.attempt if report is not None else 0,
        budgets=_budgets(config, facts.reruns),
        until=_until(facts, config, report, state),
        held_since=report.held_since if report is not None else None,
        next_look=report.next_look if report is not None else None,
        changes_at=_changes_at(facts, config, now) if awaits_rules and state != EXCLUDED else None,
        sla=sla_reports(facts.key.date, config, facts.sla, _judged_at(facts, now)),
        log=_log(facts.entries),
        rerun=rerun,
        paused=_paused(facts, now),
        changes=tuple(_changes(facts, config, state, rules, trigger, rerun, paused=bool(_paused(facts, now)))),
    )


def _trigger(facts: DateFacts, config: PipelineConfig, now: datetime) -> RuleReading | None:
    """The reading of the trigger. A row that opens another date does not fulfil it for a date without a run."""
    rule, date = config.trigger_rule, facts.key.date
    if rule is None:
        return None
    (reading,) = read_rules([rule], facts.rows, facts.kept, date, now)
    if facts.run is not None or reading.row is None or reading.is_kept:
        return reading
    own = own_date(config, reading.row, facts.rows.get(reading.row, {}))
    if own is None or own == date:
        return reading
    sentence = f"{rule.key}: no row of {date} has arrived"
    return replace(reading, passed=False, row_date=str(own), gap=None, sentence=sentence)


def _without_config(facts: DateFacts, now: datetime) -> Explanation:
    report = _report(facts, now)
    is_over = facts.run is not None and not facts.run.is_running
    said = _reason_of_run(facts, report) if report is not None else ""
    reason = said if facts.problem in said else "; ".join(text for text in (said, facts.problem) if text)
    return Explanation(
        pipeline=facts.key.pipeline_id,
        schedule=facts.key.schedule_id,
        date=str(facts.key.date),
        at=now,
        state=str(report.progress) if report is not None else str(Progress.NOT_BEGUN),
        reason=reason,
        sla=sla_reports(facts.key.date, None, facts.sla, None),
        attempt=report.attempt if report is not None else 0,
        log=_log(facts.entries),
        changes=() if is_over else ("a config that can be read: interlock push",),
    )


def _paused(facts: DateFacts, now: datetime) -> str:
    return str(facts.pause) if facts.pause is not None and facts.pause.holds(now) else ""


def _next_open_day(facts: DateFacts, config: PipelineConfig, state: str, now: datetime) -> calendar_day | None:
    """The first open day after an excluded date, or from now on for a date that waits for one."""
    if state == DORMANT:
        return _open_day(facts, config, now)
    day = facts.key.date.day
    return next_allowed_day(facts.sla.exclusions, day) if facts.sla.exclusions.excludes(day) else None


def _open_day(facts: DateFacts, config: PipelineConfig, now: datetime) -> calendar_day | None:
    """The first open day from now on, which may be today. None if all days of a year are excluded."""
    exclusions, today = facts.sla.exclusions, now.astimezone(config.zone).date()
    return next_allowed_day(exclusions, today) if exclusions.excludes(today) else today


def _report(facts: DateFacts, now: datetime) -> RunReport | None:
    if facts.run is None:
        return None
    return describe_run(
        facts.run,
        facts.config,
        facts.problem,
        facts.rows,
        facts.sla,
        now,
        facts.kept,
        slots_taken=facts.slots_taken,
        wait=facts.wait,
        pause=facts.pause,
    )


def _judged_at(facts: DateFacts, now: datetime) -> datetime | None:
    """The time at which an open clock counts as overdue. None for a completed run, which is judged at its close."""
    return None if facts.run is not None and facts.run.status is RunStatus.COMPLETED else now


def _state(facts: DateFacts, config: PipelineConfig, report: RunReport | None, now: datetime) -> tuple[str, str]:
    if report is not None:
        return str(report.progress), _reason_of_run(facts, report)
    exclusions, date = facts.sla.exclusions, facts.key.date
    if facts.kept.dormant is not None:
        return DORMANT, f"its trigger {facts.kept.dormant.sensor_key} came on an excluded day"
    excluded_by = exclusions.reason(date.day)
    if excluded_by is not None:
        return EXCLUDED, f"{date.day:%A} {date.day} is excluded ({excluded_by}), {_waiting_row(facts, config, now)}"
    if other_kind := why_other_kind(date, config):
        return NOT_EXPECTED, other_kind
    if facts.dry_run is not None and facts.dry_run.triggered_at is not None:
        would = say_moment(facts.dry_run.triggered_at, config.zone)
        return str(Progress.NOT_BEGUN), f"the pipeline is a dry run: its job would have started {would}"
    if facts.other_run is not None and facts.other_run.stands:
        return NOT_EXPECTED, "the date has a run under the schedule that the pipeline had before"
    unexpected = _why_not_expected(facts, config)
    if unexpected:
        return NOT_EXPECTED, unexpected
    if begin_of(config, date) > now:
        return str(Progress.NOT_BEGUN), "the date has not begun"
    impossible = why_no_date(date, config, now)
    if impossible is not None:
        return NOT_EXPECTED, impossible
    return str(Progress.NOT_BEGUN), why_not_triggered(config, facts.rows, date, now)


def _waiting_row(facts: DateFacts, config: PipelineConfig, now: datetime) -> str:
    """The course of an excluded date. A row that fulfils its trigger starts it on an open day (docs/dates.md §3.1)."""
    trigger = _trigger(facts, config, now)
    if trigger is None or not trigger.passed or trigger.row is None or trigger.row_date is None or config.dry_run:
        return "so nothing starts"
    day = _open_day(facts, config, now)
    if day is None:
        return "so nothing starts"
    return f"and its row {trigger.row} starts it on {day:%A} {day}, unless another row has replaced it"


def _reason_of_run(facts: DateFacts, report: RunReport) -> str:
    run = facts.run
    assert run is not None
    if report.progress is not Progress.COMPLETED:
        return report.reason
    return f"attempt {run.attempt} succeeded ({run.reason})"


def _why_not_expected(facts: DateFacts, config: PipelineConfig) -> str:
    """The reason why no schedule names the date. Empty for an expected date, and if dates begin with their data."""
    if facts.created_at is None or not has_expected_dates(config):
        return ""
    expected = Expectation(config, facts.sla.exclusions, facts.created_at, facts.in_force)
    begin, hourly = begin_of(config, facts.key.date), facts.key.date.hour is not None
    window = Window(begin - _AROUND, begin + _AROUND)
    if facts.key.date in expected_dates(expected, window, hourly=hourly):
        return ""
    ever = Expectation(config, facts.sla.exclusions, begin - 2 * _AROUND)
    if facts.key.date in expected_dates(ever, window, hourly=hourly):
        return f"the pipeline has had this schedule only since {expected.dated_from:%Y-%m-%dT%H:%M:%SZ}"
    if config.schedule.include is not None:
        return "schedule.include.dates does not name the date"
    return f"the cron {config.schedule.cron} has no fire on the date" if config.cron is not None else ""


def _decision(facts: DateFacts, config: PipelineConfig, now: datetime) -> str:
    """The next step of the controller on a run whose job is not started."""
    run = facts.run
    if run is None or not run.is_running or run.job_intent is not None:
        return ""
    evaluation = config.schedule.evaluation
    window = EvaluationWindow(run.started_at or now, evaluation.window, evaluation.interval)
    if decide_paused(run, facts.pause, now) is not None and run.started_token != run.run_token:
        return "the run waits for the end of the pause"
    rows, kept = facts.rows, facts.kept
    gathered = EvaluationFacts(run, config, facts.problem, rows, facts.sla, kept, facts.wait, pause=facts.pause)
    decision = decide_evaluation(gathered, run.run_token, window, now)
    match decision:
        case PassEvaluation():
            return "the rules hold: the job starts"
        case Passed():
            return "the rules held at an earlier evaluation: the job starts"
        case HoldRun():
            return "the run stays held" if decision.rules else f"the run waits: {decision.reason}"
        case WindowUsedUp():
            return "the evaluation window is over: the run fails (VALIDATION_EXHAUSTED)"
        case RecoverRun():
            return f"the run waits: {facts.pause}"
        case CloseRun():
            return f"the run fails: {decision.reason}"
        case Superseded():
            return ""


def _decision_of_dormant(facts: DateFacts, config: PipelineConfig, now: datetime) -> str:
    """The next step of the watchdog for a date that waits for an open day."""
    day = _open_day(facts, config, now)
    if day == now.astimezone(config.zone).date():
        return "the watchdog judges the trigger by the date's own row, and begins the date if it holds"
    return "" if day is None else f"the watchdog judges the trigger by the date's own row on {day:%A} {day}"


def _changes_at(facts: DateFacts, config: PipelineConfig, now: datetime) -> datetime | None:
    selected = select_rows(facts.rows, config.validation.rules, facts.key.date, facts.kept.rows)
    return next_change(config.validation.rules, selected.fields, now)


def _until(facts: DateFacts, config: PipelineConfig, report: RunReport | None, state: str) -> datetime | None:
    if report is not None:
        return report.until
    return trigger_ends(config, facts.key.date, facts.sla.exclusions) if state == Progress.NOT_BEGUN else None


def _budgets(config: PipelineConfig, reruns: Sequence[RerunEntry]) -> tuple[Budget, ...]:
    job = config.job
    retries = sum(1 for one in reruns if one.reason == RerunReason.JOB_FAIL_RETRY)
    own = sum(1 for one in reruns if one.reason in OWN_REASONS)
    return (
        Budget("retries", retries, job.max_retries),
        Budget("permanent-failure retries", retries, job.max_code_retries),
        Budget("manual reruns", len(reruns) - retries - own, job.max_manual_reruns),
        Budget("data reruns", own, job.max_drift_reruns),
    )


def rerun_answer(facts: DateFacts, config: PipelineConfig, reason: str, now: datetime) -> str:
    """The answer that a rerun request with this reason would get at `now` (UTC)."""
    judged = RerunFacts(
        run=facts.run,
        exclusions=facts.sla.exclusions,
        entries=facts.entries,
        reruns=facts.reruns,
        newest_sensor_update=_newest_update(facts, config),
        other_run=facts.other_run,
    )
    request = RerunRequest(facts.key, reason, "explanation", now)
    decision = decide_rerun(request, judged, config, execution_timeout=_ANY_TIMEOUT)
    if isinstance(decision, RejectRerun):
        return f"rejected: {decision.entry.error if decision.entry is not None else ''}"
    return ACCEPTED if not config.dry_run else "answered without a run: the pipeline is a dry run"


def _newest_update(facts: DateFacts, config: PipelineConfig) -> datetime | None:
    """The newest `updatedAt` among the rows that count for the date, as the circuit breaker reads it."""
    found = select_rows(facts.rows, rules_to_read(config), facts.key.date, facts.kept.rows)
    stamps = (updated_at(fields) for fields in found.fields.values())
    return max((stamp for stamp in stamps if stamp is not None), default=None)


def _log(entries: Sequence[JobEntry]) -> tuple[LogLine, ...]:
    return tuple(LogLine(one.at, one.event, _entry_text(one)) for one in entries[-_SHOWN_ENTRIES:])


def _entry_text(entry: JobEntry) -> str:
    attempt = "" if entry.attempt is None else f"attempt {entry.attempt}"
    took = "" if entry.duration is None else f"{entry.duration:g} s"
    return ", ".join(part for part in (attempt, entry.run_id, took, entry.category, entry.error) if part)


def _changes(
    facts: DateFacts,
    config: PipelineConfig,
    state: str,
    rules: tuple[RuleReading, ...],
    trigger: RuleReading | None,
    rerun: str,
    *,
    paused: bool,
) -> list[str]:
    key = facts.key
    demands = _demands(facts, config, state, rules, trigger, rerun)
    return [f"the end of the pause: interlock resume {key.pipeline_id}", *demands] if paused else demands


def _demands(
    facts: DateFacts,
    config: PipelineConfig,
    state: str,
    rules: tuple[RuleReading, ...],
    trigger: RuleReading | None,
    rerun: str,
) -> list[str]:
    key = facts.key
    if state == EXCLUDED:
        return [f"{key.date.day} as a workday (schedule.exclude.workdays, or workdays of its calendar)"]
    if state in (Progress.HELD, Progress.COMMITTED):
        demands = [f"{one.key}: {one.demand}" for one in rules if not one.passed]
        return demands if config.validation.trigger is Mode.ALL or len(demands) < 2 else [" or ".join(demands)]
    if state == Progress.NOT_BEGUN and trigger is not None and not trigger.passed:
        of_another = trigger.row_date is not None and trigger.row_date != str(key.date)
        return [f"{trigger.key}: a row of {key.date}" if of_another else f"{trigger.key}: {trigger.demand}"]
    if state in (Progress.FAILED, Progress.COMPLETED, NOT_EXPECTED) and rerun == ACCEPTED:
        return [f"a rerun: interlock rerun {key.pipeline_id} {key.date}"]
    return []

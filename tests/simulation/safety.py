"""Invariants (a), (b), (g) and (l): a job may start only on true conditions, within its budgets and its slots.

Each function returns the broken invariant, or None."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from simulation import judged
from simulation.jobs import Job
from simulation.ledger import Emitted, Ledger, Pass, Version

from interlock_config import PipelineConfig
from interlock_lifecycle import RunKey
from interlock_rules import Rule, holds, to_number, updated_at
from interlock_sla import parse_execution_date
from interlock_store import parse_time

_CLOCK_SKEW = timedelta(minutes=1)
OWN_REASONS = ("late-data", "data-drift", "repeated-hour")


def a_rules_held(ledger: Ledger, passed: Pass) -> str | None:
    """The rules held on the rows of the run's date that the evaluation saw."""
    configs = ledger.live_configs(passed.key.pipeline_id, passed.began, passed.committed)
    if not configs:
        return f"{passed.key}: an evaluation passed although no config of the moment allows a job"
    problems = [_rules_failed(ledger, passed, config) for config in configs]
    return None if None in problems else problems[0]


def _rules_failed(ledger: Ledger, passed: Pass, config: PipelineConfig) -> str | None:
    results, at = [], passed.evaluated_at
    for rule, read in zip(config.validation.rules, judged.reads_of(ledger, passed, config), strict=True):
        if read.problem:
            return None  # invariant (j) covers it
        results.append(any(holds(rule, fields, at) for fields in read.options))
    safe = all(results) if str(config.validation.trigger) == "ALL" else any(results)
    return None if safe else f"{passed.key}: the evaluation passed although its rules did not hold: {results}"


def a_attempt_may_open(ledger: Ledger, key: RunKey, row: Mapping[str, Any], began: Any, *, rerun: bool) -> str | None:
    """No attempt opens for a dry run, an unreadable config, or an excluded day or date."""
    configs = ledger.live_configs(key.pipeline_id, began, ledger.now)
    if not configs:
        return f"{key}: attempt {row['attempt']} opened although no config of the moment allows it"
    for config in configs:
        committed = parse_time(row["committedAt"], "", "")
        day = key.date.day if rerun else committed.astimezone(config.zone).date()
        if not ledger.exclusions(config).excludes(day):
            return None
    return f"{key}: attempt {row['attempt']} opened although {day} is excluded"


def a_intent_is_allowed(ledger: Ledger, key: RunKey, row: Mapping[str, Any], began: Any) -> str | None:
    """A job intent is committed by the execution whose evaluation passed, under a config that allows a job."""
    passed = ledger.passes.get((key, int(row["attempt"])))
    if passed is None or passed.token != row["runToken"]:
        return f"{key}: a job intent was committed by an execution without a passed evaluation"
    if ledger.live_configs(key.pipeline_id, began, ledger.now):
        return None
    return f"{key}: a job intent was committed although no config of the moment allows it"


def a_intent_is_not_in_a_pause(ledger: Ledger, key: RunKey) -> str | None:
    """No job is promised while its pipeline is paused, not even by a decision from before the pause."""
    until = ledger.paused_until.get(key.pipeline_id)
    return (
        None if until is None or until <= ledger.now else f"{key}: a job intent was committed in a pause until {until}"
    )


def a_start_is_allowed(ledger: Ledger, job: Job, began: Any) -> str | None:
    """No job starts under a config that is gone, unreadable or a dry run, even if its start is sent again."""
    key, _ = _run_of(ledger, job)
    if ledger.live_configs(key.pipeline_id, began, ledger.now):
        return None
    return f"{key}: attempt {job.attempt.number} starts although no config of the moment allows it"


def a_start_was_evaluated(ledger: Ledger, job: Job) -> str | None:
    """A job starts only after its attempt's rules held and its intent was committed."""
    key, row = _run_of(ledger, job)
    if row is None or (key, job.attempt.number) not in ledger.passes:
        return f"{key}: attempt {job.attempt.number} starts without a passed evaluation"
    if "jobIntent" not in row or int(row["attempt"]) != job.attempt.number:
        # Another attempt may have been opened while this start was on its way, but only after this attempt's end.
        return f"{key}: attempt {job.attempt.number} starts without its intent"
    return None


def _run_of(ledger: Ledger, job: Job) -> tuple[RunKey, Mapping[str, Any] | None]:
    attempt = job.attempt
    key = RunKey(attempt.pipeline_id, attempt.schedule_id, parse_execution_date(attempt.date))
    return key, ledger.runs.get(key)


def b_one_start_per_attempt(accepted: Sequence[Job], job: Job) -> str | None:
    """No attempt's job is accepted twice."""
    for earlier in accepted:
        if earlier.date == job.date and earlier.attempt.number == job.attempt.number:
            return f"{job.date}: attempt {job.attempt.number} starts twice"
    return None


def b_one_attempt_runs(accepted: Sequence[Job], job: Job) -> str | None:
    """No job starts while an earlier job of its date is known to run."""
    for earlier in accepted:
        if earlier.date == job.date and earlier.known and earlier.ends_at > job.accepted_at:
            return f"{job.date}: attempt {job.attempt.number} starts while {earlier.attempt.number} still runs"
    return None


def b_end_is_true(accepted: Sequence[Job], key: RunKey, emitted: Emitted, now: Any) -> str | None:
    """An attempt ends after its job, with the job's outcome."""
    attempt, succeeded = emitted.detail.get("attempt"), emitted.type == "JOB_COMPLETED"
    date = (key.pipeline_id, key.schedule_id, str(key.date))
    jobs = [job for job in accepted if job.date == date and job.attempt.number == attempt]
    if not jobs:
        return f"{key}: attempt {attempt} was completed although no job was started" if succeeded else None
    job, message = jobs[0], str(emitted.detail.get("message"))
    if any(said in message for said in ("outcome unknown", "was never confirmed", "nothing was started")):
        return None
    if job.ends_at > now + timedelta(milliseconds=1):
        return f"{key}: attempt {attempt} was ended although its job still runs: {message}"
    if (str(job.kind.status.state) == "succeeded") != succeeded:
        return f"{key}: {emitted.type}, but the job of attempt {attempt} ended {job.kind.status.state}"
    return None


def g_within_budget(
    ledger: Ledger, key: RunKey, reason: str, failure: Mapping[str, Any] | None, began: Any
) -> str | None:
    """The reruns of a date, including the one just committed, stay within the budget of their kind."""
    reruns = ledger.reruns[key]
    for config in ledger.live_configs(key.pipeline_id, began, ledger.now):
        job = config.job
        if reason == "job-fail-retry":
            used = reruns.count(reason)
            permanent = failure is not None and failure.get("category") == "PERMANENT"
            budget = job.max_code_retries if permanent else job.max_retries
        elif reason in OWN_REASONS:
            used, budget = sum(reruns.count(own) for own in OWN_REASONS), job.max_drift_reruns
        else:
            used = sum(1 for other in reruns if other not in (*OWN_REASONS, "job-fail-retry"))
            budget = job.max_manual_reruns
        if used <= budget:
            return None
    return f"{key}: {reason} is rerun {len(reruns)}, over its budget: {reruns}"


def g_rerun_has_news(ledger: Ledger, key: RunKey, asked_at: datetime) -> str | None:
    """A date whose last outcome is a success is rerun only if a row that counts for it was updated since.

    An external outcome after the request's time does not affect a request that the stream delivers late.
    """
    outcomes = _known_outcomes(ledger, key, asked_at)
    if not outcomes or outcomes[-1][1] != "success":
        return None
    rules = _rules_now(ledger, key)
    stamps = _stamps(judged.counting_now(ledger, key, rules))
    if stamps and max(_stamps(judged.counting_ever(ledger, key, rules))) <= outcomes[-1][0]:
        return f"{key}: rerun although it succeeded at {outcomes[-1][0]} and no sensor was updated since"
    return None


def _known_outcomes(ledger: Ledger, key: RunKey, asked_at: datetime) -> list[tuple[datetime, str]]:
    """The outcomes that decide about a request: all of Interlock's, and external ones up to the request's time."""
    latest = asked_at + _CLOCK_SKEW
    return sorted(one for one in ledger.outcomes[key] if one[0] <= latest or one[0] not in ledger.reported[key])


def g_rejection_is_right(ledger: Ledger, key: RunKey, emitted: Emitted, began: Any) -> str | None:
    """A rerun is not rejected as unchanged while a sensor is newer than the success."""
    is_report_of_count = "count" in emitted.detail["detail"]
    if is_report_of_count or "no sensor was updated" not in str(emitted.detail.get("message")):
        return None
    asked_at = datetime.fromisoformat(emitted.detail["timestamp"])
    known = _known_outcomes(ledger, key, asked_at)
    earlier = [found for found in known if found[0] < began]
    rules = _rules_now(ledger, key)
    stamps = _stamps(judged.surely_counting_now(ledger, key, rules))
    # Another invocation may have committed an outcome after this one began and before it read the joblog.
    if not any(found and found[-1][1] == "success" for found in (earlier, known)):
        return f"{key}: rejected as unchanged although its last outcome is not a success"
    newest = max(at for at, _ in ledger.outcomes[key])
    quiet = all(row.since < began for rule in rules for row in judged.present(ledger, key, rule))
    if quiet and any(stamp > newest for stamp in stamps):
        return f"{key}: rejected as unchanged although a sensor was updated at {max(stamps)}"
    return None


def _rules_now(ledger: Ledger, key: RunKey) -> tuple[Rule, ...]:
    found = ledger.configs.now(key.pipeline_id)
    return judged.rules_of(found.value) if found is not None and found.value is not None else ()


def _stamps(rows: Sequence[Version]) -> list[datetime]:
    return [stamp for row in rows if (stamp := updated_at(row.value)) is not None]


def drifted(before: object, now: object, config: PipelineConfig) -> bool:
    """Whether the drift field moved by more than the threshold. Zero is a value, a missing field is not."""
    if config.post_run is None or not isinstance(before, Mapping) or not isinstance(now, Mapping):
        return False
    field = config.post_run.drift_field
    old, new = (to_number(fields.get(field)) for fields in (before, now))
    return old is not None and new is not None and abs(float(new) - float(old)) > config.post_run.drift_threshold


def baseline_of(row: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The baseline row's fields by rule key."""
    data = row.get("data") if row is not None else None
    return data if isinstance(data, Mapping) else {}


def intent_run_id(row: Mapping[str, Any]) -> str | None:
    """The job id of a trigger row's intent."""
    found = row.get("jobIntent")
    return msgspec.json.decode(str(found)).get("run_id") if found is not None else None


_AT_ONCE = 3
"""The processes of the simulated world, which may each take the last slot."""


def l_slots_are_kept(ledger: Ledger, key: RunKey, began: datetime) -> str | None:
    """At most schedule.maxOpenDates dates of a pipeline are under way, and one more per concurrent process."""
    configs = ledger.configs.between(key.pipeline_id, began, ledger.now)
    limits = [config.schedule.max_open_dates for config in configs if config is not None]
    if not limits or 0 in limits:
        return None
    under_way = _under_way(ledger, key.pipeline_id)
    return (
        f"{key}: {under_way} dates are under way, and {max(limits)} may be"
        if under_way > max(limits) + _AT_ONCE
        else None
    )


def free_slots(ledger: Ledger, pipeline_id: str) -> int:
    """The slots of a pipeline that are free now. 0 without a usable config."""
    found = ledger.configs.now(pipeline_id)
    if found is None or found.value is None:
        return 0
    until = ledger.paused_until.get(pipeline_id)
    if until is not None and until > ledger.now:
        return 0
    limit = found.value.schedule.max_open_dates
    return limit - _under_way(ledger, pipeline_id) if limit else 1


def _under_way(ledger: Ledger, pipeline_id: str) -> int:
    rows = (row for run, row in ledger.runs.items() if run.pipeline_id == pipeline_id)
    return sum(row["status"] == "RUNNING" and row.get("startedToken") is not None for row in rows)

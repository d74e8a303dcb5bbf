"""How a run ends, and the one SLA verdict that goes with it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import (
    ClockVerdict,
    CloseRun,
    JobIntent,
    JobOutcome,
    OpenAttempt,
    Run,
    RunKey,
    RunStatus,
    Superseded,
    Verdict,
)
from interlock_lifecycle.events import EventType
from interlock_lifecycle.runs import AlreadyClosed, CloseFacts, Exhaustion, decide_completion, exhaust
from interlock_lifecycle.slas import SlaFacts
from interlock_sla import Clock, Exclusions, Outcome

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
SUCCESS = JobOutcome("success", run_id="sync")
FAILURE = JobOutcome("fail", run_id="sync", category="TRANSIENT", error="exit code 1")


def facts(
    run: Run | None,
    config: PipelineConfig | None,
    sla: SlaFacts,
    *,
    used: int = 0,
    exclusions: Exclusions | None = None,
) -> CloseFacts:
    return CloseFacts(run, config, used, exclusions or Exclusions(), sla)


def complete(facts: CloseFacts, outcome: JobOutcome = SUCCESS, *, now: datetime = NOW) -> object:
    return decide_completion(facts, "token0", outcome, now=now, execution_timeout=TIMEOUT)


def types_of(decision: object) -> list[EventType]:
    assert isinstance(decision, CloseRun | OpenAttempt)
    return [event.type for event in decision.events]


def test_a_success_in_time_completes_and_meets_its_sla(config: PipelineConfig, run: Run, arrived: SlaFacts) -> None:
    decision = complete(facts(run, config, arrived), now=NOW + timedelta(minutes=29))
    assert isinstance(decision, CloseRun)
    assert decision.status is RunStatus.COMPLETED
    assert types_of(decision) == [EventType.JOB_COMPLETED, EventType.SLA_MET]
    assert {clock: verdict.outcome for clock, verdict in decision.verdicts.items()} == {Clock.RELATIVE: Outcome.MET}


@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=1), timedelta(days=2)])
def test_a_success_from_the_deadline_on_is_a_breach(
    config: PipelineConfig, run: Run, arrived: SlaFacts, late: timedelta
) -> None:
    decision = complete(facts(run, config, arrived), now=NOW + timedelta(minutes=30) + late)
    assert types_of(decision) == [EventType.JOB_COMPLETED, EventType.RELATIVE_SLA_BREACH]


def test_the_time_of_the_success_itself_counts(config: PipelineConfig, run: Run, arrived: SlaFacts) -> None:
    outcome = JobOutcome("success", at=NOW + timedelta(minutes=29))
    decision = complete(facts(run, config, arrived), outcome, now=NOW + timedelta(minutes=31))
    assert types_of(decision) == [EventType.JOB_COMPLETED, EventType.SLA_MET]


def test_a_success_of_the_future_counts_as_one_of_now(config: PipelineConfig, run: Run, arrived: SlaFacts) -> None:
    """No clock but ours is believed when it is ahead: the row, the verdict and the log say now."""
    ahead = JobOutcome("success", at=NOW + timedelta(days=400))
    intent = JobIntent(0, "key", NOW, "glue", {}, NOW, run_id="jr")
    decision = complete(facts(replace(run, job_intent=intent), config, arrived), ahead, now=NOW + timedelta(minutes=5))
    assert types_of(decision) == [EventType.JOB_COMPLETED, EventType.SLA_MET]
    assert isinstance(decision, CloseRun)
    assert decision.entry is not None
    assert decision.intent is not None
    assert decision.intent.outcome is not None
    assert decision.entry.at == decision.intent.outcome.at == NOW + timedelta(minutes=5)


def test_a_failure_of_any_length_fits_into_its_rows(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    endless = JobOutcome("fail", category="PERMANENT", error="e" * 300_000)
    intent = JobIntent(0, "key", NOW, "glue", {}, NOW, run_id="jr")
    decision = complete(facts(replace(run, job_intent=intent), config, no_sla, used=9), endless)
    assert isinstance(decision, CloseRun)
    assert decision.entry is not None
    assert decision.intent is not None
    assert decision.intent.outcome is not None
    texts = [decision.entry.error, decision.intent.outcome.error, decision.reason]
    assert [len(str(text)) < 4100 for text in texts] == [True] * 3


def test_a_breach_is_reported_once_and_stays(config: PipelineConfig, run: Run, key: RunKey) -> None:
    breached = Verdict(key, {Clock.RELATIVE: ClockVerdict(Outcome.BREACH, NOW, NOW)})
    decision = complete(facts(run, config, SlaFacts(NOW, breached)), now=NOW + timedelta(hours=1))
    assert types_of(decision) == [EventType.JOB_COMPLETED]
    assert isinstance(decision, CloseRun)
    assert decision.verdicts == {}


def test_a_run_that_failed_is_not_sla_met(
    configure: Callable[..., PipelineConfig], run: Run, arrived: SlaFacts
) -> None:
    decision = complete(facts(run, configure(retries="maxRetries: 0"), arrived), FAILURE)
    assert types_of(decision) == [EventType.JOB_FAILED, EventType.RETRY_EXHAUSTED]
    assert isinstance(decision, CloseRun)
    assert decision.verdicts == {}


def test_a_failure_past_the_deadline_writes_a_missing_breach(
    configure: Callable[..., PipelineConfig], run: Run, arrived: SlaFacts
) -> None:
    config = configure(retries="maxRetries: 0")
    decision = complete(facts(run, config, arrived), FAILURE, now=NOW + timedelta(hours=1))
    assert EventType.RELATIVE_SLA_BREACH in types_of(decision)


def test_a_failure_within_budget_opens_the_next_attempt(config: PipelineConfig, run: Run, arrived: SlaFacts) -> None:
    intent = JobIntent(0, "key", NOW, "command", {}, NOW, run_id="sync")
    decision = complete(facts(replace(run, job_intent=intent), config, arrived), FAILURE)
    assert isinstance(decision, OpenAttempt)
    assert types_of(decision) == [EventType.JOB_FAILED]
    assert decision.after.attempt == 1
    assert decision.after.run_token != run.run_token
    assert decision.after.job_intent is None
    assert decision.after.previous_job is not None
    assert decision.after.previous_job.outcome == FAILURE
    assert (decision.rerun.reason, decision.entry.event) == ("job-fail-retry", "fail")


def test_attempts_without_a_start_keep_the_earlier_job(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    unfinished = JobIntent(0, "key", NOW, "glue", {}, NOW, run_id="jr_0")
    rejected = replace(run, attempt=1, previous_job=unfinished)
    decision = complete(facts(rejected, config, no_sla), FAILURE)
    assert isinstance(decision, OpenAttempt)
    assert decision.after.previous_job == unfinished


@pytest.mark.parametrize(
    ("category", "used", "retried"),
    [
        ("TRANSIENT", 0, True),
        ("TRANSIENT", 1, False),
        ("TIMEOUT", 0, True),
        ("PERMANENT", 0, True),
        ("PERMANENT", 1, False),
        (None, 0, True),
    ],
)
def test_the_category_picks_the_budget(
    config: PipelineConfig, run: Run, no_sla: SlaFacts, category: str | None, used: int, retried: bool
) -> None:
    outcome = JobOutcome("fail", category=category)
    decision = complete(facts(run, config, no_sla, used=used), outcome)
    assert isinstance(decision, OpenAttempt) is retried


def test_no_code_retries_means_none_for_permanent_failures(
    configure: Callable[..., PipelineConfig], run: Run, no_sla: SlaFacts
) -> None:
    config = configure(retries="maxRetries: 5, maxCodeRetries: 0")
    assert isinstance(complete(facts(run, config, no_sla), JobOutcome("fail", category="PERMANENT")), CloseRun)


def test_an_excluded_execution_date_is_not_retried(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    excluded = Exclusions(dates=frozenset({date(2026, 3, 3)}))
    decision = complete(facts(run, config, no_sla, exclusions=excluded), FAILURE)
    assert types_of(decision) == [EventType.JOB_FAILED, EventType.PIPELINE_EXCLUDED]


def test_an_old_execution_s_completion_does_not_end_the_retry(
    config: PipelineConfig, run: Run, no_sla: SlaFacts
) -> None:
    retry = replace(run, attempt=1, run_token="token1")
    assert isinstance(complete(facts(retry, config, no_sla)), Superseded)


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED_FINAL])
def test_a_close_repeated_after_its_own_commit_answers_the_same(
    config: PipelineConfig, run: Run, no_sla: SlaFacts, status: RunStatus
) -> None:
    decision = complete(facts(replace(run, status=status), config, no_sla))
    assert decision == AlreadyClosed(status)


def test_a_redelivered_failure_opens_no_second_attempt(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    first = complete(facts(run, config, no_sla), FAILURE)
    assert isinstance(first, OpenAttempt)
    assert isinstance(complete(facts(first.after, config, no_sla, used=1), FAILURE), Superseded)


@pytest.mark.parametrize(
    ("exhaustion", "event", "logged"),
    [
        (Exhaustion.VALIDATION, EventType.VALIDATION_EXHAUSTED, "validation-exhausted"),
        (Exhaustion.TRIGGER, EventType.INFRA_FAILURE, "infra-trigger-exhausted"),
        (Exhaustion.JOB_POLL, EventType.JOB_POLL_EXHAUSTED, "job-poll-exhausted"),
        (Exhaustion.INFRA, EventType.INFRA_FAILURE, None),
        (Exhaustion.LEASE, EventType.SFN_TIMEOUT, None),
    ],
)
def test_an_exhausted_run_fails_for_good_and_says_why(
    config: PipelineConfig, run: Run, arrived: SlaFacts, exhaustion: Exhaustion, event: EventType, logged: str | None
) -> None:
    decision = exhaust(facts(run, config, arrived), "token0", exhaustion, reason="why", now=NOW)
    assert isinstance(decision, CloseRun)
    assert decision.status is RunStatus.FAILED_FINAL
    assert [(found.type, found.message) for found in decision.events] == [(event, "why")]
    assert (decision.entry.event if decision.entry else None) == logged


def test_a_pipeline_whose_config_is_gone_still_closes(run: Run, no_sla: SlaFacts) -> None:
    assert types_of(complete(facts(run, None, no_sla))) == [EventType.JOB_COMPLETED]
    assert types_of(complete(facts(run, None, no_sla), FAILURE)) == [EventType.JOB_FAILED, EventType.RETRY_EXHAUSTED]


@pytest.mark.parametrize(("rules", "waits"), [("[{key: audit, check: exists}]", True), ("[]", False)])
def test_a_run_waits_only_for_post_run_sensors_that_rules_name(
    config: PipelineConfig, run: Run, no_sla: SlaFacts, rules: str, waits: bool
) -> None:
    """A row that nothing takes out of the index would be read at every tick for ever."""
    text = f"""
pipeline: {{id: {config.id}}}
schedule: {{trigger: {{key: landing, check: exists}}}}
validation: {{rules: [{{key: landing, check: exists}}]}}
job: {{type: command, config: {{command: "true"}}}}
postRun: {{sensorTimeout: 3h, rules: {rules}}}
"""
    decision = complete(facts(run, decode_yaml(text), no_sla))
    assert isinstance(decision, CloseRun)
    assert decision.awaits_post_run is waits
    assert types_of(decision) == [EventType.JOB_COMPLETED]


GLUE = JobIntent(0, "key", NOW, "glue", {"jobName": "load-${INTERLOCK_PAR_DAY}"}, NOW, run_id="jr", started_at=NOW)
PAGE = "https://eu-west-1.console.aws.amazon.com/gluestudio/home?region=eu-west-1#/job/load-20260303/run/jr"


@pytest.mark.parametrize("outcome", [SUCCESS, FAILURE])
def test_the_end_of_a_job_links_to_its_pages(
    config: PipelineConfig, run: Run, arrived: SlaFacts, outcome: JobOutcome
) -> None:
    known = replace(facts(replace(run, job_intent=GLUE), config, arrived), region="eu-west-1")
    decision = complete(known, outcome)
    assert isinstance(decision, CloseRun | OpenAttempt)
    detail = decision.events[0].detail
    assert detail is not None
    assert detail["jobUrl"] == PAGE
    assert "/cloudwatch/" in detail["logUrl"]


def test_a_job_that_outlives_its_window_is_linked(config: PipelineConfig, run: Run, arrived: SlaFacts) -> None:
    known = replace(facts(replace(run, job_intent=GLUE), config, arrived), region="eu-west-1")
    decision = exhaust(known, "token0", Exhaustion.JOB_POLL, reason="too long", now=NOW)
    assert isinstance(decision, CloseRun)
    assert decision.events[0].detail is not None
    assert decision.events[0].detail["jobUrl"] == PAGE


def test_a_stack_without_a_console_has_no_links(config: PipelineConfig, run: Run, arrived: SlaFacts) -> None:
    decision = complete(facts(replace(run, job_intent=GLUE), config, arrived))
    assert isinstance(decision, CloseRun)
    assert not {"jobUrl", "logUrl"} & set(decision.events[0].detail or {})

"""At most one accepted start per attempt, and the entries that report the end of the job."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle import (
    CloseRun,
    JobEntry,
    JobIntent,
    JobOutcome,
    RecordStart,
    Run,
    RunKey,
    Superseded,
    make_job_key,
)
from interlock_lifecycle.runs import (
    AskTarget,
    AwaitStart,
    FailAttempt,
    JobFinished,
    JobRuns,
    LookForStart,
    NotEvaluated,
    NotStarted,
    PollWindow,
    PollWindowUsedUp,
    SendStart,
    StandingJob,
    StartAnswered,
    TargetTraits,
    TriggerFacts,
    decide_trigger,
    follow,
    read_outcome,
    record_start,
    reject_start,
)
from interlock_lifecycle.slas import SlaFacts

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(minutes=5)
WINDOW = timedelta(hours=1)
BLIND = TargetTraits(deduplicates=False, findable=False)
ASKABLE = TargetTraits(deduplicates=False, findable=True)
KEYED = TargetTraits(deduplicates=True, findable=False)


@pytest.fixture
def run(run: Run) -> Run:
    """A run whose rules have held."""
    return replace(run, evaluated_at=NOW)


def intent(**changes: object) -> JobIntent:
    made = JobIntent(0, "key", UNTIL, "command", {"command": "true"}, NOW)
    return replace(made, **changes)


def test_the_first_start_is_promised_before_it_is_sent(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    decision = decide_trigger(
        TriggerFacts(run, config, "", no_sla), "token0", None, now=NOW, until=UNTIL, window=WINDOW
    )
    assert isinstance(decision, SendStart)
    assert not decision.resumed
    assert decision.commit.intent.key == make_job_key(run)
    assert decision.commit.intent.until == UNTIL


def test_no_job_starts_before_an_evaluation_has_passed(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    """The state machine asks only after an evaluation. A caller by hand may ask at any time."""
    held = TriggerFacts(replace(run, evaluated_at=None), config, "", no_sla)
    assert decide_trigger(held, "token0", None, now=NOW, until=UNTIL, window=WINDOW) == NotEvaluated()
    started = replace(held, run=replace(run, evaluated_at=None, job_intent=intent()))
    assert isinstance(decide_trigger(started, "token0", KEYED, now=NOW, until=UNTIL, window=WINDOW), AwaitStart)


def test_another_invocation_that_may_send_is_waited_for(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    promised = replace(run, job_intent=intent())
    decision = decide_trigger(
        TriggerFacts(promised, config, "", no_sla), "token0", KEYED, now=NOW, until=UNTIL, window=WINDOW
    )
    assert decision == AwaitStart(300)


@pytest.mark.parametrize("traits", [ASKABLE, KEYED])
def test_a_lost_start_is_resumed_if_the_target_allows_it(
    config: PipelineConfig, run: Run, no_sla: SlaFacts, traits: TargetTraits
) -> None:
    promised = replace(run, job_intent=intent())
    later = UNTIL + timedelta(minutes=5)
    decision = decide_trigger(
        TriggerFacts(promised, config, "", no_sla), "token0", traits, now=UNTIL, until=later, window=WINDOW
    )
    assert isinstance(decision, SendStart)
    assert decision.resumed
    assert (decision.commit.intent.key, decision.commit.intent.until) == ("key", later)


def test_a_lost_start_is_looked_for_if_the_config_forbids_it(
    config: PipelineConfig, run: Run, no_sla: SlaFacts
) -> None:
    promised, dry = replace(run, job_intent=intent()), replace(config, dry_run=True)

    def decide(traits: TargetTraits, config: PipelineConfig | None = None, rejection: str = "") -> object:
        facts = TriggerFacts(promised, config, rejection, no_sla)
        return decide_trigger(facts, "token0", traits, now=UNTIL, until=UNTIL + timedelta(minutes=5), window=WINDOW)

    looked_for = decide(ASKABLE, dry)
    assert isinstance(looked_for, LookForStart)
    assert looked_for.intent == promised.job_intent
    assert looked_for.otherwise.events[0].message == "the job was not started: the pipeline is now a dry run"
    left = decide(KEYED, None, "the config of bronze is gone")
    assert isinstance(left, CloseRun)
    message = left.events[0].message or ""
    assert "not repeated" in message
    assert message.endswith("the config of bronze is gone")
    assert isinstance(decide(BLIND, dry), FailAttempt)


def test_a_lost_start_is_not_resent_to_a_silent_target(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    promised = replace(run, job_intent=intent())
    decision = decide_trigger(
        TriggerFacts(promised, config, "", no_sla), "token0", BLIND, now=UNTIL, until=UNTIL, window=WINDOW
    )
    assert isinstance(decision, FailAttempt)
    assert "outcome unknown" in decision.outcome.error


@pytest.mark.parametrize(
    ("sent", "at", "ends"),
    [(1, WINDOW, False), (1, WINDOW * 9, False), (2, WINDOW - timedelta(seconds=1), False), (2, WINDOW, True)],
)
@pytest.mark.parametrize("traits", [ASKABLE, KEYED])
def test_an_unconfirmed_start_ends_with_its_poll_window(
    config: PipelineConfig, run: Run, no_sla: SlaFacts, traits: TargetTraits, sent: int, at: timedelta, ends: bool
) -> None:
    promised = replace(run, job_intent=intent(sent=sent))
    now = NOW + at
    decision = decide_trigger(
        TriggerFacts(promised, config, "", no_sla), "token0", traits, now=now, until=now + WINDOW, window=WINDOW
    )
    if not ends:
        assert isinstance(decision, SendStart)
        assert decision.commit.intent.sent == sent + 1
        return
    if traits.findable:
        assert isinstance(decision, LookForStart)
        decision = decision.otherwise  # type: ignore[assignment]
    assert isinstance(decision, FailAttempt)
    assert "was sent 2 times within 3600 s and was never confirmed" in decision.outcome.error


@pytest.mark.parametrize(
    ("changes", "unconfirmed"),
    [
        ({}, True),
        ({"run_id": "job-1"}, False),
        ({"outcome": JobOutcome("fail", category="TRANSIENT", error="outcome unknown: lost")}, True),
        ({"outcome": JobOutcome("fail", category="PERMANENT", error="no such job")}, False),
        ({"outcome": JobOutcome("fail", at=NOW)}, False),
    ],
)
def test_which_starts_were_never_confirmed(changes: dict[str, object], unconfirmed: bool) -> None:
    assert intent(**changes).is_unconfirmed is unconfirmed


def test_a_start_reports_an_earlier_unconfirmed_one(run: Run) -> None:
    def recorded(unsettled: JobIntent | None) -> RecordStart:
        return record_start(run, intent(), run_id="job-1", details={}, outcome=None, now=NOW, unsettled=unsettled)

    event = recorded(intent(key="earlier")).events[0]
    assert "An earlier start (earlier) was never confirmed" in (event.message or "")
    assert (event.detail or {})["unconfirmedKey"] == "earlier"
    assert "unconfirmedKey" not in (recorded(None).events[0].detail or {})


def test_an_answered_start_is_not_sent_again(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    answered = replace(run, job_intent=intent(run_id="job-1"))
    decision = decide_trigger(
        TriggerFacts(answered, config, "", no_sla), "token0", BLIND, now=UNTIL, until=UNTIL, window=WINDOW
    )
    assert isinstance(decision, StartAnswered)


def test_nothing_starts_while_the_previous_job_runs(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    facts = TriggerFacts(replace(run, previous_job=intent(run_id="job-0")), config, "", no_sla, StandingJob("job-0"))
    decision = decide_trigger(facts, "token0", None, now=NOW, until=UNTIL, window=WINDOW)
    assert isinstance(decision, FailAttempt)
    assert "job-0" in decision.outcome.error


def test_an_unreadable_previous_job_prevents_a_start(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    facts = TriggerFacts(run, config, "", no_sla, StandingJob("job-0", "not authorized"))
    decision = decide_trigger(facts, "token0", None, now=NOW, until=UNTIL, window=WINDOW)
    assert isinstance(decision, FailAttempt)
    assert "job-0 is unknown (not authorized)" in decision.outcome.error
    assert "runs" not in decision.outcome.error


def test_a_config_that_became_unreadable_stops_the_start(run: Run, no_sla: SlaFacts) -> None:
    decision = decide_trigger(
        TriggerFacts(run, None, "broken", no_sla), "token0", None, now=NOW, until=UNTIL, window=WINDOW
    )
    assert isinstance(decision, CloseRun)


def test_a_superseded_execution_starts_nothing(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    facts = TriggerFacts(replace(run, run_token="other"), config, "", no_sla)
    assert isinstance(decide_trigger(facts, "token0", None, now=NOW, until=UNTIL, window=WINDOW), Superseded)


def test_a_synchronous_job_ended_when_its_start_returned(run: Run) -> None:
    recorded = record_start(
        replace(run, job_intent=intent()),
        intent(),
        run_id="sync",
        details={},
        outcome=JobOutcome("success", run_id="sync"),
        now=NOW,
    )
    assert recorded.intent.outcome is not None
    assert recorded.intent.outcome.at == NOW


def test_a_permanent_rejection_fails_a_passing_one_withdraws(run: Run) -> None:
    promised = replace(run, job_intent=intent())
    passing = reject_start(promised, intent(), reason="throttled", permanent=False, now=NOW)
    permanent = reject_start(promised, intent(), reason="no such job", permanent=True, now=NOW)
    assert passing.entry.event == "infra-trigger-failure"  # type: ignore[union-attr]
    assert permanent.intent.outcome == JobOutcome("fail", category="PERMANENT", error="no such job")  # type: ignore[union-attr]


def test_job_keys_are_short_and_distinct_per_attempt(run: Run) -> None:
    long = replace(run, key=replace(run.key, pipeline_id="p.q" * 21))
    keys = {make_job_key(replace(long, attempt=attempt, run_token=f"t{attempt}")) for attempt in range(3)}
    assert len(keys) == 3
    assert all(len(key) <= 64 and key.replace("-", "").replace("_", "").isalnum() for key in keys)


def entry(key: RunKey, event: str = "success", *, seconds: int = 60, **fields: object) -> JobEntry:
    return JobEntry(key, NOW + timedelta(seconds=seconds), event, **fields)  # type: ignore[arg-type]


def outcome(run: Run, *entries: JobEntry, now: datetime = NOW) -> object:
    return read_outcome(run, "token0", entries, now)


def started(run: Run, **changes: object) -> Run:
    return replace(run, job_intent=intent(run_id="job-1", **changes))


def test_a_retry_does_not_read_the_previous_attempts_failure(run: Run, key: RunKey) -> None:
    retry = replace(started(run), attempt=1)
    previous = entry(key, "fail", run_token="older", attempt=0)
    assert isinstance(outcome(retry, previous), AskTarget)


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({"seconds": 60}, True),
        ({"seconds": 61}, False),
        ({"seconds": -1}, False),
        ({"seconds": 60, "run_id": "job-1"}, True),
        ({"seconds": -1, "run_id": "job-1"}, True),
        ({"seconds": 0}, True),
        ({"seconds": 60, "run_id": "another"}, False),
        ({"seconds": -1, "run_id": "another"}, False),
        ({"seconds": 60, "event": "infra-trigger-failure"}, False),
        ({"seconds": 60, "event": "rerun-rejected"}, False),
        ({"seconds": 60, "run_token": "token0", "attempt": 0}, True),
        ({"seconds": 60, "run_token": "token9", "attempt": 0}, False),
    ],
)
def test_which_entries_report_the_end_of_the_job(
    run: Run, key: RunKey, fields: dict[str, object], counts: bool
) -> None:
    decision = outcome(started(run), entry(key, **fields))  # type: ignore[arg-type]
    assert isinstance(decision, JobFinished) is counts


def test_the_time_of_an_external_outcome_is_kept(run: Run, key: RunKey) -> None:
    decision = outcome(started(run), entry(key, "success"))
    assert isinstance(decision, JobFinished)
    assert decision.outcome.at == NOW + timedelta(seconds=60)


def test_a_synchronous_outcome_is_read_from_the_promise(run: Run) -> None:
    ended = JobOutcome("success", run_id="sync")
    assert outcome(started(run, outcome=ended)) == JobFinished(ended)


def test_an_unanswered_start_is_waited_for_then_triggered_again(run: Run) -> None:
    promised = replace(run, job_intent=intent())
    assert outcome(promised) == JobRuns(300)
    assert outcome(promised, now=UNTIL) == NotStarted()
    assert outcome(run) == NotStarted()


def test_the_poll_window_counts_from_the_promise(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    window = PollWindow(timedelta(minutes=10), timedelta(minutes=1))
    promised = intent(run_id="job-1")
    before = NOW + timedelta(minutes=9, seconds=30)
    assert follow(run, promised, window, config, no_sla, before) == JobRuns(30)
    assert follow(run, promised, window, config, no_sla, NOW + timedelta(minutes=10)) == PollWindowUsedUp()


@pytest.mark.parametrize(
    ("age", "wait"), [(-3, 5), (0, 5), (2, 7), (5, 10), (15, 20), (35, 40), (54, 59), (55, 60), (75, 60), (3600, 60)]
)
def test_waits_grow_with_the_age_of_the_job(
    config: PipelineConfig, run: Run, no_sla: SlaFacts, age: int, wait: int
) -> None:
    """5, 10, 20 and 40 s after each other, then the interval. A clock may be behind the intent's."""
    window = PollWindow(timedelta(hours=2), timedelta(minutes=1))
    now = NOW + timedelta(seconds=age)
    for kind in ("airflow", "databricks"):
        asked = replace(intent(run_id="job-1"), type=kind)
        assert follow(run, asked, window, config, no_sla, now) == JobRuns(wait)


def test_a_short_interval_is_the_longest_wait(config: PipelineConfig, run: Run, no_sla: SlaFacts) -> None:
    window = PollWindow(timedelta(hours=2), timedelta(seconds=2))
    asked = replace(intent(run_id="job-1"), type="airflow")
    assert follow(run, asked, window, config, no_sla, NOW) == JobRuns(2)


def test_polling_looks_again_just_before_a_deadline(
    configure: Callable[..., PipelineConfig], run: Run, arrived: SlaFacts
) -> None:
    window = PollWindow(timedelta(hours=2), timedelta(minutes=1))
    promised = intent(run_id="job-1")
    now = NOW + timedelta(minutes=29, seconds=20)
    assert follow(run, promised, window, configure(), arrived, now) == JobRuns(35)

"""Which rerun requests are granted: budgets by reason, a run under way, excluded dates, unchanged data."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import (
    Ignore,
    JobEntry,
    JobIntent,
    OpenAttempt,
    RejectRerun,
    RerunEntry,
    Run,
    RunKey,
    RunStatus,
)
from interlock_lifecycle.reruns import RerunFacts, RerunRequest, decide_rerun
from interlock_sla import Exclusions, parse_execution_date

NOW = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)
DONE = NOW - timedelta(hours=1)
TIMEOUT = timedelta(hours=4)


@pytest.fixture
def config(config: PipelineConfig) -> PipelineConfig:
    return replace(config, job=replace(config.job, max_manual_reruns=1, max_drift_reruns=2))


@pytest.fixture
def completed(run: Run) -> Run:
    return replace(run, status=RunStatus.COMPLETED, attempt=1)


def ask(
    config: PipelineConfig,
    run: Run | None,
    key: RunKey,
    *,
    reason: str = "manual",
    used: Sequence[str] = (),
    log: Sequence[str] = (),
    updated: datetime | None = None,
    excluded: bool = False,
    handled: bool = False,
    at: datetime = NOW,
    abandon: bool = False,
) -> OpenAttempt | RejectRerun | Ignore:
    entries = [JobEntry(key, DONE + timedelta(seconds=place), event) for place, event in enumerate(log)]
    facts = RerunFacts(
        run=run,
        exclusions=Exclusions(dates=frozenset({date(2026, 3, 3)})) if excluded else Exclusions(),
        entries=entries,
        reruns=[RerunEntry(key, one, DONE) for one in used],
        newest_sensor_update=updated,
        handled=handled,
    )
    request = RerunRequest(key, reason, "id", at, abandon_previous=abandon)
    decision = decide_rerun(request, facts, config, execution_timeout=TIMEOUT)
    assert isinstance(decision, OpenAttempt | RejectRerun | Ignore)
    return decision


def why(decision: object) -> str:
    assert isinstance(decision, RejectRerun)
    return str(decision.entry.error)


def test_a_granted_request_is_the_next_attempt_under_a_new_token(
    config: PipelineConfig, completed: Run, key: RunKey
) -> None:
    decision = ask(config, completed, key, updated=NOW)
    assert isinstance(decision, OpenAttempt)
    assert (decision.after.attempt, decision.after.status) == (2, RunStatus.RUNNING)
    assert decision.after.run_token != completed.run_token
    assert [str(event.type) for event in decision.events] == ["RERUN_ACCEPTED"]
    assert decision.entry.event == "rerun-accepted"


def test_a_date_that_never_ran_may_be_asked_for(config: PipelineConfig, key: RunKey) -> None:
    decision = ask(config, None, key)
    assert isinstance(decision, OpenAttempt)
    assert decision.after.attempt == 0


@pytest.mark.parametrize(
    ("reason", "used", "granted"),
    [
        ("manual", [], True),
        ("manual", ["backfill"], False),
        ("manual", ["late-data", "data-drift"], True),
        ("manual", ["job-fail-retry"], True),
        ("late-data", ["data-drift"], True),
        ("late-data", ["data-drift", "late-data"], False),
        ("data-drift", ["manual", "job-fail-retry"], True),
    ],
)
def test_each_kind_of_reason_has_its_own_budget(
    config: PipelineConfig, completed: Run, key: RunKey, reason: str, used: list[str], granted: bool
) -> None:
    decision = ask(config, completed, key, reason=reason, used=used, updated=NOW)
    assert isinstance(decision, OpenAttempt) is granted
    if not granted:
        assert "used" in why(decision)


@pytest.mark.parametrize(
    ("log", "updated", "granted"),
    [
        (["success"], DONE - timedelta(seconds=1), False),
        (["success"], DONE + timedelta(seconds=1), True),
        (["success"], None, True),
        (["fail", "success"], DONE, False),
        (["success", "fail"], DONE, True),
        (["success", "rerun-rejected"], DONE, False),
        (["success", "late-data-arrival"], DONE, False),
        ([], DONE, True),
    ],
)
def test_unchanged_data_after_a_success_is_not_run_again(
    config: PipelineConfig, completed: Run, key: RunKey, log: list[str], updated: datetime | None, granted: bool
) -> None:
    """A rejection does not hide the success behind it, and a stream of them does not wear the breaker out."""
    decision = ask(config, completed, key, log=log, updated=updated)
    assert isinstance(decision, OpenAttempt) is granted


@pytest.mark.parametrize(
    ("log", "updated", "granted"),
    [
        ([("success", -60), ("success", 60 * 24 * 400)], -30, True),
        ([("success", -60), ("success", 60 * 24 * 400)], -90, False),
        ([("fail", -60), ("success", 60 * 24)], -90, True),
        ([("fail", -60), ("success", 1)], -90, False),
    ],
)
def test_a_report_from_the_future_does_not_keep_the_breaker_shut(
    config: PipelineConfig, completed: Run, key: RunKey, log: list[tuple[str, int]], updated: int, granted: bool
) -> None:
    """A report up to a minute ahead counts. A report beyond that does not give the end of the job."""
    entries = [JobEntry(key, NOW + timedelta(minutes=minutes), event) for event, minutes in log]
    facts = RerunFacts(completed, Exclusions(), entries, [], NOW + timedelta(minutes=updated))
    decision = decide_rerun(RerunRequest(key, "manual", "id", NOW), facts, config, execution_timeout=TIMEOUT)
    assert isinstance(decision, OpenAttempt) is granted


def test_no_rerun_starts_while_a_run_is_under_way(config: PipelineConfig, run: Run, key: RunKey) -> None:
    assert why(ask(config, run, key)) == "already running"


def test_an_excluded_date_says_so_twice(config: PipelineConfig, completed: Run, key: RunKey) -> None:
    decision = ask(config, completed, key, excluded=True)
    assert isinstance(decision, RejectRerun)
    assert [str(event.type) for event in decision.events] == ["RERUN_REJECTED", "PIPELINE_EXCLUDED"]


def test_a_retrys_reason_is_no_way_around_the_budget(config: PipelineConfig, completed: Run, key: RunKey) -> None:
    assert "job-fail-retry" in why(ask(config, completed, key, reason="job-fail-retry", updated=NOW))


def test_a_request_for_another_schedule_is_rejected(config: PipelineConfig, completed: Run, key: RunKey) -> None:
    """A second schedule would be a second run of the same data, parallel to the first."""
    assert why(ask(config, None, replace(key, schedule_id="nightly"))) == (
        "the pipeline's schedule is 'stream', not 'nightly'"
    )


@pytest.mark.parametrize(
    ("asked", "granted"),
    [("2026-03-03", True), ("2026-03-05", True), ("2026-03-06", False), ("2999-01-01T00", False)],
)
def test_dates_up_to_tomorrow_may_be_requested(config: PipelineConfig, key: RunKey, asked: str, granted: bool) -> None:
    """At 23:30 UTC it is the 4th in Berlin."""
    late = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
    decision = ask(config, None, replace(key, date=parse_execution_date(asked)), at=late)
    assert isinstance(decision, OpenAttempt) is granted
    if not granted:
        assert "2026-03-05" in why(decision)


def test_a_date_ahead_that_its_data_began_may_be_run_again(config: PipelineConfig, completed: Run) -> None:
    ahead = replace(completed, key=replace(completed.key, date=parse_execution_date("2026-06-30")))
    assert isinstance(ask(config, ahead, ahead.key, updated=NOW), OpenAttempt)


@pytest.mark.parametrize(
    ("schedule", "asked", "granted"),
    [
        ("cron: '0 8 * * *'", "2026-03-03T11", False),
        ("cron: '0 8 * * *'", "2026-03-03", True),
        ("cron: '0 * * * *'", "2026-03-03T11", True),
        ("include: {dates: ['2026-03-03']}\n  trigger: {key: a, check: exists}", "2026-03-03T11", False),
        ("trigger: {key: a, check: exists}", "2026-03-03T11", True),
        ("trigger: {key: a, check: exists}", "2026-03-03", True),
    ],
)
def test_hours_are_rejected_where_the_schedule_names_days(schedule: str, asked: str, granted: bool) -> None:
    config = decode_yaml(
        f"pipeline: {{id: bronze-orders}}\nschedule:\n  {schedule}\n"
        "validation: {rules: [{key: a, check: exists}]}\njob: {type: command, config: {command: 'true'}}\n",
        "bronze.yaml",
    )
    key = RunKey("bronze-orders", config.schedule_id, parse_execution_date(asked))
    decision = ask(config, None, key)
    assert isinstance(decision, OpenAttempt) is granted
    if not granted:
        assert "dates are days" in why(decision)


def test_an_answered_request_is_not_answered_again(config: PipelineConfig, completed: Run, key: RunKey) -> None:
    assert isinstance(ask(config, completed, key, handled=True), Ignore)


OLDER, NEWER = (JobIntent(number, f"key-{number}", NOW, "glue", {"jobName": "j"}, NOW) for number in (0, 1))


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED_FINAL])
@pytest.mark.parametrize(
    ("own", "previous", "remembered"),
    [(None, None, None), (NEWER, None, NEWER), (NEWER, OLDER, NEWER), (None, OLDER, OLDER)],
)
def test_the_job_that_may_still_run_is_remembered(
    config: PipelineConfig,
    run: Run,
    key: RunKey,
    status: RunStatus,
    own: JobIntent | None,
    previous: JobIntent | None,
    remembered: JobIntent | None,
) -> None:
    """The attempt's own job, otherwise that of an earlier attempt: no rerun may start a second job next to it."""
    decision = ask(config, replace(run, status=status, job_intent=own, previous_job=previous), key)
    assert isinstance(decision, OpenAttempt)
    assert (decision.after.job_intent, decision.after.previous_job) == (None, remembered)
    assert "abandonedJob" not in (decision.events[0].detail or {})


@pytest.mark.parametrize(("job", "name"), [(replace(OLDER, run_id="job-0"), "job-0"), (OLDER, "key-0"), (None, None)])
@pytest.mark.parametrize("place", ["job_intent", "previous_job"])
def test_an_abandoned_job_is_not_carried_forward(
    config: PipelineConfig, run: Run, key: RunKey, job: JobIntent | None, name: str | None, place: str
) -> None:
    decision = ask(config, replace(run, status=RunStatus.FAILED_FINAL, **{place: job}), key, abandon=True)
    assert isinstance(decision, OpenAttempt)
    assert decision.after.previous_job is None
    assert (decision.events[0].detail or {}).get("abandonedJob") == name
    assert ("is abandoned" in (decision.events[0].message or "")) is (job is not None)


def test_an_abandoned_job_does_not_open_a_run_that_is_under_way(config: PipelineConfig, run: Run, key: RunKey) -> None:
    assert why(ask(config, replace(run, job_intent=OLDER), key, abandon=True)) == "already running"


@pytest.mark.parametrize(("token", "granted"), [("token0", False), (None, True)])
def test_a_late_request_meets_a_success_after_its_time(
    config: PipelineConfig, completed: Run, token: str | None, granted: bool
) -> None:
    """The run's own entry counts at any time of the record. An external entry from the future does not count."""
    success = JobEntry(completed.key, NOW + timedelta(hours=2), "success", run_token=token)
    facts = RerunFacts(completed, Exclusions(), [success], [], DONE)
    request = RerunRequest(completed.key, "manual", "id", NOW)
    decision = decide_rerun(request, facts, config, execution_timeout=TIMEOUT)
    assert isinstance(decision, OpenAttempt) is granted


DAY_CRON, HOUR_CRON = 'cron: "30 16 * * *"', 'cron: "47 * * * *"'
TRIGGER = "trigger: {key: landing, check: exists}"


@pytest.mark.parametrize(
    ("schedule", "day", "answer"),
    [
        (DAY_CRON, "2026-03-03", "2026-03-03 has not begun: it begins 2026-03-03 16:30Z"),
        (DAY_CRON, "2026-03-04", "2026-03-04 has not begun: it begins 2026-03-04 16:30Z"),
        (DAY_CRON, "2026-03-02", None),
        ('cron: "0 14 * * *"', "2026-03-03", None),
        (HOUR_CRON, "2026-03-03T14", "2026-03-03T14 has not begun: it begins 2026-03-03 14:47Z"),
        (HOUR_CRON, "2026-03-03T13", None),
        (HOUR_CRON, "2026-03-03", "2026-03-03 is a day, but the pipeline's dates are hours"),
        (DAY_CRON, "2026-03-03T13", "2026-03-03T13 is an hour, but the pipeline's dates are days"),
        # Data may come before the fire, and for the next day.
        (f"{DAY_CRON}, {TRIGGER}", "2026-03-03", None),
        (TRIGGER, "2026-03-04", None),
        (TRIGGER, "2026-03-03T14", None),
        (TRIGGER, "2026-03-03T15", "2026-03-03T15 has not begun: it begins 2026-03-03 15:00Z"),
    ],
)
def test_date_that_has_not_begun_keeps_its_own_run(schedule: str, day: str, answer: str | None) -> None:
    text = (
        f"pipeline: {{id: p}}\nschedule: {{{schedule}}}\nvalidation: {{rules: [{{key: landing, check: exists}}]}}\n"
        'job: {type: command, config: {command: "true"}}\n'
    )
    config = decode_yaml(text, "p.yaml")
    decision = ask(config, None, RunKey("p", config.schedule_id, parse_execution_date(day)))
    assert (why(decision) if isinstance(decision, RejectRerun) else None) == answer

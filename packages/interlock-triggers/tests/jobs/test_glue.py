"""Glue job runs: their arguments, the search for them, and the conditions under which their success counts."""

import json
import time
from typing import Any

import pytest
from trigger_peers.aws import Aws, Rejected, in_process

from interlock_triggers import (
    Attempt,
    Category,
    Clients,
    Started,
    StartRejected,
    StartUnconfirmed,
    State,
    Status,
    Timing,
    check,
    start,
)

DAILY = Attempt("bronze", "cron", "2026-03-03", 0, "k-1")
RESUMED = Attempt("bronze", "cron", "2026-03-03", 0, "k-1", resumed=True)
HOURLY = Attempt("bronze", "stream", "2026-03-03T07", 0, "k-1")
DEFAULT_GROUP = "/aws-glue/jobs/logs-v2"
BEGUN = 1_772_524_800
"""When the peer's first run was started."""


def _clients(aws: Aws, now: float = BEGUN + 60) -> Clients:
    return Clients(aws=in_process(aws), environment={}, timing=Timing(now=lambda: now))


def _start(aws: Aws, attempt: Attempt = DAILY, now: float = BEGUN + 60, **more: Any) -> Started:
    return start("glue", {"jobName": "load"} | more, attempt, until=now + 60, clients=_clients(aws, now))


def _check(aws: Aws, run_id: str = "jr_0", now: float = BEGUN + 60) -> Status:
    return check("glue", {"jobName": "load"}, run_id, until=now + 60, clients=_clients(aws, now))


@pytest.mark.parametrize(
    ("attempt", "given", "sent"),
    [
        (DAILY, {}, {"--par_day": "20260303"}),
        (HOURLY, {}, {"--par_day": "20260303", "--par_hour": "07"}),
        (DAILY, {"--table": "orders"}, {"--par_day": "20260303", "--table": "orders"}),
        (DAILY, {"--par_day": "20260101"}, {"--par_day": "20260303"}),
        (DAILY, {"--par_hour": "09", "--table": "orders"}, {"--par_day": "20260303", "--table": "orders"}),
        (HOURLY, {"--par_day": "20260101", "--par_hour": 9}, {"--par_day": "20260303", "--par_hour": "07"}),
        (DAILY, {"--n": 3, "--full": True}, {"--par_day": "20260303", "--n": "3", "--full": "true"}),
        (DAILY, {"--interlock_key": "mine"}, {"--par_day": "20260303"}),
    ],
)
def test_arguments_carry_the_date_and_the_key(attempt: Attempt, given: dict[str, Any], sent: dict[str, str]) -> None:
    aws = Aws()
    assert _start(aws, attempt, arguments=given) == Started("glue", "jr_0")
    assert aws.runs["jr_0"]["Arguments"] == sent | {"--interlock_key": "k-1"}


def _with_history(runs: int) -> Aws:
    """A job with our run first and `runs` other runs after it."""
    aws = Aws()
    _start(aws)
    for number in range(runs):
        _start(aws, Attempt("bronze", "cron", "2026-03-03", number, f"other-{number}"))
    return aws


def test_a_run_is_found_on_a_later_page() -> None:
    aws = _with_history(120)
    assert _start(aws, RESUMED).run_id == "jr_0"
    assert aws.jobs.count("k-1") == 1


def test_runs_of_last_week_are_not_searched() -> None:
    """No attempt lives for a week, and a job may have thousands of runs."""
    aws = _with_history(60)
    aws.requests.clear()
    assert _start(aws, RESUMED, now=BEGUN + 8 * 86400).run_id == "jr_61"
    assert [aws.operation(request) for request in aws.requests] == ["GetJobRuns", "StartJobRun"]


def test_too_many_recent_runs_leave_the_start_unconfirmed() -> None:
    aws = _with_history(60)
    aws.page_size = 2
    with pytest.raises(StartUnconfirmed):
        _start(aws, RESUMED)
    assert aws.jobs.count("k-1") == 1


def test_a_run_not_listed_yet_leaves_the_start_unconfirmed() -> None:
    aws = Aws()
    aws.fault_starts = "cut-after"
    aws.hide = {"jr_0"}
    with pytest.raises(StartUnconfirmed):
        _start(aws)
    aws.hide = set()
    assert _start(aws, RESUMED).run_id == "jr_0"


def test_a_job_that_cannot_be_listed_is_not_started_again() -> None:
    aws = Aws()
    aws.fault_others = "503"
    with pytest.raises(StartUnconfirmed):
        _start(aws, RESUMED)
    assert aws.jobs == []


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("ConcurrentRunsExceededException", Category.TRANSIENT),
        ("ResourceNumberLimitExceededException", Category.TRANSIENT),
        ("OperationTimeoutException", Category.TRANSIENT),
        ("ThrottlingException", Category.TRANSIENT),
        ("ExpiredTokenException", Category.TRANSIENT),
        ("EntityNotFoundException", Category.PERMANENT),
        ("InvalidInputException", Category.PERMANENT),
        ("AccessDeniedException", Category.PERMANENT),
    ],
)
def test_rejections_of_a_start(code: str, category: Category) -> None:
    aws = Aws()
    aws.reject_starts = Rejected(code, "because")
    with pytest.raises(StartRejected) as rejected:
        _start(aws)
    assert rejected.value.category is category
    assert str(rejected.value) == f"glue: {code}: because"


INSIGHT = json.dumps(
    {
        "Event": "GlueExceptionAnalysisJobFailed",
        "Timestamp": 1772524800000,
        "Failure Reason": "No space left on device",
        "Stack Trace": [{"Declaring Class": "org.apache.spark.Error"}],
    }
)
TRUE_POSITIVES = {
    "driver error": "26/03/03 08:00:00 ERROR ProcessLauncher: Error from Python:Traceback",
    "driver fatal": "2026-03-03 08:00:00,123 FATAL [main] glue.Launcher (Launcher.scala:77): out of memory",
    "with milliseconds and Z": "2026-03-03T08:00:00.123Z ERROR [main] Utils: Aborting task",
    "among other lines": "26/03/03 08:00:00 INFO A: fine\n26/03/03 08:00:01 ERROR B: not fine\n\tat C.d(E.java:1)",
}
FALSE_POSITIVES = {
    "preparing": "Preparing ...",
    "jvm flag": "-XX:OnOutOfMemoryError=kill -9 %p -XX:+ExitOnOutOfMemoryError",
    "class path": "/opt/amazon/lib/error-prone.jar:/opt/ERROR/lib.jar:org.apache.Error",
    "analyzer helper": "26/03/03 08:00:00 INFO AnalyzerLogHelper: Error patterns loaded: Exception, FATAL, Traceback",
    "an error spoken of": "26/03/03 08:00:00 INFO Retry: succeeded after ERROR in stage 3",
    "a warning": "26/03/03 08:00:00 WARN TaskSetManager: Lost task, ERROR follows",
    "lower case": "26/03/03 08:00:00 INFO error handling: no error found",
    "joined words": "26/03/03 08:00:00 INFO X: NO_ERROR ERROR_COUNT=0 [ERROR]",
    "a metric": "26/03/03 08:00:00 INFO X: glue.driver.ERROR 0",
}


def _succeeded(lines: list[str], stream: str = "jr_0", group: str = DEFAULT_GROUP) -> Aws:
    aws = Aws()
    _start(aws)
    aws.put_state("SUCCEEDED")
    aws.logs[group, stream] = lines
    return aws


@pytest.mark.parametrize("line", TRUE_POSITIVES.values(), ids=TRUE_POSITIVES)
def test_an_error_in_the_drivers_log_unmasks_a_false_success(line: str) -> None:
    status = _check(_succeeded(["26/03/03 07:59:59 INFO A: begun", line]))
    assert (status.state, status.category) == (State.FAILED, Category.TRANSIENT)
    assert "driver logged" in status.reason
    assert " ERROR " in status.reason or " FATAL " in status.reason


@pytest.mark.parametrize("line", FALSE_POSITIVES.values(), ids=FALSE_POSITIVES)
def test_lines_that_only_look_like_errors_do_not(line: str) -> None:
    assert _check(_succeeded([line])).state is State.SUCCEEDED


@pytest.mark.parametrize("text", [INSIGHT, f"2026-03-03 GlueExceptionAnalysis {INSIGHT} end"])
def test_run_insights_unmask_a_false_success_and_give_its_reason(text: str) -> None:
    status = _check(_succeeded([text], "jr_0-job-insights-rca-driver"))
    assert (status.state, status.category) == (State.FAILED, Category.TRANSIENT)
    assert "GlueExceptionAnalysisJobFailed: No space left on device" in status.reason


@pytest.mark.parametrize("text", ["GlueExceptionAnalysisJobFailed", "GlueExceptionAnalysisJobFailed {not json}"])
def test_insights_that_cannot_be_parsed_still_count(text: str) -> None:
    assert _check(_succeeded([text], "jr_0-job-insights-rca-driver")).state is State.FAILED


def test_insights_of_stages_that_were_repeated_do_not_count() -> None:
    text = json.dumps({"Event": "GlueExceptionAnalysisTaskFailed", "Failure Reason": "lost executor"})
    assert _check(_succeeded([text], "jr_0-job-insights-rca-driver")).state is State.SUCCEEDED


def test_the_logs_of_another_run_do_not_count() -> None:
    assert _check(_succeeded(list(TRUE_POSITIVES.values()), "jr_1")).state is State.SUCCEEDED


def test_an_error_on_a_later_page_counts() -> None:
    quiet = ["26/03/03 08:00:00 INFO X: ended after ERROR in stage"] * 120
    assert _check(_succeeded([*quiet, TRUE_POSITIVES["driver error"]])).state is State.FAILED


@pytest.mark.parametrize("rejection", ["AccessDeniedException", "ServiceUnavailableException", "ThrottlingException"])
def test_with_unreadable_logs_the_success_of_glue_counts(rejection: str, caplog: pytest.LogCaptureFixture) -> None:
    aws = _succeeded(list(TRUE_POSITIVES.values()))
    aws.logs_rejection = rejection
    assert _check(aws).state is State.SUCCEEDED
    assert "glue_logs_unreadable" in caplog.text


@pytest.mark.parametrize("stream", ["jr_0-job-insights-rca-driver", "jr_0"])
def test_the_two_log_checks_are_independent(stream: str, caplog: pytest.LogCaptureFixture) -> None:
    """Unreadable insights do not prevent the check of the driver's log, and the reverse."""
    reported = [INSIGHT] if stream.endswith("driver") else [TRUE_POSITIVES["driver error"]]
    aws = _succeeded(reported, stream)
    others = "jr_0" if stream.endswith("driver") else "jr_0-job-insights-rca-driver"
    aws.unreadable_streams = {others}
    assert _check(aws).state is State.FAILED
    aws.logs.clear()
    assert _check(aws).state is State.SUCCEEDED
    assert [record.__dict__["stream"] for record in caplog.records if record.message == "glue_logs_unreadable"]


def test_a_log_is_read_to_its_end_however_many_pages_it_has() -> None:
    quiet = ["26/03/03 08:00:00 INFO X: ended after ERROR in stage"] * 60
    aws = _succeeded([*quiet, TRUE_POSITIVES["driver error"]])
    aws.page_size = 1
    assert _check(aws).state is State.FAILED


def test_a_log_read_that_the_deadline_cuts_off_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    aws = _succeeded(["26/03/03 08:00:00 INFO X: ended after ERROR in stage"] * 200)
    aws.page_size = 1
    clock = [0.0]
    aws.choose = lambda request, is_start: clock.__setitem__(0, clock[0] + 1.0)  # type: ignore[func-returns-value]
    clients = Clients(
        aws=in_process(aws), environment={}, timing=Timing(now=lambda: BEGUN + 60, monotonic=lambda: clock[0])
    )
    status = check("glue", {"jobName": "load"}, "jr_0", until=BEGUN + 90, clients=clients)
    assert status.state is State.SUCCEEDED
    (cut,) = [record for record in caplog.records if record.message == "glue_logs_cut_off"]
    assert cut.__dict__["stream"] == "jr_0"
    assert 15 < cut.__dict__["pages"] < 30


def test_insights_without_end_leave_time_for_the_drivers_log() -> None:
    aws = _succeeded([TRUE_POSITIVES["driver error"]])
    aws.endless_streams = {"jr_0-job-insights-rca-driver"}
    clock = [0.0]
    aws.choose = lambda request, is_start: clock.__setitem__(0, clock[0] + 1.0)  # type: ignore[func-returns-value]
    clients = Clients(
        aws=in_process(aws), environment={}, timing=Timing(now=lambda: BEGUN + 60, monotonic=lambda: clock[0])
    )
    assert check("glue", {"jobName": "load"}, "jr_0", until=BEGUN + 90, clients=clients).state is State.FAILED


@pytest.mark.parametrize(
    ("group", "run", "job"),
    [
        ("/mine/run", {"Arguments": {"--continuous-log-logGroup": "/mine/run", "--interlock_key": "k-1"}}, {}),
        ("/mine/job", {}, {"--continuous-log-logGroup": "/mine/job"}),
        ("/aws-glue/jobs-role-conf/logs-v2", {"LogGroupName": "/aws-glue/jobs-role-conf/"}, {}),
        ("/aws-glue/jobs/logs-v2", {"LogGroupName": "/aws-glue/jobs/logs-v2"}, {}),
        ("/aws-glue/jobs/logs-v2", {"LogGroupName": ""}, {}),
    ],
)
def test_the_logs_are_read_where_the_job_writes_them(group: str, run: dict[str, Any], job: dict[str, str]) -> None:
    aws = _succeeded([TRUE_POSITIVES["driver error"]], group=group)
    aws.runs["jr_0"] |= run
    aws.job_arguments = job
    assert _check(aws).state is State.FAILED


def test_the_logs_of_a_running_job_are_not_read() -> None:
    aws = Aws()
    _start(aws)
    aws.requests.clear()
    assert _check(aws).state is State.RUNNING
    assert [aws.operation(request) for request in aws.requests] == ["GetJobRun"]


def test_the_reason_and_the_duration_are_glues() -> None:
    aws = Aws()
    _start(aws)
    aws.put_state("FAILED", ErrorMessage="Command failed with exit code 10\nsee logs")
    status = _check(aws)
    assert status.reason == "FAILED: Command failed with exit code 10 see logs"
    assert status.duration == 90.0


def test_deadlines_use_the_clock_that_was_given() -> None:
    assert time.time() != BEGUN
    with pytest.raises(StartRejected):
        start("glue", {"jobName": "load"}, DAILY, until=BEGUN, clients=_clients(Aws()))

"""Unconfirmed starts, and previous jobs without a known end, cause no second job."""

from datetime import timedelta
from typing import Any

import pytest
from run_bench import KEY, NOW, Bench, Board, Died

from interlock_controller.runs import Step, SubmissionFailed
from interlock_lifecycle import JobEntry
from interlock_store._rows import entry_row
from interlock_store._write import Put
from interlock_telemetry import JsonFormatter
from interlock_triggers import (
    Category,
    CheckFailed,
    JobGone,
    OutcomeUnknown,
    Started,
    StartRejected,
    StartUnconfirmed,
    State,
    Status,
)

RETRIED = "{type: glue, config: {jobName: j}, maxRetries: 5, maxManualReruns: 5}"
RUNNING = Status(State.RUNNING, None)
SUCCEEDED = Status(State.SUCCEEDED, None)
CUT = StartUnconfirmed(Category.TRANSIENT, "cut", "glue")
DENIED = CheckFailed(Category.PERMANENT, "AccessDeniedException: not authorized", "glue")
GONE = JobGone(Category.PERMANENT, "EntityNotFoundException: run job-1 not found", "glue")


def _trigger(bench: Bench) -> Step | None:
    """The answer of the Trigger state with its retries, or None after the last one."""
    for wait in (30, 60, 120, None):
        try:
            return bench.ask("trigger")
        except (SubmissionFailed, Died):
            if wait is None:
                return None
            bench.now += timedelta(seconds=wait)
    raise AssertionError


def _followed(bench: Bench, step: Step | None) -> Step | None:
    """The last answer after the Trigger state. The machine returns to that state while nothing was started."""
    end = bench.now + timedelta(hours=4)
    while step is not None and step.status in ("running", "not-started"):
        assert bench.now < end, "the machine does not end"
        if step.status == "running":
            bench.now += timedelta(seconds=max(step.wait_seconds, 1))
            step = bench.ask("check-job")
        else:
            step = _trigger(bench)
    return step


def test_a_broken_start_is_sent_again_with_its_key(bench: Bench, board: Board) -> None:
    board.answers = [ValueError("Invalid URL https://etl:hunter22@h")]
    with pytest.raises(SubmissionFailed, match="unconfirmed: ValueError") as failed:
        bench.ask("trigger")
    assert "hunter22" not in str(failed.value)
    assert failed.value.__suppress_context__
    assert bench.run.job_intent is not None
    assert bench.run.job_intent.until == bench.now
    assert bench.ask("trigger").status == "running"
    assert [attempt.resumed for attempt in board.starts] == [False, True]
    assert len({attempt.key for attempt in board.starts}) == 1


def test_the_error_of_a_broken_start_is_logged_by_class(
    bench: Bench, board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    board.answers = [ValueError("Invalid URL https://etl:hunter22@h")]
    with pytest.raises(SubmissionFailed):
        bench.ask("trigger")
    (record,) = [record for record in caplog.records if record.getMessage() == "job_start_broke_off"]
    line = JsonFormatter("orchestrator").format(record)
    assert '"error":"ValueError"' in line
    assert '"place":"run_bench.py:' in line
    assert "hunter22" not in line


def test_broken_starts_end_the_run_after_the_retries(bench: Bench, board: Board) -> None:
    board.answers = [ValueError("Invalid IPv6 URL")] * 500
    assert _followed(bench, _trigger(bench)) is None
    assert len(board.starts) == 4
    assert (
        bench.ask("trigger-exhausted", failure={"Error": "SubmissionFailed", "Cause": "ValueError"}).status == "failed"
    )


def test_dying_invocations_end_the_attempt_at_its_poll_window(bench: Bench, board: Board) -> None:
    board.answers = [Died()] * 500
    step = _followed(bench, _trigger(bench))
    assert step is not None
    assert (step.status, step.event, step.category) == ("finished", "fail", "TRANSIENT")
    assert "and was never confirmed" in step.error
    assert len(board.starts) <= 13
    assert timedelta(hours=1) <= bench.now - NOW < timedelta(hours=1, minutes=10)
    assert bench.complete(step).status == "retrying"


def test_a_start_is_repeated_at_least_once_in_any_window(bench: Bench, board: Board) -> None:
    board.answers = [Died()]
    with pytest.raises(Died):
        bench.ask("trigger")
    bench.now += timedelta(hours=2)
    assert bench.ask("trigger").status == "running"
    assert [attempt.resumed for attempt in board.starts] == [False, True]


@pytest.mark.parametrize("found", [Started("glue", "job-7"), None])
def test_an_abandoned_start_is_looked_for_if_findable(bench: Bench, board: Board, found: Started | None) -> None:
    board.answers, board.is_findable, board.found = [Died()] * 500, True, found
    step = _followed(bench, _trigger(bench))
    if found is None:
        assert step is not None
        assert "never confirmed" in step.error
    else:
        # The job is found after its poll window. It is checked once, and then exhausted as any other job.
        assert bench.run.job_intent is not None
        assert bench.run.job_intent.run_id == "job-7"
        assert step is not None
        assert step.status == "exhausted"


def test_a_missing_variable_does_not_undo_a_lost_start(board: Board) -> None:
    bench = Bench("{type: glue, config: {jobName: '${INTERLOCK_JOB}'}, maxRetries: 1}", board)
    board.answers = [CUT]
    with pytest.raises(SubmissionFailed):
        bench.ask("trigger")
    bench.environment.clear()
    step = bench.ask("trigger")
    assert step.error.startswith("outcome unknown: ")
    assert "INTERLOCK_JOB" in step.error
    assert step.category == "TRANSIENT"
    bench.complete(step)
    assert bench.run.previous_job is not None
    assert bench.run.previous_job.is_unconfirmed


@pytest.fixture
def left_open(board: Board) -> Bench:
    """A rerun after a run with an unconfirmed start: the state machine's retries were used up."""
    bench = Bench(RETRIED, board)
    board.answers, board.is_findable = [CUT] * 4, True
    assert bench.ask("evaluate").status == "passed"
    assert _trigger(bench) is None
    bench.ask("trigger-exhausted", failure={"Error": "SubmissionFailed", "Cause": "x"})
    bench.rerun()
    board.starts.clear()
    board.sought.clear()
    return bench


def test_a_found_job_of_an_unconfirmed_start_blocks_a_start(left_open: Bench, board: Board) -> None:
    board.found, board.status = Started("glue", "job-7"), RUNNING
    step = left_open.ask("trigger")
    assert step.error == "nothing was started: the previous attempt's job job-7 still runs"
    assert board.starts == []
    (sought,) = board.sought
    assert (sought.number, sought.resumed) == (0, True)
    assert left_open.run.previous_job is not None
    assert sought.key == left_open.run.previous_job.key
    assert board.asked[-1][1].run_id == "job-7"
    assert left_open.complete(step).status == "retrying"
    left_open.mark_started()
    left_open.ask("evaluate")
    board.status = SUCCEEDED
    assert left_open.ask("trigger").status == "running"
    assert len(board.starts) == 1


@pytest.mark.parametrize("found", [None, GONE])
def test_an_unconfirmed_start_without_a_job_blocks_nothing(left_open: Bench, board: Board, found: Any) -> None:
    board.found = found
    assert left_open.ask("trigger").status == "running"
    assert len(board.starts) == 1
    assert "unconfirmedKey" not in left_open.message_of("JOB_TRIGGERED")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CheckFailed(Category.TRANSIENT, "no answer", "glue"), "is unknown (glue: no answer)"),
        (RuntimeError("https://etl:hunter22@h"), "is unknown (RuntimeError while asking"),
    ],
)
def test_an_unreadable_unconfirmed_start_blocks_a_start(
    left_open: Bench, board: Board, error: Exception, said: str
) -> None:
    board.found = error
    step = left_open.ask("trigger")
    assert said in step.error
    assert "hunter22" not in step.error
    assert board.starts == []


@pytest.mark.parametrize("lost", [[CUT] * 4, [OutcomeUnknown(Category.TRANSIENT, "lost", "lambda")]])
def test_the_next_start_reports_an_unconfirmed_earlier_start(board: Board, lost: list[Exception]) -> None:
    bench = Bench("{type: lambda, config: {functionName: f}, maxCodeRetries: 0, maxManualReruns: 1}", board)
    board.answers = list(lost)
    bench.ask("evaluate")
    step = _trigger(bench)
    if step is None:
        bench.ask("trigger-exhausted", failure={"Error": "SubmissionFailed", "Cause": "x"})
    else:
        assert bench.complete(step).status == "failed"
    lost_key = board.starts[0].key
    bench.rerun()
    assert bench.ask("trigger").status == "running"
    said = bench.message_of("JOB_TRIGGERED")
    assert f"An earlier start ({lost_key}) was never confirmed" in said
    assert f'"unconfirmedKey":"{lost_key}"' in said.replace(" ", "")


def test_a_permanently_rejected_start_is_settled(board: Board) -> None:
    bench = Bench("{type: lambda, config: {functionName: f}, maxCodeRetries: 0, maxManualReruns: 1}", board)
    board.answers = [StartRejected(Category.PERMANENT, "no such function", "lambda")]
    bench.ask("evaluate")
    assert bench.complete(bench.ask("trigger")).status == "failed"
    bench.rerun()
    bench.ask("trigger")
    assert "unconfirmed" not in bench.message_of("JOB_TRIGGERED")


def test_an_unconfirmed_job_with_a_reported_end_is_settled(board: Board) -> None:
    bench = Bench("{type: lambda, config: {functionName: f}, maxCodeRetries: 0, maxManualReruns: 1}", board)
    board.answers = [CUT]
    bench.ask("evaluate")
    with pytest.raises(SubmissionFailed):
        bench.ask("trigger")
    entry = JobEntry(KEY, bench.now + timedelta(seconds=1), "fail")
    bench.store._tables.transact([Put(bench.store.names.joblog, entry_row(entry))])
    assert bench.complete(bench.ask("check-job")).status == "failed"
    bench.rerun()
    bench.ask("trigger")
    assert "unconfirmed" not in bench.message_of("JOB_TRIGGERED")


@pytest.fixture
def outlasted(board: Board) -> Bench:
    """A rerun after a run whose job outlasted its poll window."""
    bench = Bench(RETRIED, board)
    bench.ask("evaluate")
    bench.ask("trigger")
    bench.now = NOW + timedelta(hours=1)
    step = bench.ask("check-job")
    bench.ask("job-poll-exhausted", outcome={"status": step.status, "reason": step.reason})
    assert "the job still ran after its poll window of 3600 s" in bench.message_of("JOB_POLL_EXHAUSTED")
    bench.rerun()
    board.starts.clear()
    return bench


def test_a_previous_job_that_is_gone_has_ended(outlasted: Bench, board: Board) -> None:
    board.status = GONE
    assert outlasted.ask("trigger").status == "running"
    assert len(board.starts) == 1


def test_an_unreadable_previous_job_holds_with_its_reason(outlasted: Bench, board: Board) -> None:
    board.status = DENIED
    step = outlasted.ask("trigger")
    assert "job-1 is unknown (glue: AccessDeniedException: not authorized). After that" in step.error
    assert "still runs" not in step.error
    assert board.starts == []


def test_an_operator_can_abandon_an_unreadable_previous_job(outlasted: Bench, board: Board) -> None:
    board.status = DENIED
    while True:
        closed = outlasted.complete(outlasted.ask("trigger"))
        if closed.status != "retrying":
            break
        outlasted.mark_started()
        outlasted.ask("evaluate")
    assert board.starts == []
    decision = outlasted.rerun(abandon_previous=True)
    assert decision.events[0].detail is not None
    assert decision.events[0].detail["abandonedJob"] == "job-1"
    assert "abandoned" in str(decision.events[0].message)
    assert outlasted.ask("trigger").status == "running"
    assert len(board.starts) == 1


@pytest.mark.parametrize("status", [DENIED, GONE])
def test_an_unreadable_job_is_not_reported_as_running(bench: Bench, board: Board, status: Exception) -> None:
    bench.ask("trigger")
    board.status = status
    assert bench.ask("check-job").status == "running"
    bench.now = NOW + timedelta(hours=1)
    step = bench.ask("check-job")
    assert (step.status, step.reason) == ("exhausted", str(status))
    bench.ask("job-poll-exhausted", outcome={"status": step.status, "reason": step.reason})
    said = bench.message_of("JOB_POLL_EXHAUSTED")
    assert "the job's status could not be read at the end of its poll window of 3600 s: glue: " in said
    assert "still ran" not in said


def test_a_failed_status_check_does_not_end_the_job(bench: Bench, board: Board) -> None:
    bench.ask("trigger")
    board.status = RuntimeError("https://etl:hunter22@h")
    step = bench.ask("check-job")
    assert (step.status, step.reason) == ("running", "RuntimeError while asking")


def test_a_config_with_variables_is_expanded_for_a_check(board: Board) -> None:
    bench = Bench("{type: glue, config: {jobName: '${INTERLOCK_JOB}'}}", board)
    bench.ask("trigger")
    bench.ask("check-job")
    ((config, started),) = board.asked
    assert config == {"jobName": "load-orders"}
    assert started.run_id == "job-1"

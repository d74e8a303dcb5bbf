"""The steps of a run over the in-memory tables, with real commands as jobs and a job board for the other types."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from run_bench import GLUE, KEY, NOW, Bench, Board, Died

from interlock_controller.runs import RulesNotEvaluated, Step, StepStatus, SubmissionFailed
from interlock_lifecycle import JobEntry, RunStatus
from interlock_store import MemoryTables
from interlock_store._rows import entry_row
from interlock_store._write import Delete, Put
from interlock_telemetry import Metric
from interlock_triggers import (
    Category,
    CheckFailed,
    Clients,
    OutcomeUnknown,
    Started,
    StartRejected,
    StartUnconfirmed,
    State,
    Status,
    Triggers,
)


@pytest.fixture
def with_command(tmp_path: Path) -> Callable[[str], Bench]:
    def make(command: str) -> Bench:
        clients = Clients(environment={"PATH": "/usr/bin:/bin", "SECRET": "x"}, working_directory=str(tmp_path))
        config = msgspec.json.encode({"command": command}).decode()
        return Bench(f"{{type: command, config: {config}}}", Triggers(clients))

    return make


def test_a_real_command_runs_once_with_its_date_and_completes(
    with_command: Callable[[str], Bench], tmp_path: Path
) -> None:
    bench = with_command("""sh -c 'echo "$INTERLOCK_DATE $INTERLOCK_ATTEMPT $SECRET" >> out'""")
    assert bench.ask("evaluate").status == "passed"
    step = bench.ask("trigger")
    assert (step.status, step.event, step.run_id) == ("finished", "success", "sync")
    assert bench.ask("trigger") == step
    assert bench.complete(step).status == "succeeded"
    assert (tmp_path / "out").read_text() == "2026-03-03 0 \n"
    assert bench.run.status is RunStatus.COMPLETED
    # The bench's clock stands still, so the order of the events says nothing here.
    assert sorted(bench.events()) == ["JOB_COMPLETED", "JOB_TRIGGERED", "JOB_TRIGGERED", "VALIDATION_PASSED"]


@pytest.mark.parametrize(("end", "code"), [("", "0"), ("; exit 3", "3")])
def test_row_of_a_run_keeps_the_end_of_a_commands_output(
    with_command: Callable[[str], Bench], end: str, code: str
) -> None:
    bench = with_command(f"sh -c 'echo loaded 12 rows{end}'")
    bench.ask("evaluate")
    bench.ask("trigger")
    intent = bench.run.job_intent
    assert intent is not None
    assert intent.details == {"output": "loaded 12 rows\n", "exit_code": code}


@pytest.mark.parametrize("spelling", ["workingDirectory", "working_directory"])
def test_a_command_runs_in_the_directory_of_its_pipeline(tmp_path: Path, spelling: str) -> None:
    (tmp_path / "below").mkdir()
    config = msgspec.json.encode({"command": "sh -c 'pwd > out'", spelling: "${INTERLOCK_HOME}/below"}).decode()
    bench = Bench(f"{{type: command, config: {config}}}", Triggers(Clients(environment={"PATH": "/usr/bin:/bin"})))
    bench.environment["INTERLOCK_HOME"] = str(tmp_path)
    assert bench.ask("trigger").event == "success"
    assert (tmp_path / "below" / "out").read_text().strip() == str(tmp_path / "below")


def test_values_of_variables_leave_no_job_call(tmp_path: Path) -> None:
    config = msgspec.json.encode({"command": "sh -c 'echo ${INTERLOCK_PLACE} ${INTERLOCK_DATE} >&2; exit 3'"}).decode()
    bench = Bench(f"{{type: command, config: {config}}}", Triggers(Clients(environment={"PATH": "/usr/bin:/bin"})))
    bench.environment["INTERLOCK_PLACE"] = "plain-value-7f3a"
    step = bench.ask("trigger")
    assert step.error == "sh: exit code 3: *** 2026-03-03"
    bench.complete(step)
    assert "*** 2026-03-03" in written_about_the_job(bench)
    assert "7f3a" not in written_about_the_job(bench)


def test_a_target_that_repeats_its_request_shows_no_header(tmp_path: Path) -> None:
    with echo_server() as url:
        config = {"url": f"{url}/run", "headers": {"X-Custom": "abc-1f2e", "X-Env": "${INTERLOCK_PLACE}"}}
        job = f"{{type: http, config: {msgspec.json.encode(config).decode()}}}"
        bench = Bench(job, Triggers(Clients(allowed_hosts="127.0.0.1", environment={})))
        bench.environment["INTERLOCK_PLACE"] = "plain/value 7f3a"
        step = bench.ask("trigger")
        bench.complete(step)
    rows = written_about_the_job(bench)
    assert "answered 400" in step.error
    assert "X-Custom: ***" in step.error
    assert not any(part in rows + step.error for part in ("abc-1f2e", "7f3a", "plain/value", "plain%2Fvalue"))


def written_about_the_job(bench: Bench) -> str:
    """The rows of events and of the joblog."""
    tables, names = bench.store._tables, bench.store.names
    assert isinstance(tables, MemoryTables)
    rows = [row for name in (names.control, names.joblog) for row in tables.rows_of(name)]
    return repr([row for row in rows if row["SK"].startswith(("EVENT#", "JOB#"))])


@contextmanager
def echo_server() -> Iterator[str]:
    """A target that answers 400 with the request's headers, also URL-encoded and as JSON."""

    class Echo(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = dict(self.headers)
            text = "\n".join(f"{name}: {value}" for name, value in headers.items() if name.startswith("X-"))
            body = (
                f"{text} {quote(headers['X-Env'], safe='')} {msgspec.json.encode(headers['X-Env']).decode()}".encode()
            )
            self.send_response(400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_failed_command_reports_its_error(with_command: Callable[[str], Bench]) -> None:
    bench = with_command("sh -c 'echo broken pipe >&2; exit 3'")
    step = bench.ask("trigger")
    assert (step.status, step.event, step.category) == ("finished", "fail", "TRANSIENT")
    assert "3" in step.error
    assert bench.complete(step).status == "failed"
    assert bench.run.status is RunStatus.FAILED_FINAL


def test_an_unset_variable_is_a_permanent_failure(with_command: Callable[[str], Bench]) -> None:
    bench = with_command("echo ${INTERLOCK_NOWHERE}")
    step = bench.ask("trigger")
    assert (step.status, step.event, step.category) == ("finished", "fail", "PERMANENT")
    assert "INTERLOCK_NOWHERE" in step.error


def test_a_trigger_without_an_evaluation_starts_no_job(bench: Bench, board: Board) -> None:
    bench.store.put_sensor("bronze", "ready", {"count": 3})
    with pytest.raises(RulesNotEvaluated, match="no evaluation of this attempt has passed"):
        bench.invoke("trigger")
    assert (board.starts, bench.run.job_intent) == ([], None)


def test_a_held_run_answers_its_reason_and_wait(bench: Bench) -> None:
    bench.store.put_sensor("bronze", "ready", {"count": 3})
    step = bench.ask("evaluate")
    assert (step.status, step.wait_seconds) == ("not-ready", 60)
    assert "3" in step.reason
    bench.now = NOW + timedelta(minutes=10)
    assert bench.ask("evaluate").status == "exhausted"
    assert bench.ask("validation-exhausted").status == "failed"
    assert bench.log() == ["validation-exhausted"]
    assert "VALIDATION_EXHAUSTED" in bench.events()


def test_a_polled_job_is_followed_to_its_end(bench: Bench, board: Board) -> None:
    bench.ask("evaluate")
    assert bench.ask("trigger").status == "running"
    assert (bench.ask("check-job").status, bench.ask("check-job").wait_seconds) == ("running", 60)
    board.status = Status(State.SUCCEEDED, None, "", 12.5)
    step = bench.ask("check-job")
    assert (step.status, step.event, step.duration) == ("finished", "success", 12.5)
    assert bench.complete(step).status == "succeeded"


@pytest.mark.parametrize(
    ("later", "kept"), [({"date": "2026-03-04", "rows": 7}, 100), ({"date": "2026-03-03", "rows": 90}, 90)]
)
def test_a_close_takes_a_new_baseline_from_rows_of_its_date(board: Board, later: dict[str, object], kept: int) -> None:
    bench = Bench(f"{GLUE}\npostRun: {{rules: [{{key: audit, check: exists}}]}}", board)
    bench.store.put_sensor("bronze", "audit", {"date": "2026-03-03", "rows": 100})
    bench.ask("evaluate")
    bench.ask("trigger")
    bench.store.put_sensor("bronze", "audit", later)
    board.status = Status(State.SUCCEEDED, None)
    assert bench.complete(bench.ask("check-job")).status == "succeeded"
    assert bench.store.baseline(KEY) == {"audit": {"date": "2026-03-03", "rows": kept}}


def test_a_job_that_runs_past_its_window_is_exhausted(bench: Bench) -> None:
    bench.ask("trigger")
    bench.now = NOW + timedelta(hours=1)
    assert bench.ask("check-job").status == "exhausted"
    assert bench.ask("job-poll-exhausted").status == "failed"
    assert (bench.log(), bench.run.status) == (["job-poll-exhausted"], RunStatus.FAILED_FINAL)


def test_a_status_that_cannot_be_read_is_not_an_end(bench: Bench, board: Board) -> None:
    bench.ask("trigger")
    board.status = CheckFailed(Category.TRANSIENT, "no answer", "glue")
    assert bench.ask("check-job").status == "running"


def test_an_external_outcome_ends_the_job(bench: Bench) -> None:
    bench.ask("trigger")
    entry = JobEntry(KEY, NOW + timedelta(minutes=1), "success")
    bench.store._tables.transact([Put(bench.store.names.joblog, entry_row(entry))])
    step = bench.ask("check-job")
    assert (step.event, step.at) == ("success", entry.at)


@pytest.mark.parametrize("length", [1_000, 250_000])
def test_an_external_failure_of_any_length_closes_the_attempt(bench: Bench, length: int) -> None:
    bench.ask("trigger")
    row = entry_row(JobEntry(KEY, NOW + timedelta(minutes=1), "fail", category="PERMANENT"))
    bench.store._tables.transact([Put(bench.store.names.joblog, {**row, "error": "e" * length})])
    step = bench.ask("check-job")
    assert len(step.error) < 5_000
    assert bench.complete(step).status == "retrying"


def test_a_success_dated_in_the_future_is_one_of_now(bench: Bench) -> None:
    run_id = bench.ask("trigger").run_id
    entry = JobEntry(KEY, NOW + timedelta(days=400), "success", run_id=run_id)
    bench.store._tables.transact([Put(bench.store.names.joblog, entry_row(entry))])
    bench.now = NOW + timedelta(minutes=1)
    assert bench.complete(bench.ask("check-job")).status == "succeeded"
    assert [found.at for found in bench.store.entries(KEY)] == [bench.now, entry.at]


class Slow(MemoryTables):
    """Tables whose reads of sensors take a while."""

    def __init__(self, sleep: Callable[[], None]) -> None:
        super().__init__()
        self.sleep = sleep

    def get_many(self, table: str, keys: Any) -> Any:
        wanted = list(keys)
        found = super().get_many(table, wanted)
        if any(sk.startswith("SENSOR#ready") for _, sk in wanted):
            self.sleep()
        return found


def test_an_evaluation_is_dated_before_its_reads(board: Board) -> None:
    """A write during the reads may not have been read, so it must count as later."""
    bench = Bench(GLUE, board, lambda made: Slow(made.wait))
    assert bench.ask("evaluate").status == "passed"
    assert bench.now > NOW
    assert bench.run.evaluated_at == NOW


def test_a_temporary_rejection_is_logged_and_raised(bench: Bench, board: Board) -> None:
    board.answers = [StartRejected(Category.TRANSIENT, "throttled", "glue")]
    with pytest.raises(SubmissionFailed, match="throttled"):
        bench.ask("trigger")
    assert bench.log() == ["infra-trigger-failure"]
    assert bench.run.job_intent is None
    assert bench.ask("trigger").status == "running"
    assert len(board.starts) == 2


def test_a_permanent_rejection_is_a_job_failure(bench: Bench, board: Board) -> None:
    board.answers = [StartRejected(Category.PERMANENT, "no such job", "glue")]
    step = bench.ask("trigger")
    assert (step.status, step.event, step.category) == ("finished", "fail", "PERMANENT")


def test_an_unsettled_lost_answer_fails_the_attempt(bench: Bench, board: Board) -> None:
    board.answers = [OutcomeUnknown(Category.TRANSIENT, "lost", "lambda")]
    step = bench.ask("trigger")
    assert step.error.startswith("outcome unknown")
    assert bench.ask("trigger") == step
    assert len(board.starts) == 1


def test_an_unconfirmed_start_is_settled_by_the_same_key(bench: Bench, board: Board) -> None:
    board.answers = [StartUnconfirmed(Category.TRANSIENT, "lost", "glue")]
    with pytest.raises(SubmissionFailed):
        bench.ask("trigger")
    assert bench.ask("trigger").status == "running"
    assert [attempt.resumed for attempt in board.starts] == [False, True]
    assert len({attempt.key for attempt in board.starts}) == 1


def test_an_invocation_that_died_is_waited_for_then_resumed(bench: Bench, board: Board) -> None:
    board.answers = [Died()]
    with pytest.raises(Died):
        bench.ask("trigger")
    assert (bench.ask("trigger").status, len(board.starts)) == ("running", 1)
    assert bench.ask("check-job").status == "running"
    bench.now = NOW + timedelta(minutes=5)
    assert bench.ask("check-job").status == "not-started"
    bench.ask("trigger")
    assert [attempt.resumed for attempt in board.starts] == [False, True]


def test_a_superseded_step_logs_the_run_as_it_is_now(
    bench: Bench, board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    old = bench.run.run_token
    bench.ask("trigger")
    board.status = Status(State.FAILED, Category.TRANSIENT, "bad luck")
    bench.complete(bench.ask("check-job"))
    with caplog.at_level("INFO"):
        for mode in ("evaluate", "trigger", "check-job", "infra-failure"):
            bench.ask(mode, old)
    logged = [vars(record)["fields"] for record in caplog.records if record.getMessage() == "step_superseded"]
    assert [fields["mode"] for fields in logged] == ["evaluate", "trigger", "check-job", "infra-failure"]
    assert {(fields["status"], fields["attempt"]) for fields in logged} == {("RUNNING", 1)}


@pytest.mark.parametrize(("count", "minutes", "status"), [(10, 0, "passed"), (9, 0, "not-ready"), (9, 11, "exhausted")])
def test_each_evaluation_counts_its_rules(bench: Bench, count: int, minutes: int, status: str) -> None:
    bench.store.put_sensor("bronze", "ready", {"count": count})
    bench.now += timedelta(minutes=minutes)
    assert bench.ask("evaluate").status == status
    assert bench.counted == [(Metric.RULES_EVALUATED, 1)]


def test_a_retry_delay_counts_no_rules(bench: Bench, board: Board) -> None:
    bench.configure("{type: glue, config: {jobName: j}, maxRetries: 1, retryDelay: 5m}")
    bench.ask("trigger")
    board.status = Status(State.FAILED, Category.TRANSIENT, "bad luck")
    bench.complete(bench.ask("check-job"))
    bench.mark_started()
    assert bench.ask("evaluate").reason == "waiting for the retry delay"
    assert Metric.RULES_EVALUATED not in dict(bench.counted)


def test_a_failed_attempt_opens_the_next_one(bench: Bench, board: Board) -> None:
    old = bench.run.run_token
    bench.ask("trigger")
    board.status = Status(State.FAILED, Category.TRANSIENT, "bad luck")
    assert bench.complete(bench.ask("check-job")).status == "retrying"
    assert (bench.run.attempt, bench.run.started_token) == (1, None)
    for mode in ("evaluate", "trigger", "check-job", "infra-failure"):
        assert bench.ask(mode, old).status == "superseded"
    assert bench.complete(Step(StepStatus.FINISHED, event="success"), old).status == "superseded"
    assert bench.run.attempt == 1
    bench.mark_started()
    bench.ask("evaluate")
    bench.ask("trigger")
    assert bench.ask("check-job").event == "fail"
    board.status = Status(State.SUCCEEDED, None)
    assert bench.complete(bench.ask("check-job")).status == "succeeded"
    assert bench.log() == ["fail", "success"]


def test_a_close_that_is_repeated_answers_the_same(bench: Bench, board: Board) -> None:
    bench.ask("trigger")
    board.status = Status(State.SUCCEEDED, None)
    step = bench.ask("check-job")
    token = bench.run.run_token
    assert [bench.complete(step, token).status for _ in range(2)] == ["succeeded", "succeeded"]
    assert bench.events().count("JOB_COMPLETED") == 1


def test_only_failures_of_the_infrastructure_count_for_the_alarm(
    bench: Bench, board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    def counted() -> list[dict[str, Any]]:
        return [vars(record)["fields"] for record in caplog.records if record.getMessage() == "infra_failure"]

    old = bench.run.run_token
    bench.ask("trigger")
    board.status = Status(State.FAILED, Category.TRANSIENT, "bad luck")
    bench.complete(bench.ask("check-job"))
    assert bench.ask("infra-failure", old).status == "superseded"
    assert counted() == []
    bench.ask("infra-failure", failure={"Error": "States.Timeout", "Cause": "the Lambda never answered"})
    (line,) = counted()
    assert "the Lambda never answered" in line["reason"]


@pytest.mark.parametrize("mode", ["trigger-exhausted", "infra-failure"])
def test_a_failure_without_a_retry_has_its_reason(bench: Bench, mode: str) -> None:
    step = bench.ask(mode, failure={"Error": "States.Timeout", "Cause": "the Lambda never answered"})
    assert step.status == "failed"
    assert "INFRA_FAILURE" in bench.events()


def test_a_config_that_vanished_stops_the_job_from_starting(bench: Bench, board: Board) -> None:
    bench.store._tables.transact([Delete(bench.store.names.control, "PIPELINE#bronze", "CONFIG")])
    assert bench.ask("evaluate").status == "failed"
    assert board.starts == []
    assert bench.run.status is RunStatus.FAILED_FINAL
    assert "CONFIG_INVALID" in bench.events()


@pytest.fixture
def lost(bench: Bench, board: Board) -> Bench:
    """A start without an answer, under a config that has become a dry run."""
    board.answers, board.is_findable = [StartUnconfirmed(Category.TRANSIENT, "cut", "glue")], True
    bench.ask("evaluate")
    with pytest.raises(SubmissionFailed):
        bench.ask("trigger")
    bench.configure(GLUE, more="dryRun: true\n")
    return bench


def test_a_found_lost_start_is_followed_against_the_config(lost: Bench, board: Board) -> None:
    board.found = Started("glue", "job-7")
    assert lost.ask("trigger").run_id == "job-7"
    assert len(board.starts) == 1
    assert "JOB_TRIGGERED" in lost.events()


def test_a_lost_start_is_not_repeated_against_the_config(lost: Bench, board: Board) -> None:
    board.found = CheckFailed(Category.TRANSIENT, "no answer", "glue")
    with pytest.raises(SubmissionFailed, match="the search for the glue job failed"):
        lost.ask("trigger")
    board.found = None
    assert lost.ask("trigger").status == "failed"
    assert len(board.starts) == 1
    assert lost.run.status is RunStatus.FAILED_FINAL
    assert "CONFIG_INVALID" in lost.events()


def test_a_request_of_another_shape_names_what_is_wrong(bench: Bench) -> None:
    with pytest.raises(msgspec.ValidationError, match="mode"):
        bench.ask("dance")

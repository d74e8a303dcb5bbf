"""`interlock rerun FROM..TO`: each date once, also after an interruption, at the pace, with every rejection listed."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_config import decode_yaml
from interlock_lifecycle import JobOutcome, Pause, RunKey
from interlock_lifecycle.dates import dates_between
from interlock_lifecycle.reruns import RerunFacts, decide_rerun
from interlock_lifecycle.runs import CloseFacts, decide_completion
from interlock_sla import ExecutionDate, parse_execution_date
from interlock_store import Commit, MemoryTables, Store, TableNames, read_rerun_request

TIMEOUT = timedelta(hours=4)
FIRST = date(2026, 3, 1)
PIPELINE = """
pipeline: {{id: p}}
schedule: {schedule}
validation: {{rules: [{{key: landing, check: exists}}]}}
job: {{type: command, config: {{command: "true"}}, maxManualReruns: 1}}
"""
BY_DATA = "{trigger: {key: landing, check: exists}, exclude: {dates: ['2026-03-08']}, dates: {back: 0}}"


class Killed(BaseException):
    """The end of the process. No code catches it."""


class Controller:
    """Answers the requests and ends the runs at each pause of the command, as the Lambdas do meanwhile."""

    def __init__(self, tables: MemoryTables, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tables = tables
        self.store = Store(tables, TableNames.of_environment("test"))
        self.push(BY_DATA)
        self.open: list[RunKey] = []
        self.most_open = 0
        self.naps = 0
        self.killed_at = 0
        self.fails: set[str] = set()
        monkeypatch.setattr("interlock_cli._runs._backfill.time.sleep", self.nap)

    def push(self, schedule: str) -> None:
        self.store.put_config(decode_yaml(PIPELINE.format(schedule=schedule), "p.yaml"))

    def key(self, day: str) -> RunKey:
        config = self.store.config("p").config
        assert config is not None
        return RunKey("p", config.schedule_id, parse_execution_date(day))

    def nap(self, _: float) -> None:
        self.naps += 1
        assert self.naps < 500, "the command waits for ever"
        if self.naps == self.killed_at:
            raise Killed
        self.end_one()
        self.answer_all()

    def answer_all(self) -> None:
        rows = self.tables.rows_of(self.store.names.control)
        for row in rows:
            if row["SK"].startswith("RERUN_REQUEST#") and "handledAt" not in row:
                self.answer(row)

    def answer(self, row: dict[str, Any]) -> None:
        stored, request = self.store.config("p"), read_rerun_request(row, datetime.now(UTC))
        assert stored.config is not None
        key = request.key
        known = (self.store.run(key), stored.exclusions, self.store.entries(key), self.store.reruns(key), None)
        decision = decide_rerun(request, RerunFacts(*known), stored.config, execution_timeout=TIMEOUT)
        assert self.store.commit(decision) is Commit.COMMITTED  # type: ignore[arg-type]
        if self.store.answer_of(key, request.identity) == "accepted":
            self.open.append(key)
            self.most_open = max(self.most_open, len(self.open))

    def end_one(self) -> None:
        if not self.open:
            return
        key = self.open.pop(0)
        run, stored = self.store.run(key), self.store.config("p")
        assert run is not None
        outcome = JobOutcome("fail" if str(key.date) in self.fails else "success", error="boom", category="TRANSIENT")
        facts = CloseFacts(run, stored.config, 9, stored.exclusions, self.store.sla(key))
        closed = decide_completion(facts, run.run_token, outcome, now=datetime.now(UTC), execution_timeout=TIMEOUT)
        assert self.store.commit(closed) is Commit.COMMITTED  # type: ignore[arg-type]

    def attempts(self) -> Counter[str]:
        """The number of accepted requests of each date."""
        rows = self.tables.rows_of(self.store.names.rerun)
        return Counter(str(row["SK"]).split("#")[2] for row in rows)


@pytest.fixture
def controller(tables: MemoryTables, monkeypatch: pytest.MonkeyPatch) -> Controller:
    return Controller(tables, monkeypatch)


def invoke(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["rerun", "p", *words], env={"NO_COLOR": "1"})
    assert done.exit_code == code, done.output
    return done


def days(first: int, last: int) -> list[str]:
    return [f"2026-03-{day:02}" for day in range(first, last + 1)]


def test_each_date_of_the_range_runs_once(controller: Controller) -> None:
    lines = invoke("2026-03-01..2026-03-05", "--wait").stdout.splitlines()
    assert lines[-1] == "5 completed"
    assert controller.attempts() == Counter(days(1, 5))


@pytest.mark.parametrize("pace", [1, 2, 5])
def test_pace_limits_the_dates_under_way(pace: int, controller: Controller) -> None:
    invoke("2026-03-10..2026-03-25", "--wait", "--pace", str(pace))
    assert controller.most_open == pace


@pytest.mark.parametrize("killed_at", [1, 2, 3, 10, 20, 28, 29, 30, 31])
def test_killed_backfill_requests_each_date_once(killed_at: int, controller: Controller) -> None:
    controller.killed_at = killed_at
    with pytest.raises(Killed):
        CliRunner().invoke(main, ["rerun", "p", "2026-03-09..2026-04-07", "--wait", "--pace", "3"])
    assert controller.naps == killed_at
    controller.killed_at = 0
    invoke("2026-03-09..2026-04-07", "--wait", "--pace", "3")
    attempts = controller.attempts()
    assert len(attempts) == 30
    assert set(attempts.values()) == {1}
    assert controller.most_open <= 3


def test_finished_backfill_requests_nothing_again(controller: Controller) -> None:
    invoke("2026-03-01..2026-03-03", "--wait")
    assert invoke("2026-03-01..2026-03-03", "--wait").stdout.splitlines()[-1] == "3 completed"
    assert set(controller.attempts().values()) == {1}


def test_budget_of_a_date_holds_for_another_backfill(controller: Controller) -> None:
    invoke("2026-03-01..2026-03-02", "--wait")
    said = invoke("2026-03-01..2026-03-03", "--wait", "--name", "again", code=1).stdout
    assert "2026-03-01  rejected: no manual rerun left (1 of 1 used)" in said
    assert said.splitlines()[-1] == "2 rejected, 1 completed"
    assert controller.attempts() == Counter(days(1, 3))


def test_excluded_date_is_listed_and_not_requested(controller: Controller) -> None:
    said = invoke("2026-03-07..2026-03-09", "--wait", code=1).stdout
    assert "2026-03-08  rejected: 2026-03-08 is excluded" in said
    assert controller.attempts() == Counter(["2026-03-07", "2026-03-09"])
    assert controller.store.standing_request(controller.key("2026-03-08")) is None


def test_days_that_the_schedule_does_not_name_are_listed(controller: Controller) -> None:
    controller.push('{cron: "0 6 * * 1-5", dates: {back: 0}}')
    said = invoke("2026-03-06..2026-03-09", "--wait").stdout.splitlines()
    assert said[:2] == [
        "2026-03-07  not scheduled: the schedule names no date on it",
        "2026-03-08  not scheduled: the schedule names no date on it",
    ]
    assert controller.attempts() == Counter(["2026-03-06", "2026-03-09"])


def test_failed_run_is_a_bad_result_of_a_wait(controller: Controller) -> None:
    controller.fails = {"2026-03-02"}
    said = invoke("2026-03-01..2026-03-03", "--wait", code=1).stdout
    assert "2026-03-02  failed: fail: boom" in said
    assert said.splitlines()[-1] == "2 completed, 1 failed"


def test_dry_run_shows_the_answers_and_writes_nothing(controller: Controller) -> None:
    before = controller.tables.rows_of(controller.store.names.control)
    said = invoke("2026-03-07..2026-03-09", "--dry-run").stdout.splitlines()
    assert said == [
        "2026-03-07  would be accepted",
        "2026-03-08  rejected: 2026-03-08 is excluded",
        "2026-03-09  would be accepted",
        "2 would be accepted, 1 rejected; nothing was requested",
    ]
    assert invoke("2026-03-08", "--dry-run").stdout.startswith("2026-03-08  rejected")
    assert controller.tables.rows_of(controller.store.names.control) == before


def test_another_waiting_request_is_not_replaced(controller: Controller) -> None:
    key = controller.key("2026-03-02")
    controller.store.request_rerun(key, reason="manual", note=None, requested_at="mine")
    said = invoke("2026-03-02..2026-03-02", code=1).stdout
    assert "2026-03-02  rejected: another rerun request of the date waits for its answer" in said
    assert controller.store.answer_of(key, "mine") == "waits"


def test_race_for_a_date_ends_with_the_answer(controller: Controller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the answer, the date gets excluded. The answer of the controller counts."""
    answer_all = controller.answer_all

    def exclude_first() -> None:
        controller.push("{trigger: {key: landing, check: exists}, exclude: {dates: ['2026-03-02']}, dates: {back: 0}}")
        answer_all()

    monkeypatch.setattr(controller, "answer_all", exclude_first)
    said = invoke("2026-03-02..2026-03-02", code=1).stdout
    assert said.splitlines() == ["2026-03-02  requested", "2026-03-02  rejected: 2026-03-02 is excluded", "1 rejected"]


def test_range_over_the_budget_requests_nothing(controller: Controller) -> None:
    said = invoke("2026-03-01..2026-03-20", "--budget", "19", code=2).stderr
    assert said == "error: 2026-03-01..2026-03-20 has 20 dates, and the budget is 19; allow them with --budget 20\n"
    assert controller.attempts() == Counter()
    assert "has 365 dates, and the budget is 100" in invoke("2026-01-01..2026-12-31", code=2).stderr


def test_programs_get_the_last_result_of_each_date(controller: Controller) -> None:
    answer = json.loads(invoke("2026-03-07..2026-03-08", "--wait", "--json", code=1).stdout)
    assert answer == {
        "pipeline": "p",
        "dry_run": False,
        "counts": {"completed": 1, "rejected": 1},
        "dates": [
            {"date": "2026-03-07", "result": "completed", "reason": ""},
            {"date": "2026-03-08", "result": "rejected", "reason": "2026-03-08 is excluded"},
        ],
    }


def test_one_date_has_the_shape_of_a_range(controller: Controller) -> None:
    for day, more, result in (("2026-03-02", ["--wait"], "completed"), ("2026-03-03", [], "requested")):
        answer = json.loads(invoke(day, *more, "--json").stdout)
        assert answer == {
            "pipeline": "p",
            "date": day,
            "result": result,
            "dry_run": False,
            "counts": {result: 1},
            "dates": [{"date": day, "result": result, "reason": ""}],
        }


def test_one_date_is_followed_to_its_end(controller: Controller) -> None:
    said = invoke("2026-03-02", "--wait").stdout.splitlines()
    assert said == ["2026-03-02  requested", "2026-03-02  accepted", "2026-03-02  completed", "1 completed"]
    controller.fails = {"2026-03-03"}
    assert "2026-03-03  failed: fail: boom" in invoke("2026-03-03", "--wait", code=1).stdout
    # The controller decides about a single date, and its rejection is an event.
    said = invoke("2026-03-08", "--wait", code=1).stdout.splitlines()
    assert said == ["2026-03-08  requested", "2026-03-08  rejected: 2026-03-08 is excluded", "1 rejected"]


def test_one_date_is_requested_again_each_time(controller: Controller) -> None:
    invoke("2026-03-02", "--wait")
    assert "rejected: " in invoke("2026-03-02", "--wait", code=1).stdout
    assert controller.attempts() == Counter({"2026-03-02": 1})


def test_pause_is_a_warning(controller: Controller) -> None:
    controller.store.pause("p", Pause(None, "ada"))
    said = invoke("2026-03-01..2026-03-01", "--dry-run").stderr
    assert said == "warning: the pipeline is paused until it is resumed by ada; accepted dates wait for its end\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("2026-03-02..2026-03-01",), "FROM must not be after TO"),
        (("2026-03-02..2026-03-02T07",), "FROM and TO must both be days, or both be hours"),
        (("2026-03-02..",), "''"),
        (("x..2026-03-01",), "'x'"),
        (("2026-03-02", "--pace", "2", "--name", "n"), "--pace, --name: only for a range FROM..TO."),
        (("2026-03-02", "--reason", "late-data", "--wait"), "--reason late-data: is reserved"),
        (("2026-03-01..2026-03-02", "--reason", "late-data"), "--reason late-data: is reserved"),
    ],
)
def test_invalid_range_is_an_error_of_the_input(words: tuple[str, ...], said: str, controller: Controller) -> None:
    assert said in invoke(*words, code=2).stderr
    assert controller.attempts() == Counter()


@pytest.mark.parametrize(
    ("schedule", "first", "last", "found"),
    [
        (BY_DATA, "2026-02-27", "2026-03-01", ["2026-02-27", "2026-02-28", "2026-03-01"]),
        (BY_DATA, "2026-03-01T22", "2026-03-02T01", [f"2026-03-{t}" for t in ("01T22", "01T23", "02T00", "02T01")]),
        ('{cron: "0 6 * * 1"}', "2026-03-01", "2026-03-31", [f"2026-03-{day:02}" for day in (2, 9, 16, 23, 30)]),
        ('{cron: "0 6,18 * * *"}', "2026-03-01", "2026-03-01", ["2026-03-01T06", "2026-03-01T18"]),
        ('{cron: "0 6,18 * * *"}', "2026-03-01T07", "2026-03-02T06", ["2026-03-01T18", "2026-03-02T06"]),
        ("{include: {dates: ['2026-03-05', '2026-04-01']}}", "2026-03-01", "2026-03-31", ["2026-03-05"]),
        ("{timezone: Pacific/Kiritimati, cron: '0 1 * * *'}", "2026-03-01", "2026-03-02", ["2026-03-01", "2026-03-02"]),
        (
            "{timezone: America/New_York, trigger: {key: a, check: exists}}",
            "2026-03-08T01",
            "2026-03-08T04",
            [
                "2026-03-08T01",
                "2026-03-08T03",
                "2026-03-08T04",
            ],
        ),
    ],
)
def test_range_has_the_dates_that_the_schedule_names(schedule: str, first: str, last: str, found: list[str]) -> None:
    config = decode_yaml(PIPELINE.format(schedule=schedule), "p.yaml")
    begin, end = parse_execution_date(first), parse_execution_date(last)
    assert isinstance(begin, ExecutionDate)
    assert [str(one) for one in dates_between(config, begin, end)] == found

"""`interlock rerun FROM..TO`: each date once, also after an interruption, at the pace, with every rejection listed."""

import json
from collections import Counter
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_lifecycle.dates import dates_between
from interlock_sla import ExecutionDate, parse_execution_date
from interlock_store._write import Put

BY_DATA = "{trigger: {key: landing, check: exists}, exclude: {dates: ['2026-03-08']}, dates: {back: 0}}"


def invoke(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["rerun", "p", *words], env={"NO_COLOR": "1"})
    assert done.exit_code == code, done.output
    return done


def days(first: int, last: int) -> list[str]:
    return [f"2026-03-{day:02}" for day in range(first, last + 1)]


def test_each_date_of_the_range_runs_once(controller: Any) -> None:
    lines = invoke("2026-03-01..2026-03-05", "--wait").stdout.splitlines()
    assert lines[-1] == "5 completed"
    assert controller.attempts() == Counter(days(1, 5))


@pytest.mark.parametrize("pace", [1, 2, 5])
def test_pace_limits_the_dates_under_way(pace: int, controller: Any) -> None:
    invoke("2026-03-10..2026-03-25", "--wait", "--pace", str(pace))
    assert controller.most_open == pace


@pytest.mark.parametrize("killed_at", [1, 2, 3, 10, 20, 28, 29, 30, 31])
def test_killed_backfill_requests_each_date_once(killed_at: int, controller: Any) -> None:
    controller.killed_at = killed_at
    with pytest.raises(controller.Killed):
        CliRunner().invoke(main, ["rerun", "p", "2026-03-09..2026-04-07", "--wait", "--pace", "3"])
    assert controller.naps == killed_at
    controller.killed_at = 0
    invoke("2026-03-09..2026-04-07", "--wait", "--pace", "3")
    attempts = controller.attempts()
    assert len(attempts) == 30
    assert set(attempts.values()) == {1}
    assert controller.most_open <= 3


def test_finished_backfill_requests_nothing_again(controller: Any) -> None:
    invoke("2026-03-01..2026-03-03", "--wait")
    assert invoke("2026-03-01..2026-03-03", "--wait").stdout.splitlines()[-1] == "3 completed"
    assert set(controller.attempts().values()) == {1}


def test_budget_of_a_date_holds_for_another_backfill(controller: Any) -> None:
    invoke("2026-03-01..2026-03-02", "--wait")
    said = invoke("2026-03-01..2026-03-03", "--wait", "--name", "again", code=1).stdout
    assert "2026-03-01  rejected: no manual rerun left (1 of 1 used)" in said
    assert said.splitlines()[-1] == "2 rejected, 1 completed"
    assert controller.attempts() == Counter(days(1, 3))


def test_excluded_date_is_listed_and_not_requested(controller: Any) -> None:
    said = invoke("2026-03-07..2026-03-09", "--wait").stdout
    assert "2026-03-08  excluded: Sunday (excluded date)" in said
    assert said.splitlines()[-1] == "2 completed, 1 excluded"
    assert controller.attempts() == Counter(["2026-03-07", "2026-03-09"])
    assert controller.store.standing_request(controller.key("2026-03-08")) is None


def test_days_that_the_schedule_does_not_name_are_listed(controller: Any) -> None:
    controller.push('{cron: "0 6 * * 1-5", dates: {back: 0}}')
    said = invoke("2026-03-06..2026-03-09", "--wait").stdout.splitlines()
    assert said == [
        "2026-03-06  requested",
        "2026-03-07  not scheduled: the schedule names no date on it",
        "2026-03-08  not scheduled: the schedule names no date on it",
        "2026-03-09  requested",
        "2026-03-06  accepted",
        "2026-03-09  accepted",
        "2026-03-06  completed",
        "2026-03-09  completed",
        "2 completed, 2 not scheduled",
    ]
    assert controller.attempts() == Counter(["2026-03-06", "2026-03-09"])


@pytest.mark.parametrize("schedule", ['{cron: "0 6 * * *"}', "{include: {dates: ['2026-03-06']}}"])
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_hours_of_a_daily_pipeline_are_an_error(schedule: str, more: tuple[str, ...], controller: Any) -> None:
    controller.push(schedule)
    said = invoke("2026-03-06T00..2026-03-07T05", *more, code=2).stderr
    assert said == ("error: 2026-03-06T00..2026-03-07T05 has hours, and the dates of p are days, such as 2026-03-06\n")


def test_days_of_an_hourly_cron_are_its_hours(controller: Any) -> None:
    controller.push('{cron: "0 6,18 * * *", dates: {back: 0}}')
    said = invoke("2026-03-06..2026-03-06", "--dry-run").stdout.splitlines()
    assert [line.split()[0] for line in said[:2]] == ["2026-03-06T06", "2026-03-06T18"]


def test_days_without_a_date_at_the_end_come_last(controller: Any) -> None:
    controller.push('{cron: "0 6 * * 1-5", dates: {back: 0}}')
    said = invoke("2026-02-28..2026-03-07", "--dry-run").stdout.splitlines()
    assert [line.split()[0] for line in said[:-1]] == ["2026-02-28", *days(1, 7)]


def test_failed_run_is_a_bad_result_of_a_wait(controller: Any) -> None:
    controller.fails = {"2026-03-02"}
    said = invoke("2026-03-01..2026-03-03", "--wait", code=1).stdout
    assert "2026-03-02  failed: fail: boom" in said
    assert said.splitlines()[-1] == "2 completed, 1 failed"


def test_dry_run_shows_the_answers_and_writes_nothing(controller: Any) -> None:
    before = controller.tables.rows_of(controller.store.names.control)
    said = invoke("2026-03-07..2026-03-09", "--dry-run").stdout.splitlines()
    assert said == [
        "2026-03-07  would be accepted",
        "2026-03-08  excluded: Sunday (excluded date)",
        "2026-03-09  would be accepted",
        "2 would be accepted, 1 excluded; nothing was requested",
    ]
    assert invoke("2026-03-08", "--dry-run").stdout.startswith("2026-03-08  rejected")
    assert controller.tables.rows_of(controller.store.names.control) == before


def test_another_waiting_request_is_not_replaced(controller: Any) -> None:
    key = controller.key("2026-03-02")
    controller.store.request_rerun(key, reason="manual", note=None, requested_at="mine")
    said = invoke("2026-03-02..2026-03-02", code=1).stdout
    assert "2026-03-02  rejected: another rerun request of the date waits for its answer" in said
    assert controller.store.answer_of(key, "mine") == "waits"


def test_race_for_a_date_ends_with_the_answer(controller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the answer, the date gets excluded. The answer of the controller counts."""
    answer_all = controller.answer_all

    def exclude_first() -> None:
        controller.push("{trigger: {key: landing, check: exists}, exclude: {dates: ['2026-03-02']}, dates: {back: 0}}")
        answer_all()

    monkeypatch.setattr(controller, "answer_all", exclude_first)
    said = invoke("2026-03-02..2026-03-02", code=1).stdout
    assert said.splitlines() == ["2026-03-02  requested", "2026-03-02  rejected: 2026-03-02 is excluded", "1 rejected"]


def test_date_whose_row_cannot_be_read_stops_no_other(controller: Any) -> None:
    row = {"PK": "PIPELINE#p", "SK": "TRIGGER#stream#2026-03-02", "status": "?"}
    controller.tables.transact([Put(controller.store.names.control, row)])
    said = invoke("2026-03-01..2026-03-03", "--wait", code=1).stdout
    assert "2026-03-02  rejected: row PIPELINE#p / TRIGGER#stream#2026-03-02: " in said
    assert controller.attempts() == Counter(["2026-03-01", "2026-03-03"])


@pytest.mark.parametrize("words", [("2026-03-01..2026-03-05", "--pace", "2"), ("2026-03-01", "--wait")])
def test_backfill_of_a_dry_run_ends(words: tuple[str, ...], controller: Any) -> None:
    controller.push(BY_DATA, "dryRun: true")
    done = invoke(*words)
    said = "without a run: the pipeline is a dry run, which starts nothing"
    assert f"2026-03-01  {said}" in done.stdout.splitlines()
    assert "requested" not in done.stdout.splitlines()[-1]
    assert done.stderr == "warning: p is a dry run: its requests are answered, and nothing starts\n"


def test_repeated_command_waits_for_an_old_answer(controller: Any) -> None:
    """The command was killed between its request and the answer."""
    controller.killed_at = 1
    with pytest.raises(controller.Killed):
        CliRunner().invoke(main, ["rerun", "p", "2026-03-02..2026-03-02"])
    controller.killed_at = 0
    said = invoke("2026-03-02..2026-03-02").stdout.splitlines()
    assert said == ["2026-03-02  requested before", "2026-03-02  accepted", "1 accepted"]


def test_range_over_the_budget_requests_nothing(controller: Any) -> None:
    said = invoke("2026-03-01..2026-03-20", "--budget", "19", code=2).stderr
    assert said == "error: 2026-03-01..2026-03-20 has 20 dates, and the budget is 19; allow them with --budget 20\n"
    assert controller.attempts() == Counter()
    assert "has 365 dates, and the budget is 100" in invoke("2026-01-01..2026-12-31", code=2).stderr


def test_programs_get_the_last_result_of_each_date(controller: Any) -> None:
    answer = json.loads(invoke("2026-03-07..2026-03-08", "--wait", "--json").stdout)
    assert answer == {
        "pipeline": "p",
        "dry_run": False,
        "counts": {"completed": 1, "excluded": 1},
        "dates": [
            {"date": "2026-03-07", "result": "completed", "reason": ""},
            {"date": "2026-03-08", "result": "excluded", "reason": "Sunday (excluded date)"},
        ],
    }


def test_one_date_has_the_shape_of_a_range(controller: Any) -> None:
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


def test_one_date_is_followed_to_its_end(controller: Any) -> None:
    said = invoke("2026-03-02", "--wait").stdout.splitlines()
    assert said == ["2026-03-02  requested", "2026-03-02  accepted", "2026-03-02  completed"]
    controller.fails = {"2026-03-03"}
    assert "2026-03-03  failed: fail: boom" in invoke("2026-03-03", "--wait", code=1).stdout


@pytest.mark.parametrize("more", [(), ("--wait",)])
def test_one_date_that_is_rejected_is_not_requested(more: tuple[str, ...], controller: Any) -> None:
    before = controller.tables.rows_of(controller.store.names.control)
    assert invoke("2026-03-08", *more, code=1).stdout == "2026-03-08  rejected: 2026-03-08 is excluded\n"
    answer = json.loads(invoke("2026-03-08", *more, "--json", code=1).stdout)
    assert (answer["result"], answer["dates"][0]["reason"]) == ("rejected", "2026-03-08 is excluded")
    assert controller.tables.rows_of(controller.store.names.control) == before


def test_one_date_names_the_command_with_its_answer(controller: Any) -> None:
    assert invoke("2026-03-02").stdout.splitlines() == [
        "2026-03-02  requested",
        "the answer: interlock why p 2026-03-02 (--wait waits for it)",
    ]


def test_one_date_whose_answer_waits_is_requested_again(controller: Any) -> None:
    """A request that no component answers, such as a malformed one of another writer, blocks no other."""
    key = controller.key("2026-03-02")
    controller.store.request_rerun(key, reason="manual", note=None, requested_at="mine")
    invoke("2026-03-02", "--wait")
    assert controller.store.answer_of(key, "mine") is None
    assert controller.attempts() == Counter(["2026-03-02"])


def test_one_date_is_requested_again_each_time(controller: Any) -> None:
    invoke("2026-03-02", "--wait")
    assert "rejected: " in invoke("2026-03-02", "--wait", code=1).stdout
    assert controller.attempts() == Counter({"2026-03-02": 1})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("2026-03-02..2026-03-01",), "FROM must not be after TO"),
        (("2026-03-02..2026-03-02T07",), "FROM and TO must both be days, or both be hours"),
        (("2026-03-02..",), "''"),
        (("x..2026-03-01",), "'x'"),
        (("2026-03-02", "--pace", "2", "--name", "n"), "--pace, --name: only for a range FROM..TO"),
        (("2026-03-02", "--reason", "late-data"), "--reason late-data: is reserved"),
        (("2026-03-01..2026-03-02", "--reason", "late-data"), "--reason late-data: is reserved"),
    ],
)
def test_invalid_range_is_an_error_of_the_input(words: tuple[str, ...], said: str, controller: Any) -> None:
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
def test_range_has_the_dates_that_the_schedule_names(
    schedule: str, first: str, last: str, found: list[str], controller: Any
) -> None:
    controller.push(schedule)
    config = controller.store.config("p").config
    begin, end = parse_execution_date(first), parse_execution_date(last)
    assert isinstance(begin, ExecutionDate)
    assert [str(one) for one in dates_between(config, begin, end)] == found

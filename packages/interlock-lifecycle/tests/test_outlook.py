"""Which pipelines the dates of their rows would hold, and by which row."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import KeptRows
from interlock_lifecycle.reports import (
    DateHold,
    MovedDeadline,
    date_to_judge,
    held_by_dates,
    moved_deadlines,
    unreadable_triggers,
)
from interlock_rules import KeptRow
from interlock_sla import Exclusions, parse_execution_date

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
DAY, HOUR = parse_execution_date("2026-03-03"), parse_execution_date("2026-03-03T07")
NO_ROWS = KeptRows()


def pipeline(
    *rules: str, schedule: str = "{trigger: {key: landing, check: exists}}", mode: str = "ALL"
) -> PipelineConfig:
    written = ", ".join(rules or ("{key: landing, check: gte, field: count, value: 1}",))
    return decode_yaml(
        f"pipeline: {{id: bronze}}\nschedule: {schedule}\nvalidation: {{trigger: {mode}, rules: [{written}]}}\n"
        "job: {type: command, config: {command: load}}\n"
    )


LANDING = "{key: landing, check: gte, field: count, value: 1}"
PRICES = "{key: prices, check: exists%s}"


def test_a_row_of_another_date_holds_its_rules() -> None:
    rows = {"landing": {"date": "2026-03-02", "count": 5}}
    config = pipeline(LANDING, "{key: landing, check: exists}", PRICES % "")
    assert held_by_dates(config, DAY, rows, NO_ROWS) == tuple(
        DateHold(
            f"validation.rules[{place}]", ("landing",), "a run of 2026-03-03 would be held: landing is of 2026-03-02"
        )
        for place in (0, 1)
    )


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        (LANDING, {"landing": {"date": "2026-03-03"}}),
        (LANDING, {"landing": {"date": Decimal(20260303)}}),
        (LANDING, {"landing": {"count": 1}}),
        (LANDING, {"landing": {"date": "2026-03-03", "hour": "07"}}),
        (LANDING, {"landing#2026-03-03": {"count": 1}, "landing": {"date": "2026-03-04"}}),
        (PRICES % ", anyDate: true", {"prices": {"date": "2020-01-01"}}),
        (PRICES % ", dateOffset: -1", {"prices": {"date": "2026-03-02"}}),
        # No row at all: the rule waits for one, as it always did.
        (LANDING, {}),
    ],
)
def test_a_row_that_counts_holds_nothing(rule: str, row: dict[str, dict[str, object]]) -> None:
    assert held_by_dates(pipeline(rule), DAY, row, NO_ROWS) == ()


@pytest.mark.parametrize(
    ("rule", "date", "rows", "says"),
    [
        (LANDING, HOUR, {"landing": {"date": "2026-03-03", "hour": "08"}}, "landing is of 2026-03-03T08"),
        (PRICES % ", dateOffset: -1", DAY, {"prices": {"date": "2026-03-03"}}, "prices is of 2026-03-03, where"),
        (LANDING, DAY, {"landing": {"date": "2026/03/03"}}, "landing has a row whose date is '2026/03/03', which"),
        (LANDING, DAY, {"landing#20260303": {"date": None}}, "landing has a row whose date is null, which"),
    ],
)
def test_the_reason_names_the_date_or_what_is_unreadable(
    rule: str, date: object, rows: dict[str, dict[str, object]], says: str
) -> None:
    [hold] = held_by_dates(pipeline(rule), date, rows, NO_ROWS)  # type: ignore[arg-type]
    assert hold.says.startswith(f"a run of {date} would be held: {says}")
    assert hold.rows == tuple(rows)


def test_where_any_rule_suffices_all_of_them_must_be_held() -> None:
    rows = {"landing": {"date": "2026-03-02"}, "prices": {"date": "2026-03-03"}}
    config = pipeline(LANDING, PRICES % "", mode="ANY")
    assert held_by_dates(config, DAY, rows, NO_ROWS) == ()
    both = held_by_dates(config, DAY, rows | {"prices": {"date": "2026-03-01"}}, NO_ROWS)
    assert [hold.rows for hold in both] == [("landing",), ("prices",)]


def test_a_row_that_the_date_keeps_is_judged_in_its_place() -> None:
    config = pipeline(LANDING)
    kept = KeptRows({config.validation.rules[0].row_name: KeptRow({"count": 5}, NOW)})
    assert held_by_dates(config, DAY, {"landing": {"date": "2026-03-04"}}, kept) == ()


CRON = '{cron: "0 8 * * *", timezone: Europe/Berlin}'
NONE = Exclusions()


@pytest.mark.parametrize(
    ("schedule", "newest", "exclusions", "judged"),
    [
        ("{trigger: {key: landing, check: exists}}", None, NONE, None),
        ("{trigger: {key: landing, check: exists}}", "2026-03-01", NONE, "2026-03-01"),
        (CRON, None, NONE, "2026-03-04"),
        (CRON, "2026-03-01", NONE, "2026-03-04"),
        (CRON, "2026-03-05", NONE, "2026-03-05"),
        (CRON, None, Exclusions(dates=frozenset({date(2026, 3, 4), date(2026, 3, 3)})), "2026-03-02"),
        (
            CRON,
            None,
            Exclusions(dates=frozenset(date(2026, month, day) for month in (2, 3) for day in range(1, 29))),
            None,
        ),
        ('{cron: "0 11 * * *", timezone: Europe/Berlin}', None, NONE, "2026-03-03"),
        ('{cron: "0 * * * *", timezone: Europe/Berlin}', None, NONE, "2026-03-04T10"),
        # A cron with a trigger starts with the trigger's sensor.
        ('{cron: "0 8 * * *", trigger: {key: landing, check: exists}}', "2026-03-02", NONE, "2026-03-02"),
    ],
)
def test_rows_are_judged_by_the_newest_date(
    schedule: str, newest: str | None, exclusions: Exclusions, judged: str | None
) -> None:
    known = None if newest is None else parse_execution_date(newest)
    found = date_to_judge(pipeline(schedule=schedule), known, exclusions, NOW)
    assert (None if found is None else str(found)) == judged


def test_rows_of_the_trigger_with_a_wrong_date_open_no_run() -> None:
    rows: dict[str, dict[str, object]] = {
        "landing": {"date": "2026-03-03"},
        "landing#2026-13-45": {},
        "landing#x": {"date": "2026-03-03", "hour": "24"},
        "landing#eu": {},
        "first-sensor-arrival#2026-13-45": {},
    }
    found = list(unreadable_triggers(rows))
    assert [hold.rows for hold in found] == [("landing#2026-13-45",), ("landing#x",)]
    assert found[1].path == "schedule.trigger"
    assert found[1].says.startswith("row landing#x opens no run: its hour is '24', which is not")


@pytest.mark.parametrize(
    ("schedule", "sla", "says"),
    [
        (
            "{trigger: {key: landing, check: exists}, exclude: {weekends: true}}",
            '{deadline: "10:00"}',
            "the deadline of 2026-03-06 moves from 2026-03-07T10:00:00Z to 2026-03-09T10:00:00Z, over excluded days",
        ),
        (
            "{trigger: {key: landing, check: exists}, exclude: {weekends: true}}",
            '{deadline: ":30"}',
            "the deadline of 2026-03-06T23 moves from 2026-03-07T00:30:00Z to 2026-03-09T00:30:00Z, over excluded days",
        ),
        (
            "{trigger: {key: landing, check: exists}, exclude: {weekends: true}}",
            '{deadline: "10:00", excludedDays: keep}',
            None,
        ),
        ("{trigger: {key: landing, check: exists}, exclude: {weekends: true}}", "{maxDuration: 2h}", None),
        ("{trigger: {key: landing, check: exists}}", '{deadline: "10:00"}', None),
        ('{cron: "0 8 * * mon-fri", exclude: {weekends: true}}', '{deadline: "10:00"}', None),
    ],
)
def test_the_next_deadline_that_moves_is_named(schedule: str, sla: str, says: str | None) -> None:
    config = decode_yaml(
        f"pipeline: {{id: bronze}}\nschedule: {schedule}\nsla: {sla}\nvalidation: {{rules: [{LANDING}]}}\n"
        "job: {type: command, config: {command: load}}\n"
    )
    found = moved_deadlines(config, config.exclusions({}), NOW)
    assert [(moved.path, moved.says) for moved in found] == ([("sla.deadline", says)] if says else [])


@pytest.mark.parametrize(
    ("sla", "days", "expected"),
    [
        (
            "",
            "weekends: true",
            "the deadline of 2026-03-06 moves from 2026-03-07T06:00:00Z to 2026-03-09T06:00:00Z, over excluded days",
        ),
        ("sla: {excludedDays: keep, deadline: '09:00'}\n", "weekends: true", None),
        ("", "dates: [2026-08-01]", None),
    ],
)
def test_next_trigger_deadline_that_moves_is_reported(sla: str, days: str, expected: str | None) -> None:
    trigger = '{key: landing, check: exists, deadline: "06:00"}'
    config = decode_yaml(
        f"pipeline: {{id: bronze}}\nschedule: {{trigger: {trigger}, exclude: {{{days}}}}}\n{sla}"
        f"validation: {{rules: [{LANDING}]}}\njob: {{type: command, config: {{command: load}}}}\n"
    )
    found = moved_deadlines(config, config.exclusions({}), NOW)
    reported = [] if expected is None else [MovedDeadline("schedule.trigger.deadline", "06:00", expected)]
    assert list(found) == reported

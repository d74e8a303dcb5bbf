"""Differences between products that read a cron expression, and the number of fires by each reading."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_sla import other_readings, parse_cron

THEIRS = "in EventBridge and Quartz, where Sunday is 1"
STAR = "; Vixie cron, cronie, cronsim and pycron need both where a day field begins with *"


def either(times: str, both: str) -> str:
    return f"fires when either day field holds, {times} in 2026; both hold {both}"


@pytest.mark.parametrize(
    ("expression", "phrases"),
    [
        ("0 9 * * 0L", [f"0L is the last Sunday of the month here and no day {THEIRS}; write sunL"]),
        ("0 9 * * 1L", [f"1L is the last Monday of the month here and the last Sunday {THEIRS}; write monL or sunL"]),
        ("0 9 * * 5l", [f"5L is the last Friday of the month here and the last Thursday {THEIRS}; write friL or thuL"]),
        ("0 9 * * 7L", [f"7L is the last Sunday of the month here and the last Saturday {THEIRS}; write sunL or satL"]),
        (
            "0 9 ? * 2L,5L,2L",
            [
                f"2L is the last Tuesday of the month here and the last Monday {THEIRS}; write tueL or monL",
                f"5L is the last Friday of the month here and the last Thursday {THEIRS}; write friL or thuL",
            ],
        ),
    ],
)
def test_last_of_numbered_weekday_reports_both_weekdays(expression: str, phrases: list[str]) -> None:
    assert list(other_readings(parse_cron(expression))) == phrases


@pytest.mark.parametrize(
    ("field", "ours", "theirs"),
    [
        ("2-6", "tue-sat", "mon-fri"),
        ("1-5", "mon-fri", "sun-thu"),
        ("1,7", "mon,sun", "sun,sat"),
        ("3#2", "wed#2", "tue#2"),
        ("2-6/2", "tue-sat/2", "mon-fri/2"),
        ("mon-5", "mon-fri", "mon-thu"),
        ("0-4", "sun-thu", "no days"),
        ("0-7", "sun-sat", "no days"),
        ("sun-07", "sun-sat", "sun-sat"),
        ("6-7", "sat-sun", "fri-sat"),
    ],
)
def test_numbers_of_weekdays_with_a_question_mark(field: str, ours: str, theirs: str) -> None:
    expected = f"{field} means {ours} here and {theirs} {THEIRS}; write the names"
    assert other_readings(parse_cron(f"0 8 ? * {field}")) == (expected,)
    assert parse_cron(f"0 8 * * {ours}").fields == parse_cron(f"0 8 * * {field}").fields


@pytest.mark.parametrize(
    ("expression", "phrase"),
    [
        ("0 0 */2 * 1", either("212 times", "26 times") + STAR),
        ("0 0 10 * */2", either("213 times", "8 times") + STAR),
        ("0 9 1-7 * 1", either("124 times", '12 times: write "0 9 * * mon#1" for those')),
        ("0 9 29-31 * fri", either("77 times", '4 times: write "0 9 * * fri#5" for those')),
        ("0,30 9 8-14 * MON,tue", either("328 times", '48 times: write "0,30 9 * * mon#2,tue#2" for those')),
        ("0 9 1-14 * 1-3", either("252 times", "72 times")),  # six items are no easier to read
        ("0 9 10 * 0-6", either("365 times", '12 times: write "0 9 10 * *" for those')),
        ("0 9 1-31 FEB 7", either("28 times", '4 times: write "0 9 * FEB 7" for those')),
        ("0 9 1,15 * fri", either("74 times", "2 times")),
        ("0 9 1-7,L * 1", either("134 times", "14 times")),
        ("0 9 1-7 * mon#1", either("84 times", "12 times")),
        ("0 9 31 2 L5", either("1 time", "0 times")),
        ("0 9 13 2 5", either("4 times", "1 time")),
        ("0 9 15W * fri", either("62 times", "2 times")),
    ],
)
def test_two_day_fields_are_counted_by_both_readings(expression: str, phrase: str) -> None:
    assert other_readings(parse_cron(expression)) == (phrase,)


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 8 31W * *", [31]),
        ("0 8 31W 1,6 *", [31]),
        ("0 8 31W 1,3,12 *", []),
        ("0 8 29W,30W,L,LW * *", [29, 30]),
        ("0 8 30W 4-6 *", []),
        ("0 8 29W 2 *", [29]),
        ("0 8 28W,L-30W * *", []),
    ],
)
def test_weekday_nearest_to_missing_day_is_reported(expression: str, days: list[int]) -> None:
    there = "where croniter and cronosjs take its last weekday; write LW for that"
    assert list(other_readings(parse_cron(expression))) == [
        f"{n}W does not fire in a month of fewer than {n} days, {there}" for n in days
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "0 8 * * *",
        "0 8 * * 1-5",
        "0 8 ? * mon-fri",
        "0 8 ? * friL",
        "0 8 ? * L5",
        "0 8 ? * fri#2",
        "0 8 ? * */2",
        "0 8 15W * ?",
        "0 8 1,15 * *",
        "0 8 */2 * ?",
        "0 8 1,*/1 * mon",
        "0 8 * * friL,MONL",
    ],
)
def test_no_report_where_all_products_agree(expression: str) -> None:
    assert other_readings(parse_cron(expression)) == ()


DAY_FIELDS = st.sampled_from(
    ["1-7", "8-14", "1-14", "22-28", "29-31", "1-31", "*/2", "13", "L", "15W", "1-7,L-3", "15-28", "1-6", "2-8"]
)
WEEKDAY_FIELDS = st.sampled_from(["1", "fri", "mon,wed", "0-6", "*/2", "1-5", "fri#2", "friL", "0,7"])
MONTHS = st.sampled_from(["*", "2", "4,6", "jan-mar"])


@given(DAY_FIELDS, WEEKDAY_FIELDS, MONTHS)
def test_counts_and_spelling_match_count_day_by_day(days: str, weekdays: str, months: str) -> None:
    cron = parse_cron(f"0 9,21 {days} {months} {weekdays}")
    [phrase] = (found for found in other_readings(cron) if found.startswith("fires"))
    of_days, of_weekdays = parse_cron(f"0 9 {days} {months} *"), parse_cron(f"0 9 * {months} {weekdays}")
    year = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    holds = [(of_days.fires_on(day), of_weekdays.fires_on(day)) for day in year]
    counts = [2 * sum(map(any, holds)), 2 * sum(map(all, holds))]
    assert [int(number) for number in re.findall(r"(\d+) times?", phrase)] == counts
    if spelling := re.search('write "(.*)" for', phrase):
        meant = parse_cron(spelling[1])
        years = [date(2024, 1, 1) + timedelta(days=n) for n in range(28 * 366)]
        assert all((of_days.fires_on(day) and of_weekdays.fires_on(day)) == meant.fires_on(day) for day in years)
        assert len(other_readings(meant)) == 0

"""Calendar files: read, kept as JSON, and used for the exclusions of a pipeline."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_config import (
    ConfigError,
    decode_calendar,
    decode_calendar_yaml,
    decode_yaml,
    encode_calendar,
    review,
)
from interlock_sla import Calendar

PIPELINE = """
pipeline: {id: orders}
schedule:
  cron: "0 8 * * *"
  calendar: weekends
  exclude: {dates: [2026-05-01], holidays: us}
validation: {rules: [{key: orders, check: exists}]}
job: {type: command, config: {command: load}}
"""


def test_days_and_dates_are_read() -> None:
    calendar = decode_calendar_yaml("name: us\ndays: [saturday, Sunday]\ndates: [2026-07-04]\n")
    assert calendar == Calendar("us", frozenset({5, 6}), frozenset({date(2026, 7, 4)}))


def test_workdays_are_read_and_kept() -> None:
    text = "name: us\ndays: [saturday]\nworkdays: [2026-10-10, 2026-09-12]\n"
    calendar = decode_calendar_yaml(text)
    assert calendar == Calendar("us", frozenset({5}), workdays=frozenset({date(2026, 10, 10), date(2026, 9, 12)}))
    assert encode_calendar(calendar) == '{"name":"us","days":["saturday"],"workdays":["2026-09-12","2026-10-10"]}'


def test_a_working_saturday_opens_a_pipeline_without_weekends() -> None:
    working = date(2026, 10, 10)
    calendar = Calendar("work", workdays=frozenset([working]))
    by_calendar = "schedule: {cron: '0 8 * * *', calendar: work, exclude: {weekends: true}}"
    by_pipeline = "schedule: {cron: '0 8 * * *', exclude: {weekends: true, workdays: [2026-10-10]}}"
    rest = PIPELINE[PIPELINE.index("validation") :]
    for schedule in (by_calendar, by_pipeline):
        exclusions = decode_yaml(f"pipeline: {{id: a}}\n{schedule}\n{rest}").exclusions({"work": calendar})
        open_days = [day for day in range(5, 19) if not exclusions.excludes(date(2026, 10, day))]
        assert open_days == [5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16]


def test_json_is_in_order() -> None:
    calendar = Calendar("us", frozenset({6, 0}), frozenset({date(2026, 7, 4), date(2026, 1, 1)}))
    assert encode_calendar(calendar) == ('{"name":"us","days":["monday","sunday"],"dates":["2026-01-01","2026-07-04"]}')


@given(
    st.builds(
        Calendar,
        name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
        days=st.frozensets(st.integers(0, 6)),
        dates=st.frozensets(st.dates()),
        workdays=st.frozensets(st.dates()),
    )
)
def test_json_round_trip(calendar: Calendar) -> None:
    assert decode_calendar(encode_calendar(calendar)) == calendar


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("days: [sunday]", ["name: is missing; it must be the name of a calendar file"]),
        (
            "name: us\ndays: [sunda, Samstag]\ndates: [2026-02-30]",
            [
                'days[0] = "sunda": must be one of monday, tuesday, wednesday, thursday, friday, saturday, sunday; '
                "did you mean sunday?",
                'days[1] = "Samstag": must be one of monday, tuesday, wednesday, thursday, friday, saturday, sunday',
                'dates[0] = "2026-02-30": must be a date YYYY-MM-DD that exists in the calendar',
            ],
        ),
        (
            "name: us\ndays: sunday",
            ['days = "sunday": must be a list of days such as [saturday, sunday]; write [sunday]'],
        ),
        ("name: us\nday: [sunday]", ['day = ["sunday"]: is not a known key; did you mean days?']),
        ("name: us\ndays: weekends", ['days = "weekends": must be a list of days such as [saturday, sunday]']),
        (
            "name: us\nholidays: [2026-12-25]",
            ['holidays = ["2026-12-25"]: is not a known key; known here: name, days, dates, workdays'],
        ),
        ("name: ''", ['name = "": must be the name of a calendar file']),
        ("[]", ["must be a mapping with name; write one mapping, not a list"]),
    ],
)
def test_problems_of_a_calendar(text: str, problems: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        decode_calendar_yaml(text)
    assert [f"{problem}".partition(": ")[2] if problem.line else str(problem) for problem in caught.value.problems] == (
        problems
    )


def test_repeated_entry_is_named_with_the_first() -> None:
    text = "name: us\ndays: [sunday, Sunday]\ndates: [2026-12-25, 2026-12-26, 2026-12-25]\n"
    text += "workdays:\n- 2026-10-10\n- 2026-10-10\n- 2026-10-10\n"
    assert [str(problem) for problem in review({"us.yaml": text}).problems] == [
        'us.yaml:2: days[1] = "sunday": repeats days[0]',
        'us.yaml:3: dates[2] = "2026-12-25": repeats dates[0]',
        'us.yaml:6: workdays[1] = "2026-10-10": repeats workdays[0]',
        'us.yaml:7: workdays[2] = "2026-10-10": repeats workdays[0]',
    ]


def test_named_calendars_join_the_exclusions() -> None:
    config = decode_yaml(PIPELINE)
    assert config.calendar_names == ("weekends", "us")
    exclusions = config.exclusions(
        {
            "weekends": Calendar("weekends", frozenset({5, 6})),
            "us": Calendar("us", dates=frozenset({date(2026, 7, 3)})),
            "unused": Calendar("unused", frozenset(range(7))),
        }
    )
    excluded = [date(2026, 5, 1), date(2026, 7, 3), date(2026, 7, 4)]
    assert all(exclusions.excludes(day) for day in excluded)
    assert not exclusions.excludes(date(2026, 7, 6))


def test_an_unknown_calendar_is_never_an_empty_one() -> None:
    with pytest.raises(ConfigError) as caught:
        decode_yaml(PIPELINE).exclusions({"weekends": Calendar("weekends")})
    assert [str(problem) for problem in caught.value.problems] == [
        'orders: schedule.exclude.holidays = "us": names a calendar that does not exist'
    ]


def test_a_calendar_named_twice_counts_once() -> None:
    config = decode_yaml(PIPELINE.replace("holidays: us", "holidays: weekends"))
    assert config.calendar_names == ("weekends",)

"""The execution dates that texts and instants name."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from interlock_sla import (
    ExecutionDate,
    ExecutionDateError,
    NaiveTimeError,
    TimeRangeError,
    execution_day,
    parse_execution_date,
    zone,
)

DAY = date(2026, 3, 3)
NOW = datetime(2026, 5, 31, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected", "compact"),
    [
        ("2026-03-03", ExecutionDate(DAY), "20260303"),
        ("2026-03-03T00", ExecutionDate(DAY, 0), "20260303T00"),
        ("2026-03-03T23", ExecutionDate(DAY, 23), "20260303T23"),
    ],
)
def test_forms_of_execution_date(text: str, expected: ExecutionDate, compact: str) -> None:
    assert parse_execution_date(text) == expected
    assert str(expected) == text
    assert expected.compact == compact
    assert expected.is_hourly is ("T" in text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-3-3",
        "20260303",
        "2026-02-29",
        "2026-03-03T24",
        "2026-03-03T7",
        "2026-03-03T07:00",
        "2026-03-03 ",
        "９026-03-03",
        "0000-01-01",
        "9999-12-31",
        "1899-12-31",
    ],
)
def test_other_texts_are_not_execution_dates(text: str) -> None:
    with pytest.raises(ExecutionDateError):
        parse_execution_date(text)


@pytest.mark.parametrize("text", ["1900-01-01", "9998-12-31"])
def test_the_years_that_are_supported(text: str) -> None:
    assert str(parse_execution_date(text)) == text


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2026-02-28", "2026-03-01"),
        ("2028-02-28", "2028-02-29"),
        ("2026-12-31", "2027-01-01"),
        ("2026-03-03T07", "2026-03-03T08"),
        ("2026-12-31T23", "2027-01-01T00"),
    ],
)
def test_next_and_previous(earlier: str, later: str) -> None:
    assert parse_execution_date(earlier).next() == parse_execution_date(later)
    assert parse_execution_date(later).previous() == parse_execution_date(earlier)


def test_dates_sort_by_day_then_hour() -> None:
    ordered = ["2026-03-02T23", "2026-03-03", "2026-03-03T00", "2026-03-03T07", "2026-03-04"]
    dates = [parse_execution_date(text) for text in ordered]
    assert sorted([*dates[3:], *dates[:3]]) == dates
    for low, high in pairwise(dates):
        assert low < high
        assert high > low
        assert not high <= low
        assert not low >= high
        assert low <= high
        assert high >= low
    same = parse_execution_date(ordered[0])
    assert dates[0] >= same
    assert not dates[0] > same
    assert not dates[0] < same
    assert dates[0] <= parse_execution_date(ordered[0]) <= dates[0]


@pytest.mark.parametrize(
    ("date", "steps", "expected"),
    [
        ("2026-03-01", -1, "2026-02-28"),
        ("2026-12-31", 1, "2027-01-01"),
        ("2026-03-03", 0, "2026-03-03"),
        ("2026-03-03T00", -1, "2026-03-02T23"),
        ("2026-03-03T23", 2, "2026-03-04T01"),
        ("2026-03-03T07", -400, "2026-02-14T15"),
    ],
)
def test_shifted_by_days_or_hours(date: str, steps: int, expected: str) -> None:
    assert str(parse_execution_date(date).shifted(steps)) == expected


@pytest.mark.parametrize(("date", "steps"), [("9998-12-31", 1), ("1900-01-01T00", -1), ("2026-03-03", 10**7)])
def test_shift_outside_supported_years_is_rejected(date: str, steps: int) -> None:
    with pytest.raises(ExecutionDateError):
        parse_execution_date(date).shifted(steps)


def test_day_of_instant_is_in_given_zone() -> None:
    assert str(execution_day(NOW, zone("UTC"))) == "2026-05-31"
    assert str(execution_day(NOW, zone("Europe/Berlin"))) == "2026-06-01"


def test_day_of_instant_outside_supported_years_is_rejected() -> None:
    for now, place, error in (
        (NOW.replace(tzinfo=None), "UTC", NaiveTimeError),
        (datetime(1899, 12, 31, 23, tzinfo=UTC), "UTC", ExecutionDateError),
        (datetime.max.replace(tzinfo=UTC), "UTC", ExecutionDateError),
        (datetime.max.replace(tzinfo=UTC), "Pacific/Kiritimati", TimeRangeError),
    ):
        with pytest.raises(error):
            execution_day(now, zone(place))
    assert str(execution_day(datetime(1899, 12, 31, 23, tzinfo=UTC), zone("Asia/Tokyo"))) == "1900-01-01"

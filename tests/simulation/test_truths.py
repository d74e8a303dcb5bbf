"""The simulation's own reading of dates, on cases computed by hand."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from simulation.truths import UNDATED, Truth, moved, names_of, of

from interlock_sla import ExecutionDate

DAY = date(2026, 3, 3)
NEXT = date(2026, 3, 4)


@pytest.mark.parametrize(
    ("truth", "wanted", "counts"),
    [
        (of(DAY), of(DAY), True),
        (of(DAY), of(NEXT), False),
        (of(DAY), of(DAY, 7), True),
        (of(DAY), of(NEXT, 7), False),
        (of(DAY, 7), of(DAY), True),
        (of(DAY, 7), of(DAY, 7), True),
        (of(DAY, 7), of(DAY, 8), False),
        (of(DAY, 7), of(NEXT, 7), False),
        (UNDATED, of(DAY), True),
        (UNDATED, of(NEXT, 7), True),
        (Truth(unreadable="date slashes"), of(DAY), False),
        (Truth(unreadable="hour x"), of(DAY, 7), False),
    ],
)
def test_a_row_counts_for_its_own_date(truth: Truth, wanted: Truth, counts: bool) -> None:
    assert wanted.date is not None
    assert truth.counts_for(wanted.date) is counts


@pytest.mark.parametrize(
    ("truth", "wanted", "is_own"),
    [
        (of(DAY), of(DAY), True),
        (of(DAY, 7), of(DAY, 7), True),
        (of(DAY), of(DAY, 7), False),
        (of(DAY, 7), of(DAY), False),
        (UNDATED, of(DAY), True),
        (Truth(of(DAY).date, unreadable="hour x"), of(DAY), False),
    ],
)
def test_a_date_has_its_own_rows(truth: Truth, wanted: Truth, is_own: bool) -> None:
    assert wanted.date is not None
    assert truth.is_own(wanted.date) is is_own


@pytest.mark.parametrize(
    ("truth", "expected"),
    [(of(DAY), "2026-03-03"), (of(DAY, 7), "2026-03-03T07"), (UNDATED, "2026-03-04"), (Truth(None, "date x"), "None")],
)
def test_a_record_without_date_is_of_its_day_in_the_zone(truth: Truth, expected: str) -> None:
    written_at = datetime(2026, 3, 3, 20, 0, tzinfo=UTC)
    assert str(truth.run_date(written_at, ZoneInfo("Asia/Kolkata"))) == expected


@pytest.mark.parametrize(
    ("when", "offset", "expected"),
    [
        (ExecutionDate(DAY), -1, "2026-03-02"),
        (ExecutionDate(date(2026, 3, 1)), -1, "2026-02-28"),
        (ExecutionDate(DAY, 0), -1, "2026-03-02T23"),
        (ExecutionDate(DAY, 23), 2, "2026-03-04T01"),
    ],
)
def test_an_offset_counts_days_or_hours(when: ExecutionDate, offset: int, expected: str) -> None:
    assert str(moved(when, offset)) == expected


def test_a_period_key_precedes_the_plain_one() -> None:
    assert names_of("k", ExecutionDate(DAY)) == ["k#2026-03-03", "k#20260303", "k"]
    hours = ["k#2026-03-03T07", "k#20260303T07", "k#2026-03-03", "k#20260303", "k"]
    assert names_of("k", ExecutionDate(DAY, 7)) == hours

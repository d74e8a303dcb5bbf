"""The date that a sensor row names, and the runs for which the row counts."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_rules import UnreadableDate, counts_for, row_date
from interlock_sla import ExecutionDate, parse_execution_date


@pytest.mark.parametrize(
    ("key", "fields", "expected"),
    [
        ("landing", {"date": "2026-03-03"}, "2026-03-03"),
        ("landing", {"date": "20260303"}, "2026-03-03"),
        ("landing", {"date": "2028-02-29"}, "2028-02-29"),
        ("landing", {"date": 20260303}, "2026-03-03"),
        ("landing", {"date": Decimal(20260303)}, "2026-03-03"),
        ("landing", {"date": "2026-03-02T07"}, "2026-03-02T07"),
        ("landing", {"date": "20260302T23"}, "2026-03-02T23"),
        ("landing", {"date": "2026-03-02T00"}, "2026-03-02T00"),
        ("landing", {"date": "2026-03-02T00:00"}, "2026-03-02"),
        ("landing", {"date": "2026-03-02T00:00:00"}, "2026-03-02"),
        ("landing", {"date": "2026-03-02 00:00:00"}, "2026-03-02"),
        ("landing", {"date": "2026-03-02T00:00:00Z"}, "2026-03-02"),
        ("landing", {"date": "2026-03-02t00:00:00.000z"}, "2026-03-02"),
        ("landing", {"date": "2026-03-02T00:00:00+05:30"}, "2026-03-02"),
        ("landing", {"date": "20260302T000000-0800"}, "2026-03-02"),
        ("landing", {"date": "2026-03-03", "hour": "07"}, "2026-03-03T07"),
        ("landing", {"date": "2026-03-03", "hour": "8"}, "2026-03-03T08"),
        ("landing", {"date": "2026-03-03", "hour": 0}, "2026-03-03T00"),
        ("landing", {"date": "2026-03-03", "hour": Decimal(23)}, "2026-03-03T23"),
        ("landing", {"date": "2026-03-03", "hour": None}, "2026-03-03"),
        ("landing", {"date": "2026-03-03", "hour": ""}, "2026-03-03"),
        ("landing", {"date": "2026-03-03T07", "hour": "7"}, "2026-03-03T07"),
        ("landing#2026-03-03", {}, "2026-03-03"),
        ("landing#20260303", {"count": 1}, "2026-03-03"),
        ("landing#20260303T07", {}, "2026-03-03T07"),
        ("landing#2026-03-03T07", {}, "2026-03-03T07"),
        ("landing#eu#2026-03-03", {}, "2026-03-03"),
        ("landing#2026-03-03#eu", {}, "2026-03-03"),
        ("landing#20260303T07#eu#b", {}, "2026-03-03T07"),
        ("landing#2026-03-03#", {"hour": "07"}, "2026-03-03T07"),
        ("landing#2026-03-02#2026-03-03", {}, "2026-03-03"),
        ("landing#2026-03-03", {"hour": "07"}, "2026-03-03T07"),
        ("landing#2026-03-03T00:00:00Z", {}, "2026-03-03"),
        ("landing#20260303T000000Z", {}, "2026-03-03"),
        ("landing#2026-03-03T07", {"date": "2026-03-03"}, "2026-03-03T07"),
        ("landing#2026-03-03", {"date": "2026-03-03", "hour": "07"}, "2026-03-03T07"),
        ("landing#2026-03-03T07", {"date": "20260303", "hour": 7}, "2026-03-03T07"),
        ("landing#eu", {"date": "2026-03-03"}, "2026-03-03"),
    ],
)
def test_a_row_names_its_date(key: str, fields: dict[str, object], expected: str) -> None:
    assert row_date(key, fields) == parse_execution_date(expected)


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("landing", {}),
        ("landing", {"hour": "07"}),
        ("landing", {"hour": "no hour"}),
        ("landing#eu", {}),
        ("landing#", {}),
        ("landing#10000001", {}),
        ("landing#20261345", {}),
        ("landing#2026", {}),
        ("landing#1.2.3", {}),
        ("landing#2026-03", {}),
        ("landing#v2026-03-03", {}),
        ("landing#2026-W10-2", {}),
        ("landing#20260303abc", {}),
        ("landing#2026030324", {}),
        ("landing#20260303071", {}),
        ("landing-2026-03-03", {}),
    ],
)
def test_row_without_date_has_no_date(key: str, fields: dict[str, object]) -> None:
    assert row_date(key, fields) is None


@pytest.mark.parametrize(
    ("key", "fields", "field"),
    [
        ("landing", {"date": "2026/03/02"}, "date"),
        ("landing", {"date": " 2026-03-02"}, "date"),
        ("landing", {"date": "2026-03-02\n"}, "date"),
        ("landing", {"date": "2026-3-2"}, "date"),
        ("landing", {"date": "03.02.2026"}, "date"),
        ("landing", {"date": "2026-02-30"}, "date"),
        ("landing", {"date": "2026-02-29"}, "date"),
        ("landing", {"date": "2026-0303"}, "date"),
        ("landing", {"date": "2026-03-03T24"}, "date"),
        ("landing", {"date": "2026-03-02T07:00:00Z"}, "date"),
        ("landing", {"date": "2026-03-02T00:00:01Z"}, "date"),
        ("landing", {"date": "２026-03-03"}, "date"),
        ("landing", {"date": "9999-12-31"}, "date"),
        ("landing", {"date": ""}, "date"),
        ("landing", {"date": None}, "date"),
        ("landing", {"date": True}, "date"),
        ("landing", {"date": ["2026-03-03"]}, "date"),
        ("landing", {"date": {"day": "2026-03-03"}}, "date"),
        ("landing", {"date": 20260303.0}, "date"),
        ("landing", {"date": float("nan")}, "date"),
        ("landing", {"date": Decimal("NaN")}, "date"),
        ("landing", {"date": Decimal("sNaN")}, "date"),
        ("landing", {"date": Decimal("Infinity")}, "date"),
        ("landing", {"date": Decimal("1E+1000000")}, "date"),
        # As an int this one would not fit into the memory.
        ("landing", {"date": Decimal("1E+999999999999999999")}, "date"),
        ("landing", {"date": "2026-03-03", "hour": Decimal("1E+999999999999999999")}, "hour"),
        ("landing", {"date": 1772535600}, "date"),
        ("landing", {"date": 1010101}, "date"),
        ("landing", {"date": "2026-03-03", "hour": "24"}, "hour"),
        ("landing", {"date": "2026-03-03", "hour": -1}, "hour"),
        ("landing", {"date": "2026-03-03", "hour": Decimal(100)}, "hour"),
        ("landing", {"date": "2026-03-03", "hour": Decimal("7.5")}, "hour"),
        ("landing", {"date": "2026-03-03", "hour": "007"}, "hour"),
        ("landing", {"date": "2026-03-03", "hour": "٠٧"}, "hour"),
        ("landing", {"date": "2026-03-03", "hour": True}, "hour"),
        ("landing", {"date": "2026-03-03", "hour": 7.5}, "hour"),
        ("landing", {"date": "2026-03-03", "hour": " "}, "hour"),
        ("landing", {"date": "2026-03-03T07", "hour": "08"}, "hour"),
        ("landing#2026-13-01", {}, "key"),
        ("landing#2026-3-3", {}, "key"),
        ("landing#2026/03/03", {}, "key"),
        ("landing#2026.03.03", {}, "key"),
        ("landing#2026-03-03T7", {}, "key"),
        ("landing#2026-03-03T23:00:00Z", {}, "key"),
        ("landing#2026-03-03 eu", {}, "key"),
        ("landing#20260230", {}, "key"),
        ("landing#2026-03-03T24", {}, "key"),
        ("landing#2026-03-03\n", {}, "key"),
        ("landing# 2026-03-03", {}, "key"),
        ("landing#2026_03_03", {}, "key"),
        ("landing#dt=2026-03-03", {}, "key"),
        ("landing#dt=20260303", {}, "key"),
        ("landing#20260303T0700", {}, "key"),
        ("landing#20260303T07:00", {}, "key"),
        ("landing#20260303t07", {}, "key"),
        ("landing#20260303-07", {}, "key"),
        ("landing#20260303Z", {}, "key"),
        ("landing#2026030307", {}, "key"),
        ("landing#20260303071500", {}, "key"),
        ("landing#2026-03-03T7#eu", {}, "key"),
        ("landing#2026-03-03#eu", {"date": "2026-03-04"}, "date"),
        ("landing#2026-03-03", {"hour": "24"}, "hour"),
        ("landing#2026-03-03", {"date": "2026-03-04"}, "date"),
        ("landing#2026-03-03T07", {"date": "2026-03-03", "hour": "08"}, "hour"),
        ("landing#2026-03-03", {"date": "garbage"}, "date"),
        ("landing#20260230", {"date": "2026-03-03"}, "key"),
    ],
)
def test_unreadable_date_differs_from_absent_date(key: str, fields: dict[str, object], field: str) -> None:
    found = row_date(key, fields)
    assert isinstance(found, UnreadableDate)
    assert found.field == field
    assert str(found).startswith(f"{field} is ")


@pytest.mark.parametrize(
    ("named", "wanted", "counts"),
    [
        (None, "2026-03-03", True),
        (None, "2026-03-03T07", True),
        ("2026-03-03", "2026-03-03", True),
        ("2026-03-04", "2026-03-03", False),
        ("2026-03-03T07", "2026-03-03T07", True),
        ("2026-03-03T08", "2026-03-03T07", False),
        ("2026-03-04T07", "2026-03-03T07", False),
        ("2026-03-03", "2026-03-03T07", True),
        ("2026-03-03T07", "2026-03-03", True),
        ("2026-03-04T00", "2026-03-03", False),
    ],
)
def test_a_row_counts_for_the_run_of_its_date(named: str | None, wanted: str, counts: bool) -> None:
    date = None if named is None else parse_execution_date(named)
    assert counts_for(date, parse_execution_date(wanted)) is counts


@pytest.mark.parametrize(
    ("key", "fields", "says"),
    [
        ("landing", {"date": "2026-02-30"}, "date is '2026-02-30', which is not a day or hour from 1900 to 9998"),
        ("landing", {"date": "9999-12-31"}, "date is '9999-12-31', which is not a day or hour from 1900 to 9998"),
        ("landing#2026-03-03T25", {}, "key is '2026-03-03T25', which is not a day or hour from 1900 to 9998"),
        ("landing", {"date": 20260230}, "date is 20260230, which is not a day or hour from 1900 to 9998"),
        (
            "landing",
            {"date": "30.2.26"},
            "date is '30.2.26', which is not YYYY-MM-DD or YYYYMMDD, with THH for an hour,",
        ),
    ],
)
def test_the_problem_is_the_form_or_the_day(key: str, fields: dict[str, object], says: str) -> None:
    assert str(row_date(key, fields)).startswith(says)


def test_an_unreadable_date_counts_for_no_run() -> None:
    assert not counts_for(UnreadableDate("date", "", "is not a date"), parse_execution_date("2026-03-03"))


@given(
    st.text(max_size=30),
    st.dictionaries(st.sampled_from(["date", "hour", "count"]), st.none() | st.text() | st.integers() | st.floats()),
)
def test_reading_a_date_never_raises(suffix: str, fields: dict[str, object]) -> None:
    found = row_date(f"landing#{suffix}", fields)
    assert found is None or isinstance(found, ExecutionDate | UnreadableDate)
    if isinstance(found, UnreadableDate):
        assert str(found).isprintable()

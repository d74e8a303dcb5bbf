"""The instants that timestamps name, and the values that are numbers."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from interlock_rules import parse_timestamp, to_number, updated_at

MOMENT = datetime(2026, 3, 3, 9, 14, 2, tzinfo=UTC)
SECONDS = 1772529242


@pytest.mark.parametrize(
    "value",
    [
        SECONDS,
        float(SECONDS),
        Decimal(SECONDS),
        str(SECONDS),
        SECONDS * 1000,
        Decimal(SECONDS * 1000),
        str(SECONDS * 1000),
        "2026-03-03T09:14:02Z",
        "2026-03-03t09:14:02z",
        "2026-03-03T09:14:02",
        "2026-03-03 09:14:02",
        "2026-03-03T09:14:02+00:00",
        "2026-03-03T10:14:02+01:00",
        "2026-03-03T14:44:02+0530",
        "20260303T091402Z",
        "20260303t091402z",
        "20260303T091402",
        "20260303T101402+0100",
        "2026-03-03T09:14:02.000Z",
        "2026-03-03T09:14:02.000000000Z",
        MOMENT,
        MOMENT.replace(tzinfo=None),
        MOMENT.astimezone(timezone(timedelta(hours=-5))),
    ],
)
def test_instant_is_read_in_many_forms(value: object) -> None:
    assert parse_timestamp(value) == MOMENT
    assert updated_at({"updatedAt": value}) == MOMENT
    assert parse_timestamp(value).tzinfo is UTC  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SECONDS + 0.25, MOMENT + timedelta(milliseconds=250)),
        (str(SECONDS) + ".25", MOMENT + timedelta(milliseconds=250)),
        (SECONDS * 1000 + 250, MOMENT + timedelta(milliseconds=250)),
        ("2026-03-03T09:14:02.25Z", MOMENT + timedelta(milliseconds=250)),
        ("2026-03-03T09:14:02.123456789Z", MOMENT + timedelta(microseconds=123456)),
        ("2026-03-03", datetime(2026, 3, 3, tzinfo=UTC)),
        (date(2026, 3, 3), datetime(2026, 3, 3, tzinfo=UTC)),
        ("20260303T09", datetime(2026, 3, 3, 9, tzinfo=UTC)),
        (19_000_100, datetime(1970, 8, 8, 21, 48, 20, tzinfo=UTC)),
        (22_000_101, datetime(1970, 9, 12, 15, 8, 21, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (10**12 - 1, None),
        (10**12, datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)),
    ],
)
def test_fractions_days_and_limits_of_epochs(value: object, expected: datetime | None) -> None:
    assert parse_timestamp(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        "soon",
        "20260303",  # a day: as epoch seconds it would be old enough for every age_gt
        20260303,
        Decimal(20260303),
        19_000_101,
        22_000_100,
        "NaN",
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        [],
        {},
        b"2026-03-03",
        10**30,
        -(10**30),
        "2026-02-30",
        "2026-03-03T25:00:00Z",
        "2026-03-03T09:14:02 CET",
        "2026-03-03T",
        "20260303T",
        "12345678Total",
        "1e300",
        "0001-01-01T00:00:00+10:00",
        " 1772529242",
        10**400,
    ],
)
def test_other_values_name_no_instant(value: object) -> None:
    assert parse_timestamp(value) is None


def test_updated_at_needs_readable_field() -> None:
    assert updated_at({}) is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        (5.5, 5.5),
        (Decimal("5.5"), Decimal("5.5")),
        ("5", 5),
        ("-5.50", Decimal("-5.5")),
        ("1e3", 1000),
        (".5", Decimal("0.5")),
        ("5.", 5),
        ("0", 0),
    ],
)
def test_numbers_and_numerals(value: object, number: object) -> None:
    assert to_number(value) == number


def test_a_whole_numeral_is_an_int_of_up_to_a_hundred_digits() -> None:
    assert type(to_number("5")) is int
    assert to_number("9" * 100) == 10**100 - 1


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        " 5",
        "5 ",
        "5\n",
        "1_000",
        "1,000",
        "0x10",
        "٣",
        "e5",
        "1e",
        "1e9999",
        ".",
        "+",
        "--5",
        "nan",
        "inf",
        float("inf"),
        Decimal("sNaN"),
        [5],
        b"5",
        "9" * 101,
    ],
)
def test_other_values_are_not_numbers(value: object) -> None:
    assert to_number(value) is None

"""The rows: their keys, dates and times, and all problems of an invalid one."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy
import pandas
import pytest

from interlock_sensors import InvalidRow, Reading, RecordedSensors, Sensors

NOW = datetime(2026, 3, 3, 22, 40, tzinfo=timezone.utc)
BERLIN = timezone(timedelta(hours=1))


def row(clock: Any = lambda: NOW, **arguments: Any) -> dict[str, Any]:
    sensors = RecordedSensors(clock=clock)
    assert sensors.put("orders", "landing", **arguments)
    [written] = sensors.writes
    return written


def test_the_row_of_a_period() -> None:
    assert row(date="2026-03-03", hour=7, count=1203, complete=True) == {
        "PK": "PIPELINE#orders",
        "SK": "SENSOR#landing#2026-03-03T07",
        "data": {
            "date": "2026-03-03",
            "hour": "07",
            "count": Decimal(1203),
            "complete": True,
            "updatedAt": "2026-03-03T22:40:00.000000Z",
        },
        "ttl": Decimal(int((NOW + timedelta(days=400)).timestamp())),
    }


@pytest.mark.parametrize(
    ("given", "suffix", "hour"),
    [
        ({"date": date(2026, 3, 3)}, "2026-03-03", None),
        ({"date": "2026-03-03"}, "2026-03-03", None),
        ({"date": numpy.datetime64("2026-03-03")}, "2026-03-03", None),
        ({"date": "2026-03-03T07"}, "2026-03-03T07", "07"),
        ({"date": "2026-03-03T07", "hour": 7}, "2026-03-03T07", "07"),
        ({"date": date(2026, 3, 3), "hour": 0}, "2026-03-03T00", "00"),
        ({"date": "2026-03-03", "hour": "23"}, "2026-03-03T23", "23"),
        ({"date": "2026-03-03", "hour": numpy.int8(5)}, "2026-03-03T05", "05"),
        ({"date": datetime(2026, 3, 3, 0, 30, tzinfo=BERLIN)}, "2026-03-03T00", "00"),
        ({"date": pandas.Timestamp("2026-03-03T09:59Z")}, "2026-03-03T09", "09"),
        ({"date": "1900-01-01"}, "1900-01-01", None),
        ({"date": "9998-12-31"}, "9998-12-31", None),
    ],
    ids=str,
)
def test_a_date_has_one_form_in_the_row(given: dict[str, Any], suffix: str, hour: str | None) -> None:
    written = row(**given)
    assert written["SK"] == f"SENSOR#landing#{suffix}"
    assert (written["data"]["date"], written["data"].get("hour")) == (suffix[:10], hour)


@pytest.mark.parametrize(
    "value",
    [
        "20260303",
        "2026-3-3",
        " 2026-03-03",
        "2026-03-03 ",
        "2026-03-03\n",
        "2026/03/03",
        "2026-02-30",
        "2026-03-03T24",
        "2026-03-03T7",
        "2026-03-03T00:00:00Z",
        "today",
        "",
        None,
        20260303,
        "1899-12-31",
        "9999-01-01",
        "٢٠٢٦-٠٣-٠٣",
        date(1800, 1, 1),
        datetime(2026, 3, 3, 7),
        pandas.NaT,
        pandas.Timestamp("2026-03-03"),
        numpy.datetime64("2026-03-03T07"),
    ],
    ids=repr,
)
def test_a_loose_date_is_rejected(value: Any) -> None:
    with pytest.raises(InvalidRow) as raised:
        row(date=value)
    allowed = "is not a date, a datetime with a zone, or YYYY-MM-DD with or without THH, from 1900 to 9998"
    assert raised.value.problems == (f"date: {value!r} {allowed}",)


@pytest.mark.parametrize("hour", [24, -1, "7", "007", 7.0, True, Decimal(7), "", "aa"], ids=repr)
def test_a_loose_hour_is_rejected(hour: Any) -> None:
    with pytest.raises(InvalidRow, match=r"is not a whole number from 0 to 23, or two digits"):
        row(date="2026-03-03", hour=hour)


def test_an_hour_that_contradicts_the_date_is_rejected() -> None:
    with pytest.raises(InvalidRow, match=r"hour: 8 contradicts the date '2026-03-03T07'"):
        row(date="2026-03-03T07", hour=8)


@pytest.mark.parametrize(
    "key",
    ["", " ", "#a", None, 3, "first-sensor-arrival", "postrun-baseline#2026-03-03", "landing#2026-03-03",
     "landing#20260303", "landing#dt=2026-3-3", "\ud800", "k" * 1007],
    ids=lambda key: repr(key)[:40],
)  # fmt: skip
def test_a_reserved_or_dated_key_is_rejected(key: Any) -> None:
    with pytest.raises(InvalidRow, match=r"^key: "):
        RecordedSensors().put("orders", key, date="2026-03-03")


@pytest.mark.parametrize("key", ["landing", "landing#eu", "landing#48211234", "k" * 1006, "dated-2026-03-03"])
def test_another_key_is_accepted(key: str) -> None:
    sensors = RecordedSensors()
    assert sensors.put("orders", key, date="2026-03-03")
    assert sensors.fields("orders", f"{key}#2026-03-03") is not None


def test_the_plain_key_takes_the_date_as_fields() -> None:
    written = row(date="2026-03-03T07", per_period=False)
    assert (written["SK"], written["data"]["hour"]) == ("SENSOR#landing", "07")


def test_the_time_of_a_reading_is_its_updated_at() -> None:
    written = row(date="2026-03-03", updated_at=datetime(2026, 3, 3, 8, 0, 0, 5, tzinfo=BERLIN))
    assert written["data"]["updatedAt"] == "2026-03-03T07:00:00.000005Z"
    with pytest.raises(InvalidRow, match=r"updated_at: .* is a time without a zone"):
        row(date="2026-03-03", updated_at=datetime(2026, 3, 3))
    with pytest.raises(InvalidRow, match=r"updated_at: .* has the type date"):
        row(date="2026-03-03", updated_at=date(2026, 3, 3))
    with pytest.raises(InvalidRow, match="updatedAt: the row has this field from updated_at only"):
        row(date="2026-03-03", updatedAt="now")


def test_all_problems_come_in_one_error() -> None:
    with pytest.raises(InvalidRow) as raised:
        RecordedSensors().put(
            "a b", "postrun-baseline", date="soon", hour=24, count=float("nan"), at=datetime(2026, 3, 3)
        )
    places = [problem.partition(":")[0] for problem in raised.value.problems]
    assert places == ["date", "hour", "key", "count", "at", "pipeline"]
    assert str(raised.value).splitlines() == list(raised.value.problems)


def test_a_row_over_400_kb_is_rejected() -> None:
    room = 400 * 1024 - 200
    assert row(date="2026-03-03", text="x" * room)
    with pytest.raises(InvalidRow, match="and DynamoDB allows 409600"):
        row(date="2026-03-03", text="x" * (room + 200))
    with pytest.raises(InvalidRow, match="and DynamoDB allows 409600"):
        row(date="2026-03-03", texts=["é" * 1000] * 205)


def test_the_life_of_a_row_can_be_set() -> None:
    for days, ttl in ((1, {"ttl": Decimal(int(NOW.timestamp()) + 86400)}), (None, {})):
        sensors = RecordedSensors(ttl_days=days, clock=lambda: NOW)
        sensors.put("orders", "landing", date="2026-03-03")
        assert {name: value for name, value in sensors.writes[0].items() if name == "ttl"} == ttl


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"environment": "Prod"}, "environment: 'Prod' is not 1 to 32 of a-z, 0-9"),
        ({"environment": "prod\n"}, "environment: 'prod\\n' is not"),
        ({"environment": None}, "environment: None is not"),
        ({"environment": "prod", "ttl_days": 0}, "ttl_days: 0 is not a number of days up to 36500"),
        ({"environment": "prod", "ttl_days": -1}, "ttl_days: -1 is not"),
        ({"environment": "prod", "ttl_days": True}, "ttl_days: True is not"),
        ({"environment": "prod", "ttl_days": float("nan")}, "ttl_days: nan is not"),
    ],
    ids=str,
)
def test_invalid_settings_are_rejected(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidRow) as raised:
        Sensors(**arguments)
    assert raised.value.problems[0].startswith(problem)


def test_the_readings_of_a_batch_are_checked_together() -> None:
    sensors = RecordedSensors()
    with pytest.raises(InvalidRow) as raised:
        sensors.put_many(
            [
                Reading("orders", "landing", date="2026-03-03"),
                Reading("orders", "landing", date="2026-03-04", count=float("inf")),
                Reading("orders", "landing", date=date(2026, 3, 3), count=1),
            ]
        )
    assert raised.value.problems == (
        "readings[1]: count: inf is not a finite number",
        "readings[2]: an earlier reading has the same row PIPELINE#orders / SENSOR#landing#2026-03-03",
    )
    assert sensors.writes == []

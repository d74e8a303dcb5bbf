"""Suggested values: only plausible ones are suggested, and every suggested value is right."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_config._problems._names import nearest
from interlock_config._values._hints import date_meant, duration_meant, number_meant, time_meant
from interlock_sla import parse_deadline, parse_duration


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("8:05", '"08:05"'),
        ("08:00:00", '"08:00"'),
        ("0830", '"08:30"'),
        ("830", '"08:30"'),
        ("8h30", '"08:30"'),
        ("8.30", '"08:30"'),
        ("08:00 CET", '"08:00"'),
        ("010:00", '"10:00"'),
        ("008:30", '"08:30"'),
        ("0010:00:00", '"10:00"'),
        ("000:10", '"00:10"'),
        ("100:00", None),
        ("830:00", None),
        ("8am", '"08:00"'),
        ("12am", '"00:00"'),
        ("12 PM", '"12:00"'),
        ("11:59 pm", '"23:59"'),
        (0, '"00:00"'),
        (600, '"10:00"'),
        (959, '"15:59"'),
        (1000, '"10:00" or "16:40"'),
        (1061, '"17:41"'),
        (1439, '"14:39" or "23:59"'),
        (1440, '"14:40"'),
        (1460, None),
        (36000, '"10:00"'),
        (36001, None),
        (86400, None),
        (-600, None),
        (10.3, None),
        (True, None),
        ("24:00", None),
        ("10:60", None),
        ("13pm", None),
        ("noon", None),
        ("", None),
        (None, None),
        (["10:00"], None),
    ],
)
def test_a_time_of_day(value: Any, meant: str | None) -> None:
    assert time_meant(value, or_minute=False) == meant


@pytest.mark.parametrize(("value", "meant"), [(":5", '":05"'), (30, '":30"'), (60, '"01:00"'), ("30m", None)])
def test_a_time_of_day_or_a_minute(value: Any, meant: str | None) -> None:
    assert time_meant(value, or_minute=True) == meant


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("1 hour", "1h"),
        ("2 hours, 5 mins", "2h5m"),
        ("1 hour and 30 minutes", "1h30m"),
        ("90 sec", "90s"),
        ("1H30M", "1h30m"),
        ("PT1H30M", "1h30m"),
        ("P1DT12H", "24h12h"),
        ("1.5 days", "36h"),
        ("2w", "336h"),
        ("300", "300s"),
        (300, "300s"),
        (0, None),
        (-5, None),
        (10**7, None),
        (1.5, None),
        (True, None),
        ("soon", None),
        ("1 month", None),
        ("10:00", None),
        ("5 minutesx", None),
        ("", None),
        ("P", None),
        ("PT", None),
    ],
)
def test_a_duration(value: Any, meant: str | None) -> None:
    assert duration_meant(value) == meant


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (20260331, "2026-03-31"),
        ("2026-3-1", "2026-03-01"),
        ("2026/03/31", "2026-03-31"),
        ("2026-03-31T10:00:00Z", "2026-03-31"),
        ("31.3.2026", "2026-03-31"),
        ("2026-02-30T00:00", None),
        ("03/31/2026", None),
        ("0000-01-01", None),
        ("March", None),
        (True, None),
        (1.5, None),
    ],
)
def test_a_date(value: Any, meant: str | None) -> None:
    assert date_meant(value) == meant


@pytest.mark.parametrize(
    ("value", "meant"),
    [("1,000", "1000"), ("1 000 000", "1000000"), ("-1_000.5", "-1000.5"), ("1,00", None), ("1000", None), (1, None)],
)
def test_a_number(value: Any, meant: str | None) -> None:
    assert number_meant(value) == meant


ODD = st.text("0123456789:.,-/ hmsdwpPTHMZ", max_size=12) | st.integers(-(10**9), 10**9)


@given(ODD)
def test_every_suggested_value_is_accepted(value: Any) -> None:
    if (time := time_meant(value, or_minute=True)) is not None:
        assert all(parse_deadline(text.strip('"')) for text in time.split(" or "))
    if (duration := duration_meant(value)) is not None:
        parse_duration(duration)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ulr", "url"),
        ("rul", "url"),
        ("URl", "url"),
        ("lru", None),
        ("ul", "url"),
        ("urx", None),
        ("kye", "key"),
        ("hed", None),
        ("hea", "headers"),
        ("HEADER", "headers"),
        ("dag_di", "dagID"),
    ],
)
def test_a_name(name: str, meant: str | None) -> None:
    assert nearest(name, ("url", "key", "headers", "dagID")) == meant

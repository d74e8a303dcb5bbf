"""The span of time that an execution date covers, above all where clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from interlock_sla import ExecutionDate, Period, parse_execution_date, period_of, zone

DAY = timedelta(days=1)
NOT_CIVIL = ("right/", "posix/", "localtime", "posixrules", "Factory")
ZONES = sorted(name for name in available_timezones() if not name.startswith(NOT_CIVIL))
# Gaps and folds of unusual length or place: a skipped day, two hours, half an hour, across midnight.
ODD_CHANGES = [
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Kwajalein", date(1993, 8, 21)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("America/Havana", date(2026, 3, 8)),
    ("America/Caracas", date(2016, 5, 1)),
    ("Asia/Pyongyang", date(2018, 5, 5)),
    ("Asia/Kathmandu", date(1986, 1, 1)),
    ("Antarctica/Troll", date(2026, 3, 29)),
    ("Antarctica/Troll", date(2026, 10, 25)),
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("place", "text", "start", "end"),
    [
        ("UTC", "2026-03-03", "2026-03-03T00:00", "2026-03-04T00:00"),
        ("UTC", "2026-03-03T23", "2026-03-03T23:00", "2026-03-04T00:00"),
        ("Europe/Berlin", "2026-03-03", "2026-03-02T23:00", "2026-03-03T23:00"),
        ("Europe/Berlin", "2026-07-03T07", "2026-07-03T05:00", "2026-07-03T06:00"),
        ("Asia/Kathmandu", "2026-03-03T07", "2026-03-03T01:15", "2026-03-03T02:15"),
        # A day of 23 hours, the hour that it skips, and the hours around that one.
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("Europe/Berlin", "2026-03-29T01", "2026-03-29T00:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-29T02", "2026-03-29T01:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-29T03", "2026-03-29T01:00", "2026-03-29T02:00"),
        # A day of 25 hours, and the hour that clocks show twice.
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("Europe/Berlin", "2026-10-25T02", "2026-10-25T00:00", "2026-10-25T02:00"),
        ("Europe/Berlin", "2026-10-25T03", "2026-10-25T02:00", "2026-10-25T03:00"),
        # Half an hour skipped, half an hour twice.
        ("Australia/Lord_Howe", "2026-10-04T02", "2026-10-03T15:30", "2026-10-03T16:00"),
        ("Australia/Lord_Howe", "2026-04-05T01", "2026-04-04T14:00", "2026-04-04T15:30"),
        # Two hours skipped: both are empty.
        ("Antarctica/Troll", "2026-03-29T02", "2026-03-29T01:00", "2026-03-29T01:00"),
        # Midnight skipped, midnight twice, a whole day skipped.
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00", "2026-04-24T21:00"),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00", "2026-11-02T05:00"),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00", "2011-12-30T10:00"),
        ("Pacific/Apia", "2011-12-30T05", "2011-12-30T10:00", "2011-12-30T10:00"),
        ("UTC", "9998-12-31T23", "9998-12-31T23:00", "9999-01-01T00:00"),
    ],
)
def test_period_is_time_with_its_date_on_clocks(place: str, text: str, start: str, end: str) -> None:
    assert period_of(parse_execution_date(text), zone(place)) == Period(at(start), at(end))


PLACES_AND_DAYS = st.one_of(
    st.sampled_from(ODD_CHANGES),
    st.tuples(st.sampled_from(ZONES), st.dates(date(1970, 1, 2), date(2037, 12, 30))),
)


@given(PLACES_AND_DAYS, st.integers(-2, 2))
@example(("Antarctica/Troll", date(2026, 3, 29)), 0)
def test_successive_periods_join_and_hours_fill_days(place_and_day: tuple[str, date], shift: int) -> None:
    place, day = zone(place_and_day[0]), place_and_day[1] + shift * DAY
    whole = period_of(ExecutionDate(day), place)
    hours = [period_of(ExecutionDate(day, hour), place) for hour in range(24)]
    assert hours[0].start == whole.start
    assert [one.end for one in hours] == [*(one.start for one in hours[1:]), whole.end]
    assert all(one.start <= one.end for one in hours)
    assert whole.end == period_of(ExecutionDate(day + DAY), place).start


@given(PLACES_AND_DAYS, st.integers(0, 24 * 60 - 1), st.integers(-2, 2))
def test_instant_is_in_period_of_its_hour_on_clocks(place_and_day: tuple[str, date], minute: int, shift: int) -> None:
    place, day = zone(place_and_day[0]), place_and_day[1] + shift * DAY
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minute)
    shown = moment.astimezone(place)
    if moment != shown.replace(fold=0).astimezone(UTC):
        return  # clocks show this time twice, and the first instant decides the period
    period = period_of(ExecutionDate(shown.date(), shown.hour), place)
    assert period.start <= moment < period.end

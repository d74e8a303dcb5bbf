"""The clock changes of a zone, and the cron fires that they move or that would come twice."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from interlock_sla import NaiveTimeError, TimeRangeError, changed_fires, clock_changes, parse_cron, zone

YEAR = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
BERLIN = zone("Europe/Berlin")
MARCH = datetime(2026, 3, 29, 1, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 25, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_zone_changes_at_the_instants_of_its_rules() -> None:
    found = [(change.at, change.before, change.after, change.goes_forward) for change in clock_changes(BERLIN, *YEAR)]
    assert found == [(MARCH, HOUR, 2 * HOUR, True), (OCTOBER, 2 * HOUR, HOUR, False)]


@pytest.mark.parametrize("name", ["UTC", "Asia/Kolkata", "Etc/GMT+5"])
def test_zone_without_summer_time_has_no_change(name: str) -> None:
    assert not list(clock_changes(zone(name), *YEAR))


def test_two_changes_within_weeks_are_both_found() -> None:
    """Morocco leaves its summer time for the month of Ramadan."""
    ramadan = datetime(2026, 2, 14, tzinfo=UTC), datetime(2026, 3, 23, tzinfo=UTC)
    assert [change.goes_forward for change in clock_changes(zone("Africa/Casablanca"), *ramadan)] == [False, True]


def test_change_of_half_an_hour_and_of_a_whole_day() -> None:
    (april, october) = clock_changes(zone("Australia/Lord_Howe"), *YEAR)
    assert (april.after - april.before, october.after - october.before) == (-HOUR / 2, HOUR / 2)
    samoa = datetime(2011, 12, 1, tzinfo=UTC), datetime(2012, 1, 31, tzinfo=UTC)
    (skipped,) = clock_changes(zone("Pacific/Apia"), *samoa)
    assert (skipped.at, skipped.after - skipped.before) == (datetime(2011, 12, 30, 10, tzinfo=UTC), 24 * HOUR)


@pytest.mark.parametrize("name", ["Africa/Casablanca", "America/New_York", "Antarctica/Troll", "Asia/Gaza"])
def test_changes_are_those_of_each_quarter_hour(name: str) -> None:
    """A second reader: the offset of each quarter of an hour of the year."""
    there, quarter = ZoneInfo(name), HOUR / 4
    at, expected = YEAR[0], []
    while at < YEAR[1]:
        at += quarter
        if at.astimezone(there).utcoffset() != (at - quarter).astimezone(there).utcoffset():
            expected.append(at)
    assert [change.at for change in clock_changes(there, *YEAR)] == expected


def test_period_excludes_its_begin_and_includes_its_end() -> None:
    second = timedelta(seconds=1)
    assert not list(clock_changes(BERLIN, MARCH, MARCH + HOUR))
    assert not list(clock_changes(BERLIN, MARCH - HOUR, MARCH - second))
    assert [change.at for change in clock_changes(BERLIN, MARCH - second / 3, MARCH)] == [MARCH]


def test_period_needs_zones_and_known_years() -> None:
    with pytest.raises(NaiveTimeError):
        list(clock_changes(BERLIN, datetime(2026, 1, 1), YEAR[1]))
    with pytest.raises(TimeRangeError):
        list(clock_changes(BERLIN, datetime(9999, 12, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)))


def fires(text: str, number: int) -> list[tuple[str, str]]:
    change = list(clock_changes(BERLIN, *YEAR))[number]
    return [(f"{one.wall:%d %H:%M}", f"{one.fire:%d %H:%M}") for one in changed_fires(parse_cron(text), change, BERLIN)]


@pytest.mark.parametrize(
    ("text", "skipped", "repeated"),
    [
        ("30 2 * * *", [("29 02:30", "29 01:30")], [("25 02:30", "25 00:30")]),
        ("0 * * * *", [("29 02:00", "29 01:00")], [("25 02:00", "25 00:00")]),
        ("0 3 * * *", [], []),
        ("59 1 * * *", [], []),
        ("30 2 * * mon", [], []),
        ("*/30 2 29 3 *", [("29 02:00", "29 01:00"), ("29 02:30", "29 01:30")], []),
    ],
)
def test_fires_in_the_changed_hour_are_named(
    text: str, skipped: list[tuple[str, str]], repeated: list[tuple[str, str]]
) -> None:
    assert fires(text, 0) == skipped
    assert fires(text, 1) == repeated


@pytest.mark.parametrize("text", ["30 2 * * *", "*/10 * * * *"])
def test_named_fires_are_fires_of_the_cron(text: str) -> None:
    cron = parse_cron(text)
    for change in clock_changes(BERLIN, *YEAR):
        found = changed_fires(cron, change, BERLIN)
        all_fires = set(cron.fires_between(change.at - 3 * HOUR, change.at + 3 * HOUR, BERLIN))
        assert found
        assert {one.fire for one in found} <= all_fires

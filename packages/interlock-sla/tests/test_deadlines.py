"""Deadlines of both clocks: zones, gaps, hours that clocks show twice, excluded days."""

import time as clock
from datetime import UTC, date, datetime, timedelta

import pytest

from interlock_sla import (
    Calendar,
    Clock,
    Deadline,
    DeadlineError,
    DormantDays,
    DurationError,
    Exclusions,
    NaiveTimeError,
    TimeRangeError,
    absolute_deadline,
    parse_cron,
    parse_deadline,
    parse_duration,
    parse_execution_date,
    relative_deadline,
    trigger_deadline,
    zone,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("deadline", "date", "zone_name", "breach"),
    [
        ("10:00", "2026-03-03", "UTC", "2026-03-04T10:00"),
        ("00:00", "2026-03-03", "UTC", "2026-03-04T00:00"),
        ("10:00", "2026-12-31", "UTC", "2027-01-01T10:00"),
        ("10:00", "2026-03-03", "America/New_York", "2026-03-04T15:00"),
        # Both sides of the changes: the day step is a calendar day, not 24 hours.
        ("10:00", "2026-03-28", "Europe/Berlin", "2026-03-29T08:00"),
        ("10:00", "2026-10-24", "Europe/Berlin", "2026-10-25T09:00"),
        # 02:30 is skipped, and 02:30 comes twice.
        ("02:30", "2026-03-28", "Europe/Berlin", "2026-03-29T01:30"),
        ("02:30", "2026-10-24", "Europe/Berlin", "2026-10-25T00:30"),
        ("02:15", "2026-10-03", "Australia/Lord_Howe", "2026-10-03T15:45"),
        (":30", "2026-03-03T07", "UTC", "2026-03-03T08:30"),
        (":00", "2026-03-03T23", "UTC", "2026-03-04T00:00"),
        (":30", "2026-03-03T07", "Asia/Kolkata", "2026-03-03T03:00"),
        (":30", "2026-03-29T01", "Europe/Berlin", "2026-03-29T01:30"),
        (":30", "2026-10-25T01", "Europe/Berlin", "2026-10-25T00:30"),
        (":45", "2026-03-03", "UTC", "2026-03-04T00:45"),
        ("08:00", "2026-03-03T07", "UTC", "2026-03-03T08:00"),
        ("07:59", "2026-03-03T07", "UTC", "2026-03-04T07:59"),
        ("00:00", "2026-03-03T23", "UTC", "2026-03-04T00:00"),
        # An hour that clocks skip has no length. It ends when it begins, at the time that clocks show then.
        ("02:30", "2026-03-08T02", "America/New_York", "2026-03-08T07:30"),
        (":30", "2026-03-08T02", "America/New_York", "2026-03-08T07:30"),
        ("01:59", "2026-03-08T02", "America/New_York", "2026-03-09T05:59"),
        # The first and the last dates have deadlines too.
        ("10:00", "9998-12-31", "UTC", "9999-01-01T10:00"),
        (":30", "9998-12-31", "UTC", "9999-01-01T00:30"),
        (":30", "9998-12-31T23", "UTC", "9999-01-01T00:30"),
        ("10:00", "9998-12-31T23", "Etc/GMT+12", "9999-01-01T22:00"),
        ("10:00", "1900-01-01", "Pacific/Kiritimati", "1900-01-02T20:29:20"),
    ],
)
def test_the_absolute_deadline_without_cron(deadline: str, date: str, zone_name: str, breach: str) -> None:
    found = absolute_deadline(deadline, parse_execution_date(date), zone(zone_name), cron_fire=None, expected=None)
    assert (found.clock, found.breach_at, found.warning_at) == (Clock.ABSOLUTE, at(breach), None)
    assert trigger_deadline(deadline, parse_execution_date(date), zone(zone_name)) == at(breach)


@pytest.mark.parametrize(
    ("cron", "deadline", "date", "breach"),
    [
        ("0 8 * * *", "10:00", "2026-03-03", "2026-03-03T09:00"),
        ("0 8 * * *", "08:00", "2026-03-03", "2026-03-03T07:00"),
        ("0 8 * * *", "07:59", "2026-03-03", "2026-03-04T06:59"),
        ("0 22 * * *", "02:30", "2026-03-28", "2026-03-29T01:30"),
        ("0 22 * * *", "02:30", "2026-10-24", "2026-10-25T00:30"),
        # The fire of 02:15 moves to 03:15, so the first 03:00 after it is the next day's.
        ("15 2 * * *", "03:00", "2026-03-29", "2026-03-30T01:00"),
        ("0 8 * * mon", "10:00", "2026-03-03", "2026-03-03T09:00"),
    ],
)
def test_deadline_with_cron_is_first_time_at_or_after_fire(cron: str, deadline: str, date: str, breach: str) -> None:
    berlin, day = zone("Europe/Berlin"), parse_execution_date(date)
    fire = parse_cron(cron).fire_of(day, berlin)
    found = absolute_deadline(deadline, day, berlin, cron_fire=fire, expected=timedelta(minutes=90))
    assert found.breach_at == at(breach)
    assert found.warning_at == at(breach) - timedelta(minutes=90)
    assert trigger_deadline(deadline, day, berlin, cron_fire=fire) == found.breach_at
    assert found.breach_at.tzinfo is UTC


def test_relative_warning_without_expected_is_at_75_percent() -> None:
    found = relative_deadline(at("2026-03-03T09:00"), timedelta(hours=2), expected=None)
    assert (found.clock, found.breach_at) == (Clock.RELATIVE, at("2026-03-03T11:00"))
    assert found.warning_at == at("2026-03-03T10:30")


def test_relative_warning_comes_expected_time_before_breach() -> None:
    found = relative_deadline(at("2026-03-03T09:00"), timedelta(hours=2), expected=timedelta(minutes=45))
    assert found.warning_at == at("2026-03-03T10:15")


def test_the_relative_deadline_is_elapsed_time_in_utc() -> None:
    arrival = datetime(2026, 3, 28, 23, tzinfo=zone("Europe/Berlin"))
    found = relative_deadline(arrival, timedelta(hours=6), expected=None)
    assert found.breach_at == at("2026-03-29T04:00")
    assert found.breach_at.tzinfo is UTC


@pytest.mark.parametrize(
    "text", ["24:00", "10:60", "9:00", "10", "", ":5", "::05", "10:00:00", "１0:00", " 10:00", "10:00\n"]
)
def test_error_for_deadline_states_allowed_form(text: str) -> None:
    with pytest.raises(DeadlineError, match='write "HH:MM" from 00:00 to 23:59, or ":MM" from :00 to :59'):
        parse_deadline(text)


@pytest.mark.parametrize("text", ["00:00", "23:59", ":00", ":59"])
def test_valid_deadline_is_returned(text: str) -> None:
    assert parse_deadline(text) == text


@pytest.mark.parametrize("span", [timedelta(0), timedelta(microseconds=-1)])
def test_a_span_must_be_positive(span: timedelta) -> None:
    with pytest.raises(DurationError) as caught:
        relative_deadline(at("2026-03-03T09:00"), span, expected=None)
    assert (caught.value.value, caught.value.allowed) == (str(span), "the longest duration must be positive")


def test_expected_duration_is_not_negative() -> None:
    arrival, day = at("2026-03-03T09:00"), parse_execution_date("2026-03-03")
    expected = parse_duration("-1s")
    for ask in (
        lambda: relative_deadline(arrival, timedelta(hours=1), expected=expected),
        lambda: absolute_deadline("10:00", day, zone("UTC"), cron_fire=None, expected=expected),
    ):
        with pytest.raises(DurationError) as caught:
            ask()
        assert (caught.value.value, caught.value.allowed) == ("-1s", "the expected duration must not be negative")
    found = absolute_deadline("10:00", day, zone("UTC"), cron_fire=None, expected=timedelta(0))
    assert found.warning_at == found.breach_at


def test_deadlines_out_of_datetime_range_are_rejected() -> None:
    day, utc, huge = parse_execution_date("2026-03-03"), zone("UTC"), parse_duration("999999999h")
    edges = [edge.replace(tzinfo=UTC) for edge in (datetime.min, datetime.max)]
    for value, ask in (
        ("999999999h", lambda: absolute_deadline("10:00", day, utc, cron_fire=None, expected=huge)),
        ("999999999h", lambda: relative_deadline(at("2026-03-03T09:00"), huge, expected=None)),
        ("999999999h", lambda: relative_deadline(at("2026-03-03T09:00"), timedelta(1), expected=huge)),
        (str(edges[0]), lambda: trigger_deadline("10:00", day, zone("Etc/GMT+12"), cron_fire=edges[0])),
        (str(edges[1]), lambda: trigger_deadline("10:00", day, utc, cron_fire=edges[1])),
    ):
        with pytest.raises(TimeRangeError, match="it leads to a time before the year 1 or after 9999") as caught:
            ask()
        assert caught.value.value == value


@pytest.mark.skipif(not hasattr(clock, "tzset"), reason="the machine's zone cannot be changed here")
def test_day_of_fire_is_in_given_zone_not_machine_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    day, west = parse_execution_date("2026-03-03"), zone("Etc/GMT+12")
    try:
        with monkeypatch.context() as machine:
            machine.setenv("TZ", "Pacific/Kiritimati")
            clock.tzset()
            found = trigger_deadline("23:30", day, west, cron_fire=at("2026-03-03T11:00"))
    finally:
        clock.tzset()
    assert found == at("2026-03-03T11:30")  # the 2nd in the zone, the 4th in the machine's zone


def test_clocks_need_aware_datetimes() -> None:
    for day in ("2026-03-03", "2026-03-03T07"):
        with pytest.raises(NaiveTimeError):
            trigger_deadline("10:00", parse_execution_date(day), zone("UTC"), cron_fire=datetime(2026, 3, 3))
    with pytest.raises(NaiveTimeError):
        relative_deadline(datetime(2026, 3, 3), timedelta(hours=1), expected=None)


def days_from(first: date, count: int) -> frozenset[date]:
    return frozenset(first + timedelta(days=step) for step in range(count))


def on(month: int, day: int) -> frozenset[date]:
    return days_from(date(2026, month, day), 1)


def but_for(month: int, day: int) -> Exclusions:
    return Exclusions(weekends=True, workdays=on(month, day))


WEEKENDS = Exclusions(weekends=True)


@pytest.mark.parametrize(
    ("deadline", "date_", "sla_zone", "schedule_zone", "exclusions", "breach"),
    [
        # 2026-03-06 is a Friday. Its deadline would be on Saturday.
        ("10:00", "2026-03-06", "UTC", "UTC", WEEKENDS, "2026-03-09T10:00"),
        ("10:00", "2026-03-05", "UTC", "UTC", WEEKENDS, "2026-03-06T10:00"),
        ("00:00", "2026-03-06", "UTC", "UTC", WEEKENDS, "2026-03-09T00:00"),
        ("23:59", "2026-03-05", "UTC", "UTC", WEEKENDS, "2026-03-06T23:59"),
        (":30", "2026-03-06T23", "UTC", "UTC", WEEKENDS, "2026-03-09T00:30"),
        (":30", "2026-03-06T22", "UTC", "UTC", WEEKENDS, "2026-03-06T23:30"),
        ("08:00", "2026-03-06T09", "UTC", "UTC", WEEKENDS, "2026-03-09T08:00"),
        # A working Saturday keeps the deadline. A holiday on Monday moves it further.
        ("10:00", "2026-03-06", "UTC", "UTC", but_for(3, 7), "2026-03-07T10:00"),
        ("10:00", "2026-03-06", "UTC", "UTC", Exclusions(True, on(3, 9)), "2026-03-10T10:00"),
        # The excluded day is in the schedule's zone, the steps are in the deadline's zone. 20:00 on Friday in New
        # York is Saturday in Tokyo, so it moves to Sunday 20:00 in New York, which is Monday in Tokyo.
        ("20:00", "2026-03-05", "America/New_York", "Asia/Tokyo", WEEKENDS, "2026-03-09T00:00"),
        ("08:00", "2026-03-06", "America/New_York", "America/New_York", WEEKENDS, "2026-03-09T12:00"),
        # A move out of or into a night on which clocks change keeps the time of day as written.
        ("02:30", "2026-03-28", "Europe/Berlin", "Europe/Berlin", WEEKENDS, "2026-03-30T00:30"),
        ("02:30", "2026-03-27", "Europe/Berlin", "Europe/Berlin", Exclusions(dates=on(3, 28)), "2026-03-29T01:30"),
        ("02:30", "2026-10-23", "Europe/Berlin", "Europe/Berlin", Exclusions(dates=on(10, 24)), "2026-10-25T00:30"),
    ],
)  # fmt: skip
def test_deadline_on_excluded_day_moves_to_next_open_day(
    deadline: str, date_: str, sla_zone: str, schedule_zone: str, exclusions: Exclusions, breach: str
) -> None:
    named, dormant = parse_execution_date(date_), DormantDays(exclusions, zone(schedule_zone))
    still = trigger_deadline(deadline, named, zone(sla_zone))
    expected = timedelta(minutes=30)
    found = absolute_deadline(deadline, named, zone(sla_zone), cron_fire=None, expected=expected, dormant=dormant)
    moved_from = None if still == at(breach) else still
    assert found == Deadline(Clock.ABSOLUTE, at(breach), at(breach) - expected, moved_from)
    assert trigger_deadline(deadline, named, zone(sla_zone), dormant=dormant) == at(breach)


def test_deadline_of_cron_fire_moves_over_excluded_days() -> None:
    fire, dormant = at("2026-03-06T20:00"), DormantDays(WEEKENDS, zone("UTC"))
    date_ = parse_execution_date("2026-03-06")
    found = absolute_deadline("06:00", date_, zone("UTC"), cron_fire=fire, expected=None, dormant=dormant)
    assert found == Deadline(Clock.ABSOLUTE, at("2026-03-09T06:00"), None, at("2026-03-07T06:00"))


@pytest.mark.parametrize(("excluded", "breach"), [(30, "2026-04-03T10:00"), (31, "2026-04-04T10:00"), (32, None)])
def test_deadline_moves_by_31_days_at_most(excluded: int, breach: str | None) -> None:
    calendar = Calendar("closed", dates=days_from(date(2026, 3, 4), excluded))
    dormant = DormantDays(Exclusions(calendars=(calendar,)), zone("UTC"))
    date_ = parse_execution_date("2026-03-03")
    found = absolute_deadline("10:00", date_, zone("UTC"), cron_fire=None, expected=None, dormant=dormant)
    assert (None if found is None else found.breach_at) == (None if breach is None else at(breach))

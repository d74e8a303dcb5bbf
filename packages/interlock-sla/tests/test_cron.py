"""The days and times that cron expressions name, and their fires in a zone."""

from datetime import UTC, date, datetime, tzinfo

import pytest

from interlock_sla import CronError, ExecutionDate, NaiveTimeError, TimeRangeError, parse_cron, zone

BERLIN = zone("Europe/Berlin")
DAYS = (
    "1 to 31, L (the last day), L-1 to L-30 (days before the last), or one of these with W "
    "(15W, LW, L-3W: the nearest Monday to Friday)"
)
WEEKDAYS = "0 to 7 (0 and 7 are Sunday), or sun to sat; fri#2 is the second Friday of a month, friL the last"
UTC_ZONE = zone("UTC")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "now", "last", "following"),
    [
        ("0 8 * * *", "2026-03-03T12:00", "2026-03-03T08:00", "2026-03-04T08:00"),
        ("0 8 * * *", "2026-03-03T08:00", "2026-03-03T08:00", "2026-03-04T08:00"),
        ("0 8 * * *", "2026-03-03T07:59:59", "2026-03-02T08:00", "2026-03-03T08:00"),
        ("*/15 9-17/4 * * mon-fri", "2026-03-08T12:00", "2026-03-06T17:45", "2026-03-09T09:00"),
        ("5,35 6 1,15 * *", "2026-03-03T12:00", "2026-03-01T06:35", "2026-03-15T06:05"),
        ("0 0 L * *", "2026-02-10T00:00", "2026-01-31T00:00", "2026-02-28T00:00"),
        ("0 0 1,L * *", "2026-02-10T00:00", "2026-02-01T00:00", "2026-02-28T00:00"),
        ("0 9 * * fri#2", "2026-03-03T00:00", "2026-02-13T09:00", "2026-03-13T09:00"),
        ("0 9 * * L5", "2026-03-03T00:00", "2026-02-27T09:00", "2026-03-27T09:00"),
        ("0 9 * * mon#5", "2026-03-03T00:00", "2025-12-29T09:00", "2026-03-30T09:00"),
        ("0 0 29 2 *", "2026-03-03T00:00", "2024-02-29T00:00", "2028-02-29T00:00"),
        ("0 0 29 2 *", "2097-01-01T00:00", "2096-02-29T00:00", "2104-02-29T00:00"),
        ("0 0 13 * fri", "2026-03-03T00:00", "2026-02-27T00:00", "2026-03-06T00:00"),
        ("0 0 ? jan,jul sun", "2026-03-03T00:00", "2026-01-25T00:00", "2026-07-05T00:00"),
        ("0 22-2 * * *", "2026-03-03T03:00", "2026-03-03T02:00", "2026-03-03T22:00"),
        ("0 22-4/3 * * *", "2026-03-03T03:00", "2026-03-03T01:00", "2026-03-03T04:00"),
        ("0 23-4/5 * * *", "2026-03-03T12:00", "2026-03-03T04:00", "2026-03-03T23:00"),
        ("55-10/7 6 * * *", "2026-03-03T06:05", "2026-03-03T06:02", "2026-03-03T06:09"),
        ("0 0 1 dec-mar/2 *", "2026-03-03T00:00", "2026-02-01T00:00", "2026-12-01T00:00"),
        ("0 0 28-3/2 * *", "2026-03-03T12:00", "2026-03-03T00:00", "2026-03-28T00:00"),
        ("0 0 * * sat-tue/3", "2026-03-08T12:00", "2026-03-07T00:00", "2026-03-10T00:00"),
        ("0 *,21 * * *", "2026-03-03T12:30", "2026-03-03T12:00", "2026-03-03T13:00"),
        ("0 9 LW * *", "2026-06-01T00:00", "2026-05-29T09:00", "2026-06-30T09:00"),
        ("0 9 1W * *", "2026-08-02T00:00", "2026-07-01T09:00", "2026-08-03T09:00"),
        ("0 9 L-3 * *", "2028-02-26T09:00", "2028-02-26T09:00", "2028-03-28T09:00"),
        ("0 9 L-28 2 *", "2026-03-03T00:00", "2024-02-01T09:00", "2028-02-01T09:00"),
        ("0 9 29W 2 *", "2026-03-03T00:00", "2024-02-29T09:00", "2028-02-29T09:00"),
        ("0 9 29W 2 *", "2048-01-01T00:00", "2044-02-29T09:00", "2048-02-28T09:00"),
    ],
)
def test_the_last_and_the_next_fire(expression: str, now: str, last: str, following: str) -> None:
    cron = parse_cron(expression)
    assert cron.last_fire(at(now), UTC_ZONE) == at(last)
    assert cron.next_fire(at(now), UTC_ZONE) == at(following)
    assert cron.last_fire(at(now), UTC_ZONE).tzinfo is UTC


def test_fire_in_hour_shown_twice_happens_once() -> None:
    cron = parse_cron("30 2 * * *")
    first = cron.next_fire(at("2026-10-24T12:00"), BERLIN)
    assert first == at("2026-10-25T00:30")
    assert cron.next_fire(first, BERLIN) == at("2026-10-26T01:30")
    assert cron.last_fire(at("2026-10-25T01:00"), BERLIN) == first
    assert cron.last_fire(at("2026-10-25T01:30"), BERLIN) == first


def test_fire_that_clocks_skip_moves_forward_by_gap() -> None:
    cron = parse_cron("30 2 * * *")
    assert cron.next_fire(at("2026-03-28T12:00"), BERLIN) == at("2026-03-29T01:30")  # 03:30 by the clock
    assert cron.last_fire(at("2026-03-29T01:29"), BERLIN) == at("2026-03-28T01:30")
    assert cron.last_fire(at("2026-03-29T01:30"), BERLIN) == at("2026-03-29T01:30")


def test_fire_moved_out_of_gap_is_next_if_clock_is_later() -> None:
    # New York skips 02:00 to 03:00: at 03:10 by the clock, the fire of 02:30 comes at 03:30.
    cron, new_york = parse_cron("30 2 * * *"), zone("America/New_York")
    assert cron.next_fire(at("2026-03-08T07:10"), new_york) == at("2026-03-08T07:30")
    assert cron.next_fire(at("2026-03-08T07:30"), new_york) == at("2026-03-09T06:30")
    # Clocks there go back from 02:00 to 01:00: at 01:10, the second time, the fire of 01:30 is past.
    assert parse_cron("30 1 * * *").last_fire(at("2026-11-01T06:10"), new_york) == at("2026-11-01T05:30")


def test_fires_moved_out_of_gap_keep_order_of_instants() -> None:
    # Lord Howe skips 02:00 to 02:30, so that 02:25 comes after 02:35.
    cron, lord_howe = parse_cron("25,35 2 * * *"), zone("Australia/Lord_Howe")
    before = at("2026-10-03T12:00")
    assert list(cron.fires_between(before, at("2026-10-03T18:00"), lord_howe)) == [
        at("2026-10-03T15:35"),
        at("2026-10-03T15:55"),
    ]
    assert cron.last_fire(at("2026-10-03T18:00"), lord_howe) == at("2026-10-03T15:55")
    assert cron.last_fire(at("2026-10-03T15:55"), lord_howe) == at("2026-10-03T15:55")
    assert cron.last_fire(at("2026-10-03T15:54"), lord_howe) == at("2026-10-03T15:35")


def test_the_first_fire_of_a_day() -> None:
    cron = parse_cron("0 8,20 * * mon-fri")
    assert cron.first_fire_on(date(2026, 3, 3), BERLIN) == at("2026-03-03T07:00")
    assert cron.first_fire_on(date(2026, 3, 7), BERLIN) is None
    assert cron.fire_of(ExecutionDate(date(2026, 3, 7)), BERLIN) == at("2026-03-06T23:00")


@pytest.mark.parametrize(
    ("expression", "fire", "date"),
    [
        ("0 8 * * *", "2026-03-03T07:00", "2026-03-03"),
        ("0 0 * * *", "2026-03-02T23:00", "2026-03-03"),
        ("0 8,20 * * *", "2026-03-03T19:00", "2026-03-03T20"),
        ("30 2 * * *", "2026-03-29T01:30", "2026-03-29"),
        ("30 2,4 * * *", "2026-03-29T01:30", "2026-03-29T02"),
        ("0 * * * *", "2026-03-29T01:00", "2026-03-29T03"),
        ("30 2 * * *", "2026-10-25T00:30", "2026-10-25"),
    ],
)
def test_the_execution_date_of_a_fire(expression: str, fire: str, date: str) -> None:
    cron = parse_cron(expression)
    assert str(cron.execution_date(at(fire), BERLIN)) == date
    assert str(cron.execution_date(at(fire).astimezone(BERLIN), BERLIN)) == date


@pytest.mark.parametrize(
    "moment",
    ["2026-03-03T07:01", "2026-03-03T07:00:30", "2026-03-03T07:00:00.5", "2026-03-07T07:00", "2026-10-25T01:30"],
)
def test_other_instant_than_fire_has_no_execution_date(moment: str) -> None:
    expression = "0,30 2,8 * * mon-fri,sun"
    with pytest.raises(CronError) as caught:
        parse_cron(expression).execution_date(at(moment).astimezone(BERLIN), BERLIN)
    assert caught.value.value == expression
    assert caught.value.allowed == f"it does not fire at {at(moment).isoformat()}"


def test_a_fire_moved_past_midnight_keeps_its_date() -> None:
    # Nuuk skipped 23:00 to 24:00 of 30 March 2024.
    cron, nuuk = parse_cron("30 23 * * *"), zone("America/Nuuk")
    fire = cron.first_fire_on(date(2024, 3, 30), nuuk)
    assert fire == at("2024-03-31T01:30")
    assert str(fire.astimezone(nuuk)) == "2024-03-31 00:30:00-01:00"
    assert str(cron.execution_date(fire, nuuk)) == "2024-03-30"


@pytest.mark.parametrize(
    ("expression", "per_day", "hourly", "finer"),
    [
        ("0 8 * * *", 1, False, False),
        ("0 8,20 * * *", 2, True, False),
        ("15 * * * *", 24, True, False),
        ("0,30 8 * * *", 2, True, True),
        ("* * * * *", 1440, True, True),
    ],
)
def test_how_often_it_fires(expression: str, per_day: int, hourly: bool, finer: bool) -> None:
    cron = parse_cron(expression)
    assert (cron.fires_per_day_max, cron.is_hourly, cron.is_finer_than_hourly) == (per_day, hourly, finer)


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 13 * fri", {6, 13, 20, 27}),
        ("0 0 1 * fri", {1, 6, 13, 20, 27}),
        ("0 0 L * fri#1", {6, 31}),
        ("0 0 1,15 * L0", {1, 15, 29}),
        ("0 0 */10 * sun", {1, 8, 11, 15, 21, 22, 29, 31}),
        ("0 0 * * sun", {1, 8, 15, 22, 29}),
        ("0 0 ? * sun", {1, 8, 15, 22, 29}),
        ("0 0 */1 * sun", {1, 8, 15, 22, 29}),
        ("0 0 10,*/1 * sun", {1, 8, 15, 22, 29}),
        ("0 0 10 * *", {10}),
        ("0 0 10 * */1", {10}),
        ("0 0 10 * ?", {10}),
        ("0 0 10 * 0-6", set(range(1, 32))),
        ("0 0 1-31 * sun", set(range(1, 32))),
        ("0 0 1-31/2 * */1", set(range(1, 32, 2))),
        ("0 0 */2 * */1", set(range(1, 32, 2))),
        ("0 0 * * sat-sun", {1, 7, 8, 14, 15, 21, 22, 28, 29}),
        ("0 0 * * 6-7", {1, 7, 8, 14, 15, 21, 22, 28, 29}),
        ("0 0 * * mon-wed#2", {9, 10, 11}),
        ("0 0 * * L1,L2", {30, 31}),
        ("0 0 * * fri#1,mon#5", {6, 30}),
        ("0 0 30-2 * *", {1, 2, 30, 31}),
        ("0 0 28-L * *", {28, 29, 30, 31}),
        ("0 0 L-3,L * fri", {6, 13, 20, 27, 28, 31}),
        ("0 0 1W,15W,LW * *", {2, 16, 31}),
        ("0 0 7W * sun", {1, 6, 8, 15, 22, 29}),
        ("0 0 *,7W * *", set(range(1, 32))),
        ("0 0 * * 5L", {27}),
        ("0 0 ? * sunL,2L", {29, 31}),
    ],
)
def test_the_days_of_a_month_that_it_names(expression: str, days: set[int]) -> None:
    cron = parse_cron(expression)
    assert {day for day in range(1, 32) if cron.fires_on(date(2026, 3, day))} == days


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("8-8 7-7/2 * * mon-mon", "8 7 * * mon"),
        ("08-8 * * * *", "8 * * * *"),
        ("0 0 31-L * *", "0 0 31 * *"),
        ("0 0 1 dec-12 *", "0 0 1 12 *"),
        ("0 0 * * sun-0", "0 0 * * 0"),
        ("0 0 * * 7-sun", "0 0 * * 0"),
        ("0 7-0 * * *", "0 0,7-23 * * *"),
        ("0 0 * * 7-2", "0 0 * * 0-2"),
        ("0 0 * * fri-fri#2", "0 0 * * fri#2"),
        ("0 0 * * 5-5/2", "0 0 * * 5"),
        ("0 0 * * 0-7", "0 0 * * 0-6"),
        ("0 0 * * sun-7/2", "0 0 * * 0,2,4,6"),
    ],
)
def test_an_equal_range_is_one_value(written: str, meant: str) -> None:
    assert parse_cron(written).fields == parse_cron(meant).fields


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("*/05 8-20/004 * * *", "*/5 8-20/4 * * *"),
        ("0 0 * * 1/2", "0 0 * * 1,3,5"),
        ("10/20 6/9 25/3 9/2 *", "10,30,50 6,15 25,28,31 9,11 *"),
        ("0 0 * * L7", "0 0 * * L0"),
        ("0 0 * * 5L", "0 0 * * L5"),
        ("0 0 * * 7L,0L", "0 0 * * L0"),
        ("0 0 * * friL", "0 0 * * L5"),
        ("0 0 * * FRIL,Monl", "0 0 * * L5,L1"),
        ("0 0 l-3w * *", "0 0 L-3W * *"),
        ("0 0 L-0,L-00W * *", "0 0 L,LW * *"),
        ("0 0 015w,L-03 * *", "0 0 15W,L-3 * *"),
    ],
)
def test_two_spellings_have_equal_fields(written: str, meant: str) -> None:
    assert parse_cron(written).fields == parse_cron(meant).fields


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "write five fields: minute, hour, day of month, month, day of week; this has no fields"),
        ("0 8 * *", "write five fields: minute, hour, day of month, month, day of week; this has 4 fields"),
        ("0 8 * * * * *", "write five fields: minute, hour, day of month, month, day of week; this has 7 fields"),
        ("@daily", 'write "0 0 * * *"'),
        ("60 * * * *", "its minute field '60' must be 0 to 59"),
        ("0 24 * * *", "its hour field '24' must be 0 to 23"),
        ("0 0 0 * *", f"its day of month field '0' must be {DAYS}"),
        ("0 0 * 13 *", "its month field '13' must be 1 to 12, or jan to dec"),
        ("*/0 * * * *", "its minute field '*/0' must be 0 to 59; a step is at least 1"),
        ("0-0/0 * * * *", "its minute field '0-0/0' must be 0 to 59; a step is at least 1"),
        ("0 8-8/00 * * *", "its hour field '8-8/00' must be 0 to 23; a step is at least 1"),
        ("0 0 * * mon-1/0", f"its day of week field 'mon-1/0' must be {WEEKDAYS}; a step is at least 1"),
        ("0 0 * * fri#1,9#2", f"its day of week field 'fri#1,9#2' must be {WEEKDAYS}"),
        ("61,62 * * * *", "its minute field '61,62' must be 0 to 59"),
        ("0 0 ?,1 * *", f"its day of month field '?,1' must be {DAYS}"),
        ("0 0 * January *", "its month field 'January' must be 1 to 12, or jan to dec; did you mean jan?"),
        ("0 0 * * tues-Friday", f"its day of week field 'tues-Friday' must be {WEEKDAYS}; did you mean tue-fri?"),
        ("0 0 * * mon-fry", f"its day of week field 'mon-fry' must be {WEEKDAYS}"),
        ("0 0 * * payday", f"its day of week field 'payday' must be {WEEKDAYS}"),
        ("0 8 * * */0,mon", f"its day of week field '*/0,mon' must be {WEEKDAYS}; a step is at least 1"),
        ("daily", 'write "0 0 * * *"'),
        ("8:05", 'write "5 8 * * *"'),
        ("23:59", 'write "59 23 * * *"'),
        ("24:00", "write five fields: minute, hour, day of month, month, day of week; this has 1 field"),
        ("8:60", "write five fields: minute, hour, day of month, month, day of week; this has 1 field"),
        ("H * * * *", "its minute field 'H' must be 0 to 59"),
        ("R * * * *", "its minute field 'R' must be 0 to 59"),
        ("1,,2 * * * *", "its minute field '1,,2' must be 0 to 59"),
        ("-1 * * * *", "its minute field '-1' must be 0 to 59"),
        ("٣ * * * *", "its minute field '٣' must be 0 to 59"),
        ("0 0 30 2 *", "it never fires: its months have at most 29 days"),
        ("0 0 31 4,6 *", "it never fires: its months have at most 30 days"),
        ("0 0 31W 4,6 *", "it never fires: its months have at most 30 days"),
        ("0 0 30W,31 2 *", "it never fires: its months have at most 29 days"),
        ("0 0 L-29 2 *", "it never fires: its months have at most 29 days"),
        ("0 0 L-30W 4 *", "it never fires: its months have at most 30 days"),
        ("0 0 * * mon,L5", "its day of week field 'mon,L5' mixes plain days with # or L: use one kind"),
    ],
)
def test_error_names_wrong_field_and_allowed_values(expression: str, reason: str) -> None:
    with pytest.raises(CronError) as caught:
        parse_cron(expression)
    assert caught.value.allowed == reason
    assert caught.value.value == expression


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 30 2 mon", {2, 9, 16, 23}),
        ("0 0 31 2 L5", {27}),
        ("0 0 30,L 2 *", {28}),
        ("0 0 1,30 2 *", {1}),
    ],
)
def test_day_that_does_not_exist_may_be_listed_with_real_day(expression: str, days: set[int]) -> None:
    cron = parse_cron(expression)
    assert {day for day in range(1, 29) if cron.fires_on(date(2026, 2, day))} == days


def test_an_expression_has_at_most_256_characters() -> None:
    assert parse_cron("0 8 * * *".ljust(256)).fields == parse_cron("0 8 * * *").fields
    with pytest.raises(CronError):
        parse_cron("0 8 * * *".ljust(257))


class Nowhere(tzinfo):
    """A zone that does not know its offset."""

    def utcoffset(self, moment: datetime | None) -> None:
        return None


def test_zone_without_offset_is_rejected() -> None:
    with pytest.raises(NaiveTimeError):
        parse_cron("0 8 * * *").last_fire(datetime(2026, 3, 3, tzinfo=Nowhere()), UTC_ZONE)


def test_fires_need_an_instant() -> None:
    with pytest.raises(NaiveTimeError):
        parse_cron("0 8 * * *").last_fire(datetime(2026, 3, 3), UTC_ZONE)
    with pytest.raises(NaiveTimeError):
        parse_cron("0 8 * * *").next_fire(datetime(2026, 3, 3), UTC_ZONE)
    with pytest.raises(NaiveTimeError):
        parse_cron("0 8 * * *").execution_date(datetime(2026, 3, 3, 8), UTC_ZONE)
    with pytest.raises(NaiveTimeError):
        list(parse_cron("0 8 * * *").fires_between(at("2026-03-03T00:00"), datetime(2026, 3, 3), UTC_ZONE))


@pytest.mark.parametrize("name", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize("expression", ["* * * * *", "0 0 29 2 *", "0 0 L * *", "0 0 * * L5", "0 0 1W * *"])
def test_fires_out_of_datetime_range_are_rejected(expression: str, name: str) -> None:
    cron, place = parse_cron(expression), zone(name)
    start, end = (edge.replace(tzinfo=UTC) for edge in (datetime.min, datetime.max))
    for ask, moment in ((cron.last_fire, start), (cron.next_fire, end)):
        with pytest.raises(TimeRangeError) as caught:
            ask(moment, place)
        assert caught.value.value == moment
        assert caught.value.allowed == "it leads to a time before the year 1 or after 9999"


def test_fire_out_of_datetime_range_is_rejected() -> None:
    cron, west, east = parse_cron("0 12 * * *"), zone("Etc/GMT+12"), zone("Pacific/Kiritimati")
    with pytest.raises(TimeRangeError) as caught:
        cron.first_fire_on(date.max, west)
    assert caught.value.value == date.max
    assert parse_cron("0 11 * * *").first_fire_on(date.max, west) == at("9999-12-31T23:00")
    with pytest.raises(TimeRangeError) as caught:
        cron.execution_date(datetime.max.replace(tzinfo=UTC), east)
    assert caught.value.value == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 L * *", {31}),
        ("0 0 * * L5", {31}),
        ("0 0 * * L6", {25}),
        ("0 0 * * fri#5", {31}),
        ("0 0 LW,L-6W * *", {24, 31}),
    ],
)
def test_last_month_of_datetime_has_last_days(expression: str, days: set[int]) -> None:
    cron = parse_cron(expression)
    assert {day for day in range(1, 32) if cron.fires_on(date(9999, 12, day))} == days

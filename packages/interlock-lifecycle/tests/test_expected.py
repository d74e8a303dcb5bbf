"""Which dates are expected, and when their starts, deadlines and trigger windows are due."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock_config import decode_yaml
from interlock_lifecycle.dates import (
    EXCLUDED_DAYS,
    MISSED_AFTER,
    Expectation,
    Window,
    due_clocks,
    due_fires,
    due_starts,
    due_trigger_deadlines,
    expected_dates,
    terms_of,
)
from interlock_lifecycle.slas import deadlines_of
from interlock_sla import Deadline, Exclusions, ExecutionDate, parse_execution_date

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
TRIGGER = "trigger: {key: ready, check: exists}"


def expect(
    schedule: str, sla: str = "", *, created: datetime = CREATED, excluded: str = "", rest: str = ""
) -> Expectation:
    config = decode_yaml(
        f"pipeline: {{id: p}}\nschedule: {{{schedule}}}\n{f'sla: {{{sla}}}' if sla else ''}\n"
        'validation: {rules: [{key: ready, check: exists}]}\njob: {type: command, config: {command: "true"}}\n'
        f"{rest}\n",
        "p.yaml",
    )
    days = frozenset({date.fromisoformat(excluded)}) if excluded else frozenset()
    return Expectation(config, Exclusions(dates=days), created)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due_deadlines(expected: Expectation, window: Window) -> list[tuple[ExecutionDate, Deadline]]:
    return [(due.date, due.deadline) for due in due_clocks(expected, window) if not due.is_warning]


def due_warnings(expected: Expectation, window: Window) -> list[tuple[ExecutionDate, Deadline]]:
    return [(due.date, due.deadline) for due in due_clocks(expected, window) if due.is_warning]


def between(after: str, until: str) -> Window:
    return Window(utc(after), utc(until))


@pytest.mark.parametrize(
    ("schedule", "sla", "window", "expected"),
    [
        (TRIGGER, 'deadline: "10:00"', ("2026-03-04 09:59", "2026-03-04 10:00"), ["2026-03-03"]),
        (TRIGGER, 'deadline: "10:00"', ("2026-03-04 10:00", "2026-03-05 09:59"), []),
        (TRIGGER, 'deadline: ":30"', ("2026-03-03 07:00", "2026-03-03 08:30"), ["2026-03-03T06", "2026-03-03T07"]),
        (
            'cron: "0 8 * * *", timezone: Europe/Berlin',
            'deadline: "09:00"',
            ("2026-03-03 07:59", "2026-03-03 08:00"),
            ["2026-03-03"],
        ),
        (
            'cron: "0 */6 * * *"',
            'deadline: ":15"',
            ("2026-03-03 00:00", "2026-03-03 23:59"),
            ["2026-03-03T00", "2026-03-03T06", "2026-03-03T12", "2026-03-03T18"],
        ),
        ('cron: "0 22 * * 1-5"', 'deadline: "01:00"', ("2026-03-07 00:59", "2026-03-09 23:59"), ["2026-03-06"]),
        (
            "include: {dates: [2026-03-03, 2026-03-20]}, " + TRIGGER,
            'deadline: "10:00"',
            ("2026-03-01 00:00", "2026-03-10 00:00"),
            ["2026-03-03"],
        ),
        (TRIGGER + ", timezone: Pacific/Kiritimati", 'deadline: "00:30", timezone: Pacific/Pago_Pago',
         ("2026-03-04 11:29", "2026-03-04 11:30"), ["2026-03-03"]),
    ],
)  # fmt: skip
def test_deadlines_are_due_in_their_window(
    schedule: str, sla: str, window: tuple[str, str], expected: list[str]
) -> None:
    found = due_deadlines(expect(schedule, sla), between(*window))
    assert [str(one) for one, _ in found] == expected


@settings(deadline=None)
@given(
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati"]),
    sla_zone=st.sampled_from(["UTC", "Asia/Tokyo", "Pacific/Pago_Pago", "America/St_Johns"]),
    hour=st.integers(0, 23),
    cron=st.sampled_from([None, "30 2 * * *", "59 23 * * 1-5", "0 */7 * * *"]),
    start=st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 3)).map(lambda at: at.replace(tzinfo=UTC)),
    length=st.timedeltas(timedelta(minutes=5), timedelta(days=4)),
    weekends=st.booleans(),
    closed=st.frozensets(st.dates(date(2026, 2, 20), date(2026, 11, 10)), max_size=3),
    closed_for=st.integers(1, 33),
)
def test_no_deadline_falls_between_two_windows(
    zone: str,
    sla_zone: str,
    hour: int,
    cron: str | None,
    start: datetime,
    length: timedelta,
    weekends: bool,
    closed: frozenset[date],
    closed_for: int,
) -> None:
    """Every deadline of many dates, found one by one, is found by the window that holds it and by no other."""
    schedule = f"timezone: {zone}, {TRIGGER}" + (f', cron: "{cron}"' if cron else "")
    days = frozenset(day + timedelta(days=step) for day in closed for step in range(closed_for))
    expected = replace(
        expect(schedule, f'deadline: "{hour:02}:15", timezone: {sla_zone}'), exclusions=Exclusions(weekends, days)
    )
    window = Window(start, start + length)
    wide = Window(start - timedelta(days=40), start + length + timedelta(days=9))
    naive = {
        (one, deadline.breach_at)
        for one in expected_dates(expected, wide, hourly=False)
        for deadline in deadlines_of(expected.config, one, None, expected.exclusions)
        if window.holds(deadline.breach_at)
    }
    found = [(one, deadline.breach_at) for one, deadline in due_deadlines(expected, window)]
    assert set(found) == naive
    assert len(found) == len(naive)


def test_warnings_are_due_before_their_deadline() -> None:
    expected = expect(TRIGGER, 'deadline: "10:00", expectedDuration: 26h')
    found = due_warnings(expected, between("2026-03-03 07:59", "2026-03-03 08:00"))
    assert [str(one) for one, _ in found] == ["2026-03-03"]
    assert due_warnings(expect(TRIGGER, 'deadline: "10:00"'), between("2026-03-01 00:00", "2026-03-09 00:00")) == []


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("2026-03-03 00:00", ["2026-03-03", "2026-03-04"]),
        ("2026-03-03 23:59", ["2026-03-03", "2026-03-04"]),
        ("2026-03-04 00:00", ["2026-03-04"]),
    ],
)
def test_no_date_is_expected_before_the_pipeline_s_creation(created: str, expected: list[str]) -> None:
    known = expect(TRIGGER, 'deadline: "10:00"', created=utc(created))
    found = due_deadlines(known, between("2026-02-20 00:00", "2026-03-05 12:00"))
    assert [str(one) for one, _ in found] == expected


def test_cron_dates_count_from_the_first_fire_after_creation() -> None:
    known = expect('cron: "0 8 * * *"', 'deadline: "09:00"', created=utc("2026-03-03 08:00:01"))
    found = due_deadlines(known, between("2026-02-20 00:00", "2026-03-05 12:00"))
    assert [str(one) for one, _ in found] == ["2026-03-04", "2026-03-05"]


def test_excluded_dates_are_not_expected() -> None:
    known = expect(TRIGGER, 'deadline: "10:00"', excluded="2026-03-04")
    found = due_deadlines(known, between("2026-03-04 00:00", "2026-03-06 12:00"))
    assert [str(one) for one, _ in found] == ["2026-03-03", "2026-03-05"]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        # 2026-03-06 is a Friday: its deadline of Saturday moves to Monday.
        (("2026-03-07 09:59", "2026-03-07 10:00"), []),
        (("2026-03-09 09:59", "2026-03-09 10:00"), ["2026-03-06"]),
        (("2026-03-09 10:00", "2026-03-10 10:00"), ["2026-03-09"]),
    ],
)
def test_deadlines_that_moved_are_due_where_they_are_now(window: tuple[str, str], expected: list[str]) -> None:
    known = replace(expect(TRIGGER + ", timezone: UTC", 'deadline: "10:00"'), exclusions=Exclusions(weekends=True))
    assert [str(one) for one, _ in due_deadlines(known, between(*window))] == expected
    ends = replace(
        expect('trigger: {key: ready, check: exists, deadline: "10:00"}'), exclusions=Exclusions(weekends=True)
    )
    assert [str(one) for one, _ in due_trigger_deadlines(ends, between(*window))] == expected


@pytest.mark.parametrize("days", [1, 3, 10, 31])
def test_a_deadline_is_found_behind_any_number_of_excluded_days(days: int) -> None:
    first = date(2026, 3, 2)
    excluded = Exclusions(dates=frozenset(first + timedelta(days=n) for n in range(days)))
    opens = datetime.combine(first + timedelta(days=days), time(), UTC)
    known = replace(expect(TRIGGER + ", timezone: UTC", 'deadline: "10:00"'), exclusions=excluded)
    ends = replace(expect('trigger: {key: ready, check: exists, deadline: "10:00"}'), exclusions=excluded)
    for before in (timedelta(hours=9, minutes=55), timedelta(hours=-1)):
        window = Window(opens + before, opens + timedelta(hours=10))
        assert [str(one) for one, _ in due_deadlines(known, window)] == ["2026-03-01"]
        assert [str(one) for one, _ in due_trigger_deadlines(ends, window)] == ["2026-03-01"]


def test_kept_deadlines_stay_and_excluded_dates_have_none() -> None:
    known = replace(expect(TRIGGER, 'deadline: "10:00", excludedDays: keep'), exclusions=Exclusions(weekends=True))
    found = due_deadlines(known, between("2026-03-06 12:00", "2026-03-10 12:00"))
    assert [(str(one), deadline.breach_at) for one, deadline in found] == [
        ("2026-03-06", utc("2026-03-07 10:00")),
        ("2026-03-09", utc("2026-03-10 10:00")),
    ]
    assert (
        deadlines_of(known.config, parse_execution_date("2026-03-07"), utc("2026-03-07 08:00"), known.exclusions) == ()
    )


def test_an_edit_of_excluded_days_never_ends_a_window_of_before() -> None:
    known = expect('trigger: {key: ready, check: exists, deadline: "10:00"}')
    window = between("2026-03-04 09:59", "2026-03-04 10:00")
    ended = [(parse_execution_date("2026-03-03"), utc("2026-03-04 10:00"))]
    for edited, found in (("2026-03-04 10:00", ended), ("2026-03-04 10:01", [])):
        since = replace(known, in_force={EXCLUDED_DAYS: utc(edited)})
        assert due_trigger_deadlines(since, window) == found


def test_skipped_hours_are_not_expected_and_doubled_ones_once() -> None:
    spring = expect("timezone: Europe/Berlin, " + TRIGGER, 'deadline: ":30"')
    hours = [str(one) for one in expected_dates(spring, between("2026-03-29 00:00", "2026-03-29 21:00"), hourly=True)]
    day = [hour for hour in hours if hour.startswith("2026-03-29")]
    assert len(day) == 23
    assert "2026-03-29T02" not in day
    autumn = [str(one) for one in expected_dates(spring, between("2026-10-25 00:00", "2026-10-25 21:00"), hourly=True)]
    assert len([hour for hour in autumn if hour.startswith("2026-10-25")]) == 24


def test_fires_have_the_execution_date_of_their_wall_clock() -> None:
    known = expect('cron: "30 1 * * *", timezone: America/New_York')
    assert due_fires(known, between("2026-03-03 06:29", "2026-03-03 06:30")) == [
        (utc("2026-03-03 06:30"), parse_execution_date("2026-03-03"))
    ]
    hourly = expect('cron: "0 * * * *"')
    dates = [str(one) for _, one in due_fires(hourly, between("2026-03-03 05:00", "2026-03-03 07:00"))]
    assert dates == ["2026-03-03T06", "2026-03-03T07"]


@pytest.mark.parametrize(
    ("schedule", "window", "expected"),
    [
        ('cron: "0 8 * * *"', ("2026-03-03 08:04", "2026-03-03 08:05"), [("2026-03-03", "08:00")]),
        ('cron: "0 8 * * *"', ("2026-03-03 08:05", "2026-03-03 09:00"), []),
        ('cron: "0 8 * * *", time: "09:30"', ("2026-03-03 09:34", "2026-03-03 09:35"), [("2026-03-03", "09:30")]),
        ('cron: "0 22 * * *", time: "01:00"', ("2026-03-04 01:04", "2026-03-04 01:05"), [("2026-03-03", "01:00")]),
        ("include: {dates: [2026-03-03]}", ("2026-03-04 00:04", "2026-03-04 00:05"), [("2026-03-03", "00:00")]),
        (
            'include: {dates: [2026-03-03]}, time: "09:00"',
            ("2026-03-03 09:04", "2026-03-03 09:05"),
            [("2026-03-03", "09:00")],
        ),
        (TRIGGER, ("2026-03-01 00:00", "2026-03-09 00:00"), []),
    ],
)
def test_a_start_is_missed_a_tick_after_it_was_expected(
    schedule: str, window: tuple[str, str], expected: list[tuple[str, str]]
) -> None:
    assert timedelta(minutes=5) == MISSED_AFTER
    found = due_starts(expect(schedule), between(*window))
    assert [(str(one.date), f"{one.at:%H:%M}") for one in found] == expected


@pytest.mark.parametrize(
    ("until", "found"), [("2026-03-03 08:00", 0), ("2026-03-03 08:01", 1), ("2026-03-03 08:06", 1)]
)
def test_the_grace_of_a_start_may_be_shorter_than_a_tick(until: str, found: int) -> None:
    known = expect('cron: "0 8 * * *"')
    assert len(due_starts(known, between("2026-03-03 07:30", until), timedelta(minutes=1))) == found


@pytest.mark.parametrize(
    ("schedule", "sla", "window", "expected"),
    [
        ('trigger: {key: r, check: exists, deadline: "10:00"}', "", ("2026-03-04 09:59", "2026-03-04 10:00"), 1),
        (
            'timezone: Europe/Berlin, trigger: {key: r, check: exists, deadline: "10:00"}',
            "",
            ("2026-03-04 08:59", "2026-03-04 09:00"),
            1,
        ),
        (
            'trigger: {key: r, check: exists, deadline: "10:00"}',
            'deadline: "12:00", timezone: Asia/Tokyo',
            ("2026-03-04 00:59", "2026-03-04 01:00"),
            1,
        ),
        ("trigger: {key: r, check: exists}", "", ("2026-03-01 00:00", "2026-03-09 00:00"), 0),
    ],
)
def test_a_trigger_deadline_falls_back_to_the_slas_zone(
    schedule: str, sla: str, window: tuple[str, str], expected: int
) -> None:
    assert len(due_trigger_deadlines(expect(schedule, sla), between(*window))) == expected


@pytest.mark.parametrize(
    ("zone", "sla_zone", "deadline", "moment"),
    [
        # The schedule's day begins 14 hours before UTC's, the deadline lies 11 hours behind it, and the other way.
        ("Pacific/Kiritimati", "Pacific/Pago_Pago", "23:30", "2026-03-05 10:30"),
        ("Pacific/Pago_Pago", "Pacific/Kiritimati", "00:30", "2026-03-03 10:30"),
    ],
)
def test_deadlines_in_a_zone_far_from_the_schedules_are_found(
    zone: str, sla_zone: str, deadline: str, moment: str
) -> None:
    expected = expect(f"timezone: {zone}, {TRIGGER}", f'deadline: "{deadline}", timezone: {sla_zone}')
    tick = Window(utc(moment) - timedelta(minutes=5), utc(moment))
    assert [str(found) for found, _ in due_deadlines(expected, tick)] == ["2026-03-03"]


@pytest.mark.parametrize(
    ("schedule", "deadline", "moment", "date"),
    [
        # The latest there is: the last fire of a day of 25 hours, and the last minute before the next day's.
        ('cron: "59 23 * * *", timezone: Europe/Berlin', "23:58", "2026-10-26 22:58", "2026-10-25"),
        ('cron: "0 0,23 * * *"', "23:59", "2026-03-04 23:59", "2026-03-03T23"),
        ('cron: "30 23 * * *"', "23:29", "2026-03-04 23:29", "2026-03-03"),
    ],
)
def test_the_latest_deadline_of_a_date_is_found(schedule: str, deadline: str, moment: str, date: str) -> None:
    expected = expect(schedule, f'deadline: "{deadline}"')
    tick = Window(utc(moment) - timedelta(minutes=5), utc(moment))
    assert date in [str(found) for found, _ in due_deadlines(expected, tick)]


@pytest.mark.parametrize(
    ("zone", "ends"),
    [("timezone: UTC, ", "2026-03-04 10:00"), ("timezone: Asia/Tokyo, ", "2026-03-04 01:00"), ("", "2026-03-04 15:00")],
)
def test_a_trigger_deadline_is_in_the_written_schedule_zone(zone: str, ends: str) -> None:
    schedule = f"{zone}{TRIGGER[:-1]}, deadline: '10:00'}}"
    expected = expect(schedule, 'deadline: "23:00", timezone: America/New_York')
    (found,) = due_trigger_deadlines(expected, Window(utc(ends) - timedelta(minutes=5), utc(ends)))
    assert (str(found[0]), found[1]) == ("2026-03-03", utc(ends))


class TestInForce:
    """The terms of an edit count from the edit on. Earlier terms stay as they are."""

    SLA = 'deadline: "10:00", expectedDuration: 30m'

    @pytest.mark.parametrize(("since", "dates"), [("09:59", ["2026-03-03"]), ("10:00", ["2026-03-03"]), ("10:01", [])])
    def test_deadlines_before_the_clock_existed_are_left_out(self, since: str, dates: list[str]) -> None:
        expected = replace(expect(TRIGGER, self.SLA), in_force={"sla absolute": utc(f"2026-03-04 {since}")})
        found = due_deadlines(expected, between("2026-03-04 09:00", "2026-03-04 12:00"))
        assert [str(date) for date, _ in found] == dates

    @pytest.mark.parametrize(("since", "count"), [("09:30", 1), ("09:31", 0)])
    def test_warnings_before_the_clock_existed_are_left_out(self, since: str, count: int) -> None:
        expected = replace(expect(TRIGGER, self.SLA), in_force={"sla absolute": utc(f"2026-03-04 {since}")})
        assert len(due_warnings(expected, between("2026-03-04 09:00", "2026-03-04 12:00"))) == count

    @pytest.mark.parametrize(("term", "fires"), [("schedule cron", 1), ("schedule stream", 2)])
    def test_fires_before_the_kind_of_schedule_are_left_out(self, term: str, fires: int) -> None:
        expected = replace(expect('cron: "0 8 * * *"'), in_force={term: utc("2026-03-03 12:00")})
        assert len(due_fires(expected, between("2026-03-03 00:00", "2026-03-04 12:00"))) == fires

    @pytest.mark.parametrize(("since", "starts"), [("09:00", 1), ("09:01", 0)])
    def test_an_inclusion_date_before_the_schedule_has_no_start(self, since: str, starts: int) -> None:
        expected = expect(f'include: {{dates: [2026-03-03]}}, time: "09:00", {TRIGGER}')
        expected = replace(expected, in_force={"schedule stream": utc(f"2026-03-03 {since}")})
        assert len(due_starts(expected, between("2026-03-03 00:00", "2026-03-03 12:00"))) == starts

    @staticmethod
    def terms(schedule: str, sla: str = "", *, rest: str = "") -> dict[str, str]:
        """The terms of a config by their first word, duties and clocks by both words."""
        named = terms_of(expect(schedule, sla, rest=rest).config)
        return {term if term.startswith(("duty", "sla")) else term.split()[0]: term for term in named}

    def test_terms_name_what_counts_and_nothing_else(self) -> None:
        plain = self.terms(TRIGGER, self.SLA)
        assert (plain["schedule"], set(plain)) == ("schedule stream", {"schedule", "dates", "sla absolute"})
        assert self.terms(f"{TRIGGER}, timezone: Asia/Tokyo, evaluation: {{window: 2h}}", 'deadline: "11:00"') == plain
        assert set(self.terms(TRIGGER, "maxDuration: 1h")) == {"schedule", "dates", "sla relative"}

    @pytest.mark.parametrize(
        ("cron", "term"),
        [
            ("0 8 * * *", "dates puxyg4io2tc6oxom"),
            ("0 8 L 3 *", "dates y5cxijerz4vbsjjm"),
            ("0 8,20 1,L * fri#2", "dates snbbnaj2z4ww4ek7"),
        ],
    )
    def test_a_stored_term_of_dates_stays_what_it_was(self, cron: str, term: str) -> None:
        assert self.terms(f'cron: "{cron}"')["dates"] == term

    @pytest.mark.parametrize(
        ("before", "after", "are_the_same"),
        [
            ('cron: "0 8 * * *"', 'cron: "30 7 * * *", timezone: Asia/Tokyo', True),
            ('cron: "0 8 * * *"', 'cron: "0 7 * * 1-5"', False),
            ('cron: "0 8 * * *"', 'cron: "0 7 L * *"', False),
            ('cron: "0 8 1 * *"', 'cron: "0 8 2 * *"', False),
            ('cron: "0 8 L * *"', 'cron: "0 8 L-3 * *"', False),
            ('cron: "0 8 L * *"', 'cron: "0 8 LW * *"', False),
            ('cron: "0 8 L-3 * *"', 'cron: "0 8 L-4 * *"', False),
            ('cron: "0 8 L-3 * *"', 'cron: "0 8 L-3W * *"', False),
            ('cron: "0 8 15 * *"', 'cron: "0 8 15W * *"', False),
            ('cron: "0 8 15W * *"', 'cron: "0 8 16W * *"', False),
            ('cron: "0 8 15W,LW * *"', 'cron: "30 9 lw,15w * *"', True),
            ('cron: "0 8 * * 5L"', 'cron: "0 9 * * friL"', True),
            ('cron: "0 8 * * *"', 'cron: "0 8 * 3 *"', False),
            ('cron: "0 8 * * 1#1"', 'cron: "0 8 * * 1#2"', False),
            ('cron: "0 8 * * *"', 'cron: "0 8,20 * * *"', False),
            ('cron: "0 8,20 * * *"', 'cron: "15 8,20 * * *"', True),
            ('cron: "0 8,20 * * *"', 'cron: "0 7,20 * * *"', False),
            ('cron: "0 8 * * *"', 'cron: "0 8 * * *", exclude: {weekends: true}', False),
            (f"include: {{dates: [2026-03-03]}}, {TRIGGER}", f"include: {{dates: [2026-03-04]}}, {TRIGGER}", False),
        ],
    )
    def test_an_edit_of_the_time_of_day_expects_the_same_dates(
        self, before: str, after: str, *, are_the_same: bool
    ) -> None:
        assert (self.terms(before)["dates"] == self.terms(after)["dates"]) is are_the_same

    def test_fires_are_others_at_another_time_or_in_another_zone(self) -> None:
        crons = ('cron: "0 8 * * *"', 'cron: "0 7 * * *"', 'cron: "0 8 * * *", timezone: Asia/Tokyo')
        assert len({self.terms(cron)["fires"] for cron in crons}) == 3

    @pytest.mark.parametrize(
        ("schedule", "duties"),
        [
            (TRIGGER, set()),
            (f"{TRIGGER[:-1]}, deadline: '10:00'}}", {"duty expires"}),
            ('cron: "0 8 * * *"', {"duty starts"}),
            (f'cron: "0 8 * * *", {TRIGGER}', {"duty missed"}),
            (f"include: {{dates: [2026-03-03]}}, {TRIGGER}", {"duty missed"}),
        ],
    )
    def test_duties_depend_on_the_trigger_and_on_watching(self, schedule: str, duties: set[str]) -> None:
        def found(rest: str) -> set[str]:
            return {term for term in self.terms(schedule, rest=rest) if term.startswith("duty")}

        assert found("") == duties
        assert found("watch: {enabled: false}") == duties & {"duty starts"}

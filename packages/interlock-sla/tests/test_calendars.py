"""The days that a pipeline skips."""

from datetime import date, datetime

import pytest

from interlock_sla import Calendar, CalendarError, Exclusions, parse_weekday, recent_inclusions

TUESDAY, SATURDAY, SUNDAY = date(2026, 3, 3), date(2026, 3, 7), date(2026, 3, 8)


@pytest.mark.parametrize(
    ("exclusions", "day", "reason"),
    [
        (Exclusions(), SATURDAY, None),
        (Exclusions(weekends=True), SATURDAY, "weekend"),
        (Exclusions(weekends=True), SUNDAY, "weekend"),
        (Exclusions(weekends=True), TUESDAY, None),
        (Exclusions(weekends=True), date(2026, 3, 6), None),
        (Exclusions(dates=frozenset([TUESDAY])), TUESDAY, "excluded date"),
        (Exclusions(calendars=(Calendar("shop", frozenset([1])),)), TUESDAY, "calendar shop"),
        (Exclusions(calendars=(Calendar("bank", dates=frozenset([TUESDAY])),)), TUESDAY, "calendar bank"),
        (Exclusions(calendars=(Calendar("empty"), Calendar("shop", frozenset([1])))), TUESDAY, "calendar shop"),
        (Exclusions(calendars=(Calendar("shop", frozenset([1])),)), SUNDAY, None),
    ],
)
def test_an_excluded_day_has_a_reason(exclusions: Exclusions, day: date, reason: str | None) -> None:
    assert exclusions.reason(day) == reason
    assert exclusions.excludes(day) is (reason is not None)


def on(*days: date) -> frozenset[date]:
    return frozenset(days)


@pytest.mark.parametrize(
    ("exclusions", "reason"),
    [
        # The pipeline's own workdays come before everything.
        (Exclusions(weekends=True, workdays=on(SATURDAY)), None),
        (Exclusions(weekends=True, workdays=on(SUNDAY)), "weekend"),
        (Exclusions(dates=on(SATURDAY), workdays=on(SATURDAY)), None),
        (Exclusions(calendars=(Calendar("bank", dates=on(SATURDAY)),), workdays=on(SATURDAY)), None),
        (Exclusions(calendars=(Calendar("bank", on(5)),), workdays=on(SATURDAY)), None),
        # The workdays of a calendar come before its own excluded days, and before all weekends.
        (Exclusions(calendars=(Calendar("bank", on(5), on(SATURDAY), on(SATURDAY)),)), None),
        (Exclusions(weekends=True, calendars=(Calendar("bank", workdays=on(SATURDAY)),)), None),
        (Exclusions(weekends=True, calendars=(Calendar("bank", workdays=on(SUNDAY)),)), "weekend"),
        (Exclusions(calendars=(Calendar("shop", on(5)), Calendar("bank", workdays=on(SATURDAY)))), None),
        # They do not come before a single date that the pipeline or another calendar excludes.
        (Exclusions(dates=on(SATURDAY), calendars=(Calendar("bank", workdays=on(SATURDAY)),)), "excluded date"),
        (
            Exclusions(calendars=(Calendar("shop", dates=on(SATURDAY)), Calendar("bank", workdays=on(SATURDAY)))),
            "calendar shop",
        ),
    ],
)
def test_workday_wins_if_it_is_more_exact_statement(exclusions: Exclusions, reason: str | None) -> None:
    assert exclusions.reason(SATURDAY) == reason


def test_workday_that_is_datetime_is_rejected() -> None:
    with pytest.raises(CalendarError):
        Calendar("shop", workdays=on(datetime(2026, 3, 7)))
    with pytest.raises(CalendarError):
        Exclusions(workdays=on(datetime(2026, 3, 7)))


@pytest.mark.parametrize(
    ("exclusions", "empty"),
    [
        (Exclusions(), True),
        (Exclusions(workdays=on(SATURDAY), calendars=(Calendar("bank", workdays=on(SATURDAY)),)), True),
        (Exclusions(weekends=True), False),
        (Exclusions(dates=on(SATURDAY)), False),
        (Exclusions(calendars=(Calendar("bank", on(1)),)), False),
        (Exclusions(calendars=(Calendar("bank", dates=on(SATURDAY)),)), False),
    ],
)
def test_exclusions_without_excluded_day_are_empty(exclusions: Exclusions, empty: bool) -> None:
    assert exclusions.is_empty is empty


def test_a_calendar_covers_its_weekdays_and_dates() -> None:
    calendar = Calendar("shop", frozenset([0, 6]), frozenset([TUESDAY]))
    covered = [calendar.covers(date(2026, 3, day)) for day in range(2, 10)]
    assert covered == [True, True, False, False, False, False, True, True]


def test_weekdays_have_names() -> None:
    assert [parse_weekday(name) for name in ("monday", "Saturday", "SUNDAY")] == [0, 5, 6]
    with pytest.raises(CalendarError, match="write a weekday: monday, "):
        parse_weekday("caturday")


def test_calendar_without_name_or_with_day_7_is_rejected() -> None:
    with pytest.raises(CalendarError):
        Calendar("")
    with pytest.raises(CalendarError):
        Calendar("shop", frozenset([7]))


def test_the_last_three_inclusion_dates_up_to_today() -> None:
    dates = [date(2026, month, 1) for month in (5, 1, 4, 2, 3, 3)]
    today = date(2026, 4, 1)
    assert recent_inclusions(dates, today) == (date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1))
    assert recent_inclusions(dates, date(2026, 1, 1)) == (date(2026, 1, 1),)
    assert recent_inclusions(dates, date(2025, 1, 1)) == ()
    assert recent_inclusions(dates, today, count=1) == (today,)
    assert recent_inclusions(dates, today, count=0) == ()

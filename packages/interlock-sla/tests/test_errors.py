"""Every error states the value and the accepted form."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from interlock_sla import (
    Calendar,
    CalendarError,
    CronError,
    DeadlineError,
    DurationError,
    Exclusions,
    ExecutionDate,
    ExecutionDateError,
    NaiveTimeError,
    SlaError,
    ZoneError,
    parse_cron,
    parse_deadline,
    parse_duration,
    parse_execution_date,
    parse_weekday,
    recent_inclusions,
    relative_deadline,
    zone,
)

NAIVE = datetime(2026, 3, 3)
DURATION = 'write numbers with units h, m, s, ms, us or ns, such as "90s", "5m", "1h30m" or "1.5h"'
DEADLINE = 'write "HH:MM" from 00:00 to 23:59, or ":MM" from :00 to :59'
DATE = "write YYYY-MM-DD, or YYYY-MM-DDTHH for an hour"
WEEKDAYS = "write a weekday: monday, tuesday, wednesday, thursday, friday, saturday, sunday"
WEEKDAY_NUMBERS = "weekdays go from 0 (Monday) to 6 (Sunday)"
DAY = "a day is needed, not a time: take its date in the pipeline's zone"
NO_DATE = "a day is needed: a datetime.date"
HOUR = "hours are whole numbers from 0 to 23"
ZONE = "write the name of an IANA time zone, such as Europe/Berlin"
CRON = 'write five fields: minute, hour, day of month, month, day of week, such as "0 8 * * *"'


@pytest.mark.parametrize(
    ("read", "value", "error", "allowed"),
    [
        (parse_duration, "soon", DurationError, DURATION),
        (parse_duration, "", DurationError, DURATION),
        (parse_duration, "1h x", DurationError, DURATION),
        (parse_duration, 5, DurationError, DURATION),
        (parse_duration, None, DurationError, DURATION),
        (parse_duration, "0" * 64 + "s", DurationError, DURATION),
        (parse_duration, "99999999999999999999h", DurationError, "the longest is 999999999 days"),
        (parse_execution_date, "20260303", ExecutionDateError, DATE),
        (parse_execution_date, 20260303, ExecutionDateError, DATE),
        (parse_execution_date, None, ExecutionDateError, DATE),
        (parse_execution_date, "2026-02-30", ExecutionDateError, "this day does not exist"),
        (parse_execution_date, "2026-13-01", ExecutionDateError, "this day does not exist"),
        (parse_execution_date, "1899-12-31", ExecutionDateError, "use the years 1900 to 9998"),
        (parse_execution_date, "9999-01-01", ExecutionDateError, "use the years 1900 to 9998"),
        *(
            (lambda hour: ExecutionDate(date(2026, 3, 3), hour), hour, ExecutionDateError, HOUR)
            for hour in (24, -1, "07", 7.0, 1.5, True)
        ),
        (ExecutionDate, "2026-03-03", ExecutionDateError, f"{NO_DATE}; parse_execution_date reads text"),
        (ExecutionDate, None, ExecutionDateError, f"{NO_DATE}; parse_execution_date reads text"),
        (parse_deadline, "24:00", DeadlineError, DEADLINE),
        (parse_deadline, None, DeadlineError, DEADLINE),
        (parse_weekday, "caturday", CalendarError, WEEKDAYS),
        (parse_weekday, 5, CalendarError, WEEKDAYS),
        (parse_weekday, "", CalendarError, WEEKDAYS),
        (Calendar, "", CalendarError, "a calendar needs a name"),
        (lambda day: Calendar("bank", frozenset([day])), 7, CalendarError, WEEKDAY_NUMBERS),
        (
            lambda day: Calendar("bank", frozenset([day])),
            -1,
            CalendarError,
            WEEKDAY_NUMBERS,
        ),
        (zone, None, ZoneError, ZONE),
        (zone, 5, ZoneError, ZONE),
        (lambda day: Calendar("bank", frozenset([day])), "monday", CalendarError, WEEKDAY_NUMBERS),
        (lambda day: Calendar("bank", dates=frozenset([day])), NAIVE, CalendarError, DAY),
        (lambda day: Exclusions(dates=frozenset([day])), NAIVE, CalendarError, DAY),
        (Exclusions().excludes, NAIVE, CalendarError, DAY),
        (Exclusions(weekends=True).excludes, NAIVE, CalendarError, DAY),
        (Calendar("bank").covers, NAIVE, CalendarError, DAY),
        (lambda day: recent_inclusions([], day), NAIVE, CalendarError, DAY),
        (lambda day: recent_inclusions([day], date(2026, 3, 3)), NAIVE, CalendarError, DAY),
        (ExecutionDate, NAIVE, ExecutionDateError, DAY),
        (lambda day: Calendar("bank", dates=frozenset([day])), "2026-12-25", CalendarError, NO_DATE),
        (lambda day: Exclusions(dates=frozenset([day])), "2026-12-25", CalendarError, NO_DATE),
        (Exclusions(weekends=True).excludes, "2026-12-25", CalendarError, NO_DATE),
        (lambda day: recent_inclusions([day], date(2026, 3, 3)), "2026-03-01", CalendarError, NO_DATE),
        (parse_deadline, ["10:00"], DeadlineError, DEADLINE),
        (parse_cron, ["0 8 * * *"], CronError, CRON),
        (zone, "/".join("a" * 5000), ZoneError, "it is not an IANA time zone such as Europe/Berlin"),
        (zone, "a" * 100_000, ZoneError, "it is not an IANA time zone such as Europe/Berlin"),
        (zone, "", ZoneError, "it is not an IANA time zone such as Europe/Berlin"),
        (zone, "Berlin", ZoneError, "it is not an IANA time zone such as Europe/Berlin; did you mean Europe/Berlin?"),
        (parse_cron, None, CronError, CRON),
        (parse_cron, "*" * 257, CronError, CRON),
        (parse_cron, "0 " * 129, CronError, CRON),
        (parse_cron, "@weekly", CronError, 'write "0 0 * * 0"'),
        (
            lambda now: relative_deadline(now, timedelta(1), expected=None),
            NAIVE,
            NaiveTimeError,
            "the datetime needs a zone, such as UTC",
        ),
    ],
)
def test_error_has_value_and_allowed_form(
    read: Callable[[Any], object], value: object, error: type[SlaError], allowed: str
) -> None:
    with pytest.raises(error) as caught:
        read(value)
    assert caught.value.value == value
    assert caught.value.allowed == allowed
    assert str(caught.value) == f"{value!r} is not valid: {allowed}" or len(repr(value)) > 80


@pytest.mark.parametrize(("length", "shown"), [(78, "'" + "x" * 78 + "'"), (79, "'" + "x" * 76 + "...")])
def test_a_long_value_is_cut_in_the_message(length: int, shown: str) -> None:
    with pytest.raises(ZoneError) as caught:
        zone("x" * length)
    assert str(caught.value) == f"{shown} is not valid: it is not an IANA time zone such as Europe/Berlin"
    assert caught.value.value == "x" * length


def test_value_that_python_cannot_print_is_shown_as_its_type() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for value, kind in ((deep, "list"), (10**5000, "int")):
        with pytest.raises(DurationError) as caught:
            parse_duration(value)  # type: ignore[arg-type]
        assert str(caught.value) == f"a {kind} that cannot be shown is not valid: {DURATION}"
        assert caught.value.value is value

"""Days counted from the end of a month (L-3) and the weekdays nearest to a day (15W, LW), with Quartz's meaning."""

from datetime import date, timedelta

import pytest

from interlock_sla import CronError, parse_cron

DAYS = (
    "must be 1 to 31, L (the last day), L-1 to L-30 (days before the last), or one of these with W "
    "(15W, LW, L-3W: the nearest Monday to Friday)"
)
WEEKDAYS = "must be 0 to 7 (0 and 7 are Sunday), or sun to sat; fri#2 is the second Friday of a month, friL the last"


def days_of(field: str, month: str) -> list[int]:
    """The days of a month (YYYY-MM) that a day of month field names."""
    cron, first = parse_cron(f"0 9 {field} * *"), date.fromisoformat(f"{month}-01")
    days = [first + timedelta(days=n) for n in range(31)]
    return [day.day for day in days if day.month == first.month and cron.fires_on(day)]


@pytest.mark.parametrize(
    ("field", "month", "days"),
    [
        # The 15th of 2026-08 is a Saturday, of 2026-11 a Sunday, of 2026-09 a Tuesday: the cases of Quartz's manual.
        ("15W", "2026-08", [14]),
        ("15W", "2026-11", [16]),
        ("15W", "2026-09", [15]),
        ("1W", "2026-08", [3]),  # a Saturday: not the Friday of the month before
        ("1W", "2026-11", [2]),  # a Sunday
        ("1W", "2026-07", [1]),  # a Wednesday
        ("2W", "2026-05", [1]),  # a Saturday
        ("2W", "2026-08", [3]),  # a Sunday
        ("31W", "2026-10", [30]),  # a Saturday
        ("31W", "2026-05", [29]),  # a Sunday: not the Monday of the month after
        ("30W", "2026-05", [29]),  # a Saturday
        ("31W", "2026-08", [31]),  # a Monday
        ("31W", "2026-06", []),  # no such day
        ("30W", "2026-08", [31]),  # a Sunday
        ("30W", "2025-11", [28]),  # a Sunday, and the last day
        ("29W", "2026-02", []),
        ("28W", "2026-02", [27]),
        ("29W", "2048-02", [28]),
        ("LW", "2026-10", [30]),
        ("LW", "2026-05", [29]),
        ("LW", "2026-06", [30]),
        ("LW", "2026-02", [27]),
        ("LW", "2032-02", [27]),  # 29 February is a Sunday
    ],
)
def test_nearest_weekday_stays_within_month(field: str, month: str, days: list[int]) -> None:
    assert days_of(field, month) == days


@pytest.mark.parametrize(
    ("field", "month", "days"),
    [
        ("L", "2026-02", [28]),
        ("L-1", "2026-02", [27]),
        ("L-3", "2026-02", [25]),
        ("L-3", "2028-02", [26]),
        ("L-3", "2026-03", [28]),
        ("L-3", "2026-04", [27]),
        ("L-30", "2026-03", [1]),
        ("L-30", "2026-04", []),
        ("L-28", "2026-02", []),
        ("L-27", "2026-02", [1]),
        ("L-28", "2028-02", [1]),
        ("L,L-1,L-2", "2026-02", [26, 27, 28]),
        # L-5W and L-1W of 2010-10 are cases of Quartz's own tests.
        ("L-5W", "2010-10", [26]),
        ("L-1W", "2010-10", [29]),
        ("L-2", "2010-10", [29]),
        ("L-3W", "2026-05", [28]),  # the 28th, a Thursday
        ("L-3W", "2026-03", [27]),  # the 28th is a Saturday
        ("L-3W", "2026-07", [28]),
        ("L-2W", "2026-03", [30]),  # the 29th is a Sunday
        ("L-30W", "2026-08", [3]),  # the 1st is a Saturday
        ("L-29W", "2026-11", [2]),  # the 1st is a Sunday
        ("L-30W", "2026-04", []),
    ],
)
def test_day_counts_back_from_end_of_month(field: str, month: str, days: list[int]) -> None:
    assert days_of(field, month) == days


@pytest.mark.parametrize(
    ("expression", "field", "hint"),
    [
        ("0 0 0W * *", "0W", ""),
        ("0 0 32W * *", "32W", ""),
        ("0 0 L-31 * *", "L-31", ""),
        ("0 0 L-31W * *", "L-31W", ""),
        ("0 0 L-3/2 * *", "L-3/2", ""),
        ("0 0 W15 * *", "W15", "; did you mean 15W?"),
        ("0 0 1,w15 * *", "1,w15", "; did you mean 1,15W?"),
        ("0 0 WL * *", "WL", "; did you mean LW?"),
        ("0 0 W * *", "W", "; write W after a single day, without a range or a step"),
        ("0 0 1-5W * *", "1-5W", "; write W after a single day, without a range or a step"),
        ("0 0 15W/2 * *", "15W/2", "; write W after a single day, without a range or a step"),
        ("0 0 LW-3 * *", "LW-3", "; write W after a single day, without a range or a step"),
        ("0 0 5L * *", "5L", "; L with the number of a weekday belongs in the day of week field"),
        ("0 0 1,L5 * *", "1,L5", "; L with the number of a weekday belongs in the day of week field"),
    ],
)
def test_error_for_day_of_month_suggests_intended_spelling(expression: str, field: str, hint: str) -> None:
    with pytest.raises(CronError) as caught:
        parse_cron(expression)
    assert caught.value.allowed == f"its day of month field {field!r} {DAYS}{hint}"


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("02356", "; did you mean 0,2,3,5,6?"),
        ("14", "; did you mean 1,4?"),
        ("17", "; did you mean 1,7?"),
        ("0,14", "; did you mean 0,1,4?"),
        ("41", ""),  # in no order: a number rather than a list
        ("11", ""),
        ("18", ""),
        ("8", ""),
        ("5W", "; W belongs in the day of month field"),
        ("fri,15w", "; W belongs in the day of month field"),
        ("LW", "; W belongs in the day of month field"),
        ("L-3W", "; W belongs in the day of month field"),
        ("L", "; L alone belongs in the day of month field"),
        ("8L", ""),
        ("fri-L", ""),
        ("5L#2", ""),
        ("L-3", ""),
    ],
)
def test_error_for_weekday_suggests_intended_spelling(field: str, hint: str) -> None:
    with pytest.raises(CronError) as caught:
        parse_cron(f"0 0 * * {field}")
    assert caught.value.allowed == f"its day of week field {field!r} {WEEKDAYS}{hint}"


@pytest.mark.parametrize("field", ["5L,fri", "mon,friL", "fri-5L"])
def test_last_weekday_of_month_is_not_mixed_with_plain_days(field: str) -> None:
    with pytest.raises(CronError):
        parse_cron(f"0 0 * * {field}")


SHAPE = "write five fields: minute, hour, day of month, month, day of week; "
EVENTBRIDGE = f"{SHAPE}this is EventBridge's form, where the sixth field is the year"
QUARTZ = f"{SHAPE}this is Quartz's form, where the first field is the seconds; EventBridge's sixth is the year"
SIX = (
    f"{SHAPE}this has 6 fields: EventBridge has a year behind the five, Quartz has seconds before them; "
    "leave that field out"
)


def rate(inside: str) -> str:
    return f"{SHAPE}rate({inside}) is EventBridge's and not supported, as a cron needs times on the clock"


LEAVE_OUT = f"{SHAPE}cron(…) is EventBridge's: leave it out"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("cron(0 8 ? * 2-6 *)", f'{EVENTBRIDGE}: write "0 8 * * mon-fri"'),
        ("CRON(15 10 ? * 6L *)", f'{EVENTBRIDGE}: write "15 10 * * friL"'),
        ("cron(0 8 ? * 3#2 *)", f'{EVENTBRIDGE}: write "0 8 * * tue#2"'),
        ("cron(0 8 ? * L *)", f'{EVENTBRIDGE}: write "0 8 * * sat"'),
        ("cron(0/30 8 L * ? *)", f'{EVENTBRIDGE}: write "0/30 8 L * *"'),
        ("cron(0 8 3w * ? *)", f'{EVENTBRIDGE}: write "0 8 3W * *"'),
        ("0 8 ? JAN-MAR MON-FRI *", f'{EVENTBRIDGE}: write "0 8 * jan-mar mon-fri"'),
        ("0 8 1 * ? *", f'{EVENTBRIDGE}: write "0 8 1 * *"'),
        ("cron(0 8 ? * 0-4 *)", EVENTBRIDGE),  # its weekdays begin with 1
        ("cron(0 99 ? * 2-6 *)", EVENTBRIDGE),
        ("cron(0 8 1 * mon *)", EVENTBRIDGE),  # either day field suffices here, EventBridge rejects it
        ("cron(0 8 1 1 ? 2026)", f"{SHAPE}this is EventBridge's form, and no field here holds its year"),
        ("cron(0 8 * * *)", LEAVE_OUT),
        ("cron(0 8 * * *", LEAVE_OUT),
        ("rate(1 day)", f'{rate("1 day")}: write "0 0 * * *"'),
        ("Rate(7 days)", f'{rate("7 days")}: write "0 0 * * mon"'),
        ("rate(24 hours", f'{rate("24 hours")}: write "0 0 * * *"'),
        ("rate(1 hour)", f'{rate("1 hour")}: write "0 * * * *"'),
        ("rate(60 minutes)", f'{rate("60 minutes")}: write "0 * * * *"'),
        ("rate(6 hours)", f'{rate("6 hours")}: write "0 */6 * * *"'),
        ("rate(5 minutes)", f'{rate("5 minutes")}: write "*/5 * * * *"'),
        ("rate(1 minute)", f'{rate("1 minute")}: write "* * * * *"'),
        ("rate(45 minutes)", rate("45 minutes")),  # no cron has equal distances of 45 minutes
        ("rate(90 minutes)", rate("90 minutes")),
        ("rate(5 hours)", rate("5 hours")),
        ("rate(2 days)", rate("2 days")),
        ("rate(0 days)", rate("0 days")),
        ("rate(often)", rate("often")),
        (
            "at(2026-03-03T08:00:00)",
            f"{SHAPE}at(…) is EventBridge's, for a single time, and not supported: a cron repeats",
        ),
        ("0 0 8 ? * 2-6", f'{QUARTZ}: write "0 8 * * mon-fri"'),
        ("0 0 8 * * ? *", f'{QUARTZ}: write "0 8 * * *"'),
        ("0 0 8 1 1 ? 2026", QUARTZ),
        ("*/10 0 8 ? * 2-6", QUARTZ),
        ("0 0 8 * * *", SIX),
        ("0 8 * * 1 2026", SIX),
    ],
)
def test_error_for_other_form_names_product_and_five_fields(expression: str, reason: str) -> None:
    with pytest.raises(CronError) as caught:
        parse_cron(expression)
    assert caught.value.allowed == reason
    assert caught.value.value == expression
    assert caught.value.meant == (reason.split('"')[1] if reason.endswith('"') else None)

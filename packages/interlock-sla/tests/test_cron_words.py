"""The words for a cron expression: a reader of the words finds the same times and days as the expression."""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_sla import CronError, cron_words, parse_cron

WORDS = {
    "* * * * *": "every minute, every day",
    "0 8 * * *": "at 08:00 every day",
    "0 8,12,18 * * mon-fri": "at 08:00, 12:00 and 18:00 from Monday to Friday",
    "*/15 * * * *": "every 15 minutes, every day",
    "5/15 * * * *": "every 15 minutes from minute 5 to 50 of every hour, every day",
    "*/7 9-17 * * *": "every 7 minutes from minute 0 to 56 of the hours 9 to 17, every day",
    "*/20 8 * * *": "at 08:00, 08:20 and 08:40 every day",
    "*/5 8 * * *": "every 5 minutes of hour 8, every day",
    "*/5 8/4 * * *": "every 5 minutes of every 4th hour from 8 to 20, every day",
    "0,30 * * * *": "at minutes 0 and 30 of every hour, every day",
    "0-5 * * * *": "every minute from minute 0 to 5 of every hour, every day",
    "10 * * * *": "every hour at minute 10, every day",
    "0 22-4 * * *": "every hour from 22:00 to 04:00, every day",
    "5 1/2 * * *": "every 2 hours from 01:05 to 23:05, every day",
    "0 9-17 * * 1-5": "every hour from 09:00 to 17:00, from Monday to Friday",
    "0,7,30 1,5-7,20 * * fri-mon": "at minutes 0, 7 and 30 of the hours 1, 5 to 7 and 20, from Friday to Monday",
    "30 2 * * sat,sun": "at 02:30 on Saturday and Sunday",
    "30 2 * * 7": "at 02:30 on each Sunday",
    "0 8 ? * 2-6": "at 08:00 from Tuesday to Saturday",
    "0 0 1 * *": "at 00:00 on day 1 of the month",
    "0 0 1,15 * *": "at 00:00 on days 1 and 15 of the month",
    "0 0 28-L * *": "at 00:00 on days 28 to 31 of the month",
    "0 0 */10 * *": "at 00:00 on every 10th day from day 1 to day 31 of the month",
    "0 0 L * *": "at 00:00 on the last day of the month",
    "0 0 L-1 * *": "at 00:00 on the day 1 day before the last day of the month",
    "0 0 1,L-3,L * *": "at 00:00 on day 1, the day 3 days before the last day and the last day of the month",
    "0 0 LW * *": "at 00:00 on the last weekday (Monday to Friday) of the month",
    "0 0 15W,L * *": "at 00:00 on the last day and the weekday (Monday to Friday) nearest to day 15 of the month",
    "0 0 L-3W * *": (
        "at 00:00 on the weekday (Monday to Friday) nearest to the day 3 days before the last day of the month"
    ),
    "0 8 * * mon#1": "at 08:00 on the 1st Monday of the month",
    "0 8 * * fri#2,friL": "at 08:00 on the 2nd Friday and the last Friday of the month",
    "0 8 * * 5L": "at 08:00 on the last Friday of the month",
    "0 0 1-7 * 1": "at 00:00 on days 1 to 7 of the month and also on each Monday",
    "0 0 */2 * 1": "at 00:00 on every 2nd day from day 1 to day 31 of the month and also on each Monday",
    "0 0 L * mon#1": "at 00:00 on the last day of the month and also on the 1st Monday of the month",
    "0 8 1-31 * mon": "at 08:00 every day",
    "0 8 1 * 0-6": "at 08:00 every day",
    "0 8 * 1,4,7,10 *": "at 08:00 every day, in January, April, July and October",
    "0 8 * 11-2 *": "at 08:00 every day, from November to February",
    "0 8 1 feb *": "at 08:00 on day 1 of the month, in February",
}
"""The words of each form of each field."""


@pytest.mark.parametrize("text", WORDS)
def test_words_of_each_form(text: str) -> None:
    assert cron_words(parse_cron(text)) == WORDS[text]


NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = [date(2024, month, 1).strftime("%B") for month in range(1, 13)]
FIRST = date(2024, 1, 1)
TWO_YEARS = [FIRST + timedelta(days=n) for n in range(731)]  # with a leap year


def items(text: str) -> list[str]:
    return re.split(r", | and ", text)


def numbers(text: str) -> Iterator[int]:
    for item in items(text):
        first, _, last = item.partition(" to ")
        yield from range(int(first), int(last or first) + 1)


def around(first: int, last: int, size: int) -> set[int]:
    return {value % size for value in range(first, last + 1 + (size if last < first else 0))}


def minute_of(clock: str) -> int:
    return 60 * int(clock[:2]) + int(clock[3:])


def times_in(text: str) -> set[int]:
    """The minutes since midnight that the first part of the words names."""
    if found := re.fullmatch(r"at ([0-9:, and]+)", text):
        return {minute_of(clock) for clock in items(found[1])}
    if found := re.fullmatch(r"every hour at minute (\d+)", text):
        return {60 * hour + int(found[1]) for hour in range(24)}
    if found := re.fullmatch(r"every (?:(\d+) )?hours? from (\S+) to (\S+)", text):
        first, last = minute_of(found[2]), minute_of(found[3])
        last += 1440 if last < first else 0
        return {minute % 1440 for minute in range(first, last + 1, 60 * int(found[1] or 1))}
    minutes, _, hours = text.partition(" of ")
    return {60 * hour + minute for hour in hours_in(hours) for minute in minutes_in(minutes)}


def minutes_in(text: str) -> set[int]:
    if text.startswith("at minutes "):
        return set(numbers(text.removeprefix("at minutes ")))
    found = re.fullmatch(r"every (?:minute|(\d+) minutes)(?: from minute (\d+) to (\d+))?", text)
    assert found, text
    return set(range(int(found[2] or 0), int(found[3] or 59) + 1, int(found[1] or 1)))


def hours_in(text: str) -> set[int]:
    if text in ("", "every hour"):
        return set(range(24))
    if found := re.fullmatch(r"every (\d+)\w\w hour from (\d+) to (\d+)", text):
        return set(range(int(found[2]), int(found[3]) + 1, int(found[1])))
    if found := re.fullmatch(r"the hours (\d+) to (\d+)", text):
        return around(int(found[1]), int(found[2]), 24)
    return set(numbers(text.removeprefix("hour ").removeprefix("the hours ")))


def length_of(day: date) -> int:
    return ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day


def is_near(day: date, wanted: int) -> bool:
    """Whether the day is the Monday to Friday of its month with the smallest distance to the day `wanted`."""
    if not 1 <= wanted <= length_of(day):
        return False
    workdays = [n for n in range(1, length_of(day) + 1) if day.replace(day=n).isoweekday() < 6]
    return day.day == min(workdays, key=lambda n: abs(n - wanted))


def names_of_month(text: str, day: date) -> bool:
    """Whether a text such as `days 1 to 7 and the last day` names the day."""
    last = length_of(day)
    text, nearest = re.subn(r"the last weekday \(Monday to Friday\)", "", text)
    if nearest and is_near(day, last):
        return True
    for found in re.finditer(r"nearest to (day (\d+)|the last day|the day (\d+) days? before the last day)", text):
        if is_near(day, int(found[2]) if found[2] else last - int(found[3] or 0)):
            return True
    text = re.sub(r"(?:, | and |^)the weekday \(Monday to Friday\) nearest to (day \d+|the .*?last day)", "", text)
    for found in re.finditer(r"the day (\d+) days? before the last day", text):
        if day.day == last - int(found[1]):
            return True
    text = re.sub(r"(?:, | and |^)the day \d+ days? before the last day", "", text)
    if "the last day" in text and day.day == last:
        return True
    text = re.sub(r"(?:, | and |^)the last day", "", text)
    if found_step := re.search(r"every (\d+)\w\w day from day (\d+) to day (\d+)", text):
        step, first, end = map(int, found_step.groups())
        return day.day in range(first, end + 1, step)
    found_days = re.search(r"days? ([0-9][0-9, andto]*)", text)
    return bool(found_days) and day.day in set(numbers(re.sub(r"(, | and )$", "", found_days[1]) if found_days else ""))


def names_of_week(text: str, day: date) -> bool:
    weekday = day.isoweekday() % 7
    if found := re.fullmatch(r"from (\w+) to (\w+)", text):
        return weekday in around(NAMES.index(found[1]), NAMES.index(found[2]), 7)
    if text.endswith(" of the month"):
        for item in items(text.removeprefix("on ").removesuffix(" of the month")):
            _, n, name = item.split()
            if NAMES[weekday] == name:
                if n == "last" and day.day + 7 > length_of(day):
                    return True
                if n != "last" and (day.day - 1) // 7 + 1 == int(n[:-2]):
                    return True
        return False
    return NAMES[weekday] in items(text.removeprefix("on ").removeprefix("each "))


def reader_of_days(text: str) -> Callable[[date], bool]:
    if text == "every day":
        return lambda day: True
    parts = text.split(" and also ")
    is_of_week = re.compile(rf"from|on (?:each )?[A-Z]|on the (?:last|\d+\w\w) (?:{'|'.join(NAMES)})")

    def named(day: date) -> bool:
        return any(
            names_of_week(part, day)
            if is_of_week.match(part)
            else names_of_month(part.removeprefix("on ").removesuffix(" of the month"), day)
            for part in parts
        )

    return named


def read(words: str) -> tuple[set[int], Callable[[date], bool], set[int]]:
    """The times, the days and the months that the words name."""
    months = set(range(1, 13))
    names = "|".join(MONTHS)
    if found := re.search(rf", from ({names}) to ({names})$", words):
        months = {m + 1 for m in around(MONTHS.index(found[1]), MONTHS.index(found[2]), 12)}
    elif found := re.search(rf", in ((?:{names}|, | and )+)$", words):
        months = {MONTHS.index(name) + 1 for name in items(found[1])}
    rest = words[: found.start()] if found else words
    parted = re.fullmatch(r"(.*?),? (every day|(?:on (?:day|the|each|every|[A-Z])|from [A-Z]).*)", rest)
    assert parted, words
    return times_in(parted[1]), reader_of_days(parted[2]), months


@st.composite
def fields(draw: st.DrawFn, low: int, high: int, extras: tuple[str, ...] = ()) -> str:
    def item() -> st.SearchStrategy[str]:
        number, step = st.integers(low, high), st.integers(1, 12)
        plain = st.one_of(
            number.map(str),
            st.tuples(number, number).map(lambda ends: f"{ends[0]}-{ends[1]}"),
            st.tuples(number, step).map(lambda pair: f"{pair[0]}/{pair[1]}"),
            st.tuples(number, number, step).map(lambda three: f"{three[0]}-{three[1]}/{three[2]}"),
            step.map(lambda n: f"*/{n}"),
        )
        return st.one_of(plain, st.sampled_from(extras)) if extras else plain

    if draw(st.booleans()):
        return "*"
    return ",".join(draw(st.lists(item(), min_size=1, max_size=4)))


DAYS = fields(1, 31, ("L", "L-1", "L-3", "L-27", "LW", "L-2W", "1W", "15W", "31W"))
WEEKDAYS = st.one_of(
    fields(0, 6), st.lists(st.sampled_from(["mon#1", "5#5", "sunL", "tue#3", "6L", "0#2"]), min_size=1).map(",".join)
)
EXPRESSIONS = st.tuples(fields(0, 59), fields(0, 23), DAYS, fields(1, 12), WEEKDAYS).map(" ".join)


def check(text: str) -> None:
    """The words of an expression name its times and its days of two years."""
    cron = parse_cron(text)
    words = cron_words(cron)
    times, named, months = read(words)
    assert times == set(cron.fields.times), words
    differing = [day for day in TWO_YEARS if (day.month in months and named(day)) != cron.fires_on(day)]
    assert not differing, f"{words}: {differing[:3]}"


@pytest.mark.parametrize("text", WORDS)
def test_reader_of_words_finds_each_form(text: str) -> None:
    check(text)


@given(EXPRESSIONS)
def test_reader_of_words_finds_the_same_times_and_days(text: str) -> None:
    try:
        parse_cron(text)
    except CronError:  # 30 February, or a list that mixes plain days with # or L
        return
    check(text)

"""Counted days, nearest weekdays and nth weekdays agree with other cron products, except for a table of differences.

croniter reads five fields. aws-croniter reads EventBridge's six fields, without `cron(…)`. cronexpr (the C library
supertinycron) reads seconds and then five fields. No two of the three share code. The days of 2024 to 2051 are
compared: after 28 years the calendar repeats, so each month length has begun on each weekday.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from importlib.util import find_spec
from typing import NamedTuple

import pytest
from aws_croniter import AwsCroniter  # type: ignore[import-untyped]
from croniter import croniter  # type: ignore[import-untyped]

from interlock_sla import parse_cron

FIRST, LAST = date(2024, 1, 1), date(2051, 12, 31)
MIDNIGHT, END = datetime.combine(FIRST, time()), datetime.combine(LAST, time(23))
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]


def ours(*expressions: str) -> set[date]:
    """The days that any of these expressions names."""
    crons = [parse_cron(f"0 9 {days}") for days in expressions]
    return {day for day in DAYS if any(cron.fires_on(day) for cron in crons)}


def of_croniter(days: str) -> set[date]:
    fires = croniter(f"0 9 {days}", MIDNIGHT).all_next(datetime)
    return set(_until_the_end(fires))


def of_aws_croniter(days: str) -> set[date]:
    start, end = MIDNIGHT.replace(tzinfo=UTC), END.replace(tzinfo=UTC)
    return {fire.date() for fire in AwsCroniter(f"0 9 {days} *").get_all_schedule_bw_dates(start, end)}


def of_cronexpr(days: str) -> set[date]:
    from cronexpr import next_fire  # type: ignore[import-untyped]

    def fires() -> Iterator[datetime]:
        fire = MIDNIGHT.astimezone()  # it counts in the machine's own zone
        while True:
            fire = next_fire(f"0 0 9 {days}", fire).astimezone()
            yield fire.replace(tzinfo=None)

    return set(_until_the_end(fires()))


def _until_the_end(fires: Iterable[datetime]) -> Iterator[date]:
    for fire in fires:
        if fire > END:
            return
        yield fire.date()


class Product(NamedTuple):
    """A cron product: the days that its day, month and weekday fields name, as dates."""

    name: str
    fires: Callable[[str], set[date]]


CRONITER = Product("croniter 7.0", of_croniter)
AWS = Product("aws-croniter 2.1", of_aws_croniter)
CRONEXPR = Product("cronexpr 0.30", of_cronexpr)
HAS_CRONEXPR = find_spec("cronexpr") is not None


def _case(product: Product, *values: str) -> object:
    """A case of a table. It is skipped without cronexpr, which has no wheel for some machines."""
    is_missing = product is CRONEXPR and not HAS_CRONEXPR
    marks = [pytest.mark.skipif(is_missing, reason="cronexpr has no wheel for this Python")]
    return pytest.param(product, *values, marks=marks, id=f"{product.name}: {values[0]}")


def length_of(day: date) -> int:
    """The number of days of its month."""
    return monthrange(day.year, day.month)[1]


MONTHS = {28: "2", 29: "2", 30: "4,6,9,11", 31: "1,3,5,7,8,10,12"}
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# 29W to 31W are differences of two of the three products.
NEAREST = [f"{n}W" for n in range(1, 32)]
BACK = [f"L-{n}" for n in range(1, 31)]
NTH = [f"{name}#{n}" for name in WEEKDAYS for n in range(1, 6)]

AGREEING = [
    *((CRONITER, f"{day} * *", f"{day} * *") for day in ("L", *NEAREST[:28])),
    *((CRONITER, f"{day} * *", f"{day} * *") for day in ("1,L", "28-L")),
    (CRONITER, "31W 1,3,5,7,8,10,12 *", "31W 1,3,5,7,8,10,12 *"),
    (CRONITER, "30W 1,3-12 *", "30W 1,3-12 *"),
    *((CRONITER, f"* * {nth}", f"* * {nth}") for nth in (*NTH, "mon#1,mon#3", "5#2", "0#1", "1-5")),
    *((CRONITER, f"* * {n}L", f"* * L{n}") for n in range(8)),
    (CRONITER, "L * mon", "L * mon"),
    *((AWS, f"{day} * *", f"{day} * ?") for day in ("L", *NEAREST, *BACK)),
    *((AWS, f"{day} 2 *", f"{day} 2 ?") for day in ("L", "28W", "29W", "L-1", "L-27", "L-28")),
    *((AWS, f"* * {nth}", f"? * {nth}") for nth in NTH),
    *((AWS, f"* * {name}L", f"? * {name}L") for name in WEEKDAYS),
    (AWS, "* * mon-fri", "? * MON-FRI"),
    *((CRONEXPR, f"{day} * *", f"{day} * ?") for day in ("L", "LW", *NEAREST[:28], *BACK)),
    (CRONEXPR, "LW 2 *", "LW 2 ?"),
    (CRONEXPR, "31W 1,3,5,7,8,10,12 *", "31W 1,3,5,7,8,10,12 ?"),
    (CRONEXPR, "30W 1,3-12 *", "30W 1,3-12 ?"),
    *((CRONEXPR, f"* * {nth}", f"? * {nth}") for nth in (*NTH, "5#2", "1-5")),
    *((CRONEXPR, f"* * {n}L", f"? * {n}L") for n in range(8)),
]


@pytest.mark.parametrize(
    ("product", "here", "there"), [_case(product, here, there) for product, here, there in AGREEING]
)
def test_days_equal_those_of_product(product: Product, here: str, there: str) -> None:
    found = ours(here)
    assert found
    assert product.fires(there) == found


@pytest.mark.parametrize("back", range(31))
def test_weekday_near_counted_day_equals_weekday_near_number(back: int) -> None:
    """LW in a month of 30 days is 30W of that month, and L-3W is 27W. Both products read 30W and 27W."""
    by_croniter: set[date] = set()
    by_aws_croniter: set[date] = set()
    for length, months in MONTHS.items():
        if length > back:
            by_croniter |= {day for day in of_croniter(f"{length - back}W {months} *") if length_of(day) == length}
            by_aws_croniter |= {
                day for day in of_aws_croniter(f"{length - back}W {months} ?") if length_of(day) == length
            }
    assert ours(f"L-{back}W * *" if back else "LW * *") == by_croniter == by_aws_croniter


class Difference(NamedTuple):
    """An expression that another product reads differently.

    means: expressions of this package with the product's days. reason: the reason to keep this package's reading.
    """

    product: Product
    here: str
    there: str
    means: tuple[str, ...]
    reason: str


SHORT_MONTH = "a month without that day has no fire, as with a plain 31. LW is the last weekday."
NUMBERS = "0 and 7 are Sunday here in every weekday field, as in cron. A warning names the weekday."
LISTS = "a list names each of its items, as in every other field"
DIFFERENCES = [
    Difference(CRONITER, "29W * *", "29W * *", ("29W * *", "LW 2 *"), SHORT_MONTH),
    Difference(CRONITER, "30W * *", "30W * *", ("30W * *", "LW 2 *"), SHORT_MONTH),
    Difference(CRONITER, "31W * *", "31W * *", ("LW * *",), SHORT_MONTH),
    Difference(CRONITER, "1W * mon", "1W * mon", ("1W * *",), "either of two day fields suffices, also with a W"),
    *(Difference(AWS, f"* * {n}L", f"? * {n}L", (f"* * {WEEKDAYS[n - 1]}L",), NUMBERS) for n in range(1, 8)),
    Difference(AWS, "* * 5#2", "? * 5#2", ("* * thu#2",), NUMBERS),
    Difference(AWS, "* * 2-6", "? * 2-6", ("* * mon-fri",), NUMBERS),
    Difference(CRONEXPR, "* * friL", "? * friL", ("* * fri",), "friL is the last Friday, as L5"),
    Difference(CRONEXPR, "L,L-3 * *", "L,L-3 * ?", ("L-3 * *",), LISTS),
    Difference(CRONEXPR, "1W,15W * *", "1W,15W * ?", ("15W * *",), LISTS),
    Difference(CRONEXPR, "15W,LW * *", "15W,LW * ?", ("LW * *",), LISTS),
    Difference(CRONEXPR, "1,15W * *", "1,15W * ?", ("15W * *",), LISTS),
    Difference(CRONEXPR, "1,L * *", "1,L * ?", ("L * *",), LISTS),
]


@pytest.mark.parametrize(
    ("product", "here", "there", "means"), [_case(each.product, *each[1:3], each.means) for each in DIFFERENCES]
)
def test_known_difference_matches_table(product: Product, here: str, there: str, means: tuple[str, ...]) -> None:
    theirs = product.fires(there)
    assert theirs == ours(*means)
    assert theirs != ours(here)


@pytest.mark.skipif(not HAS_CRONEXPR, reason="cronexpr has no wheel for this Python")
@pytest.mark.parametrize("n", [29, 30, 31])
def test_cronexpr_fires_on_odd_days_in_month_without_day(n: int) -> None:
    """Here such a month has no fire. cronexpr reads 29W of February 2026 as the 2nd, 31W of April 2026 as the 1st."""
    theirs, found = of_cronexpr(f"{n}W * ?"), ours(f"{n}W * *")
    assert theirs > found
    assert all(length_of(day) < n for day in theirs - found)


REJECTED = [
    *((CRONITER, here, here) for here in ("LW * *", "L-3 * *", "L-3W * *", "L,L-3 * *", "1W,15W * *", "1,15W * *")),
    *((CRONITER, here, here) for here in ("* * 5L", "* * friL")),
    *((AWS, f"{day} * *", f"{day} * ?") for day in ("LW", "L-3W", "L,L-3", "1W,15W", "1,L", "28-L")),
    *((AWS, f"* * {day}", f"? * {day}") for day in ("L5", "monL,wedL", "mon#1,mon#3", "0L")),
    *((CRONEXPR, f"{day} * *", f"{day} * ?") for day in ("L-3W", "28-L")),
    *((CRONEXPR, f"* * {day}", f"? * {day}") for day in ("L5", "mon#1,mon#3")),
]


@pytest.mark.parametrize(
    ("product", "here", "there"), [_case(product, here, there) for product, here, there in REJECTED]
)
def test_expression_is_read_here_only(product: Product, here: str, there: str) -> None:
    assert ours(here)
    with pytest.raises((ValueError, KeyError)):
        product.fires(there)

# /// script
# requires-python = ">=3.11"
# dependencies = ["apscheduler==3.11.2", "croniter==7.0.0", "cronsim==2.8", "interlock-sla", "pycron==3.3.0", "tzdata"]
#
# [tool.uv.sources]
# interlock-sla = { path = "../../packages/interlock-sla" }
# ///
"""Writes the tables of docs/wrong-guesses/cron.md from real products: `uv run docs/website/dialects.py`.

`--check` compares the tables with the page and changes nothing. The products have the versions of the list above. Each
product is asked the same questions.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from interlock_sla import parse_cron

PAGE = Path(__file__).parents[1] / "wrong-guesses" / "cron.md"
BERLIN = ZoneInfo("Europe/Berlin")
YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))

Fires = Callable[[str, datetime, datetime, ZoneInfo | None], Iterator[datetime]]
"""The fires of an expression from one instant to another (excluded), in a zone, or in UTC for None."""


def _interlock(expression: str, first: datetime, end: datetime, zone: ZoneInfo | None) -> Iterator[datetime]:
    cron, at, where = parse_cron(expression), first - timedelta(seconds=1), zone or ZoneInfo("UTC")
    while (at := cron.next_fire(at, where)) < end:
        yield at


def _croniter(expression: str, first: datetime, end: datetime, zone: ZoneInfo | None) -> Iterator[datetime]:
    from croniter import croniter

    fires = croniter(expression, (first - timedelta(seconds=1)).astimezone(zone or UTC))
    while (at := fires.get_next(datetime)) < end:
        yield at


def _cronsim(expression: str, first: datetime, end: datetime, zone: ZoneInfo | None) -> Iterator[datetime]:
    from cronsim import CronSim, CronSimError

    try:
        fires = CronSim(expression, (first - timedelta(seconds=1)).astimezone(zone or UTC))
    except CronSimError as error:
        raise ValueError(str(error)) from error
    for at in fires:
        if at.astimezone(UTC) >= end:
            return
        yield at


def _apscheduler(expression: str, first: datetime, end: datetime, zone: ZoneInfo | None) -> Iterator[datetime]:
    from apscheduler.triggers.cron import CronTrigger

    trigger = CronTrigger.from_crontab(expression, timezone=zone or UTC)
    at = trigger.get_next_fire_time(None, first)
    while at is not None and at.astimezone(UTC) < end:
        yield at
        at = trigger.get_next_fire_time(at, at)


def _pycron(expression: str, first: datetime, end: datetime, zone: ZoneInfo | None) -> Iterator[datetime]:
    import pycron

    # pycron answers for one minute. An expression of minute 0 needs one question per hour.
    at, step = first, timedelta(minutes=60 if expression.startswith("0 ") else 1)
    while at < end:
        if pycron.is_now(expression, at.astimezone(zone or UTC)):
            yield at
        at += step


PRODUCTS: dict[str, Fires] = {
    "Interlock": _interlock,
    "croniter 7.0.0": _croniter,
    "cronsim 2.8": _cronsim,
    "APScheduler 3.11.2": _apscheduler,
    "pycron 3.3.0": _pycron,
}


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
REJECTIONS = (ValueError, KeyError)


def counted(expression: str) -> Callable[[Fires], str]:
    """The number of fires in 2026, or that the product rejects the expression."""

    def answer(product: Fires) -> str:
        try:
            return str(sum(1 for _ in product(expression, *YEAR, None)))
        except REJECTIONS:
            return "rejected"

    return answer


def weekdays(expression: str) -> Callable[[Fires], str]:
    """The weekdays of the fires, from Monday to Sunday."""

    def answer(product: Fires) -> str:
        try:
            days = {at.weekday() for at in product(expression, YEAR[0], YEAR[0] + timedelta(days=14), None)}
        except REJECTIONS:
            return "rejected"
        return " ".join(DAYS[day] for day in sorted(days)) or "none"

    return answer


def in_night(expression: str, first: datetime, hours: int) -> Callable[[Fires], str]:
    """The fires of a night in Berlin, as times of its clocks, with the offset where the time comes twice."""

    def answer(product: Fires) -> str:
        fires = product(expression, first, first + timedelta(hours=hours), BERLIN)
        shown = [at.astimezone(UTC).astimezone(BERLIN).strftime("%H:%M%z")[:8] for at in fires]
        return ", ".join(shown) or "none"

    return answer


def of_day(expression: str, first: datetime, hours: int) -> Callable[[Fires], str]:
    """The number of fires on a day in Berlin."""
    return lambda product: str(sum(1 for _ in product(expression, first, first + timedelta(hours=hours), BERLIN)))


Question = tuple[str, Callable[[Fires], str]]
"""The first cell of a line, and the answer of each product."""


def asked(question: Callable[[str], Callable[[Fires], str]], *expressions: str) -> list[Question]:
    """The same question for each expression."""
    return [(f"`{expression}`", question(expression)) for expression in expressions]


SPRING, AUTUMN = datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)


def questions() -> dict[str, list[Question]]:
    """The questions of each table by its name."""
    return {
        "two-day-fields": asked(counted, "0 0 13 * 5", "0 0 */2 * 1", "0 0 1 * */2", "0 9 1-7 * 1"),
        "clock-changes": [
            ("29 March, `30 2 * * *`", in_night("30 2 * * *", SPRING, 6)),
            ("29 March, `0 2 * * *`", in_night("0 2 * * *", SPRING, 6)),
            ("29 March, `0,30 2 * * *`", in_night("0,30 2 * * *", SPRING, 6)),
            ("29 March, `0 * * * *`, fires of the day", of_day("0 * * * *", SPRING, 23)),
            ("25 October, `30 2 * * *`", in_night("30 2 * * *", AUTUMN, 6)),
            ("25 October, `0 * * * *`, fires of the day", of_day("0 * * * *", AUTUMN, 25)),
            ("25 October, `0 0-23 * * *`, fires of the day", of_day("0 0-23 * * *", AUTUMN, 25)),
            ("25 October, `*/15 * * * *`, fires of the day", of_day("*/15 * * * *", AUTUMN, 25)),
        ],
        "weekdays": asked(weekdays, *(f"0 0 * * {days}" for days in ("1", "0", "7", "1-5", "fri-mon", "5-1"))),
        "ranges": asked(counted, "0 22-2 * * *", "0 0 * nov-feb *", "0 8-8 * * *", "0 5/10 * * *"),
        "special": [
            *asked(counted, *(f"0 0 {days} * *" for days in ("L", "15W", "31W", "LW", "L-3"))),
            *asked(counted, "0 0 * * 5L", "0 0 * * L5", "0 0 * * 5#2", "0 0 ? * 1", "@daily", "0 0 0 * * *"),
        ],
    }


def table(asked: list[Question], products: Mapping[str, Fires]) -> list[str]:
    """The lines of a table with a column for each product."""
    lines = ["| | " + " | ".join(products) + " |", "|---" * (len(products) + 1) + "|"]
    for name, answer in asked:
        lines.append("| " + " | ".join([name, *map(answer, products.values())]) + " |")
    return lines


def written(page: str) -> str:
    """The page with its tables."""
    for name, asked_here in questions().items():
        mark = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        body = "\n".join(table(asked_here, PRODUCTS))
        page = mark.sub(lambda found, body=body: f"{found[1]}\n{body}\n\n{found[2]}", page)  # type: ignore[misc]
    return page


def main() -> int:
    """Write or compare the tables."""
    before = PAGE.read_text()
    after = written(before)
    if "--check" not in sys.argv:
        PAGE.write_text(after)
        return 0
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    sys.stdout.writelines(f"{line}\n" for line in changed)
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())

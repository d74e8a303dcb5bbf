"""The values that the rules of a date saw over time, from its events, as one small chart per rule."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from interlock_lifecycle.reports import RuleReading
from interlock_web._times import show_moment

WIDTH, HEIGHT = 240.0, 56.0
_EDGE = 4.0
_KINDS = ("RUN_HELD", "VALIDATION_EXHAUSTED")
_PASSED = "VALIDATION_PASSED"
"""Its rows have the values with which the rules held. It has no rules."""

_LEAST = 2
"""The values from which on a chart is drawn."""

_MOST_CHARTS = 24

_Rule = tuple[str, str, str]
"""The sensor key of a rule, its field, and its expectation."""


class Point(Struct, frozen=True):
    """A value in a chart."""

    x: float
    y: float
    text: str


class Observed(Struct, frozen=True):
    """The chart of one rule. limit: the height of the needed number, None for an expectation without one."""

    label: str
    points: tuple[Point, ...]
    limit: float | None

    @property
    def line(self) -> str:
        """The line through the points, as SVG has it."""
        return " ".join(f"{point.x},{point.y}" for point in self.points)

    @property
    def text(self) -> str:
        """The values in words."""
        return ", ".join(point.text for point in self.points)


def draw_observed(
    events: Iterable[Mapping[str, Any]], rules: Sequence[RuleReading], zone: ZoneInfo, now: datetime | None
) -> list[Observed]:
    """A chart for each rule with several numbers. events: rows of the events table. rules: their present reading.

    now: the time of the present reading (UTC), None if the date is over and its present reading says nothing.
    """
    series: dict[_Rule, dict[datetime, float]] = defaultdict(dict)
    # The time in a row is no age.
    of_values = [reading for reading in rules if not reading.check.startswith("age_")]
    known_rules = [(reading.key, reading.field or "", reading.needed) for reading in of_values]
    for row in events:
        for rule, at, value in (*_values_of(row), *_values_that_passed(row, known_rules)):
            series[rule][at] = value
    if now is not None:
        for reading in rules:
            number = _number(reading.observed)
            known = series.get((reading.key, reading.field or "", reading.needed))
            if number is not None and known is not None:
                known[now] = number
    drawn = (_draw(rule, sorted(values.items()), zone) for rule, values in series.items() if len(values) >= _LEAST)
    return list(drawn)[:_MOST_CHARTS]


def _values_of(row: Mapping[str, Any]) -> Iterable[tuple[_Rule, datetime, float]]:
    """The numbers in an event. An event of another writer may have any form, and then has none."""
    if row.get("eventType") not in _KINDS:
        return
    at, rules = _list_in(row, "rules")
    for rule in rules:
        number = _number(rule.get("observed")) if isinstance(rule, Mapping) else None
        if number is not None:
            yield (str(rule.get("key", "")), str(rule.get("field", "")), str(rule.get("needed", ""))), at, number


def _values_that_passed(row: Mapping[str, Any], rules: Sequence[_Rule]) -> Iterable[tuple[_Rule, datetime, float]]:
    """The numbers with which the rules held, from the rows that the event keeps."""
    if row.get("eventType") != _PASSED:
        return
    at, rows = _list_in(row, "rows")
    for kept in rows:
        data = kept.get("data") if isinstance(kept, Mapping) else None
        if not isinstance(data, Mapping):
            continue
        for rule in rules:
            number = _number(data.get(rule[1])) if rule[0] == kept.get("key") else None
            if number is not None:
                yield rule, at, number


def _list_in(row: Mapping[str, Any], name: str) -> tuple[datetime, list[Any]]:
    """The time (UTC) of an event, and a list of its details. Empty for an event of another form."""
    try:
        at = datetime.fromtimestamp(int(str(row["SK"]).partition("#")[0]) / 1000, UTC)
        found = json.loads(str(row.get("detail", "")))["detail"][name]
    except (ValueError, OverflowError, OSError, LookupError, TypeError, RecursionError):
        return datetime.min.replace(tzinfo=UTC), []
    return at, found if isinstance(found, list) else []


def _number(value: object) -> float | None:
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _draw(rule: _Rule, values: Sequence[tuple[datetime, float]], zone: ZoneInfo) -> Observed:
    limit = _number(rule[2].rpartition(" ")[2])
    first, last = values[0][0], values[-1][0]
    numbers = [number for _, number in values] + ([] if limit is None else [limit])
    low, high = min(numbers), max(numbers)

    def y(number: float) -> float:
        # Halves, since the distance of two large numbers may leave the range of a float.
        share = (number / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.5
        return round(HEIGHT - _EDGE - share * (HEIGHT - 2 * _EDGE), 1)

    span = max((last - first).total_seconds(), 1.0)
    points = (
        Point(
            round(_EDGE + (at - first).total_seconds() / span * (WIDTH - 2 * _EDGE), 1),
            y(number),
            f"{number:g} {show_moment(at, zone)}",
        )
        for at, number in values
    )
    label = " ".join(part for part in rule if part)
    return Observed(label, tuple(points), None if limit is None else y(limit))

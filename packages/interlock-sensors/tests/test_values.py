"""Values of producers become exact values of DynamoDB, or problems that name their place."""

from __future__ import annotations

import math
from collections import namedtuple
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any

import numpy
import pandas
import pytest

from interlock_sensors import InvalidRow, RecordedSensors

DAY = "2026-03-03"
Point = namedtuple("Point", "x y")


class Row(tuple):
    """A row as pyspark's Row: a tuple with asDict."""

    __slots__ = ()

    def asDict(self) -> dict[str, Any]:  # noqa: N802
        return {"rows": self[0], "note": self[1]}


class Level(IntEnum):
    """A number with a name."""

    HIGH = 3


class Colour(str, Enum):
    """A text with a name."""

    RED = "red"


def stored(value: Any) -> Any:
    sensors = RecordedSensors()
    sensors.put("orders", "landing", date=DAY, value=value)
    fields = sensors.fields("orders", f"landing#{DAY}")
    assert fields is not None
    return fields["value"]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1203, Decimal(1203)),
        (0.1, Decimal("0.1")),
        (1e23, Decimal("1E+23")),
        (-0.0, Decimal(0)),
        (Decimal("1.50"), Decimal("1.5")),
        (10**37, Decimal(10**37)),
        (Level.HIGH, Decimal(3)),
        (True, True),
        (None, None),
        ("", ""),
        (Colour.RED, "red"),
        (b"\x00", b"\x00"),
        (bytearray(b"a"), b"a"),
        ([1, (2.5, None)], [Decimal(1), [Decimal("2.5"), None]]),
        ({"a": {"b": [True]}}, {"a": {"b": [True]}}),
        ({1, Decimal("1.0"), 2}, {Decimal(1), Decimal(2)}),
        ({0.1, Decimal("0.1")}, {Decimal("0.1")}),
        (frozenset({"a", "b"}), {"a", "b"}),
        ({b"a"}, {b"a"}),
        (numpy.int64(7), Decimal(7)),
        (numpy.float64(0.1), Decimal("0.1")),
        (numpy.float32(0.1), Decimal("0.1")),
        (numpy.bool_(True), True),
        (numpy.str_("a"), "a"),
        (numpy.array([1, 2]), [Decimal(1), Decimal(2)]),
        (numpy.array([[0.5], [1.5]], dtype="float32"), [[Decimal("0.5")], [Decimal("1.5")]]),
        ({numpy.int32(1), numpy.int32(2)}, {Decimal(1), Decimal(2)}),
        (pandas.Series([1, 2]), [Decimal(1), Decimal(2)]),
        (pandas.Series([0.1, 0.3]).max(), Decimal("0.3")),
        (pandas.Timestamp("2026-03-03T07:00:00.123456+01:00"), "2026-03-03T06:00:00.123456Z"),
        (date(2026, 3, 3), "2026-03-03"),
        (datetime(2026, 3, 3, 7, tzinfo=timezone(timedelta(hours=2))), "2026-03-03T05:00:00.000000Z"),
        (Row((3, "a")), {"rows": Decimal(3), "note": "a"}),
        (Point(1, 2), {"x": Decimal(1), "y": Decimal(2)}),
    ],
    ids=repr,
)
def test_a_value_is_stored_exactly(value: Any, wanted: Any) -> None:
    found = stored(value)
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (math.nan, "value: nan is not a finite number"),
        (-math.inf, "value: -inf is not a finite number"),
        (numpy.float32("nan"), "is not a finite number"),
        (Decimal("sNaN"), "is not a finite number"),
        (1e126, "is out of the range from 1E-130 to 9.9E+125"),
        (5e-324, "is out of the range from 1E-130 to 9.9E+125"),
        (10**38 + 1, "has more than 38 digits"),
        (10**5000, "value: a very long int has more than 38 digits"),
        (datetime(2026, 3, 3), "is a time without a zone"),
        (pandas.NaT, "value: NaT"),
        (pandas.NA, "value: <NA> has the type NAType, which has no form in the row"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "is outside of the years 1 to 9999 in UTC"),
        (timedelta(1), "has the type timedelta, which has no form in the row"),
        (1j, "has the type complex"),
        (pandas.DataFrame({"a": [1]}), "has the type DataFrame"),
        (set(), "is not a set of only texts, only numbers or only bytes"),
        ({1, "a"}, "is not a set of only texts"),
        ({True}, "is not a set of only texts"),
        ("\ud800", "value: '\\ud800' is not valid Unicode"),
        ({"\ud800": 1}, "is not valid Unicode"),
        ({1: 2}, "has the name 1, and a name needs at least one character"),
        ({"": 2}, "has the name ''"),
        ({"stats": [1, {"mean": math.nan}]}, "value.stats[1].mean: nan is not a finite number"),
    ],
    ids=lambda value: str(value)[:30] if not isinstance(value, int) else "number",
)
def test_a_value_without_an_exact_form_is_rejected(value: Any, problem: str) -> None:
    with pytest.raises(InvalidRow) as raised:
        stored(value)
    assert problem in raised.value.problems[0]
    assert len(raised.value.problems) == 1


def test_deep_and_endless_values_are_rejected() -> None:
    deep: Any = 1
    for _ in range(30):
        deep = [deep]
    assert stored(deep) is not None
    with pytest.raises(InvalidRow, match="is nested in more than 31 levels"):
        stored([[deep]])
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(InvalidRow, match="is nested in more than 31 levels"):
        stored(endless)

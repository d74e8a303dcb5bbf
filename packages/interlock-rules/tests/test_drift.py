"""The drift of numbers."""

from decimal import Decimal
from typing import Any

import pytest

from interlock_rules import Drift, drift


@pytest.mark.parametrize(
    ("previous", "current", "threshold", "delta"),
    [
        (5000, 0, 0, -5000),
        (0, 5000, 0, 5000),
        (100, 110, 9, 10),
        (100, 90, 9.5, -10),
        ("100", Decimal("100.5"), 0.4, 0.5),
        (0.1, "0.3", 0.1, 0.2),
        (2**63, 2**63 + 1, 0, 1),
        (10**40, Decimal(10**40 + 1), 0.5, 1),
        (10**40, f"1{'0' * 40}.5", 0, 0.5),
    ],
)
def test_a_number_drifts_beyond_the_threshold(
    previous: object, current: object, threshold: float, delta: float
) -> None:
    found = drift({"n": previous}, {"n": current}, "n", threshold)
    assert isinstance(found, Drift)
    assert (found.delta, found.threshold, found.field) == (delta, threshold, "n")


@pytest.mark.parametrize(
    ("previous", "current", "threshold"),
    [(0, 0, 0), (100, 110, 10), (110, 100, 10), (0.1, "0.3", 0.2), (Decimal("0.3"), 0.1, 0.2), (5, "5.0", 0)],
)
def test_change_up_to_threshold_is_not_drift(previous: object, current: object, threshold: float) -> None:
    assert drift({"n": previous}, {"n": current}, "n", threshold) is None


@pytest.mark.parametrize("unreadable", [None, True, "many", float("nan"), Decimal("Infinity"), [1], ""])
def test_unreadable_number_never_drifts(unreadable: object) -> None:
    assert drift({"n": unreadable}, {"n": 5}, "n", 0) is None
    assert drift({"n": 5}, {"n": unreadable}, "n", 0) is None
    assert drift({}, {"n": 5}, "n", 0) is None
    assert drift({"n": 5}, {}, "n", 0) is None
    assert drift({"n": 0}, {"n": 5}, "n", 0) is not None


@pytest.mark.parametrize("threshold", [-1, "-0.5", float("nan"), float("inf"), Decimal("sNaN"), None, True, "few", [5]])
def test_threshold_must_be_number_from_zero(threshold: Any) -> None:
    for current in ({"n": 5}, {"n": 9}, {}):
        with pytest.raises(ValueError, match="a drift threshold is a number of at least 0, not ") as caught:
            drift({"n": 5}, current, "n", threshold)
        assert str(caught.value).endswith(repr(threshold))


def test_a_threshold_of_many_digits_is_not_rounded() -> None:
    threshold = Decimal("0.12345678901234567890123456789012345678")
    assert drift({"n": 0}, {"n": threshold}, "n", threshold) is None
    assert drift({"n": 0}, {"n": str(threshold) + "1"}, "n", threshold) is not None
    assert drift({"n": str(-threshold) + "1"}, {"n": 0}, "n", threshold) is not None


def test_a_drift_shows_plain_numbers() -> None:
    assert drift({"n": Decimal(5000)}, {"n": "0.50"}, "n", 0) == Drift(5000, 0.5, -4999.5, 0, "n")


@pytest.mark.parametrize(
    ("previous", "current", "delta"),
    [
        ("9e999", 0, -9 * 10**999),
        (10**1099, "0.5", -(10**1099) + 1),
        ("1e400", 0.5, -(10**400) + 1),
        (0, Decimal("9.5e125"), 95 * 10**124),
        (0, -Decimal("9.5e1099"), -95 * 10**1098),
    ],
)
def test_drift_too_large_for_float_is_int(previous: object, current: object, delta: int) -> None:
    found = drift({"n": previous}, {"n": current}, "n", 0)
    assert found is not None
    assert type(found.delta) is int
    assert found.delta == delta


@pytest.mark.parametrize("endless", [10**1100, -(10**1100), Decimal("1e1100"), Decimal("1e9999"), Decimal("1e-1101")])
def test_number_with_too_many_digits_never_drifts(endless: Any) -> None:
    assert drift({"n": endless}, {"n": 5}, "n", 0) is None
    assert drift({"n": 5}, {"n": endless}, "n", 0) is None
    with pytest.raises(ValueError, match="a drift threshold is a number of at least 0, not "):
        drift({"n": 5}, {"n": 0}, "n", endless)


@pytest.mark.parametrize("zero", [Decimal("0e5000"), Decimal("0e-5000"), "0e999", -0.0])
def test_zero_is_value_in_every_form(zero: object) -> None:
    assert drift({"n": zero}, {"n": 5}, "n", 0) == Drift(0, 5, 5, 0, "n")
    assert drift({"n": 5}, {"n": zero}, "n", 5) is None


@pytest.mark.parametrize("small", [Decimal("1e-1100"), Decimal("12e-1100"), Decimal("-1." + "5" * 1100)])
def test_number_with_over_1100_decimals_never_drifts(small: Decimal) -> None:
    assert drift({"n": small}, {"n": 0}, "n", 0) is not None
    assert drift({"n": small / 10 if small > 0 else Decimal(f"{small}5")}, {"n": 0}, "n", 0) is None

"""Decides when a sensor value equals a rule's value, across the types that the same value arrives in."""

from collections.abc import Collection, Mapping, Sequence, Set
from decimal import Decimal
from math import isfinite

from ._numbers import exact, to_number


def same(observed: object, expected: object) -> bool:
    """Whether two values are equal: numbers and numerals as numbers, booleans and the words true and false
    in any letter case, lists in order, sets in any order, maps by key, everything else as text.

    Null equals nothing, and neither does NaN or an infinity.
    """
    if observed is None or expected is None:
        return False
    if isinstance(observed, bool) or isinstance(expected, bool):
        return _as_boolean(observed) is not None and _as_boolean(observed) is _as_boolean(expected)
    left, right = to_number(observed), to_number(expected)
    if left is not None and right is not None:
        return exact(left) == exact(right)
    if _is_nested(observed) or _is_nested(expected):
        return _same_nested(observed, expected)
    return not_a_number(observed) is False and str(observed) == str(expected)


def not_a_number(value: object) -> bool:
    """Whether the value is a NaN or an infinity, as a number."""
    if isinstance(value, float):
        return not isfinite(value)
    return isinstance(value, Decimal) and not value.is_finite()


def _as_boolean(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _is_nested(value: object) -> bool:
    return isinstance(value, (Mapping, Set, Sequence)) and not isinstance(value, (str, bytes, bytearray))


def _same_nested(observed: object, expected: object) -> bool:
    if isinstance(observed, Mapping) and isinstance(expected, Mapping):
        return observed.keys() == expected.keys() and all(same(observed[key], expected[key]) for key in observed)
    if isinstance(observed, Mapping) or isinstance(expected, Mapping):
        return False
    if not (_is_nested(observed) and _is_nested(expected)):
        return False
    return _same_items(observed, expected)  # type: ignore[arg-type]


def _same_items(observed: Collection[object], expected: Collection[object]) -> bool:
    if len(observed) != len(expected):
        return False
    if isinstance(observed, Set) or isinstance(expected, Set):
        return all(any(same(left, right) for right in expected) for left in observed) and all(
            any(same(left, right) for left in observed) for right in expected
        )
    return all(same(left, right) for left, right in zip(observed, expected, strict=True))

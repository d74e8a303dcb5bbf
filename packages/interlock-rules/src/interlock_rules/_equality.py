"""Decides when a sensor value equals a rule's value, across the types in which the same value can arrive."""

from collections.abc import Collection, Mapping, Sequence, Set
from decimal import Decimal
from math import isfinite

from ._numbers import exact, to_number


def same(observed: object, expected: object) -> bool:
    """Whether two values are equal across types.

    Numbers and numerals compare as numbers. Booleans equal the words true and false in any letter case. Lists compare
    in order, sets in any order, maps by key, all other values as text. Null, NaN and infinities equal nothing.
    """
    if observed is None or expected is None:
        return False
    if isinstance(observed, bool) or isinstance(expected, bool):
        return _as_boolean(observed) is not None and _as_boolean(observed) is _as_boolean(expected)
    left, right = to_number(observed), to_number(expected)
    if left is not None or right is not None:
        return left is not None and right is not None and exact(left) == exact(right)
    if _is_nested(observed) or _is_nested(expected):
        return _same_nested(observed, expected)
    return not not_a_number(observed) and str(observed) == str(expected)


def not_a_number(value: object) -> bool:
    """Whether the value is the number NaN or an infinity."""
    if isinstance(value, float):
        return not isfinite(value)
    return isinstance(value, Decimal) and not value.is_finite()


def is_deeper_than(levels: int, value: object) -> bool:
    """Whether lists, sets and maps are nested more than `levels` deep. True for a value that contains itself."""
    if not _is_nested(value):
        return False
    items = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(is_deeper_than(levels - 1, item) for item in items)  # type: ignore[attr-defined]


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
        return _each_has_an_equal(observed, expected) and _each_has_an_equal(expected, observed)
    return all(same(left, right) for left, right in zip(observed, expected, strict=True))


def _each_has_an_equal(items: Collection[object], others: Collection[object]) -> bool:
    """Whether every item equals one of the others, by lookup, since pairs of large sets would take minutes."""
    offered = {name for other in others for name in _names(other)}
    nested = [other for other in others if _is_nested(other)]
    return all(
        any(same(item, other) for other in nested) if _is_nested(item) else not offered.isdisjoint(_wanted(item))
        for item in items
    )


def _names(value: object) -> tuple[tuple[str, object], ...]:
    """The lookup names of a value. The words true and false have two names: the text and the boolean."""
    if value is None or not_a_number(value) or _is_nested(value):
        return ()
    number, boolean = to_number(value), _as_boolean(value)
    if number is not None:
        return (("number", exact(number)),)
    if isinstance(value, bool):
        return (("boolean", value),)
    return (("text", str(value)),) if boolean is None else (("text", str(value)), ("word", boolean))


def _wanted(value: object) -> tuple[tuple[str, object], ...]:
    """The lookup names of equal values. A boolean finds booleans and words, a word finds itself and booleans."""
    boolean = _as_boolean(value)
    if isinstance(value, bool):
        return (("boolean", value), ("word", value))
    return _names(value) if boolean is None else (("text", str(value)), ("boolean", boolean))

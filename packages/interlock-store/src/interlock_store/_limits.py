"""The limits and the equality of DynamoDB, for the twin: values, keys, sizes and conditions."""

import math
from collections.abc import Mapping, Sequence, Set
from decimal import Decimal
from typing import Any

from interlock_store._values import NUMBERS
from interlock_store._write import Expect, Item, Put, Update, Write, key_of

_MOST_WRITES = 100
_LARGEST_ROW = 400 * 1024
_LARGEST_TRANSACTION = 4 * 1024 * 1024
_LONGEST = {"PK": 2048, "SK": 1024, "GSI1PK": 2048, "GSI1SK": 1024, "GSI2PK": 2048, "GSI2SK": 1024}
"""The limits in bytes of the attributes that are keys of the table or of its indexes."""
_OPEN_ENDED = frozenset({dict, list, set, bytes})
_LARGEST_EXPONENT, _SMALLEST_EXPONENT = 125, -130


def check_transaction(writes: Sequence[Write]) -> None:
    """Raise ValueError for a transaction that DynamoDB rejects with a ValidationException."""
    if len(writes) > _MOST_WRITES:
        raise ValueError(f"a transaction may hold {_MOST_WRITES} writes, not {len(writes)}")
    keys = [key_of(write) for write in writes]
    if len(set(keys)) != len(keys):
        raise ValueError("a transaction may touch each row once")
    for write in writes:
        if isinstance(write, Update):
            _check_update(write)
    if len(writes) * _LARGEST_ROW > _LARGEST_TRANSACTION and _total_size(writes) > _LARGEST_TRANSACTION:
        raise ValueError("the transaction is larger than 4 MB")


def _total_size(writes: Sequence[Write]) -> int:
    return sum(row_size(write.item) for write in writes if isinstance(write, Put))


def _check_update(write: Update) -> None:
    if not write.set and not write.remove:
        raise ValueError("an update without any change")
    if set(write.set) & set(write.remove):
        raise ValueError("an update sets and removes the same attribute")
    if {"PK", "SK"} & {*write.set, *write.remove}:
        raise ValueError("an update may not change the key")


def meets(row: Mapping[str, Any] | None, expect: Expect) -> bool:
    """Whether a stored row (None: no row) is as expected."""
    if expect.exists is not None and expect.exists != (row is not None):
        return False
    found: Mapping[str, Any] = row or {}
    if any(name not in found or not is_same(found[name], _stored(value)) for name, value in expect.equals.items()):
        return False
    return not any(name in found for name in expect.absent)


def is_same(left: Any, right: Any) -> bool:
    """Whether two values are equal and of one type: true is not 1, and "1" is not 1."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(is_same(left[name], right[name]) for name in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(is_same(*pair) for pair in zip(left, right, strict=True))
    return bool(left == right)


def stored(row: Mapping[str, Any]) -> Item:
    """The row as a read returns it. Raises ValueError, TypeError or ArithmeticError for invalid values."""
    kept = {name: _stored(value) for name, value in row.items()}
    for name, longest in _LONGEST.items():
        _check_key(name, kept, longest)
    if _may_be_large(kept) and row_size(kept) > _LARGEST_ROW:
        raise ValueError("the row is larger than 400 KB")
    return kept


def _may_be_large(row: Item) -> bool:
    """Whether a row is small enough to need no measurement. A character takes at most four bytes."""
    if any(type(value) in _OPEN_ENDED for value in row.values()):
        return True
    characters = sum(map(len, row)) + sum(len(value) if type(value) is str else 32 for value in row.values())
    return characters * 4 > _LARGEST_ROW


def _check_key(name: str, row: Item, longest: int) -> None:
    if name not in row and name.startswith("GSI"):
        return
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a string that is not empty, got {value!r}")
    if len(value) * 4 > longest and len(value.encode()) > longest:
        raise ValueError(f"{name} is longer than {longest} bytes")


def _stored(value: Any) -> Any:
    if type(value) is str or value is None:
        return value
    match value:
        case None | bool() | str():
            return value
        case bytes() | bytearray():
            return bytes(value)
        case int() | float() | Decimal():
            return _number(value)
        case Mapping():
            return {str(name): _stored(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_stored(inner) for inner in value]
        case Set():
            return _set(value)
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _set(value: Set[Any]) -> set[Any]:
    kept = {_stored(inner) for inner in value}
    if not kept:
        raise ValueError("an empty set cannot be stored")
    if len({type(inner) for inner in kept} & {str, bytes, Decimal}) != 1 or len({type(inner) for inner in kept}) != 1:
        raise TypeError("a set must hold strings, numbers or bytes, and only one kind")
    return kept


def _number(value: int | float | Decimal) -> Decimal:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError("infinity and NaN cannot be stored")
        value = Decimal(repr(value))
    number = NUMBERS.create_decimal(value)
    if not number.is_finite():
        raise TypeError("infinity and NaN cannot be stored")
    if number and not _SMALLEST_EXPONENT <= number.adjusted() <= _LARGEST_EXPONENT:
        raise ValueError(f"{value} is larger or smaller than any number that can be stored")
    return number


def row_size(row: Mapping[str, Any]) -> int:
    """The size of a row in bytes as DynamoDB measures it. Numbers are estimated, as in its documentation."""
    return sum(len(name.encode()) + _size(value) for name, value in row.items())


def _size(value: Any) -> int:
    match value:
        case None | bool():
            return 1
        case str():
            return len(value.encode())
        case bytes():
            return len(value)
        case int() | float() | Decimal():
            return len(Decimal(str(value)).normalize().as_tuple().digits) // 2 + 2
        case Mapping():
            return 3 + len(value) + row_size(value)
        case Set():
            return sum(_size(inner) for inner in value)
    return 3 + len(value) + sum(_size(inner) for inner in value)

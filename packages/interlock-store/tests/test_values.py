"""The values of rows against boto3's serializer and deserializer."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from interlock_store import from_wire, to_wire

LONG = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent), st.integers(-(10**30), 10**30), st.integers(-90, 90)
)
NUMBERS = LONG | st.decimals(allow_nan=False) | st.floats(allow_nan=False) | st.integers()
SETS = (
    st.frozensets(NUMBERS | st.booleans())
    | st.frozensets(st.text())
    | st.frozensets(st.binary())
    | st.frozensets(NUMBERS | st.none() | st.text() | st.binary())
)
SCALARS = (
    st.none() | st.booleans() | st.text() | st.binary() | st.binary().map(bytearray) | NUMBERS | st.decimals() | SETS
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner), max_leaves=8
)


def stored_by_boto3(value: Any) -> Any:
    """The value with floats as decimals, since boto3's serializer takes no floats."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {name: stored_by_boto3(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [stored_by_boto3(inner) for inner in value]
    if isinstance(value, frozenset):
        return {stored_by_boto3(inner) for inner in value}
    return value


def comparable(tagged: Any) -> Any:
    """A tagged value in which the order of a set does not count."""
    if isinstance(tagged, list):
        return [comparable(inner) for inner in tagged]
    if not isinstance(tagged, dict):
        return tagged
    return {tag: sorted(inner) if tag in ("SS", "NS", "BS") else comparable(inner) for tag, inner in tagged.items()}


def outcome(act: Any) -> Any:
    """The result, or the kind of the error. The order of a set decides which of its members is reported."""
    try:
        return act()
    except (TypeError, ArithmeticError) as error:
        return TypeError if isinstance(error, TypeError) else ArithmeticError


def is_infinite(value: Any) -> bool:
    """Whether a number in the value is not finite. boto3 sends negative infinity, and DynamoDB rejects it."""
    if isinstance(value, Mapping):
        return any(map(is_infinite, value.values()))
    if isinstance(value, list | tuple | frozenset):
        return any(map(is_infinite, value))
    return isinstance(value, float | Decimal) and not (
        value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)
    )


@given(VALUES)
def test_values_are_written_as_boto3_writes_them(value: Any) -> None:
    written = outcome(lambda: to_wire({"v": value})["v"])
    if is_infinite(value):
        assert isinstance(written, type)
        return
    expected = outcome(lambda: TypeSerializer().serialize(stored_by_boto3(value)))
    assert comparable(written) == comparable(expected)


@pytest.mark.parametrize(
    "value", [math.inf, -math.inf, math.nan, Decimal("-Infinity"), Decimal("sNaN"), {Decimal("-Infinity")}]
)
def test_no_number_that_is_not_finite_is_written(value: Any) -> None:
    with pytest.raises(TypeError):
        to_wire({"v": value})


def unwrapped(value: Any) -> Any:
    """boto3 wraps bytes in a type of its own."""
    if isinstance(value, Binary):
        return bytes(value.value)
    if isinstance(value, Mapping):
        return {name: unwrapped(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [unwrapped(inner) for inner in value]
    return {unwrapped(inner) for inner in value} if isinstance(value, set) else value


@given(VALUES)
def test_values_are_read_as_boto3_reads_them(value: Any) -> None:
    written = outcome(lambda: to_wire({"v": value}))
    if isinstance(written, type):
        return
    read = from_wire(written)["v"]
    expected = unwrapped(TypeDeserializer().deserialize(written["v"]))
    assert read == expected
    assert type(read) is type(expected)

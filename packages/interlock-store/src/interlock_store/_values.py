"""The values of rows in DynamoDB's JSON, with the types and numbers of boto3's serializer."""

from base64 import b64decode
from collections.abc import Mapping, Set
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from typing import Any

from interlock_store._write import Item

NUMBERS = Context(Emin=-128, Emax=126, prec=38, traps=[Clamped, Overflow, Inexact, Rounded, Underflow])
"""The numbers of DynamoDB. `create_decimal` raises ArithmeticError for a number with more than 38 digits."""


def to_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values as DynamoDB's JSON. Floats become their shortest decimal.

    Raises TypeError for a value without a type in DynamoDB, and ArithmeticError for a number with too many digits.
    """
    return {name: tagged(value) for name, value in item.items()}


def tagged(value: Any) -> dict[str, Any]:
    """One value with its type tag. Raises TypeError and ArithmeticError as `to_wire` does."""
    if isinstance(value, str):
        return {"S": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float | Decimal):
        return {"N": str(_decimal(value))}
    if isinstance(value, Mapping):
        return {"M": {str(name): tagged(inner) for name, inner in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [tagged(inner) for inner in value]}
    if isinstance(value, bytes | bytearray):
        return {"B": value}
    if isinstance(value, Set):
        return _tagged_set(value)
    raise _no_type(value)


def _tagged_set(value: Set[Any]) -> dict[str, Any]:
    """A set of numbers, texts or bytes. An empty set counts as a set of numbers, and DynamoDB rejects it."""
    if all(isinstance(inner, int | float | Decimal) for inner in value):
        # A float may have the shortest decimal of another member.
        return {"NS": [str(number) for number in {_decimal(inner) for inner in value}]}
    if all(isinstance(inner, str) for inner in value):
        return {"SS": list(value)}
    if all(isinstance(inner, bytes) for inner in value):
        return {"BS": list(value)}
    raise _no_type(value)


def _decimal(value: int | float | Decimal) -> Decimal:
    number = NUMBERS.create_decimal(Decimal(repr(value)) if isinstance(value, float) else value)
    if not number.is_finite():
        raise TypeError("infinity and NaN cannot be stored")
    return number


def _no_type(value: object) -> TypeError:
    return TypeError(f"{type(value).__name__} has no type in DynamoDB")


def from_wire(image: Mapping[str, Any]) -> Item:
    """A row or stream image in DynamoDB's JSON as plain values. Numbers become Decimal."""
    return {name: _plain(value) for name, value in image.items()}


def _plain(tagged: Mapping[str, Any]) -> Any:
    """The value of a type tag. Raises ValueError for a value without one."""
    if not isinstance(tagged, Mapping) or len(tagged) != 1:
        raise ValueError(f"{tagged!r} is not a value with its type")
    ((tag, value),) = tagged.items()
    match tag:
        case "S" | "BOOL":
            return value
        case "N":
            return _number(value)
        case "NULL":
            return None
        case "M":
            return {name: _plain(inner) for name, inner in value.items()}
        case "L":
            return [_plain(inner) for inner in value]
        case "B":
            return _bytes(value)
        case "SS" | "NS" | "BS":
            return {_plain({tag[0]: inner}) for inner in value}
        case _:
            raise ValueError(f"{tag!r} is not a type of DynamoDB")


def _number(text: str) -> Decimal:
    """A number of any length. An endpoint may write 9.9E+125 in full."""
    try:
        return Decimal(text)
    except (ArithmeticError, TypeError):
        raise ValueError(f"{text!r} is not a number") from None


def _bytes(value: bytes | str) -> bytes:
    """A binary value. boto3 returns bytes, and the table client and the records of a Lambda event have Base64."""
    return b64decode(value) if isinstance(value, str) else bytes(value)

"""Converts values of producers to DynamoDB's JSON without any loss. A value without an exact form is a problem."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow

TYPE_CHECKING = False  # the module typing is slow to import
if TYPE_CHECKING:
    from typing import Any

_NUMBERS = Context(Emin=-128, Emax=126, prec=38, traps=[Clamped, Overflow, Inexact, Rounded, Underflow])
_DEEPEST = 31  # DynamoDB allows 32 levels, and the map of the fields is one of them


class Unstorable(ValueError):
    """A value that DynamoDB cannot store. The text is a predicate."""


def shown(value: object) -> str:
    """A value as a message shows it, cut to a short text. A very long number has no text in Python."""
    try:
        text = repr(value)
    except ValueError:
        return f"a very long {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:80]}…"


def tagged(value: Any, path: str, problems: list[str], depth: int = 0) -> dict[str, Any]:
    """One value with its type tag. `path` is the place of the value, as the collected problems name it."""
    try:
        value = plain(value)
        if isinstance(value, Mapping):
            inner = ((name, f"{path}.{name}" if path else str(name)) for name in value)
            return {"M": {_name(name): tagged(value[name], place, problems, _below(depth)) for name, place in inner}}
        if isinstance(value, (list, tuple)):
            return {"L": [tagged(one, f"{path}[{at}]", problems, _below(depth)) for at, one in enumerate(value)]}
        return _tagged_set(value) if isinstance(value, (set, frozenset)) else _scalar(value)
    except Unstorable as error:
        problems.append(f"{path or 'the fields'}: {shown(value)} {error}")
        return {"NULL": True}


def plain(value: Any) -> Any:
    """A row of Spark, a named tuple, and a scalar or an array of numpy or pandas as values of Python."""
    for method in ("asDict", "_asdict"):
        if isinstance(value, tuple) and hasattr(value, method):
            return getattr(value, method)()
    if not hasattr(value, "dtype") or not hasattr(value, "item"):
        return value
    if getattr(value, "ndim", 0):
        return list(value)
    # The text of a float has the digits of its own precision: 0.1 and not 0.10000000149011612.
    return Decimal(str(value)) if value.dtype.kind == "f" else value.item()


def _below(depth: int) -> int:
    if depth >= _DEEPEST:
        raise Unstorable(f"is nested in more than {_DEEPEST} levels")
    return depth + 1


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise Unstorable(f"has the name {shown(name)}, and a name needs at least one character")
    return text_of(name)


def text_of(text: str) -> str:
    """The text itself. Raises Unstorable for half of a surrogate pair, which has no form in UTF-8."""
    try:
        return text.encode().decode()
    except UnicodeEncodeError:
        raise Unstorable("is not valid Unicode") from None


def _scalar(value: Any) -> dict[str, Any]:
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": text_of(value)}
    if isinstance(value, (int, float, Decimal)):
        return {"N": _number(value)}
    return {"B": bytes(value)} if isinstance(value, (bytes, bytearray)) else {"S": time_text(value)}


def _tagged_set(value: Any) -> dict[str, Any]:
    members = [_scalar(plain(one)) for one in value]
    tags = {tag for member in members for tag in member}
    if len(tags) != 1 or not tags <= {"S", "N", "B"}:
        raise Unstorable("is not a set of only texts, only numbers or only bytes, with at least one member")
    [tag] = tags
    # 0.1 and Decimal("0.1") are two members in Python and one number in DynamoDB.
    return {f"{tag}S": list({Decimal(one[tag]) if tag == "N" else one[tag]: one[tag] for one in members}.values())}


def _number(value: Any) -> str:
    exact = Decimal(float.__repr__(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite():
        raise Unstorable("is not a finite number")
    try:
        number = _NUMBERS.create_decimal(exact) if exact else Decimal()
    except ArithmeticError:
        raise Unstorable("has more than 38 digits, or is out of the range from 1E-130 to 9.9E+125") from None
    if number and not -130 <= number.adjusted() <= 125:
        raise Unstorable("is out of the range from 1E-130 to 9.9E+125")
    return str(number)


def time_text(value: Any, *, days: bool = True) -> str:
    """A time with a zone as RFC 3339 in UTC with microseconds, or a day if `days` allows it. Raises Unstorable."""
    import datetime

    if days and isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    if not isinstance(value, datetime.datetime):
        raise Unstorable(f"has the type {type(value).__name__}, which has no form in the row")
    if value != value or value.utcoffset() is None:  # NaT of pandas differs from itself
        raise Unstorable("is a time without a zone")
    try:
        utc = value.astimezone(datetime.timezone.utc)
    except OverflowError:
        raise Unstorable("is outside of the years 1 to 9999 in UTC") from None
    return f"{utc.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def content(value: Mapping[str, Any]) -> tuple[str, Any]:
    """A tagged value to compare: DynamoDB returns numbers in another notation and sets in another order."""
    [(tag, inner)] = value.items()
    if tag == "M":
        return tag, {name: content(one) for name, one in inner.items()}
    if tag == "L":
        return tag, [content(one) for one in inner]
    if tag in ("NS", "SS", "BS"):
        return tag, frozenset(content({tag[0]: one}) for one in inner)
    return tag, Decimal(inner) if tag == "N" else inner


def size(value: Mapping[str, Any]) -> int:
    """The bytes of a tagged value as DynamoDB counts them. Numbers are estimated from above."""
    [(tag, inner)] = value.items()
    if tag == "M":
        return 3 + sum(1 + len(name.encode()) + size(one) for name, one in inner.items())
    if tag in ("L", "NS", "SS", "BS"):
        return 3 + sum(1 + size(one if tag == "L" else {tag[0]: one}) for one in inner)
    return 1 if tag in ("NULL", "BOOL") else len(inner) if tag == "B" else len(inner.encode())

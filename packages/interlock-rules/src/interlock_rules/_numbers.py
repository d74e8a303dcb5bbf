"""Decides which sensor values are numbers, and computes with them exactly, floats by their printed decimals."""

import re
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from math import isfinite

_NUMERAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_LONGEST_NUMERAL = 100
# Digits on either side of the point: a numeral has at most a hundred digits and an exponent of at most 999.
_MOST_DIGITS = 1100
_BEYOND: int = 10**_MOST_DIGITS
_WIDE = Context(prec=2 * _MOST_DIGITS + 1, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


def to_number(value: object) -> int | float | Decimal | None:
    """The number of a sensor value: an int, float or Decimal, or a numeral as text ("1500", "-2.5", "1e3").

    None for any other value: booleans, NaN and infinities, text with spaces or separators, other types.
    """
    if isinstance(value, str):
        return _read_numeral(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, float):
        return value if isfinite(value) else None
    return None


def exact(number: int | float | Decimal) -> int | Decimal:
    """The number without binary rounding: 0.1 is a tenth. A float counts as the shortest decimal that prints it."""
    return Decimal(repr(number)) if isinstance(number, float) else number


def is_measurable(number: int | float | Decimal) -> bool:
    """Whether `difference` is exact for the number: true for floats, numerals and DynamoDB numbers, not for 1e5000."""
    value = exact(number)
    if isinstance(value, int):
        return -_BEYOND < value < _BEYOND
    digits_behind = len(value.as_tuple().digits) - 1 - value.adjusted()
    return value.is_zero() or (digits_behind <= _MOST_DIGITS and value.adjusted() < _MOST_DIGITS)


def difference(minuend: int | float | Decimal, subtrahend: int | float | Decimal) -> int | Decimal:
    """`minuend - subtrahend`, exact for measurable numbers and rounded for others."""
    left, right = exact(minuend), exact(subtrahend)
    if isinstance(left, int) and isinstance(right, int):
        return left - right
    return _WIDE.subtract(Decimal(left), Decimal(right))


def magnitude(number: int | Decimal) -> int | Decimal:
    """The number without its sign, exactly. `abs` would round a Decimal to the digits of the context."""
    return number.copy_abs() if isinstance(number, Decimal) else abs(number)


def plain(number: int | float | Decimal) -> int | float:
    """A measurable number for JSON: an int if it is whole or too large for a float, otherwise a float."""
    value = exact(number)
    if isinstance(value, int) or value == value.to_integral_value() or not isfinite(float(value)):
        return int(value)
    return float(value)


def _read_numeral(text: str) -> int | Decimal | None:
    if len(text) > _LONGEST_NUMERAL or not _NUMERAL.fullmatch(text):
        return None
    return int(text) if _WHOLE.fullmatch(text) else Decimal(text)

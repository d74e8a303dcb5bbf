"""Decides whether a sensor's number moved by more than the threshold since the last reading."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from ._numbers import difference, exact, is_measurable, magnitude, plain, to_number
from ._wording import quoted


class Drift(Struct, frozen=True):
    """A number of the field `field` that moved by more than `threshold`. `delta` is `current - previous`."""

    previous: int | float
    current: int | float
    delta: int | float
    threshold: int | float
    field: str


def drift(
    previous: Mapping[str, object],
    current: Mapping[str, object],
    field: str,
    threshold: int | float | Decimal,
) -> Drift | None:
    """The drift of a field between two readings, None when it moved by no more than `threshold`.

    Zero is a value: 5000 to 0 is a drift. None also when the field of either reading is missing, is not a number, or
    has more than 1,100 digits before or after the point.
    Raises ValueError for a threshold that is not a number, is below zero, or has as many digits.
    """
    limit = _measured(threshold)
    if limit is None or limit < 0:
        raise ValueError(f"a drift threshold is a number of at least 0, not {quoted(threshold)}")
    before, after = _measured(previous.get(field)), _measured(current.get(field))
    if before is None or after is None:
        return None
    delta = difference(after, before)
    if magnitude(delta) <= exact(limit):
        return None
    return Drift(plain(before), plain(after), plain(delta), plain(limit), field)


def _measured(value: object) -> int | float | Decimal | None:
    number = to_number(value)
    return number if number is not None and is_measurable(number) else None

"""The differences between two documents of JSON, by path."""

from collections.abc import Iterator
from typing import Any

from msgspec import UNSET, Struct


class Difference(Struct, frozen=True):
    """A value that differs. path: such as `sla.deadline`. before, after: UNSET where the value is absent."""

    path: str
    before: Any
    after: Any


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """Each value that differs, in the order of its path in `after`, then the removed ones.

    Lists are compared place by place. true differs from 1.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name in (*after, *(name for name in before if name not in after)):
            inner = f"{path}.{name}" if path else str(name)
            yield from differences(before.get(name, UNSET), after.get(name, UNSET), inner)
    elif isinstance(before, list) and isinstance(after, list):
        for place in range(max(len(before), len(after))):
            left, right = (one[place] if place < len(one) else UNSET for one in (before, after))
            yield from differences(left, right, f"{path}[{place}]")
    elif type(before) is not type(after) or before != after:
        yield Difference(path, before, after)

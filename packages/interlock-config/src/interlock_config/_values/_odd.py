"""Plain values that no config may have: too deep nesting, and numbers that other readers change."""

from math import isfinite
from typing import Any

from interlock_config._problems import Path

DEPTH_LIMIT = 32
"""Most levels of nested mappings and lists."""

_INTEGER_LIMIT = 2**63


def is_plain(value: Any) -> bool:
    """Whether no part of `value` needs a closer check: no null, no odd number, no deep nesting."""
    return plain_keys(value) is not None


def plain_keys(value: Any, may_be_empty: bool = True, depth: int = 0) -> int | None:
    """The count of mapping keys in a value if no part of it needs a closer check, else None.

    may_be_empty: false if empty texts, lists and mappings need a check, too, as they may count as left out.
    """
    if depth > DEPTH_LIMIT:
        return None
    if type(value) is dict:
        count, held = len(value), value.values()
    else:
        count, held = 0, value
    for inner in held:
        kind = type(inner)
        if kind is str:
            if inner or may_be_empty:
                continue
            return None
        if kind is bool or (kind is int and -_INTEGER_LIMIT <= inner < _INTEGER_LIMIT):
            continue
        inside = None
        if (kind is dict or kind is list) and (inner or may_be_empty):
            inside = plain_keys(inner, may_be_empty, depth + 1)
        elif kind is float and isfinite(inner):
            continue
        if inside is None:
            return None
        count += inside
    return count


def number_problem(value: Any) -> str | None:
    """The error of a number that cannot be kept: not finite, or an integer beyond 64 bits."""
    if type(value) is float and not isfinite(value):
        return "must be a finite number"
    if type(value) is int and not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
        return "is too large for a number; write it as text, in quotes"
    return None


def odd_numbers(value: Any, path: Path) -> list[tuple[Path, Any, str]]:
    """Every number inside `value` that cannot be kept, with its path and the error. `value` is not nested deeply."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in odd_numbers(inner, (*path, key))]
    if isinstance(value, list):
        return [found for place, inner in enumerate(value) for found in odd_numbers(inner, (*path, place))]
    problem = number_problem(value)
    return [] if problem is None else [(path, value, problem)]


def too_deep(value: Any) -> Path | None:
    """The first place that is nested deeper than DEPTH_LIMIT, None without such a place."""
    waiting: list[tuple[Path, Any]] = [((), value)]
    while waiting:
        path, outer = waiting.pop()
        inner = outer.items() if isinstance(outer, dict) else enumerate(outer)
        for key, held in inner:
            if isinstance(held, dict | list):
                if len(path) >= DEPTH_LIMIT:
                    return (*path, key)
                waiting.append(((*path, key), held))
    return None

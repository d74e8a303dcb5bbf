"""Which plain values no config may hold: nesting without end, and numbers that other readers change."""

from math import isfinite
from typing import Any

from interlock_config._problems import Path

DEPTH_LIMIT = 32
"""Mappings and lists inside each other, at most."""

_INTEGER_LIMIT = 2**63


def is_plain(value: Any) -> bool:
    """Whether nothing in `value` needs a closer look: no null, no odd number, no deep nesting."""
    return plain_keys(value) is not None


def plain_keys(value: Any, may_be_empty: bool = True, depth: int = 0) -> int | None:
    """How many mapping keys a value holds when nothing in it needs a closer look, else None.

    may_be_empty: false when empty texts, lists and mappings need one too, as they may count as left out.
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
    """Why a number cannot be kept: not finite, or an integer beyond 64 bits."""
    if type(value) is float and not isfinite(value):
        return "must be a finite number"
    if type(value) is int and not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
        return "is too large for a number; write it as text, in quotes"
    return None


def odd_numbers(value: Any, path: Path) -> list[tuple[Path, Any, str]]:
    """Every number inside `value` that cannot be kept: where, which, why. `value` is not nested deeply."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in odd_numbers(inner, (*path, key))]
    if isinstance(value, list):
        return [found for place, inner in enumerate(value) for found in odd_numbers(inner, (*path, place))]
    problem = number_problem(value)
    return [] if problem is None else [(path, value, problem)]


def too_deep(value: Any) -> Path | None:
    """The first place nested deeper than DEPTH_LIMIT, None without one."""
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

"""Selects the stream records of a mapping by AWS's filter patterns, as far as stream mappings use them."""

from collections.abc import Mapping, Sequence
from typing import Any

from interlock_local import LocalStackError

_ABSENT = object()
_OPERATORS = frozenset({"prefix", "suffix", "exists", "anything-but"})


def wanted(record: Mapping[str, Any], patterns: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of the patterns matches the record. Without patterns every record matches."""
    return not patterns or any(_matches(record, pattern) for pattern in patterns)


def check_patterns(patterns: Sequence[Mapping[str, Any]]) -> None:
    """Reject a pattern that this module would not match like AWS.

    Raises:
        LocalStackError: a part of a pattern is not supported. The message names it.
    """
    for pattern in patterns:
        _check(pattern, "")


def _check(pattern: Mapping[str, Any], path: str) -> None:
    for key, branch in pattern.items():
        here = f"{path}.{key}".lstrip(".")
        if isinstance(branch, Mapping):
            _check(branch, here)
        elif isinstance(branch, list) and branch:
            for condition in branch:
                _check_condition(condition, here)
        else:
            raise LocalStackError(f"The filter pattern at {here} must be a non-empty list of conditions.")


def _check_condition(condition: object, path: str) -> None:
    if not isinstance(condition, Mapping):
        return
    if len(condition) != 1 or not condition.keys() <= _OPERATORS:
        raise LocalStackError(f"The filter pattern at {path} uses {sorted(condition)}, which is not supported.")
    ((operator, operand),) = condition.items()
    if operator == "anything-but" and isinstance(operand, Mapping):
        # AWS documents values only. EventBridge's rules have more operators than Lambda's filters.
        raise LocalStackError(f"The filter pattern at {path} uses anything-but with {sorted(operand)}, not values.")


def _matches(value: object, pattern: Mapping[str, Any]) -> bool:
    for key, branch in pattern.items():
        child = value.get(key, _ABSENT) if isinstance(value, Mapping) else _ABSENT
        if isinstance(branch, Mapping):
            if not _matches(child, branch):
                return False
        elif not any(_holds(child, condition) for condition in branch):
            return False
    return True


def _holds(value: object, condition: object) -> bool:
    if not isinstance(condition, Mapping):
        return value is not _ABSENT and value == condition
    ((operator, operand),) = condition.items()
    if operator == "exists":
        return (value is not _ABSENT) is bool(operand)
    if value is _ABSENT:
        return False
    if operator == "anything-but":
        return value not in _listed(operand)
    return _begins_or_ends(value, operator, operand)


def _begins_or_ends(value: object, operator: str, affix: str) -> bool:
    if not isinstance(value, str):
        return False
    return value.startswith(affix) if operator == "prefix" else value.endswith(affix)


def _listed(operand: Any) -> list[Any]:
    return operand if isinstance(operand, list) else [operand]

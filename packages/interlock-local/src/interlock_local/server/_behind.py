"""Checks that the functions of the server behind, which this package replaces, are those of the pinned version."""

import inspect
from collections.abc import Mapping
from types import ModuleType

from interlock_local import LocalStackError


def check_functions(service: ModuleType, expected: Mapping[str, tuple[str, ...]]) -> None:
    """Raise LocalStackError unless the service has each function with exactly these parameters."""
    for name, parameters in expected.items():
        found = getattr(service, name, None)
        if found is None or tuple(inspect.signature(found).parameters) != parameters:
            raise LocalStackError(f"This version of ministack has another {name}: install interlock-local again.")

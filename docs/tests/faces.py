"""The names of modules, also of adapters whose tool is not installed here."""

import ast
import importlib
import importlib.util
from pathlib import Path
from types import ModuleType


def imported(module: str) -> ModuleType | None:
    """A module, or None for an adapter that needs a tool. Raises ModuleNotFoundError for an unknown module."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("interlock_") or not module.startswith("interlock_"):
            raise
        # This raises the error of a parent that needs a tool: such a module does not exist by itself.
        if importlib.util.find_spec(module) is None:
            raise
        return None


def names_of(module: str) -> set[str]:
    """The names of a module. An adapter is read, and not imported."""
    found = imported(module)
    if found is not None:
        return set(dir(found))
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    kinds = (ast.ClassDef, ast.FunctionDef)
    return {node.name for node in ast.parse(Path(spec.origin).read_text()).body if isinstance(node, kinds)}

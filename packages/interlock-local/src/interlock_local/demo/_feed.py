"""Finds the flights example in the checkout and loads its feed, which plays the external systems."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from interlock_local import find_checkout


def flights_folder() -> Path:
    """The example's folder. Raises LocalStackError outside a checkout."""
    return find_checkout() / "examples" / "flights"


def load_feed() -> ModuleType:
    """The example's feed module."""
    path = flights_folder() / "feed.py"
    spec = importlib.util.spec_from_file_location("interlock_flights_feed", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look up their module by name while it is loaded.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module

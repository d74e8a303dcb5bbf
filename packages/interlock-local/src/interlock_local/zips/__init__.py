"""The Lambda zips: each with the closure of its service only, reproducible, and cached by content."""

from interlock_local._services import SERVICES
from interlock_local.zips._builder import build_zips
from interlock_local.zips._target import Target, find_interpreter

__all__ = ["SERVICES", "Target", "build_zips", "find_interpreter"]

"""The Lambda zips: each with the closure of its service only, reproducible, and cached by content."""

from interlock_local.zips._builder import SERVICES, Target, build_zips

__all__ = ["SERVICES", "Target", "build_zips"]

"""The Lambda zips: per service only its closure, the same bytes for the same sources, cached by content."""

from interlock_local.zips._builder import SERVICES, Target, build_zips

__all__ = ["SERVICES", "Target", "build_zips"]

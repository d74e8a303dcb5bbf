"""The demo: two days of real departures through three pipelines on the local stack, and a check of the results."""

from interlock_local.demo._play import DemoFailed, play

__all__ = ["DemoFailed", "play"]

"""The interlock command: pipelines, sensors, status, events and reruns."""

from interlock_cli._main import main

__all__ = ["main"]

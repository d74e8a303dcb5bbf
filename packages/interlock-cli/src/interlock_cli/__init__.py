"""The interlock command: pipelines, sensors, status, events, and a local stack."""

from interlock_cli._main import main

__all__ = ["main"]

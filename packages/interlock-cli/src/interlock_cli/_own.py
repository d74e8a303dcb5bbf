"""Loads an own command of `interlock` when it is used.

A command is the object of its name in the module `_<name>` of its room. The object of a name that is a keyword of
Python, such as `import`, has a `_` at its end.
"""

import os
from importlib import import_module
from keyword import iskeyword

import click

ROOMS = {
    "_completion": ("completion",),
    "_imports": ("import",),
    "_pipelines": ("cron", "init", "pause", "push", "remove", "resume", "schema", "validate"),
    "_rows": ("migrate", "sensor"),
    "_runs": ("logs", "rerun", "status", "why"),
    "_signals": ("alerts", "dlq", "events", "history", "silence"),
    "_trials": ("onboard", "try"),
}
"""The commands of each room."""

_ROOM_OF = {name: room for room, names in ROOMS.items() for name in names}


def own_command(name: str) -> click.Command | None:
    """The command. None for an unknown name."""
    if name not in _ROOM_OF:
        return None
    module = import_module(f"interlock_cli.{_ROOM_OF[name]}._{name}")
    found = getattr(module, f"{name}_" if iskeyword(name) else name)
    assert isinstance(found, click.Command)
    if "_INTERLOCK_COMPLETE" in os.environ and name != "init":
        from interlock_cli._completion._pipeline_names import offer_pipelines

        offer_pipelines(found)
    return found

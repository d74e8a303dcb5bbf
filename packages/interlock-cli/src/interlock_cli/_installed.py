"""Finds the commands that other packages add to `interlock`, and names the extra of each missing command."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from interlock_cli._output._errors import CliError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "interlock.commands"
"""Each entry point of this group is a click command. Its name is the command's name. It is loaded when it is used."""

EXTRAS = {**dict.fromkeys(("build", "demo", "deploy", "env", "teardown", "up"), "local"), "web": "web"}
"""The commands of Interlock's own packages, and the extra of interlock-cli that installs each."""

_SUMMARIES = {
    "interlock_local.commands:build": "Build the Lambda zips of these services, by default all six.",
    "interlock_local.commands:demo": "Replay two days of real departures and check each outcome.",
    "interlock_local.commands:deploy": "Deploy to an AWS-compatible endpoint.",
    "interlock_local.commands:env": "Print the address and the key of a running local stack as shell variables.",
    "interlock_local.commands:teardown": "Remove a deployment of `interlock deploy`, with all rows of its tables.",
    "interlock_local.commands:up": "Run Interlock on this machine until Ctrl-C or SIGTERM.",
    "interlock_web.commands:web": "Show pipelines and dates on a page, until Ctrl-C or SIGTERM.",
}
"""The first sentence of the help of these commands, for a list that does not load them."""

Source = Callable[[], Iterable["EntryPoint"]]


def of_environment() -> Iterable["EntryPoint"]:
    """The entry points of the packages that are installed next to this one."""
    # An own command does not need this import, which takes a third of its start.
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)


class InstalledCommands:
    """The commands of other packages, by name."""

    def __init__(self, source: Source = of_environment) -> None:
        self._source = source

    @cached_property
    def _found(self) -> "tuple[EntryPoint, ...]":
        return tuple(self._source())

    def names(self) -> set[str]:
        """The installed commands, and the commands that an extra would install."""
        return {found.name for found in self._found} | EXTRAS.keys()

    def summary(self, name: str) -> str | None:
        """The first sentence of the command's help, if it is known without a load of the command."""
        values = {entry.value for entry in self._found if entry.name == name}
        return _SUMMARIES.get(values.pop()) if len(values) == 1 else None

    def command(self, name: str) -> click.Command | None:
        """The command, or None if the name is unknown. A command that cannot be used ends each call with the reason."""
        found = [entry for entry in self._found if entry.name == name]
        if not found:
            return _missing(name, EXTRAS[name]) if name in EXTRAS else None
        if len({entry.value for entry in found}) > 1:
            return _Unusable(name, f"several packages provide it: {', '.join(entry.value for entry in found)}")
        return _load(found[0])


def _load(entry: "EntryPoint") -> click.Command:
    try:
        loaded = entry.load()
    except (ImportError, AttributeError) as error:
        return _Unusable(entry.name, f"cannot be loaded from {entry.value}: {error}")
    if not isinstance(loaded, click.Command):
        return _Unusable(entry.name, f"{entry.value} is not a click command")
    return loaded


def _missing(name: str, extra: str) -> click.Command:
    return _Unusable(name, f'not installed: pip install "interlock-cli[{extra}]"')


class _Unusable(click.Command):
    """A command that is listed and cannot run. Any call, also with --help, ends with the reason."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, help=f"({reason})", short_help=f"({reason})")
        self._reason = reason

    def make_context(self, *_: Any, **__: Any) -> click.Context:
        """Raise CliError with the reason, whatever the arguments are."""
        raise CliError(f"interlock {self.name}: {self._reason}")

"""Writes commands for people as they called `interlock`, so that they can be pasted into the same shell."""

import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import click
from click.core import ParameterSource

from interlock_cli._names import OWN

_GROUPS = ("alerts", "dlq", "import", "sensor", "silence")
_WITHOUT_DEPLOYMENT = frozenset({"build", "completion", "cron", "demo", "env", "import", "init", "schema", "up"})
_OF_OTHERS = frozenset({"build", "demo", "deploy", "env", "teardown", "up", "web"})
"""The commands of other packages."""


_COMMAND = re.compile(
    rf"(?<![\w./-])interlock (?P<name>(?:{'|'.join(_GROUPS)}) [a-z]+|{'|'.join(sorted({*OWN, *_OF_OTHERS}))})(?![\w-])"
)
_OPTIONS = {"environment": "-e", "endpoint_url": "--endpoint-url", "profile": "--profile", "region": "--region"}
_UV = ("uv", "uvx")


def as_called(text: str) -> str:
    """The text, with each `interlock COMMAND` in it as this process was called.

    A command of a deployment gets the options that name the deployment on this command line. Settings of the shell
    and of interlock.toml apply again without options.
    """
    options = _deployment_options()

    def written(found: re.Match[str]) -> str:
        name = found["name"]
        has_deployment = name.partition(" ")[0] not in _WITHOUT_DEPLOYMENT
        return " ".join([program(), name, *([shlex.join(options)] if has_deployment and options else [])])

    return _COMMAND.sub(written, text)


@cache
def program() -> str:
    """The words before a command, such as `uv run interlock`."""
    if Path(sys.argv[0]).stem != "interlock" or "UV" not in os.environ:
        return "interlock"
    words = _words_of_parent()
    if not words or Path(words[0]).stem not in _UV:
        return "interlock"
    own = next((place for place, word in enumerate(words) if place and Path(word).stem == "interlock"), None)
    return "interlock" if own is None else shlex.join([Path(words[0]).stem, *words[1:own], "interlock"])


def _words_of_parent() -> list[str]:
    """The command line of the parent process. Empty if the system does not show it."""
    parent = os.getppid()
    try:
        content = Path(f"/proc/{parent}/cmdline").read_bytes()
        return [os.fsdecode(word) for word in content.rstrip(b"\0").split(b"\0")]
    except OSError:
        pass
    try:
        # Without /proc, as on macOS. A word with a blank is read as two words.
        asked = ["/bin/ps", "-o", "args=", "-p", str(parent)]
        shown = subprocess.run(asked, capture_output=True, text=True, timeout=2, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return []
    return shown.stdout.split()


def _deployment_options() -> list[str]:
    """The options of this command line that name the deployment."""
    context = click.get_current_context(silent=True)
    if context is None:
        return []
    found: list[str] = []
    for name, option in _OPTIONS.items():
        value = context.params.get(name) or context.meta.get(f"interlock.{name}")
        if value and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            found += [option, str(value)]
    return found

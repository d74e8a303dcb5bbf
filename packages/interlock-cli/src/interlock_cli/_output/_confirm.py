"""Asks a person before a change that takes something away."""

import sys

import click

from interlock_cli._output._errors import CliError


def confirm(question: str, *, yes: bool) -> None:
    """Return if the change may be made. Raises CliError without a terminal to ask at, and click.Abort for a no."""
    if yes:
        return
    if not _is_terminal():
        raise CliError(f"{question} Confirm it with --yes")
    click.confirm(question, abort=True, err=True)


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()

"""Asks a person before a change that takes something away."""

import sys

import click

from interlock_cli._output._errors import CliError


def confirm(question: str, *, yes: bool) -> None:
    """Return if the change may be made. Raises CliError without a terminal to ask at, and click.Abort for a no.

    question: begins with a verb, such as `Remove it?`.
    """
    if yes:
        return
    if not _is_terminal():
        action = question[0].lower() + question[1:].removesuffix("?")
        raise CliError(f"nothing was changed, since there is no terminal to ask at; use --yes to {action}")
    click.confirm(question, abort=True, err=True)


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()

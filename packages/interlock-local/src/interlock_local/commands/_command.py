"""Passes the terminal to a command, and reports a LocalStackError as the terminal's error."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

import click

from interlock_local import LocalStackError
from interlock_local._terminal import Terminal

P = ParamSpec("P")


def with_terminal(command: Callable[Concatenate[Terminal, P], None]) -> Callable[P, None]:
    """Call the command with the context's terminal. LocalStackError becomes the terminal's error."""

    @wraps(command)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        terminal: Terminal = click.get_current_context().obj
        try:
            command(terminal, *arguments, **options)
        except LocalStackError as error:
            raise terminal.error(str(error)) from None

    return run

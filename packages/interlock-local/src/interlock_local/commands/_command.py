"""What the commands have in common: the terminal, the form of a LocalStackError, and the form of the output."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

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


def with_output(command: Callable[..., None]) -> Callable[..., None]:
    """Add --output, and --json as its earlier spelling. The command gets the parameter `as_json`."""

    @wraps(command)
    def run(*arguments: Any, form: str | None, as_json: bool, **options: Any) -> None:
        if as_json and form == "table":
            raise click.UsageError("--output table and --json exclude each other: --json is --output json.")
        command(*arguments, as_json=as_json or form == "json", **options)

    run = click.option("--json", "as_json", is_flag=True, help="The same as --output json.")(run)
    return click.option(
        "--output",
        "-o",
        "form",
        type=click.Choice(["table", "json"]),
        help="Form of the output: table (text for people), json (one JSON document). Default: table.",
    )(run)

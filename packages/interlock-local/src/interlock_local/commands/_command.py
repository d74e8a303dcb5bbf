"""What the commands have in common: the terminal, the form of a LocalStackError, and the form of the output."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import click

from interlock_local import LocalStackError
from interlock_local._terminal import Terminal
from interlock_local.commands._defaults import LOCAL, PORT

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


def deployment_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add --environment, --endpoint-url, --profile and --region. `Terminal.deployment` reads the last two."""
    for option in (
        click.option(
            "--region",
            envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
            metavar="NAME",
            expose_value=False,
            callback=_keep,
            help="Region of the deployment.",
        ),
        click.option(
            "--profile", metavar="NAME", expose_value=False, callback=_keep, help="Profile of the AWS configuration."
        ),
        click.option(
            "--endpoint-url",
            envvar="AWS_ENDPOINT_URL",
            metavar="URL",
            help=f"Address of the AWS API. Default: http://127.0.0.1:{PORT} for the environment `{LOCAL}`.",
        ),
        click.option(
            "--environment",
            "-e",
            envvar="INTERLOCK_ENVIRONMENT",
            metavar="NAME",
            help="Name of the deployment, the first part of its tables' names. "
            f"Default: that of interlock.toml, else {LOCAL}.",
        ),
    ):
        command = option(command)
    return command


def _keep(context: click.Context, option: click.Parameter, value: str | None) -> None:
    context.meta[f"interlock.{option.name}"] = value


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

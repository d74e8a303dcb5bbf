"""The `interlock` command: its commands, and the form of every error.

Only a command that is used is imported. `interlock --version`, `--help` and the completion of a shell import none.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from click.shell_completion import CompletionItem

from interlock_cli._installed import InstalledCommands
from interlock_cli._names import FIRST_IS_PIPELINE, OWN
from interlock_cli._output._errors import CliError, Interrupted, OutputError
from interlock_cli._own import own_command
from interlock_cli._terminal import Terminal

_HELP: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""The help of a group that is called without a command. Older versions of click print it without an error."""

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EIO}


class _Interlock(click.Group):
    """Offers the own commands and those of other packages, and reports an expected error in one sentence."""

    installed = InstalledCommands()

    def list_commands(self, context: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted({*OWN, *super().list_commands(context), *self.installed.names()})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command. Another package cannot replace an own command."""
        return super().get_command(context, name) or own_command(name) or self.installed.command(name)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the arguments. A shell that asks for the first word after it gets one that loads nothing."""
        if context.resilient_parsing and len(args) == 1 and args[0] in FIRST_IS_PIPELINE:
            from interlock_cli._completion._pipeline_names import PipelineFirst

            return args[0], PipelineFirst(args[0], own_command), []
        try:
            return super().resolve_command(context, args)
        except click.UsageError as error:
            from interlock_cli._output._near import near_names

            close = near_names(str(args[0]), self.list_commands(context), 1)
            if not close or context.resilient_parsing:
                raise
            text = f"{error.message.removesuffix('.')}; did you mean {close[0]}?"
            raise click.UsageError(text, error.ctx) from None

    def _listed(self, context: click.Context, name: str) -> click.Command | None:
        """A command with its summary for a list, without its import if the summary is known."""
        known = OWN.get(name) or self.installed.summary(name)
        return self.get_command(context, name) if known is None else click.Command(name, help=known)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of the commands."""
        found = {name: command for name in self.list_commands(context) if (command := self._listed(context, name))}
        click.Group(self.name, commands=found).format_commands(context, formatter)

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands and options that a shell offers for the begin of a word."""
        names = (name for name in self.list_commands(context) if name.startswith(incomplete))
        found = ((name, self._listed(context, name)) for name in names)
        items = [CompletionItem(name, help=command.get_short_help_str()) for name, command in found if command]
        return [*items, *click.Command.shell_complete(self, context, incomplete)]

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Parse the arguments before the command's name."""
        with _usage_errors_in_one_line():
            return super().make_context(*arguments, **options)

    def invoke(self, context: click.Context) -> object:
        """Run the command."""
        try:
            with _usage_errors_in_one_line():
                result = super().invoke(context)
            sys.stdout.flush()
            return result
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            raise Interrupted("") from None
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _UNWRITABLE:
                sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (the rest cannot be written either)
                raise OutputError(f"the output cannot be written: {error.strerror}") from None
            # The errors of botocore about a connection are errors of the operating system too.
            from interlock_cli._expected import explain

            expected = explain(error, context)
            if expected is None:
                raise
            raise expected from None


@contextmanager
def _usage_errors_in_one_line() -> Iterator[None]:
    """Give the errors of click the form of all others: one line, with the command whose help has more."""
    try:
        yield
    except click.UsageError as error:
        if isinstance(error, _HELP):
            raise
        text = _in_words(error).removesuffix(".")
        # A name such as PIPELINE or --last keeps its letters.
        text = text[:1].lower() + text[1:] if text[1:2].islower() else text
        where = f" (see {_command_of(error.ctx)} --help)" if error.ctx is not None else ""
        raise CliError(f"{text}{where}") from None


def _command_of(context: click.Context) -> str:
    from interlock_cli._output._called import program

    return " ".join([program(), *context.command_path.split()[1:]])


def _in_words(error: click.UsageError) -> str:
    """The message of an error.

    click proposes far-fetched names. It names no range for text, and a formula for a number beyond the range.
    """
    # Older versions of click know no near commands.
    typed = getattr(error, "option_name", None) or getattr(error, "command_name", None)
    if typed is not None and hasattr(error, "possibilities"):
        from interlock_cli._output._near import near_names

        near = near_names(typed, error.possibilities or (), 1)
        return error.message.removesuffix(".") + (f"; did you mean {near[0]}?" if near else "")
    if isinstance(error, click.MissingParameter):
        # click lists the choices one per line.
        return " ".join(error.format_message().split())
    if not isinstance(error, click.BadParameter) or error.param is None:
        return error.format_message()
    kind = error.param.type
    if not isinstance(kind, click.IntRange):
        return error.format_message()
    value = error.message.partition(" is not ")[0]
    end = "on" if kind.max is None else f"to {kind.max}"
    text = f"{value} must be a whole number from {kind.min} {end}"
    return click.BadParameter(text, error.ctx, error.param, error.param_hint).format_message()


@click.group(cls=_Interlock, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="interlock-cli", prog_name="interlock")
@click.pass_context
def main(context: click.Context) -> None:
    """Interlock decides whether a data pipeline can run safely: is its data present, fresh and right?

    \b
    Try it:     interlock demo
    Stay local: interlock up, then in another terminal: interlock push pipelines/
    Look:       interlock status, interlock events --follow
    """
    context.obj = Terminal()

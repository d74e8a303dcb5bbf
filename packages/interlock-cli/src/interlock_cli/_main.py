"""The `interlock` command: its commands, and the form of every error."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from interlock_cli._alerts import alerts
from interlock_cli._deployment import deployment_of, explain_aws_error
from interlock_cli._dlq import dlq
from interlock_cli._events import events
from interlock_cli._foreign import shown
from interlock_cli._history import history
from interlock_cli._installed import InstalledCommands
from interlock_cli._migrate import migrate
from interlock_cli._output import CliError, OutputError
from interlock_cli._push import push
from interlock_cli._rerun import rerun
from interlock_cli._schema import schema
from interlock_cli._sensor import sensor
from interlock_cli._silence import silence
from interlock_cli._status import status
from interlock_cli._terminal import Terminal
from interlock_cli._validate import validate
from interlock_cli._why import why
from interlock_dlq import LedgerError, RedriveStopped
from interlock_store import StoreError

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EIO}


class _Interlock(click.Group):
    """Offers the own commands and those of other packages, and reports an expected error in one sentence."""

    installed = InstalledCommands()

    def list_commands(self, context: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted({*super().list_commands(context), *self.installed.names()})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command. Another package cannot replace an own command."""
        return super().get_command(context, name) or self.installed.command(name)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Parse the arguments before the command's name."""
        with _usage_errors_escaped():
            return super().make_context(*arguments, **options)

    def invoke(self, context: click.Context) -> object:
        """Run the command."""
        try:
            with _usage_errors_escaped():
                result = super().invoke(context)
            sys.stdout.flush()
            return result
        except OSError as error:
            if error.errno not in _UNWRITABLE:
                raise
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (the rest cannot be written either)
            raise OutputError(f"the output cannot be written: {error.strerror}") from None
        except (StoreError, LedgerError, RedriveStopped) as error:
            raise CliError(str(error)) from None
        except (ClientError, BotoCoreError) as error:
            raise explain_aws_error(error, deployment_of(context)) from None


@contextmanager
def _usage_errors_escaped() -> Iterator[None]:
    """Escape the texts of click's own errors, which contain arguments."""
    try:
        yield
    except click.UsageError as error:
        raise click.UsageError(shown(error.format_message()), error.ctx) from None


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


for _command in (alerts, dlq, events, history, migrate, push, rerun, schema, sensor, silence, status, validate, why):
    main.add_command(_command)

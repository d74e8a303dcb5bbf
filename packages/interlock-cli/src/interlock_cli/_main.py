"""The `interlock` command: its groups, and what every error looks like."""

import errno
import os
import sys

import click
from botocore.exceptions import BotoCoreError, ClientError

from interlock_cli._demo_command import demo
from interlock_cli._deployment import deployment_of, explain_aws_error
from interlock_cli._events import events
from interlock_cli._migrate import migrate
from interlock_cli._output import CliError, OutputError
from interlock_cli._push import push
from interlock_cli._rerun import rerun
from interlock_cli._schema import schema
from interlock_cli._sensor import sensor
from interlock_cli._stack_commands import build, deploy, up
from interlock_cli._status import status
from interlock_cli._validate import validate
from interlock_cli.local import LocalStackError
from interlock_store import StoreError

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EIO}


class _Interlock(click.Group):
    """Turns the expected errors of a command into one sentence and an exit code."""

    def invoke(self, context: click.Context) -> object:
        """Run the command."""
        try:
            result = super().invoke(context)
            sys.stdout.flush()
            return result
        except OSError as error:
            if error.errno not in _UNWRITABLE:
                raise
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (what is left cannot be written either)
            raise OutputError(f"the output cannot be written: {error.strerror}") from None
        except LocalStackError as error:
            raise CliError(str(error)) from None
        except StoreError as error:
            raise CliError(str(error)) from None
        except (ClientError, BotoCoreError) as error:
            raise explain_aws_error(error, deployment_of(context)) from None


@click.group(cls=_Interlock, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="interlock-cli", prog_name="interlock")
def main() -> None:
    """Interlock asks whether it is safe to run a data pipeline: is its data there, fresh and right?

    \b
    Try it:     interlock demo
    Stay local: interlock up, then in another terminal: interlock push pipelines/
    Look:       interlock status, interlock events --follow
    """


for _command in (build, demo, deploy, events, migrate, push, rerun, schema, sensor, status, up, validate):
    main.add_command(_command)

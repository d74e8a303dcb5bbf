"""The sentence for an error of the tables, of a ledger or of AWS. It is loaded only after such an error."""

import click
from botocore.exceptions import BotoCoreError, ClientError

from interlock_cli._deployment._aws import explain_aws_error
from interlock_cli._deployment._deployment import deployment_of
from interlock_cli._output._errors import CliError
from interlock_dlq import LedgerError, RedriveStopped
from interlock_store import StoreError


def explain(error: Exception, context: click.Context) -> CliError | None:
    """The error for the user. None for an error that is not expected, which keeps its traceback."""
    if isinstance(error, (StoreError, LedgerError, RedriveStopped)):
        return CliError(str(error))
    if isinstance(error, (ClientError, BotoCoreError)):
        return explain_aws_error(error, deployment_of(context))
    return None

"""Checks that the endpoint of a deployment is there, and that it is an AWS API. It loads boto3."""

import re
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 (the one of botocore)
from botocore.parsers import ResponseParserError

from interlock_cli._output._called import as_called
from interlock_cli._output._errors import Away, CliError

if TYPE_CHECKING:
    from interlock_cli._deployment._deployment import Deployment

_CONNECT_SECONDS, _ANSWER_SECONDS = 2, 5
_OWN_CODE = re.compile(r"[A-Za-z][A-Za-z0-9.:]*")
"""An error code of AWS. For the answer of another server, botocore puts the HTTP status in its place."""


def check_reachable(where: "Deployment", url: str) -> None:
    """Raise Away if no server answers at the endpoint, and CliError if the server has no API of AWS.

    A request of the command itself would be repeated for a minute. The answer of another server could be read as a
    table without rows.
    """
    _connect(where, url)
    client = where.patient_client("dynamodb", read_timeout=_ANSWER_SECONDS, max_retries=0)
    table = f"{where.environment}-interlock-control"
    try:
        found = client.describe_table(TableName=table)
    except ClientError as error:
        _check_error(error, url)
    except ResponseParserError:
        raise _foreign(url, "its answer cannot be read") from None
    except (ConnectionError, HTTPClientError) as error:
        raise Away(f"{url} gives no answer: {error}") from None
    except AttributeError:
        # botocore reads a JSON document of another form as an answer.
        raise _foreign(url, "its answer cannot be read") from None
    else:
        if not isinstance(found.get("Table"), dict) or found["Table"].get("TableName") != table:
            raise _foreign(url, "its answer describes no table")


def _check_error(error: ClientError, url: str) -> None:
    """Raise CliError unless the error is one of an AWS API. A missing table is reported by the command's request."""
    code = str(error.response["Error"].get("Code", ""))
    if not _OWN_CODE.fullmatch(code):
        raise _foreign(url, f"it answers with the status {code}") from None


def _foreign(url: str, reason: str) -> CliError:
    return CliError(f"the server at {url} has no API of AWS: {reason}. Check --endpoint-url or AWS_ENDPOINT_URL")


def _connect(where: "Deployment", url: str) -> None:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if not where.is_loopback and parts.scheme in getproxies() and not proxy_bypass(host):
        return
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        if where.is_loopback:
            raise Away(
                f"no server answers at {url}. Start the local stack with `{as_called('interlock up')}`, "
                "or name a deployment on AWS with --environment"
            ) from None
        raise Away(f"no server answers at {url}: {error.strerror or error}") from None

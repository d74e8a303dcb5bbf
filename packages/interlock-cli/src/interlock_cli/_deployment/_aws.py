"""The clients and tables of a deployment, and the sentence for a failed request. Only a request to AWS loads it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 (the one of botocore)
    HTTPClientError,
)

from interlock_cli._output._errors import Away, CliError
from interlock_store import DynamoTables, Overview, Store, TableNames

if TYPE_CHECKING:
    from interlock_cli._deployment._deployment import Deployment

# The codes of a server that did not sign the request's credentials, on AWS and on the local stack.
_FOREIGN = frozenset(
    {
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)


_SERVER_ERROR = 500


def make_client(
    service: str, endpoint_url: str | None, profile: str | None, key: Mapping[str, str], limits: Mapping[str, Any]
) -> Any:
    """A boto3 client.

    profile: of the AWS configuration, None for the choice of boto3. key: the region and the credentials, empty for
    those of the profile or of the environment. limits: for `Config`.
    """
    try:
        maker = boto3 if profile is None else boto3.Session(profile_name=profile)
        return maker.client(service, endpoint_url=endpoint_url, config=Config(connect_timeout=3, **limits), **key)  # type: ignore[call-overload]
    except BotoCoreError as error:
        raise CliError(f"cannot create a client for AWS: {error}") from None


def make_store(client: Any, environment: str) -> Store:
    """The tables of an environment."""
    return Store(DynamoTables(client), TableNames.of_environment(environment))


def make_overview(client: Any, environment: str) -> Overview:
    """The reader of the newest rows of an environment."""
    return Overview(DynamoTables(client), TableNames.of_environment(environment))


def explain_aws_error(error: ClientError | BotoCoreError, where: "Deployment | None") -> CliError:
    """One sentence for a failed request to AWS. The exit code is 1 if AWS is away, or cannot answer now."""
    found = error.response["Error"] if isinstance(error, ClientError) else {}
    code = found.get("Code", "")
    if code == "ResourceNotFoundException" and where is not None:
        return CliError(
            f"there is no deployment called {where.environment!r} at {where.endpoint_url or 'AWS'}: "
            f"its table {where.environment}-interlock-control does not exist"
        )
    if code in _FOREIGN and where is not None:
        return CliError(f"{where.endpoint_url or 'AWS'} does not accept the credentials: {found.get('Message', code)}")
    if isinstance(error, (ConnectionError, HTTPClientError)):
        return Away(f"{(where and where.endpoint_url) or 'AWS'} cannot be reached: {error}")
    facts = error.response.get("ResponseMetadata", {}) if isinstance(error, ClientError) else {}
    failed = Away if facts.get("HTTPStatusCode", 0) >= _SERVER_ERROR else CliError
    return failed(f"the request to AWS failed: {error}")

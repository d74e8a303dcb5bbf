"""The deployment that a command uses: its name, its endpoint and its tables. Only a client or a table loads boto3."""

import os
import socket
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from msgspec import Struct

from interlock_cli._errors import CliError

if TYPE_CHECKING:
    from interlock_store import Overview, Store

LOCAL = "local"
CREDENTIALS = "interlock.credentials"
"""Each entry point of this group is a function from an endpoint on this machine to the key of its server, or None."""

_NAMED = "interlock.deployment"
LOCAL_PORT = 4566
LOCAL_ENDPOINT = f"http://127.0.0.1:{LOCAL_PORT}"
_LOCAL_CREDENTIALS = {
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}


class Deployment(Struct, frozen=True):
    """A deployment with the name `environment`. It is on AWS, or at `endpoint_url`, which offers the same API."""

    environment: str
    endpoint_url: str | None

    def client(self, service: str) -> Any:
        """A boto3 client for one of the deployment's services."""
        return self.patient_client(service, read_timeout=60, max_retries=3)

    def patient_client(self, service: str, *, read_timeout: int, max_retries: int) -> Any:
        """A boto3 client with limits of its own. `read_timeout` is in seconds."""
        from interlock_cli._aws import make_client

        # A proxy is for hosts outside. A loopback address is not reached through a proxy.
        proxies: dict[str, str] | None = {} if self.is_loopback else None
        limits = {"read_timeout": read_timeout, "retries": {"mode": "standard", "max_attempts": max_retries}}
        return make_client(service, self.endpoint_url, self._credentials(), {**limits, "proxies": proxies})

    def store(self) -> "Store":
        """The deployment's tables."""
        from interlock_cli._aws import make_store

        self._check_reachable()
        return make_store(self.client("dynamodb"), self.environment)

    def overview(self) -> "Overview":
        """The reader of the deployment's newest rows."""
        from interlock_cli._aws import make_overview

        self._check_reachable()
        return make_overview(self.client("dynamodb"), self.environment)

    def _credentials(self) -> dict[str, str]:
        """The key of a local stack of this user, otherwise the credentials of the environment."""
        if not self.is_loopback:
            return {}
        assert self.endpoint_url is not None
        for entry in entry_points(group=CREDENTIALS):
            key = entry.load()(self.endpoint_url)
            if key is not None:
                return {
                    "region_name": key.region,
                    "aws_access_key_id": key.access_key,
                    "aws_secret_access_key": key.secret,
                }
        return {} if "AWS_ACCESS_KEY_ID" in os.environ else dict(_LOCAL_CREDENTIALS)

    @property
    def is_loopback(self) -> bool:
        """Whether the endpoint is on this machine."""
        return self.endpoint_url is not None and urlsplit(self.endpoint_url).hostname in {"127.0.0.1", "localhost"}

    def _check_reachable(self) -> None:
        """Raise CliError at once if no local stack runs, instead of after several attempts to connect."""
        if not self.is_loopback:
            return
        assert self.endpoint_url is not None
        parts = urlsplit(self.endpoint_url)
        try:
            socket.create_connection((parts.hostname or "", parts.port or 80), timeout=2).close()
        except OSError:
            raise CliError(
                f"no server answers at {self.endpoint_url}. Start the local stack with `interlock up`, "
                "or name a deployment on AWS with --environment"
            ) from None


def deployment_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --environment and --endpoint-url to a command."""
    command = click.option(
        "--endpoint-url",
        envvar="AWS_ENDPOINT_URL",
        metavar="URL",
        help=f"Address of the AWS API. Default: {LOCAL_ENDPOINT} for the environment `{LOCAL}`, else AWS.",
    )(command)
    return click.option(
        "--environment",
        "-e",
        envvar="INTERLOCK_ENVIRONMENT",
        default=LOCAL,
        show_default=True,
        metavar="NAME",
        help="Name of the deployment. It is the first part of its tables' names.",
    )(command)


def deployment(environment: str, endpoint_url: str | None) -> Deployment:
    """The deployment that the options of a command name. The context keeps it for the message of an AWS error."""
    named = Deployment(environment, endpoint_url or (LOCAL_ENDPOINT if environment == LOCAL else None))
    click.get_current_context().meta[_NAMED] = named
    return named


def deployment_of(context: click.Context) -> Deployment | None:
    """The deployment of the command. None if the command failed before it read its options."""
    found = context.meta.get(_NAMED)
    return found if isinstance(found, Deployment) else None

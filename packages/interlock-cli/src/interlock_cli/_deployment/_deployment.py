"""The deployment that a command uses: its name, its endpoint and its tables. Only a client or a table loads boto3."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from msgspec import Struct

from interlock_cli._deployment._settings import FILE, LOCAL, default_environment, settings

if TYPE_CHECKING:
    from interlock_store import Overview, Store

CREDENTIALS = "interlock.credentials"
"""Each entry point of this group is a function from an endpoint on this machine to the key of its server, or None."""

_NAMED, _REACHED = "interlock.deployment", "interlock.reached"
PROFILE, REGION = "interlock.profile", "interlock.region"
"""The keys of a context's `meta` under which commands keep the values of --profile and --region."""

_CREDENTIALS_OF_SHELL = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE")
"""Variables that choose credentials. With one of them, the profile of interlock.toml is not used."""

LOCAL_PORT = 4566
LOCAL_ENDPOINT = f"http://127.0.0.1:{LOCAL_PORT}"
_LOCAL_CREDENTIALS = {
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}


class Deployment(Struct, frozen=True):
    """A deployment with the name `environment`. It is on AWS, or at `endpoint_url`, which offers the same API.

    profile, region: those of its clients, None for those that boto3 finds. keys: credentials instead of the profile.
    """

    environment: str
    endpoint_url: str | None
    profile: str | None = None
    region: str | None = None
    keys: Mapping[str, str] = {}

    def client(self, service: str) -> Any:
        """A boto3 client for one of the deployment's services. The first one checks that the endpoint is there."""
        self._check_reachable()
        return self.patient_client(service, read_timeout=60, max_retries=3)

    def patient_client(self, service: str, *, read_timeout: int, max_retries: int) -> Any:
        """A boto3 client with limits of its own. `read_timeout` is in seconds."""
        from interlock_cli._deployment._aws import make_client

        # A proxy is for hosts outside. A loopback address is not reached through a proxy.
        proxies: dict[str, str] | None = {} if self.is_loopback else None
        limits = {"read_timeout": read_timeout, "retries": {"mode": "standard", "max_attempts": max_retries}}
        profile, key = self._credentials()
        return make_client(service, self.endpoint_url, profile, key, {**limits, "proxies": proxies})

    def store(self) -> "Store":
        """The deployment's tables."""
        from interlock_cli._deployment._aws import make_store

        return make_store(self.client("dynamodb"), self.environment)

    def overview(self) -> "Overview":
        """The reader of the deployment's newest rows."""
        from interlock_cli._deployment._aws import make_overview

        return make_overview(self.client("dynamodb"), self.environment)

    def _credentials(self) -> tuple[str | None, Mapping[str, str]]:
        """The profile, and the region and the key of clients. A local stack of this user has a key of its own."""
        region = {} if self.region is None else {"region_name": self.region}
        if self.keys or not self.is_loopback:
            return (None if self.keys else self.profile), {**region, **self.keys}
        assert self.endpoint_url is not None
        # Commands without an endpoint on this machine do not need this import, which takes a third of their start.
        from importlib.metadata import entry_points

        for entry in entry_points(group=CREDENTIALS):
            key = entry.load()(self.endpoint_url)
            if key is not None:
                return None, {
                    "region_name": key.region,
                    "aws_access_key_id": key.access_key,
                    "aws_secret_access_key": key.secret,
                }
        if self.profile is not None or any(name in os.environ for name in _CREDENTIALS_OF_SHELL):
            return self.profile, region
        return None, {**_LOCAL_CREDENTIALS, **region}

    @property
    def is_loopback(self) -> bool:
        """Whether the endpoint is on this machine."""
        return self.endpoint_url is not None and urlsplit(self.endpoint_url).hostname in {"127.0.0.1", "localhost"}

    def _check_reachable(self) -> None:
        """Raise CliError within seconds if no server answers at the endpoint, or a server without an API of AWS."""
        if self.endpoint_url is None:
            return
        context = click.get_current_context(silent=True)
        reached: set[str] = set() if context is None else context.meta.setdefault(_REACHED, set())
        if self.endpoint_url not in reached:
            from interlock_cli._deployment._reach import check_reachable

            check_reachable(self, self.endpoint_url)
            reached.add(self.endpoint_url)


def deployment_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --environment, --endpoint-url, --profile and --region to a command."""
    command = click.option(
        "--endpoint-url",
        envvar="AWS_ENDPOINT_URL",
        metavar="URL",
        help=f"Address of the AWS API. Default: {LOCAL_ENDPOINT} for the environment `{LOCAL}`, else AWS.",
    )(credentials_options(command))
    return click.option(
        "--environment",
        "-e",
        envvar="INTERLOCK_ENVIRONMENT",
        default=default_environment,
        metavar="NAME",
        help=f"Name of the deployment, the first part of its tables' names. Default: that of {FILE}, else {LOCAL}.",
    )(command)


def credentials_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --profile and --region to a command. Only `deployment` reads them, from the context."""
    command = click.option(
        "--region",
        envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
        metavar="NAME",
        expose_value=False,
        callback=_keep(REGION),
        help="Region of the deployment.",
    )(command)
    return click.option(
        "--profile",
        metavar="NAME",
        expose_value=False,
        callback=_keep(PROFILE),
        help="Profile of the AWS configuration.",
    )(command)


def _keep(key: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def keep(context: click.Context, _: click.Parameter, value: str | None) -> None:
        context.meta[key] = value

    return keep


def deployment(environment: str | None, endpoint_url: str | None) -> Deployment:
    """The deployment that the options of a command name, with the settings of interlock.toml.

    An option wins over a variable of the shell, which wins over the file. The context keeps the deployment for the
    message of an AWS error. Raises CliError with all problems of the options, or of the file.
    """
    from interlock_cli._deployment._target import aim

    context = click.get_current_context()
    name = default_environment() if environment is None else environment
    mine = settings().of(name)
    is_chosen = any(os.environ.get(variable) for variable in _CREDENTIALS_OF_SHELL)
    named = Deployment(
        name,
        endpoint_url or mine.endpoint or (LOCAL_ENDPOINT if name == LOCAL else None),
        context.meta.get(PROFILE) or (None if is_chosen else mine.profile),
        context.meta.get(REGION) or mine.region,
    )
    context.meta[_NAMED] = named = aim(named, context)
    return named


def deployment_of(context: click.Context) -> Deployment | None:
    """The deployment of the command. None if the command failed before it read its options."""
    found = context.meta.get(_NAMED)
    return found if isinstance(found, Deployment) else None

"""The options that name account and role of a command, and the check of its target."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from interlock_cli._deployment._settings import NAME, NAME_ALLOWED, REGION, REGION_ALLOWED, read_endpoint
from interlock_cli._output._errors import CliError

if TYPE_CHECKING:
    from interlock_cli._deployment._deployment import Deployment

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+")
_ACCOUNT = re.compile(r"[0-9]{12}")
_KEPT = "interlock.target"


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --account and --role-arn. All clients of the command use them."""

    def keep(context: click.Context, option: click.Parameter, value: str | None) -> None:
        context.meta.setdefault(_KEPT, {})[option.name] = value

    command = click.option(
        "--role-arn",
        metavar="ARN",
        expose_value=False,
        callback=keep,
        help="Role to assume with the credentials of the environment.",
    )(command)
    return click.option(
        "--account",
        metavar="ID",
        expose_value=False,
        callback=keep,
        help="Account of the deployment. Other credentials are rejected.",
    )(command)


def aim(named: "Deployment", context: click.Context) -> "Deployment":
    """The deployment with the role and in the account of the options. Raises CliError with all problems."""
    kept = context.meta.get(_KEPT, {})
    account, role = kept.get("account"), kept.get("role_arn")
    wrong = [
        f"--{name} is {value!r}, {allowed}"
        for name, value, pattern, allowed in (
            ("environment", named.environment, NAME, NAME_ALLOWED),
            ("region", named.region, REGION, REGION_ALLOWED),
            ("account", account, _ACCOUNT, "must be 12 digits"),
            ("role-arn", role, _ROLE, "must be the ARN of a role such as arn:aws:iam::123456789012:role/deploy"),
        )
        if value is not None and not pattern.fullmatch(value)
    ]
    if named.endpoint_url is not None:
        try:
            read_endpoint(named.endpoint_url)
        except ValueError as error:
            wrong.append(f"--endpoint-url is {named.endpoint_url!r}, {error}")
    if wrong:
        raise CliError(*wrong)
    if account is role is None:
        return named
    # The import of boto3 takes most of a short command.
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return _aimed(named, account, role)
    except (BotoCoreError, ClientError) as error:
        raise CliError(f"the target cannot be used: {error}") from None


def _aimed(named: "Deployment", account: str | None, role: str | None) -> "Deployment":
    # The endpoint of the deployment may be a local one, and roles belong to AWS.
    signer = replace(named, endpoint_url=None)
    if role is not None:
        keys = signer.client("sts").assume_role(RoleArn=role, RoleSessionName="interlock")["Credentials"]
        assumed = {
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"],
        }
        named, signer = replace(named, keys=assumed), replace(signer, keys=assumed)
    if account is not None:
        found = signer.client("sts").get_caller_identity()["Account"]
        if found != account:
            raise CliError(f"the credentials are of account {found}, and --account is {account}: nothing was done")
    return named

"""The options that name region, account and role of a command, instead of the settings of the shell."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from interlock_cli._output import CliError

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+")
_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --region, --account and --role-arn. All clients of the command use them."""

    @click.option("--region", metavar="NAME", help="Region of the deployment. Default: that of the environment.")
    @click.option("--account", metavar="ID", help="Account of the deployment. Other credentials are rejected.")
    @click.option("--role-arn", metavar="ARN", help="Role to assume with the credentials of the environment.")
    @wraps(command)
    def targeted(*args: Any, region: str | None, account: str | None, role_arn: str | None, **given: Any) -> Any:
        use_target(region, account, role_arn)
        return command(*args, **given)

    return targeted


def use_target(region: str | None, account: str | None, role_arn: str | None) -> None:
    """Let boto3's default session use the region and the role, and check the account. Raises CliError."""
    wrong = [
        f"--{name} is {value!r}, must be {allowed}"
        for name, value, pattern, allowed in (
            ("region", region, _REGION, "a region such as eu-west-1"),
            ("account", account, _ACCOUNT, "12 digits"),
            ("role-arn", role_arn, _ROLE, "the ARN of a role such as arn:aws:iam::123456789012:role/deploy"),
        )
        if value is not None and not pattern.fullmatch(value)
    ]
    if wrong:
        raise CliError(*wrong)
    if region is account is role_arn is None:
        return
    # The import of boto3 takes most of a short command.
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        _use(region, account, role_arn)
    except (BotoCoreError, ClientError) as error:
        raise CliError(f"the target cannot be used: {error}") from None


def _use(region: str | None, account: str | None, role_arn: str | None) -> None:
    import boto3

    if region is not None:
        boto3.setup_default_session(region_name=region)
    if role_arn is not None:
        answer = boto3.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="interlock")
        keys = answer["Credentials"]
        boto3.setup_default_session(
            region_name=region,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
    if account is not None:
        found = boto3.client("sts").get_caller_identity()["Account"]
        if found != account:
            raise CliError(f"the credentials are of account {found}, and --account is {account}: nothing was done")

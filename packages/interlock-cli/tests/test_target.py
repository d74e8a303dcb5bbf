"""The options of `interlock push` that name region, account and role instead of the settings of the shell."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from interlock_cli import main
from interlock_store import DynamoTables, Store, TableNames

PIPELINE = """
pipeline: {id: daily}
schedule: {cron: "0 6 * * *"}
validation: {rules: [{key: orders, check: exists}]}
job: {type: glue, config: {jobName: load}}
"""
ACCOUNT = "123456789012"
"""The account of moto's credentials."""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A pipeline file, and the deployment `prod` in eu-west-3. The shell names another region."""
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    for name, value in {**keys, "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        boto3.client("dynamodb", region_name="eu-west-3").create_table(
            TableName="prod-interlock-control",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK")],
        )
        path = tmp_path / "daily.yaml"
        path.write_text(PIPELINE, encoding="utf-8")
        yield path
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def push(file: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["push", str(file), "--environment", "prod", *options])


def pushed() -> bool:
    # The default session may have the keys of the assumed role.
    session = boto3.Session(aws_access_key_id="k", aws_secret_access_key="s", region_name="eu-west-3")
    tables = DynamoTables(session.client("dynamodb"))
    return Store(tables, TableNames.of_environment("prod")).config("daily").exists


def test_push_goes_to_the_named_region_and_account(file: Path) -> None:
    done = push(file, "--region", "eu-west-3", "--account", ACCOUNT)
    assert done.exit_code == 0, done.output
    assert pushed()


def test_push_assumes_the_named_role(file: Path) -> None:
    other = "arn:aws:iam::210987654321:role/deploy"
    done = push(file, "--region", "eu-west-3", "--role-arn", other, "--account", ACCOUNT)
    assert done.exit_code == 2
    assert "the credentials are of account 210987654321, and --account is 123456789012" in done.output
    assert not pushed()


def test_push_with_credentials_of_another_account_writes_nothing(file: Path) -> None:
    done = push(file, "--region", "eu-west-3", "--account", "111111111111")
    assert done.exit_code == 2
    assert "the credentials are of account 123456789012, and --account is 111111111111: nothing was done" in done.output
    assert not pushed()


@pytest.mark.parametrize("name", ["a b", "", "-a", "a/b", "a" * 65])
@pytest.mark.parametrize("words", [("status",), ("remove", "p", "--yes"), ("sensor", "get", "p", "k")])
def test_name_that_no_environment_can_have_is_an_error(name: str, words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, [*words, "--environment", name])
    assert done.exit_code == 2
    assert f"--environment is {name!r}, must be 1 to 64 letters, digits, -, _ and ., and begin" in done.output


def test_wrong_targets_are_reported_together(file: Path) -> None:
    done = push(file, "--region", "Paris", "--account", "12", "--role-arn", "deploy")
    assert done.exit_code == 2
    for sentence in (
        "--region is 'Paris', must be a region such as eu-west-1",
        "--account is '12', must be 12 digits",
        "--role-arn is 'deploy', must be the ARN of a role",
    ):
        assert sentence in done.output
    assert not pushed()

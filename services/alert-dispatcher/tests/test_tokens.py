"""The token comes from the environment or a secret, and no error shows it."""

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from interlock_alert_dispatcher.tokens import FixedToken, SecretToken, TokenUnreadable
from interlock_dlq import Permanence, classify

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SECRET = "xoxb-very-secret"


class CountingSecrets:
    """Counts reads of the real client."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.reads = 0

    def get_secret_value(self, **request: Any) -> Any:
        self.reads += 1
        return self._client.get_secret_value(**request)


@pytest.fixture
def secrets(dynamodb: "DynamoDBClient") -> CountingSecrets:
    return CountingSecrets(boto3.client("secretsmanager"))


def stored(secret: str) -> str:
    return boto3.client("secretsmanager").create_secret(Name="slack", SecretString=secret)["ARN"]


@pytest.mark.parametrize(
    "secret",
    [
        SECRET,
        f"  {SECRET}\n",
        f'{{"SLACK_BOT_TOKEN": "{SECRET}"}}',
        f'{{"bot_token": "{SECRET}", "other": 1}}',
        f'{{"slack_bot_token": "", "token": "{SECRET}"}}',
    ],
)
def test_a_secret_is_the_token_or_an_object_with_it(secrets: CountingSecrets, secret: str) -> None:
    assert SecretToken(secrets, stored(secret)).token() == SECRET  # type: ignore[arg-type]


def test_the_secret_is_read_once(secrets: CountingSecrets) -> None:
    tokens = SecretToken(secrets, stored(SECRET))  # type: ignore[arg-type]
    assert [tokens.token(), tokens.token()] == [SECRET, SECRET]
    assert secrets.reads == 1


def test_a_rejected_token_is_read_again(secrets: CountingSecrets) -> None:
    arn = stored(SECRET)
    tokens = SecretToken(secrets, arn)  # type: ignore[arg-type]
    assert tokens.token() == SECRET
    assert tokens.refused(SECRET) is False
    boto3.client("secretsmanager").put_secret_value(SecretId=arn, SecretString="xoxb-rotated")
    assert tokens.refused(SECRET) is True
    assert tokens.token() == "xoxb-rotated"


@pytest.mark.parametrize("secret", [" ", "{}", '{"password": "xoxb-very-secret"}', '{"token": 7}', "{xoxb-very-secret"])
def test_an_error_about_a_secret_does_not_show_it(secrets: CountingSecrets, secret: str) -> None:
    with pytest.raises(TokenUnreadable) as caught:
        SecretToken(secrets, stored(secret)).token()  # type: ignore[arg-type]
    assert "xoxb" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_secret_is_unreadable(secrets: CountingSecrets) -> None:
    with pytest.raises(TokenUnreadable, match="ResourceNotFoundException"):
        SecretToken(secrets, "arn:aws:secretsmanager:eu-central-1:123456789012:secret:none").token()  # type: ignore[arg-type]


class WrongArn:
    """Answers like Secrets Manager to an invalid ARN: with an error about the request."""

    def get_secret_value(self, **request: Any) -> Any:
        raise ClientError({"Error": {"Code": "ValidationException", "Message": "Invalid name"}}, "GetSecretValue")


def test_an_unreadable_secret_is_not_an_error_of_the_alert() -> None:
    with pytest.raises(TokenUnreadable, match="Invalid name") as caught:
        SecretToken(WrongArn(), "not an ARN").token()  # type: ignore[arg-type]
    assert classify(caught.value) is Permanence.TRANSIENT


def test_a_token_from_the_environment_has_no_other() -> None:
    assert FixedToken(SECRET).token() == SECRET
    assert FixedToken(SECRET).refused(SECRET) is False

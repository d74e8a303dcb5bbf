"""Reads the Slack token from the environment or from Secrets Manager, and keeps it out of logs and errors."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_FIELDS = ("SLACK_BOT_TOKEN", "slack_bot_token", "bot_token", "token")


class TokenUnreadable(Exception):
    """The secret cannot be read, or holds no token. Alerts wait as rows until the secret is corrected."""


class Tokens(Protocol):
    """The token of the bot that posts."""

    def token(self) -> str:
        """The token. Raises TokenUnreadable."""
        ...

    def refused(self, token: str) -> bool:
        """Note that Slack rejected this token. The result is whether another token is available."""
        ...


class FixedToken:
    """A token from the environment."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        """The token."""
        return self._token

    def refused(self, token: str) -> bool:
        """There is no other token."""
        return False


class SecretToken:
    """A token in Secrets Manager, read once and kept until Slack rejects it after a rotation.

    The secret is the token itself, or a JSON object with it under SLACK_BOT_TOKEN, slack_bot_token, bot_token or token.
    """

    def __init__(self, client: "SecretsManagerClient", arn: str) -> None:
        self._client = client
        self._arn = arn
        self._cached: str | None = None

    def token(self) -> str:
        """The token, from the cache if it was read before."""
        if self._cached is None:
            self._cached = _token_in(self._read())
        return self._cached

    def refused(self, token: str) -> bool:
        """Read the secret again. The result is whether it holds another token now."""
        self._cached = None
        return self.token() != token

    def _read(self) -> str:
        try:
            return self._client.get_secret_value(SecretId=self._arn).get("SecretString", "")
        except Exception as error:  # noqa: BLE001 - any error of AWS concerns the secret, not the alert
            # The error has no cause, because a cause could count as an error of the alert.
            raise TokenUnreadable(f"the Slack secret cannot be read: {type(error).__name__}: {error}") from None


def _token_in(secret: str) -> str:
    text = secret.strip()
    if text.startswith("{"):
        try:
            fields = msgspec.json.decode(text)
        except msgspec.DecodeError:
            raise TokenUnreadable("the Slack secret looks like JSON but cannot be parsed") from None
        text = _field(fields)
    if not text:
        raise TokenUnreadable(f"the Slack secret is empty, or an object with none of {', '.join(_FIELDS)}")
    return text


def _field(fields: Mapping[str, object]) -> str:
    found = (fields.get(name) for name in _FIELDS)
    return next((value for value in found if isinstance(value, str) and value), "")

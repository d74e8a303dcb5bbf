"""A Lambda that posts the runs of Interlock to a server of OpenLineage. Its EventBridge rule passes on `lineage.TYPES`.

A post is tried three times. A failure for good raises, and AWS invokes the function again. After its retries the event
goes to the dead-letter queue of the function's asynchronous invocation.

| variable | meaning |
|---|---|
| OPENLINEAGE_URL | address of the server, https, or http for tests |
| OPENLINEAGE_ENDPOINT | path of the API. Default: api/v1/lineage |
| OPENLINEAGE_NAMESPACE | namespace of the jobs and the sensors. Default: interlock |
| OPENLINEAGE_SECRET_ARN | secret in Secrets Manager with the API key. Without it, the post has no Authorization |
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from lineage import Settings, openlineage_of

TRIES = 3
_SECONDS = 10.0
_AGAIN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class PostError(Exception):
    """The server did not accept an event. No message contains the API key."""


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the API key to another server."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def handler(event: Mapping[str, Any], _: object) -> dict[str, Any]:
    """Post the run event of an entry of the bus. An entry without a counterpart is left out."""
    found = openlineage_of(event, Settings(os.environ.get("OPENLINEAGE_NAMESPACE", "interlock")))
    if found is None:
        return {"posted": False}
    post(found, _address(), _key(os.environ.get("OPENLINEAGE_SECRET_ARN")))
    return {"posted": True, "runId": found["run"]["runId"], "eventType": found["eventType"]}


def post(event: Mapping[str, Any], url: str, key: str | None, sleep: Callable[[float], None] = time.sleep) -> None:
    """Post an event. 5xx, 408, 429 and a lost answer are tried again after 1 and 2 seconds. Raises PostError."""
    headers = {"Content-Type": "application/json", "User-Agent": "interlock-openlineage"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    request = Request(url, json.dumps(event).encode(), headers, method="POST")  # noqa: S310 - checked by _address
    for number in range(1, TRIES + 1):
        reason = _sent(request)
        if reason is None:
            return
        if number < TRIES:
            sleep(float(2 ** (number - 1)))
    raise PostError(f"{url} did not accept the event after {TRIES} tries: {reason}")


def _sent(request: Request) -> str | None:
    """None for an accepted event, else the reason for another try. Raises PostError for a rejection."""
    try:
        with build_opener(_NoRedirect).open(request, timeout=_SECONDS):
            return None
    except HTTPError as error:
        with error:
            if error.code < HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in _AGAIN:
                raise PostError(f"{request.full_url} rejected the event with the status {error.code}") from None
            return f"status {error.code}"
    except (URLError, OSError, HTTPException) as error:
        return str(getattr(error, "reason", None) or type(error).__name__)


def _address() -> str:
    url = os.environ.get("OPENLINEAGE_URL", "")
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("OPENLINEAGE_URL must be an address such as https://lineage.example.com, without credentials")
    endpoint = os.environ.get("OPENLINEAGE_ENDPOINT", "api/v1/lineage")
    return f"{url.rstrip('/')}/{endpoint.lstrip('/')}"


@cache
def _key(arn: str | None) -> str | None:
    """The API key. One environment of the function reads it once."""
    if not arn:
        return None
    # The runtime of Lambda has boto3. A function without a secret does not load it.
    import boto3

    text = boto3.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"].strip()
    if not text or not text.isascii() or not text.isprintable():
        raise ValueError("the secret of OPENLINEAGE_SECRET_ARN must be printable ASCII on one line")
    return str(text)

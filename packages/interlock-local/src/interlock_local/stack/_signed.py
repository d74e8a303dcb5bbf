"""Sends signed requests to the server's own addresses, which no AWS client knows."""

import contextlib
import http.client
import json
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from interlock_local import LocalStackError
from interlock_local.keys import StackKey


def ask_server(endpoint: str, key: StackKey, method: str, path: str, body: Any = None, timeout: float = 30.0) -> Any:
    """The JSON answer to a request. ``endpoint`` is host and port.

    Raises:
        LocalStackError: the server rejected the request.
        OSError, http.client.HTTPException, ValueError: there was no answer, or it was not JSON.
    """
    text = b"" if body is None else json.dumps(body).encode()
    request = AWSRequest(method, f"http://{endpoint}{path}", data=text, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(key.access_key, key.secret), "interlock", key.region).add_auth(request)
    connection = http.client.HTTPConnection(endpoint, timeout=timeout)
    with contextlib.closing(connection):
        connection.request(method, path, text, dict(request.headers))
        answer = connection.getresponse()
        found = json.loads(answer.read() or b"null")
    if answer.status >= 300:
        raise LocalStackError(f"The local stack answered {method} {path} with {answer.status}: {found}.")
    return found

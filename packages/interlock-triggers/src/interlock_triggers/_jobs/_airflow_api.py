"""The version of a server's Airflow API, and its login: a token for v2 (Airflow 3), basic auth for v1 (Airflow 2)."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from interlock_triggers._call import Call
from interlock_triggers._http import Forbidden, NotAccepted, Reply, Unclear, parse_url
from interlock_triggers._types import Category

from . import _json_api
from ._forms import AirflowForm, BadConfig, seconds
from ._http import configured_headers

V1, V2 = "v1", "v2"
_DAG_ID = re.compile(r"(?!\.+$)[\w.-]{1,250}")
"""Airflow's own rule. No such id can change the rest of an address."""
_NOT_LET_IN = (401, 403)
"""Airflow 3 answers 401 to an expired token, and 403 to a token that was signed with a former key."""


class Api(Struct, frozen=True):
    """The address of an Airflow server, its API version, and the headers of requests to it."""

    root: str
    version: str
    headers: Mapping[str, str]
    seconds: float

    def runs(self, dag_id: str) -> str:
        """The address of a DAG's runs."""
        return f"{self.root}/api/{self.version}/dags/{quote(dag_id, safe='')}/dagRuns"

    def run(self, dag_id: str, run_id: str) -> str:
        """The address of one run."""
        return f"{self.runs(dag_id)}/{quote(run_id, safe='')}"

    def __repr__(self) -> str:
        return f"Api({self.version})"


def reach(call: Call[AirflowForm], known_version: str | None = None) -> Api:
    """The server's API. This starts no job. Raises NotAccepted if the server cannot be asked."""
    if not _DAG_ID.fullmatch(call.config.dag_id):
        raise NotAccepted(Category.PERMANENT, "dagID may hold letters, digits, dots, dashes and underscores only")
    try:
        parse_url(call.config.url)
        headers = configured_headers(call.config.headers)
        limit = seconds(call.config.timeout)
    except (Forbidden, BadConfig) as error:
        raise NotAccepted(Category.PERMANENT, str(error)) from None
    root = call.config.url.partition("?")[0].rstrip("/")
    for version in (V1, V2):
        if root.endswith(f"/api/{version}"):
            return Api(root.removesuffix(f"/api/{version}"), version, headers, limit)
    return Api(root, known_version or _probed(call, root, headers, limit), headers, limit)


def _probed(call: Call[AirflowForm], root: str, headers: Mapping[str, str], limit: float) -> str:
    """Ask the server. Airflow 3 reports its version without a login. Airflow 2 does not know this address."""
    try:
        reply = _json_api.send(call, "GET", f"{root}/api/v2/version", headers, seconds=limit)
    except Unclear as error:
        raise NotAccepted(Category.TRANSIENT, str(error)) from None
    if reply.ok and _json_api.parsed(reply) is not None:
        return V2
    if reply.status in (404, 405):
        return V1
    # A 200 without JSON is a page of a proxy.
    again = reply.ok or reply.status >= 500 or reply.status == 429
    raise NotAccepted(
        Category.TRANSIENT if again else Category.PERMANENT,
        f"the server's API version is unknown (answered {reply.status}); end the url with /api/v1 or /api/v2",
    )


def send(
    call: Call[AirflowForm],
    api: Api,
    method: str,
    url: str,
    body: Mapping[str, Any] | None = None,
    *,
    doubtful: bool = False,
) -> Reply:
    """Send a request, logged in. A token that is no longer accepted is renewed once."""
    origin = parse_url(api.root).origin
    login = next((value for name, value in api.headers.items() if name.lower() == "authorization"), "")
    kept = call.clients.tokens.get(origin, login)
    headers = _logged_in(call, api, origin, login)
    reply = _json_api.send(call, method, url, headers, body, seconds=api.seconds, doubtful=doubtful)
    if reply.status not in _NOT_LET_IN or kept is None:
        return reply
    call.clients.tokens.forget(origin, login)
    headers = _logged_in(call, api, origin, login)
    return _json_api.send(call, method, url, headers, body, seconds=api.seconds, doubtful=reply.doubtful)


def _logged_in(call: Call[AirflowForm], api: Api, origin: str, login: str) -> Mapping[str, str]:
    """The configured headers. For v2, user name and password are exchanged for a token."""
    pair = _user_and_password(login)
    if api.version == V1 or pair is None:
        return api.headers
    token = call.clients.tokens.get(origin, login) or _token(call, api, pair)
    if token is None:
        return api.headers
    call.redactor.learn([token])
    call.clients.tokens.put(origin, login, token)
    others = {name: value for name, value in api.headers.items() if name.lower() != "authorization"}
    return others | {"Authorization": f"Bearer {token}"}


def _token(call: Call[AirflowForm], api: Api, pair: tuple[str, str]) -> str | None:
    """A new token. None if the server has no such login, so that the header is used unchanged."""
    body = {"username": pair[0], "password": pair[1]}
    try:
        reply = _json_api.send(call, "POST", f"{api.root}/auth/token", {}, body, seconds=api.seconds)
    except Unclear as error:
        # A lost login has started no job.
        raise NotAccepted(Category.TRANSIENT, f"login: {error}") from None
    if reply.status in (404, 405):
        return None
    document = _json_api.parsed(reply) if reply.ok else None
    token = (document or {}).get("access_token")
    if isinstance(token, str) and token:
        return token
    permanent = 400 <= reply.status < 500 and reply.status not in (408, 429)
    category = Category.PERMANENT if permanent else Category.TRANSIENT
    raise NotAccepted(category, f"the login was answered {reply.status} without a token")


def _user_and_password(login: str) -> tuple[str, str] | None:
    scheme, _, credentials = login.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, separator, password = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if separator else None

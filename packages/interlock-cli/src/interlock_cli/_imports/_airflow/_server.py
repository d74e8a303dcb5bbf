"""Asks a server of Airflow 3 for its DAGs and their sources. The API is /api/v2."""

import base64
import binascii
import json
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

_PAGE = 100
_MOST_DAGS = 10_000
_MOST_BYTES = 16_000_000
_SECONDS = 30.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ServerError(Exception):
    """A server that cannot be read. is_away: it gives no answer, although the input may have no error."""

    def __init__(self, message: str, *, is_away: bool = False) -> None:
        super().__init__(message)
        self.is_away = is_away


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the credentials to another server."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Server:
    """A server of Airflow. `authorization`: the value of its header Authorization, or "". No message contains it.

    As for the jobs, `Basic …` is exchanged for a token, and `Bearer …` is used unchanged.
    """

    def __init__(self, url: str, authorization: str) -> None:
        self.url = url.partition("?")[0].rstrip("/").removesuffix("/api/v2")
        self._authorization = authorization
        self._opener = _opener(self.url)

    def dags(self) -> Iterator[dict[str, Any]]:
        """The details of each DAG that its file still defines, by its id. Raises ServerError."""
        self._check_version()
        self._log_in()
        for identifier in self._ids():
            yield self._get(f"/dags/{quote(identifier, safe='')}/details")

    def source(self, dag_id: str) -> str:
        """The text of the file of a DAG. "" if the server does not show it."""
        try:
            content = self._get(f"/dagSources/{quote(dag_id, safe='')}").get("content")
        except _Status as error:
            if error.code in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
                return ""
            raise
        return content if isinstance(content, str) else ""

    def _ids(self) -> list[str]:
        """The ids are read before the details, so that a page is not shifted by a DAG that appears meanwhile."""
        found: list[str] = []
        while True:
            page = self._get(f"/dags?limit={_PAGE}&offset={len(found)}&order_by=dag_id")
            dags = page.get("dags")
            ids = [dag.get("dag_id") for dag in dags if isinstance(dag, dict)] if isinstance(dags, list) else None
            if ids is None or not all(isinstance(one, str) for one in ids):
                raise ServerError(f"{self.url} answers without a list of DAGs")
            found += [one for one in ids if isinstance(one, str)]
            if len(ids) < _PAGE:
                return list(dict.fromkeys(found))
            if len(found) >= _MOST_DAGS:
                raise ServerError(f"{self.url} has more than {_MOST_DAGS:,} DAGs: import their files")

    def _check_version(self) -> None:
        try:
            version = self._get("/version").get("version")
        except _Status as error:
            if error.code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
                raise ServerError(
                    f"{self.url} has no API /api/v2. The API /api/v1 of Airflow 2 is not read: import the DAG files"
                ) from None
            raise
        if not isinstance(version, str):
            raise ServerError(f"{self.url} does not report a version of Airflow")

    def _log_in(self) -> None:
        pair = _user_and_password(self._authorization)
        if pair is None:
            return
        try:
            answer = self._send("/auth/token", {"username": pair[0], "password": pair[1]})
        except _Status as error:
            if error.code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
                # A server with another login may accept the header as it is.
                return
            raise
        token = answer.get("access_token")
        if not isinstance(token, str) or not token.isprintable() or not token:
            raise ServerError(f"{self.url} answers the login without a token")
        self._authorization = f"Bearer {token}"

    def _get(self, path: str) -> dict[str, Any]:
        return self._send(f"/api/v2{path}", None)

    def _send(self, path: str, body: dict[str, str] | None) -> dict[str, Any]:
        headers = {"Accept": "application/json", "User-Agent": "interlock"}
        data = None
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        elif self._authorization:
            headers["Authorization"] = self._authorization
        request = Request(self.url + path, data=data, headers=headers)  # noqa: S310 - http or https, checked before
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                content = answer.read(_MOST_BYTES + 1)
        except HTTPError as error:
            with error:
                raise _Status(self.url, path, error.code) from None
        except (URLError, OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise ServerError(f"{self.url} gives no answer: {reason}", is_away=True) from None
        return self._document(path, content)

    def _document(self, path: str, content: bytes) -> dict[str, Any]:
        if len(content) > _MOST_BYTES:
            raise ServerError(f"{self.url}{path} answers with more than {_MOST_BYTES:,} bytes")
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ServerError(f"{self.url}{path} answers without a JSON object: is it the address of Airflow?")
        return found


class _Status(ServerError):
    """An answer with a status that is no success."""

    def __init__(self, url: str, path: str, code: int) -> None:
        hint = ""
        if code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            hint = ". INTERLOCK_AIRFLOW_AUTHORIZATION must be the value of an Authorization header that may read DAGs"
        elif HTTPStatus.MULTIPLE_CHOICES <= code < HTTPStatus.BAD_REQUEST:
            hint = ". A redirect is not followed: name the address that it leads to"
        away = code >= HTTPStatus.INTERNAL_SERVER_ERROR or code == HTTPStatus.TOO_MANY_REQUESTS
        super().__init__(f"{url}{path.partition('?')[0]} answers with the status {code}{hint}", is_away=away)
        self.code = code


def _opener(url: str) -> OpenerDirector:
    # A proxy is for hosts outside. A loopback address is not reached through a proxy.
    proxies = ProxyHandler({}) if urlsplit(url).hostname in _LOOPBACK else ProxyHandler()
    return build_opener(_NoRedirect, proxies)


def _user_and_password(authorization: str) -> tuple[str, str] | None:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, separator, password = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if separator else None

"""The sending of one HTTP request: guarded connection, redirects, bounded body, all within a deadline."""

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import urllib3
from msgspec import Struct, field
from msgspec.structs import replace
from urllib3.response import HTTPResponse

from interlock_triggers._deadline import Deadline

from ._dial import Forbidden, GuardedHTTPConnection, GuardedHTTPSConnection, Network, Unreachable, open_connection
from ._target import Target, parse_url, redirected

_AGENT = "interlock-triggers"
_CHUNK = 16 * 1024
_REDIRECTS = 5
_CREDENTIAL_FREE = ("content-type", "accept", "user-agent", "idempotency-key")
_LOST = (OSError, EOFError, urllib3.exceptions.HTTPError, http.client.HTTPException, ValueError, AttributeError)
"""The errors of a broken connection, also of one that the deadline closes during a read."""


class AnswerLost(Exception):
    """The request was sent, completely or in part, and no complete answer came back."""

    def __init__(self, reason: str, *, timed_out: bool) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


class Misdirected(Exception):
    """The server redirects the request in a way that would change its meaning."""


class Request(Struct, frozen=True):
    """One request. `limit` bounds the kept bytes of the answer's body, `seconds` bounds each try."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    seconds: float = 30.0
    limit: int = 64 * 1024

    def __repr__(self) -> str:
        return f"Request({self.method})"


class Answer(Struct, frozen=True):
    """One answer. `cut` is true if `body` was cut at the request's limit.

    `taken`: a server accepted the request (303), and this is the answer at the address of the redirect.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False
    taken: bool = False

    def header(self, name: str) -> str | None:
        """A header's value, by its name in any case."""
        return next((value for key, value in self.headers.items() if key.lower() == name), None)

    def json(self) -> Any:
        """The body as JSON. Raises ValueError if it is not JSON or was cut."""
        if self.cut:
            raise ValueError("the answer is too long")
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"Answer({self.status})"


def exchange(network: Network, request: Request, deadline: Deadline) -> Answer:
    """Send a request and read its answer, following redirects.

    Raises Forbidden or Unreachable if no request was sent, AnswerLost if one was sent, and Misdirected for a redirect
    that would change the request's meaning.
    """
    taken = [False]
    try:
        return _followed(network, request, deadline, taken)
    except (Forbidden, Misdirected, Unreachable) as error:
        if taken[0]:
            raise AnswerLost(str(error), timed_out=deadline.passed) from None
        raise


def _followed(network: Network, request: Request, deadline: Deadline, taken: list[bool]) -> Answer:
    """The answer at the end of the redirects. `taken` is set if a server accepted the request and answered 303."""
    url, method, headers, body = request.url, request.method, dict(request.headers), request.body
    for _ in range(_REDIRECTS + 1):
        target = parse_url(url)
        answer = _once(network, target, method, headers, body, request.limit, deadline)
        taken[0] = taken[0] or answer.status == 303
        location = answer.header("location")
        if answer.status not in (301, 302, 303, 307, 308) or location is None:
            return replace(answer, taken=taken[0])
        url = redirected(url, location)
        method, body = _method_after(answer.status, method, body)
        headers = _headers_after(target, parse_url(url), headers, body)
    raise Misdirected(f"redirected more than {_REDIRECTS} times")


def _method_after(status: int, method: str, body: bytes | None) -> tuple[str, bytes | None]:
    if status in (307, 308) or method in ("GET", "HEAD"):
        return method, body
    if status == 303:
        return "GET", None
    # Clients change such a POST to a GET, and its 200 would count as a started job.
    raise Misdirected(f"answered {status} to a {method}: configure the address that it redirects to")


def _headers_after(old: Target, new: Target, headers: dict[str, str], body: bytes | None) -> dict[str, str]:
    if old.scheme == "https" and new.scheme == "http":
        raise Forbidden("the server redirects from https to http")
    kept = headers
    if old.origin != new.origin:
        kept = {name: value for name, value in headers.items() if name.lower() in _CREDENTIAL_FREE}
    return kept if body is not None else {k: v for k, v in kept.items() if k.lower() != "content-type"}


def _once(
    network: Network,
    target: Target,
    method: str,
    headers: Mapping[str, str],
    body: bytes | None,
    limit: int,
    deadline: Deadline,
) -> Answer:
    connection = open_connection(network, target.scheme, target.host, target.port, deadline)
    try:
        _connect(connection, target, deadline)
        with _Cutoff(connection, deadline):
            try:
                answer = _converse(connection, target, method, headers, body, limit)
                if deadline.passed and answer.header("content-length") is None:
                    raise EOFError  # the end of the connection ends such a body, and the deadline may have ended it
                return answer
            except _LOST as error:
                late = deadline.passed
                why = "no answer in time" if late else f"the connection broke ({type(error).__name__})"
                raise AnswerLost(f"{target.authority}: {why}", timed_out=late) from None
    finally:
        connection.close()


def _connect(connection: GuardedHTTPConnection | GuardedHTTPSConnection, target: Target, deadline: Deadline) -> None:
    """Connect, including TLS. Every error here comes before the request is sent."""
    try:
        connection.connect()
    except (OSError, urllib3.exceptions.HTTPError, ValueError) as error:
        why = "no time left" if deadline.passed else _tls_reason(error)
        raise Unreachable(f"{target.authority}: cannot connect: {why}") from None


def _tls_reason(error: BaseException) -> str:
    reason = getattr(error, "verify_message", None) or getattr(error, "reason", None)
    return f"{type(error).__name__}{f': {reason}' if isinstance(reason, str) else ''}"


def _converse(
    connection: GuardedHTTPConnection | GuardedHTTPSConnection,
    target: Target,
    method: str,
    headers: Mapping[str, str],
    body: bytes | None,
    limit: int,
) -> Answer:
    sent = {"User-Agent": _AGENT, "Accept-Encoding": "identity", "Connection": "close", **headers}
    # A server may answer and close the connection before it has read the body. Its answer can still be read.
    with contextlib.suppress(BrokenPipeError):
        connection.request(method, target.path, body, sent, preload_content=False, decode_content=False)
    response = connection.getresponse()
    content, cut = _bounded(response, limit)
    return Answer(response.status, dict(response.headers.items()), content, cut)


def _bounded(response: HTTPResponse, limit: int) -> tuple[bytes, bool]:
    """At most `limit` bytes of the body, and whether the body is longer."""
    kept = bytearray()
    try:
        while len(kept) <= limit:
            chunk = response.read1(_CHUNK, decode_content=False)
            if not chunk:
                return bytes(kept), False
            kept += chunk
        return bytes(kept[:limit]), True
    finally:
        response.close()


class _Cutoff:
    """Closes a connection for both directions at the deadline.

    Socket timeouts restart with each byte, so that a slow server could delay a caller for hours.
    """

    def __init__(self, connection: GuardedHTTPConnection | GuardedHTTPSConnection, deadline: Deadline) -> None:
        # Kept now: after the headers have arrived, the connection object no longer has its socket.
        self._socket = connection.sock
        self._timer = threading.Timer(deadline.remaining(), self._cut)
        self._timer.daemon = True

    def _cut(self) -> None:
        if isinstance(self._socket, socket.socket):
            try:
                # The plain socket's method: the method of the TLS socket ends the session during a read.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                return

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()

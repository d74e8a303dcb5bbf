"""Guards each request and each answer: only reads, only the host that the page is served at, nothing inline."""

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """An ASGI application around another one.

    hosts: the host names by which the page may be asked for, None for any. A page at a loopback address must name its
    hosts: otherwise a foreign website could reach it by a name of its own that resolves to 127.0.0.1.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or reject it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        rejected = self._reject(scope)
        await (rejected or self._app)(scope, receive, send_guarded)

    def _reject(self, scope: Scope) -> PlainTextResponse | None:
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("this page only reads\n", 405, {"allow": "GET, HEAD"})
        if self._hosts is not None and host_of(Headers(scope=scope).get("host", "")) not in self._hosts:
            return PlainTextResponse("this page is not served at this host name\n", 421)
        return None


def host_of(header: str) -> str:
    """The host name of a Host header, without its port. It is empty for an invalid header."""
    try:
        parts = urlsplit(f"//{header}")
        # The port is read, since an invalid one raises an error.
        found: Any = parts.hostname if parts.port is None or parts.port >= 0 else None
    except ValueError:
        return ""
    is_host = parts.netloc == header and "@" not in header
    return str(found or "") if is_host else ""

"""The checks of a request's URL and headers before a connection is opened."""

import re
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from ._dial import Forbidden

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_URL = re.compile(r"[\x21-\x7e]+")
_OWNED = frozenset(
    (
        "connection",
        "content-length",
        "expect",
        "host",
        "idempotency-key",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
"""Headers that decide framing, routing or identity. Only the trigger sets them."""


class Target(Struct, frozen=True):
    """The parts of a URL. `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Scheme, host and port: the only parts of a URL that are ever shown."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def authority(self) -> str:
        """Host and port, the name of the circuit breaker."""
        return f"{self.host}:{self.port}"


def parse_url(url: str) -> Target:
    """Split a URL. Raises Forbidden, without the URL in its message, for a URL that must not be used."""
    if not _URL.fullmatch(url) or "\\" in url:
        raise Forbidden("the url may hold neither spaces, line breaks, backslashes nor characters beyond ASCII")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Forbidden("the url cannot be read") from None
    if parts.scheme not in ("http", "https"):
        raise Forbidden("the url must begin with http:// or https://")
    if "@" in parts.netloc:
        raise Forbidden("the url may not carry a user name or a password; use a header")
    if not host or "%" in host or port == 0:
        raise Forbidden("the url has no usable host and port")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path)


def redirected(base: str, location: str) -> str:
    """The address that a Location header leads to."""
    unreadable = Forbidden("the server redirects to an address that cannot be read")
    if not _URL.fullmatch(location) or "\\" in location:
        raise unreadable
    try:
        return urljoin(base, location)
    except ValueError:  # a bracket that is not closed, and the like
        raise unreadable from None


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The configured headers. Raises Forbidden with the name (never the value) of a header that must not be sent."""
    seen: set[str] = set()
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise Forbidden("a header's name holds characters that are not allowed")
        if not _VALUE.fullmatch(value):
            raise Forbidden(f"the header {name} holds a line break or characters that are not allowed")
        if name.lower() in _OWNED:
            raise Forbidden(f"the header {name} is set by the trigger and cannot be configured")
        if name.lower() in seen:
            raise Forbidden(f"the header {name} is given twice")
        seen.add(name.lower())
    return dict(headers)

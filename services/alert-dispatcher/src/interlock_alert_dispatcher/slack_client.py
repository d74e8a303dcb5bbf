"""Makes slack-sdk's client send nothing for a caller that has left the call.

The thread of such a call goes on, for example in the resolution of a name. A post that it sends later would be a second
message, because the caller sends the alert again.
"""

from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from ssl import SSLContext
from typing import Any
from urllib.request import HTTPHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from slack_sdk.web import WebClient

from interlock_telemetry import reject_after_deadline


class TimedClient(WebClient):
    """A client whose requests raise CallTimeout after the deadline: once connected, before the head, before the body.

    Slack does not handle a request without its whole body.
    """

    # slack-sdk has no public parameter for the connection.
    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        if not url.lower().startswith(("http://", "https://")):
            raise ValueError(f"the address of Slack is {url!r}, must begin with http:// or https://")
        proxies = [ProxyHandler({"http": self.proxy, "https": self.proxy})] if self.proxy else []
        opener = build_opener(*proxies, _Http(), _Https(self.ssl))
        with opener.open(req, timeout=self.timeout) as response:
            charset = response.headers.get_content_charset() or "utf-8"
            return {"status": response.code, "headers": response.headers, "body": response.read().decode(charset)}


class _TimedConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        reject_after_deadline("slack")

    def send(self, data: Any) -> None:
        reject_after_deadline("slack")
        super().send(data)


class _TimedTlsConnection(_TimedConnection, HTTPSConnection):
    """A connection whose handshake is a part of `connect`."""


class _Http(HTTPHandler):
    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_TimedConnection, req)


class _Https(HTTPSHandler):
    def __init__(self, context: SSLContext | None) -> None:
        super().__init__(context=context)
        self._used = context

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_TimedTlsConnection, req, context=self._used)

"""Sends requests to one server over connections that stay open. Errors are botocore's."""

import select
import socket
import ssl
import threading
import time
from urllib.parse import urlsplit

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from httptools import HttpParserError, HttpResponseParser
from msgspec import Struct

_MOST_IDLE = 10
_LEAST = 0.001
_MOST_BYTES = 65_536
"""The most bytes of one read."""


class Answer(Struct, frozen=True):
    """An HTTP answer: its status, its headers with names in lower case, and its whole body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connections:
    """The connections to the server at `url`, for any number of threads.

    ca_file: the certificates that the server's certificate is checked against.
    """

    def __init__(self, url: str, ca_file: str | None = None) -> None:
        self._url = url
        self._parts = urlsplit(url)
        self._tls = ssl.create_default_context(cafile=ca_file) if self._parts.scheme == "https" else None
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()

    def post(self, headers: dict[str, str], body: bytes, *, connect: float, total: float) -> Answer:
        """The answer to one request, within `total` seconds, of which a new connection may take `connect` seconds.

        Raises botocore's HTTPClientError of the matching kind if the network fails. The server may have taken the
        request unless EndpointConnectionError, ConnectTimeoutError or SSLError is raised.
        """
        ends_at = time.monotonic() + total
        connection = self._take() or self._open(min(connect, total))
        try:
            answer = connection.exchange(_written(headers, body), ends_at)
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=self._url, error=error) from error
        except (HttpParserError, OSError) as error:
            raise ConnectionClosedError(endpoint_url=self._url, error=error) from error
        finally:
            self._keep_or_close(connection)
        return answer

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> "_Connection | None":
        """An idle connection that the server has not closed."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if connection.is_silent():
                return connection
            connection.close()

    def _keep_or_close(self, connection: "_Connection") -> None:
        with self._lock:
            if connection.may_be_used_again and len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _open(self, timeout: float) -> "_Connection":
        host, scheme = self._parts.hostname or "", self._parts.scheme
        address = (host, self._parts.port or (443 if scheme == "https" else 80))
        try:
            sock = socket.create_connection(address, timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return _Connection(self._secured(sock, host))
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self._url, error=error) from error
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=self._url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self._url, error=error) from error

    def _secured(self, sock: socket.socket, host: str) -> socket.socket:
        """The socket, with TLS if the URL asks for it."""
        if self._tls is None:
            return sock
        try:
            return self._tls.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise


class _Connection:
    """One connection. httptools reports the parts of its answers: http.client takes as long as all other steps."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._parser = HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._is_begun = self._stays_open = False
        self._answers: list[Answer] = []
        self.may_be_used_again = True

    def exchange(self, request: bytes, ends_at: float) -> Answer:
        """The answer to a request. All reads end at one moment together, even if the server sends byte after byte.

        Raises TimeoutError, OSError and HttpParserError. After an error the connection may not be used again.
        """
        self.may_be_used_again = False
        self._answers.clear()
        self._sock.settimeout(max(ends_at - time.monotonic(), _LEAST))
        self._sock.sendall(request)
        while not self._answers:
            self._read(ends_at)
        # Another answer, or the beginning of one, belongs to no request.
        self.may_be_used_again = self._stays_open and len(self._answers) == 1 and not self._is_begun
        return self._answers[0]

    def _read(self, ends_at: float) -> None:
        left = ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left)
        found = self._sock.recv(_MOST_BYTES)
        if found:
            self._parser.feed_data(found)
        elif self._body and not {"content-length", "transfer-encoding"} & self._headers.keys():
            self.on_message_complete()  # the end of the connection is the end of such a body
        else:
            raise ConnectionError("the server closed the connection before the end of its answer")

    def on_message_begin(self) -> None:
        """httptools has read the first byte of an answer."""
        self._headers, self._body, self._is_begun = {}, bytearray(), True

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools has read a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        """httptools has read a part of the body."""
        self._body += part

    def on_message_complete(self) -> None:
        """httptools has read the end of an answer. Answers below 200 precede the answer."""
        status = self._parser.get_status_code()
        if status >= 200:
            self._answers.append(Answer(status, self._headers, bytes(self._body)))
        self._is_begun = False
        self._stays_open = self._parser.should_keep_alive()  # later, the parser counts the next answer

    def is_silent(self) -> bool:
        """Whether an idle connection may carry another request. A closed one, or one with unread bytes, is readable."""
        waiting = select.poll()
        waiting.register(self._sock, select.POLLIN)
        return not waiting.poll(0)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


def _written(headers: dict[str, str], body: bytes) -> bytes:
    """A whole request. Raises ValueError for a header with a line break, such as a key with a trailing newline."""
    for name, value in headers.items():
        if "\n" in value or "\r" in value:
            raise ValueError(f"the header {name} has a line break")
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    head = f"POST / HTTP/1.1\r\naccept-encoding: identity\r\n{lines}content-length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body

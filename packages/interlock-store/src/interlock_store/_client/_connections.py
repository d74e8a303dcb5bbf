"""Sends requests to one server over connections that stay open. Errors are botocore's."""

import io
import select
import socket
import ssl
import threading
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from msgspec import Struct

_MOST_IDLE = 10
_LEAST = 0.001


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
        self._idle: list[HTTPConnection] = []
        self._lock = threading.Lock()

    def post(self, headers: dict[str, str], body: bytes, *, connect: float, total: float) -> Answer:
        """The answer to one request, within `total` seconds, of which a new connection may take `connect` seconds.

        Raises botocore's HTTPClientError of the matching kind if the network fails. The server may have taken the
        request unless EndpointConnectionError, ConnectTimeoutError or SSLError is raised.
        """
        ends_at = time.monotonic() + total
        connection = self._take() or self._open(min(connect, total))
        try:
            answer = self._exchange(connection, headers, body, ends_at)
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:
            self._keep(connection)
        return answer

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> HTTPConnection | None:
        """An idle connection that the server has not closed."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if _is_open(connection.sock):
                return connection
            connection.close()

    def _keep(self, connection: HTTPConnection) -> None:
        with self._lock:
            if len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _open(self, timeout: float) -> HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        connection: HTTPConnection
        if self._tls is None:
            connection = HTTPConnection(host, port, timeout=timeout)
        else:
            connection = HTTPSConnection(host, port, timeout=timeout, context=self._tls)
        try:
            connection.connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self._url, error=error) from error
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=self._url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self._url, error=error) from error
        return connection

    def _exchange(self, connection: HTTPConnection, headers: dict[str, str], body: bytes, ends_at: float) -> Answer:
        # The request is written here as one packet: http.client sends two, and checks each header with a pattern.
        request = _written(headers, body)
        connection.sock.settimeout(max(ends_at - time.monotonic(), _LEAST))
        try:
            connection.sock.sendall(request)
            with HTTPResponse(_TimedSocket(connection.sock, ends_at), method="POST") as response:  # type: ignore[arg-type]
                response.begin()
                content = response.read()
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=self._url, error=error) from error
        except (HTTPException, OSError) as error:
            raise ConnectionClosedError(endpoint_url=self._url, error=error) from error
        if response.will_close:
            connection.close()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)


def _written(headers: dict[str, str], body: bytes) -> bytes:
    """A whole request. Raises ValueError for a header with a line break, such as a key with a trailing newline."""
    for name, value in headers.items():
        if "\n" in value or "\r" in value:
            raise ValueError(f"the header {name} has a line break")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST / HTTP/1.1\r\naccept-encoding: identity\r\n{lines}content-length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body


def _is_open(sock: Any) -> bool:
    """Whether an idle socket may carry another request. A closed one, or one with unread bytes, is readable."""
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    return not waiting.poll(0)


class _TimedSocket:
    """A socket whose reads end at one moment together, even if the server sends byte after byte."""

    def __init__(self, sock: socket.socket, ends_at: float) -> None:
        self._sock = sock
        self._ends_at = ends_at

    def makefile(self, mode: str) -> io.BufferedReader:
        """The answer as a file, as http.client reads it."""
        # The raw file keeps the socket open until the answer is read, even if the connection is closed before.
        return io.BufferedReader(_TimedReads(self._sock, self._sock.makefile(mode, buffering=0), self._ends_at))  # type: ignore[call-overload]


class _TimedReads(io.RawIOBase):
    def __init__(self, sock: socket.socket, raw: io.RawIOBase, ends_at: float) -> None:
        super().__init__()
        self._sock, self._raw, self._ends_at = sock, raw, ends_at

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()

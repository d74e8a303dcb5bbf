"""Serves HTTP/1.1 on a loopback port: reads whole requests, and writes each answer with one call.

A general server costs about as much per request as the application behind it. This one has no streams, no upgrades and
no encryption, since each request and each answer of the local stack is in memory as a whole.
"""

import asyncio
import contextvars
import logging
import signal
from collections import deque
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from interlock_local.server._access import Request
from interlock_local.server._durable import Answer

log = logging.getLogger(__name__)

Answering = Callable[[Request], Awaitable[Answer]]

# The zip of a function is the largest body.
_LARGEST_BODY = 80 * 1024 * 1024
_LARGEST_HEAD = 64 * 1024
# Seconds after which a connection without a request is closed, seconds between two looks for such connections, and
# seconds that requests have to end at the stop.
_IDLE = 75.0
_SWEEP = 15.0
_GRACE = 3.0
_BACKLOG = 512

_NO_BODY = frozenset({204, 304})
_OWN_HEADERS = frozenset({b"content-length", b"transfer-encoding", b"connection", b"keep-alive"})
_PHRASES = {int(one): one.phrase for one in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Unreadable(Exception):
    """The server does not read this request. `status` is the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def serve(host: str, port: int, answer: Answering) -> None:
    """Serve until SIGTERM or SIGINT. Then let requests end, for at most 3 s.

    Raises:
        OSError: the port is in use.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    connections: set[Connection] = set()
    server = await loop.create_server(lambda: Connection(answer, connections), host, port, backlog=_BACKLOG)
    sweeping = asyncio.create_task(_sweep(connections))
    try:
        await stopped.wait()
    finally:
        sweeping.cancel()
        server.close()
        await _end(connections)


async def _sweep(connections: "set[Connection]") -> None:
    """Close the connections that wait for a request, or for its end, for too long. Never returns."""
    while True:
        await asyncio.sleep(_SWEEP)
        now = asyncio.get_running_loop().time()
        for connection in list(connections):
            if connection.idle_since is not None and now - connection.idle_since > _IDLE:
                connection.close()


async def _end(connections: "set[Connection]") -> None:
    for connection in list(connections):
        connection.close()
    tasks = [connection.task for connection in connections if connection.task is not None]
    if tasks:
        await asyncio.wait(tasks, timeout=_GRACE)


class Connection(asyncio.Protocol):
    """One connection: its requests are answered one after the other. httptools reports the parts of a request."""

    def __init__(self, answer: Answering, connections: "set[Connection]") -> None:
        self._answer = answer
        self._connections = connections
        self._context = contextvars.copy_context()
        self._parser = HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._transport: asyncio.Transport | None = None
        self._fault: Answer | None = None
        self._is_last = False
        self._is_left = False
        self._at_end = False
        self.task: asyncio.Task[None] | None = None
        self.idle_since: float | None = None
        self._requests = 0
        self.on_message_begin()

    # The transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)
        self.idle_since = asyncio.get_running_loop().time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection. A request that is being answered ends in its own time, since it may be a write."""
        self._connections.discard(self)
        self._waiting.clear()
        self._is_last = True

    def data_received(self, data: bytes) -> None:
        """Read further bytes, and answer the requests that they complete."""
        if self._is_left or self._fault is not None:
            return
        if self.task is None:
            self.idle_since = asyncio.get_running_loop().time()
        was_in_head, before = self._in_head, self._requests
        try:
            self._parser.feed_data(data)
            if was_in_head and self._in_head and self._requests == before:
                # httptools keeps a header until its end, so the bytes count as they come.
                self._count_head(len(data))
        except HttpParserUpgrade:
            # The request is answered as one of HTTP. The bytes behind it are of another protocol.
            self._is_last = True
        except HttpParserError as error:
            cause = error.__context__
            self._fault = Answer(cause.status if isinstance(cause, _Unreadable) else 400, [], b"")
            log.info("a request was not readable: %s", cause or error)
        except _Unreadable as error:
            self._fault = Answer(error.status, [], b"")
            log.info("a request was not readable: %s", error)
        if self.task is None:
            self._advance()
        elif self._waiting and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Keep the connection while requests of it are answered."""
        self._at_end = True
        return self.task is not None

    def close(self) -> None:
        """Close the connection, after the answer of the current request."""
        self._is_last = True
        if self.task is None and self._transport is not None:
            self._transport.close()

    # The parts of a request

    def on_message_begin(self) -> None:
        """httptools has read the first byte of a request."""
        self._in_head = True
        self._requests += 1
        self._head_size = self._body_size = 0
        self._target = b""
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []

    def on_url(self, part: bytes) -> None:
        """httptools has read a part of the path with its query."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools has read a header. The fields behind a body in chunks are not used."""
        if self._in_head:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self._headers[key] = f"{self._headers[key]},{text}" if key in self._headers else text
            self._count_head(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """httptools has read the head of a request."""
        self._in_head = False
        if self._parser.get_http_version() not in ("1.1", "1.0"):
            raise _Unreadable(505, "the version is not HTTP/1.1")
        if self._headers.get("transfer-encoding", "chunked").lower() != "chunked":
            raise _Unreadable(400, "the body is encoded")
        length = self._headers.get("content-length", "0")
        if length.isdecimal() and int(length) > _LARGEST_BODY:
            raise _Unreadable(413, "the body is too large")
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(_CONTINUE)

    def on_body(self, part: bytes) -> None:
        """httptools has read a part of the body."""
        self._body_size += len(part)
        if self._body_size > _LARGEST_BODY:
            raise _Unreadable(413, "the body is too large")
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """httptools has read the end of a request."""
        path, _, query = self._target.decode("latin-1").partition("?")
        method = self._parser.get_method().decode("latin-1")
        request = Request(method, path, query, self._headers, b"".join(self._parts))
        self._waiting.append((request, self._parser.should_keep_alive()))

    def _count_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > _LARGEST_HEAD:
            raise _Unreadable(431, "the head is too large")

    # Answers

    def _advance(self) -> None:
        """Answer the next request, if it was read as a whole."""
        if self._waiting:
            work = self._serve(*self._waiting.popleft())
            self.idle_since = None
            # Each request has a context of its own, since the server behind keeps its account in context variables.
            self.task = asyncio.get_running_loop().create_task(work, context=self._context.copy())
        elif self._fault is not None:
            self._leave(self._fault, is_head=False)
        elif self._at_end and self._transport is not None:
            self._transport.close()

    async def _serve(self, request: Request, keeps_alive: bool) -> None:
        try:
            answer = await self._answer(request)
        except Exception:
            log.exception("Error: a request was not answered: %s %s", request.method, request.path)
            answer, keeps_alive = Answer(500, [], b""), False
        transport, is_head = self._transport, request.method == "HEAD"
        assert transport is not None
        self.task = None
        self.idle_since = asyncio.get_running_loop().time()
        if self._is_last or not keeps_alive:
            self._leave(answer, is_head=is_head)
            return
        transport.write(written(answer, is_head=is_head, closes=False))
        transport.resume_reading()
        self._advance()

    def _leave(self, answer: Answer, *, is_head: bool) -> None:
        """Send the last answer of the connection. Bytes that come later are dropped until the client closes its end.

        A connection that is closed with unread bytes is reset, and the client may lose the answer.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._is_left = True
        self._waiting.clear()
        transport.write(written(answer, is_head=is_head, closes=True))
        if self._at_end or self._is_last:
            transport.close()
        else:
            transport.write_eof()
            transport.resume_reading()


def written(answer: Answer, *, is_head: bool, closes: bool) -> bytes:
    """The bytes of an answer. The size of its body is always stated, and an answer to HEAD has no body."""
    lines = [f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, '')}\r\n".encode("latin-1")]
    has_date, stated = False, None
    for name, value in answer.headers:
        key = name.lower()
        if key in _OWN_HEADERS:
            stated = value if key == b"content-length" else stated
            continue
        has_date = has_date or key == b"date"
        lines += (name, b": ", value, b"\r\n")
    if not has_date:
        lines.append(f"date: {formatdate(usegmt=True)}\r\n".encode("latin-1"))
    has_body = not is_head and answer.status not in _NO_BODY
    if has_body or (is_head and stated is None and answer.status not in _NO_BODY):
        stated = b"%d" % len(answer.body)
    if stated is not None and answer.status not in _NO_BODY:
        lines += (b"content-length: ", stated, b"\r\n")
    if closes:
        lines.append(b"connection: close\r\n")
    lines.append(b"\r\n")
    if has_body:
        lines.append(answer.body)
    return b"".join(lines)

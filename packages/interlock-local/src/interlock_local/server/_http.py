"""Serves HTTP/1.1 on a loopback port: reads whole requests, and writes each answer with one call.

A general server costs about as much per request as the application behind it. This one has no streams, no upgrades and
no encryption, since each request and each answer of the local stack is in memory as a whole.
"""

import asyncio
import contextvars
import logging
import signal
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus

from msgspec import Struct

from interlock_local.server._access import Request
from interlock_local.server._durable import Answer

log = logging.getLogger(__name__)

Answering = Callable[[Request], Awaitable[Answer]]

# The zip of a function is the largest body.
_LARGEST_BODY = 80 * 1024 * 1024
_LARGEST_HEAD = 64 * 1024
# Bytes of further requests that are read while one is answered.
_READ_AHEAD = 64 * 1024
# Seconds after which a connection without a request is closed, seconds between two looks for such connections, and
# seconds that requests have to end at the stop.
_IDLE = 75.0
_SWEEP = 15.0
_GRACE = 3.0
_BACKLOG = 512

_HEX = frozenset(b"0123456789abcdefABCDEF")
_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NO_BODY = frozenset({204, 304})
_OWN_HEADERS = frozenset({b"content-length", b"transfer-encoding", b"connection", b"keep-alive"})
_PHRASES = {int(one): one.phrase for one in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class BadRequest(Exception):
    """The bytes are not a request that this server reads. `status` is the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Head(Struct, frozen=True):
    """The head of a request. `length` is the size of the body in bytes, or None for a body in chunks."""

    request: Request
    length: int | None
    keeps_alive: bool
    waits_for_continue: bool


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
    """Close the connections without a request, again and again."""
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
    """One connection: its requests are answered one after the other."""

    def __init__(self, answer: Answering, connections: "set[Connection]") -> None:
        self._answer = answer
        self._connections = connections
        self._context = contextvars.copy_context()
        self._read = bytearray()
        self._head: Head | None = None
        self._chunks: _Chunks | None = None
        self._transport: asyncio.Transport | None = None
        self._is_last = False
        self._is_left = False
        self._at_end = False
        self.task: asyncio.Task[None] | None = None
        self.idle_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)
        self.idle_since = asyncio.get_running_loop().time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection. A request that is being answered ends in its own time, since it may be a write."""
        self._connections.discard(self)
        self._is_last = True

    def data_received(self, data: bytes) -> None:
        """Read further bytes, and answer the request that they complete."""
        if self._is_left:
            return
        self._read += data
        if self.task is None:
            self._advance()
        elif len(self._read) > _READ_AHEAD and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Keep the connection while a request of it is answered."""
        self._at_end = True
        return self.task is not None

    def close(self) -> None:
        """Close the connection, after the answer of the current request."""
        self._is_last = True
        if self.task is None and self._transport is not None:
            self._transport.close()

    def _advance(self) -> None:
        """Answer the next request, if it was read as a whole."""
        try:
            request = self._next()
        except BadRequest as error:
            log.info("a request was not readable: %s", error)
            self._leave(Answer(error.status, [], b""), is_head=False)
            return
        if request is None:
            if self._at_end and self._transport is not None:
                self._transport.close()
            return
        assert self._head is not None
        work = self._serve(request, self._head.keeps_alive)
        self.idle_since = self._head = self._chunks = None
        # Each request has a context of its own, since the server behind keeps its account in context variables.
        self.task = asyncio.get_running_loop().create_task(work, context=self._context.copy())

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
        if self._read or self._at_end:
            self._advance()

    def _leave(self, answer: Answer, *, is_head: bool) -> None:
        """Send the last answer of the connection. Bytes that come later are dropped until the client closes its end.

        A connection that is closed with unread bytes is reset, and the client may lose the answer.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._is_left = True
        self._read.clear()
        transport.write(written(answer, is_head=is_head, closes=True))
        if self._at_end or self._is_last:
            transport.close()
        else:
            transport.write_eof()
            transport.resume_reading()

    def _next(self) -> Request | None:
        """The next whole request, or None if its end was not read yet."""
        if self._head is None:
            end = self._read.find(b"\r\n\r\n")
            if max(end, 0 if end >= 0 else len(self._read)) > _LARGEST_HEAD:
                raise BadRequest(431, "the head is too large")
            if end < 0:
                return None
            self._head = read_head(bytes(self._read[:end]))
            del self._read[: end + 4]
            self._chunks = _Chunks() if self._head.length is None else None
            if self._head.waits_for_continue and not self._read and self._transport is not None:
                self._transport.write(_CONTINUE)
        head = self._head
        if self._chunks is not None:
            body = self._chunks.take(self._read)
            return None if body is None else _with_body(head.request, body)
        length = head.length or 0
        if len(self._read) < length:
            return None
        body = bytes(self._read[:length])
        del self._read[:length]
        return _with_body(head.request, body) if length else head.request


class _Chunks:
    """The body of a request in chunks, as far as it was read."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._is_last = False

    def take(self, read: bytearray) -> bytes | None:
        """Take whole chunks from the bytes that were read. The body, after its last chunk and the trailer."""
        while True:
            end = read.find(b"\r\n")
            if end < 0:
                if len(read) > _LARGEST_HEAD:
                    raise BadRequest(400, "the line before a chunk is too long")
                return None
            if self._is_last:
                # The fields of the trailer are not used. An empty line ends it.
                del read[: end + 2]
                if end == 0:
                    return b"".join(self._parts)
                continue
            size = _chunk_size(bytes(read[:end]))
            if self._size + size > _LARGEST_BODY:
                raise BadRequest(413, "the body is too large")
            if size and len(read) < end + 2 + size + 2:
                return None
            if size:
                if read[end + 2 + size : end + 4 + size] != b"\r\n":
                    raise BadRequest(400, "a chunk is longer than its size")
                self._parts.append(bytes(read[end + 2 : end + 2 + size]))
                self._size += size
                del read[: end + 4 + size]
            else:
                self._is_last = True
                del read[: end + 2]


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip(b" \t")
    if not digits or len(digits) > 8 or not _HEX.issuperset(digits):
        raise BadRequest(400, "the size of a chunk is not a hexadecimal number")
    return int(digits, 16)


def read_head(text: bytes) -> Head:
    """Read the lines before the body of a request. Raises BadRequest for lines that have more than one reading."""
    first, *lines = text.lstrip(b"\r\n").split(b"\r\n")
    parts = first.split(b" ")
    if len(parts) != 3 or not parts[0] or not _TOKEN.issuperset(parts[0]) or not _is_visible(parts[1]):
        raise BadRequest(400, "the first line is not one of HTTP")
    method, target, version = parts
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise BadRequest(505, "the version is not HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        # A space before the colon and a line that continues the one before are read differently by other programs.
        if not colon or not name or not _TOKEN.issuperset(name) or b"\n" in value or b"\r" in value or b"\0" in value:
            raise BadRequest(400, "a header is not readable")
        key, said = name.decode("latin-1").lower(), value.strip(b" \t").decode("latin-1")
        headers[key] = f"{headers[key]},{said}" if key in headers else said
    path, _, query = target.decode("latin-1").partition("?")
    tokens = {token.strip().lower() for token in headers.get("connection", "").split(",")}
    return Head(
        Request(method.decode("latin-1"), path, query, headers, b""),
        _length(headers),
        keeps_alive=version == b"HTTP/1.1" and "close" not in tokens,
        waits_for_continue=headers.get("expect", "").lower() == "100-continue",
    )


def _length(headers: dict[str, str]) -> int | None:
    """The size of the body in bytes, or None for a body in chunks."""
    length, encoding = headers.get("content-length"), headers.get("transfer-encoding")
    if encoding is not None:
        if length is not None or encoding.lower() != "chunked":
            raise BadRequest(400, "the size of the body has more than one reading")
        return None
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit()) or len(length) > 18:
        raise BadRequest(400, "the size of the body is not a number")
    if int(length) > _LARGEST_BODY:
        raise BadRequest(413, "the body is too large")
    return int(length)


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


def _is_visible(target: bytes) -> bool:
    return bool(target) and min(target) > 0x20 and 0x7F not in target


def _with_body(request: Request, body: bytes) -> Request:
    return Request(request.method, request.path, request.query, request.headers, body)

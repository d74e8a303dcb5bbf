"""The HTTP server: whole requests in any pieces, one reading of each head, and one write per answer."""

import asyncio
import contextvars
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from interlock_local.server import _http
from interlock_local.server._access import Request
from interlock_local.server._durable import Answer
from interlock_local.server._http import Connection

GET = b"GET /a%20b?c=d HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


async def echo(request: Request) -> Answer:
    """The request as text, after one step of the loop."""
    await asyncio.sleep(0)
    text = f"{request.method} {request.path} {request.query} {request.body.decode()}".encode()
    return Answer(200, [(b"x-one", b"1")], text)


class Served:
    """A server in a thread, on a port of its own."""

    def __init__(self) -> None:
        self.answer: Callable[[Request], Awaitable[Answer]] = echo
        self.connections: set[Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self._run(self._open())
        self.port = self._server.sockets[0].getsockname()[1]

    async def _open(self) -> asyncio.Server:
        async def answer(request: Request) -> Answer:
            return await self.answer(request)

        return await self._loop.create_server(lambda: Connection(answer, self.connections), "127.0.0.1", 0)

    async def _finish(self) -> None:
        self._server.close()
        while self.connections or len(asyncio.all_tasks()) > 1:
            for connection in list(self.connections):
                connection.close()
            await asyncio.sleep(0)

    def start(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _run(self, work: Any) -> Any:
        return self.start(work).result(30)

    def close(self) -> None:
        self._run(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(self, *pieces: bytes) -> bytes:
        """All bytes of the answers, until the server closes the connection."""
        with self.connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.fixture
def server() -> Iterator[Served]:
    served = Served()
    yield served
    served.close()


def body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_request_is_answered(server: Served) -> None:
    answer = server.ask(GET)
    head, _, text = answer.partition(b"\r\n\r\n")
    assert text == b"GET /a%20b c=d "
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert b"x-one: 1" in lines
    assert b"content-length: %d" % len(text) in lines
    assert any(line.startswith(b"date: ") for line in lines)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_request_in_pieces_is_one_request(server: Served, size: int) -> None:
    whole = CHUNKED + b"3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: t\r\n\r\n"
    assert body(server.ask(*(whole[at : at + size] for at in range(0, len(whole), size)))) == b"PUT /  hello"


def test_requests_on_one_connection_are_answered_in_order(server: Served) -> None:
    answers = server.ask(POST + GET + CHUNKED + b"2\r\nok\r\n0\r\n\r\n" + GET)
    assert [part.partition(b"\r\n\r\n")[2] for part in answers.split(b"HTTP/1.1 200 OK")[1:]] == [
        b"POST /  hello",
        b"GET /a%20b c=d ",
        b"PUT /  ok",
        b"GET /a%20b c=d ",
    ]


def test_a_connection_stays_open_unless_the_client_closes_it(server: Served) -> None:
    with server.connect() as connection:
        for _ in range(2):
            connection.sendall(GET)
            assert b"connection: close" not in connection.recv(65536)
        connection.sendall(GET.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        last = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"connection: close" in last


def test_an_old_client_is_answered_and_left(server: Served) -> None:
    with server.connect() as connection:
        connection.sendall(GET.replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert b"connection: close" in b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_client_that_waits_for_the_word_to_go_on_gets_it(server: Served) -> None:
    with server.connect() as connection:
        connection.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"ok")
        assert body(connection.recv(65536)) == b"PUT /  ok"


def test_a_head_request_has_the_size_and_no_body(server: Served) -> None:
    async def stated(request: Request) -> Answer:
        return Answer(200, [(b"Content-Length", b"1234")], b"")

    server.answer = stated
    answer = server.ask(GET.replace(b"GET", b"HEAD"))
    assert b"content-length: 1234\r\n" in answer
    assert body(answer) == b""


def test_an_answer_states_the_size_of_its_own_body(server: Served) -> None:
    async def wrong(request: Request) -> Answer:
        return Answer(200, [(b"Content-Length", b"99"), (b"Transfer-Encoding", b"chunked")], b"ok")

    server.answer = wrong
    answer = server.ask(GET)
    assert answer.lower().count(b"content-length") == 1
    assert b"content-length: 2\r\n" in answer
    assert b"ransfer-" not in answer


@pytest.mark.parametrize("code", [204, 304])
def test_an_answer_that_has_no_body_states_no_size(server: Served, code: int) -> None:
    async def empty(request: Request) -> Answer:
        return Answer(code, [], b"")

    server.answer = empty
    answer = server.ask(GET)
    assert (status(answer), b"content-length" in answer) == (code, False)


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (b"GET /\r\n\r\n", 505),
        (b"GET / x HTTP/1.1\r\n\r\n", 400),
        (b"G(T / HTTP/1.1\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\nc: d\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nNo colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (CHUNKED + b"x\r\n", 400),
        (CHUNKED + b"-1\r\n", 400),
        (CHUNKED + b"1\r\nab\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    ],
)
def test_bytes_with_two_readings_are_rejected(server: Served, request_bytes: bytes, code: int) -> None:
    answer = server.ask(request_bytes, GET)
    assert status(answer) == code
    assert b"x-one" not in answer


def test_a_head_without_an_end_is_rejected(server: Served) -> None:
    pieces = [b"GET / HTTP/1.1\r\nA: ", *[b"x" * 1000] * 2000]
    assert status(server.ask(*pieces)) == 431


def test_a_body_in_chunks_is_limited(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "_LARGEST_BODY", 5)
    assert status(server.ask(CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")) == 200
    assert status(server.ask(CHUNKED + b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")) == 413


def test_a_request_for_another_protocol_is_answered_once(server: Served) -> None:
    answer = server.ask(GET.replace(b"Host: x", b"Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket") + b"\x81\x00")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"connection: close" in answer


def test_a_connection_without_a_request_is_closed(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "_IDLE", -1.0)
    monkeypatch.setattr(_http, "_SWEEP", 0.01)
    with server.connect() as connection:
        connection.sendall(POST[:-1])
        sweeping = server.start(_http._sweep(server.connections))
        assert connection.recv(65536) == b""
        sweeping.cancel()


def test_a_connection_with_a_request_is_not_closed(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "_IDLE", -1.0)
    monkeypatch.setattr(_http, "_SWEEP", 0.001)
    began, may_end = threading.Event(), threading.Event()

    async def slow(request: Request) -> Answer:
        began.set()
        await asyncio.to_thread(may_end.wait, 30)
        return Answer(200, [], b"ok")

    server.answer = slow
    with server.connect() as connection:
        connection.sendall(POST)
        assert began.wait(30)
        sweeping = server.start(_http._sweep(server.connections))
        server.start(asyncio.sleep(0.05)).result(30)
        sweeping.cancel()
        may_end.set()
        assert body(connection.recv(65536)) == b"ok"


def test_an_error_of_the_application_ends_the_connection(server: Served, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(request: Request) -> Answer:
        raise ValueError("no")

    server.answer = broken
    answer = server.ask(GET + GET)
    assert (status(answer), answer.count(b"HTTP/1.1")) == (500, 1)
    assert "a request was not answered: GET /a%20b" in caplog.text


def test_a_client_that_leaves_does_not_end_its_write(server: Served) -> None:
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    async def slow(request: Request) -> Answer:
        began.set()
        await asyncio.to_thread(may_end.wait, 30)
        ended.set()
        return Answer(200, [], b"")

    server.answer = slow
    with server.connect() as connection:
        connection.sendall(POST)
        assert began.wait(30)
    may_end.set()
    assert ended.wait(30)


def test_each_request_has_context_variables_of_its_own(server: Served) -> None:
    account: contextvars.ContextVar[str] = contextvars.ContextVar("account", default="none")

    async def remember(request: Request) -> Answer:
        before = account.get()
        account.set("other")
        return Answer(200, [], before.encode())

    server.answer = remember
    answers = server.ask(GET + GET)
    assert answers.count(b"none") == 2

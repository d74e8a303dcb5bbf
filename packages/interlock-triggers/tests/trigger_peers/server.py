"""An HTTP server on loopback that passes requests to a target and corrupts answers on request."""

import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit


class Request(NamedTuple):
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)


class Answer(NamedTuple):
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


class Cut(NamedTuple):
    """The connection ends without an answer, or after `sent` bytes of one."""

    sent: bytes = b""


class Hang(NamedTuple):
    """No answer until the caller gives up."""


Outcome = Answer | Cut | Hang

LONG = 120.0
"""Seconds that a silent peer waits. A caller that is still there has no deadline. It bounds a failing test only."""

FAULTS_BEFORE = ("cut-before", "500", "503", "throttle", "throttle-wait")
"""The target does not accept the request."""
REJECTIONS = ("300", "304", "400", "402", "404", "409", "410", "422")
"""The target permanently rejects a request that it may have accepted before: it has changed, or knows the key."""
FAULTS_AFTER = ("cut-after", "half", "garbage", "502-after", "504-after")
"""The target accepts the request, and its answer is corrupted."""


class Target:
    """The service behind a server. `choose` returns the fault of a request: (request, is it a start) -> name.

    `released` lets the callers go that wait for an answer. `outlasted`: a caller waited until the server gave up.
    """

    def __init__(self) -> None:
        self.released = threading.Event()
        self.outlasted = False
        self.requests: list[Request] = []
        self.fault_starts: str | None = None
        self.fault_others: str | None = None
        self.choose: Callable[[Request, bool], str | None] = self._as_set
        self.lock = threading.RLock()

    def _as_set(self, request: Request, is_start: bool) -> str | None:
        return self.fault_starts if is_start else self.fault_others

    def is_start(self, request: Request) -> bool:
        raise NotImplementedError

    def handle(self, request: Request) -> Answer:
        raise NotImplementedError

    def error(self, kind: str) -> Answer:
        """The target's own form of a 500, 503 or throttle."""
        status = {"500": 500, "503": 503, "throttle": 429, "throttle-wait": 429}[kind]
        return Answer(status, b'{"message": "not now"}', {"Retry-After": "0"} if kind == "throttle-wait" else {})

    def meet(self, request: Request) -> Outcome:
        with self.lock:
            self.requests.append(request)
            fault = self.choose(request, self.is_start(request))
            if fault == "cut-before":
                return Cut()
            if fault == "hang-before":
                return Hang()
            if fault in FAULTS_BEFORE:
                return self.error(str(fault))
            if fault in REJECTIONS:
                return Answer(int(str(fault)), b'{"error": "no"}')
            return _spoilt(fault, self.handle(request))

    @property
    def starts(self) -> list[Request]:
        return [request for request in self.requests if self.is_start(request)]


def _spoilt(fault: str | None, answer: Answer) -> Outcome:
    if fault in ("half", "garbage") and answer.status >= 300:
        return answer  # a rejection does not become a success on its way
    match fault:
        case None:
            return answer
        case "cut-after":
            return Cut()
        case "hang-after":
            return Hang()
        case "half":
            return Cut(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + answer.body[:5])
        case "garbage":
            return Answer(200, b"<html>\xff not what you think</html>", {"Content-Type": "text/html"})
        case "502-after":
            return Answer(502, b"bad gateway")
        case "504-after":
            return Answer(504, b"gateway timeout")
    raise AssertionError(fault)


class Server:
    """A target behind a port of 127.0.0.1."""

    def __init__(self, target: Target, *, tls: Any = None) -> None:
        self._target = target
        self._http = _Quiet(("127.0.0.1", 0), _handler(self))
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Server":
        self._thread.start()
        return self

    def target_of(self, request: Request) -> Target:
        """The target that answers a request."""
        return self._target

    def __exit__(self, *_: object) -> None:
        self._target.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report the errors of a target. A caller that has left is normal."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else b""
            parts = urlsplit(self.path)
            request = Request(self.command, parts.path, parse_qs(parts.query), dict(self.headers), body)
            target = server.target_of(request)
            outcome = target.meet(request)
            if isinstance(outcome, Hang):
                target.outlasted |= not target.released.wait(LONG)
                outcome = Cut()
            if isinstance(outcome, Cut):
                self.wfile.write(outcome.sent)
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(outcome.status)
            for name, value in {**outcome.headers, "Content-Length": str(len(outcome.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(outcome.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

    return Handler


def wait_for(condition: Callable[[], bool], seconds: float = LONG) -> bool:
    """Whether a condition becomes true. The limit only bounds a failing test."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()

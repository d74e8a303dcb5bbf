"""A TCP proxy on loopback that passes requests on, or drops requests or answers, as a test decides."""

import re
import socket
import threading
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Fate(Enum):
    """The fate of a request."""

    PASSED_ON = auto()
    ANSWER_LOST = auto()
    REQUEST_LOST = auto()


class Passage(NamedTuple):
    """A request line, the fate of the request, and the upstream's status line (empty for a lost request)."""

    request: str
    fate: Fate
    answer: str

    @property
    def is_start(self) -> bool:
        return self.request.startswith("POST ") and self.request.split()[1].endswith("/dagRuns")


class LosingProxy:
    """One request per connection, as the triggers send them. `decide` takes the request line and earlier passages."""

    def __init__(self, upstream: int, decide: Callable[[Passage, list[Passage]], Fate]) -> None:
        self.passages: list[Passage] = []
        self._upstream = upstream
        self._decide = decide
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._exchanges: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def accepted(self) -> int:
        """The number of starts with a success answer from the upstream, also if the answer was lost.

        The upstream may answer after the client gave up, so that this waits for all answers.
        """
        for exchange in list(self._exchanges):
            exchange.join(120)
        return sum(passage.is_start and passage.answer.split()[1:2] == ["200"] for passage in self.passages)

    def __enter__(self) -> "LosingProxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A close alone does not wake the accepting thread.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            exchange = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._exchanges.append(exchange)
            exchange.start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            sent = _request_from(client)
            passage = Passage(sent.partition(b"\r\n")[0].decode("latin-1"), Fate.PASSED_ON, "")
            with self._lock:
                fate = self._decide(passage, self.passages)
                index = len(self.passages)
                self.passages.append(passage._replace(fate=fate))
            if fate is Fate.REQUEST_LOST:
                return
            answer = self._answer_to(sent)
            status_line = answer.partition(b"\r\n")[0].decode("latin-1")
            self.passages[index] = self.passages[index]._replace(answer=status_line)
            if fate is Fate.PASSED_ON:
                client.sendall(answer)

    def _answer_to(self, sent: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self._upstream), 60) as upstream:
            upstream.sendall(sent)
            return b"".join(iter(lambda: upstream.recv(65536), b""))


def _request_from(client: socket.socket) -> bytes:
    received = b""
    while chunk := client.recv(65536):
        received += chunk
        head, whole, body = received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if whole and len(body) >= (int(length[1]) if length else 0):
            break
    return received

"""Name resolution and connecting without a network: both are recorded, and answers are written from a script."""

import re
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any


class Names:
    """A resolver with a table: each name has one list of addresses per question, and the last list stays.

    The C library reads numeric spellings, like in the real resolver. No server is asked.
    """

    def __init__(self, table: Mapping[str, Sequence[Sequence[str]]] | None = None) -> None:
        self._table = dict(table or {})
        self._asked: dict[str, int] = {}

    def __call__(self, host: str, port: int) -> list[tuple[Any, ...]]:
        answers = self._table.get(host.lower().rstrip("."))
        if answers is None:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            return [entry[4] for entry in found]
        turn = self._asked.get(host, 0)
        self._asked[host] = turn + 1
        return [(address, port) for address in answers[min(turn, len(answers) - 1)]]


class Wire:
    """A dialer without connections: addresses with a script answer from it, all others reject."""

    def __init__(self, scripts: Mapping[str, bytes] | None = None) -> None:
        self.dialled: list[str] = []
        self.received: list[bytes] = []
        self._scripts = dict(scripts or {})

    def __call__(self, address: tuple[Any, ...], seconds: float) -> socket.socket:
        self.dialled.append(str(address[0]))
        script = self._scripts.get(str(address[0]))
        if script is None:
            raise ConnectionRefusedError(111, "Connection refused")
        ours, theirs = socket.socketpair()
        ours.settimeout(seconds)
        threading.Thread(target=self._answer, args=(theirs, script), daemon=True).start()
        return ours

    def _answer(self, connection: socket.socket, script: bytes) -> None:
        with connection:
            received = b""
            while not _is_whole(received):
                received += connection.recv(65536) or b"\r\n\r\n"
            self.received.append(received)
            connection.sendall(script)


def _is_whole(received: bytes) -> bool:
    head, separator, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(separator) and len(body) >= (int(length[1]) if length else 0)


def redirect(status: int, location: str) -> bytes:
    """A redirecting answer."""
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

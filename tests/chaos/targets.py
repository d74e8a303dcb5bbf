"""The jobs of the day: a script that notes each start in a file, and an HTTP server that deduplicates by key."""

import json
import random
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from msgspec import Struct


class Start(Struct, frozen=True, order=True):
    """One start of a job: its pipeline, its date and its attempt."""

    pipeline: str
    date: str
    attempt: int


class Script:
    """The command of a pipeline. Each start is a line of a file, which one write appends."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "starts"
        self._file.touch()

    def command(self, pipeline: str) -> str:
        """The command for the pipeline file."""
        line = f'echo "{pipeline} $INTERLOCK_DATE $INTERLOCK_ATTEMPT" >> {self._file}'
        return f"sh -c '{line}; sleep 0.2'"

    def starts(self) -> Counter[Start]:
        """How often each attempt was started."""
        lines = [line.split() for line in self._file.read_text().splitlines()]
        return Counter(Start(pipeline, date, int(attempt)) for pipeline, date, attempt in lines)


class Target:
    """The HTTP server of a team. It answers slowly, fails at times, and starts one job per Idempotency-Key."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._keys: dict[str, Start] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The address for the pipeline files."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()

    def starts(self) -> Counter[Start]:
        """How often each attempt was started: once per key, as the server promises."""
        with self._lock:
            return Counter(self._keys.values())

    def take(self, key: str, start: Start) -> int:
        """The status of the answer to a request."""
        with self._lock:
            pause, fails_before, fails_after = (self._random.random() for _ in range(3))
        if fails_before < 0.05:
            return 503
        with self._lock:
            self._keys.setdefault(key, start)
        time.sleep(pause * 0.6)
        return 500 if fails_after < 0.05 else 200


def _handler_of(target: Target) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            start = Start(asked["pipeline"], asked["date"], int(asked["attempt"]))
            status = target.take(self.headers["Idempotency-Key"], start)
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name in the base class)
            """Log nothing. The keys are the record."""

    return Handler

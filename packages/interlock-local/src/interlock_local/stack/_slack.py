"""A recording Slack on loopback: answers chat.postMessage and auth.test like Slack, and keeps all messages."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

_HOST = "127.0.0.1"


class RecordingSlack:
    """Slack's API on a free port of loopback. A context manager. `base_url` is the base URL for slack-sdk.

    `journal` keeps every message as a line of JSON. `limit(n, seconds)` makes the next n posts answer 429. After
    `stop`, `start` serves the same messages on the same port again.
    """

    def __init__(self, token: str, *, journal: Path | None = None) -> None:
        self._token = token
        self._journal = journal
        self._lock = threading.Lock()
        self._messages: list[dict[str, Any]] = _read_journal(journal)
        self._limited: list[int] = []
        self._last_ts = 0
        self._server: ThreadingHTTPServer | None = self._bind(0)
        self._port = self._server.server_address[1]

    @property
    def hosts(self) -> frozenset[str]:
        """The names by which its callers reach it."""
        return frozenset({f"{_HOST}:{self._port}", f"localhost:{self._port}"})

    @property
    def base_url(self) -> str:
        """The base URL for the WebClient of slack-sdk."""
        return f"http://{_HOST}:{self._port}/api/"

    def messages(self) -> list[dict[str, Any]]:
        """All accepted messages, oldest first, with channel, text and ts, and with thread_ts for replies."""
        with self._lock:
            return list(self._messages)

    def limit(self, posts: int, retry_after: int) -> None:
        """Answer the next posts with 429 and Retry-After in seconds."""
        with self._lock:
            self._limited += [retry_after] * posts

    def start(self) -> None:
        """Start the server."""
        self._server = self._server or self._bind(self._port)
        threading.Thread(target=self._server.serve_forever, name="recording-slack", daemon=True).start()

    def stop(self) -> None:
        """Stop the server. Connections are refused from then on. A second call does nothing."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def _bind(self, port: int) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer((_HOST, port), _handler_of(self))
        server.daemon_threads = True
        return server

    def __enter__(self) -> "RecordingSlack":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, method: str, token: str, fields: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, body and headers of one call."""
        if token != self._token:
            return 200, {"ok": False, "error": "invalid_auth"}, {}
        if method == "auth.test":
            return 200, {"ok": True, "team": "local", "user": "interlock"}, {}
        if method != "chat.postMessage":
            return 200, {"ok": False, "error": "unknown_method"}, {}
        return self._post(fields)

    def _post(self, fields: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        with self._lock:
            if self._limited:
                return 429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(self._limited.pop(0))}
            if not fields.get("channel"):
                return 200, {"ok": False, "error": "channel_not_found"}, {}
            if not fields.get("text") and not fields.get("blocks"):
                return 200, {"ok": False, "error": "no_text"}, {}
            # Slack's ts is unique per channel, and its order is that of the messages.
            self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
            ts = f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06}"
            message = {**fields, "ts": ts}
            self._messages.append(message)
            if self._journal is not None:
                with self._journal.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(message) + "\n")
            return (
                200,
                {"ok": True, "channel": fields["channel"], "ts": ts, "message": {"text": fields.get("text")}},
                {},
            )


def _read_journal(journal: Path | None) -> list[dict[str, Any]]:
    """The messages of the journal. A line that a crash has cut is skipped, and gets a line end."""
    if journal is None or not journal.exists():
        return []
    text = journal.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        with journal.open("a", encoding="utf-8") as file:
            file.write("\n")
    messages = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            messages.append(json.loads(line))
    return messages


def _handler_of(slack: RecordingSlack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status, answer, headers = self._answer()
            encoded = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def _answer(self) -> tuple[int, dict[str, Any], dict[str, str]]:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            # As at the AWS API: a web page cannot choose Host, and its browser adds Origin.
            if self.headers.get("Origin") is not None or self.headers.get("Host") not in slack.hosts:
                return 403, {"ok": False, "error": "access_denied"}, {}
            try:
                fields = _fields(body.decode(), self.headers.get("Content-Type") or "")
            except (ValueError, TypeError):
                return 400, {"ok": False, "error": "invalid_arguments"}, {}
            return slack.answer(self.path.rpartition("/")[2], self._token() or fields.pop("token", ""), fields)

        def _token(self) -> str:
            return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name in the base class)
            """Log nothing. The messages are the record."""

    return Handler


def _fields(body: str, content_type: str) -> dict[str, Any]:
    if content_type.startswith("application/json"):
        return dict(json.loads(body or "{}"))
    return {name: values[0] for name, values in parse_qs(body).items()}

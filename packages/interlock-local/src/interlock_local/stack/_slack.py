"""A recording Slack on loopback: answers the used methods like Slack, and keeps all messages."""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

_HOST = "127.0.0.1"
_LONGEST_UPDATE = 4000
_UPDATE = "chat.update"
"""Marks a line of the journal that changes an earlier message."""

SCOPES = frozenset({"channels:history", "channels:read", "chat:write"})
"""The scopes that the alert-dispatcher's token should have."""


class RecordingSlack:
    """Slack's API on a free port of loopback. A context manager. `base_url` is the base URL for slack-sdk.

    `journal` keeps every message and every update as a line of JSON. `limit(n, seconds)` makes the next n posts answer
    429. After `stop`, `start` serves the same messages on the same port again. A method whose scope is not among the
    token's `scopes` answers missing_scope.
    """

    def __init__(self, token: str, *, journal: Path | None = None, scopes: frozenset[str] = SCOPES) -> None:
        self._token = token
        self._scopes = scopes
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
    def journal(self) -> Path | None:
        """The file of the messages, None if they are only in memory."""
        return self._journal

    @property
    def base_url(self) -> str:
        """The base URL for the WebClient of slack-sdk."""
        return f"http://{_HOST}:{self._port}/api/"

    def messages(self) -> list[dict[str, Any]]:
        """All accepted messages with their current texts, oldest first, with channel and ts, replies with thread_ts."""
        with self._lock:
            return [dict(message) for message in self._messages]

    def limit(self, posts: int, retry_after: int) -> None:
        """Answer the next posts with 429 and Retry-After in seconds."""
        with self._lock:
            self._limited += [retry_after] * posts

    def start(self) -> None:
        """Start the server."""
        self._server = self._server or self._bind(self._port)
        threading.Thread(target=self._server.serve_forever, name="recording-slack", daemon=True).start()

    def stop(self) -> None:
        """Stop the server. Connections are rejected from then on. A second call does nothing."""
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
        methods: dict[str, tuple[str | None, Callable[[dict[str, Any]], dict[str, Any]]]] = {
            "auth.test": (None, lambda _: {"ok": True, "team": "local", "user": "interlock"}),
            "chat.postMessage": ("chat:write", self._post),
            "chat.update": ("chat:write", self._update),
            "conversations.history": ("channels:history", self._history),
            "conversations.replies": ("channels:history", self._history),
            "conversations.info": ("channels:read", self._info),
        }
        if method not in methods:
            return 200, _error("unknown_method"), {}
        scope, call = methods[method]
        if scope is not None and scope not in self._scopes:
            return 200, {**_error("missing_scope"), "needed": scope, "provided": ",".join(sorted(self._scopes))}, {}
        with self._lock:
            if method == "chat.postMessage" and self._limited:
                return 429, _error("ratelimited"), {"Retry-After": str(self._limited.pop(0))}
            return 200, call(fields), {}

    def _post(self, fields: dict[str, Any]) -> dict[str, Any]:
        if not fields.get("channel"):
            return _error("channel_not_found")
        if not fields.get("text") and not fields.get("blocks"):
            return _error("no_text")
        # Slack's ts is unique per channel, and its order is that of the messages.
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        ts = f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06}"
        message = {**fields, "ts": ts}
        self._messages.append(message)
        self._note(message)
        return {"ok": True, "channel": fields["channel"], "ts": ts, "message": {"text": fields.get("text")}}

    def _update(self, fields: dict[str, Any]) -> dict[str, Any]:
        if not fields.get("text") and not fields.get("blocks"):
            return _error("no_text")
        if len(fields.get("text") or "") > _LONGEST_UPDATE:
            return _error("msg_too_long")
        if not _apply(self._messages, fields):
            return _error("message_not_found")
        self._note({_UPDATE: True, **fields})
        return {"ok": True, "channel": fields["channel"], "ts": fields["ts"], "text": fields.get("text")}

    def _history(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The messages of the channel, latest first, or those of the thread `ts`, oldest first."""
        oldest, thread = float(fields.get("oldest") or 0), fields.get("ts")
        found = [one for one in self._messages if one["channel"] == fields.get("channel") and float(one["ts"]) > oldest]
        if thread:
            found = [one for one in found if thread in (one["ts"], one.get("thread_ts"))]
        else:
            found = [one for one in reversed(found) if "thread_ts" not in one or one.get("reply_broadcast")]
        first, limit = int(fields.get("cursor") or 0), int(fields.get("limit") or 100)
        has_more = first + limit < len(found)
        return {
            "ok": True,
            "messages": [_shown(one, fields) for one in found[first : first + limit]],
            "has_more": has_more,
            "response_metadata": {"next_cursor": str(first + limit) if has_more else ""},
        }

    def _info(self, fields: dict[str, Any]) -> dict[str, Any]:
        if not fields.get("channel"):
            return _error("channel_not_found")
        return {"ok": True, "channel": {"id": fields["channel"], "is_member": True, "is_archived": False}}

    def _note(self, line: dict[str, Any]) -> None:
        if self._journal is not None:
            with self._journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def _error(code: str) -> dict[str, Any]:
    return {"ok": False, "error": code}


def _apply(messages: list[dict[str, Any]], update: dict[str, Any]) -> bool:
    """Change the message `ts` as chat.update does. The result is whether the channel has it."""
    place = (update.get("channel"), update.get("ts"))
    found = next((one for one in messages if (one["channel"], one["ts"]) == place), None)
    if found is None:
        return False
    if "text" in update and "blocks" not in update:
        found.pop("blocks", None)
    found.update({name: update[name] for name in ("text", "blocks", "metadata") if name in update})
    return True


def _shown(message: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
    """A message of the history. Its metadata is there on request only."""
    wants = str(query.get("include_all_metadata")).lower() in ("1", "true")
    return {name: value for name, value in message.items() if name != "metadata" or wants}


def _read_journal(journal: Path | None) -> list[dict[str, Any]]:
    """The messages of the journal. A line that a crash has cut is skipped, and gets a line end."""
    if journal is None or not journal.exists():
        return []
    text = journal.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        with journal.open("a", encoding="utf-8") as file:
            file.write("\n")
    messages: list[dict[str, Any]] = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if entry.pop(_UPDATE, False):
                _apply(messages, entry)
            else:
                messages.append(entry)
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

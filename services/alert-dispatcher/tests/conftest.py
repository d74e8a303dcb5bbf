"""An events table in memory, a Slack on loopback, and a clock that the test moves."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import boto3
import pytest
from moto import mock_aws

from interlock_alert_dispatcher import handler
from interlock_telemetry import InvocationDeadline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

sys.path.insert(0, str(Path(__file__).parent))

TABLE = "test-interlock-events"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--alerts N`: the number of alerts of the flood."""
    parser.addoption("--alerts", type=int, default=160, help="alerts in the flood with faults")


class Answer:
    """Slack's next answer: an HTTP status, headers and a body. `hang_up` drops the connection instead."""

    def __init__(
        self,
        body: dict[str, Any] | str,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        hang_up: bool = False,
    ) -> None:
        self.body, self.status, self.headers, self.hang_up = body, status, headers or {}, hang_up


Fields = dict[str, Any]
CHANNEL: Fields = {"ok": True, "channel": {"id": "C1", "is_member": True, "is_archived": False}}


class LoopbackSlack:
    """Behaves like the used methods of Slack: keeps posted messages, and answers with a growing ts.

    Each post or update takes the first of `answers`, if any. Its message is then posted only if the answer is ok, or
    hangs up after the post. `before` is called with the fields of each post before the answer, `updating` with those of
    each update. A reader of the history sees all messages at once.
    """

    def __init__(self) -> None:
        self.posted: list[Fields] = []
        self.updates: list[Fields] = []
        self.looks: list[str] = []
        """The calls that read the history."""
        self.tokens: list[str] = []
        self.requests = 0
        self.answers: list[Answer] = []
        self.reply_answer: Answer | None = None
        """The answer to each reply, which is not posted then."""
        self.update_answers: list[Answer] = []
        self.look_answers: list[Answer] = []
        self.away: Callable[[], bool] = lambda: False
        """Whether every request fails with 503, that of a probe too."""
        self.probes = 0
        self.probe_answers: list[Answer] = []
        self.before: Callable[[Fields], object] = lambda body: None
        self.updating: Callable[[Fields], object] = lambda body: None
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/api/"

    @property
    def texts(self) -> list[str]:
        """The texts of the replies, oldest first."""
        return [message["text"] for message in self.replies]

    @property
    def heads(self) -> list[Fields]:
        """The messages that opened a thread, with their current texts."""
        return [message for message in self.posted if "thread_ts" not in message]

    @property
    def replies(self) -> list[Fields]:
        return [message for message in self.posted if "thread_ts" in message]

    @property
    def opened(self) -> list[str]:
        """The ts of the messages that opened a thread."""
        return [message["ts"] for message in self.heads]

    @property
    def broadcast(self) -> list[Fields]:
        """The replies that the channel shows."""
        return [message for message in self.replies if message.get("reply_broadcast")]

    def take(self, path: str, token: str, body: Fields) -> Answer:
        method = path.removeprefix("/api/")
        with self._lock:
            self.requests += 1
            self.tokens.append(token)
            self.probes += method == "auth.test"
            if self.away():
                return Answer("", status=503)
            if method == "auth.test":
                return self.probe_answers.pop(0) if self.probe_answers else Answer({"ok": True})
            if method.startswith("conversations."):
                self.looks.append(method)
                if self.look_answers:
                    return self.look_answers.pop(0)
                return Answer(CHANNEL) if method == "conversations.info" else self._history(body)
        if method == "chat.update":
            return self._update(body)
        if method == "chat.postMessage":
            return self._post(body)
        return Answer({"ok": False, "error": "unknown_method"})

    def _post(self, body: Fields) -> Answer:
        with self._lock:
            answer = self.answers.pop(0) if self.answers else None
            if "thread_ts" in body and self.reply_answer is not None:
                answer = self.reply_answer
        self.before(body)
        with self._lock:
            ts = f"1700000000.{len(self.posted):06d}"
            if answer is None or answer.hang_up:
                self.posted.append({**body, "ts": ts})
            return answer or Answer({"ok": True, "channel": body["channel"], "ts": ts})

    def _update(self, body: Fields) -> Answer:
        with self._lock:
            answer = self.update_answers.pop(0) if self.update_answers else None
        self.updating(body)
        with self._lock:
            found = [message for message in self.posted if message["ts"] == body["ts"]]
            if not found:
                return Answer({"ok": False, "error": "message_not_found"})
            if answer is None or answer.hang_up:
                self.updates.append(body)
                found[0].update({name: body[name] for name in ("text", "blocks", "metadata") if name in body})
            return answer or Answer({"ok": True, "channel": body["channel"], "ts": body["ts"]})

    def _history(self, query: Fields) -> Answer:
        """One message per page, so that each reader must follow the cursor."""
        thread = query.get("ts")
        here = [one for one in self.posted if one.get("channel") == query["channel"]]
        found = [one for one in here if thread in (None, one.get("thread_ts"), one["ts"])]
        if thread is None:
            found = [one for one in found[::-1] if "thread_ts" not in one or one.get("reply_broadcast")]
        first = int(query.get("cursor") or 0)
        following = str(first + 1) if first + 1 < len(found) else ""
        messages = [
            {name: value for name, value in one.items() if name != "metadata" or "include_all_metadata" in query}
            for one in found[first : first + 1]
        ]
        return Answer({"ok": True, "messages": messages, "response_metadata": {"next_cursor": following}})

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler_of(slack: LoopbackSlack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"] or 0)
            text = self.rfile.read(length).decode()
            if len(text.encode()) < length:
                self.close_connection = True  # Slack does not handle a part of a request either.
                return
            # Slack's methods that read take no JSON.
            is_json = self.headers["Content-Type"].startswith("application/json")
            self._answer(self.path, json.loads(text or "{}") if is_json else dict(parse_qsl(text)))

        def _answer(self, path: str, body: Fields) -> None:
            answer = slack.take(path, self.headers["Authorization"].removeprefix("Bearer "), body)
            if answer.hang_up:
                self.close_connection = True
                return
            content = (answer.body if isinstance(answer.body, str) else json.dumps(answer.body)).encode()
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            return

    return Handler


class Crash(BaseException):
    """The end of the process. Only another process continues."""


class SerialTable:
    """One request at a time: DynamoDB serialises the writes of an item, and moto does not.

    `before` and `after` are called around each request with the operation's name.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()
        self.before: Callable[[str], object] = lambda operation: None
        self.after: Callable[[str], object] = lambda operation: None

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._client, name)
        if name == "exceptions":
            return value

        def call(**request: Any) -> Any:
            with self._lock:
                self.before(name)
                answer = value(**request)
                self.after(name)
            return answer

        return call


class Clock:
    """Time for the code under test. Only sleeping moves it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
        self.slept: list[timedelta] = []

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, length: timedelta) -> None:
        self.slept.append(length)
        self.at += length

    def deadline(self, length: timedelta = timedelta(minutes=1)) -> InvocationDeadline:
        return InvocationDeadline.after(length, clock=self.monotonic)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slack() -> Iterator[LoopbackSlack]:
    server = LoopbackSlack()
    yield server
    server.close()


@pytest.fixture
def answer() -> type[Answer]:
    return Answer


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator["DynamoDBClient"]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    for name in ("AWS_ENDPOINT_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    handler.handle.reset()
    # Slack is on loopback and takes real requests.
    with mock_aws(config={"core": {"reset_boto3_session": False, "passthrough": {"urls": [r"http://127\.0\.0\.1.*"]}}}):
        client = boto3.client("dynamodb")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                *({"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK", "eventType")),
                {"AttributeName": "timestamp", "AttributeType": "N"},
            ],
            KeySchema=[
                {"AttributeName": "PK", "KeyType": "HASH"},
                {"AttributeName": "SK", "KeyType": "RANGE"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "GSI1",
                    "KeySchema": [
                        {"AttributeName": "eventType", "KeyType": "HASH"},
                        {"AttributeName": "timestamp", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        yield client
    handler.handle.reset()


@pytest.fixture
def table(dynamodb: "DynamoDBClient") -> SerialTable:
    return SerialTable(dynamodb)


@pytest.fixture
def serial() -> type[SerialTable]:
    return SerialTable


@pytest.fixture
def crash() -> type[BaseException]:
    return Crash

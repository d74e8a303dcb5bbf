"""The receivers of targets, and the messages and routings of their tests."""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3

from interlock_alert_dispatcher import handler
from interlock_alert_dispatcher.alert import Alert, read_alert
from interlock_alert_dispatcher.drain import Drained
from interlock_config import decode_alerts_yaml, encode_alerts
from interlock_telemetry import InvocationDeadline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "test-interlock-events"
KEY = "a-key-of-a-webhook"
TICK = {"probe": True}
AT = datetime(2026, 3, 3, 8, tzinfo=UTC)


class Context:
    """The used part of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class Hook:
    """A receiver of webhooks on loopback. It takes the first of `answers` for each request, else 204."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.paths: list[str] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.paths.append(self.path)
                hook.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status, headers = hook.answers.pop(0) if hook.answers else (204, {})
                self.send_response(status)
                for name, value in {**headers, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_request(self, code: object = "-", size: object = "-") -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/interlock?team=data"

    @property
    def ids(self) -> list[str]:
        return [json.loads(body)["detail"]["id"] for _, body in self.requests]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Queue:
    """An SNS topic, and the queue that keeps its messages."""

    def __init__(self, name: str) -> None:
        fifo = name.endswith(".fifo")
        made: Any = {"Attributes": {"FifoTopic": "true", "ContentBasedDeduplication": "false"}} if fifo else {}
        queued: Any = {"Attributes": {"FifoQueue": "true"}} if fifo else {}
        self._sqs, sns = boto3.client("sqs"), boto3.client("sns")
        self.arn = sns.create_topic(Name=name, **made)["TopicArn"]
        self._url = self._sqs.create_queue(QueueName=name, **queued)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=arn)

    def messages(self) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def use(table: "DynamoDBClient", text: str) -> None:
    """Write the routing, for a process that starts now."""
    row = {"PK": {"S": "ALERTS"}, "SK": {"S": "CONFIG"}, "config": {"S": encode_alerts(decode_alerts_yaml(text))}}
    table.put_item(TableName=TABLE, Item=row)  # type: ignore[arg-type]
    handler.handle.reset()


def webhook(url: str, routes: str = "[{to: [hook]}]", more: str = "") -> str:
    target = f"{{webhook: '{url}', secret: '${{INTERLOCK_WEBHOOK_KEY}}'}}"
    return f"version: 1\ntargets: {{hook: {target}{more}}}\nroutes: {routes}"


BOTH = "[{to: [hook, team]}]"
TEAM = ", team: {slack: C2000000}"


def message(identifier: str, kind: str = "JOB_FAILED", **fields: Any) -> dict[str, Any]:
    detail = {
        "id": identifier,
        "pipelineId": "bronze",
        "scheduleId": "stream",
        "date": "2026-03-03",
        "timestamp": AT.isoformat(),
        "message": f"message {identifier}",
        **fields,
    }
    return {"messageId": identifier, "body": json.dumps({"detail-type": kind, "source": "interlock", "detail": detail})}


def deliver(*messages: dict[str, Any]) -> list[str]:
    answer = handler.handle({"Records": list(messages)}, Context())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def alert(identifier: str = "a", kind: str = "JOB_FAILED", **fields: Any) -> Alert:
    return read_alert(message(identifier, kind, **fields))


def keys(table: "DynamoDBClient") -> set[str]:
    return {row["SK"]["S"] for row in table.scan(TableName=TABLE)["Items"]}


class Recorder:
    """A target that records the ids of its alerts, and fails as long as it has a failure."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.ids: list[str] = []
        self.shares: list[timedelta] = []
        self.failure = failure

    def deliver(self, alert: Alert, body: str, deadline: InvocationDeadline) -> None:
        if self.failure is not None:
            raise self.failure
        self.ids.append(alert.id)

    def run(self, deadline: InvocationDeadline) -> Drained:
        self.shares.append(deadline.remaining())
        if self.failure is not None:
            raise self.failure
        return Drained(1, 2, "it is away")


def topic_routing(arn: str, form: str = "text") -> str:
    return f"version: 1\ntargets: {{mail: {{sns: '{arn}', format: {form}}}}}\ndefault: [mail]"


def silence(table: "DynamoDBClient", **more: Any) -> dict[str, Any]:
    row = silence_row(**more)
    table.put_item(TableName=TABLE, Item=row)
    handler.handle.reset()
    return row


def row_at(table: "DynamoDBClient", sk: str) -> Any:
    key: Any = {"PK": {"S": "PIPELINE#bronze"}, "SK": {"S": sk}}
    return table.get_item(TableName=TABLE, Key=key)["Item"]


DIGEST = 'digest: {at: "00:00", to: '


def silence_row(*, begin: timedelta = timedelta(), **more: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    until = now + begin + timedelta(hours=1)
    row = {
        "PK": {"S": "SILENCES"},
        "SK": {"S": f"{round(until.timestamp() * 1000):013d}#s1"},
        "silenceId": {"S": "s1"},
        "pipeline": {"S": "bronze"},
        "events": {"L": []},
        "every": {"BOOL": False},
        "since": {"S": (now + begin).isoformat()},
        "until": {"S": until.isoformat()},
    }
    return {name: value for name, value in {**row, **more}.items() if value is not None}

"""Routing and silences on the local stack: the packed Lambda posts to a webhook and to an SNS topic."""

import hashlib
import hmac
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from integration.conftest import PATIENCE, Outside, await_that, pipeline

DATE = "2026-03-01"


class Hook:
    """A receiver of webhooks on loopback."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, bytes]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.requests.append((self.headers["X-Interlock-Signature"], body))
                self.send_response(204)
                self.end_headers()

            def log_request(self, code: object = "-", size: object = "-") -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/alerts"

    def types(self, name: str) -> list[str]:
        events = [json.loads(body) for _, body in self.requests]
        return [event["detail-type"] for event in events if event["detail"]["pipelineId"] == name]


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


class Mail:
    """An SNS topic, and the queue that gets its messages."""

    def __init__(self, outside: Outside) -> None:
        self._sqs, sns = outside.stack.client("sqs"), outside.stack.client("sns")
        self.arn = sns.create_topic(Name="routed-mail")["TopicArn"]
        self._url = self._sqs.create_queue(QueueName="routed-mail")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]
        sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=attributes["QueueArn"])

    def subjects(self) -> list[str]:
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(message["Body"])["Subject"] for message in answer.get("Messages", [])]


def fail(outside: Outside, name: str) -> None:
    outside.push(name, pipeline(outside.folder, name, work="exit 3"))
    outside.store.put_sensor(name, f"ready#{DATE}", {"ready": True, "count": 10, "date": DATE})
    outside.closed(name, DATE)
    await_that(lambda: "RETRY_EXHAUSTED" in outside.events(name, DATE), "the event")


def fates(outside: Outside) -> dict[str, list[str]]:
    """The fates of the alerts that were not posted, by pipeline. Other tests of the session have alerts too."""
    command = [sys.executable, "-m", "interlock_cli", "alerts", "audit", "--since", "1h", "-o", "json"]
    where = ["--endpoint-url", outside.stack.endpoint_url]
    done = subprocess.run([*command, *where], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode in {0, 1}, done.stderr
    found = json.loads(done.stdout)
    assert sum(found["counts"].values()) == found["events"]
    by_pipeline: dict[str, list[str]] = {}
    for one in found["notPosted"]:
        by_pipeline.setdefault(one["pipeline"], []).append(one["fate"])
    return by_pipeline


def test_alerts_follow_their_routes_and_silences(outside: Outside, hook: Hook) -> None:
    routing, mail = outside.folder / "alerts.yaml", Mail(outside)
    target = f"{{webhook: '{hook.url}', secret: '${{INTERLOCK_WEBHOOK_KEY}}'}}"
    routing.write_text(
        f"version: 1\ntargets: {{hook: {target}, mail: {{sns: '{mail.arn}'}}}}\n"
        "routes: [{match: {pipeline: routed*}, to: [hook, mail]}]\n"
    )
    assert "written" in outside.interlock("push", str(routing)).stdout
    assert "unchanged" in outside.interlock("push", str(routing)).stdout
    outside.push("routed-muted", pipeline(outside.folder, "routed-muted", work="exit 3"))
    outside.interlock("silence", "routed-muted", "--until", "1h", "--reason", "a test", "--event", "RETRY_EXHAUSTED")
    # A process of the alert-dispatcher reads the routing once a minute. New processes read it at once.
    outside.kill("alert-dispatcher")
    try:
        fail(outside, "routed")
        fail(outside, "routed-muted")
        await_that(lambda: "RETRY_EXHAUSTED" in hook.types("routed"), "the post")
        await_that(lambda: fates(outside).get("routed-muted") == ["silenced", "merged"], "the silence", every=1.0)
        assert hook.types("routed-muted") == []
        await_that(lambda: mail.subjects() == ["CRITICAL: RETRY_EXHAUSTED routed 2026-03-01"], "the SNS message")
        signature, body = next(one for one in hook.requests if json.loads(one[1])["detail-type"] == "RETRY_EXHAUSTED")
        at, _, digest = signature.removeprefix("t=").partition(",v1=")
        assert digest == hmac.new(b"a-key", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        texts = [message["text"] for message in outside.stack.slack_messages()]
        assert not [text for text in texts if "· routed" in text]
        assert fates(outside).get("routed") == ["merged"]
    finally:
        routing.write_text("version: 1\n")
        outside.interlock("push", str(routing))

"""Alerts with a routing: each target gets its alerts once, whatever happens to the other targets."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from interlock_alert_dispatcher import handler
from interlock_alert_dispatcher.alert import Alert, read_alert
from interlock_alert_dispatcher.blocks import mention_of
from interlock_alert_dispatcher.delivery import Delivery
from interlock_alert_dispatcher.deployment import Deployment
from interlock_alert_dispatcher.dispatch import Dispatcher
from interlock_alert_dispatcher.drain import Drained
from interlock_alert_dispatcher.errors import SettingsFault, TargetAway, TargetBusy, TargetRefused, TargetRejected
from interlock_alert_dispatcher.fanout import AllDrains, Announcement, Fanout, Target, Targets
from interlock_alert_dispatcher.leases import LeasedRows
from interlock_alert_dispatcher.makers import SigningKey, TargetMaker
from interlock_alert_dispatcher.pacing import Pacing
from interlock_alert_dispatcher.pending import PendingAlerts, targets_that_waited
from interlock_alert_dispatcher.plain import plain_text_of, subject_of
from interlock_alert_dispatcher.plans import Plans
from interlock_alert_dispatcher.routing import Routing, RoutingRow
from interlock_alert_dispatcher.sender import Sender
from interlock_alert_dispatcher.silences import Silences
from interlock_alert_dispatcher.slack import Slack
from interlock_alert_dispatcher.text import date_of
from interlock_alert_dispatcher.tokens import FixedToken
from interlock_alert_dispatcher.topics import Topic
from interlock_alert_dispatcher.webhooks import Webhook
from interlock_config import decode_alerts_yaml, encode_alerts
from interlock_dlq import DeadLetter, NullRouter, RoutingFailed
from interlock_telemetry import InvalidEnvironment, InvocationDeadline, environment
from interlock_triggers import Poster

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


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def table(dynamodb: "DynamoDBClient", slack: Any, monkeypatch: pytest.MonkeyPatch) -> "DynamoDBClient":
    variables = {
        "EVENTS_TABLE": TABLE,
        "EVENTS_TTL_DAYS": "90",
        "SLACK_CHANNEL_ID": "C1000000",
        "SLACK_API_URL": slack.url,
        "SLACK_BOT_TOKEN": "xoxb-plain",
        "INTERLOCK_WEBHOOK_KEY": KEY,
        "INTERLOCK_TRIGGER_ALLOWED_HOSTS": "127.0.0.1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in ("SLACK_SECRET_ARN", "DLQ_QUEUE_URL", "PROFILE_BUCKET", "ALERT_QUIET"):
        monkeypatch.delenv(name, raising=False)
    return dynamodb


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


# --- threads of alerts that are routed elsewhere -----------------------------------------------------------------

ON_CALL = "{match: {severity: [critical]}, to: [on-call], continue: true}"
BY_SEVERITY = f"""
version: 1
targets: {{on-call: {{slack: C3000000}}, team: {{slack: C2000000}}}}
routes: [{ON_CALL}, {{to: [team]}}]
"""


def timed(identifier: str, kind: str, minute: int, **fields: Any) -> dict[str, Any]:
    return message(identifier, kind, timestamp=(AT + timedelta(minutes=minute)).isoformat(), **fields)


def at_channel(found: list[dict[str, Any]], channel: str = "C3000000") -> list[dict[str, Any]]:
    return [one for one in found if one["channel"] == channel]


def test_a_success_resolves_the_head_of_each_channel(table: "DynamoDBClient", slack: Any) -> None:
    use(table, BY_SEVERITY)
    deliver(timed("a", "RETRY_EXHAUSTED", 0), timed("b", "JOB_COMPLETED", 1))
    for channel in ("C2000000", "C3000000"):
        (head,) = at_channel(slack.heads, channel)
        assert head["text"].startswith("🟢")
    # The success is routed to the team alone.
    assert [len(at_channel(slack.replies, channel)) for channel in ("C2000000", "C3000000")] == [2, 1]


def test_a_failure_after_a_rerun_is_broadcast_in_each_channel(table: "DynamoDBClient", slack: Any) -> None:
    use(table, BY_SEVERITY)
    deliver(timed("a", "RETRY_EXHAUSTED", 0), timed("b", "RERUN_ACCEPTED", 1), timed("c", "RETRY_EXHAUSTED", 2))
    for channel in ("C2000000", "C3000000"):
        (shown,) = at_channel(slack.broadcast, channel)
        assert "message c" in shown["text"]


def test_a_problem_that_a_channel_missed_is_broadcast_later(table: "DynamoDBClient", slack: Any) -> None:
    routes = "{match: {event: [SLA_BREACH, RETRY_EXHAUSTED]}, to: [on-call], continue: true}, {to: [team]}"
    use(table, BY_SEVERITY.replace(f"{ON_CALL}, {{to: [team]}}", routes))
    # The on-call channel does not see the poll that ended, so the failure of the same severity is new there.
    deliver(timed("a", "SLA_BREACH", 0), timed("b", "JOB_POLL_EXHAUSTED", 1), timed("c", "RETRY_EXHAUSTED", 2))
    assert ["message c" in one["text"] for one in at_channel(slack.broadcast)] == [True]
    assert ["message b" in one["text"] for one in at_channel(slack.broadcast, "C2000000")] == [True]


def test_a_success_that_comes_first_resolves_a_later_head(table: "DynamoDBClient", slack: Any) -> None:
    use(table, BY_SEVERITY)
    deliver(timed("b", "JOB_COMPLETED", 1))
    assert slack.posted == []
    deliver(timed("a", "RETRY_EXHAUSTED", 0))
    assert at_channel(slack.heads)[0]["text"].startswith("🟢")


def test_a_channel_follows_no_run_that_its_routes_exclude(table: "DynamoDBClient", slack: Any) -> None:
    use(table, BY_SEVERITY.replace("severity: [critical]", "severity: [critical], pipeline: gold-*"))
    deliver(timed("a", "RETRY_EXHAUSTED", 0))
    assert not any(key.endswith("#C3000000") for key in keys(table))


def test_a_head_of_a_channel_that_is_away_is_updated_later(table: "DynamoDBClient", slack: Any) -> None:
    use(table, BY_SEVERITY)
    deliver(timed("a", "RETRY_EXHAUSTED", 0))
    slack.away = lambda: True
    assert deliver(timed("b", "JOB_COMPLETED", 1)) == []
    slack.away = lambda: False
    handler.handle.reset()
    assert handler.handle(TICK, Context())["waiting"] == 0
    (head,) = at_channel(slack.heads)
    assert head["text"].startswith("🟢")
    assert len(at_channel(slack.replies)) == 1


def test_a_state_that_was_not_kept_delivers_the_alert_again(dynamodb: "DynamoDBClient", slack: Any, clock: Any) -> None:
    def fail(alert: Alert, body: str, deadline: InvocationDeadline) -> None:
        raise ConnectionError("the table is away")

    team, on_call = Recorder(), Recorder()
    rules = decode_alerts_yaml(BY_SEVERITY)
    made = {"team": Target("team", team, team), "on-call": Target("on-call", on_call, on_call, place="C3", follow=fail)}
    targets = Targets(lambda: Routing(rules), lambda name, *_: made[name])
    fanout = Fanout(targets, Plans(dynamodb, TABLE, timedelta(days=1), now=clock.now))
    with pytest.raises(ConnectionError):
        fanout.deliver(alert(kind="JOB_COMPLETED"), "{}", clock.deadline())
    assert (team.ids, on_call.ids) == (["a"], [])


# --- routes ------------------------------------------------------------------------------------------------------


def test_each_alert_goes_to_the_targets_of_its_route(table: "DynamoDBClient", slack: Any, hook: Hook) -> None:
    topic = Queue("alerts")
    use(
        table,
        f"""
version: 1
targets:
  team: {{slack: C2000000}}
  mail: {{sns: '{topic.arn}'}}
  hook: {{webhook: '{hook.url}', secret: '${{INTERLOCK_WEBHOOK_KEY}}'}}
routes:
  - {{match: {{severity: [critical]}}, to: [mail], continue: true}}
  - {{match: {{owner: data-*}}, to: [team]}}
  - {{match: {{event: [RERUN_ACCEPTED]}}, to: [hook]}}
""",
    )
    assert deliver(message("a", "SLA_BREACH", owner="data-eu"), message("b", "RERUN_ACCEPTED"), message("c")) == []
    assert [(one["channel"], one["text"].splitlines()[1]) for one in slack.replies] == [
        ("C2000000", "message a"),
        ("C1000000", "message c"),
    ]
    assert [one["Subject"] for one in topic.messages()] == ["CRITICAL: SLA_BREACH bronze 2026-03-03"]
    assert hook.ids == ["b"]


def test_rows_of_the_default_channel_keep_their_keys(table: "DynamoDBClient", slack: Any) -> None:
    more = "targets: {same: {slack: C1000000}, team: {slack: C2000000}}"
    use(table, f"version: 1\n{more}\nroutes: [{{to: [same, team]}}]")
    deliver(message("a"))
    plan = row_at(table, "ROUTE#a")
    assert json.loads(plan["targets"]["S"]) == {"same": "", "team": "C2000000"}
    assert keys(table) == {
        "CONFIG",
        "ROUTE#a",
        "ALERT#a",
        "ALERT#a#C2000000",
        "THREAD#stream#2026-03-03",
        "THREAD#stream#2026-03-03#C2000000",
    }


def test_an_alert_that_was_posted_before_a_routing_stays_posted(table: "DynamoDBClient", slack: Any) -> None:
    deliver(message("a"))
    use(table, "version: 1\ntargets: {same: {slack: C1000000}}\nroutes: [{to: [same]}]")
    deliver(message("a"))
    assert len(slack.replies) == 1


def test_an_edit_of_the_routing_changes_no_alert_halfway(table: "DynamoDBClient", slack: Any, hook: Hook) -> None:
    use(table, webhook(hook.url, BOTH, TEAM))
    deliver(message("a"))
    use(table, "version: 1\ntargets: {other: {slack: C3000000}}\nroutes: [{to: [other]}]")
    deliver(message("a"), message("b"))
    # The targets of the first alert left the routing, so its repeated delivery leads to the default channel.
    assert [(one["channel"], one["text"].splitlines()[1]) for one in slack.replies] == [
        ("C2000000", "message a"),
        ("C1000000", "message a"),
        ("C3000000", "message b"),
    ]


def test_a_merged_failure_goes_to_no_target(table: "DynamoDBClient", slack: Any, hook: Hook) -> None:
    use(table, webhook(hook.url, BOTH, TEAM))
    assert deliver(message("a", followedBy="RETRY_EXHAUSTED")) == []
    assert (hook.requests, slack.posted) == ([], [])


def test_an_unreadable_plan_is_decided_again(table: "DynamoDBClient", slack: Any) -> None:
    key: Any = {"PK": {"S": "PIPELINE#bronze"}, "SK": {"S": "ROUTE#a"}}
    plans = Plans(table, TABLE, timedelta(days=1), now=lambda: AT)
    for junk in ({"S": "?"}, {"S": "{}"}, {"N": "1"}, {"S": "[1]"}):
        table.put_item(TableName=TABLE, Item={**key, "targets": junk})
        assert plans.keep(alert(), {"team": "C2000000"}) == ["team"]


def test_the_routing_is_read_once_a_minute(table: "DynamoDBClient", clock: Any) -> None:
    row = RoutingRow(table, TABLE, now=clock.now)
    assert row.current() == Routing()
    use(table, "version: 1")
    clock.sleep(timedelta(seconds=59))
    assert row.current().rules is None
    clock.sleep(timedelta(seconds=1))
    assert row.current().rules is not None
    table.delete_item(TableName=TABLE, Key={"PK": {"S": "ALERTS"}, "SK": {"S": "CONFIG"}})
    clock.sleep(timedelta(minutes=1))
    assert row.current() == Routing()


@pytest.mark.parametrize("junk", [{"S": "{"}, {"S": '{"version": 9}'}, {"N": "1"}, None])
def test_a_corrupted_routing_leads_to_the_default_channel(
    table: "DynamoDBClient", slack: Any, junk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"PK": {"S": "ALERTS"}, "SK": {"S": "CONFIG"}, **({"config": junk} if junk else {})}
    table.put_item(TableName=TABLE, Item=row)
    handler.handle.reset()
    assert deliver(message("a")) == []
    assert [one["channel"] for one in slack.replies] == ["C1000000"]
    capsys.readouterr()
    handler.handle(TICK, Context())
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (said,) = [line for line in lines if line["event"] == "slack_unusable"]
    assert said["channel"] == "alerts.yaml"
    assert "the row ALERTS, CONFIG" in said["reason"]


# --- failures ----------------------------------------------------------------------------------------------------


def test_a_failing_target_hinders_no_other(table: "DynamoDBClient", slack: Any, hook: Hook) -> None:
    use(table, webhook(hook.url, BOTH, TEAM))
    hook.answers = [(503, {})]
    assert deliver(message("a"), message("b")) == []
    assert [text.splitlines()[1] for text in slack.texts] == ["message a", "message b"]
    assert hook.ids == ["a"]
    assert handler.handle({"__ping__": True}, Context())["checks"]["pending"] == "ok: 2 wait"
    # The queue may deliver an alert again, and no target gets it twice.
    assert deliver(message("a")) == []
    assert handler.handle(TICK, Context()) == {"posted": 2, "waiting": 0, "reason": None}
    assert hook.ids == ["a", "a", "b"]
    assert [json.loads(body)["late"] for _, body in hook.requests] == [False, True, True]
    assert len(slack.replies) == 2
    assert handler.handle(TICK, Context()) == {"posted": 0, "waiting": 0, "reason": None}


def test_slack_that_is_away_delays_no_webhook(table: "DynamoDBClient", slack: Any, hook: Hook) -> None:
    use(table, webhook(hook.url, "[{to: [team, hook]}]", TEAM))
    slack.away = lambda: True
    assert deliver(message("a"), message("b")) == []
    assert hook.ids == ["a", "b"]
    answer = handler.handle(TICK, Context())
    assert (answer["posted"], answer["waiting"]) == (0, 2)
    slack.away = lambda: False
    assert handler.handle(TICK, Context())["posted"] == 2
    assert [one["channel"] for one in slack.replies] == ["C2000000"] * 2
    assert hook.ids == ["a", "b"]


@pytest.mark.parametrize("status", [400, 405, 410])
def test_an_alert_that_a_webhook_rejects_is_a_dead_letter(
    table: "DynamoDBClient", slack: Any, hook: Hook, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="alert-dlq")["QueueUrl"]
    monkeypatch.setenv("DLQ_QUEUE_URL", url)
    use(table, webhook(hook.url, BOTH, TEAM))
    hook.answers = [(status, {})]
    assert deliver(message("a")) == []
    (letter,) = [json.loads(one["Body"]) for one in sqs.receive_message(QueueUrl=url)["Messages"]]
    assert str(status) in letter["reason"]
    assert json.loads(letter["payload"]["body"])["detail"]["id"] == "a"
    assert len(slack.replies) == 1
    assert handler.handle(TICK, Context())["waiting"] == 0
    # A redrive delivers the message again: to the webhook only.
    assert deliver(message("a")) == []
    assert (hook.ids, len(slack.replies)) == (["a", "a"], 1)


def test_a_rejected_alert_without_a_kept_letter_waits(table: "DynamoDBClient", clock: Any) -> None:
    class NoLetters:
        def route(self, letter: DeadLetter) -> None:
            raise RoutingFailed("no letter is kept")

    class Rejecting(Pacing):
        def silence(self, alert: Alert) -> bool:
            return False

        def dispatch(self, alert: Alert, deadline: InvocationDeadline, *, late: bool = False) -> bool:
            raise TargetRejected("the webhook answered 400")

    pending = PendingAlerts(table, TABLE, "hook")
    rejecting = Rejecting(now=clock.now, sleep=clock.sleep)
    Delivery(rejecting, pending, now=clock.now, letters=NoLetters()).deliver(alert(), "{}", clock.deadline())
    (row,) = pending.first(2)
    assert "the webhook answered 400; no dead letter was kept" in row.row["reason"]["S"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_setting_of_a_webhook_buries_no_alert(
    table: "DynamoDBClient", hook: Hook, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="alert-dlq")["QueueUrl"]
    monkeypatch.setenv("DLQ_QUEUE_URL", url)
    use(table, webhook(hook.url))
    hook.answers = [(status, {})] * 10
    assert deliver(*(message(identifier) for identifier in "abcd")) == []
    answer = handler.handle(TICK, Context())
    assert (answer["posted"], answer["waiting"], str(status) in answer["reason"]) == (0, 4, True)
    hook.answers.clear()
    assert handler.handle(TICK, Context())["waiting"] == 0
    assert sorted(hook.ids[-4:]) == ["a", "b", "c", "d"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
def test_an_alert_waits_for_a_webhook_that_fails(table: "DynamoDBClient", hook: Hook, status: int) -> None:
    use(table, webhook(hook.url))
    hook.answers = [(status, {})]
    assert deliver(message("a")) == []
    assert handler.handle({"__ping__": True}, Context())["checks"]["pending"] == "ok: 1 wait"


def test_a_busy_target_delays_no_other(
    table: "DynamoDBClient", slack: Any, hook: Hook, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("interlock_alert_dispatcher.makers.pause", waits.append)
    use(table, webhook(hook.url, BOTH, TEAM))
    hook.answers = [(429, {"Retry-After": "20"})]
    slack.answers = [answer({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "20"})]
    assert deliver(message("a"), message("b")) == []
    assert waits == []
    assert (hook.ids, slack.requests) == (["a"], 1)
    for name in ("hook", "team"):
        pending = PendingAlerts(table, TABLE, name)
        assert pending.count() == 2
        until = pending.quiet_until(datetime.now(UTC))
        assert until is not None
        assert until > datetime.now(UTC)


def test_a_busy_webhook_is_left_alone_for_as_long_as_it_asks(table: "DynamoDBClient", hook: Hook) -> None:
    use(table, webhook(hook.url))
    hook.answers = [(429, {"Retry-After": "600"})]
    assert deliver(message("a")) == []
    answer = handler.handle(TICK, Context())
    assert (answer["posted"], answer["waiting"]) == (0, 1)
    assert "longer than the invocation" in answer["reason"]
    assert len(hook.requests) == 1


def test_an_address_that_is_not_public_lets_alerts_wait(
    table: "DynamoDBClient", slack: Any, hook: Hook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("INTERLOCK_TRIGGER_ALLOWED_HOSTS")
    use(table, webhook(hook.url, BOTH, TEAM))
    assert deliver(message("a")) == []
    assert (hook.requests, len(slack.replies)) == ([], 1)
    reason = "the webhook cannot be reached: 127.0.0.1 is not a public address"
    (row,) = PendingAlerts(table, TABLE, "hook").first(2)
    assert reason in row.row["reason"]["S"]
    # Nothing was sent, so nothing can be posted twice.
    assert "ALERT#a#hook" not in keys(table)
    answer = handler.handle(TICK, Context())
    assert (answer["posted"], answer["waiting"], reason in answer["reason"]) == (0, 1, True)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["channel"] for line in lines if line["event"] == "slack_unusable"] == ["hook"]
    ping = handler.handle({"__ping__": True}, Context())
    assert ping["status"] == "degraded"
    assert ping["checks"]["targets"].startswith(f"error: SettingsFault: hook: {reason}")
    monkeypatch.setenv("INTERLOCK_TRIGGER_ALLOWED_HOSTS", "127.0.0.1")
    handler.handle.reset()
    assert handler.handle(TICK, Context())["posted"] == 1
    assert hook.ids == ["a"]
    assert handler.handle({"__ping__": True}, Context())["checks"]["targets"] == "ok"


def test_a_ping_names_each_fault_of_the_targets(
    table: "DynamoDBClient", slack: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INTERLOCK_WEBHOOK_KEY")
    use(table, webhook("https://hooks.example.com/x", BOTH, TEAM))
    slack.look_answers = [answer({"ok": False, "error": "channel_not_found"})] * 4
    said = handler.handle({"__ping__": True}, Context())["checks"]["targets"]
    assert "hook: the key of the webhook is missing" in said
    assert "C2000000: Slack rejects the call: channel_not_found" in said


def test_a_redirect_of_a_webhook_lets_alerts_wait(table: "DynamoDBClient", hook: Hook) -> None:
    use(table, webhook(hook.url))
    hook.answers = [(302, {"Location": "/y"})]
    assert deliver(message("a")) == []
    (row,) = PendingAlerts(table, TABLE, "hook").first(2)
    assert "configure the address that it redirects to" in row.row["reason"]["S"]


def test_an_invalid_allow_list_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_TRIGGER_ALLOWED_HOSTS", "*.internal")
    handler.handle.reset()
    with pytest.raises(InvalidEnvironment, match=r"INTERLOCK_TRIGGER_ALLOWED_HOSTS is '\*.internal'"):
        deliver(message("a"))


def test_alerts_of_a_removed_target_go_to_the_default_channel(table: "DynamoDBClient", slack: Any, hook: Hook) -> None:
    use(table, webhook(hook.url))
    hook.answers = [(503, {})]
    deliver(message("a"))
    use(table, "version: 1")
    assert handler.handle(TICK, Context())["posted"] == 1
    assert [one["channel"] for one in slack.replies] == ["C1000000"]


def test_a_webhook_needs_no_slack_token(
    table: "DynamoDBClient", hook: Hook, slack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    use(table, webhook(hook.url, BOTH, TEAM))
    assert deliver(message("a")) == []
    assert (hook.ids, slack.requests) == (["a"], 0)


def test_a_missing_key_lets_alerts_wait_and_is_reported(
    table: "DynamoDBClient", hook: Hook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("INTERLOCK_WEBHOOK_KEY")
    use(table, webhook(hook.url))
    assert deliver(message("a")) == []
    assert handler.handle(TICK, Context())["waiting"] == 1
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (said,) = [line for line in lines if line["event"] == "slack_unusable"]
    assert (said["channel"], "INTERLOCK_WEBHOOK_KEY is not set" in said["reason"]) == ("hook", True)
    monkeypatch.setenv("INTERLOCK_WEBHOOK_KEY", KEY)
    handler.handle.reset()
    assert handler.handle(TICK, Context())["posted"] == 1


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


def recorded(**made: Recorder) -> Targets:
    rules = decode_alerts_yaml(
        f"version: 1\ntargets: {{hook: {{slack: C3000000}}{TEAM}}}\nroutes: [{{to: [team, hook]}}]"
    )
    return Targets(lambda: Routing(rules), lambda name, *_: Target(name, made[name], made[name]))


def test_a_failure_of_the_table_delivers_the_alert_again(table: "DynamoDBClient", clock: Any) -> None:
    team, hook = Recorder(ConnectionError("the table is away")), Recorder()
    fanout = Fanout(recorded(team=team, hook=hook), Plans(table, TABLE, timedelta(days=1), now=clock.now))
    with pytest.raises(ConnectionError):
        fanout.deliver(alert(), "{}", clock.deadline())
    assert hook.ids == ["a"]


@pytest.mark.parametrize(
    ("first", "second", "raised"),
    [
        (ValueError("no text"), ConnectionError("the table is away"), ConnectionError),
        (ConnectionError("the table is away"), ValueError("no text"), ConnectionError),
        (ValueError("no text"), KeyError("id"), ValueError),
    ],
)
def test_a_transient_failure_of_a_target_comes_first(
    table: "DynamoDBClient", clock: Any, first: Exception, second: Exception, raised: type[Exception]
) -> None:
    targets = recorded(team=Recorder(first), hook=Recorder(second))
    fanout = Fanout(targets, Plans(table, TABLE, timedelta(days=1), now=clock.now))
    with pytest.raises(raised):
        fanout.deliver(alert(), "{}", clock.deadline())


def test_each_target_gets_a_part_of_the_time_of_a_tick(clock: Any) -> None:
    default, team, hook = Recorder(), Recorder(ConnectionError("the table is away")), Recorder()
    targets = Targets(Routing, lambda name, *_: Target(name, *[{"": default, "team": team, "hook": hook}[name]] * 2))
    drains = AllDrains(targets, lambda: ["team", "hook", "?", "x" * 41], lambda name: None, now=clock.now)
    with pytest.raises(ConnectionError):
        drains.run(clock.deadline(timedelta(minutes=1)))
    assert [*default.shares, *hook.shares, *team.shares] == [timedelta(seconds=one) for one in (20, 30, 60)]
    team.failure = None
    assert drains.run(clock.deadline()) == Drained(3, 6, "it is away")


class Slow:
    """The drains of many targets, each of which uses its whole time."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.posted: list[str] = []

    def make(self, name: str, *_: Any) -> Target:
        return Target(name, Recorder(), SlowDrain(name, self.posted, self._clock))


class SlowDrain:
    """Notes its name if it has the time for a message, and uses the rest of its time."""

    def __init__(self, name: str, posted: list[str], clock: Any) -> None:
        self._name, self._posted, self._clock = name, posted, clock

    def run(self, deadline: InvocationDeadline) -> Drained:
        if deadline.remaining() >= timedelta(seconds=2):
            self._posted.append(self._name)
        self._clock.sleep(deadline.remaining())
        return Drained(0, 1, "it is slow")


def test_many_slow_targets_starve_none(clock: Any) -> None:
    names, slow = [f"t{number:02}" for number in range(40)], Slow(clock)
    drains = AllDrains(Targets(Routing, slow.make), lambda: names, lambda name: None, now=clock.now)
    begin = clock.now()
    for minute in range(40):
        clock.at = begin + timedelta(minutes=minute)
        assert drains.run(clock.deadline(timedelta(seconds=54))).waiting == 41
    assert slow.posted.count("") == 40
    assert {slow.posted.count(name) for name in names} == {10}


def test_a_target_without_alerts_is_forgotten(table: "DynamoDBClient", clock: Any) -> None:
    waiting, empty = PendingAlerts(table, TABLE, "hook"), PendingAlerts(table, TABLE, "mail")
    for one in (waiting, empty):
        one.put(alert(), "{}", "away", clock.now())
    empty.remove(empty.first(1)[0])

    def named() -> list[str]:
        return targets_that_waited(table, TABLE)

    def retire(after: timedelta) -> list[str]:
        clock.sleep(after)
        for one in (waiting, empty):
            one.retire(clock.now())
        return named()

    # Another process may have named the partition, and not have written its alert.
    assert retire(timedelta(minutes=15)) == ["hook", "mail"]
    assert retire(timedelta(seconds=1)) == ["hook"]
    empty.put(alert(), "{}", "away", clock.now())
    assert named() == ["hook", "mail"]


def test_a_target_that_is_named_again_meanwhile_stays(dynamodb: "DynamoDBClient", serial: Any, clock: Any) -> None:
    table = serial(dynamodb)
    pending = PendingAlerts(table, TABLE, "hook")
    pending.put(alert(), "{}", "away", clock.now())
    pending.remove(pending.first(1)[0])
    clock.sleep(timedelta(hours=1))

    def put_before_the_delete(operation: str) -> None:
        if operation == "delete_item":
            table.before = lambda operation: None
            PendingAlerts(dynamodb, TABLE, "hook").put(alert(), "{}", "away", clock.now())

    table.before = put_before_the_delete
    pending.retire(clock.now())
    assert targets_that_waited(dynamodb, TABLE) == ["hook"]


def test_a_name_of_an_earlier_version_is_forgotten_later(table: "DynamoDBClient", clock: Any) -> None:
    row = {"PK": {"S": "PENDING_ALERTS"}, "SK": {"S": "TARGET#hook"}, "since": {"S": "2026-01-01T00:00:00+00:00"}}
    table.put_item(TableName=TABLE, Item=row)  # type: ignore[arg-type]
    pending = PendingAlerts(table, TABLE, "hook")
    pending.retire(clock.now())
    assert targets_that_waited(table, TABLE) == ["hook"]
    clock.sleep(timedelta(minutes=16))
    pending.retire(clock.now())
    assert targets_that_waited(table, TABLE) == []


def test_a_tick_forgets_a_target_without_alerts(table: "DynamoDBClient", hook: Hook) -> None:
    use(table, webhook(hook.url))
    hook.answers = [(503, {})]
    deliver(message("a"))
    before = datetime.now(UTC) - timedelta(hours=1)
    name: Any = {"PK": {"S": "PENDING_ALERTS"}, "SK": {"S": "TARGET#hook"}, "namedAt": {"S": before.isoformat()}}
    table.put_item(TableName=TABLE, Item=name)
    assert handler.handle(TICK, Context())["posted"] == 1
    assert "TARGET#hook" not in keys(table)


@pytest.mark.parametrize("kind", ["slack", "webhook"])
def test_an_edit_of_the_routing_forgets_no_wait(
    table: "DynamoDBClient", slack: Any, hook: Hook, answer: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("interlock_alert_dispatcher.routing.READ_EVERY", timedelta())
    use(table, webhook(hook.url, BOTH, TEAM))
    if kind == "slack":
        slack.answers = [answer({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "600"})]
    else:
        hook.answers = [(429, {"Retry-After": "600"})]
    deliver(message("a"))
    edited = decode_alerts_yaml(webhook(hook.url, BOTH, f"{TEAM}, other: {{slack: C4000000}}"))
    row = {"PK": {"S": "ALERTS"}, "SK": {"S": "CONFIG"}, "config": {"S": encode_alerts(edited)}}
    table.put_item(TableName=TABLE, Item=row)  # type: ignore[arg-type]
    # The wait is a row too. Only the memory of the process is asked here.
    for name in ("hook", "team"):
        table.delete_item(TableName=TABLE, Key={"PK": {"S": f"PENDING_ALERTS#{name}"}, "SK": {"S": "QUIET"}})
        for pending in PendingAlerts(table, TABLE, name).first(5):
            PendingAlerts(table, TABLE, name).remove(pending)
    requests, posts = slack.requests, len(hook.requests)
    deliver(message("b"))
    if kind == "slack":
        assert (slack.requests, len(hook.requests)) == (requests, posts + 1)
    else:
        assert len(hook.requests) == posts
        assert slack.requests > requests


def test_removed_targets_share_the_pace_of_the_default_channel(
    table: "DynamoDBClient", slack: Any, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("interlock_alert_dispatcher.makers.pause", waits.append)
    stopped = datetime.now(UTC)
    monkeypatch.setattr("interlock_alert_dispatcher.wiring.now", lambda: stopped)
    for name in ("one", "two"):
        PendingAlerts(table, TABLE, name).put(alert(name), message(name)["body"], "away", AT)
    assert handler.handle(TICK, Context())["posted"] == 2
    assert {reply["channel"] for reply in slack.replies} == {"C1000000"}
    # After the new head of the thread, then before the look and the reply of the second target. The clock stands still.
    assert waits == [1, 1, 1]


# --- webhooks ----------------------------------------------------------------------------------------------------


def test_a_webhook_can_check_the_signature_and_find_repeats(table: "DynamoDBClient", hook: Hook) -> None:
    use(table, webhook(hook.url))
    deliver(message("a", "SLA_BREACH", owner="data"))
    ((headers, body),) = hook.requests
    at, _, digest = headers["x-interlock-signature"].removeprefix("t=").partition(",v1=")
    assert digest == hmac.new(KEY.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert abs(int(at) - datetime.now(UTC).timestamp()) < 60
    assert (headers["idempotency-key"], headers["content-type"]) == ("a", "application/json")
    content = json.loads(body)
    assert content["detail-type"] == "SLA_BREACH"
    assert (content["severity"], content["late"], content["detail"]["owner"]) == ("critical", False, "data")
    assert content["text"].splitlines()[0] == "CRITICAL · SLA_BREACH · bronze · 2026-03-03"


@pytest.mark.parametrize("late", [True, False])
def test_a_digest_has_the_fields_of_an_alert(hook: Hook, clock: Any, late: bool) -> None:
    target = Webhook(lambda: hook.url, KEY.encode, lambda: Poster("127.0.0.1"), Deployment(), now=clock.now)
    target.announce(Announcement("digest-1", "two runs", late=late), clock.deadline())
    ((headers, body),) = hook.requests
    assert headers["idempotency-key"] == "digest-1"
    assert json.loads(body) == {
        "detail-type": "DIGEST",
        "source": "interlock",
        "detail": {"id": "digest-1"},
        "severity": "notice",
        "text": "two runs",
        "late": late,
    }


def test_an_id_that_no_header_carries_becomes_a_digest(table: "DynamoDBClient", hook: Hook) -> None:
    use(table, webhook(hook.url))
    deliver(message("a\nb"), message("ä"))
    assert [len(headers["idempotency-key"]) for headers, _ in hook.requests] == [64, 64]


def test_the_key_comes_from_secrets_manager_and_is_read_again(
    table: "DynamoDBClient", hook: Hook, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = boto3.client("secretsmanager")
    arn = secrets.create_secret(Name="hook", SecretString="first\n")["ARN"]
    key = SigningKey(arn, environment(source={}), now=clock.now)
    assert key.read() == b"first"
    secrets.put_secret_value(SecretId=arn, SecretString="second")
    assert key.read() == b"first"
    clock.sleep(timedelta(minutes=5))
    assert key.read() == b"second"
    with pytest.raises(SettingsFault, match="cannot be read"):
        SigningKey(arn + "x", environment(source={}), now=clock.now).read()
    secrets.put_secret_value(SecretId=arn, SecretString=" ")
    with pytest.raises(SettingsFault, match="is empty"):
        SigningKey(arn, environment(source={}), now=clock.now).read()


def test_a_webhook_takes_its_address_and_key_from_a_secret(table: "DynamoDBClient", hook: Hook) -> None:
    secrets = boto3.client("secretsmanager")
    secrets.create_secret(Name="hooks/team", SecretString=json.dumps({"path": "a-secret-path", "key": KEY}))
    target = f"{{webhook: '{hook.url}&code=${{secret:hooks/team#path}}', secret: '${{secret:hooks/team#key}}'}}"
    use(table, f"version: 1\ntargets: {{hook: {target}}}\ndefault: [hook]")
    deliver(message("a", "SLA_BREACH"))
    ((headers, body),) = hook.requests
    at, _, digest = headers["x-interlock-signature"].removeprefix("t=").partition(",v1=")
    assert digest == hmac.new(KEY.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert hook.paths == ["/interlock?team=data&code=a-secret-path"]


@pytest.mark.parametrize("place", ["hooks/team#path", "absent"])
def test_an_alert_waits_for_an_unreadable_secret(
    place: str, table: "DynamoDBClient", hook: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    boto3.client("secretsmanager").create_secret(Name="hooks/team", SecretString=KEY)
    target = f"{{webhook: '{hook.url}&code=${{secret:{place}}}', secret: '${{INTERLOCK_WEBHOOK_KEY}}'}}"
    use(table, f"version: 1\ntargets: {{hook: {target}}}\ndefault: [hook]")
    assert deliver(message("a", "SLA_BREACH")) == []
    assert hook.requests == []
    assert handler.handle({"__ping__": True}, Context())["checks"]["pending"] == "ok: 1 wait"
    out = capsys.readouterr().err
    assert f"${{secret:{place}}}" in out
    assert KEY not in out


# --- topics ------------------------------------------------------------------------------------------------------


def topic_routing(arn: str, form: str = "text") -> str:
    return f"version: 1\ntargets: {{mail: {{sns: '{arn}', format: {form}}}}}\ndefault: [mail]"


def test_a_topic_gets_one_message_per_event(table: "DynamoDBClient") -> None:
    topic = Queue("alerts")
    use(table, topic_routing(topic.arn))
    assert deliver(message("a", "SLA_BREACH", message="behind <b>")) == []
    assert deliver(message("a", "SLA_BREACH", message="behind <b>")) == []
    (one,) = topic.messages()
    lines = one["Message"].splitlines()
    assert lines[:2] == ["CRITICAL · SLA_BREACH · bronze · 2026-03-03", "behind <b>"]
    assert {name: value["Value"] for name, value in one["MessageAttributes"].items()} == {
        "severity": "critical",
        "pipeline": "bronze",
        "type": "SLA_BREACH",
    }
    assert (
        one["MessageId"]
        == table.get_item(TableName=TABLE, Key={"PK": {"S": "PIPELINE#bronze"}, "SK": {"S": "ALERT#a#mail"}})["Item"][
            "receipt"
        ]["S"]
    )


def test_a_fifo_topic_finds_a_repeated_event(table: "DynamoDBClient") -> None:
    topic = Queue("alerts.fifo")
    use(table, topic_routing(topic.arn))
    deliver(message("a"), message("b c"))
    # The row of the first publish is lost, as after a crash.
    table.delete_item(TableName=TABLE, Key={"PK": {"S": "PIPELINE#bronze"}, "SK": {"S": "ALERT#a#mail"}})
    deliver(message("a"))
    assert len(topic.messages()) == 2


def test_a_missing_topic_lets_the_alert_wait(table: "DynamoDBClient", capsys: pytest.CaptureFixture[str]) -> None:
    use(table, topic_routing("arn:aws:sns:eu-central-1:123456789012:later"))
    assert deliver(message("a")) == []
    assert "NotFound" in capsys.readouterr().err
    assert handler.handle(TICK, Context())["waiting"] == 1
    topic = Queue("later")
    assert handler.handle(TICK, Context()) == {"posted": 1, "waiting": 0, "reason": None}
    assert topic.messages()[0]["Message"].splitlines()[-1].startswith("sent late, emitted 2026-03-03 08:00:00 UTC")


class Answering:
    """A client of SNS that always fails."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    def publish(self, **_: Any) -> Any:
        raise self._failure


def client_error(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Publish")  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("failure", "meaning"),
    [
        (client_error("Throttled", 429), TargetBusy),
        (client_error("Throttling", 400), TargetBusy),
        (client_error("InternalError", 500), TargetAway),
        (client_error("ServiceUnavailable", 503), TargetAway),
        (EndpointConnectionError(endpoint_url="https://sns"), TargetAway),
        (client_error("AuthorizationError", 403), TargetRefused),
        (client_error("InvalidParameter", 400), TargetRefused),
    ],
)
def test_each_error_of_sns_has_a_meaning(failure: Exception, meaning: type[Exception], clock: Any) -> None:
    topic = Topic(Answering(failure), "arn:aws:sns:eu-central-1:1:t", Deployment(), chatbot=False, now=clock.now)
    with pytest.raises(meaning) as caught:
        topic.send(alert(), clock.deadline(), late=False)
    assert type(caught.value) is meaning


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        ({}, "WARNING: JOB_FAILED bronze 2026-03-03"),
        ({"pipelineId": "é\nx"}, "WARNING: JOB_FAILED ??x 2026-03-03"),
        ({"pipelineId": "x" * 200}, f"WARNING: JOB_FAILED {'x' * 77}..."),
    ],
)
def test_a_subject_is_short_and_ascii(fields: dict[str, str], subject: str) -> None:
    assert subject_of(alert(**fields)) == subject
    assert len(subject) <= 100


def test_the_plain_text_has_no_line_of_an_event() -> None:
    text = plain_text_of(
        alert("a", "RETRY_EXHAUSTED", message="one\ntwo", error="boom\x1b[0m", attempt=1, owner="data"),
        Deployment("prod", "eu-central-1"),
        late=True,
    )
    lines = text.splitlines()
    assert lines[:4] == [
        "CRITICAL · RETRY_EXHAUSTED · bronze · 2026-03-03",
        "owner data · attempt 1",
        "one⏎two",
        "error: boom\\x1b[0m",
    ]
    assert "AWS_REGION=eu-central-1 interlock rerun bronze 2026-03-03 --environment prod" in lines
    assert lines[-1] == "sent late, emitted 2026-03-03 08:00:00 UTC, event a"


def test_a_chat_application_gets_its_own_form(table: "DynamoDBClient") -> None:
    topic = Queue("alerts")
    use(table, topic_routing(topic.arn, "chatbot"))
    deliver(message("a", message="<!here>"), message("b"), message("c", date="2026-03-04"))
    found = {one["id"]: one for one in (json.loads(each["Message"]) for each in topic.messages())}
    first = found["a"]
    assert (first["version"], first["source"], first["content"]["textType"]) == ("1.0", "custom", "client-markdown")
    assert first["content"]["title"] == "🟠 JOB_FAILED · bronze · 2026-03-03"
    assert first["content"]["description"].splitlines()[0] == "&lt;!here&gt;"
    threads = {name: one["metadata"]["threadId"] for name, one in found.items()}
    assert threads["a"] == threads["b"] != threads["c"]


# --- mentions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "mention"),
    [
        ("here", "<!here>"),
        ("channel", "<!channel>"),
        ("U0123456789", "<@U0123456789>"),
        ("S0123456789", "<!subteam^S0123456789>"),
        ("", ""),
    ],
)
def test_a_mention_has_slacks_form(person: str, mention: str) -> None:
    assert mention_of(person) == mention


def test_a_change_for_the_worse_mentions_in_the_channel(table: "DynamoDBClient", slack: Any) -> None:
    route = "{match: {owner: data}, to: [team], mention: {critical: here}}"
    use(table, f"version: 1\ntargets: {{{TEAM[2:]}}}\nroutes: [{route}]")
    later = (AT + timedelta(minutes=1)).isoformat()
    deliver(message("a", "SLA_BREACH", owner="data"), message("b", "SLA_BREACH", owner="data", timestamp=later))
    deliver(message("c", "JOB_FAILED", owner="data"), message("d", "SLA_BREACH"))
    seen = [(one["text"].partition(" ")[0], bool(one.get("reply_broadcast"))) for one in slack.replies]
    assert seen == [("<!here>", True), ("🔴", False), ("🟠", True), ("🔴", False)]
    assert slack.replies[0]["blocks"][0]["text"]["text"].startswith("<!here> 🔴")
    assert all("<!here>" not in head["text"] for head in slack.heads)


def test_a_late_alert_mentions_too(table: "DynamoDBClient", slack: Any) -> None:
    use(table, f"version: 1\ntargets: {{{TEAM[2:]}}}\nroutes: [{{to: [team], mention: {{critical: channel}}}}]")
    slack.away = lambda: True
    deliver(message("a", "SLA_BREACH"))
    slack.away = lambda: False
    handler.handle(TICK, Context())
    assert slack.texts[0].startswith("<!channel> 🔴")


# --- silences ----------------------------------------------------------------------------------------------------


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


def silence(table: "DynamoDBClient", **more: Any) -> dict[str, Any]:
    row = silence_row(**more)
    table.put_item(TableName=TABLE, Item=row)
    handler.handle.reset()
    return row


def row_at(table: "DynamoDBClient", sk: str) -> Any:
    key: Any = {"PK": {"S": "PIPELINE#bronze"}, "SK": {"S": sk}}
    return table.get_item(TableName=TABLE, Key=key)["Item"]


def test_a_silenced_alert_is_posted_nowhere_and_stays_so(table: "DynamoDBClient", slack: Any, hook: Hook) -> None:
    use(table, webhook(hook.url, BOTH, TEAM))
    row = silence(table)
    assert deliver(message("a")) == []
    assert (slack.posted, hook.requests) == ([], [])
    for place in ("C2000000", "hook"):
        found = row_at(table, f"ALERT#a#{place}")
        assert (found["outcome"]["S"], found["silence"]["S"]) == ("silenced", "s1")
    table.delete_item(TableName=TABLE, Key={name: row[name] for name in ("PK", "SK")})
    handler.handle.reset()
    assert deliver(message("a")) == []
    assert (slack.posted, hook.requests) == ([], [])


def test_a_failure_whose_silence_broke_off_is_broadcast(
    dynamodb: "DynamoDBClient", slack: Any, clock: Any, serial: Any
) -> None:
    table, silences = serial(dynamodb), ["s1"]
    channel = Slack(
        FixedToken("xoxb-1"), "C1", base_url=slack.url, trip_after=5, rest=timedelta(minutes=1), now=clock.now
    )
    rows = LeasedRows(table, TABLE, timedelta(days=9))
    dispatcher = Dispatcher(
        channel, rows, now=clock.now, sleep=clock.sleep, silenced_by=lambda _: silences[0], quiet=False
    )
    begun = (AT - timedelta(minutes=1)).isoformat()
    silences[0] = ""
    dispatcher.dispatch(alert("a", "SLA_WARNING", timestamp=begun), clock.deadline())
    silences[0] = "s1"
    writes: list[str] = []

    def break_the_end(operation: str) -> None:
        writes.extend([operation] if operation == "update_item" else [])
        if operation == "update_item" and len(writes) == 3:  # of the lease, of the state, of the end
            raise ConnectionError("the table is away")

    table.before = break_the_end
    with pytest.raises(ConnectionError):
        dispatcher.silence(alert("b", "RETRY_EXHAUSTED"))
    table.before = lambda operation: None
    silences[0] = ""
    assert not dispatcher.silence(alert("b", "RETRY_EXHAUSTED"))
    dispatcher.dispatch(alert("b", "RETRY_EXHAUSTED"), clock.deadline())
    assert [bool(one.get("reply_broadcast")) for one in slack.replies] == [False, True]


def test_a_silenced_success_resolves_the_head(table: "DynamoDBClient", slack: Any) -> None:
    deliver(message("a", "RETRY_EXHAUSTED"))
    silence(table)
    later = [(AT + timedelta(minutes=number)).isoformat() for number in range(2)]
    deliver(message("b", "JOB_COMPLETED", timestamp=later[1]))
    assert slack.heads[0]["text"].startswith("🟢")
    assert len(slack.posted) == 2
    # A silenced alert opens no head.
    deliver(message("c", "JOB_COMPLETED", date="2026-03-04"), message("d", date="2026-03-05"))
    assert len(slack.posted) == 2


def test_a_silenced_head_that_failed_is_updated_later(table: "DynamoDBClient", slack: Any, answer: Any) -> None:
    deliver(message("a", "RETRY_EXHAUSTED"))
    row = silence(table)
    slack.away = lambda: True
    deliver(message("b", "JOB_COMPLETED", timestamp=(AT + timedelta(minutes=1)).isoformat()))
    slack.away = lambda: False
    table.delete_item(TableName=TABLE, Key={name: row[name] for name in ("PK", "SK")})
    handler.handle.reset()
    assert handler.handle(TICK, Context()) == {"posted": 0, "waiting": 0, "reason": None}
    assert slack.heads[0]["text"].startswith("🟢")
    assert len(slack.replies) == 1


def test_a_silenced_alert_opens_no_deleted_head(table: "DynamoDBClient", slack: Any) -> None:
    deliver(message("a", "RETRY_EXHAUSTED"))
    silence(table)
    slack.posted.clear()
    later = (AT + timedelta(minutes=1)).isoformat()
    assert deliver(message("b", "JOB_COMPLETED", timestamp=later)) == []
    assert slack.posted == []
    assert handler.handle(TICK, Context())["waiting"] == 0


def test_the_first_alert_after_a_silence_shows_the_whole_state(table: "DynamoDBClient", slack: Any) -> None:
    deliver(message("a", "SLA_WARNING"))
    row = silence(table)
    later = [(AT + timedelta(minutes=number)).isoformat() for number in range(4)]
    deliver(message("b", "RETRY_EXHAUSTED", timestamp=later[1]))
    assert slack.heads[0]["text"].startswith("🔴 *RETRY_EXHAUSTED*")
    assert len(slack.replies) == 1
    table.delete_item(TableName=TABLE, Key={name: row[name] for name in ("PK", "SK")})
    handler.handle.reset()
    deliver(message("c", "RETRY_EXHAUSTED", timestamp=later[2]), message("d", "RETRY_EXHAUSTED", timestamp=later[3]))
    assert slack.heads[0]["text"].startswith("🔴 *RETRY_EXHAUSTED*")
    # The channel has not seen the silenced failure, so the next one is a change for the worse.
    assert [bool(one.get("reply_broadcast")) for one in slack.replies] == [False, True, False]


@pytest.mark.parametrize(
    ("made", "kind", "pipeline", "posts"),
    [
        ({}, "JOB_FAILED", "bronze", False),
        ({}, "SLA_BREACH", "bronze", True),
        ({}, "RELATIVE_SLA_BREACH", "bronze", True),
        ({"every": {"BOOL": True}}, "SLA_BREACH", "bronze", False),
        ({"events": {"L": [{"S": "SLA_BREACH"}]}}, "SLA_BREACH", "bronze", False),
        ({"events": {"L": [{"S": "SLA_BREACH"}]}}, "JOB_FAILED", "bronze", True),
        ({}, "JOB_FAILED", "silver", True),
        ({"pipeline": {"S": "b*"}}, "JOB_FAILED", "bronze", False),
        ({"pipeline": {"S": "*"}, "every": {"BOOL": True}}, "INFRA_ALARM", "INFRASTRUCTURE", True),
        ({"pipeline": {"S": "INFRASTRUCTURE"}}, "INFRA_ALARM", "INFRASTRUCTURE", False),
        ({"begin": timedelta(minutes=10)}, "JOB_FAILED", "bronze", True),
        ({"begin": timedelta(hours=-2)}, "JOB_FAILED", "bronze", True),
        ({"endedAt": {"S": "2026-03-03T08:00:00Z"}}, "JOB_FAILED", "bronze", True),
        ({"endedAt": {"N": "1"}}, "JOB_FAILED", "bronze", True),
        ({"pipeline": None}, "JOB_FAILED", "bronze", True),
        ({"until": {"S": "later"}}, "JOB_FAILED", "bronze", True),
        ({"since": {"N": "1"}}, "JOB_FAILED", "bronze", True),
        ({"events": {"L": [{"N": "1"}]}}, "JOB_FAILED", "bronze", True),
        ({"events": {"S": "x"}}, "JOB_FAILED", "bronze", True),
        ({"every": {"S": "yes"}}, "JOB_FAILED", "bronze", True),
    ],
)
def test_a_silence_covers_no_more_than_it_says(
    table: "DynamoDBClient", slack: Any, made: dict[str, Any], kind: str, pipeline: str, posts: bool
) -> None:
    silence(table, **made)
    deliver(message("a", kind, pipelineId=pipeline))
    assert (len(slack.replies) == 1) is posts


def test_a_silence_covers_the_alerts_that_wait(table: "DynamoDBClient", slack: Any) -> None:
    slack.away = lambda: True
    deliver(message("a"), message("b", pipelineId="silver"))
    row = silence(table)
    deliver(message("c"))
    slack.away = lambda: False
    assert handler.handle(TICK, Context())["waiting"] == 0
    assert [text.splitlines()[0].split(" · ")[1] for text in slack.texts] == ["silver"]
    assert row_at(table, "ALERT#a")["silence"] == row["silenceId"]


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_lost_answer_stays_lost_after_a_silence(
    table: "DynamoDBClient", slack: Any, hook: Hook, answer: Any, is_lost: bool
) -> None:
    use(table, webhook(hook.url, BOTH, TEAM))
    deliver(message("z"))
    hook.answers = [(503 if is_lost else 403, {})]
    slack.answers = [answer({}, hang_up=True) if is_lost else answer({"ok": False, "error": "is_archived"})]
    deliver(message("a"))
    silence(table)
    assert handler.handle(TICK, Context())["waiting"] == 0
    for place in ("hook", "C2000000"):
        row = row_at(table, f"ALERT#a#{place}")
        assert (row["outcome"]["S"], "unsure" in row) == ("silenced", is_lost)


def test_a_silence_is_noticed_within_seconds(table: "DynamoDBClient", clock: Any) -> None:
    silences = Silences(table, TABLE, now=clock.now)
    assert silences.covering(alert()) == ""
    made = silence_row(since={"S": AT.isoformat()}, until={"S": (AT + timedelta(hours=1)).isoformat()})
    table.put_item(TableName=TABLE, Item=made)
    assert silences.covering(alert()) == ""
    clock.sleep(timedelta(seconds=10))
    assert silences.covering(alert()) == "s1"
    clock.sleep(timedelta(hours=1))
    assert silences.covering(alert()) == ""


def test_a_tick_names_an_unreadable_silence(
    table: "DynamoDBClient", slack: Any, caplog: pytest.LogCaptureFixture
) -> None:
    silence(table, since={"N": "1"})
    handler.handle(TICK, Context())
    assert [one.message for one in caplog.records].count("silence_unreadable") == 1


def test_a_silence_that_broke_off_leaves_no_lease(dynamodb: "DynamoDBClient", serial: Any, clock: Any) -> None:
    table = serial(dynamodb)
    rows = LeasedRows(table, TABLE, timedelta(days=9))
    transport: Any = None
    sender = Sender(transport, rows, "hook", now=clock.now, sleep=clock.sleep, silenced_by=lambda _: "s1")
    writes: list[str] = []

    def break_the_end(operation: str) -> None:
        writes.extend([operation] if operation == "update_item" else [])
        if operation == "update_item" and len(writes) == 2:  # of the lease, of the end
            raise ConnectionError("the table is away")

    table.before = break_the_end
    with pytest.raises(ConnectionError):
        sender.silence(alert())
    assert sender.silence(alert())


# --- suppression -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "key", "posts"),
    [("true", "", 0), ("true", "quiet: false", 1), ("false", "", 1), ("false", "quiet: true", 0)],
)
def test_the_file_decides_first_whether_a_success_is_quiet(
    table: "DynamoDBClient", slack: Any, monkeypatch: pytest.MonkeyPatch, variable: str, key: str, posts: int
) -> None:
    monkeypatch.setenv("ALERT_QUIET", variable)
    use(table, f"version: 1\n{key}")
    deliver(message("a", "JOB_COMPLETED"))
    assert len(slack.replies) == posts


def test_the_file_names_the_page_of_a_date(table: "DynamoDBClient", slack: Any, hook: Hook) -> None:
    targets = f"{{team: {{slack: C2000000}}, hook: {{webhook: '{hook.url}', secret: '${{INTERLOCK_WEBHOOK_KEY}}'}}}}"
    page = "'https://x.example/run?p={pipeline}&d={date}'"
    use(table, f"version: 1\ntargets: {targets}\ndefault: [team, hook]\npage: {page}")
    deliver(message("a"))
    assert "<https://x.example/run?p=bronze&amp;d=2026-03-03|page>" in json.dumps(slack.replies[0]["blocks"])
    assert "page: https://x.example/run?p=bronze&d=2026-03-03" in json.loads(hook.requests[0][1])["text"]


def test_a_repeat_changes_the_head_and_adds_no_reply(table: "DynamoDBClient", slack: Any) -> None:
    use(table, "version: 1\nsuppress: {window: 30m}")
    minutes = [(AT + timedelta(minutes=number)).isoformat() for number in (0, 10, 20, 31)]
    alerts = [message(f"a{number}", timestamp=at) for number, at in enumerate(minutes)]
    deliver(*alerts[:3], alerts[1])
    assert [text.splitlines()[1] for text in slack.texts] == ["message a0"]
    line = slack.heads[0]["text"].splitlines()[1]
    latest = date_of(datetime(2026, 3, 3, 8, 20, tzinfo=UTC))
    assert line == f"🟠 JOB_FAILED {latest} (repeats without a reply: 2): message a2"
    assert row_at(table, "ALERT#a1")["outcome"]["S"] == "suppressed"
    deliver(alerts[3])
    assert [text.splitlines()[1] for text in slack.texts] == ["message a0", "message a3"]
    assert "repeats" not in slack.heads[0]["text"]


def test_each_channel_suppresses_its_own_repeats(table: "DynamoDBClient", slack: Any) -> None:
    targets = "{one: {slack: C2000000}, two: {slack: C3000000}}"
    routes = "[{match: {event: [JOB_FAILED]}, to: [one, two]}]"
    use(table, f"version: 1\ntargets: {targets}\nroutes: {routes}\nsuppress: {{window: 30m}}")
    deliver(message("a"), message("b", timestamp=(AT + timedelta(minutes=1)).isoformat()))
    assert [one["channel"] for one in slack.replies] == ["C2000000", "C3000000"]


def test_a_storm_after_an_outage_is_suppressed_too(table: "DynamoDBClient", slack: Any) -> None:
    use(table, "version: 1\nsuppress: {window: 30m}")
    slack.away = lambda: True
    deliver(*(message(f"a{number}", timestamp=(AT + timedelta(minutes=number)).isoformat()) for number in range(5)))
    slack.away = lambda: False
    assert handler.handle(TICK, Context()) == {"posted": 1, "waiting": 0, "reason": None}
    assert len(slack.replies) == 1


def test_an_alert_that_was_not_posted_suppresses_nothing(table: "DynamoDBClient", slack: Any, answer: Any) -> None:
    use(table, "version: 1\nsuppress: {window: 30m}")
    minutes = [(AT + timedelta(minutes=number)).isoformat() for number in range(4)]
    deliver(message("a", "SLA_WARNING", timestamp=minutes[0]))
    slack.answers = [answer({"ok": False, "error": "msg_too_long"})]
    deliver(message("b", timestamp=minutes[1]))
    # The first attempt after the outage is rejected too, so this alert becomes a dead letter.
    slack.answers = [answer({"ok": False, "error": "msg_too_long"})]
    deliver(message("c", timestamp=minutes[2]))
    assert handler.handle(TICK, Context())["posted"] == 1
    first, second = slack.texts
    assert ("message a" in first, "message c" in second) == (True, True)
    # The reply that was posted has repeats.
    deliver(message("d", timestamp=minutes[3]))
    assert len(slack.replies) == 2


def test_an_alert_that_ends_silenced_suppresses_nothing(table: "DynamoDBClient", slack: Any, answer: Any) -> None:
    use(table, "version: 1\nsuppress: {window: 30m}")
    minutes = [(AT + timedelta(minutes=number)).isoformat() for number in range(3)]
    deliver(message("z", "RETRY_EXHAUSTED", timestamp=minutes[0]))
    slack.answers = [answer({"ok": False, "error": "fatal_error"})]
    deliver(message("a", timestamp=minutes[1]))
    row = silence(table)
    assert handler.handle(TICK, Context()) == {"posted": 0, "waiting": 0, "reason": None}
    table.delete_item(TableName=TABLE, Key={name: row[name] for name in ("PK", "SK")})
    handler.handle.reset()
    deliver(message("b", timestamp=minutes[2]))
    assert [text.splitlines()[1] for text in slack.texts] == ["message z", "message b"]


def test_a_reply_that_was_not_noted_is_posted_once(
    table: "DynamoDBClient", slack: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(table, "version: 1\nsuppress: {window: 30m}")

    def fail(*_: Any) -> None:
        raise ConnectionError("the table is away")

    with monkeypatch.context() as broken:
        broken.setattr("interlock_alert_dispatcher.threads.note_reply", fail)
        assert deliver(message("a")) == []
    assert "reply_not_noted" in capsys.readouterr().err
    assert deliver(message("a"), message("b", timestamp=(AT + timedelta(minutes=1)).isoformat())) == []
    assert [text.splitlines()[1] for text in slack.texts] == ["message a", "message b"]


def test_without_a_window_every_alert_is_a_reply(table: "DynamoDBClient", slack: Any) -> None:
    deliver(message("a"), message("b", timestamp=(AT + timedelta(minutes=1)).isoformat()))
    assert len(slack.replies) == 2


# --- the digest --------------------------------------------------------------------------------------------------

DIGEST = 'digest: {at: "00:00", to: '


def test_a_tick_posts_the_digest_in_the_channel_of_its_target(table: "DynamoDBClient", slack: Any) -> None:
    use(table, f"version: 1\ntargets: {{{TEAM[2:]}}}\ndefault: [team]\n{DIGEST}team}}")
    for _ in range(2):
        handler.handle(TICK, Context())
        handler.handle.reset()
    (one,) = slack.posted
    assert (one["channel"], "thread_ts" in one) == ("C2000000", False)
    assert one["text"].splitlines()[1] == "no run breached, failed or was held"


def test_a_digest_whose_answer_was_lost_is_posted_once(table: "DynamoDBClient", slack: Any, answer: Any) -> None:
    use(table, f"version: 1\ntargets: {{{TEAM[2:]}}}\ndefault: [team]\n{DIGEST}team}}")
    slack.answers = [answer("", hang_up=True)]
    handler.handle(TICK, Context())
    assert len(slack.posted) == 1
    handler.handle(TICK, Context())
    assert len(slack.posted) == 1
    assert "conversations.history" in slack.looks


def test_a_topic_and_a_webhook_take_a_digest(table: "DynamoDBClient", hook: Hook) -> None:
    topic = Queue("alerts.fifo")
    use(table, f"{topic_routing(topic.arn)}\n{DIGEST}mail}}")
    handler.handle(TICK, Context())
    (one,) = topic.messages()
    assert one["Subject"].startswith("Interlock digest ? ")
    assert one["Message"].splitlines()[1] == "no run breached, failed or was held"
    table.delete_item(TableName=TABLE, Key=digest_key(table))
    use(table, f"{webhook(hook.url)}\n{DIGEST}hook}}")
    handler.handle(TICK, Context())
    ((headers, body),) = hook.requests
    content = json.loads(body)
    assert (content["detail-type"], headers["idempotency-key"]) == ("DIGEST", content["detail"]["id"])
    assert headers["x-interlock-signature"].startswith("t=")


def digest_key(table: "DynamoDBClient") -> Any:
    (row,) = [row for row in table.scan(TableName=TABLE)["Items"] if row["SK"]["S"].startswith("DIGEST#")]
    return {name: row[name] for name in ("PK", "SK")}


# --- crashes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_at_any_step_leaves_no_target_without_an_alert(
    dynamodb: "DynamoDBClient", slack: Any, hook: Hook, clock: Any, serial: Any, crash: Any, moment: str
) -> None:
    rules = decode_alerts_yaml(webhook(hook.url, "[{to: [hook, team]}]", TEAM) + "\nsuppress: {window: 30m}")
    variables = {"EVENTS_TABLE": TABLE, "EVENTS_TTL_DAYS": "9", "SLACK_CHANNEL_ID": "C1000000"}
    settings = environment(source={**variables, "SLACK_API_URL": slack.url, "INTERLOCK_WEBHOOK_KEY": KEY})
    table = serial(dynamodb)

    def another_process() -> Fanout:
        maker = TargetMaker(
            table,
            settings,
            keep=timedelta(days=9),
            tokens=FixedToken("xoxb-1"),
            letters=NullRouter(),
            deployment=Deployment(),
            poster=lambda: Poster("127.0.0.1"),
            silenced_by=Silences(table, TABLE, now=clock.now).covering,
            now=clock.now,
        )
        return Fanout(Targets(lambda: Routing(rules), maker), Plans(table, TABLE, timedelta(days=9), now=clock.now))

    def deliver_until(step: int, identifier: str) -> bool:
        """Deliver with a crash at a request to the table. The result is whether the process ended there."""
        left = [step]

        def count(operation: str) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise crash

        setattr(table, moment, count)
        made = message(identifier, date=f"2026-03-{identifier}")
        try:
            another_process().deliver(read_alert(made), made["body"], clock.deadline())
        except crash:
            return True
        finally:
            setattr(table, moment, lambda operation: None)
        return False

    steps = 0
    while deliver_until(steps, f"{steps + 1:02}"):
        clock.sleep(timedelta(seconds=31))
        assert not deliver_until(1000, f"{steps + 1:02}")
        steps += 1
    assert steps > 10
    expected = [f"message {number + 1:02}" for number in range(steps + 1)]
    assert sorted(text.splitlines()[1] for text in slack.texts) == expected
    assert sorted(set(hook.ids)) == [text.removeprefix("message ") for text in expected]
    # A webhook has no history. An alert whose note was lost is sent again, with the same key.
    assert len(hook.ids) <= len(expected) + 1

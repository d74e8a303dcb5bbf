"""A target that fails hinders no other target, and its alerts wait."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from target_parts import (
    AT,
    BOTH,
    KEY,
    TABLE,
    TEAM,
    TICK,
    Context,
    Hook,
    Recorder,
    alert,
    deliver,
    keys,
    message,
    use,
    webhook,
)

from interlock_alert_dispatcher import handler
from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.delivery import Delivery
from interlock_alert_dispatcher.drain import Drained
from interlock_alert_dispatcher.errors import TargetRejected
from interlock_alert_dispatcher.fanout import AllDrains, Fanout, Target, Targets
from interlock_alert_dispatcher.pacing import Pacing
from interlock_alert_dispatcher.pending import PendingAlerts, targets_that_waited
from interlock_alert_dispatcher.plans import Plans
from interlock_alert_dispatcher.routing import Routing
from interlock_config import decode_alerts_yaml, encode_alerts
from interlock_dlq import DeadLetter, RoutingFailed
from interlock_telemetry import InvalidEnvironment, InvocationDeadline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


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

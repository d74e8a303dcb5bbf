"""A silence keeps alerts from being posted, and hides no state."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from target_parts import (
    AT,
    BOTH,
    TABLE,
    TEAM,
    TICK,
    Context,
    Hook,
    alert,
    deliver,
    message,
    row_at,
    silence,
    silence_row,
    use,
    webhook,
)

from interlock_alert_dispatcher import handler
from interlock_alert_dispatcher.dispatch import Dispatcher
from interlock_alert_dispatcher.leases import LeasedRows
from interlock_alert_dispatcher.sender import Sender
from interlock_alert_dispatcher.silences import Silences
from interlock_alert_dispatcher.slack import Slack
from interlock_alert_dispatcher.tokens import FixedToken

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


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

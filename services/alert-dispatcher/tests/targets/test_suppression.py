"""Repeats within the window of a file change the head, and add no reply."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from target_parts import AT, TABLE, TICK, Context, Hook, deliver, message, row_at, silence, use

from interlock_alert_dispatcher import handler
from interlock_alert_dispatcher.text import date_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


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

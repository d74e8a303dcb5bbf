"""The recording Slack answers like Slack and keeps all messages."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from interlock_local.stack import RecordingSlack

TOKEN = "xoxb-test"


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[RecordingSlack]:
    with RecordingSlack(TOKEN, journal=tmp_path / "slack.jsonl") as running:
        yield running


def call(
    slack: RecordingSlack, method: str, fields: dict[str, Any], *, token: str = TOKEN, form: bool = False
) -> tuple[int, dict[str, Any], http.client.HTTPMessage]:
    place = urlsplit(slack.base_url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=10)
    kind = "application/x-www-form-urlencoded" if form else "application/json;charset=utf-8"
    body = urlencode(fields) if form else json.dumps(fields)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    connection.request("POST", f"{place.path}{method}", body, headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer, response.headers


def post(slack: RecordingSlack, **fields: Any) -> dict[str, Any]:
    return call(slack, "chat.postMessage", {"channel": "C1", **fields})[1]


@pytest.mark.parametrize("form", [True, False], ids=["form", "json"])
def test_message_is_accepted_and_kept(slack: RecordingSlack, form: bool) -> None:
    status, answer, _ = call(slack, "chat.postMessage", {"channel": "C1", "text": "breach & more"}, form=form)
    assert (status, answer["ok"], answer["channel"]) == (200, True, "C1")
    assert slack.messages() == [{"channel": "C1", "text": "breach & more", "ts": answer["ts"]}]


def test_replies_keep_their_thread_and_each_ts_is_later(slack: RecordingSlack) -> None:
    first = post(slack, text="opens the thread")["ts"]
    for number in range(20):
        post(slack, text=f"reply {number}", thread_ts=first)
    stamps = [message["ts"] for message in slack.messages()]
    assert stamps == sorted(set(stamps), key=float)
    assert {message.get("thread_ts") for message in slack.messages()[1:]} == {first}


@pytest.mark.parametrize(
    ("fields", "token", "error"),
    [
        ({"channel": "C1", "text": "x"}, "xoxb-other", "invalid_auth"),
        ({"channel": "", "text": "x"}, TOKEN, "channel_not_found"),
        ({"channel": "C1"}, TOKEN, "no_text"),
    ],
)
def test_invalid_calls_are_rejected_like_by_slack(
    slack: RecordingSlack, fields: dict[str, Any], token: str, error: str
) -> None:
    status, answer, _ = call(slack, "chat.postMessage", fields, token=token)
    assert (status, answer) == (200, {"ok": False, "error": error})
    assert slack.messages() == []


def test_auth_test_rejects_an_invalid_token(slack: RecordingSlack) -> None:
    assert call(slack, "auth.test", {})[1]["ok"] is True
    assert call(slack, "auth.test", {}, token="x")[1] == {"ok": False, "error": "invalid_auth"}
    assert call(slack, "chat.unheardOf", {})[1] == {"ok": False, "error": "unknown_method"}


def test_update_changes_a_message_also_after_a_restart(slack: RecordingSlack, tmp_path: Path) -> None:
    ts = post(slack, text="before", metadata={"event_type": "x", "event_payload": {}})["ts"]
    assert call(slack, "chat.update", {"channel": "C1", "ts": ts, "text": "after"})[1]["ok"] is True
    (message,) = slack.messages()
    assert (message["text"], message["metadata"]["event_type"]) == ("after", "x")
    with RecordingSlack(TOKEN, journal=tmp_path / "slack.jsonl") as again:
        assert again.messages() == [message]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"ts": "1.1", "text": "x"}, "message_not_found"),
        ({"ts": "1.1"}, "no_text"),
        ({"ts": "1.1", "text": "x" * 4001}, "msg_too_long"),
    ],
)
def test_invalid_updates_are_rejected_like_by_slack(slack: RecordingSlack, fields: dict[str, str], error: str) -> None:
    assert call(slack, "chat.update", {"channel": "C1", **fields})[1] == {"ok": False, "error": error}


def history(slack: RecordingSlack, method: str, **fields: Any) -> dict[str, Any]:
    return call(slack, f"conversations.{method}", {"channel": "C1", **fields}, form=True)[1]


def test_history_has_heads_and_broadcast_replies(slack: RecordingSlack) -> None:
    first = post(slack, text="head", metadata={"event_type": "x"})["ts"]
    post(slack, text="reply", thread_ts=first)
    last = post(slack, text="loud", thread_ts=first, reply_broadcast=True)["ts"]
    found = history(slack, "history", include_all_metadata=1)["messages"]
    assert [one["text"] for one in found] == ["loud", "head"]
    assert found[1]["metadata"] == {"event_type": "x"}
    assert "metadata" not in history(slack, "history")["messages"][1]
    assert history(slack, "history", oldest=last)["messages"] == []


def test_replies_come_in_pages(slack: RecordingSlack) -> None:
    first = post(slack, text="0")["ts"]
    for number in range(1, 4):
        post(slack, text=str(number), thread_ts=first)
    post(slack, text="another thread")
    page = history(slack, "replies", ts=first, limit=3)
    assert [one["text"] for one in page["messages"]] == ["0", "1", "2"]
    rest = history(slack, "replies", ts=first, limit=3, cursor=page["response_metadata"]["next_cursor"])
    assert ([one["text"] for one in rest["messages"]], rest["response_metadata"]["next_cursor"]) == (["3"], "")


def test_a_method_without_its_scope_names_it() -> None:
    with RecordingSlack(TOKEN, scopes=frozenset({"chat:write"})) as slack:
        assert history(slack, "history") == {
            "ok": False,
            "error": "missing_scope",
            "needed": "channels:history",
            "provided": "chat:write",
        }
        assert history(slack, "info")["needed"] == "channels:read"
        assert post(slack, text="x")["ok"] is True


def test_info_describes_the_channel(slack: RecordingSlack) -> None:
    assert history(slack, "info")["channel"] == {"id": "C1", "is_member": True, "is_archived": False}


def test_limit_counts_posts_and_names_the_wait(slack: RecordingSlack) -> None:
    slack.limit(2, retry_after=3)
    for _ in range(2):
        status, answer, headers = call(slack, "chat.postMessage", {"channel": "C1", "text": "x"})
        assert (status, answer["error"], headers["Retry-After"]) == (429, "ratelimited", "3")
    assert post(slack, text="x")["ok"] is True
    assert len(slack.messages()) == 1


def test_stopped_slack_rejects_and_continues_on_its_port(slack: RecordingSlack) -> None:
    post(slack, text="before")
    slack.stop()
    with pytest.raises(ConnectionRefusedError):
        post(slack, text="meanwhile")
    slack.start()
    post(slack, text="after")
    assert [message["text"] for message in slack.messages()] == ["before", "after"]


def test_journal_survives_with_an_incomplete_last_line(slack: RecordingSlack, tmp_path: Path) -> None:
    post(slack, text="kept")
    journal = tmp_path / "slack.jsonl"
    with journal.open("a") as file:
        file.write('{"channel": "C1", "te')
    for text in ("after the crash", "once more"):
        with RecordingSlack(TOKEN, journal=journal) as again:
            post(again, text=text)
    assert [message["text"] for message in again.messages()] == ["kept", "after the crash", "once more"]

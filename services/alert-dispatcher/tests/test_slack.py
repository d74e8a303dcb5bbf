"""One post and the meaning of each of Slack's answers, against a real HTTP server."""

import socket
import threading
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any

import pytest

from interlock_alert_dispatcher import slack as module
from interlock_alert_dispatcher.slack import (
    Message,
    MessageFixed,
    Slack,
    SlackAway,
    SlackBusy,
    SlackRefused,
    ThreadGone,
)
from interlock_alert_dispatcher.tokens import FixedToken
from interlock_dlq import RetryLater
from interlock_telemetry import InvocationDeadline, bind_deadline

SECOND = timedelta(seconds=1)
HELLO = Message("a", "hello")


class RotatingTokens:
    """A first token that Slack does not know any more, and a second one that it accepts."""

    def __init__(self) -> None:
        self.current = "xoxb-old"

    def token(self) -> str:
        return self.current

    def refused(self, token: str) -> bool:
        self.current = "xoxb-new"
        return token == "xoxb-old"


def channel(url: str, clock: Any, *, tokens: Any = None, trip_after: int = 5, rest: timedelta = 60 * SECOND) -> Slack:
    return Slack(tokens or FixedToken("xoxb-1"), "C1", base_url=url, trip_after=trip_after, rest=rest, now=clock.now)


def test_a_search_that_ends_without_the_message_is_logged(
    slack: Any, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    channel = Slack(FixedToken("xoxb-1"), "C1", base_url=slack.url, trip_after=5, rest=60 * SECOND, now=clock.now)
    for number in range(12):
        channel.post(Message(f"other {number}", "x"), None, clock.deadline())
    assert channel.find("mine", None, None, clock.deadline()) is None
    assert "lost_answer_not_found" in [record.message for record in caplog.records]
    caplog.clear()
    assert channel.find("other 11", None, None, clock.deadline()) is not None
    assert not caplog.records


def test_a_message_is_posted_to_the_channel_with_the_token(slack: Any, clock: Any) -> None:
    ts = channel(slack.url, clock).post(HELLO, None, clock.deadline())
    (message,) = slack.posted
    assert (message["channel"], message["text"], message["ts"]) == ("C1", "hello", ts)
    assert slack.tokens == ["xoxb-1"]


def test_a_reply_names_its_thread(slack: Any, clock: Any) -> None:
    channel(slack.url, clock).post(Message("m", "more"), "17.1", clock.deadline())
    assert slack.posted[0]["thread_ts"] == "17.1"


def test_a_reply_is_broadcast_only_on_request(slack: Any, clock: Any) -> None:
    for broadcast in (False, True):
        channel(slack.url, clock).post(HELLO, "17.1", clock.deadline(), broadcast=broadcast)
    assert [message["reply_broadcast"] for message in slack.posted] == [False, True]


def test_an_update_replaces_the_text_without_mentions(slack: Any, clock: Any) -> None:
    posting = channel(slack.url, clock)
    ts = posting.post(HELLO, None, clock.deadline())
    posting.update(Message("a", "other"), ts, clock.deadline())
    (update,) = slack.updates
    assert (update["channel"], update["ts"], update["parse"], update["link_names"]) == ("C1", ts, "none", False)
    assert [message["text"] for message in slack.posted] == ["other"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("message_not_found", ThreadGone),
        ("cant_update_message", MessageFixed),
        ("edit_window_closed", MessageFixed),
        ("update_failed", SlackAway),
        ("external_channel_migrating", SlackAway),
        ("ratelimited", SlackBusy),
        ("is_inactive", SlackRefused),
        ("invalid_auth", SlackRefused),
    ],
)
def test_each_rejected_update_has_its_meaning(
    slack: Any, answer: Any, clock: Any, code: str, expected: type[Exception]
) -> None:
    posting = channel(slack.url, clock)
    ts = posting.post(HELLO, None, clock.deadline())
    slack.update_answers = [answer({"ok": False, "error": code})]
    with pytest.raises(expected) as caught:
        posting.update(HELLO, ts, clock.deadline())
    assert type(caught.value) is expected


# The error codes that Slack documents for chat.postMessage and chat.update, and those of every method.
DOCUMENTED = {
    SlackBusy: "rate_limited ratelimited",
    SlackAway: """
        external_channel_migrating fatal_error internal_error request_timeout service_unavailable update_failed
    """,
    ThreadGone: "cannot_reply_to_message message_not_found restricted_action_thread_locked thread_not_found",
    MessageFixed: "block_mismatch cant_update_message edit_window_closed",
    SlackRefused: """
        access_denied accesslimited account_inactive as_user_not_supported attachment_payload_limit_exceeded
        cant_broadcast_message channel_not_found deprecated_endpoint duplicate_channel_not_found
        duplicate_message_not_found ekm_access_denied enterprise_is_restricted invalid_arg_name invalid_array_arg
        invalid_auth invalid_charset invalid_form_data invalid_post_type is_archived is_bot is_inactive
        message_limit_exceeded messages_tab_disabled method_deprecated missing_post_type missing_scope msg_too_long
        no_dual_broadcast_content_update no_permission no_text not_allowed_token_type not_authed not_in_channel
        org_login_required restricted_action restricted_action_non_threadable_channel
        restricted_action_read_only_channel restricted_action_thread_only_channel streaming_state_conflict
        team_access_not_granted team_added_to_org team_not_found token_expired token_revoked too_many_attachments
        two_factor_setup_required unknown_method
    """,
}


@pytest.mark.parametrize("expected", DOCUMENTED, ids=lambda error: error.__name__)
def test_each_documented_code_of_a_reply_or_update_has_a_meaning(
    slack: Any, answer: Any, clock: Any, expected: type[Exception]
) -> None:
    posting = channel(slack.url, clock, trip_after=1000)
    ts = posting.post(HELLO, None, clock.deadline())
    for code in DOCUMENTED[expected].split():
        slack.update_answers = [answer({"ok": False, "error": code})]
        with pytest.raises(expected) as caught:
            posting.update(HELLO, ts, clock.deadline())
        assert type(caught.value) is expected, code
        slack.answers = [answer({"ok": False, "error": code})]
        # Only an update can find a message that may not be changed.
        with pytest.raises(SlackRefused if expected is MessageFixed else expected):
            posting.post(HELLO, ts, clock.deadline())


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_blocks_too_long", "metadata_must_be_sent_from_app"])
def test_a_form_that_slack_rejects_is_sent_as_text(slack: Any, answer: Any, clock: Any, code: str) -> None:
    slack.answers = [answer({"ok": False, "error": code})]
    channel(slack.url, clock).post(HELLO, None, clock.deadline())
    (message,) = slack.posted
    assert message["text"] == "hello"
    assert not {"metadata", "blocks"} & message.keys()


@pytest.mark.parametrize("in_thread", [False, True])
def test_a_message_is_found_by_its_key(slack: Any, clock: Any, in_thread: bool) -> None:
    posting = channel(slack.url, clock)
    head = posting.post(Message("head", "x"), None, clock.deadline())
    made = {key: posting.post(Message(key, "x"), head if in_thread else None, clock.deadline()) for key in "abc"}
    slack.posted.append(
        {"ts": "1.1", "channel": "C1", "text": "of another app", "metadata": {"event_type": "x", "event_payload": []}}
    )
    place = head if in_thread else None
    assert posting.find("b", place, clock.now(), clock.deadline()) == made["b"]
    assert posting.find("d", place, clock.now(), clock.deadline()) is None
    assert posting.find("head" if not in_thread else "a", None, clock.now(), clock.deadline()) == (
        head if not in_thread else None
    )


def test_a_base_url_may_lack_its_closing_slash(slack: Any, clock: Any) -> None:
    channel(slack.url.rstrip("/"), clock).post(HELLO, None, clock.deadline())
    assert [message["text"] for message in slack.posted] == ["hello"]


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"ok": False, "error": "channel_not_found"}, 200, SlackRefused),
        ({"ok": False, "error": "not_in_channel"}, 200, SlackRefused),
        ({"ok": False}, 200, SlackRefused),
        ({"ok": False, "error": "invalid_auth"}, 200, SlackRefused),
        ({"ok": False, "error": "thread_not_found"}, 200, SlackRefused),
        ({"ok": False, "error": "internal_error"}, 200, SlackAway),
        ({"ok": False, "error": "fatal_error"}, 200, SlackAway),
        ({"ok": False, "error": "ratelimited"}, 200, SlackBusy),
        ({"ok": True}, 200, SlackAway),
        ("[]", 200, SlackAway),
        ("[1]", 200, SlackAway),
        ("<html>sign in</html>", 200, SlackAway),
        ("no json", 500, SlackAway),
        ("", 503, SlackAway),
        ({"ok": True, "ts": "17.1"}, 502, SlackAway),
        ({"ok": False, "error": "bad"}, 404, SlackRefused),
    ],
)
def test_each_answer_means_rejected_away_or_busy(
    slack: Any, answer: Any, clock: Any, body: Any, status: int, expected: type[Exception]
) -> None:
    slack.answers = [answer(body, status=status)]
    with pytest.raises(expected) as caught:
        channel(slack.url, clock).post(HELLO, None, clock.deadline())
    assert type(caught.value) is expected
    assert slack.requests == 1


def test_a_reply_to_a_missing_thread_raises_thread_gone(slack: Any, answer: Any, clock: Any) -> None:
    slack.answers = [answer({"ok": False, "error": "thread_not_found"})]
    with pytest.raises(ThreadGone):
        channel(slack.url, clock).post(HELLO, "17.1", clock.deadline())


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "2"}, 2),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "soon"}, 1),
        ({}, 1),
    ],
)
def test_slacks_answer_names_the_wait(slack: Any, answer: Any, clock: Any, header: dict[str, str], wait: int) -> None:
    slack.answers = [answer({"ok": False, "error": "ratelimited"}, status=429, headers=header)]
    with pytest.raises(SlackBusy) as caught:
        channel(slack.url, clock).post(HELLO, None, clock.deadline())
    assert caught.value.until == clock.now() + wait * SECOND


def test_slack_sdk_does_not_repeat_a_post_after_a_lost_answer(slack: Any, answer: Any, clock: Any) -> None:
    slack.answers = [answer("", hang_up=True)]
    with pytest.raises(SlackAway, match="no answer from Slack"):
        channel(slack.url, clock).post(HELLO, None, clock.deadline())
    assert slack.requests == 1


def test_a_slack_that_cannot_be_reached_is_away(clock: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/api/"
        with pytest.raises(SlackAway, match="no answer from Slack"):
            channel(url, clock).post(HELLO, None, clock.deadline())


def test_a_rotated_token_is_fetched_and_used_at_once(slack: Any, answer: Any, clock: Any) -> None:
    slack.answers = [answer({"ok": False, "error": "token_revoked"})]
    channel(slack.url, clock, tokens=RotatingTokens()).post(HELLO, None, clock.deadline())
    assert slack.tokens == ["xoxb-old", "xoxb-new"]
    assert [message["text"] for message in slack.posted] == ["hello"]


def test_another_rejection_does_not_fetch_the_token(slack: Any, answer: Any, clock: Any) -> None:
    slack.answers = [answer({"ok": False, "error": "is_archived"})]
    tokens = RotatingTokens()
    with pytest.raises(SlackRefused, match="is_archived"):
        channel(slack.url, clock, tokens=tokens).post(HELLO, None, clock.deadline())
    assert tokens.current == "xoxb-old"


def test_nothing_is_sent_once_the_time_is_over(slack: Any, clock: Any) -> None:
    deadline = clock.deadline(5 * SECOND)
    clock.sleep(5 * SECOND)
    with pytest.raises(RetryLater):
        channel(slack.url, clock).post(HELLO, None, deadline)
    assert slack.requests == 0


def test_a_slow_first_import_posts_nothing_after_the_deadline(
    slack: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = module._load_sdk

    def load_slowly() -> Any:
        clock.sleep(3 * SECOND)
        return load()

    monkeypatch.setattr(module, "_load_sdk", load_slowly)
    with pytest.raises(RetryLater):
        channel(slack.url, clock).post(HELLO, None, clock.deadline(2 * SECOND))
    assert slack.requests == 0


@pytest.mark.parametrize("stage", ["connect", "send"])
def test_left_call_posts_nothing_later(slack: Any, clock: Any, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    """The call waits before its connection is made, or between the head and the body of its request."""
    released, done = threading.Event(), getattr(HTTPConnection, stage)

    def slowly(connection: HTTPConnection, *data: bytes) -> None:
        done(connection, *data)
        released.wait(10)

    monkeypatch.setattr(HTTPConnection, stage, slowly)
    with (
        bind_deadline(InvocationDeadline.after(module.RESERVE + SECOND / 5)),
        pytest.raises(SlackAway, match="the invocation's time ended before its answer"),
    ):
        channel(slack.url, clock).post(HELLO, None, clock.deadline())
    released.set()
    for thread in threading.enumerate():
        if thread.name.startswith("interlock-worker"):
            thread.join(10)
    assert (slack.requests, slack.posted) == (0, [])
    monkeypatch.undo()
    channel(slack.url, clock).post(HELLO, None, clock.deadline())
    assert len(slack.posted) == 1


def test_failures_in_a_row_open_the_breaker(slack: Any, answer: Any, clock: Any) -> None:
    posting = channel(slack.url, clock, trip_after=3)
    slack.answers = [answer("", status=503)] * 3
    for said in ["HTTP 503"] * 3 + ["failed too often"] * 2:
        with pytest.raises(SlackAway, match=said):
            posting.post(HELLO, None, clock.deadline())
    assert slack.requests == 3
    with pytest.raises(SlackAway, match="failed too often"):
        posting.ready()


def test_one_success_after_the_rest_closes_the_breaker(slack: Any, answer: Any, clock: Any) -> None:
    posting = channel(slack.url, clock, trip_after=1, rest=timedelta())
    slack.answers = [answer("", status=503)]
    with pytest.raises(SlackAway):
        posting.post(HELLO, None, clock.deadline())
    posting.post(HELLO, None, clock.deadline())
    posting.ready()


@pytest.mark.parametrize("said", [{"ok": False, "error": "ratelimited"}, {"ok": False, "error": "channel_not_found"}])
def test_a_rejection_is_not_a_failure_of_the_breaker(slack: Any, answer: Any, clock: Any, said: Any) -> None:
    posting = channel(slack.url, clock, trip_after=2)
    slack.answers = [answer(said)] * 5
    for _ in range(5):
        with pytest.raises((SlackBusy, SlackRefused)):
            posting.post(HELLO, None, clock.deadline())
    assert slack.requests == 5

"""The head of a thread always states the current state, and the channel sees each change for the worse once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.dispatch import Dispatcher
from interlock_alert_dispatcher.leases import Key, LeasedRows
from interlock_alert_dispatcher.slack import Slack, SlackAway
from interlock_alert_dispatcher.text import date_of
from interlock_alert_dispatcher.tokens import FixedToken
from interlock_dlq import RetryLater

TABLE = "test-interlock-events"
SECOND = timedelta(seconds=1)
THREAD = {"PK": {"S": "PIPELINE#bronze"}, "SK": {"S": "THREAD#cron#2026-03-03"}}


def alert(kind: str, minute: int = 0, **fields: Any) -> Alert:
    at = datetime(2026, 3, 3, 8, minute, tzinfo=UTC)
    known = {"pipeline_id": "bronze", "schedule_id": "cron", "date": "2026-03-03", "message": f"at {minute}"}
    return Alert(**{"id": f"{kind}{minute:02}", "type": kind, "at": at, **known, **fields})


@pytest.fixture
def make(table: Any, slack: Any, clock: Any) -> Callable[..., Dispatcher]:
    """Another Lambda: its own dispatcher, on the same table and Slack."""

    def another(*, quiet: bool = False) -> Dispatcher:
        rows = LeasedRows(table, TABLE, timedelta(days=90))
        posting = Slack(FixedToken("xoxb-1"), "C1", base_url=slack.url, trip_after=5, rest=60 * SECOND, now=clock.now)
        return Dispatcher(posting, rows, now=clock.now, sleep=clock.sleep, quiet=quiet)

    return another


@pytest.fixture
def send(make: Callable[..., Dispatcher], clock: Any) -> Callable[..., None]:
    def send(*alerts: Alert) -> None:
        for one in alerts:
            make().dispatch(one, clock.deadline())

    return send


def head(slack: Any) -> list[str]:
    """The lines of the only head."""
    (message,) = slack.heads
    lines: list[str] = message["text"].splitlines()
    return lines


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [message["text"].split("*")[1] for message in messages]


def test_the_head_follows_the_run_to_its_recovery(send: Callable[..., None], slack: Any) -> None:
    send(alert("SLA_WARNING", 1), alert("JOB_FAILED", 2), alert("RETRY_EXHAUSTED", 3), alert("SLA_BREACH", 4))
    assert head(slack)[:3] == [
        "🔴 *RETRY_EXHAUSTED* · bronze · 2026-03-03",
        f"🔴 RETRY_EXHAUSTED {date_of(datetime(2026, 3, 3, 8, 3, tzinfo=UTC))}: at 3",
        f"🔴 SLA_BREACH {date_of(datetime(2026, 3, 3, 8, 4, tzinfo=UTC))}: at 4",
    ]
    assert head(slack)[-1] == "→ No retry is left: fix the cause, then interlock rerun bronze 2026-03-03."
    send(alert("RERUN_ACCEPTED", 5), alert("JOB_COMPLETED", 6))
    assert head(slack) == [
        "🟢 *resolved* · bronze · 2026-03-03",
        f"🟢 JOB_COMPLETED {date_of(datetime(2026, 3, 3, 8, 6, tzinfo=UTC))}: at 6",
        "over: SLA_BREACH, RERUN_ACCEPTED",
    ]
    assert len(slack.replies) == 6


def test_only_a_change_for_the_worse_is_broadcast(send: Callable[..., None], slack: Any) -> None:
    send(
        alert("JOB_FAILED", 1),
        alert("JOB_FAILED", 2),
        alert("RETRY_EXHAUSTED", 3),
        alert("RERUN_ACCEPTED", 4),
        alert("JOB_FAILED", 5),
        alert("JOB_COMPLETED", 6),
        alert("POST_RUN_FAILED", 7),
    )
    assert kinds(slack.broadcast) == ["RETRY_EXHAUSTED", "JOB_FAILED", "POST_RUN_FAILED"]
    assert "reply_broadcast" not in slack.heads[0]


def test_an_alert_that_comes_late_sets_no_head_back(send: Callable[..., None], slack: Any) -> None:
    send(alert("JOB_COMPLETED", 9))
    before = head(slack)
    send(alert("RETRY_EXHAUSTED", 5), alert("SLA_BREACH", 4))
    assert head(slack)[:2] == ["🟢 *resolved* · bronze · 2026-03-03", before[1]]
    assert slack.broadcast == []
    assert kinds(slack.replies) == ["JOB_COMPLETED", "RETRY_EXHAUSTED", "SLA_BREACH"]


def test_a_breach_found_at_a_late_success_is_broadcast(send: Callable[..., None], slack: Any) -> None:
    send(alert("JOB_COMPLETED", 9), alert("SLA_BREACH", 9))
    assert head(slack)[0].startswith("🟢 *resolved*")
    assert kinds(slack.broadcast) == ["SLA_BREACH"]


def test_a_repeat_that_opened_the_thread_is_not_broadcast(send: Callable[..., None], slack: Any, answer: Any) -> None:
    slack.answers = [None, answer({"ok": False, "error": "fatal_error"})]
    with pytest.raises(SlackAway):
        send(alert("RETRY_EXHAUSTED"))
    send(alert("RETRY_EXHAUSTED"))
    assert kinds(slack.replies) == ["RETRY_EXHAUSTED"]
    assert slack.broadcast == []


@pytest.mark.parametrize("failed", ["update", "reply"])
def test_a_worsening_whose_post_failed_is_broadcast_once(
    send: Callable[..., None], slack: Any, answer: Any, failed: str
) -> None:
    send(alert("JOB_FAILED", 1))
    away = answer({"ok": False, "error": "fatal_error"})
    slack.answers, slack.update_answers = ([away], []) if failed == "reply" else ([], [away])
    with pytest.raises(SlackAway):
        send(alert("RETRY_EXHAUSTED", 2))
    send(alert("RETRY_EXHAUSTED", 2), alert("RETRY_EXHAUSTED", 2))
    assert kinds(slack.broadcast) == ["RETRY_EXHAUSTED"]
    assert head(slack)[0].startswith("🔴 *RETRY_EXHAUSTED*")


def test_two_alerts_at_once_report_one_worsening(
    make: Callable[..., Dispatcher], send: Callable[..., None], slack: Any, clock: Any
) -> None:
    send(alert("SLA_WARNING", 1))

    def interfere(fields: dict[str, Any]) -> None:
        slack.updating = lambda fields: None
        send(alert("VALIDATION_EXHAUSTED", 3))

    # The second failure is committed and posted while the head is updated for the first one.
    slack.updating = interfere
    send(alert("RETRY_EXHAUSTED", 2))
    assert kinds(slack.broadcast) == ["RETRY_EXHAUSTED"]
    assert kinds(slack.replies) == ["SLA_WARNING", "VALIDATION_EXHAUSTED", "RETRY_EXHAUSTED"]


def test_the_last_update_of_a_head_states_the_last_state(send: Callable[..., None], slack: Any) -> None:
    send(alert("JOB_FAILED", 1))

    def overtake(fields: dict[str, Any]) -> None:
        slack.updating = lambda fields: None
        send(alert("JOB_COMPLETED", 3))

    # The update for the failure reaches Slack after that for the success.
    slack.updating = overtake
    send(alert("RETRY_EXHAUSTED", 2))
    assert head(slack)[0].startswith("🟢 *resolved*")


def test_a_state_that_changes_while_the_thread_opens_is_shown(
    make: Callable[..., Dispatcher], slack: Any, clock: Any
) -> None:
    def interfere(fields: dict[str, Any]) -> None:
        slack.before = lambda fields: None
        make()._threads.record(alert("RETRY_EXHAUSTED", 2))

    slack.before = interfere
    make().dispatch(alert("JOB_FAILED", 1), clock.deadline())
    assert head(slack)[0].startswith("🔴 *RETRY_EXHAUSTED*")


def test_a_rejected_rerun_does_not_hide_that_the_run_succeeded(
    make: Callable[..., Dispatcher], slack: Any, clock: Any
) -> None:
    for number, kind in enumerate(("JOB_FAILED", "JOB_COMPLETED", "RERUN_REJECTED")):
        make().dispatch(alert(kind, number), clock.deadline())
    lines = slack.heads[0]["text"].splitlines()
    assert [line.split()[1] for line in lines[:3]] == ["*RERUN_REJECTED*", "RERUN_REJECTED", "JOB_COMPLETED"]


def test_a_deleted_head_is_opened_again_with_its_state(send: Callable[..., None], slack: Any) -> None:
    send(alert("RETRY_EXHAUSTED", 1))
    slack.posted.clear()
    send(alert("SLA_BREACH", 2))
    assert head(slack)[:3] == [
        "🔴 *RETRY_EXHAUSTED* · bronze · 2026-03-03",
        f"🔴 RETRY_EXHAUSTED {date_of(datetime(2026, 3, 3, 8, 1, tzinfo=UTC))}: at 1",
        f"🔴 SLA_BREACH {date_of(datetime(2026, 3, 3, 8, 2, tzinfo=UTC))}: at 2",
    ]


@pytest.mark.parametrize("code", ["cant_update_message", "edit_window_closed"])
def test_a_head_that_may_not_be_edited_loses_no_alert(
    send: Callable[..., None], slack: Any, answer: Any, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    send(alert("JOB_FAILED", 1))
    slack.update_answers = [answer({"ok": False, "error": code})]
    send(alert("RETRY_EXHAUSTED", 2))
    assert kinds(slack.broadcast) == ["RETRY_EXHAUSTED"]
    assert "head_not_updated" in [record.message for record in caplog.records]


@pytest.mark.parametrize("state", [None, {"S": "{"}, {"N": "7"}, {"L": []}], ids=str)
def test_a_thread_with_an_unreadable_state_begins_a_new_one(
    send: Callable[..., None], slack: Any, table: Any, state: Any
) -> None:
    send(alert("SLA_WARNING", 1))
    row = table.get_item(TableName=TABLE, Key=THREAD)["Item"]
    del row["runState"]
    table.put_item(TableName=TABLE, Item={**row, **({"runState": state} if state else {})})
    send(alert("RETRY_EXHAUSTED", 2))
    assert head(slack)[0].startswith("🔴 *RETRY_EXHAUSTED*")
    assert kinds(slack.broadcast) == ["RETRY_EXHAUSTED"]


def test_two_alarms_of_a_day_are_both_shown(send: Callable[..., None], slack: Any) -> None:
    shared: dict[str, Any] = {"pipeline_id": "INFRASTRUCTURE", "schedule_id": None, "date": None}
    send(*(alert("INFRA_ALARM", minute, about=name, **shared) for minute, name in enumerate(["errors", "age"])))
    assert len(head(slack)) == 4
    assert kinds(slack.broadcast) == ["INFRA_ALARM"]


def test_a_head_shows_five_problems_and_counts_the_rest(send: Callable[..., None], slack: Any) -> None:
    send(*(alert("ROW_CORRUPTED", minute, about=str(minute)) for minute in range(7)))
    assert len(head(slack)) == 8
    assert head(slack)[-2] == "… and 2 more"


@pytest.mark.parametrize("kind", ["JOB_COMPLETED", "SLA_MET"])
def test_a_quiet_success_opens_no_thread(make: Callable[..., Dispatcher], slack: Any, clock: Any, kind: str) -> None:
    assert make(quiet=True).dispatch(alert(kind), clock.deadline()) is False
    assert slack.requests == 0
    # The row of the alert has its end, so that an audit finds it. A repeated delivery changes nothing.
    assert make(quiet=False).dispatch(alert(kind), clock.deadline()) is False
    assert slack.requests == 0
    assert make(quiet=False).dispatch(alert(kind, 1), clock.deadline()) is True
    assert len(slack.heads) == 1


def test_a_quiet_success_resolves_an_open_thread(make: Callable[..., Dispatcher], slack: Any, clock: Any) -> None:
    for one in (alert("JOB_FAILED", 1), alert("JOB_COMPLETED", 2), alert("SLA_MET", 3)):
        make(quiet=True).dispatch(one, clock.deadline())
    assert head(slack)[0] == "🟢 *resolved* · bronze · 2026-03-03"
    assert kinds(slack.replies) == ["JOB_FAILED", "JOB_COMPLETED", "SLA_MET"]


def test_a_quiet_success_is_known_to_a_later_alert(make: Callable[..., Dispatcher], slack: Any, clock: Any) -> None:
    for one in (alert("JOB_COMPLETED", 2), alert("RETRY_EXHAUSTED", 1)):
        make(quiet=True).dispatch(one, clock.deadline())
    assert head(slack)[0] == "🟢 *resolved* · bronze · 2026-03-03"
    assert kinds(slack.replies) == ["RETRY_EXHAUSTED"]


def test_a_quiet_success_waits_for_a_thread_that_opens(make: Callable[..., Dispatcher], slack: Any, clock: Any) -> None:
    def interfere(fields: dict[str, Any]) -> None:
        slack.before = lambda fields: None
        with pytest.raises(RetryLater, match="opening the thread"):
            make(quiet=True).dispatch(alert("JOB_COMPLETED", 2), clock.deadline())

    slack.before = interfere
    make(quiet=True).dispatch(alert("JOB_FAILED", 1), clock.deadline())
    make(quiet=True).dispatch(alert("JOB_COMPLETED", 2), clock.deadline())
    assert kinds(slack.replies) == ["JOB_FAILED", "JOB_COMPLETED"]


def test_a_failure_and_its_end_are_one_message(send: Callable[..., None], slack: Any) -> None:
    send(alert("JOB_FAILED", 1, followed_by="RETRY_EXHAUSTED"), alert("RETRY_EXHAUSTED", 1, error="exit 3"))
    assert kinds(slack.replies) == ["RETRY_EXHAUSTED"]
    assert "at 1: exit 3" in slack.replies[0]["text"]


@pytest.mark.parametrize("follower", [None, "PIPELINE_EXCLUDED", "JOB_FAILED"])
def test_a_failure_without_that_end_is_posted(send: Callable[..., None], slack: Any, follower: str | None) -> None:
    send(alert("JOB_FAILED", 1, followed_by=follower))
    assert kinds(slack.replies) == ["JOB_FAILED"]


def test_an_alert_without_a_thread_reads_its_row_once(make: Callable[..., Dispatcher], table: Any) -> None:
    asked: list[str] = []
    table.before = asked.append
    assert make().follow(alert("JOB_TRIGGERED")) is False
    assert asked == ["get_item", "update_item"]


def test_a_thread_that_is_about_to_open_is_followed(
    make: Callable[..., Dispatcher], table: Any, dynamodb: Any, clock: Any
) -> None:
    """The row that the write replaces counts, and not the row that was read before it."""
    other = LeasedRows(dynamodb, TABLE, timedelta(days=90))

    def lease(operation: str) -> None:
        table.after = lambda operation: None
        other.take(Key(THREAD["PK"]["S"], THREAD["SK"]["S"]), clock.now())

    table.after = lease
    assert make().follow(alert("SLA_WARNING")) is True

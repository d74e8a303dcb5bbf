"""One message per event, one thread per pipeline, schedule and date, also with repeats, concurrency and crashes."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.dispatch import Dispatcher
from interlock_alert_dispatcher.errors import TargetBusy
from interlock_alert_dispatcher.leases import Key, Lease, LeasedRows
from interlock_alert_dispatcher.slack import Slack, SlackAway, SlackRefused
from interlock_alert_dispatcher.tokens import FixedToken
from interlock_dlq import RetryLater

if TYPE_CHECKING:
    pass

TABLE = "test-interlock-events"
SECOND = timedelta(seconds=1)
THREAD = Key("PIPELINE#bronze", "THREAD#cron#2026-03-03")


def alert(identifier: str = "a", **fields: Any) -> Alert:
    known = {"pipeline_id": "bronze", "schedule_id": "cron", "date": "2026-03-03", "message": identifier}
    at = datetime(2026, 3, 3, 8, tzinfo=UTC)
    return Alert(**{"id": identifier, "type": "JOB_FAILED", "at": at, **known, **fields})


@pytest.fixture
def make(table: Any, slack: Any, clock: Any) -> Callable[..., Dispatcher]:
    """Another Lambda: its own dispatcher, on the same table and Slack."""

    def another(channel: str = "C1", sleep: Callable[[timedelta], None] = clock.sleep) -> Dispatcher:
        rows = LeasedRows(table, TABLE, timedelta(days=90))  # type: ignore[arg-type]
        posting = Slack(
            FixedToken("xoxb-1"), channel, base_url=slack.url, trip_after=5, rest=60 * SECOND, now=clock.now
        )
        return Dispatcher(posting, rows, now=clock.now, sleep=sleep)

    return another


def rows_in(table: Any) -> dict[str, dict[str, Any]]:
    return {row["SK"]["S"]: row for row in table.scan(TableName=TABLE)["Items"]}


def test_the_first_alert_opens_the_thread_and_all_reply(
    make: Callable[..., Dispatcher], slack: Any, clock: Any, table: Any
) -> None:
    for identifier in "abc":
        make().dispatch(alert(identifier), clock.deadline())
    (opened,) = slack.opened
    assert [message.get("thread_ts") for message in slack.posted] == [None, *[opened] * 3]
    assert [text.splitlines()[1] for text in slack.texts] == ["a", "b", "c"]
    row = rows_in(table)[THREAD.sk]
    assert (row["threadTs"]["S"], row["channelId"]["S"]) == (opened, "C1")
    assert row["createdAt"]["S"].startswith("2026-03-03T08:00")


@pytest.mark.parametrize("other", [{"date": "2026-03-04"}, {"schedule_id": "stream"}, {"pipeline_id": "silver"}])
def test_each_pipeline_schedule_and_date_has_its_own_thread(
    make: Callable[..., Dispatcher], slack: Any, clock: Any, other: dict[str, str]
) -> None:
    dispatcher = make()
    dispatcher.dispatch(alert("a"), clock.deadline())
    dispatcher.dispatch(alert("b", **other), clock.deadline())
    assert len(slack.opened) == 2


def test_an_event_that_is_delivered_twice_is_posted_once(
    make: Callable[..., Dispatcher], slack: Any, clock: Any
) -> None:
    make().dispatch(alert(), clock.deadline())
    clock.sleep(timedelta(days=3))
    make().dispatch(alert(), clock.deadline())
    assert (len(slack.heads), len(slack.replies)) == (1, 1)


def test_a_second_delivery_waits_for_the_first_post(make: Callable[..., Dispatcher], slack: Any, clock: Any) -> None:
    refused: list[Exception] = []

    def deliver_again(body: dict[str, Any]) -> None:
        with pytest.raises(RetryLater, match="another delivery") as caught:
            make().dispatch(alert(), clock.deadline())
        refused.append(caught.value)

    slack.before = deliver_again
    make().dispatch(alert(), clock.deadline())
    assert len(refused) == 2  # during the post of the head, and that of the reply
    make().dispatch(alert(), clock.deadline())
    assert (len(slack.heads), len(slack.replies)) == (1, 1)


def test_an_alert_returns_to_the_queue_while_a_thread_opens(
    make: Callable[..., Dispatcher], slack: Any, clock: Any, table: Any
) -> None:
    def interfere(body: dict[str, Any]) -> None:
        slack.before = lambda body: None
        with pytest.raises(RetryLater, match="opening the thread"):
            make().dispatch(alert("b"), clock.deadline())

    slack.before = interfere
    make().dispatch(alert("a"), clock.deadline())
    assert 3 * SECOND <= sum(clock.slept, timedelta()) < 4 * SECOND
    # The alert's row was released, so the next delivery need not wait for the end of a lease.
    make().dispatch(alert("b"), clock.deadline())
    assert [message.get("thread_ts") for message in slack.posted] == [None, *slack.opened * 2]


def test_a_waiting_alert_replies_once_the_thread_is_open(
    make: Callable[..., Dispatcher], slack: Any, clock: Any
) -> None:
    opening, may_open = threading.Event(), threading.Event()

    def hold_first(body: dict[str, Any]) -> None:
        opening.set()
        may_open.wait(300)

    def sleep_until_open(length: timedelta) -> None:
        may_open.set()
        first.join()

    slack.before = hold_first
    first = threading.Thread(target=make().dispatch, args=(alert("a"), clock.deadline()))
    first.start()
    assert opening.wait(300)
    make(sleep=sleep_until_open).dispatch(alert("b"), clock.deadline())
    assert [message.get("thread_ts") for message in slack.posted] == [None, *slack.opened * 2]


def test_concurrent_first_alerts_open_one_thread(make: Callable[..., Dispatcher], slack: Any, clock: Any) -> None:
    gate = threading.Barrier(8)

    def deliver(identifier: str) -> None:
        dispatcher = make(sleep=lambda length: None)
        gate.wait(300)
        while True:
            try:
                return dispatcher.dispatch(alert(identifier), clock.deadline())
            except RetryLater:
                # The queue delivers again.
                continue

    threads = [threading.Thread(target=deliver, args=(identifier,), daemon=True) for identifier in "abcdabcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(slack.opened) == 1
    assert sorted(text.splitlines()[1] for text in slack.texts) == ["a", "b", "c", "d"]


def test_a_crash_before_the_post_only_delays_the_alert(
    make: Callable[..., Dispatcher], slack: Any, clock: Any, table: Any, crash: type[BaseException]
) -> None:
    def die(operation: str) -> None:
        table.after = lambda operation: None
        raise crash

    table.after = die
    with pytest.raises(crash):
        make().dispatch(alert(), clock.deadline())
    with pytest.raises(RetryLater):
        make().dispatch(alert(), clock.deadline())
    clock.sleep(31 * SECOND)
    make().dispatch(alert(), clock.deadline())
    assert (len(slack.heads), len(slack.replies)) == (1, 1)


def test_a_crash_while_a_thread_opens_blocks_alerts_briefly(
    make: Callable[..., Dispatcher], slack: Any, clock: Any, table: Any
) -> None:
    rows = LeasedRows(table, TABLE, timedelta(days=90))  # type: ignore[arg-type]
    assert isinstance(rows.take(THREAD, clock.now()), Lease)  # and its holder is gone
    with pytest.raises(RetryLater):
        make().dispatch(alert("b"), clock.deadline())
    clock.sleep(31 * SECOND)
    make().dispatch(alert("b"), clock.deadline())
    assert len(slack.opened) == 1


@pytest.mark.parametrize("lost", [0, 1], ids=["head", "reply"])
def test_a_lost_answer_is_looked_for_before_it_is_repeated(
    make: Callable[..., Dispatcher], slack: Any, answer: Any, clock: Any, lost: int
) -> None:
    slack.answers = [None] * lost + [answer("", hang_up=True)]
    with pytest.raises(SlackAway):
        make().dispatch(alert(), clock.deadline())
    make().dispatch(alert(), clock.deadline())
    assert (len(slack.heads), len(slack.replies)) == (1, 1)
    assert set(slack.looks) <= {"conversations.history", "conversations.replies"}
    assert slack.looks


@pytest.mark.parametrize("lost", [0, 1], ids=["head", "reply"])
def test_an_unposted_message_is_looked_for_and_posted(
    make: Callable[..., Dispatcher], slack: Any, answer: Any, clock: Any, lost: int
) -> None:
    slack.answers = [None] * lost + [answer("", status=503)]
    with pytest.raises(SlackAway):
        make().dispatch(alert(), clock.deadline())
    make().dispatch(alert(), clock.deadline())
    assert (len(slack.heads), len(slack.replies)) == (1, 1)
    assert slack.looks


def test_a_first_post_reads_no_history(make: Callable[..., Dispatcher], slack: Any, clock: Any) -> None:
    make().dispatch(alert("a"), clock.deadline())
    make().dispatch(alert("b"), clock.deadline())
    assert slack.looks == []


def test_without_the_scope_a_lost_answer_is_posted_again(
    make: Callable[..., Dispatcher], slack: Any, answer: Any, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    slack.answers = [None, answer("", hang_up=True)]
    with pytest.raises(SlackAway):
        make().dispatch(alert(), clock.deadline())
    slack.look_answers = [answer({"ok": False, "error": "missing_scope", "needed": "channels:history"})]
    make().dispatch(alert(), clock.deadline())
    assert (len(slack.heads), len(slack.replies)) == (1, 2)
    assert "lost_answer_not_looked_for" in [record.message for record in caplog.records]


@pytest.mark.parametrize(
    ("said", "status", "expected"),
    [
        ({"ok": False, "error": "channel_not_found"}, 200, SlackRefused),
        ({"ok": False, "error": "fatal_error"}, 200, SlackAway),
        ("", 503, SlackAway),
    ],
)
@pytest.mark.parametrize("in_thread", [False, True])
def test_a_post_that_failed_may_be_tried_again_at_once(
    make: Callable[..., Dispatcher],
    slack: Any,
    answer: Any,
    clock: Any,
    in_thread: bool,
    said: Any,
    status: int,
    expected: type[Exception],
) -> None:
    if in_thread:
        make().dispatch(alert("first"), clock.deadline())
    slack.answers = [answer(said, status=status)]
    with pytest.raises(expected):
        make().dispatch(alert(), clock.deadline())
    make().dispatch(alert(), clock.deadline())
    assert len(slack.replies) == 1 + in_thread
    assert len(slack.opened) == 1


def test_a_busy_slack_delays_no_alert_of_the_queue(
    make: Callable[..., Dispatcher], slack: Any, answer: Any, clock: Any
) -> None:
    slack.answers = [answer({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "7"})]
    dispatcher = make()
    for identifier in "ab":
        with pytest.raises(TargetBusy):
            dispatcher.dispatch(alert(identifier), clock.deadline())
    assert (clock.slept, slack.requests) == ([], 1)
    assert dispatcher.quiet_until == clock.now() + 7 * SECOND


def test_the_pace_of_a_drain_delays_no_alert_of_the_queue(
    make: Callable[..., Dispatcher], slack: Any, clock: Any
) -> None:
    dispatcher = make()
    dispatcher.keep_pace(SECOND)
    dispatcher.dispatch(alert("a"), clock.deadline())
    assert (clock.slept, len(slack.replies)) == ([], 1)
    dispatcher.dispatch(alert("b"), clock.deadline(), late=True)
    assert clock.slept == [SECOND]


def test_a_late_alert_waits_for_the_time_slack_asked_for(
    make: Callable[..., Dispatcher], slack: Any, answer: Any, clock: Any
) -> None:
    busy = answer({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "7"})
    slack.answers = [busy, busy]
    make().dispatch(alert(), clock.deadline(), late=True)
    assert clock.slept[:2] == [7 * SECOND, 7 * SECOND]
    assert len(slack.replies) == 1
    assert slack.requests == 4


def test_a_wait_beyond_the_invocation_sends_nothing(
    make: Callable[..., Dispatcher], slack: Any, answer: Any, clock: Any
) -> None:
    slack.answers = [answer({"ok": False}, status=429, headers={"Retry-After": "30"})]
    dispatcher = make()
    for identifier in "ab":
        with pytest.raises(RetryLater, match="longer than the invocation"):
            dispatcher.dispatch(alert(identifier), clock.deadline(20 * SECOND), late=True)
    assert slack.requests == 1
    assert clock.slept == []
    clock.sleep(30 * SECOND)
    for identifier in "ab":
        dispatcher.dispatch(alert(identifier), clock.deadline(20 * SECOND), late=True)
    assert len(slack.replies) == 2


def test_nothing_is_leased_while_slack_asks_to_wait(
    make: Callable[..., Dispatcher], slack: Any, answer: Any, clock: Any, table: Any
) -> None:
    leased: list[set[str]] = []

    def look(length: timedelta) -> None:
        leased.append({key for key, row in rows_in(table).items() if "leaseUntil" in row})
        clock.sleep(length)

    slack.answers = [answer({"ok": False}, status=429, headers={"Retry-After": "40"})]
    make(sleep=look).dispatch(alert(), clock.deadline(), late=True)
    assert leased[0] == set()
    assert len(slack.replies) == 1


def test_an_alert_is_not_begun_at_the_end_of_the_invocation(
    make: Callable[..., Dispatcher], slack: Any, clock: Any, table: Any
) -> None:
    with pytest.raises(RetryLater, match="too little time"):
        make().dispatch(alert(), clock.deadline(SECOND))
    assert rows_in(table) == {}


@pytest.mark.parametrize("slow", [1, 2, 3], ids=["the alert's row", "the state", "the thread's row"])
def test_a_post_begins_only_if_it_ends_before_its_lease(
    make: Callable[..., Dispatcher], slack: Any, clock: Any, table: Any, slow: int
) -> None:
    updates: list[str] = []  # of the alert's row, of the state, of the thread's row

    def answer_late(operation: str) -> None:
        updates.extend([operation] if operation == "update_item" else [])
        if operation == "update_item" and len(updates) == slow:
            clock.sleep(21 * SECOND)

    table.after = answer_late
    with pytest.raises(RetryLater, match="too little time is left to post"):
        make().dispatch(alert(), clock.deadline(timedelta(minutes=10)))
    assert slack.requests == 0


def test_another_channel_has_its_own_threads(make: Callable[..., Dispatcher], slack: Any, clock: Any) -> None:
    make("C1").dispatch(alert("a"), clock.deadline())
    make("C2").dispatch(alert("b"), clock.deadline())
    make("C2").dispatch(alert("c"), clock.deadline())
    assert [message["channel"] for message in slack.heads] == ["C1", "C2"]
    assert [message["channel"] for message in slack.replies] == ["C1", "C2", "C2"]
    first, second = slack.opened
    assert [message["thread_ts"] for message in slack.replies] == [first, second, second]


def test_a_missing_thread_is_opened_again(make: Callable[..., Dispatcher], slack: Any, answer: Any, clock: Any) -> None:
    make().dispatch(alert("a"), clock.deadline())
    slack.answers = [answer({"ok": False, "error": "thread_not_found"})]
    make().dispatch(alert("b"), clock.deadline())
    make().dispatch(alert("c"), clock.deadline())
    first, second = slack.opened
    assert [message["thread_ts"] for message in slack.replies] == [first, second, second]


@pytest.mark.parametrize(
    "code", ["thread_not_found", "cannot_reply_to_message", "restricted_action_thread_locked", "message_not_found"]
)
@pytest.mark.parametrize("late", [False, True])
def test_a_rejected_reply_opens_at_most_three_more_heads(
    make: Callable[..., Dispatcher], slack: Any, answer: Any, clock: Any, code: str, late: bool
) -> None:
    """A bot that deletes messages, or a locked workspace, must not make a channel full of heads."""
    slack.reply_answer = answer({"ok": False, "error": code})
    for _ in range(3):
        with pytest.raises(SlackRefused):
            make().dispatch(alert("a"), clock.deadline(), late=late)
    assert len(slack.heads) == 4
    slack.reply_answer = None
    make().dispatch(alert("a"), clock.deadline())
    assert [message["thread_ts"] for message in slack.replies] == [slack.opened[-1]]


def test_a_rejected_broadcast_is_a_reply(make: Callable[..., Dispatcher], slack: Any, answer: Any, clock: Any) -> None:
    make().dispatch(alert("a"), clock.deadline())
    slack.answers = [answer({"ok": False, "error": "cant_broadcast_message"})]
    worse = alert("b", type="RETRY_EXHAUSTED")
    assert make().dispatch(worse, clock.deadline())
    assert [bool(message.get("reply_broadcast")) for message in slack.replies] == [False, False]


def test_a_head_whose_note_failed_is_found_again(
    make: Callable[..., Dispatcher], slack: Any, clock: Any, table: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def break_after_the_post(operation: str) -> None:
        if slack.posted:
            raise ConnectionError("the table is away")

    table.before = break_after_the_post
    with pytest.raises(ConnectionError):
        make().dispatch(alert(), clock.deadline())
    table.before = lambda operation: None
    clock.sleep(31 * SECOND)
    make().dispatch(alert(), clock.deadline())
    assert (len(slack.heads), len(slack.replies)) == (1, 1)
    assert "post_not_noted" in [record.message for record in caplog.records]


def test_a_posted_reply_is_done_even_if_its_note_fails(
    make: Callable[..., Dispatcher], slack: Any, clock: Any, table: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def break_after_the_reply(operation: str) -> None:
        if slack.replies:
            raise ConnectionError("the table is away")

    table.before = break_after_the_reply
    make().dispatch(alert(), clock.deadline())
    assert (len(slack.heads), len(slack.replies)) == (1, 1)
    assert [record.message for record in caplog.records].count("post_not_noted") == 1


def test_a_failing_table_does_not_hide_an_error_of_slack(
    make: Callable[..., Dispatcher], slack: Any, answer: Any, clock: Any, table: Any
) -> None:
    def break_after_the_request(operation: str) -> None:
        if slack.requests:
            raise ConnectionError("the table is away")

    slack.answers = [answer("", status=503)]
    table.before = break_after_the_request
    with pytest.raises(SlackAway):
        make().dispatch(alert(), clock.deadline())

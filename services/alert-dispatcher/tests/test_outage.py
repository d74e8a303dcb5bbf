"""Slack is away for a while: no alert is lost or posted twice, and the most severe alert comes first."""

import contextlib
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outage_parts import MINUTE, SECOND, TABLE, Lambda, MemoryTable, Row, message_of

from interlock_alert_dispatcher.alert import Alert, read_alert
from interlock_alert_dispatcher.drain import LEASE, Drained, NoDrain
from interlock_alert_dispatcher.leases import Key, Lease, LeasedRows
from interlock_alert_dispatcher.pending import PARTITION
from interlock_alert_dispatcher.text import date_of, severity_of
from interlock_dlq import OUTBOX

DRAIN = Key(PARTITION, "DRAIN")
# One type of each severity that reaches Slack.
TYPES = ("SLA_BREACH", "JOB_FAILED", "RERUN_ACCEPTED", "JOB_COMPLETED")


@pytest.fixture
def start(table: Any, slack: Any, clock: Any) -> Callable[..., Lambda]:
    """Start another process on the same table and Slack."""
    return lambda **options: Lambda(table, slack, clock, **options)


def body(
    identifier: str,
    kind: str = "JOB_FAILED",
    *,
    at: datetime | None = None,
    date: str = "2026-03-03",
    pipeline: str = "bronze",
) -> str:
    moment = (at or datetime(2026, 3, 3, 8, tzinfo=UTC)).isoformat()
    detail = {"id": identifier, "pipelineId": pipeline, "scheduleId": "cron", "date": date, "timestamp": moment}
    return json.dumps({"detail-type": kind, "source": "interlock", "detail": {**detail, "message": identifier}})


def posted(slack: Any) -> list[str]:
    """The ids of the posted alerts, in the order of their replies."""
    return [message_of(text) for text in slack.texts]


def pending_rows(table: Any) -> list[dict[str, Any]]:
    found = table.scan(TableName=TABLE)["Items"]
    return [row for row in found if row["PK"]["S"] == PARTITION and row["SK"]["S"][0].isdigit()]


def arrivals(count: int, begin: datetime, end: datetime) -> Iterator[tuple[datetime, str]]:
    """`count` alerts of all severities and many threads, spread over an outage."""
    chance = random.Random(count)
    moments = sorted(begin + chance.random() * (end - begin) for _ in range(count))
    for number, moment in enumerate(moments):
        kind, day = chance.choice(TYPES), chance.randrange(1, 20)
        yield moment, body(f"a{number:04}", kind, at=moment, date=f"2026-03-{day:02}")


@pytest.mark.parametrize(
    ("outage", "count", "is_fast"),
    [
        (120 * SECOND, 31, False),
        (120 * SECOND, 31, True),
        (timedelta(hours=1), 200, True),
        (timedelta(days=1), 400, True),
    ],
    ids=["two minutes", "two minutes, fast table", "an hour", "a day"],
)
def test_every_alert_of_an_outage_is_posted_once(
    table: Any, slack: Any, clock: Any, outage: timedelta, count: int, is_fast: bool
) -> None:
    events = MemoryTable() if is_fast else table

    def start() -> Lambda:
        return Lambda(events, slack, clock)

    begin, end = clock.now(), clock.now() + outage
    slack.away = lambda: clock.now() < end
    moments: list[datetime] = []
    slack.before = lambda body: moments.append(clock.now())
    due, bodies, process = list(arrivals(count, begin, end)), [], start()
    next_tick = begin + timedelta(seconds=17)
    while clock.now() < end:
        while due and due[0][0] <= clock.now():
            bodies.append(due.pop(0)[1])
            process.take(bodies[-1])
        if clock.now() >= next_tick:
            assert process.tick().posted == 0
            next_tick += MINUTE
        clock.sleep(min(next_tick, due[0][0] if due else end, end) - clock.now())
    bodies += [late for _, late in due]
    for _, late in due:
        process.take(late)
    assert slack.posted == []
    assert process.pending.count() == count
    clock.sleep(max(next_tick - clock.now(), timedelta()))
    process = start()  # and any process continues
    while process.tick().waiting:
        clock.sleep(max(MINUTE - (clock.now() - next_tick) % MINUTE, SECOND))
    assert moments[0] - end <= MINUTE
    assert all(later - earlier >= SECOND for earlier, later in pairwise(moments))
    assert moments[-1] - end <= 1.2 * count * SECOND + 2 * MINUTE
    alerts = sorted((read_alert({"body": text}) for text in bodies), key=_order)
    assert posted(slack) == [alert.id for alert in alerts]
    assert len(slack.opened) == len({alert.thread for alert in alerts})
    assert process.letters.letters == []


def _order(alert: Alert) -> tuple[int, datetime]:
    return severity_of(alert).rank, alert.at


def test_an_alert_leaves_the_queue_only_with_its_row(
    start: Callable[..., Lambda], slack: Any, table: Any, crash: type[BaseException]
) -> None:
    slack.away = lambda: True

    def fail(operation: str) -> None:
        if slack.requests and operation == "update_item":
            raise ConnectionError("the table is away")

    table.before = fail
    with pytest.raises(ConnectionError):
        start().take(body("a"))
    table.before = lambda operation: None
    start().take(body("a"))
    assert [row["body"]["S"] for row in pending_rows(table)] == [body("a")]


def test_a_delivery_that_comes_again_is_one_pending_row(start: Callable[..., Lambda], slack: Any, table: Any) -> None:
    slack.away = lambda: True
    start().take(body("a"))
    (first,) = pending_rows(table)
    start().take(body("a"))
    (second,) = pending_rows(table)
    assert second["since"] == first["since"]
    slack.away = lambda: False
    assert start().tick() == Drained(posted=1)
    start().take(body("a"))
    assert posted(slack) == ["a"]


def test_a_new_alert_joins_the_line_by_its_severity(start: Callable[..., Lambda], slack: Any, clock: Any) -> None:
    slack.away = lambda: True
    start().take(body("old", "JOB_COMPLETED"))
    slack.away = lambda: False
    start().take(body("new", "SLA_BREACH"))
    assert slack.posted == []
    start().tick()
    assert posted(slack) == ["new", "old"]
    start().take(body("next"))
    assert posted(slack) == ["new", "old", "next"]


def test_a_severe_alert_overtakes_the_line_while_it_drains(
    start: Callable[..., Lambda], slack: Any, clock: Any
) -> None:
    slack.away = lambda: True
    for number in range(5):
        start().take(body(f"n{number}", "RERUN_ACCEPTED"))
    slack.away = lambda: False

    def join(message: dict[str, Any]) -> None:
        slack.before = lambda message: None
        start().take(body("severe", "SLA_BREACH"))

    slack.before = join
    start().tick()
    assert posted(slack) == ["n0", "severe", "n1", "n2", "n3", "n4"]


def test_a_merged_failure_joins_no_line(start: Callable[..., Lambda], slack: Any) -> None:
    slack.away = lambda: True
    process = start()
    process.take(body("a", "RETRY_EXHAUSTED"))
    failed = json.loads(body("b"))
    failed["detail"]["detail"] = {"followedBy": "RETRY_EXHAUSTED"}
    process.take(json.dumps(failed))
    assert process.pending.count() == 1


def test_a_late_message_shows_the_time_of_its_event(start: Callable[..., Lambda], slack: Any) -> None:
    slack.away = lambda: True
    start().take(body("a"))
    slack.away = lambda: False
    start().tick()
    assert slack.texts[0].splitlines()[1] == f"sent late, emitted {date_of(datetime(2026, 3, 3, 8, tzinfo=UTC))}"


def test_a_tick_without_pending_alerts_asks_slack_nothing(start: Callable[..., Lambda], slack: Any, table: Any) -> None:
    calls: list[str] = []
    table.before = calls.append
    assert start().tick() == Drained()
    assert calls == ["query"]
    assert slack.requests == 0


def test_a_tick_during_the_outage_asks_once_and_posts_nothing(start: Callable[..., Lambda], slack: Any) -> None:
    slack.away = lambda: True
    process = start()
    for number in range(8):
        process.take(body(f"a{number}"))
    before = slack.requests
    result = process.tick()
    assert (result.posted, result.waiting) == (0, 8)
    assert "SlackAway" in (result.reason or "")
    assert (slack.requests - before, slack.probes) == (1, 1)


def test_only_the_first_alert_of_an_outage_asks_slack(start: Callable[..., Lambda], slack: Any) -> None:
    slack.away = lambda: True
    for number in range(8):
        start().take(body(f"a{number}"))
    assert slack.requests == 1


def test_an_open_breaker_does_not_delay_the_return(start: Callable[..., Lambda], slack: Any, answer: Any) -> None:
    process = start()
    slack.away = lambda: True
    for number in range(5):
        process.take(body(f"a{number}"))
        process.pending.remove(process.pending.first(1)[0])
    slack.away = lambda: False
    process.take(body("b"))
    assert process.pending.count() == 1
    assert process.tick() == Drained(posted=1)
    assert posted(slack) == ["b"]


def test_the_wait_that_slack_asked_for_outlasts_the_process(
    start: Callable[..., Lambda], slack: Any, answer: Any, clock: Any
) -> None:
    slack.answers = [answer({"ok": False}, status=429, headers={"Retry-After": "150"})]
    start().take(body("a"))
    asked = clock.now()
    while start().tick().waiting:
        clock.sleep(MINUTE)
    assert slack.requests == 4  # the rejected post, the probe, the head, the reply
    assert timedelta(seconds=150) <= clock.now() - asked <= timedelta(seconds=210)


def test_the_wait_that_a_probe_was_asked_for_is_kept(
    start: Callable[..., Lambda], slack: Any, answer: Any, clock: Any
) -> None:
    slack.away = lambda: True
    start().take(body("a"))
    slack.away = lambda: False
    slack.probe_answers = [answer({"ok": False}, status=429, headers={"Retry-After": "170"})]
    for minute in range(2):
        assert start().tick().posted == 0, minute
        clock.sleep(MINUTE)
    assert slack.probes == 1
    assert start().tick() == Drained(posted=1)


def test_a_wait_within_the_drain_is_kept(start: Callable[..., Lambda], slack: Any, answer: Any, clock: Any) -> None:
    slack.away = lambda: True
    for identifier in "ab":
        start().take(body(identifier))
    slack.away = lambda: False
    slack.answers = [answer({"ok": False}, status=429, headers={"Retry-After": "20"})]
    assert start().tick() == Drained(posted=2)
    assert clock.slept[0] == 20 * SECOND


REFUSALS = ["invalid_auth", "account_inactive", "channel_not_found", "not_in_channel", "is_archived", "new_code"]


@pytest.mark.parametrize(("code", "is_fast"), [("invalid_auth", False), *((code, True) for code in REFUSALS)])
def test_a_wrong_token_or_channel_loses_no_alert(
    table: Any, slack: Any, answer: Any, clock: Any, code: str, is_fast: bool
) -> None:
    events = MemoryTable() if is_fast else table

    def start() -> Lambda:
        return Lambda(events, slack, clock)

    refusal = answer({"ok": False, "error": code})
    slack.answers = [refusal] * 1000
    for number in range(6):
        start().take(body(f"a{number}", at=at(number), pipeline=f"p{number % 5}"))
    for _ in range(12):
        process = start()
        assert process.tick().waiting == 6
        assert process.letters.letters == []
        clock.sleep(MINUTE)
    slack.answers = []
    assert start().tick() == Drained(posted=6)
    assert posted(slack) == [f"a{number}" for number in range(6)]


def test_a_message_that_slack_alone_rejects_is_a_dead_letter(
    start: Callable[..., Lambda], slack: Any, answer: Any
) -> None:
    slack.away = lambda: True
    for identifier in "abc":
        start().take(body(identifier))
    slack.away = lambda: False
    slack.answers = [answer({"ok": False, "error": "msg_too_long"})]
    process = start()
    assert process.tick() == Drained(posted=2)
    assert posted(slack) == ["b", "c"]
    (letter,) = process.letters.letters
    assert letter.payload["body"] == body("a")
    assert "msg_too_long" in letter.reason


def reject(slack: Any, answer: Any, names: list[str]) -> None:
    """Let Slack reject each message with the text of one of these alerts."""
    accept = slack._post

    def post(message: Row) -> Any:
        is_rejected = not set(names).isdisjoint(message["text"].splitlines())
        return answer({"ok": False, "error": "new_code"}) if is_rejected else accept(message)

    slack._post = post


def wait_with(start: Callable[..., Lambda], slack: Any, bodies: list[str]) -> None:
    """Let these alerts wait, in this order."""
    slack.away = lambda: True
    for text in bodies:
        start().take(text)
    slack.away = lambda: False


def at(minute: int) -> datetime:
    return datetime(2026, 3, 3, 8, minute, tzinfo=UTC)


@pytest.mark.parametrize("count", [3, 12])
def test_rejected_alerts_stop_no_other_pipeline(
    start: Callable[..., Lambda], slack: Any, answer: Any, count: int
) -> None:
    names = [f"x{number}" for number in range(count)]
    wait_with(start, slack, [body(name, "SLA_BREACH", at=at(place)) for place, name in enumerate(names)])
    reject(slack, answer, names)
    start().take(body("late", "SLA_BREACH", at=at(40), pipeline="gold"))
    process = start()
    assert process.tick().posted == 1
    assert posted(slack) == ["late"]
    # The success proves that the messages are at fault.
    assert [letter.payload["body"] for letter in process.letters.letters] == [
        body(name, "SLA_BREACH", at=at(place)) for place, name in enumerate(names[:3])
    ]


def test_another_alert_of_the_line_decides_each_minute(
    start: Callable[..., Lambda], slack: Any, answer: Any, clock: Any
) -> None:
    names = [f"x{number}" for number in range(7)]
    lines = [body(name, at=at(place), pipeline=name) for place, name in enumerate(names)]
    wait_with(start, slack, [*lines, body("last", at=at(40))])
    reject(slack, answer, names)
    ticks, letters = 0, 0
    while not slack.replies:
        process = start()
        process.tick()
        ticks, letters = ticks + 1, letters + len(process.letters.letters)
        clock.sleep(MINUTE)
        assert ticks <= len(names)
    assert (posted(slack), ticks, letters) == (["last"], 5, 3)


def test_short_pages_of_the_table_hide_no_alert(
    start: Callable[..., Lambda], slack: Any, table: Any, clock: Any
) -> None:
    class ShortPages(type(table)):  # type: ignore[misc]
        def query(self, **request: Any) -> Any:
            return self.__getattr__("query")(**{**request, "Limit": min(request.get("Limit", 1), 1)})

    for number in range(4):
        row = {"PK": {"S": PARTITION}, "SK": {"S": f"0:0000000000000:{number}"}, "body": {"S": "{"}}
        table.put_item(TableName=TABLE, Item=row)
    start().take(body("a"))
    process = Lambda(ShortPages(table), slack, clock)
    # Without a kept letter the corrupted rows stay, and the alert is behind them.
    process.letters.route = lambda letter: 1 / 0  # type: ignore[method-assign]
    assert process.tick() == Drained(posted=1, waiting=4)


def test_a_corrupted_row_is_a_dead_letter_and_stops_no_alert(
    start: Callable[..., Lambda], slack: Any, table: Any
) -> None:
    row = {"PK": {"S": PARTITION}, "SK": {"S": "0:0000000000000:x"}, "body": {"S": "{"}}
    table.put_item(TableName=TABLE, Item=row)
    start().take(body("a"))
    process = start()
    assert process.tick() == Drained(posted=1)
    assert [letter.payload["body"] for letter in process.letters.letters] == ["{"]


def test_an_alert_that_no_row_can_note_stops_no_other(start: Callable[..., Lambda], slack: Any, table: Any) -> None:
    slack.away = lambda: True
    for identifier in "ab":
        start().take(body(identifier))
    slack.away = lambda: False
    calls: list[str] = []

    def reject_first(operation: str) -> None:
        calls.extend([operation] if operation == "update_item" else [])
        # The first update takes the lease of the drain, the second that of the alert.
        if operation == "update_item" and len(calls) == 2:
            raise ClientError({"Error": {"Code": "ValidationException"}}, "UpdateItem")

    table.before = reject_first
    process = start()
    assert process.tick() == Drained(posted=1)
    assert posted(slack) == ["b"]
    assert [letter.payload["body"] for letter in process.letters.letters] == [body("a")]


def test_a_busy_table_ends_the_drain_and_its_lease(start: Callable[..., Lambda], slack: Any, table: Any) -> None:
    slack.away = lambda: True
    start().take(body("a"))
    slack.away = lambda: False

    def throttle(operation: str) -> None:
        if slack.probes and operation == "query":
            table.before = lambda operation: None
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "Query")

    table.before = throttle
    with pytest.raises(ClientError):
        start().tick()
    assert start().tick() == Drained(posted=1)


def test_a_row_without_a_kept_letter_stays(start: Callable[..., Lambda], slack: Any, table: Any) -> None:
    row = {"PK": {"S": PARTITION}, "SK": {"S": "0:0000000000000:x"}, "body": {"S": "{"}}
    table.put_item(TableName=TABLE, Item=row)
    start().take(body("a"))
    process = start()

    def break_down(letter: object) -> None:
        raise ConnectionError("the queue is away")

    process.letters.route = break_down  # type: ignore[method-assign]
    result = process.tick()
    assert (result.posted, result.waiting) == (1, 1)


def test_one_invocation_at_a_time_posts_the_line(start: Callable[..., Lambda], slack: Any, clock: Any) -> None:
    slack.away = lambda: True
    start().take(body("a"))
    slack.away = lambda: False
    seen: list[Drained] = []
    slack.before = lambda message: seen.append(start().tick())
    start().tick()
    assert [result.posted for result in seen] == [0, 0]  # while the head and the reply are posted
    assert posted(slack) == ["a"]


@pytest.mark.parametrize("step", range(45))
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_at_any_step_of_a_drain_loses_nothing(
    serial: Any, slack: Any, clock: Any, crash: type[BaseException], step: int, moment: str
) -> None:
    table = serial(MemoryTable())

    def start() -> Lambda:
        return Lambda(table, slack, clock)

    slack.away = lambda: True
    for identifier in "abc":
        start().take(body(identifier))
    slack.away = lambda: False
    steps: list[str] = []

    def die(operation: str) -> None:
        steps.append(operation)
        if len(steps) > step:
            raise crash

    setattr(table, moment, die)
    with contextlib.suppress(crash):
        start().tick()
    setattr(table, moment, lambda operation: None)
    while start().tick().waiting:
        clock.sleep(MINUTE)
    assert sorted(posted(slack)) == ["a", "b", "c"]
    assert len(slack.heads) == 1
    assert slack.heads[0]["text"].splitlines()[1] == f"🟠 JOB_FAILED {date_of(datetime(2026, 3, 3, 8, tzinfo=UTC))}: c"
    assert start().pending.count() == 0


@pytest.mark.parametrize("is_away", [False, True], ids=["there", "away"])
@pytest.mark.parametrize("step", range(12))
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_at_any_step_of_a_delivery_loses_nothing(
    serial: Any, slack: Any, clock: Any, crash: type[BaseException], step: int, moment: str, is_away: bool
) -> None:
    table = serial(MemoryTable())

    def start() -> Lambda:
        return Lambda(table, slack, clock)

    slack.away = lambda: is_away
    steps: list[str] = []

    def die(operation: str) -> None:
        steps.append(operation)
        if len(steps) > step:
            raise crash

    setattr(table, moment, die)
    with contextlib.suppress(crash):
        start().take(body("a"))
    setattr(table, moment, lambda operation: None)
    clock.sleep(360 * SECOND)  # the queue delivers the message again
    start().take(body("a"))
    slack.away = lambda: False
    while start().tick().waiting:
        clock.sleep(MINUTE)
    assert (posted(slack), len(slack.heads)) == (["a"], 1)


def test_the_lease_of_a_dead_drain_ends(start: Callable[..., Lambda], slack: Any, clock: Any, table: Any) -> None:
    slack.away = lambda: True
    start().take(body("a"))
    slack.away = lambda: False
    dead = LeasedRows(table, TABLE, timedelta(days=90), length=LEASE).take(DRAIN, clock.now())
    assert isinstance(dead, Lease)
    assert start().tick().reason == "another invocation posts them"
    clock.sleep(2 * MINUTE)
    assert start().tick() == Drained(posted=1)


def test_an_alert_whose_thread_is_occupied_is_posted_later(
    start: Callable[..., Lambda], slack: Any, clock: Any, table: Any
) -> None:
    rows = LeasedRows(table, TABLE, timedelta(days=90))
    assert isinstance(rows.take(Key("PIPELINE#bronze", "THREAD#cron#2026-03-03"), clock.now()), Lease)
    start().take(body("a"))
    assert start().pending.count() == 1
    start().take(body("b", date="2026-03-04"))
    process = start()
    assert process.tick().posted == 1
    clock.sleep(MINUTE)
    assert start().tick() == Drained(posted=1)
    assert posted(slack) == ["b", "a"]


def test_pending_alerts_have_no_lifetime_and_no_index(start: Callable[..., Lambda], slack: Any, table: Any) -> None:
    slack.away = lambda: True
    start().take(body("a"))
    (row,) = pending_rows(table)
    assert not {"ttl", "eventType", "timestamp"} & row.keys()
    assert row["reason"]["S"].startswith("SlackAway: ")


def test_without_a_token_pending_alerts_stay(start: Callable[..., Lambda], slack: Any, clock: Any) -> None:
    slack.away = lambda: True
    process = start()
    process.take(body("a"))
    assert NoDrain(process.pending).run(clock.deadline()) == Drained(waiting=1, reason="no Slack token is set")


PIPELINE = "PIPELINE#bronze"
PENDING_KEYS = ("!", "0", "0:0000000000000:x", "1:1772524800000:a", "4:9999999999999:z")
WIRE = st.one_of(
    st.sampled_from(
        ["", "junk", "{", "{}", "2026-03-03", "9999-12-31T00:00:00+00:00", "0001-01-01T00:00:00+23:59"]
    ).map(lambda text: {"S": text}),
    st.sampled_from(["0", "-1", "0.5", "1772524800", "1772524830000", "9" * 30, "1E+120"]).map(
        lambda text: {"N": text}
    ),
    st.sampled_from(
        [{"BOOL": True}, {"NULL": True}, {"L": []}, {"M": {"S": {"S": "x"}}}, {"B": b"\xff"}, {"SS": ["a"]}]
    ),
)
"""Values of an attribute in DynamoDB's notation. No text among them is a ts of Slack."""


def foreign(pk: str, sk: str, *names: str) -> st.SearchStrategy[Row]:
    """A row of another process with some of these attributes, each of any form."""
    attributes = st.fixed_dictionaries({}, optional=dict.fromkeys(names, WIRE))
    return attributes.map(lambda found: {"PK": {"S": pk}, "SK": {"S": sk}, **found})


FOREIGN = st.tuples(
    *(foreign(PARTITION, sk, "body", "reason", "since", "alertType") for sk in PENDING_KEYS),
    foreign(*(PARTITION, "DRAIN"), "leaseUntil", "leasedBy", "threadTs", "ttl"),
    foreign(*(PARTITION, "QUIET"), "until"),
    *(
        foreign(PIPELINE, sk, "leaseUntil", "leasedBy", "threadTs", "channelId", "messageTs", "createdAt", "ttl")
        for sk in ("ALERT#a", "ALERT#b", "THREAD#cron#2026-03-03")
    ),
).flatmap(lambda rows: st.lists(st.sampled_from(rows), unique_by=lambda row: row["SK"]["S"]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=FOREIGN, is_away=st.booleans())
def test_no_row_of_another_process_stops_an_alert(slack: Any, clock: Any, rows: list[Row], is_away: bool) -> None:
    table, clock = MemoryTable(), type(clock)()
    for row in rows:
        table._put(row)
    slack.posted.clear()
    slack.away = lambda: is_away
    process = Lambda(table, slack, clock)
    process.take(body("a"))
    slack.away = lambda: False
    process.take(body("b"))
    for _ in range(5):
        process.tick()
        clock.sleep(MINUTE)
    assert sorted(posted(slack)) == ["a", "b"]
    assert process.pending.count() == 0
    replaced = "1:1772524800000:a"  # the row of the alert itself
    foreign_rows = [row for row in rows if row["SK"]["S"] in PENDING_KEYS and row["SK"]["S"] != replaced]
    kept = [letter.payload.get("messageId") or letter.payload["SK"]["S"] for letter in process.letters.letters]
    assert {row["SK"]["S"] for row in foreign_rows} <= set(kept)


def test_a_row_without_a_body_is_a_whole_dead_letter(start: Callable[..., Lambda], slack: Any, table: Any) -> None:
    row = {"PK": {"S": PARTITION}, "SK": {"S": "0"}, "note": {"S": "x"}, "body": {"N": "5"}}
    table.put_item(TableName=TABLE, Item=row)
    process = start()
    process.take(body("a"))
    assert process.tick() == Drained(posted=1)
    assert posted(slack) == ["a"]
    (letter,) = process.letters.letters
    assert (letter.payload, letter.source) == (row, OUTBOX)


@pytest.mark.parametrize(
    ("until", "is_kept"),
    [
        ({"S": "junk"}, False),
        ({"S": "2026-03-03T08:30:00"}, False),
        ({"N": "5"}, False),
        (None, False),
        ({"S": "2026-03-03T09:02:00+00:00"}, False),
        ({"S": "2026-03-03T09:00:00+00:00"}, True),
        ({"S": "2026-03-03T09:30:00+01:00"}, True),
    ],
)
def test_only_a_possible_wait_of_slack_is_kept(
    start: Callable[..., Lambda], slack: Any, table: Any, until: Row | None, is_kept: bool
) -> None:
    slack.away = lambda: True
    start().take(body("a"))
    slack.away = lambda: False
    quiet = {"PK": {"S": PARTITION}, "SK": {"S": "QUIET"}, **({"until": until} if until else {})}
    table.put_item(TableName=TABLE, Item=quiet)
    assert start().tick().posted == (0 if is_kept else 1)


@pytest.mark.parametrize("value", [{"S": "junk"}, {"N": "5"}, {"S": ""}, {"M": {}}], ids=str)
def test_a_thread_with_an_unreadable_ts_is_opened_again(
    start: Callable[..., Lambda], slack: Any, table: Any, value: Row
) -> None:
    key = {"PK": {"S": PIPELINE}, "SK": {"S": "THREAD#cron#2026-03-03"}}
    table.put_item(TableName=TABLE, Item={**key, "threadTs": value, "channelId": {"S": "C1"}})
    start().take(body("a"))
    start().take(body("b"))
    assert [message.get("thread_ts") for message in slack.posted] == [None, *slack.opened * 2]


@pytest.mark.parametrize("value", [{"S": "junk"}, {"N": "9" * 20}, {"L": []}], ids=str)
@pytest.mark.parametrize("ends", [False, True], ids=["open", "done"])
def test_an_unreadable_lease_neither_holds_nor_repeats_a_post(slack: Any, clock: Any, value: Row, ends: bool) -> None:
    table = MemoryTable()  # moto fails to compare values of two types
    row = {**Key(PIPELINE, "ALERT#a").wire(), "leaseUntil": value, "leasedBy": {"S": "x"}}
    table._put({**row, **({"threadTs": {"S": "17.1"}} if ends else {})})
    Lambda(table, slack, clock).take(body("a"))
    assert posted(slack) == ([] if ends else ["a"])


def test_a_lease_of_the_drain_that_is_done_stops_nothing(start: Callable[..., Lambda], slack: Any, table: Any) -> None:
    slack.away = lambda: True
    start().take(body("a"))
    slack.away = lambda: False
    table.put_item(TableName=TABLE, Item={**DRAIN.wire(), "threadTs": {"S": "17.1"}})
    assert start().tick() == Drained(posted=1)

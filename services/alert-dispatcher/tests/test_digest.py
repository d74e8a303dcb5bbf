"""The digest: its period in its zone, its groups, and one message a day."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from interlock_alert_dispatcher.daily import DailyDigest
from interlock_alert_dispatcher.digest import Group, Happening, Period, digest_text, period_after, period_at, summarise
from interlock_alert_dispatcher.drain import LEASE
from interlock_alert_dispatcher.errors import TargetAway, TargetRefused
from interlock_alert_dispatcher.fanout import Announcement, Target, Targets
from interlock_alert_dispatcher.leases import LeasedRows
from interlock_alert_dispatcher.routing import Routing
from interlock_config import decode_alerts_yaml
from interlock_telemetry import InvocationDeadline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "test-interlock-events"
BERLIN = ZoneInfo("Europe/Berlin")
RULES = decode_alerts_yaml(
    'version: 1\ntargets: {team: {slack: C2000000}}\ndigest: {at: "08:00", timezone: Europe/Berlin, to: team}'
)
AFTER = datetime(2026, 3, 3, 7, 2, tzinfo=UTC)
"""Two minutes after the end of PERIOD."""

PERIOD = Period(datetime(2026, 3, 2, 8, tzinfo=BERLIN), datetime(2026, 3, 3, 8, tzinfo=BERLIN))


@pytest.mark.parametrize(
    ("now", "begin", "end"),
    [
        ("2026-03-03T08:00:00+01:00", "2026-03-02T08:00:00+01:00", "2026-03-03T08:00:00+01:00"),
        ("2026-03-03T07:59:59+01:00", "2026-03-01T08:00:00+01:00", "2026-03-02T08:00:00+01:00"),
        ("2026-03-03T23:30:00+00:00", "2026-03-02T08:00:00+01:00", "2026-03-03T08:00:00+01:00"),
        # The last Sunday of March has 23 hours, and so has its period.
        ("2026-03-29T12:00:00+02:00", "2026-03-28T08:00:00+01:00", "2026-03-29T08:00:00+02:00"),
    ],
)
def test_a_period_ends_at_its_time_of_its_zone(now: str, begin: str, end: str) -> None:
    found = period_at(datetime.fromisoformat(now), "08:00", BERLIN)
    assert (found.begin.isoformat(), found.end.isoformat()) == (begin, end)
    assert datetime.fromisoformat(found.name) == datetime.fromisoformat(end)


MORNING = datetime(2026, 3, 3, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "begin"),
    [
        (None, timedelta(days=1)),
        (MORNING - timedelta(days=1), timedelta(days=1)),
        (MORNING - timedelta(hours=10), timedelta(hours=10)),
        (MORNING - timedelta(days=3), timedelta(days=3)),
        (MORNING - timedelta(days=30), timedelta(days=7)),
        (MORNING, None),
        (MORNING + timedelta(hours=1), None),
    ],
)
def test_a_period_begins_where_the_last_digest_ended(last: datetime | None, begin: timedelta | None) -> None:
    found = period_after(last, period_at(MORNING, "08:00", BERLIN))
    if begin is None:
        assert found is None
    else:
        assert found is not None
        assert (found.end - found.begin, found.end) == (begin, MORNING)


def happening(
    kind: str, pipeline: str = "bronze", at: int = 0, *, date: str = "2026-03-02", owner: str = ""
) -> Happening:
    return Happening(kind, f"{kind}-{pipeline}-{date}-{at}", pipeline, "cron", date, at, owner)


def test_each_run_counts_once_per_group_and_owner() -> None:
    found = summarise(
        [
            happening("SLA_BREACH", at=2),
            happening("RELATIVE_SLA_BREACH", at=3),
            happening("SLA_BREACH", at=2, date="2026-03-01"),
            happening("RETRY_EXHAUSTED", "silver", 1, owner="data"),
            happening("RUN_HELD", "gold", 1),
            happening("SCHEDULE_MISSED", "gold", 4),
            happening("JOB_COMPLETED", "bronze", 5, owner="data"),
            happening("JOB_COMPLETED", "gold", 1),
            happening("JOB_COMPLETED", "fine", 1, owner="other"),
            happening("SLA_WARNING", "fine", 1),
        ],
        ["SCHEDULE_MISSED-gold-2026-03-02-4"],
    )
    assert found == {
        "data": {
            Group.BREACHED: ["bronze", "bronze"],
            Group.FAILED: ["silver"],
            Group.RESOLVED: ["bronze"],
        },
        "no owner": {Group.MISSED: ["gold"], Group.HELD: ["gold"], Group.SILENCED: ["gold"]},
    }
    assert list(found["data"]) == [Group.BREACHED, Group.FAILED, Group.RESOLVED]


def test_a_success_before_the_problem_resolves_nothing() -> None:
    assert summarise([happening("JOB_COMPLETED", at=1), happening("SLA_BREACH", at=2)], []) == {
        "no owner": {Group.BREACHED: ["bronze"]}
    }


def test_the_text_has_a_line_per_owner_and_stays_short() -> None:
    names = [f"p{number}" for number in range(12)]
    text = digest_text(PERIOD, "Europe/Berlin", {"data\n": {Group.FAILED: ["p0", "p0"], Group.HELD: names}})
    assert text.splitlines() == [
        "Interlock digest · 2026-03-02 08:00 to 2026-03-03 08:00 Europe/Berlin",
        f"data⏎: 2 failed (p0), 12 held ({', '.join(names[:10])} and 2 more)",
    ]
    owners = {f"o{number:03}": {Group.HELD: ["p"]} for number in range(120)}
    assert digest_text(PERIOD, "UTC", owners).splitlines()[-1] == "… and 20 more owners"
    assert digest_text(PERIOD, "UTC", {}).splitlines()[1:] == ["no run breached, failed or was held"]


class Announcing:
    """A target that takes announcements, or fails."""

    def __init__(self) -> None:
        self.said: list[Announcement] = []
        self.failure: Exception | None = None

    def announce(self, said: Announcement, deadline: InvocationDeadline) -> str:
        if self.failure is not None:
            raise self.failure
        self.said.append(said)
        return "17.1"


@pytest.fixture
def target() -> Announcing:
    return Announcing()


@pytest.fixture
def start(dynamodb: "DynamoDBClient", target: Announcing, clock: Any) -> Callable[..., DailyDigest]:
    """Start another process."""
    clock.at = AFTER

    def another(routing: Routing | None = None, *, only_logs: bool = False, client: Any = dynamodb) -> DailyDigest:
        made = Target("team", None, None, announce=target.announce, only_logs=only_logs)  # type: ignore[arg-type]
        found = Routing(RULES) if routing is None else routing
        rows = LeasedRows(dynamodb, TABLE, timedelta(days=90), length=LEASE)
        targets = Targets(lambda: found, lambda *_: made)
        return DailyDigest(client, TABLE, targets, rows, now=clock.now, sleep=clock.sleep)

    return another


def put(dynamodb: "DynamoDBClient", kind: str, identifier: str, at: str, **detail: Any) -> None:
    stamp = round(datetime.fromisoformat(at).timestamp() * 1000)
    texts = {
        "PK": "PIPELINE#bronze",
        "SK": f"{stamp:013d}#{kind}#{identifier}",
        "eventType": kind,
        "eventId": identifier,
        "pipelineId": "bronze",
        "date": identifier,
        "detail": json.dumps({"detail": detail}),
    }
    row: Any = {**{name: {"S": text} for name, text in texts.items()}, "timestamp": {"N": str(stamp)}}
    dynamodb.put_item(TableName=TABLE, Item=row)


def test_the_digest_has_the_events_of_its_period(
    start: Callable[..., DailyDigest], dynamodb: "DynamoDBClient", target: Announcing, clock: Any
) -> None:
    put(dynamodb, "SLA_BREACH", "before", "2026-03-02T06:59:59.999Z")
    put(dynamodb, "SLA_BREACH", "first", "2026-03-02T07:00:00Z", owner="data")
    put(dynamodb, "RUN_HELD", "last", "2026-03-03T06:59:59.999Z")
    put(dynamodb, "SLA_BREACH", "after", "2026-03-03T07:00:00Z")
    for identifier, place in (("first", "#hook"), ("after", "")):
        silenced: Any = {"PK": "PIPELINE#bronze", "SK": f"ALERT#{identifier}{place}", "outcome": "silenced"}
        dynamodb.put_item(TableName=TABLE, Item={name: {"S": text} for name, text in silenced.items()})
    plan: Any = {"PK": "PIPELINE#bronze", "SK": "ROUTE#first", "targets": '{"hook": "hook"}'}
    dynamodb.put_item(TableName=TABLE, Item={name: {"S": text} for name, text in plan.items()})
    assert start().run(clock.deadline())
    (said,) = target.said
    assert said.key == "digest-2026-03-03T07:00Z"
    assert said.text.splitlines()[1:] == ["data: 1 breached (bronze), 1 held (bronze), 1 silenced (bronze)"]
    assert not said.late


def test_a_digest_is_posted_once_a_day_by_any_process(
    start: Callable[..., DailyDigest], target: Announcing, clock: Any
) -> None:
    one, other = start(), start()
    assert [one.run(clock.deadline()), one.run(clock.deadline()), other.run(clock.deadline())] == [True, False, False]
    clock.sleep(timedelta(hours=23, minutes=59))
    assert not one.run(clock.deadline())
    clock.sleep(timedelta(minutes=1))
    assert other.run(clock.deadline())
    assert [said.key for said in target.said] == ["digest-2026-03-03T07:00Z", "digest-2026-03-04T07:00Z"]


@pytest.mark.parametrize(
    ("failure", "is_repeat"), [(TargetRefused("not_in_channel"), False), (TargetAway("no answer"), True)]
)
def test_a_digest_that_was_not_taken_is_tried_at_the_next_tick(
    start: Callable[..., DailyDigest], target: Announcing, clock: Any, failure: Exception, is_repeat: bool
) -> None:
    digest = start()
    target.failure = failure
    assert not digest.run(clock.deadline())
    target.failure = None
    clock.sleep(timedelta(minutes=1))
    assert digest.run(clock.deadline())
    assert target.said[0].is_repeat is is_repeat


def test_a_digest_whose_process_ended_is_looked_for_first(
    start: Callable[..., DailyDigest], target: Announcing, clock: Any
) -> None:
    target.failure = KeyboardInterrupt()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        start().run(clock.deadline())
    target.failure = None
    assert not start().run(clock.deadline())
    clock.sleep(LEASE + timedelta(seconds=1))
    assert start().run(clock.deadline())
    assert target.said[0].is_repeat
    assert target.said[0].since == AFTER


def rules_at(at: str, zone: str = "Europe/Berlin") -> Routing:
    text = f'version: 1\ntargets: {{team: {{slack: C2000000}}}}\ndigest: {{at: "{at}", timezone: {zone}, to: team}}'
    return Routing(decode_alerts_yaml(text))


def counted(said: Announcement) -> list[str]:
    return said.text.splitlines()[1:]


def test_the_last_events_of_a_period_have_time_to_arrive(
    start: Callable[..., DailyDigest], dynamodb: "DynamoDBClient", target: Announcing, clock: Any
) -> None:
    clock.at = AFTER - timedelta(minutes=2)
    digest = start()
    # The day before is posted at once, and the day that ends now is not.
    assert digest.run(clock.deadline())
    assert [said.key for said in target.said] == ["digest-2026-03-02T07:00Z"]
    clock.sleep(timedelta(seconds=119))
    assert not digest.run(clock.deadline())
    put(dynamodb, "SLA_BREACH", "border", "2026-03-03T06:59:59.999Z")
    clock.sleep(timedelta(seconds=1))
    assert digest.run(clock.deadline())
    assert counted(target.said[1]) == ["no owner: 1 breached (bronze)"]


def test_an_event_that_came_late_is_in_the_next_digest_once(
    start: Callable[..., DailyDigest], dynamodb: "DynamoDBClient", target: Announcing, clock: Any
) -> None:
    put(dynamodb, "SLA_BREACH", "known", "2026-03-03T06:30:00Z")
    assert start().run(clock.deadline())
    put(dynamodb, "RETRY_EXHAUSTED", "late", "2026-03-03T06:00:00Z")
    put(dynamodb, "JOB_COMPLETED", "late", "2026-03-03T06:50:00Z")
    for _ in range(2):
        clock.sleep(timedelta(days=1))
        assert start().run(clock.deadline())
    assert [counted(said) for said in target.said] == [
        ["no owner: 1 breached (bronze)"],
        ["no owner: 1 failed (bronze), 1 resolved (bronze)"],
        ["no run breached, failed or was held"],
    ]


@pytest.mark.parametrize("seen", [None, "no list", "[1]"])
def test_a_row_without_readable_ids_counts_no_event_twice(
    start: Callable[..., DailyDigest], dynamodb: "DynamoDBClient", target: Announcing, clock: Any, seen: str | None
) -> None:
    put(dynamodb, "SLA_BREACH", "known", "2026-03-02T06:30:00Z")
    row = {"PK": "ALERTS", "SK": "DIGEST#2026-03-02T07:00Z", "outcome": "delivered", **({"seen": seen} if seen else {})}
    dynamodb.put_item(TableName=TABLE, Item={name: {"S": text} for name, text in row.items()})
    assert start().run(clock.deadline())
    assert counted(target.said[0]) == ["no run breached, failed or was held"]


@pytest.mark.parametrize(("first", "second"), [("08:00", "18:00"), ("18:00", "08:00"), ("08:00", "07:59")])
def test_a_changed_time_leaves_no_event_out(
    start: Callable[..., DailyDigest],
    dynamodb: "DynamoDBClient",
    target: Announcing,
    clock: Any,
    first: str,
    second: str,
) -> None:
    clock.at = datetime(2026, 3, 1, tzinfo=UTC)
    assert start(rules_at(first)).run(clock.deadline())
    times = []
    for hour in range(96):
        clock.sleep(timedelta(hours=1))
        times.append(clock.now() - timedelta(minutes=5))
        put(dynamodb, "SLA_BREACH", f"run-{hour}", times[-1].isoformat())
        start(rules_at(first if hour < 37 else second)).run(clock.deadline())
    begin, *_, end = (datetime.fromisoformat(said.key.removeprefix("digest-")) for said in target.said)
    numbers = [int(counted(said)[0].split()[2]) for said in target.said[1:]]
    assert len(numbers) >= 4
    assert sum(numbers) == sum(begin <= at < end for at in times)


def test_a_digest_that_no_target_took_joins_the_next_one(
    start: Callable[..., DailyDigest], dynamodb: "DynamoDBClient", target: Announcing, clock: Any
) -> None:
    assert start().run(clock.deadline())
    put(dynamodb, "SLA_BREACH", "a", "2026-03-03T12:00:00Z")
    target.failure = TargetRefused("not_in_channel")
    clock.sleep(timedelta(days=1))
    assert not start().run(clock.deadline())
    target.failure = None
    clock.sleep(timedelta(days=1))
    assert start().run(clock.deadline())
    assert not target.said[1].late
    assert target.said[1].text.startswith("Interlock digest · 2026-03-03 08:00 to 2026-03-05 08:00 Europe/Berlin")
    assert counted(target.said[1]) == ["no owner: 1 breached (bronze)"]


def test_a_digest_that_waited_is_late(start: Callable[..., DailyDigest], target: Announcing, clock: Any) -> None:
    clock.sleep(timedelta(minutes=9))
    assert start().run(clock.deadline())
    assert target.said[0].late


def test_a_digest_in_the_log_is_not_called_delivered(
    start: Callable[..., DailyDigest], dynamodb: "DynamoDBClient", clock: Any
) -> None:
    assert start(only_logs=True).run(clock.deadline())
    assert not start().run(clock.deadline())
    rows = dynamodb.query(
        TableName=TABLE, KeyConditionExpression="PK = :pk", ExpressionAttributeValues={":pk": {"S": "ALERTS"}}
    )["Items"]
    assert [(row["SK"]["S"], row["outcome"]["S"]) for row in rows] == [("DIGEST#2026-03-03T07:00Z", "logged")]


class Throttled:
    """A table that leaves all keys of its first requests unread."""

    def __init__(self, client: Any, times: int) -> None:
        self._client, self.left, self.calls = client, times, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def batch_get_item(self, **request: Any) -> Any:
        self.calls += 1
        if self.left:
            self.left -= 1
            return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}
        return self._client.batch_get_item(**request)


@pytest.mark.parametrize(("times", "calls", "is_posted"), [(3, 5, True), (10_000, 34, False)])
def test_unread_keys_are_read_again_with_pauses(
    start: Callable[..., DailyDigest],
    dynamodb: "DynamoDBClient",
    target: Announcing,
    clock: Any,
    times: int,
    calls: int,
    is_posted: bool,
) -> None:
    put(dynamodb, "SLA_BREACH", "a", "2026-03-03T00:00:00Z")
    busy = Throttled(dynamodb, times)
    assert start(client=busy).run(clock.deadline()) is is_posted
    assert busy.calls == calls
    assert clock.slept[:3] == [timedelta(milliseconds=length) for length in (50, 100, 200)]
    assert clock.now() - AFTER < timedelta(minutes=1)
    # The next tick posts a digest that waited.
    busy.left = 0
    assert start(client=busy).run(clock.deadline()) is not is_posted


def test_without_a_digest_in_the_routing_nothing_is_read(
    start: Callable[..., DailyDigest], target: Announcing, clock: Any
) -> None:
    for routing in (Routing(), Routing(decode_alerts_yaml("version: 1"))):
        assert not start(routing).run(clock.deadline())
    assert target.said == []

"""The digest: its period in its zone, its groups, and one message a day."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from interlock_alert_dispatcher.daily import DailyDigest
from interlock_alert_dispatcher.digest import Group, Happening, Period, digest_text, period_at, summarise
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
PERIOD = Period("2026-03-03", datetime(2026, 3, 2, 8, tzinfo=BERLIN), datetime(2026, 3, 3, 8, tzinfo=BERLIN))


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
    assert found.name == end[:10]


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
    clock.at = datetime(2026, 3, 3, 7, tzinfo=UTC)

    def another(routing: Routing | None = None) -> DailyDigest:
        made = Target("team", None, None, announce=target.announce)  # type: ignore[arg-type]
        found = Routing(RULES) if routing is None else routing
        rows = LeasedRows(dynamodb, TABLE, timedelta(days=90), length=LEASE)
        return DailyDigest(dynamodb, TABLE, Targets(lambda: found, lambda *_: made), rows, now=clock.now)

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
    assert said.key == "digest-2026-03-03"
    assert said.text.splitlines()[1:] == ["data: 1 breached (bronze), 1 held (bronze), 1 silenced (bronze)"]


def test_a_digest_is_posted_once_a_day_by_any_process(
    start: Callable[..., DailyDigest], target: Announcing, clock: Any
) -> None:
    one, other = start(), start()
    assert [one.run(clock.deadline()), one.run(clock.deadline()), other.run(clock.deadline())] == [True, False, False]
    clock.sleep(timedelta(hours=23, minutes=59))
    assert not one.run(clock.deadline())
    clock.sleep(timedelta(minutes=1))
    assert other.run(clock.deadline())
    assert [said.key for said in target.said] == ["digest-2026-03-03", "digest-2026-03-04"]


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
    assert target.said[0].since == datetime(2026, 3, 3, 7, tzinfo=UTC)


def test_without_a_digest_in_the_routing_nothing_is_read(
    start: Callable[..., DailyDigest], target: Announcing, clock: Any
) -> None:
    for routing in (Routing(), Routing(decode_alerts_yaml("version: 1"))):
        assert not start(routing).run(clock.deadline())
    assert target.said == []

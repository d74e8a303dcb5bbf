"""The thread of a run in each channel of a routing."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from target_parts import AT, TABLE, TICK, Context, Recorder, alert, deliver, keys, message, use

from interlock_alert_dispatcher import handler
from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.fanout import Fanout, Target, Targets
from interlock_alert_dispatcher.plans import Plans
from interlock_alert_dispatcher.routing import Routing
from interlock_config import decode_alerts_yaml
from interlock_telemetry import InvocationDeadline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ON_CALL = "{match: {severity: [critical]}, to: [on-call], continue: true}"
BY_SEVERITY = f"""
version: 1
targets: {{on-call: {{slack: C3000000}}, team: {{slack: C2000000}}}}
routes: [{ON_CALL}, {{to: [team]}}]
"""


def timed(identifier: str, kind: str, minute: int, **fields: Any) -> dict[str, Any]:
    return message(identifier, kind, timestamp=(AT + timedelta(minutes=minute)).isoformat(), **fields)


def at_channel(found: list[dict[str, Any]], channel: str = "C3000000") -> list[dict[str, Any]]:
    return [one for one in found if one["channel"] == channel]


def test_a_success_resolves_the_head_of_each_channel(table: "DynamoDBClient", slack: Any) -> None:
    use(table, BY_SEVERITY)
    deliver(timed("a", "RETRY_EXHAUSTED", 0), timed("b", "JOB_COMPLETED", 1))
    for channel in ("C2000000", "C3000000"):
        (head,) = at_channel(slack.heads, channel)
        assert head["text"].startswith("🟢")
    # The success is routed to the team alone.
    assert [len(at_channel(slack.replies, channel)) for channel in ("C2000000", "C3000000")] == [2, 1]


def test_a_failure_after_a_rerun_is_broadcast_in_each_channel(table: "DynamoDBClient", slack: Any) -> None:
    use(table, BY_SEVERITY)
    deliver(timed("a", "RETRY_EXHAUSTED", 0), timed("b", "RERUN_ACCEPTED", 1), timed("c", "RETRY_EXHAUSTED", 2))
    for channel in ("C2000000", "C3000000"):
        (shown,) = at_channel(slack.broadcast, channel)
        assert "message c" in shown["text"]


def test_a_problem_that_a_channel_missed_is_broadcast_later(table: "DynamoDBClient", slack: Any) -> None:
    routes = "{match: {event: [SLA_BREACH, RETRY_EXHAUSTED]}, to: [on-call], continue: true}, {to: [team]}"
    use(table, BY_SEVERITY.replace(f"{ON_CALL}, {{to: [team]}}", routes))
    # The on-call channel does not see the poll that ended, so the failure of the same severity is new there.
    deliver(timed("a", "SLA_BREACH", 0), timed("b", "JOB_POLL_EXHAUSTED", 1), timed("c", "RETRY_EXHAUSTED", 2))
    assert ["message c" in one["text"] for one in at_channel(slack.broadcast)] == [True]
    assert ["message b" in one["text"] for one in at_channel(slack.broadcast, "C2000000")] == [True]


def test_a_success_that_comes_first_resolves_a_later_head(table: "DynamoDBClient", slack: Any) -> None:
    use(table, BY_SEVERITY)
    deliver(timed("b", "JOB_COMPLETED", 1))
    assert slack.posted == []
    deliver(timed("a", "RETRY_EXHAUSTED", 0))
    assert at_channel(slack.heads)[0]["text"].startswith("🟢")


def test_a_channel_follows_no_run_that_its_routes_exclude(table: "DynamoDBClient", slack: Any) -> None:
    use(table, BY_SEVERITY.replace("severity: [critical]", "severity: [critical], pipeline: gold-*"))
    deliver(timed("a", "RETRY_EXHAUSTED", 0))
    assert not any(key.endswith("#C3000000") for key in keys(table))


def test_a_head_of_a_channel_that_is_away_is_updated_later(table: "DynamoDBClient", slack: Any) -> None:
    use(table, BY_SEVERITY)
    deliver(timed("a", "RETRY_EXHAUSTED", 0))
    slack.away = lambda: True
    assert deliver(timed("b", "JOB_COMPLETED", 1)) == []
    slack.away = lambda: False
    handler.handle.reset()
    assert handler.handle(TICK, Context())["waiting"] == 0
    (head,) = at_channel(slack.heads)
    assert head["text"].startswith("🟢")
    assert len(at_channel(slack.replies)) == 1


def test_a_state_that_was_not_kept_delivers_the_alert_again(dynamodb: "DynamoDBClient", slack: Any, clock: Any) -> None:
    def fail(alert: Alert, body: str, deadline: InvocationDeadline) -> None:
        raise ConnectionError("the table is away")

    team, on_call = Recorder(), Recorder()
    rules = decode_alerts_yaml(BY_SEVERITY)
    made = {"team": Target("team", team, team), "on-call": Target("on-call", on_call, on_call, place="C3", follow=fail)}
    targets = Targets(lambda: Routing(rules), lambda name, *_: made[name])
    fanout = Fanout(targets, Plans(dynamodb, TABLE, timedelta(days=1), now=clock.now))
    with pytest.raises(ConnectionError):
        fanout.deliver(alert(kind="JOB_COMPLETED"), "{}", clock.deadline())
    assert (team.ids, on_call.ids) == (["a"], [])

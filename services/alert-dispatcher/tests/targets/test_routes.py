"""Each alert goes to the targets of its route."""

import json
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
    Queue,
    alert,
    deliver,
    keys,
    message,
    row_at,
    use,
    webhook,
)

from interlock_alert_dispatcher import handler
from interlock_alert_dispatcher.plans import Plans
from interlock_alert_dispatcher.routing import Routing, RoutingRow

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def test_each_alert_goes_to_the_targets_of_its_route(table: "DynamoDBClient", slack: Any, hook: Hook) -> None:
    topic = Queue("alerts")
    use(
        table,
        f"""
version: 1
targets:
  team: {{slack: C2000000}}
  mail: {{sns: '{topic.arn}'}}
  hook: {{webhook: '{hook.url}', secret: '${{INTERLOCK_WEBHOOK_KEY}}'}}
routes:
  - {{match: {{severity: [critical]}}, to: [mail], continue: true}}
  - {{match: {{owner: data-*}}, to: [team]}}
  - {{match: {{event: [RERUN_ACCEPTED]}}, to: [hook]}}
""",
    )
    assert deliver(message("a", "SLA_BREACH", owner="data-eu"), message("b", "RERUN_ACCEPTED"), message("c")) == []
    assert [(one["channel"], one["text"].splitlines()[1]) for one in slack.replies] == [
        ("C2000000", "message a"),
        ("C1000000", "message c"),
    ]
    assert [one["Subject"] for one in topic.messages()] == ["CRITICAL: SLA_BREACH bronze 2026-03-03"]
    assert hook.ids == ["b"]


def test_rows_of_the_default_channel_keep_their_keys(table: "DynamoDBClient", slack: Any) -> None:
    more = "targets: {same: {slack: C1000000}, team: {slack: C2000000}}"
    use(table, f"version: 1\n{more}\nroutes: [{{to: [same, team]}}]")
    deliver(message("a"))
    plan = row_at(table, "ROUTE#a")
    assert json.loads(plan["targets"]["S"]) == {"same": "", "team": "C2000000"}
    assert keys(table) == {
        "CONFIG",
        "ROUTE#a",
        "ALERT#a",
        "ALERT#a#C2000000",
        "THREAD#stream#2026-03-03",
        "THREAD#stream#2026-03-03#C2000000",
    }


def test_an_alert_that_was_posted_before_a_routing_stays_posted(table: "DynamoDBClient", slack: Any) -> None:
    deliver(message("a"))
    use(table, "version: 1\ntargets: {same: {slack: C1000000}}\nroutes: [{to: [same]}]")
    deliver(message("a"))
    assert len(slack.replies) == 1


def test_an_edit_of_the_routing_changes_no_alert_halfway(table: "DynamoDBClient", slack: Any, hook: Hook) -> None:
    use(table, webhook(hook.url, BOTH, TEAM))
    deliver(message("a"))
    use(table, "version: 1\ntargets: {other: {slack: C3000000}}\nroutes: [{to: [other]}]")
    deliver(message("a"), message("b"))
    # The targets of the first alert left the routing, so its repeated delivery leads to the default channel.
    assert [(one["channel"], one["text"].splitlines()[1]) for one in slack.replies] == [
        ("C2000000", "message a"),
        ("C1000000", "message a"),
        ("C3000000", "message b"),
    ]


def test_a_merged_failure_goes_to_no_target(table: "DynamoDBClient", slack: Any, hook: Hook) -> None:
    use(table, webhook(hook.url, BOTH, TEAM))
    assert deliver(message("a", followedBy="RETRY_EXHAUSTED")) == []
    assert (hook.requests, slack.posted) == ([], [])


def test_an_unreadable_plan_is_decided_again(table: "DynamoDBClient", slack: Any) -> None:
    key: Any = {"PK": {"S": "PIPELINE#bronze"}, "SK": {"S": "ROUTE#a"}}
    plans = Plans(table, TABLE, timedelta(days=1), now=lambda: AT)
    for junk in ({"S": "?"}, {"S": "{}"}, {"N": "1"}, {"S": "[1]"}):
        table.put_item(TableName=TABLE, Item={**key, "targets": junk})
        assert plans.keep(alert(), {"team": "C2000000"}) == ["team"]


def test_the_routing_is_read_once_a_minute(table: "DynamoDBClient", clock: Any) -> None:
    row = RoutingRow(table, TABLE, now=clock.now)
    assert row.current() == Routing()
    use(table, "version: 1")
    clock.sleep(timedelta(seconds=59))
    assert row.current().rules is None
    clock.sleep(timedelta(seconds=1))
    assert row.current().rules is not None
    table.delete_item(TableName=TABLE, Key={"PK": {"S": "ALERTS"}, "SK": {"S": "CONFIG"}})
    clock.sleep(timedelta(minutes=1))
    assert row.current() == Routing()


@pytest.mark.parametrize("junk", [{"S": "{"}, {"S": '{"version": 9}'}, {"N": "1"}, None])
def test_a_corrupted_routing_leads_to_the_default_channel(
    table: "DynamoDBClient", slack: Any, junk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"PK": {"S": "ALERTS"}, "SK": {"S": "CONFIG"}, **({"config": junk} if junk else {})}
    table.put_item(TableName=TABLE, Item=row)
    handler.handle.reset()
    assert deliver(message("a")) == []
    assert [one["channel"] for one in slack.replies] == ["C1000000"]
    capsys.readouterr()
    handler.handle(TICK, Context())
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (said,) = [line for line in lines if line["event"] == "slack_unusable"]
    assert said["channel"] == "alerts.yaml"
    assert "the row ALERTS, CONFIG" in said["reason"]

"""A canary of a real tick takes the way of an alert to the local Slack, and leaves no trace in it."""

import json
from typing import Any

from integration.conftest import Outside, await_that


def test_canary_arrives_and_leaves_no_message_and_no_event(outside: Outside) -> None:
    before, posted = len(_arrived(outside)), len(outside.stack.slack_messages())
    found = await_that(lambda: _arrived(outside)[before:], "a canary of the next tick", every=0.5)
    assert found[0]["slack"] is True
    assert 0 <= found[0]["latency"] < 60
    print(f"\nthe canary took {found[0]['latency']:.2f} s")
    assert not [one for one in outside.stack.slack_messages()[posted:] if "CANARY" in json.dumps(one)]
    rows = outside.stack.client("dynamodb").query(
        TableName="local-interlock-events",
        IndexName="GSI1",
        KeyConditionExpression="eventType = :type",
        ExpressionAttributeValues={":type": {"S": "CANARY"}},
    )
    assert rows["Items"] == []


def _arrived(outside: Outside) -> list[dict[str, Any]]:
    """The lines of the alert-dispatcher about canaries that arrived."""
    lines = outside.stack.log_path.read_text(errors="replace").splitlines()
    return [json.loads(line[line.index("{") :]) for line in lines if "canary_arrived" in line]

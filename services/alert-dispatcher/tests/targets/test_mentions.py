"""The mentions of a target, by severity."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from target_parts import AT, TEAM, TICK, Context, deliver, message, use

from interlock_alert_dispatcher import handler
from interlock_alert_dispatcher.blocks import mention_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.mark.parametrize(
    ("person", "mention"),
    [
        ("here", "<!here>"),
        ("channel", "<!channel>"),
        ("U0123456789", "<@U0123456789>"),
        ("S0123456789", "<!subteam^S0123456789>"),
        ("", ""),
    ],
)
def test_a_mention_has_slacks_form(person: str, mention: str) -> None:
    assert mention_of(person) == mention


def test_a_change_for_the_worse_mentions_in_the_channel(table: "DynamoDBClient", slack: Any) -> None:
    route = "{match: {owner: data}, to: [team], mention: {critical: here}}"
    use(table, f"version: 1\ntargets: {{{TEAM[2:]}}}\nroutes: [{route}]")
    later = (AT + timedelta(minutes=1)).isoformat()
    deliver(message("a", "SLA_BREACH", owner="data"), message("b", "SLA_BREACH", owner="data", timestamp=later))
    deliver(message("c", "JOB_FAILED", owner="data"), message("d", "SLA_BREACH"))
    seen = [(one["text"].partition(" ")[0], bool(one.get("reply_broadcast"))) for one in slack.replies]
    assert seen == [("<!here>", True), ("🔴", False), ("🟠", True), ("🔴", False)]
    assert slack.replies[0]["blocks"][0]["text"]["text"].startswith("<!here> 🔴")
    assert all("<!here>" not in head["text"] for head in slack.heads)


def test_a_late_alert_mentions_too(table: "DynamoDBClient", slack: Any) -> None:
    use(table, f"version: 1\ntargets: {{{TEAM[2:]}}}\nroutes: [{{to: [team], mention: {{critical: channel}}}}]")
    slack.away = lambda: True
    deliver(message("a", "SLA_BREACH"))
    slack.away = lambda: False
    handler.handle(TICK, Context())
    assert slack.texts[0].startswith("<!channel> 🔴")

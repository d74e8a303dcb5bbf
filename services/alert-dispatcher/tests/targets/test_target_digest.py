"""The daily digest at a Slack channel, a topic and a webhook."""

import json
from typing import TYPE_CHECKING, Any

from target_parts import DIGEST, TABLE, TEAM, TICK, Context, Hook, Queue, topic_routing, use, webhook

from interlock_alert_dispatcher import handler

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def test_a_tick_posts_the_digest_in_the_channel_of_its_target(table: "DynamoDBClient", slack: Any) -> None:
    use(table, f"version: 1\ntargets: {{{TEAM[2:]}}}\ndefault: [team]\n{DIGEST}team}}")
    for _ in range(2):
        handler.handle(TICK, Context())
        handler.handle.reset()
    (one,) = slack.posted
    assert (one["channel"], "thread_ts" in one) == ("C2000000", False)
    assert one["text"].splitlines()[1] == "no run breached, failed or was held"


def test_a_digest_whose_answer_was_lost_is_posted_once(table: "DynamoDBClient", slack: Any, answer: Any) -> None:
    use(table, f"version: 1\ntargets: {{{TEAM[2:]}}}\ndefault: [team]\n{DIGEST}team}}")
    slack.answers = [answer("", hang_up=True)]
    handler.handle(TICK, Context())
    assert len(slack.posted) == 1
    handler.handle(TICK, Context())
    assert len(slack.posted) == 1
    assert "conversations.history" in slack.looks


def test_a_topic_and_a_webhook_take_a_digest(table: "DynamoDBClient", hook: Hook) -> None:
    topic = Queue("alerts.fifo")
    use(table, f"{topic_routing(topic.arn)}\n{DIGEST}mail}}")
    handler.handle(TICK, Context())
    (one,) = topic.messages()
    assert one["Subject"].startswith("Interlock digest ? ")
    assert one["Message"].splitlines()[1] == "no run breached, failed or was held"
    table.delete_item(TableName=TABLE, Key=digest_key(table))
    use(table, f"{webhook(hook.url)}\n{DIGEST}hook}}")
    handler.handle(TICK, Context())
    ((headers, body),) = hook.requests
    content = json.loads(body)
    assert (content["detail-type"], headers["idempotency-key"]) == ("DIGEST", content["detail"]["id"])
    assert headers["x-interlock-signature"].startswith("t=")


def digest_key(table: "DynamoDBClient") -> Any:
    (row,) = [row for row in table.scan(TableName=TABLE)["Items"] if row["SK"]["S"].startswith("DIGEST#")]
    return {name: row[name] for name in ("PK", "SK")}

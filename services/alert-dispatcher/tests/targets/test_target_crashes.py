"""A crash at any step of a delivery to several targets."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from target_parts import KEY, TABLE, TEAM, Hook, message, webhook

from interlock_alert_dispatcher.alert import read_alert
from interlock_alert_dispatcher.deployment import Deployment
from interlock_alert_dispatcher.fanout import Fanout, Targets
from interlock_alert_dispatcher.makers import TargetMaker
from interlock_alert_dispatcher.plans import Plans
from interlock_alert_dispatcher.routing import Routing
from interlock_alert_dispatcher.silences import Silences
from interlock_alert_dispatcher.tokens import FixedToken
from interlock_config import decode_alerts_yaml
from interlock_dlq import NullRouter
from interlock_telemetry import environment
from interlock_triggers import Poster

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_at_any_step_leaves_no_target_without_an_alert(
    dynamodb: "DynamoDBClient", slack: Any, hook: Hook, clock: Any, serial: Any, crash: Any, moment: str
) -> None:
    rules = decode_alerts_yaml(webhook(hook.url, "[{to: [hook, team]}]", TEAM) + "\nsuppress: {window: 30m}")
    variables = {"EVENTS_TABLE": TABLE, "EVENTS_TTL_DAYS": "9", "SLACK_CHANNEL_ID": "C1000000"}
    settings = environment(source={**variables, "SLACK_API_URL": slack.url, "INTERLOCK_WEBHOOK_KEY": KEY})
    table = serial(dynamodb)

    def another_process() -> Fanout:
        maker = TargetMaker(
            table,
            settings,
            keep=timedelta(days=9),
            tokens=FixedToken("xoxb-1"),
            letters=NullRouter(),
            deployment=Deployment(),
            poster=lambda: Poster("127.0.0.1"),
            silenced_by=Silences(table, TABLE, now=clock.now).covering,
            now=clock.now,
        )
        return Fanout(Targets(lambda: Routing(rules), maker), Plans(table, TABLE, timedelta(days=9), now=clock.now))

    def deliver_until(step: int, identifier: str) -> bool:
        """Deliver with a crash at a request to the table. The result is whether the process ended there."""
        left = [step]

        def count(operation: str) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise crash

        setattr(table, moment, count)
        made = message(identifier, date=f"2026-03-{identifier}")
        try:
            another_process().deliver(read_alert(made), made["body"], clock.deadline())
        except crash:
            return True
        finally:
            setattr(table, moment, lambda operation: None)
        return False

    steps = 0
    while deliver_until(steps, f"{steps + 1:02}"):
        clock.sleep(timedelta(seconds=31))
        assert not deliver_until(1000, f"{steps + 1:02}")
        steps += 1
    assert steps > 10
    expected = [f"message {number + 1:02}" for number in range(steps + 1)]
    assert sorted(text.splitlines()[1] for text in slack.texts) == expected
    assert sorted(set(hook.ids)) == [text.removeprefix("message ") for text in expected]
    # A webhook has no history. An alert whose note was lost is sent again, with the same key.
    assert len(hook.ids) <= len(expected) + 1

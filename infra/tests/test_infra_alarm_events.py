"""EventBridge converts an alarm to an event that the event-sink keeps and the alert-dispatcher understands."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from interlock_alert_dispatcher.alert import read_alert
from interlock_event_sink.event import read_event

if TYPE_CHECKING:
    from conftest import Plan

ALARM: dict[str, Any] = {
    "version": "0",
    "id": "c4c1c1c9-6542-e61b-6ef0-8c4d36933a92",
    "detail-type": "CloudWatch Alarm State Change",
    "source": "aws.cloudwatch",
    "time": "2026-03-03T07:00:00Z",
    "detail": {
        "alarmName": "test-interlock-sr-control-dlq-depth",
        "state": {"value": "ALARM", "reason": 'Threshold Crossed: 1 "datapoint" was > 0'},
    },
}
RULES = ("test-interlock-infra-alarm-events", "test-interlock-infra-alarm-alerts")


def _transformed(stack: "Plan", rule: str) -> dict[str, Any]:
    """The input of a target, as EventBridge makes it. A variable alone becomes JSON, and within quotes plain text."""
    (transformer,) = stack.one("aws_cloudwatch_event_target", rule=rule).values["input_transformer"]
    text = transformer["input_template"]
    for name, path in transformer["input_paths"].items():
        value: Any = ALARM
        for step in path.removeprefix("$.").split("."):
            value = value[step]
        before, *parts = text.split(f"<{name}>")
        text = before
        for part in parts:
            quoted = (text.count('"') - text.count('\\"')) % 2 == 1
            text += (value if quoted else json.dumps(value)) + part
    event: dict[str, Any] = json.loads(text)
    return event


@pytest.mark.parametrize("rule", RULES)
def test_only_our_alarms_that_are_raised_become_events(rule: str, stack: "Plan") -> None:
    pattern = json.loads(stack.one("aws_cloudwatch_event_rule", name=rule).values["event_pattern"])
    assert pattern == {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {
            "$or": [
                {"alarmName": [{"prefix": "test-interlock-"}], "state": {"value": ["ALARM"]}},
                {
                    "alarmName": ["test-interlock-watchdog-silent"],
                    "state": {"value": ["INSUFFICIENT_DATA"]},
                    "previousState": {"value": ["OK"]},
                },
            ]
        },
    }


def test_the_event_sink_keeps_an_alarm(stack: "Plan") -> None:
    event = read_event(_transformed(stack, RULES[0]))
    assert (event.type, event.pipeline_id, event.id) == ("INFRA_ALARM", "INFRASTRUCTURE", ALARM["id"])
    assert event.at == datetime(2026, 3, 3, 7, tzinfo=UTC)
    assert event.message == "test-interlock-sr-control-dlq-depth is in state ALARM"
    assert event.detail["detail"]["reason"] == ALARM["detail"]["state"]["reason"]


def test_the_alert_dispatcher_understands_an_alarm(stack: "Plan") -> None:
    alert = read_alert({"body": json.dumps(_transformed(stack, RULES[1]))})
    assert (alert.type, alert.pipeline_id, alert.status) == ("INFRA_ALARM", "INFRASTRUCTURE", "ALARM")
    assert "sr-control-dlq-depth" in (alert.message or "")


def test_the_sink_and_the_alert_queue_each_get_one(stack: "Plan") -> None:
    targets = [stack.one("aws_cloudwatch_event_target", rule=rule).values["arn"].rpartition(":")[2] for rule in RULES]
    assert targets == ["test-interlock-event-sink", "test-interlock-alerts"]

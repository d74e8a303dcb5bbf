"""Reads alerts from queue messages, and picks their threads."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from interlock_alert_dispatcher.alert import Alert, read_alert
from interlock_dlq import MalformedRecord

DETAIL: dict[str, Any] = {
    "id": "01JNDK0000ABCDEFGHJKMNPQRS",
    "pipelineId": "bronze",
    "scheduleId": "cron",
    "date": "2026-03-03",
    "timestamp": "2026-03-03T08:01:02Z",
    "deadline": "2026-03-03T08:00:00Z",
    "message": "deadline passed 1m ago",
    "detail": {
        "status": "RUNNING",
        "source": "timer",
        "cron": "0 7 * * *",
        "deadline": "from the inside",
        "actionHint": "call the data team",
        "critical": True,
    },
}


def message(detail: Any = None, **envelope: Any) -> dict[str, Any]:
    fields = {
        "id": "6f87d04b",
        "detail-type": "SLA_BREACH",
        "source": "interlock",
        "time": "2026-03-03T08:01:09Z",
        "detail": DETAIL if detail is None else detail,
        **envelope,
    }
    body = {name: value for name, value in fields.items() if value is not ...}
    return {"messageId": "m-1", "body": json.dumps(body)}


def test_an_alert_carries_what_a_message_needs() -> None:
    assert read_alert(message()) == Alert(
        id=DETAIL["id"],
        type="SLA_BREACH",
        pipeline_id="bronze",
        at=datetime(2026, 3, 3, 8, 1, 2, tzinfo=UTC),
        schedule_id="cron",
        date="2026-03-03",
        message="deadline passed 1m ago",
        deadline="2026-03-03T08:00:00Z",
        status="RUNNING",
        source="timer",
        cron="0 7 * * *",
        hint="call the data team",
        critical=True,
        envelope=json.loads(message()["body"]),
    )


def test_an_alarm_has_the_id_and_time_of_its_envelope() -> None:
    alert = read_alert(message({"pipelineId": "INFRASTRUCTURE", "message": "errors > 0"}))
    assert (alert.id, alert.at) == ("6f87d04b", datetime(2026, 3, 3, 8, 1, 9, tzinfo=UTC))


@pytest.mark.parametrize(
    ("schedule", "date", "thread"),
    [
        ("cron", "2026-03-03", "THREAD#cron#2026-03-03"),
        ("stream", "2026-03-03T07", "THREAD#stream#2026-03-03T07"),
        (None, "2026-03-01", "THREAD#none#2026-03-01"),
        ("cron", None, "THREAD#cron#2026-03-02"),
        (None, None, "THREAD#none#2026-03-02"),
    ],
)
def test_a_thread_is_of_a_schedule_and_date_or_a_day_in_utc(
    schedule: str | None, date: str | None, thread: str
) -> None:
    at = "2026-03-03T00:30:00+01:00"
    detail = {"id": "a", "pipelineId": "bronze", "timestamp": at, "scheduleId": schedule, "date": date}
    assert read_alert(message(detail)).thread == thread


def test_invalid_details_are_shown_in_the_alert() -> None:
    alert = read_alert(message({**DETAIL, "message": ["a", 1], "detail": "text", "deadline": 7, "scheduleId": ""}))
    assert (alert.message, alert.deadline, alert.status, alert.schedule_id) == ('["a", 1]', "7", None, None)


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({}, "truncated"),
        ({"body": None}, "truncated"),
        ({"body": "not json"}, "malformed"),
        ({"body": "[]"}, "object"),
        ({"body": "{}"}, "detail-type"),
        ({"body": 7}, "not an alert"),
        ({"body": "\ud800"}, "not an alert"),
        (message(**{"detail-type": ""}), "detail-type"),
        (message("text"), "detail"),
        (message({"id": "a"}), "pipelineId"),
        (message({"pipelineId": ""}), "pipelineId"),
        (message({**DETAIL, "timestamp": "soon"}), "timestamp"),
        (message({"pipelineId": "x"}, id=...), "no id"),
        (message({"pipelineId": "x"}, time=...), "no time"),
    ],
)
def test_an_invalid_alert_is_malformed_with_its_reason(broken: dict[str, Any], named: str) -> None:
    with pytest.raises(MalformedRecord, match=named):
        read_alert(broken)

"""Reads events of the bus, with their id and time."""

from datetime import UTC, datetime
from typing import Any

import pytest

from interlock_event_sink.event import MalformedEvent, read_event

DETAIL: dict[str, Any] = {
    "id": "01JNDK0000ABCDEFGHJKMNPQRS",
    "pipelineId": "bronze",
    "scheduleId": "cron",
    "date": "2026-03-03T07",
    "timestamp": "2026-03-03T08:01:02.003000Z",
    "message": "late by 5m",
    "detail": {"status": "late"},
}
EVENT: dict[str, Any] = {
    "version": "0",
    "id": "6f87d04b-9a1c-4d53-8c1c-1f7f3b1d0a01",
    "detail-type": "SLA_BREACH",
    "source": "interlock",
    "time": "2026-03-03T08:01:09Z",
    "detail": DETAIL,
}


def changed(**detail: Any) -> dict[str, Any]:
    """EVENT with fields of its detail replaced, or left out where None."""
    merged = {**DETAIL, **detail}
    return {**EVENT, "detail": {name: value for name, value in merged.items() if value is not None}}


def test_an_event_has_the_id_and_time_of_its_detail() -> None:
    event = read_event(EVENT)
    assert event.id == DETAIL["id"]
    assert event.at == datetime(2026, 3, 3, 8, 1, 2, 3000, tzinfo=UTC)
    assert (event.type, event.pipeline_id, event.schedule_id) == ("SLA_BREACH", "bronze", "cron")
    assert event.detail == DETAIL


def test_an_alarm_has_the_id_and_time_of_its_envelope() -> None:
    alarm = {**EVENT, "detail-type": "INFRA_ALARM", "detail": {"pipelineId": "INFRASTRUCTURE", "message": "errors > 0"}}
    event = read_event(alarm)
    assert event.id == EVENT["id"]
    assert event.at == datetime(2026, 3, 3, 8, 1, 9, tzinfo=UTC)
    assert event.date is None


def test_an_alarms_timestamp_supersedes_its_delivery_time() -> None:
    alarm = {**EVENT, "detail": {"pipelineId": "INFRASTRUCTURE", "timestamp": "2026-03-03T08:00:00+01:00"}}
    assert read_event(alarm).at == datetime(2026, 3, 3, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "named"),
    [
        (None, "object"),
        ([], "object"),
        ({}, "detail-type"),
        ({**EVENT, "detail-type": ""}, "detail-type"),
        ({**EVENT, "detail": None}, "detail"),
        ({**EVENT, "detail": "{}"}, "detail"),
        (changed(pipelineId=None), "pipelineId"),
        (changed(pipelineId=""), "pipelineId"),
        (changed(pipelineId=7), "pipelineId"),
        (changed(timestamp="yesterday"), "timestamp"),
        (changed(timestamp="2026-03-03T08:00:00"), "timestamp"),
        (changed(timestamp=None), "timestamp"),
        (changed(timestamp="1969-12-31T23:59:59Z"), "timestamp"),
        (changed(message=["a"]), "message"),
        ({"detail-type": "INFRA_ALARM", "detail": {"pipelineId": "X"}, "time": EVENT["time"]}, "id"),
        ({"detail-type": "INFRA_ALARM", "detail": {"pipelineId": "X"}, "id": "a"}, "timestamp"),
    ],
)
def test_an_invalid_event_is_rejected_with_its_field(event: object, named: str) -> None:
    with pytest.raises(MalformedEvent, match=named):
        read_event(event)

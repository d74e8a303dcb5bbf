"""The row of an event: its key, its columns, its end."""

import json
from datetime import UTC, datetime, timedelta

from interlock_event_sink.event import BusEvent
from interlock_event_sink.row import row_of

AT = datetime(2026, 3, 3, 8, 1, 2, 3000, tzinfo=UTC)
EVENT = BusEvent(
    id="01JNDK",
    type="SLA_BREACH",
    pipeline_id="bronze",
    at=AT,
    detail={"pipelineId": "bronze", "detail": {"n": 1.5, "deep": [{"a": None}]}},
    schedule_id="cron",
    date="2026-03-03",
    message="late",
    run_token="k2v7q3mwz5xa4b6c",
)

NAMES = ("eventType", "eventId", "pipelineId", "scheduleId", "date")


def test_the_key_has_the_pipeline_time_type_and_id() -> None:
    row = row_of(EVENT, timedelta(days=90))
    assert row["PK"] == {"S": "PIPELINE#bronze"}
    assert row["SK"] == {"S": "1772524862003#SLA_BREACH#01JNDK"}
    assert row["timestamp"] == {"N": "1772524862003"}


def test_sort_keys_sort_by_time_also_for_times_with_fewer_digits() -> None:
    early = BusEvent(**{**_fields(EVENT), "at": datetime(2001, 1, 1, tzinfo=UTC)})
    keys = [row_of(event, timedelta(days=1))["SK"]["S"] for event in (EVENT, early)]
    assert sorted(keys) == keys[::-1]


def test_the_row_has_filter_columns_and_the_whole_detail() -> None:
    row = row_of(EVENT, timedelta(days=90))
    texts = {name: value["S"] for name, value in row.items() if "S" in value}
    assert {name: texts[name] for name in (*NAMES, "message", "runToken")} == {
        "eventType": "SLA_BREACH",
        "eventId": "01JNDK",
        "pipelineId": "bronze",
        "scheduleId": "cron",
        "date": "2026-03-03",
        "message": "late",
        "runToken": "k2v7q3mwz5xa4b6c",
    }
    assert json.loads(texts["detail"]) == EVENT.detail


def test_a_row_lives_for_the_given_days_after_its_event() -> None:
    ttl = int(row_of(EVENT, timedelta(days=2))["ttl"]["N"])
    assert datetime.fromtimestamp(ttl, UTC) == datetime(2026, 3, 5, 8, 1, 2, tzinfo=UTC)


def test_absent_fields_make_no_columns() -> None:
    row = row_of(BusEvent(id="a", type="INFRA_ALARM", pipeline_id="X", at=AT, detail={}), timedelta(days=1))
    assert not {"scheduleId", "date", "message", "runToken"} & row.keys()


def _fields(event: BusEvent) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__struct_fields__}

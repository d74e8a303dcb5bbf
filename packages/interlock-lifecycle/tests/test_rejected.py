"""Reports of sensor rows whose date cannot be read, and of rows without date and time."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import Rejections, Sensor
from interlock_lifecycle.dates import Expectation
from interlock_lifecycle.events import EventType
from interlock_lifecycle.sensors import (
    UnreadableSensor,
    decide_rejection,
    problem_of,
    reads,
    rejection_marker,
    report_undated,
    run_key_of,
    stranded_sensors,
    undated_sensors,
)
from interlock_rules import UnreadableDate, row_date
from interlock_sla import Exclusions

NOW = datetime(2026, 3, 4, 0, 10, tzinfo=UTC)
PIPELINE = """
pipeline: {id: p}
schedule: {trigger: {key: status, check: equals, field: complete, value: true}}
validation:
  rules: [{key: rows, check: exists}, {key: catalog, check: exists, anyDate: true}]
job: {type: command, config: {command: "true"}}
postRun: {rules: [{key: audit, check: exists}]}
"""


@pytest.fixture
def config() -> PipelineConfig:
    return decode_yaml(PIPELINE, "p.yaml")


def row(value: object, key: str = "status", at: datetime = NOW) -> Sensor:
    return Sensor("p", key, {"date": value, "complete": True}, at)


def problem(sensor: Sensor) -> UnreadableDate:
    found = row_date(sensor.key, sensor.fields)
    assert isinstance(found, UnreadableDate)
    return found


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("status", True),
        ("status#2026-13-01", True),
        ("rows", True),
        ("audit#eu", True),
        ("catalog", False),
        ("other", False),
        ("postrun-baseline#2026-03-03", False),
    ],
)
def test_only_sensors_that_decide_by_date_are_rejected(config: PipelineConfig, key: str, expected: bool) -> None:
    assert reads(key, config) is expected


@pytest.mark.parametrize(
    ("fields", "key", "expected"),
    [
        ({}, "status#20260303", "2026-03-03"),
        ({"date": "2026-03-02T07"}, "status", "2026-03-02T07"),
        ({"date": "2026-03-02T00:00:00Z"}, "status", "2026-03-02"),
        ({"date": "2026-03-02", "hour": "8"}, "status", "2026-03-02T08"),
        ({"hour": "8"}, "status", "2026-03-04"),
        ({}, "status", "2026-03-04"),
    ],
)
def test_trap_27_a_record_after_midnight_keeps_its_date(
    config: PipelineConfig, fields: dict[str, object], key: str, expected: str
) -> None:
    assert str(run_key_of(Sensor("p", key, fields, NOW), config).date) == expected


@pytest.mark.parametrize("value", ["2026/03/02", " 2026-03-02", "2026-3-2", "", None, 7])
def test_trap_27_an_unreadable_date_is_of_no_run(config: PipelineConfig, value: object) -> None:
    with pytest.raises(UnreadableSensor, match="status of p: date is"):
        run_key_of(row(value), config)


@pytest.mark.parametrize(
    ("limits", "date", "problem"),
    [
        ("", "2025-01-28", None),
        ("", "2025-01-27", "is 401 days back; schedule.dates.back allows 400"),
        ("", "2026-04-04", None),
        ("", "2026-04-05", "is 32 days ahead; schedule.dates.ahead allows 31"),
        ("dates: {back: 2, ahead: 1}, ", "2026-03-01T23", "is 3 days back; schedule.dates.back allows 2"),
        ("dates: {back: 2, ahead: 1}, ", "2026-03-05T00", None),
        ("dates: {back: 0, ahead: 0}, ", "1970-01-01", None),
        ("dates: {back: 0, ahead: 0}, ", "2525-01-01", None),
    ],
)
def test_a_trigger_opens_no_date_outside_its_window(limits: str, date: str, problem: str | None) -> None:
    limited = decode_yaml(PIPELINE.replace("schedule: {", f"schedule: {{{limits}"), "p.yaml")
    found = problem_of(row(date), limited)
    assert (found.problem if found is not None else None) == problem
    assert problem_of(Sensor("p", "status", {"date": date, "complete": False}, NOW), limited) is None
    assert problem_of(row(date, key="rows"), limited) is None
    expected = Expectation(limited, Exclusions(), NOW - timedelta(days=900_000 // 2))
    fields = {**row(date).fields, "updatedAt": (NOW - timedelta(minutes=5)).isoformat()}
    stranded = stranded_sensors(expected, {"status": fields}, since=NOW - timedelta(days=9), now=NOW)
    assert bool(stranded) is (problem is None)


def test_a_rejected_row_is_reported_with_everything_to_fix_it() -> None:
    sensor = row("2026/03/02")
    decision = decide_rejection(sensor, problem(sensor), None)
    (event,) = decision.events
    assert event.type is EventType.SENSOR_REJECTED
    assert event.message == (
        "sensor status: date is '2026/03/02', which is not YYYY-MM-DD or YYYYMMDD, with THH for an hour, or an ISO "
        "date-time at midnight. The row counts for no run. Write the date as 2026-03-03 or 2026-03-03T07"
    )
    assert event.detail is not None
    assert (event.detail["sensorKey"], event.detail["field"], event.detail["value"]) == ("status", "date", "2026/03/02")
    assert decision.after == Rejections(NOW, 0)


def test_two_pipelines_reports_of_one_second_have_two_ids() -> None:
    sensors = [row("2026/03/02"), replace(row("2026/03/02"), pipeline_id="q")]
    events = [decide_rejection(sensor, problem(sensor), None).events[0] for sensor in sensors]
    assert events[0].id != events[1].id


@pytest.mark.parametrize(
    ("age", "reported"),
    [(timedelta(), False), (timedelta(hours=23, minutes=59, seconds=59), False), (timedelta(hours=24), True)],
)
def test_a_kind_is_reported_once_in_24_hours(age: timedelta, reported: bool) -> None:
    sensor, before = row("2026/03/02"), Rejections(NOW - age, 41)
    decision = decide_rejection(sensor, problem(sensor), before)
    assert bool(decision.events) is reported
    if reported:
        assert "(41 more rows of this kind since the last report)" in decision.events[0].message
        assert decision.after == Rejections(NOW, 0)
    else:
        assert decision.after == Rejections(before.reported_at, 42)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (row("2026/03/02"), row("2025/12/31"), True),
        (row("2026/03/02"), row("2026.03.02"), False),
        (row("x1", key="status#a1"), row("x2", key="status#a2"), True),
        (row("2026/03/02"), row("2026/03/02", key="rows"), False),
        (row("x"), row(7), False),
        (row("2026-02-30"), row("1970-01-01"), False),
        (row("1970-01-01"), row("1971-02-02"), True),
    ],
)
def test_a_kind_is_a_key_and_the_form_of_a_value(one: Sensor, other: Sensor, same: bool) -> None:
    config = decode_yaml(PIPELINE, "p.yaml")
    first, second = problem_of(one, config), problem_of(other, config)
    assert first is not None
    assert second is not None
    assert (rejection_marker(one, first) == rejection_marker(other, second)) is same


def test_a_row_outside_the_window_may_still_count(config: PipelineConfig) -> None:
    found = problem_of(row("1970-01-01"), config)
    assert found is not None
    (event,) = decide_rejection(row("1970-01-01"), found, None).events
    assert event.message.endswith("schedule.dates.back allows 400. The row opens no run")


@pytest.mark.parametrize(
    ("fields", "undated"),
    [
        ({"complete": True}, True),
        ({"complete": True, "hour": "07"}, True),
        ({"complete": False}, False),
        ({"complete": True, "updatedAt": "2026-03-03T23:00:00Z"}, False),
        ({"complete": True, "date": "2026-03-03"}, False),
        ({"complete": True, "date": "garbage"}, False),
    ],
)
def test_a_row_without_date_and_time_opens_nothing(
    config: PipelineConfig, fields: dict[str, object], undated: bool
) -> None:
    expected = Expectation(config, Exclusions(), NOW - timedelta(days=10))
    rows = {"status": fields}
    assert (undated_sensors(expected, rows, now=NOW) == ["status"]) is undated
    if undated or fields.get("date") == "garbage":
        assert stranded_sensors(expected, rows, since=NOW - timedelta(days=9), now=NOW) == []


def test_an_undated_row_is_reported_under_its_marker(config: PipelineConfig) -> None:
    decision = report_undated(config, "status", NOW)
    assert decision.marker == "undated#status"
    assert [event.type for event in decision.events] == [EventType.SENSOR_UNDATED]
    assert "Add date or updatedAt" in decision.events[0].message

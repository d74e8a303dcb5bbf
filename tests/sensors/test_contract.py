"""Everything that interlock-sensors writes, the controller's own functions read to the same values."""

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import boto3
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from moto import mock_aws

from interlock_config import decode_yaml
from interlock_lifecycle import TERMINAL_JOB_EVENTS, FailureCategory, JobEntry, RerunReason, RunKey
from interlock_lifecycle.sensors import SensorPath, is_reserved, path_of
from interlock_rules import UnreadableDate, candidate_keys, row_date, updated_at
from interlock_sensors import InvalidRow, Reading, RecordedSensors, Sensors
from interlock_sla import ExecutionDate, parse_execution_date
from interlock_store import (
    DynamoTables,
    Store,
    TableNames,
    read_entry,
    read_rerun_request,
    read_sensor,
)

NOW = datetime(2026, 3, 3, 22, 40, tzinfo=UTC)
DAY = "2026-03-03"
OWN_REASONS = set(RerunReason) - {RerunReason.MANUAL}

days = st.dates(date(1900, 1, 1), date(9998, 12, 31))
hours = st.none() | st.integers(0, 23)
zones = st.sampled_from([UTC, zoneinfo.ZoneInfo("America/New_York"), timezone(timedelta(hours=5, minutes=45))])
moments = st.datetimes(datetime(1901, 1, 1), datetime(9998, 12, 30), timezones=zones)
numbers = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.floats(-1e125, 1e125).filter(lambda number: number == 0 or abs(number) > 1e-130),
    st.decimals(-(10**20), 10**20, places=9),
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | numbers | texts | st.binary(max_size=20)
sets = st.one_of(st.sets(kind, min_size=1, max_size=4) for kind in (numbers, texts, st.binary(max_size=5)))
values = st.recursive(
    scalars | sets,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts.filter(bool), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["count", "complete", "a b", "état", "PK", "ttl", "data"])
keys = st.one_of(
    st.sampled_from(["landing", "landing#eu", "landing#48211234", "a#20261301", "2026-03-03", "x#y#z", "first", "é"]),
    st.text("ab#- 0123456789=/.T:", min_size=1, max_size=16),
)


def as_stored(value: Any) -> Any:
    """The value that a reader has to get."""
    if isinstance(value, bool) or value is None or isinstance(value, str | bytes):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, int | Decimal):
        return Decimal(value)
    if isinstance(value, dict):
        return {name: as_stored(inner) for name, inner in value.items()}
    return type(value)(as_stored(inner) for inner in value)


def written(**arguments: Any) -> dict[str, Any]:
    sensors = RecordedSensors(clock=lambda: NOW)
    key = arguments.pop("key", "landing")
    assert sensors.put("orders", key, **arguments)
    [row] = sensors.writes
    return row


@given(fields=st.dictionaries(names, values, max_size=4), day=days, hour=hours, per_period=st.booleans())
def test_the_controller_reads_the_fields_that_were_given(
    fields: dict[str, Any], day: date, hour: int | None, per_period: bool
) -> None:
    row = written(date=day, hour=hour, per_period=per_period, **fields)
    sensor = read_sensor(row, NOW)
    assert (sensor.pipeline_id, sensor.key.partition("#")[0]) == ("orders", "landing")
    read = {name: value for name, value in sensor.fields.items() if name not in {"date", "hour", "updatedAt"}}
    assert read == as_stored(fields)
    assert updated_at(sensor.fields) == NOW
    assert row_date(sensor.key, sensor.fields) == ExecutionDate(day, hour)


@given(key=keys, day=days, hour=hours, per_period=st.booleans())
@example(key="landing#2026-03-03", day=date(2026, 3, 4), hour=None, per_period=False)
@example(key="landing#20260303", day=date(2026, 3, 4), hour=None, per_period=False)
@example(key="landing#dt=2026-3-3", day=date(2026, 3, 3), hour=7, per_period=False)
def test_no_accepted_key_hides_or_contradicts_the_date(key: str, day: date, hour: int | None, per_period: bool) -> None:
    try:
        row = written(key=key, date=day, hour=hour, per_period=per_period)
    except InvalidRow:
        return
    sensor = read_sensor(row, NOW)
    assert not is_reserved(sensor.key)
    assert row_date(sensor.key, sensor.fields) == ExecutionDate(day, hour)
    if per_period:
        assert sensor.key == candidate_keys(key, ExecutionDate(day, hour))[0]


@pytest.mark.parametrize("key", ["landing#2026-03-03", "landing#20260303", "landing#dt=2026-3-3", "landing#2026030307"])
def test_a_key_that_the_controller_reads_as_a_date_is_rejected(key: str) -> None:
    assert row_date(key, {}) is not None
    with pytest.raises(InvalidRow, match="only date= names the date"):
        written(key=key, date=DAY)


@pytest.mark.parametrize("key", ["first-sensor-arrival", "postrun-baseline#2026-03-03", "first-sensor-arrival#x"])
def test_a_reserved_key_of_the_controller_is_rejected(key: str) -> None:
    assert is_reserved(key)
    with pytest.raises(InvalidRow, match="is reserved for Interlock itself"):
        written(key=key, date=DAY)


@given(moment=moments)
def test_a_datetime_is_its_hour_in_its_own_zone(moment: datetime) -> None:
    sensor = read_sensor(written(date=moment, updated_at=moment), NOW)
    assert row_date(sensor.key, sensor.fields) == ExecutionDate(moment.date(), moment.hour)
    assert updated_at(sensor.fields) == moment.astimezone(UTC)


@given(text=st.text("0123456789-T:Z /", max_size=14) | st.sampled_from(["2026-03-03", "2026-03-03T07", "2026-02-29"]))
def test_an_accepted_text_is_the_canonical_date(text: str) -> None:
    try:
        row = written(date=text)
    except InvalidRow:
        return
    sensor = read_sensor(row, NOW)
    named = row_date(sensor.key, sensor.fields)
    assert not isinstance(named, UnreadableDate)
    assert str(named) == text == str(parse_execution_date(text))


reports = st.fixed_dictionaries(
    {"event": st.sampled_from(sorted(TERMINAL_JOB_EVENTS)), "schedule": st.sampled_from(["stream", "cron"])},
    optional={
        "run_id": texts.filter(bool),
        "duration": st.integers(0, 10**9) | st.floats(0, 1e9).filter(lambda number: number == 0 or number > 1e-100),
        "error": texts.filter(bool),
        "category": st.sampled_from(["TRANSIENT", "PERMANENT", "TIMEOUT"]),
    },
)


@given(report=reports, day=days, hour=hours, at=st.datetimes(datetime(1971, 1, 1), datetime(3000, 1, 1)))
def test_the_controller_reads_the_outcome_of_a_job(
    report: dict[str, Any], day: date, hour: int | None, at: datetime
) -> None:
    sensors = RecordedSensors()
    assert sensors.report_job("orders", date=day, hour=hour, at=at.replace(tzinfo=UTC), **report)
    entry = read_entry(sensors.writes[0])
    duration = report.get("duration")
    assert entry == JobEntry(
        key=RunKey("orders", report["schedule"], ExecutionDate(day, hour)),
        at=entry.at,
        event=report["event"],
        run_id=report.get("run_id"),
        duration=None if duration is None else float(duration),
        error=report.get("error"),
        category=report.get("category"),
    )
    assert abs(entry.at - at.replace(tzinfo=UTC)) < timedelta(milliseconds=2)


@given(
    day=days,
    hour=hours,
    reason=texts.filter(bool).filter(lambda text: text not in OWN_REASONS),
    requested_by=st.none() | texts.filter(bool),
    note=st.none() | texts.filter(bool),
    abandon=st.booleans(),
    identity=texts.filter(bool) | st.just(NOW),
)
def test_the_controller_reads_a_request_for_a_rerun(
    day: date, hour: int | None, reason: str, requested_by: str | None, note: str | None, abandon: bool, identity: Any
) -> None:
    sensors = RecordedSensors()
    sensors.request_rerun(
        "orders",
        date=day,
        hour=hour,
        schedule="cron",
        reason=reason,
        requested_by=requested_by,
        note=note,
        abandon_previous=abandon,
        requested_at=identity,
    )
    request = read_rerun_request(sensors.writes[0], NOW + timedelta(hours=1))
    assert request.key == RunKey("orders", "cron", ExecutionDate(day, hour))
    assert (request.reason, request.requested_by, request.note) == (reason, requested_by, note)
    assert request.abandon_previous is abandon
    assert request.identity == ("2026-03-03T22:40:00.000000Z" if identity is NOW else identity)


def test_words_of_the_controller_are_those_of_the_package() -> None:
    """The package imports no sibling, so that it names these words itself."""
    sensors = RecordedSensors()
    for reason in OWN_REASONS:
        with pytest.raises(InvalidRow, match="is a reason of Interlock itself"):
            sensors.request_rerun("orders", date=DAY, reason=str(reason))
    for category in FailureCategory:
        assert sensors.report_job("orders", date=DAY, event="fail", category=str(category))
    for event in TERMINAL_JOB_EVENTS:
        assert sensors.report_job("orders", date=DAY, event=str(event))


CONFIG = """
pipeline: {id: orders}
schedule:
  trigger: {key: landing, check: equals, field: complete, value: true}
validation: {trigger: ALL, rules: [{key: landing, check: gte, field: count, value: 10}]}
job: {type: command, config: {command: "true"}}
"""


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The product's store over the tables of an environment, as moto plays them."""
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        client = boto3.client("dynamodb")
        tables = TableNames.of_environment("prod")
        for table in (tables.control, tables.joblog):
            client.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
                AttributeDefinitions=[{"AttributeName": part, "AttributeType": "S"} for part in ("PK", "SK")],
            )
        yield Store(DynamoTables(client), tables)


def test_the_store_reads_the_rows_of_an_environment(store: Store) -> None:
    sensors = Sensors("prod")
    fields = {"count": 12, "complete": True, "tags": {"a", "b"}, "stats": {"mean": 0.1, "raw": b"x"}}
    assert sensors.put("orders", "landing", date=DAY, **fields)
    assert sensors.put_many([Reading("orders", "hourly", date=f"{DAY}T{hour:02}", count=hour) for hour in range(24)])
    assert sensors.report_job("orders", date=DAY, event="success", run_id="jr_1", duration=1.5)
    read = store.all_sensors("orders")
    assert len(read) == 25
    assert {name: read[f"landing#{DAY}"][name] for name in fields} == as_stored(fields)
    assert read[f"hourly#{DAY}T23"]["count"] == 23
    [entry] = store.entries(RunKey("orders", "stream", parse_execution_date(DAY)))
    assert (entry.event, entry.run_id, entry.duration) == ("success", "jr_1", 1.5)


def test_a_reading_of_the_product_is_the_same_content(store: Store) -> None:
    """The command and the inbox write such rows, and a repeated reading of the producer changes none."""
    fields = {"date": DAY, "count": Decimal("12.50"), "tags": {"a", "b"}, "updatedAt": "2026-03-03T07:00:00Z"}
    store.put_sensor("orders", f"landing#{DAY}", fields)
    sensors = Sensors("prod")
    assert not sensors.put("orders", "landing", date=DAY, count=12.5, tags={"b", "a"})
    assert sensors.put("orders", "landing", date=DAY, count=12.5, tags={"b"})


def test_a_written_row_is_on_the_path_of_the_trigger() -> None:
    sensor = read_sensor(written(date=DAY, count=12, complete=True), NOW)
    assert path_of(sensor, decode_yaml(CONFIG)) is SensorPath.TRIGGER

"""`interlock onboard`: a dry run is ready only if each date of its record agrees with the old job."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_config import decode_yaml
from interlock_lifecycle import Pause
from interlock_store import MemoryTables, Store, TableNames
from interlock_store._write import Put

NAMES = TableNames.of_environment("test")
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
PUSHED = datetime(2026, 2, 20, 12, tzinfo=UTC)
PIPELINE = """
pipeline: {id: orders}
dryRun: true
schedule: {timezone: Europe/Berlin, trigger: {key: landing, check: exists}}
sla: {deadline: "08:00", expectedDuration: 20m}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
"""
DAYS = ("2026-03-07", "2026-03-08", "2026-03-09")
Onboard = Callable[..., Result]


class Clock(datetime):
    """A clock that stands at NOW."""

    @classmethod
    def now(cls, tz: Any = None) -> "Clock":
        return cls.fromtimestamp(NOW.timestamp(), tz)


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> MemoryTables:
    made = MemoryTables()
    monkeypatch.setattr("interlock_cli._deployment._aws.DynamoTables", lambda _: made)
    monkeypatch.setattr("interlock_cli._trials._onboard.datetime", Clock)
    monkeypatch.setenv("INTERLOCK_ENVIRONMENT", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    push(made, PIPELINE)
    return made


@pytest.fixture
def onboard(tables: MemoryTables) -> Onboard:
    def run(*words: str, code: int = 3) -> Result:
        done = CliRunner().invoke(main, ["onboard", "orders", *words], env={"NO_COLOR": "1", "COLUMNS": "80"})
        assert done.exit_code == code, done.output
        return done

    return run


def push(tables: MemoryTables, text: str, at: datetime = PUSHED) -> None:
    store = Store(tables, NAMES)
    store.put_config(decode_yaml(text, "orders.yaml"))
    store.note_config("orders", at)


def put_event(tables: MemoryTables, at: datetime, kind: str, date: str, **more: Any) -> None:
    stamp = round(at.timestamp() * 1000)
    row = {
        "PK": "PIPELINE#orders",
        "SK": f"{stamp:013d}#{kind}#e-{stamp}-{date}",
        "eventType": kind,
        "eventId": f"e-{stamp}",
        "pipelineId": "orders",
        "scheduleId": "stream",
        "date": date,
        "message": "",
        "detail": "{}",
        "timestamp": Decimal(stamp),
    }
    tables.transact([Put(NAMES.events, {**row, **more})])


def day_after(date: str, hour: int, minute: int = 0) -> datetime:
    return datetime.fromisoformat(f"{date[:10]}T00:00+00:00") + timedelta(days=1, hours=hour, minutes=minute)


def put_dry_run(tables: MemoryTables, date: str, margin: int = 12_000) -> None:
    """The events of a date whose job would start at 03:20 UTC of the day after."""
    at = day_after(date, 3, 20)
    put_event(tables, at, "DRY_RUN_WOULD_TRIGGER", date)
    put_event(tables, at, "DRY_RUN_SLA_PROJECTION", date, detail=json.dumps({"marginSeconds": margin}))


def put_outcome(tables: MemoryTables, date: str, event: str = "success", minute: int = 30, **more: Any) -> None:
    """The outcome of the old job, which ended in the hour after 04:00 UTC of the day after."""
    stamp = round(day_after(date, 4, minute).timestamp() * 1000)
    row = {"PK": "PIPELINE#orders", "SK": f"JOB#stream#{date}#{stamp}", "event": event, "duration": Decimal(1200)}
    tables.transact([Put(NAMES.joblog, {**row, **more})])


def agree(tables: MemoryTables, *dates: str) -> None:
    for date in dates:
        put_dry_run(tables, date)
        put_outcome(tables, date)


def points(onboard: Onboard, *words: str) -> dict[str, list[str]]:
    """The texts of the open points with their dates."""
    found = json.loads(onboard("--days", "3", "--json", *words).stdout)
    assert found["ready"] is False
    return {one["text"]: one["dates"] for one in found["open"]}


def test_agreeing_days_are_ready(tables: MemoryTables, onboard: Onboard) -> None:
    agree(tables, *DAYS)
    done = onboard("--days", "3", code=0)
    assert done.output.splitlines() == [
        "orders: dry run, 3 dates of the last 3 days with dates",
        "2026-03-07  agrees",
        "would start 03-08 04:20 CET (03:20Z), 3h20m before the deadline",
        "old job     success 03-08 05:30 CET (04:30Z), started 50m00s later",
        "2026-03-08  agrees",
        "would start 03-09 04:20 CET (03:20Z), 3h20m before the deadline",
        "old job     success 03-09 05:30 CET (04:30Z), started 50m00s later",
        "2026-03-09  agrees",
        "would start 03-10 04:20 CET (03:20Z), 3h20m before the deadline",
        "old job     success 03-10 05:30 CET (04:30Z), started 50m00s later",
        "ready",
        "next step   remove dryRun: true, and push the file after the old schedule is",
        "            stopped (docs/how-to/onboard-in-dry-run.md)",
    ]


def test_json_has_the_times_of_both(tables: MemoryTables, onboard: Onboard) -> None:
    agree(tables, *DAYS)
    found = json.loads(onboard("--days", "3", "--json", code=0).stdout)
    assert found["ready"] is True
    assert found["open"] == []
    assert found["dates"][0] == {
        "date": "2026-03-07",
        "result": "agrees",
        "would_start_at": "2026-03-08T03:20:00+00:00",
        "margin_seconds": 12000,
        "old_outcome": "success",
        "old_started_at": "2026-03-08T04:10:00+00:00",
        "old_ended_at": "2026-03-08T04:30:00+00:00",
        "late_data": 0,
        "drift": 0,
    }


def test_a_date_without_an_evaluation_is_open(tables: MemoryTables, onboard: Onboard) -> None:
    agree(tables, DAYS[0], DAYS[2])
    assert points(onboard) == {"no row of the trigger came, or its record has expired": [DAYS[1]]}


def test_a_held_date_is_open(tables: MemoryTables, onboard: Onboard) -> None:
    agree(tables, DAYS[0], DAYS[2])
    row = {"PK": "PIPELINE#orders", "SK": f"SENSOR#first-sensor-arrival#{DAYS[1]}"}
    tables.transact([Put(NAMES.control, {**row, "data": {"arrivedAt": "2026-03-09T03:00:00Z"}})])
    done = onboard("--days", "3")
    assert f"1 of 3 dates: the rules did not hold in the window: {DAYS[1]}" in done.output
    assert f"next: interlock why orders {DAYS[1]}" in done.output


def test_an_old_run_without_a_start_is_open(tables: MemoryTables, onboard: Onboard) -> None:
    agree(tables, DAYS[0], DAYS[2])
    put_outcome(tables, DAYS[1])
    assert points(onboard) == {"the old job ran, and Interlock would not start it": [DAYS[1]]}


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"event": "fail"}, "the rules held, and the old job failed"),
        ({"event": "timeout"}, "the rules held, and the old job failed"),
        ({"event": "job-poll-exhausted"}, "the outcome of the old job is not known"),
        ({"runToken": "t"}, "the outcome of the old job is not known"),
        ({"event": 7}, "the outcome of the old job is not known"),
    ],
)
def test_only_a_success_of_the_old_job_counts(
    tables: MemoryTables, onboard: Onboard, more: dict[str, Any], text: str
) -> None:
    agree(tables, DAYS[0], DAYS[2])
    put_dry_run(tables, DAYS[1])
    put_outcome(tables, DAYS[1], **more)
    assert points(onboard) == {text: [DAYS[1]]}


def test_the_last_outcome_of_a_date_counts(tables: MemoryTables, onboard: Onboard) -> None:
    agree(tables, *DAYS)
    put_outcome(tables, DAYS[1], "fail", minute=10)
    onboard("--days", "3", code=0)
    put_outcome(tables, DAYS[1], "fail", minute=50)
    assert points(onboard) == {"the rules held, and the old job failed": [DAYS[1]]}


def test_an_unknown_outcome_is_open(tables: MemoryTables, onboard: Onboard) -> None:
    for date in DAYS:
        put_dry_run(tables, date)
    assert points(onboard) == {"the outcome of the old job is not known": list(DAYS)}


def test_too_few_days_are_open(tables: MemoryTables, onboard: Onboard) -> None:
    Store(tables, NAMES).remove_config("orders")
    push(tables, PIPELINE, datetime(2026, 3, 7, 9, tzinfo=UTC))
    agree(tables, *DAYS[1:])
    assert points(onboard) == {"the record has 2 days with dates, and --days is 3": []}


def test_nothing_recorded_is_never_ready(tables: MemoryTables, onboard: Onboard) -> None:
    Store(tables, NAMES).remove_config("orders")
    push(tables, PIPELINE, NOW)
    assert points(onboard) == {"the record has 0 days with dates, and --days is 3": []}


def test_a_breach_of_the_deadline_is_open(tables: MemoryTables, onboard: Onboard) -> None:
    agree(tables, DAYS[0], DAYS[2])
    put_dry_run(tables, DAYS[1], margin=0)
    put_outcome(tables, DAYS[1])
    assert points(onboard) == {"the dry run would breach the deadline": [DAYS[1]]}


def test_a_start_without_its_projection_is_open(tables: MemoryTables, onboard: Onboard) -> None:
    agree(tables, DAYS[0], DAYS[2])
    put_event(tables, day_after(DAYS[1], 3), "DRY_RUN_WOULD_TRIGGER", DAYS[1])
    put_outcome(tables, DAYS[1])
    assert points(onboard) == {"the time left until the deadline is not recorded": [DAYS[1]]}


@pytest.mark.parametrize("kind", ["SENSOR_REJECTED", "SENSOR_UNDATED", "CONFIG_INVALID", "ROW_CORRUPTED"])
def test_a_row_that_could_not_be_used_is_open(tables: MemoryTables, onboard: Onboard, kind: str) -> None:
    agree(tables, *DAYS)
    put_event(tables, NOW - timedelta(days=40), kind, "")
    onboard("--days", "3", code=0)
    put_event(tables, NOW - timedelta(hours=1), kind, "")
    assert points(onboard) == {f"rows could not be used: {kind}": []}


def test_an_unreadable_event_is_open(tables: MemoryTables, onboard: Onboard) -> None:
    agree(tables, *DAYS)
    put_event(tables, NOW - timedelta(hours=1), "DRY_RUN_DRIFT", DAYS[2], detail="{")
    assert points(onboard) == {"1 event cannot be read": []}


def test_a_pause_is_open(tables: MemoryTables, onboard: Onboard) -> None:
    agree(tables, *DAYS)
    Store(tables, NAMES).pause("orders", Pause(None))
    assert points(onboard) == {"the pipeline is paused": []}


def test_days_of_an_earlier_file_are_open(tables: MemoryTables, onboard: Onboard) -> None:
    agree(tables, *DAYS)
    push(tables, PIPELINE.replace("20m", "30m"), datetime(2026, 3, 9, 9, tzinfo=UTC))
    assert points(onboard) == {"an earlier file of the pipeline decided": list(DAYS[:2])}


def test_excluded_days_need_no_evaluation(tables: MemoryTables, onboard: Onboard) -> None:
    push(tables, PIPELINE.replace("check: exists}}\nsla", "check: exists}, exclude: {weekends: true}}\nsla", 1))
    agree(tables, "2026-03-05", "2026-03-06", "2026-03-09")
    found = json.loads(onboard("--days", "3", "--json", code=0).stdout)
    assert [one["date"] for one in found["dates"]] == ["2026-03-05", "2026-03-06", "2026-03-09"]


def test_a_date_counts_from_its_deadline_on(tables: MemoryTables, onboard: Onboard) -> None:
    put_dry_run(tables, "2026-03-10")
    agree(tables, *DAYS)
    found = json.loads(onboard("--days", "3", "--json", code=0).stdout)
    assert [one["date"] for one in found["dates"]] == list(DAYS)


def test_each_hour_of_an_hourly_dry_run_counts(tables: MemoryTables, onboard: Onboard) -> None:
    push(tables, PIPELINE.replace('"08:00"', '":45"'))
    hours = [f"2026-03-09T{hour:02}" for hour in range(24)]
    agree(tables, *(hour for hour in hours if not hour.endswith("T07")))
    found = json.loads(onboard("--days", "2", "--json").stdout)
    assert [one["dates"] for one in found["open"]] != []
    absent = next(one for one in found["open"] if one["text"].startswith("no row of the trigger came"))
    assert "2026-03-09T07" in absent["dates"]
    assert "2026-03-09T06" not in absent["dates"]


def test_late_data_and_an_early_old_job_are_notes(tables: MemoryTables, onboard: Onboard) -> None:
    agree(tables, *DAYS)
    put_event(tables, NOW - timedelta(hours=1), "DRY_RUN_LATE_DATA", DAYS[2])
    put_outcome(tables, DAYS[1], minute=31, duration=Decimal(5000))
    found = json.loads(onboard("--days", "3", "--json", code=0).stdout)
    assert found["notes"] == [
        "1 late rows of the trigger: each would run its date again",
        "the old job started before its data was complete on 1 of 3 dates",
    ]


def test_a_live_pipeline_is_an_error(tables: MemoryTables, onboard: Onboard) -> None:
    push(tables, PIPELINE.replace("dryRun: true", "dryRun: false"))
    assert "orders is no dry run" in onboard(code=2).stderr


def test_an_unknown_pipeline_is_an_error(tables: MemoryTables) -> None:
    done = CliRunner().invoke(main, ["onboard", "order"])
    assert done.exit_code == 2
    assert "did you mean orders?" in done.stderr


def test_an_unreadable_config_is_an_error(tables: MemoryTables, onboard: Onboard) -> None:
    tables.transact([Put(NAMES.control, {"PK": "PIPELINE#orders", "SK": "CONFIG", "config": "{"})])
    assert "the config of orders cannot be read" in onboard(code=2).stderr


def test_lines_have_at_most_80_columns(tables: MemoryTables, onboard: Onboard) -> None:
    for number in range(1, 10):
        put_dry_run(tables, f"2026-03-0{number}", margin=-90_000)
    assert max(len(line) for line in onboard("--days", "9").output.splitlines()) <= 80

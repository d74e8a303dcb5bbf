"""SLA clocks on real timers: schedules invoke the real Lambda at their time, and are deleted after their run."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from integration.conftest import Outside, await_that, pipeline
from msgspec import Struct

from interlock_lifecycle import RunStatus
from interlock_store import pipeline_pk

_LEAD = timedelta(seconds=25)
"""The time for the pushes and the first tick before the deadline."""


class Deadline(Struct):
    """The next whole minute that leaves time to prepare, and the daily date with this deadline."""

    at: datetime
    date: str

    @classmethod
    def ahead(cls) -> "Deadline":
        earliest = datetime.now(UTC) + _LEAD
        at = earliest.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return cls(at, f"{at.date() - timedelta(days=1)}")


@pytest.fixture(scope="module")
def deadline(outside: Outside) -> Iterator[Deadline]:
    """Pipelines with clocks that run at the same time."""
    more = "sla: {maxDuration: 10m, expectedDuration: 1m}"
    outside.push("sla-done", pipeline(outside.folder, "sla-done", work="sleep 8", more=more))
    more = "sla: {maxDuration: 20s, expectedDuration: 10s}"
    outside.push("sla-late", pipeline(outside.folder, "sla-late", more=more))
    found = Deadline.ahead()
    more = f'sla: {{deadline: "{found.at:%H:%M}", expectedDuration: 10s}}'
    outside.push("sla-never", pipeline(outside.folder, "sla-never", more=more))
    outside.put("sla-late", "ready", ready=True, count=1, date="2026-03-03")
    _exists_since(outside, "sla-never", found.date)
    outside.stack.invoke("watchdog", {})
    yield found
    # A held run keeps its execution until its window ends, so its data ends the run.
    outside.put("sla-late", "ready", ready=True, count=10, date="2026-03-03")


def _exists_since(outside: Outside, name: str, date: str) -> None:
    """Set the creation time of the pipeline to this day, so that the day is expected."""
    await_that(lambda: outside.store.config(name).noted, "the router's note")
    outside.stack.client("dynamodb").update_item(
        TableName=outside.store.names.control,
        Key={"PK": {"S": pipeline_pk(name)}, "SK": {"S": "CONFIG"}},
        UpdateExpression="SET createdAt = :day",
        ExpressionAttributeValues={":day": {"S": f"{date}T00:00:00Z"}},
    )


def _reported_at(outside: Outside, name: str, kind: str) -> datetime:
    """The time of an event's decision (UTC). The test fails unless the event was reported exactly once."""
    (row,) = [row for row in outside.store.events(name) if row["eventType"] == kind]
    return datetime.fromtimestamp(int(row["timestamp"]) / 1000, UTC)


def test_timers_exist_during_job_and_are_deleted_after_it(outside: Outside, deadline: Deadline) -> None:
    outside.store.put_sensor("sla-done", "ready", {"ready": True, "count": 10, "date": "2026-03-03"})
    await_that(lambda: len(outside.stack.schedules("sla-done")) == 2, "the warning's and the breach's timers")
    assert outside.closed("sla-done", "2026-03-03").status is RunStatus.COMPLETED
    await_that(lambda: not outside.stack.schedules("sla-done"), "the deleted timers")
    await_that(lambda: "SLA_MET" in outside.events("sla-done", "2026-03-03"), "the verdict")
    assert not {"RELATIVE_SLA_WARNING", "RELATIVE_SLA_BREACH"} & set(outside.events("sla-done", "2026-03-03"))


def test_schedule_invokes_lambda_at_its_time(outside: Outside, deadline: Deadline) -> None:
    """The schedule fires long before the watchdog replaces a dropped timer, two minutes after the breach."""
    await_that(lambda: "RELATIVE_SLA_BREACH" in outside.events("sla-late", "2026-03-03"), "the breach")
    run = outside.run("sla-late", "2026-03-03")
    assert run is not None
    arrived_at = outside.store.arrived_at(run.key)
    assert arrived_at is not None
    late = _reported_at(outside, "sla-late", "RELATIVE_SLA_BREACH") - (arrived_at + timedelta(seconds=20))
    assert timedelta(0) <= late < timedelta(seconds=60)
    await_that(lambda: not outside.stack.schedules("sla-late"), "schedules that delete themselves")


def test_date_without_data_gets_one_warning_and_one_breach(outside: Outside, deadline: Deadline) -> None:
    mine = f"sla-never-stream-{deadline.date}"
    left = (deadline.at - datetime.now(UTC)).total_seconds()
    if left > 10:
        assert len(outside.stack.schedules(mine)) == 2
    await_that(lambda: "SLA_BREACH" in outside.events("sla-never", deadline.date), "the breach", patience=left + 40)
    for _ in range(2):
        outside.stack.invoke("watchdog", {})
    await_that(lambda: not outside.stack.schedules(mine), "schedules that delete themselves")
    assert [str(row["eventType"]) for row in outside.store.events("sla-never")] == ["SLA_WARNING", "SLA_BREACH"]
    assert timedelta(0) <= _reported_at(outside, "sla-never", "SLA_BREACH") - deadline.at < timedelta(seconds=60)
    assert outside.starts("sla-never") == []
    heard = [one["text"] for one in outside.stack.slack_messages() if "sla-never" in one["text"]]
    assert len([text for text in heard if "SLA_BREACH" in text]) == 1

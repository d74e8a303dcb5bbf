"""SLA clocks on real timers: schedules invoke the real Lambda at their time, and are deleted after their run."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from integration.conftest import Outside, await_that, pipeline, until_exists
from msgspec import Struct

from interlock_controller.watch import TIMER_GRACE
from interlock_lifecycle import RunStatus
from interlock_store import pipeline_pk

_LEAD = timedelta(seconds=25)
"""The time for the push and the first tick before the deadline on an idle machine."""
_TRIES = 5


def go(outside: Outside) -> Path:
    """The file whose existence ends the job of sla-done."""
    return outside.folder / "sla-done.go"


class Deadline(Struct):
    """The next whole minute that leaves time to prepare, the daily date with this deadline, and the pipeline."""

    at: datetime
    date: str
    name: str

    @classmethod
    def ahead(cls, lead: timedelta, name: str) -> "Deadline":
        earliest = datetime.now(UTC) + lead
        at = earliest.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return cls(at, f"{at.date() - timedelta(days=1)}", name)

    @property
    def timers(self) -> str:
        """The prefix of the names of its timers."""
        return f"{self.name}-stream-{self.date}"


@pytest.fixture(scope="module")
def deadline(outside: Outside) -> Iterator[Deadline]:
    """Pipelines with clocks that run at the same time."""
    more = "sla: {maxDuration: 10m, expectedDuration: 1m}"
    outside.push("sla-done", pipeline(outside.folder, "sla-done", work=until_exists(go(outside)), more=more))
    more = "sla: {maxDuration: 20s, expectedDuration: 10s}"
    outside.push("sla-late", pipeline(outside.folder, "sla-late", more=more))
    outside.put("sla-late", "ready", ready=True, count=1, date="2026-03-03")
    yield _deadline_without_data(outside)
    # A held run keeps its execution until its window ends, so its data ends the run.
    outside.put("sla-late", "ready", ready=True, count=10, date="2026-03-03")


def _deadline_without_data(outside: Outside) -> Deadline:
    """A pipeline whose two timers exist before their time. A slow machine needs a later minute."""
    lead = _LEAD
    for number in range(_TRIES):
        begun = datetime.now(UTC)
        found = Deadline.ahead(lead, f"sla-never{number}")
        more = f'sla: {{deadline: "{found.at:%H:%M}", expectedDuration: 10s}}'
        outside.push(found.name, pipeline(outside.folder, found.name, more=more))
        _exists_since(outside, found.name, found.date)
        outside.stack.invoke("watchdog", {})
        if len(outside.stack.schedules(found.timers)) == 2:
            return found
        lead = _LEAD + 2 * (datetime.now(UTC) - begun)
    raise AssertionError(f"no deadline was far enough ahead in {_TRIES} tries")


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
    go(outside).touch()
    assert outside.closed("sla-done", "2026-03-03").status is RunStatus.COMPLETED
    await_that(lambda: not outside.stack.schedules("sla-done"), "the deleted timers")
    await_that(lambda: "SLA_MET" in outside.events("sla-done", "2026-03-03"), "the verdict")
    assert not {"RELATIVE_SLA_WARNING", "RELATIVE_SLA_BREACH"} & set(outside.events("sla-done", "2026-03-03"))


def test_schedule_invokes_lambda_at_its_time(outside: Outside, deadline: Deadline) -> None:
    """The schedule fires before the watchdog replaces a dropped timer."""
    await_that(lambda: "RELATIVE_SLA_BREACH" in outside.events("sla-late", "2026-03-03"), "the breach")
    run = outside.run("sla-late", "2026-03-03")
    assert run is not None
    arrived_at = outside.store.arrived_at(run.key)
    assert arrived_at is not None
    late = _reported_at(outside, "sla-late", "RELATIVE_SLA_BREACH") - (arrived_at + timedelta(seconds=20))
    assert timedelta(0) <= late < TIMER_GRACE
    await_that(lambda: not outside.stack.schedules("sla-late"), "schedules that delete themselves")


def test_date_without_data_gets_one_warning_and_one_breach(outside: Outside, deadline: Deadline) -> None:
    name = deadline.name
    await_that(lambda: "SLA_BREACH" in outside.events(name, deadline.date), "the breach")
    for _ in range(2):
        outside.stack.invoke("watchdog", {})
    await_that(lambda: not outside.stack.schedules(deadline.timers), "schedules that delete themselves")
    assert [str(row["eventType"]) for row in outside.store.events(name)] == ["SLA_WARNING", "SLA_BREACH"]
    assert timedelta(0) <= _reported_at(outside, name, "SLA_BREACH") - deadline.at < TIMER_GRACE
    assert outside.starts(name) == []
    replies = [one for one in outside.stack.slack_messages() if "thread_ts" in one]
    heard = [one["text"] for one in replies if name in one["text"]]
    assert len([text for text in heard if "SLA_BREACH" in text]) == 1

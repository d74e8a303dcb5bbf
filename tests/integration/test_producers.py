"""Producers with interlock-sensors on the local stack: a held run starts, and a repeated reading starts nothing."""

import pytest
from integration.conftest import Outside, await_that, pipeline, until_exists

from interlock_lifecycle import RunStatus
from interlock_sensors import Reading, Sensors

DATE = "2026-03-03"


@pytest.fixture
def sensors(outside: Outside) -> Sensors:
    return Sensors("local", client=outside.stack.client("dynamodb"))


def test_a_held_run_starts_after_a_reading(outside: Outside, sensors: Sensors) -> None:
    outside.push("produced", pipeline(outside.folder, "produced"))
    assert sensors.put("produced", "ready", date=DATE, ready=True, count=3)
    await_that(lambda: outside.run("produced", DATE), "the run")
    await_that(lambda: "RUN_HELD" in outside.events("produced", DATE), "the hold")
    assert outside.starts("produced") == []
    assert sensors.put("produced", "ready", date=DATE, ready=True, count=12)
    assert outside.closed("produced", DATE).status is RunStatus.COMPLETED
    assert outside.starts("produced") == [f"{DATE} 0"]
    assert not sensors.put("produced", "ready", date=DATE, ready=True, count=12)
    outside.stack.drain()
    assert outside.starts("produced") == [f"{DATE} 0"]
    assert "LATE_DATA_ARRIVAL" not in outside.events("produced", DATE)


def test_a_batch_of_hours_starts_a_run_for_each(outside: Outside, sensors: Sensors) -> None:
    outside.push("hourly", pipeline(outside.folder, "hourly"))
    readings = [Reading("hourly", "ready", date=DATE, hour=hour, ready=True, count=10) for hour in range(3)]
    assert sensors.put_many(readings) == 3
    for hour in range(3):
        assert outside.closed("hourly", f"{DATE}T{hour:02}").status is RunStatus.COMPLETED
    assert sensors.put_many(readings) == 0


def test_a_requested_rerun_starts_the_job_again(outside: Outside, sensors: Sensors) -> None:
    outside.push("corrected", pipeline(outside.folder, "corrected"))
    with sensors.load("corrected", "ready", date=DATE, ready=True) as load:
        load.add(10)
    assert outside.closed("corrected", DATE).status is RunStatus.COMPLETED
    with sensors.load("corrected", "ready", date=DATE, ready=True) as load:
        load.add(11)
    await_that(lambda: len(outside.starts("corrected")) == 2, "the rerun for late data")
    assert outside.closed("corrected", DATE).status is RunStatus.COMPLETED
    assert sensors.request_rerun("corrected", date=DATE, reason="corrected file", requested_at="first")
    await_that(lambda: "RERUN_REJECTED" in outside.events("corrected", DATE), "the answer")
    assert not sensors.request_rerun("corrected", date=DATE, reason="corrected file", requested_at="first")


def test_the_outcome_of_a_job_is_in_the_joblog(outside: Outside, sensors: Sensors) -> None:
    release = outside.folder / "reported.release"
    outside.push("self-reported", pipeline(outside.folder, "self-reported", work=until_exists(release)))
    sensors.put("self-reported", "ready", date=DATE, ready=True, count=10)
    await_that(lambda: outside.starts("self-reported"), "the start")
    assert sensors.report_job("self-reported", date=DATE, event="fail", error="no disk", category="PERMANENT")
    closed = outside.closed("self-reported", DATE)
    release.touch()
    assert closed.status is RunStatus.FAILED_FINAL

"""The check starts the runs of sensors whose records never came."""

from collections.abc import Mapping

import pytest
from watch_bench import NAMES, READY, Deployment, key, utc

from interlock_controller.watch import TickFailed
from interlock_lifecycle import RunStatus
from interlock_store._write import Put


class TestStrandedSensors:
    """A sensor starts its run even if its record never reached the router."""

    def test_a_sensor_without_its_run_starts_and_reports_it(self, deployment: Deployment) -> None:
        deployment.push(READY)
        deployment.sense("ready", ok=True, date="2026-03-03", updatedAt="2026-03-03T10:00:00Z")
        deployment.tick("2026-03-03 10:01", "stranded-sensors")
        assert deployment.run("2026-03-03") is None
        assert deployment.tick("2026-03-03 10:06", "stranded-sensors") == {"stranded-sensors": 1}
        assert deployment.emitted == [("TRIGGER_RECOVERED", "p", "2026-03-03")]
        assert deployment.store.arrived_at(key("2026-03-03")) == utc("2026-03-03 10:00")

    @pytest.mark.parametrize(
        "fields",
        [
            {"ok": False, "date": "2026-03-03"},
            {"ok": True, "date": "3 March", "updatedAt": "2026-03-03T10:00:00Z"},
            {"ok": True, "date": "2026-02-20"},
            {"ok": True, "date": "2026-03-03", "updatedAt": "2026-02-20T00:00:00Z"},
            {"ok": True, "date": "2026-03-03", "updatedAt": "2026-03-09T00:00:00Z"},
        ],
    )
    def test_invalid_or_older_sensors_start_nothing(self, deployment: Deployment, fields: Mapping[str, object]) -> None:
        deployment.push(READY)
        deployment.sense("ready", **fields)
        deployment.tick("2026-03-03 12:00", "stranded-sensors")
        assert deployment.emitted == []

    def test_a_sensor_without_date_and_time_is_reported_once(self, deployment: Deployment) -> None:
        deployment.push(READY)
        deployment.sense("ready", ok=True)
        deployment.ticks("2026-03-03 12:00", "2026-03-03 12:30", "stranded-sensors")
        assert deployment.emitted == [("SENSOR_UNDATED", "p", "")]
        assert deployment.store.run(key("2026-03-03")) is None

    def test_a_recovered_date_keeps_the_row_that_opened_it(self, deployment: Deployment) -> None:
        deployment.push(READY)
        deployment.sense("ready", ok=True, date="2026-03-03")
        deployment.tick("2026-03-03 12:00", "stranded-sensors")
        kept = deployment.store.kept(key("2026-03-03")).rows["ready"]
        assert kept.fields == {"ok": True, "date": "2026-03-03"}

    @pytest.mark.parametrize("status", list(RunStatus))
    def test_a_date_with_a_run_is_left_alone(self, deployment: Deployment, status: RunStatus) -> None:
        deployment.push(READY)
        deployment.ran("2026-03-03", status, at="2026-03-03 09:00")
        deployment.sense("ready", ok=True, date="2026-03-03")
        deployment.tick("2026-03-03 12:00", "stranded-sensors")
        assert deployment.emitted == []

    def test_a_terminal_outcome_in_the_joblog_is_enough(self, deployment: Deployment) -> None:
        deployment.push(READY)
        deployment.sense("ready", ok=True, date="2026-03-03")
        entry = {"PK": "PIPELINE#p", "SK": "JOB#stream#2026-03-03#1772539200000", "event": "success"}
        deployment.tables.transact([Put(NAMES.joblog, entry)])
        deployment.tick("2026-03-03 12:00", "stranded-sensors")
        assert deployment.run("2026-03-03") is None

    def test_a_corrupted_first_arrival_holds_up_nothing(self, deployment: Deployment) -> None:
        deployment.push(READY)
        deployment.sense("ready", ok=True, date="2026-03-03", updatedAt="2026-03-03T10:00:00Z")
        deployment.sense("first-sensor-arrival#2026-03-03", arrivedAt="soon")
        assert deployment.tick("2026-03-03 10:06", "stranded-sensors") == {"stranded-sensors": 1}
        assert deployment.store.arrived_at(key("2026-03-03")) == utc("2026-03-03 10:00")

    def test_a_start_that_others_contend_for_is_tried_again_at_once(self, deployment: Deployment) -> None:
        deployment.push(READY)
        deployment.sense("ready", ok=True, date="2026-03-03", updatedAt="2026-03-03T10:00:00Z")
        deployment.tables.contended, deployment.tables.times = "SENSOR#first-sensor-arrival#2026-03-03", 4
        assert deployment.tick("2026-03-03 10:06", "stranded-sensors") == {"stranded-sensors": 1}

    def test_a_start_without_a_commit_is_reported_and_repeated(self, deployment: Deployment) -> None:
        deployment.push(READY)
        deployment.tick("2026-03-03 09:00", "stranded-sensors")
        deployment.sense("ready", ok=True, date="2026-03-03", updatedAt="2026-03-03T09:30:00Z")
        deployment.tables.contended, deployment.tables.times = "SENSOR#first-sensor-arrival#2026-03-03", 1000
        with pytest.raises(TickFailed, match="ready of p stream 2026-03-03: the run changed"):
            deployment.tick("2026-03-03 10:06", "stranded-sensors")
        assert deployment.bus == ["WATCHDOG_DEGRADED"]
        deployment.tables.times = 0
        assert deployment.tick("2026-03-03 12:00", "stranded-sensors") == {"stranded-sensors": 1}

    def test_per_period_sensors_are_found_within_three_ticks(self, deployment: Deployment) -> None:
        deployment.push(READY)
        deployment.store.note_periods("p")
        deployment.tick("2026-03-03 08:00", "stranded-sensors")
        for hour in ("05", "06"):
            stamp = f"2026-03-03T{hour}:50:00Z"
            deployment.sense(f"ready#20260303T{hour}", ok=True, date="2026-03-03", hour=hour, updatedAt=stamp)
        deployment.ticks("2026-03-03 08:05", "2026-03-03 08:15", "stranded-sensors")
        assert sorted(date for _, _, date in deployment.emitted) == ["2026-03-03T05", "2026-03-03T06"]

    def test_a_lost_first_per_period_sensor_is_found(self, deployment: Deployment) -> None:
        deployment.push(READY)
        deployment.tick("2026-03-03 08:00", "stranded-sensors")
        stamp = "2026-03-03T07:50:00Z"
        deployment.sense("ready#2026-03-03", ok=True, date="2026-03-03", updatedAt=stamp)
        deployment.ticks("2026-03-03 08:05", "2026-03-03 08:15", "stranded-sensors")
        assert deployment.emitted == [("TRIGGER_RECOVERED", "p", "2026-03-03")]

    def test_pipelines_with_a_plain_sensor_are_queried_once_a_day(self, deployment: Deployment) -> None:
        deployment.push(READY)
        deployment.sense("ready", ok=False, date="2026-03-02")
        deployment.tick("2026-03-03 08:00", "stranded-sensors")
        deployment.sense("ready#2026-03-03", ok=True, date="2026-03-03")
        deployment.ticks("2026-03-03 08:05", "2026-03-04 08:00", "stranded-sensors")
        assert deployment.emitted == [("TRIGGER_RECOVERED", "p", "2026-03-03")]

    def test_a_sensor_of_an_excluded_day_starts_on_the_next_day(self, deployment: Deployment) -> None:
        deployment.push("exclude: {weekends: true}, " + READY)
        deployment.tick("2026-03-06 23:55", "stranded-sensors")
        deployment.sense("ready", ok=True, date="2026-03-07", updatedAt="2026-03-07T10:00:00Z")
        deployment.ticks("2026-03-07 10:00", "2026-03-08 23:55", "stranded-sensors")
        assert deployment.emitted == []
        deployment.tick("2026-03-09 00:00", "stranded-sensors")
        assert deployment.emitted == [("TRIGGER_RECOVERED", "p", "2026-03-07")]

    def test_a_sensor_with_a_similar_key_is_not_a_trigger(self, deployment: Deployment) -> None:
        deployment.push(READY)
        deployment.sense("ready-not", ok=True, date="2026-03-03")
        deployment.ticks("2026-03-03 08:00", "2026-03-03 09:00", "stranded-sensors")
        assert deployment.emitted == []


class TestSensorsInTime:
    """A sensor that came by the trigger's deadline is never late, even if its record is."""

    SCHEDULE = 'trigger: {key: ready, check: equals, field: ok, value: true, deadline: "10:00"}'

    @pytest.mark.parametrize(
        ("stamp", "status"),
        [("2026-03-02T10:00:00Z", RunStatus.RUNNING), ("2026-03-02T10:00:01Z", RunStatus.FAILED_FINAL)],
    )
    def test_its_run_starts_instead_of_expiring(self, deployment: Deployment, stamp: str, status: RunStatus) -> None:
        deployment.push(self.SCHEDULE)
        deployment.tick("2026-03-02 09:59")
        deployment.sense("ready#20260301", ok=True, date="2026-03-01", updatedAt=stamp)
        deployment.tick("2026-03-02 10:04", "trigger-deadlines")
        deployment.store.note_periods("p")
        deployment.ticks("2026-03-02 10:09", "2026-03-02 10:30")
        run = deployment.run("2026-03-01")
        assert run is not None
        assert run.status is status

    def test_a_record_on_its_way_has_two_minutes(self, deployment: Deployment) -> None:
        deployment.push(self.SCHEDULE)
        deployment.tick("2026-03-02 10:01", "trigger-deadlines")
        assert deployment.run("2026-03-01") is None

    def test_a_sensor_of_an_excluded_day_waits_for_the_next_day(self, deployment: Deployment) -> None:
        deployment.push(self.SCHEDULE + ", exclude: {weekends: true}")
        deployment.ticks("2026-03-06 12:00", "2026-03-06 23:55")
        deployment.sense("ready", ok=True, date="2026-03-06", updatedAt="2026-03-07T01:00:00Z")
        deployment.ticks("2026-03-07 09:00", "2026-03-09 00:00")
        run = deployment.run("2026-03-06")
        assert run is not None
        assert run.status is RunStatus.RUNNING

    def test_a_date_that_was_run_elsewhere_does_not_expire(self, deployment: Deployment) -> None:
        deployment.push(self.SCHEDULE)
        entry = {"PK": "PIPELINE#p", "SK": "JOB#stream#2026-03-01#1772539200000", "event": "success"}
        deployment.tables.transact([Put(NAMES.joblog, entry)])
        deployment.tick("2026-03-02 12:00", "trigger-deadlines")
        assert deployment.emitted == []

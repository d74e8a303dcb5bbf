"""A failed check, pipeline or row stops nothing else, and two ticks report once."""

import contextlib
from datetime import timedelta

import pytest
from watch_bench import NAMES, READY, TIMEOUT, Deployment, utc

from interlock_controller.watch import TickFailed, cursor_at
from interlock_lifecycle import RunKey, RunStatus
from interlock_lifecycle.runs import open_run
from interlock_sla import parse_execution_date
from interlock_store import Cursor
from interlock_store._write import Put


def test_one_failed_check_is_reported_and_the_others_run(deployment: Deployment) -> None:
    deployment.push('cron: "0 8 * * *", ' + READY)
    deployment.tables.broken_partition = "PENDING"
    with pytest.raises(TickFailed) as failed:
        deployment.tick("2026-03-02 08:10")
    assert list(failed.value.failures) == ["pending"]
    assert "WATCHDOG_DEGRADED" in deployment.bus
    assert ("SCHEDULE_MISSED", "p", "2026-03-02") in deployment.emitted


def test_one_broken_pipeline_does_not_hide_the_others(deployment: Deployment) -> None:
    deployment.push('cron: "0 8 * * *", ' + READY)
    row = {"PK": "PIPELINE#q", "SK": "CONFIG", "config": "{}", "GSI1PK": "CONFIG", "GSI1SK": "q"}
    deployment.tables.transact([Put(NAMES.control, row)])
    deployment.tick("2026-03-02 08:10")
    assert ("SCHEDULE_MISSED", "p", "2026-03-02") in deployment.emitted


def test_a_repeated_tick_repeats_no_report(deployment: Deployment) -> None:
    deployment.push('cron: "0 8 * * *", ' + READY, 'sla: {deadline: "10:00", expectedDuration: 30m}')
    for at in ("2026-03-02 10:10", "2026-03-02 10:10"):
        deployment.tick(at)
        deployment.wire()
    names = [name for name, _, _ in deployment.emitted]
    assert sorted(names) == sorted(set(names))


def test_a_corrupted_row_stops_its_own_date_only(deployment: Deployment) -> None:
    deployment.push(READY, 'sla: {deadline: "10:00"}')
    deployment.push(READY, 'sla: {deadline: "10:00"}', pipeline="q")
    broken = {"PK": "PIPELINE#p", "SK": "TRIGGER#stream#2026-03-01", "status": "BROKEN"}
    deployment.tables.transact([Put(NAMES.control, broken)])
    deployment.tick("2026-03-02 10:10", "dropped-timers")
    breach, repaired = ("SLA_BREACH", "p", "2026-03-01"), ("INFRA_FAILURE", "p", "2026-03-01")
    assert deployment.emitted == [("SLA_BREACH", "q", "2026-03-01"), repaired, breach]


class TestIsolation:
    """A failure of one pipeline holds up no other."""

    def corrupt(self, deployment: Deployment, sk: str, **fields: object) -> None:
        deployment.tables.transact([Put(NAMES.control, {"PK": "PIPELINE#p", "SK": sk, **fields})])

    def test_a_corrupted_trigger_row_is_not_missed(self, deployment: Deployment) -> None:
        for name in ("p", "q"):
            deployment.push('cron: "0 8 * * *", ' + READY, pipeline=name)
        deployment.tick("2026-03-02 07:00")
        self.corrupt(deployment, "TRIGGER#cron#2026-03-02", status="CORRUPTED")
        deployment.tick("2026-03-02 08:10", "missed-schedules")
        deployment.tick("2026-03-02 08:15", "missed-schedules")
        assert deployment.emitted == [("SCHEDULE_MISSED", "q", "2026-03-02"), ("INFRA_FAILURE", "p", "2026-03-02")]

    def test_a_corrupted_row_is_repaired_and_reported_once(self, deployment: Deployment) -> None:
        deployment.push(READY, 'sla: {deadline: "10:00"}')
        deployment.tick("2026-03-02 09:00")
        self.corrupt(deployment, "TRIGGER#stream#2026-03-01", status="CORRUPTED")
        deployment.ticks("2026-03-02 09:55", "2026-03-03 10:10", "dropped-timers")
        repaired, breaches = (
            ("INFRA_FAILURE", "p", "2026-03-01"),
            [("SLA_BREACH", "p", f"2026-03-0{day}") for day in (1, 2)],
        )
        assert (deployment.emitted, deployment.bus) == ([repaired, *breaches], [])

    def test_a_row_that_blocks_a_recovery_is_repaired(self, deployment: Deployment) -> None:
        index = {"GSI1PK": "RUNNING", "GSI1SK": "2026-01-01T00:00:00.000000Z"}
        self.corrupt(deployment, "TRIGGER#stream#2026-03-01", status="RUNNING", jobIntent="{", **index)
        deployment.ticks("2026-03-02 09:00", "2026-03-02 09:30", "stale-runs", "dead-executions")
        assert (deployment.emitted, deployment.bus) == ([("INFRA_FAILURE", "p", "2026-03-01")], [])

    @pytest.mark.parametrize("sk", ["TRIGGER#stream", "TRIGGER#stream#2026-02-30", "RERUN_REQUEST#stream#soon"])
    @pytest.mark.parametrize("pk", ["PIPELINE#p", "p"])
    def test_an_indexed_row_without_a_date_is_reported_once(self, deployment: Deployment, pk: str, sk: str) -> None:
        index = {"GSI1PK": "PENDING", "GSI1SK": "2026-01-01T00:00:00.000000Z"}
        deployment.tables.transact([Put(NAMES.control, {"PK": pk, "SK": sk, "status": "RUNNING", **index})])
        deployment.ticks("2026-03-02 09:00", "2026-03-04 09:00", "pending", "stale-runs")
        owner = "p" if pk == "PIPELINE#p" else "INFRASTRUCTURE"
        assert (deployment.emitted, deployment.bus.count("ROW_CORRUPTED")) == ([("ROW_CORRUPTED", owner, "")], 1)
        assert (deployment.tables.get(NAMES.control, pk, sk) or {}).keys() == {"PK", "SK", "status"}

    def test_a_cursor_ahead_of_the_clock_ends_no_check(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY)
        ahead = {"at": "9999-01-01T00:00:00.000000Z", "behind": {}}
        row = {"PK": "WATCHDOG", "SK": "MARKER#cursor#missed-schedules", **ahead}
        deployment.tables.transact([Put(NAMES.control, row)])
        deployment.tick("2026-03-02 08:10", "missed-schedules")
        assert ("SCHEDULE_MISSED", "p", "2026-03-02") in deployment.emitted

    @pytest.mark.parametrize("name", ["sla-timers", "missed-schedules", "trigger-deadlines"])
    @pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9500-01-01T00:00:00Z"])
    def test_a_cursor_out_of_range_ends_no_check(self, deployment: Deployment, name: str, at: str) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY)
        for behind in ({}, {"p": at}):
            row = {"PK": "WATCHDOG", "SK": f"MARKER#cursor#{name}", "at": at, "behind": behind}
            deployment.tables.transact([Put(NAMES.control, row)])
            deployment.tick("2026-03-02 08:10", name)
            assert "WATCHDOG_DEGRADED" not in deployment.bus
            moved = deployment.tables.get(NAMES.control, "WATCHDOG", row["SK"])
            assert moved is None or str(moved["at"]).startswith("2026-03-02")

    def test_a_lease_beyond_a_year_holds_no_date(self, deployment: Deployment) -> None:
        index = {"GSI1PK": "RUNNING", "GSI1SK": "8000-01-01T00:00:00.000000Z"}
        held = {"status": "RUNNING", "runToken": "t", "startedToken": "t", "leaseUntil": "8000-01-01T00:00:00Z"}
        self.corrupt(deployment, "TRIGGER#stream#2026-03-01", **held, **index)
        deployment.tick("2026-03-02 09:00", "stale-runs")
        run = deployment.run("2026-03-01")
        assert run is not None
        assert (run.status, deployment.emitted) == (RunStatus.FAILED_FINAL, [("SFN_TIMEOUT", "p", "2026-03-01")])
        assert "is corrupted: its lease would end at 8000-01-01" in run.close_reason

    def test_a_pipeline_with_a_failed_note_is_named(self, deployment: Deployment) -> None:
        for name in ("p", "q"):
            deployment.push('cron: "0 8 * * *", ' + READY, pipeline=name)
        deployment.tick("2026-03-02 07:55")
        deployment.push('cron: "1 8 * * *", ' + READY, created=None)
        deployment.tables.rejected = "PIPELINE#p"
        with pytest.raises(TickFailed, match="1 pipelines could not be looked at: p: ConnectionError") as raised:
            deployment.tick("2026-03-02 08:10")
        assert list(raised.value.failures) == ["configs"]
        assert deployment.emitted == [("SCHEDULE_MISSED", "q", "2026-03-02")]
        assert deployment.details[-1]["detail"] == {"checks": ["configs"], "pipelines": ["p"]}
        deployment.tables.rejected = ""
        deployment.ticks("2026-03-02 08:15", "2026-03-02 08:20")
        assert deployment.emitted[1:] == [("SCHEDULE_MISSED", "p", "2026-03-02")]

    @pytest.mark.parametrize("created", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:00Z"])
    def test_a_creation_beyond_the_calendar_stops_no_other(self, deployment: Deployment, created: str) -> None:
        for name in ("p", "q"):
            deployment.push('cron: "0 8 * * *", ' + READY, pipeline=name)
        deployment.tables.transact([Put(NAMES.control, {**deployment.row(), "createdAt": created})])
        deployment.ticks("2026-03-02 07:50", "2026-03-02 08:10")
        assert sorted(deployment.emitted) == [("SCHEDULE_MISSED", name, "2026-03-02") for name in ("p", "q")]

    def test_an_arrival_beyond_the_calendar_stops_no_other_clock(self, deployment: Deployment) -> None:
        for name in ("p", "q"):
            deployment.push(READY, "sla: {maxDuration: 1h}", pipeline=name)
        for name, arrived in (("p", "9999-12-31T23:59:00Z"), ("q", "2026-03-02T08:00:00Z")):
            late = RunKey(name, "stream", parse_execution_date("2026-03-02"))
            at = utc("2026-03-02 08:00")
            run = open_run(late, decided_at=at, execution_timeout=TIMEOUT, arrived_at=None)
            deployment.store.commit(run)
            deployment.store.put_sensor(name, "first-sensor-arrival#2026-03-02", {"arrivedAt": arrived})
        deployment.tick("2026-03-02 09:02", "relative-slas")
        assert deployment.emitted == [("RELATIVE_SLA_BREACH", "q", "2026-03-02")]

    def test_unreadable_sensors_delay_no_other_pipelines(self, deployment: Deployment) -> None:
        """A pipeline that fails each time that its third is read must not make the other thirds wait for ever."""
        names = ["p", "q", "r", "s", "t"]
        for name in names:
            deployment.push(READY, pipeline=name)
            deployment.store.note_periods(name)
        deployment.tick("2026-03-03 09:00", "stranded-sensors")
        deployment.tables.broken_partition = "PIPELINE#p"
        for name in names[1:]:
            stamp = {"ok": True, "date": "2026-03-03", "updatedAt": "2026-03-03T09:01:00Z"}
            deployment.store.put_sensor(name, "ready#20260303", stamp)
        for minute in (5, 10, 15, 20):
            with contextlib.suppress(TickFailed):
                deployment.tick(f"2026-03-03 09:{minute:02}", "stranded-sensors")
        assert sorted(name for _, name, _ in deployment.emitted) == names[1:]

    def test_sensors_that_were_unreadable_for_long_are_not_missed(self, deployment: Deployment) -> None:
        deployment.push(READY)
        deployment.store.note_periods("p")
        deployment.ticks("2026-03-03 08:00", "2026-03-03 09:00", "stranded-sensors")
        deployment.sense("ready#20260303", ok=True, date="2026-03-03", updatedAt="2026-03-03T09:01:00Z")
        deployment.tables.broken_partition = "PIPELINE#p"
        for hour in (9, 10, 11):
            for minute in (5, 10, 15):
                with contextlib.suppress(TickFailed):
                    deployment.tick(f"2026-03-03 {hour:02}:{minute:02}", "stranded-sensors")
        deployment.tables.broken_partition = ""
        deployment.ticks("2026-03-03 11:20", "2026-03-03 11:30", "stranded-sensors")
        assert deployment.emitted == [("TRIGGER_RECOVERED", "p", "2026-03-03")]

    def test_no_pipeline_of_very_many_lagging_ones_is_left_out(self) -> None:
        now, longest = utc("2026-03-03 09:00"), utc("2026-03-01 09:00")
        behind = {f"p{number}": now - timedelta(minutes=number % 60) for number in range(2000)}
        assert cursor_at(now, behind) == Cursor(now, behind)
        assert cursor_at(now, behind | {"q": longest}) == Cursor(longest, {})

    def test_unreadable_sensors_hold_up_no_other_pipelines_run(self, deployment: Deployment) -> None:
        for name in ("p", "q"):
            deployment.push(READY, pipeline=name)
        deployment.tick("2026-03-03 09:00", "stranded-sensors")
        self.corrupt(deployment, "JOB#stream#2026-03-03", event="success")
        deployment.sense("ready", ok=True, date="2026-03-03", updatedAt="2026-03-03T10:00:00Z")
        stamp = {"ok": True, "date": "2026-03-03", "updatedAt": "2026-03-03T10:00:00Z"}
        deployment.store.put_sensor("q", "ready", stamp)
        deployment.tables.broken_partition = "PIPELINE#p"
        with pytest.raises(TickFailed):
            deployment.tick("2026-03-03 10:06", "stranded-sensors")
        assert deployment.emitted == [("TRIGGER_RECOVERED", "q", "2026-03-03")]
        deployment.tables.broken_partition = ""
        deployment.tick("2026-03-03 12:06", "stranded-sensors")
        assert deployment.emitted[1:] == [("TRIGGER_RECOVERED", "p", "2026-03-03")]

    @pytest.mark.parametrize("created", ["soon", 7, None])
    def test_a_corrupted_creation_time_is_noted_again(self, deployment: Deployment, created: object) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY)
        deployment.tables.transact([Put(NAMES.control, {**deployment.row(), "createdAt": created})])
        deployment.ticks("2026-03-02 07:50", "2026-03-02 08:10")
        assert deployment.emitted == [("SCHEDULE_MISSED", "p", "2026-03-02")]

    def test_a_row_that_is_no_pipelines_hides_none(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY)
        stray = {"PK": "NONSENSE", "SK": "CONFIG", "GSI1PK": "CONFIG", "GSI1SK": "x"}
        deployment.tables.transact([Put(NAMES.control, stray)])
        deployment.tick("2026-03-02 08:10", "missed-schedules")
        assert deployment.emitted == [("SCHEDULE_MISSED", "p", "2026-03-02")]


class TestTwoTicksAtOnce:
    """An overlapping tick changes only the time of discovery."""

    def test_the_slower_one_takes_nothing_back(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY, 'sla: {deadline: "10:00", expectedDuration: 30m}')
        slow = deployment.checks
        deployment.wire()
        quick = deployment.checks
        for at in ("08:10", "09:35", "10:05", "10:10"):
            for checks in (quick, slow, quick):
                deployment.checks = checks
                deployment.tick(f"2026-03-02 {at}")
            deployment.checks = slow
            deployment.tick("2026-03-02 08:05")
        names = [name for name, _, _ in deployment.emitted]
        assert names == ["SCHEDULE_MISSED", "SLA_WARNING", "SLA_BREACH"]

    def test_a_process_that_died_before_its_cursor_repeats_nothing(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY, 'sla: {deadline: "10:00"}')
        deployment.tick("2026-03-02 07:00")
        before = deployment.cursors()
        for _ in range(3):
            deployment.tick("2026-03-02 10:10")
            deployment.tables.transact([Put(NAMES.control, row) for row in before])
        assert [name for name, _, _ in deployment.emitted] == ["SCHEDULE_MISSED", "SLA_BREACH"]

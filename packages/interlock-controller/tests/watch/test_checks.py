"""Each check of a tick over the in-memory tables: each finding is reported once, and other rows stay."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_controller.effects import BusEntry, Outbox, Wakes
from interlock_controller.records import RerunIntake
from interlock_controller.watch import Recovery, TickFailed, WorkerPool, all_checks, cursor_at, run_tick
from interlock_lifecycle import ClockVerdict, JobEntry, RecordBreach, Run, RunKey, RunStatus, Verdict
from interlock_lifecycle.dates import MISSED_AFTER
from interlock_lifecycle.runs import decide_started, open_run
from interlock_lifecycle.slas import Timer
from interlock_sla import Calendar, Clock, Outcome, parse_execution_date
from interlock_store import Cursor, MemoryTables, Overview, Store, TableNames, TransactionRejected, format_time
from interlock_store._rows import closed_row, entry_row
from interlock_store._write import Put, Update, key_of

NAMES = TableNames.of_environment("test")
TIMEOUT = timedelta(hours=4)
CREATED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Tables(MemoryTables):
    """In-memory tables with a lagging index, a failing partition or a contended row."""

    frozen: list[dict[str, Any]] | None = None
    broken_partition = ""
    rejected = ""
    contended, times = "", 0

    def transact(self, writes: Any) -> None:
        rejected = [at for at, write in enumerate(writes) if self.contended and key_of(write)[2] == self.contended]
        if rejected and self.times:
            self.times -= 1
            raise TransactionRejected(rejected)
        if any(isinstance(write, Update) and write.pk == self.rejected for write in writes):
            raise ConnectionError("throttled")
        super().transact(writes)

    def query(self, table: str, pk: str, **how: Any) -> Any:
        if pk == self.broken_partition:
            raise ConnectionError("throttled")
        if self.frozen is not None and pk == "CONFIG":
            return iter(self.frozen)
        return super().query(table, pk, **how)


class Deployment:
    """A watchdog with its tables, and a record of its events and timers."""

    def __init__(self) -> None:
        self.tables = Tables(self._changed)
        self.store = Store(self.tables, NAMES)
        self.now = CREATED
        self.emitted: list[tuple[str, str, str]] = []
        self.timers: dict[str, Timer] = {}
        self.bus: list[str] = []
        self.details: list[dict[str, Any]] = []
        self.scheduler_is_down = False
        self.missed_after = MISSED_AFTER
        self.wire()

    def wire(self) -> None:
        """Begin a new process, which knows only the tables."""
        outbox = Outbox(self.store, self, self, now=lambda: self.now, execution_timeout=TIMEOUT)
        recovery = Recovery(
            self.store,
            outbox,
            RerunIntake(self.store, execution_timeout=TIMEOUT),
            self,
            Wakes(self.store, lambda token: False, lambda: self.now),
            execution_timeout=TIMEOUT,
            pending_grace=timedelta(minutes=2),
            probe_after=timedelta(minutes=5),
        )
        self.checks = all_checks(
            self.store,
            Overview(self.tables, NAMES),
            recovery,
            self,
            now=lambda: self.now,
            execution_timeout=TIMEOUT,
            workers=WorkerPool(),
            missed_after=self.missed_after,
        )

    def _changed(self, key: tuple[str, str, str], before: Any, after: Mapping[str, Any] | None) -> None:
        if key[2].startswith("EVENT#") and before is None and after is not None:
            detail = json.loads(after["detail"])
            self.emitted.append((str(after["detailType"]), detail["pipelineId"], detail.get("date", "")))

    def publish(self, entries: Sequence[BusEntry]) -> None:
        self.bus += [entry.detail_type for entry in entries]
        self.details += [json.loads(entry.detail) for entry in entries]

    def start(self, name: str, execution_input: Mapping[str, Any]) -> None: ...

    def status(self, name: str) -> str:
        return "RUNNING"

    def create(self, key: RunKey, timer: Timer) -> None:
        if self.scheduler_is_down:
            raise ConnectionError("no scheduler")
        self.timers[timer.name] = timer

    def delete(self, timer: Timer) -> None:
        self.timers.pop(timer.name, None)

    def push(self, schedule: str, rest: str = "", *, pipeline: str = "p", created: datetime | None = CREATED) -> None:
        """Write a config, and note it as the stream-router would. Without `created`, no router sees it."""
        self.store.put_config(self.config(schedule, rest, pipeline=pipeline))
        if created is not None:
            self.store.index_config(pipeline, self.row(pipeline), created)

    @staticmethod
    def config(schedule: str, rest: str = "", *, pipeline: str = "p") -> PipelineConfig:
        text = (
            f"pipeline: {{id: {pipeline}}}\nschedule: {{{schedule}}}\n{rest}\n"
            "validation: {rules: [{key: ready, check: exists}]}\n"
            'job: {type: command, config: {command: "true"}}\n'
        )
        return decode_yaml(text, "p.yaml")

    def row(self, pipeline: str = "p") -> dict[str, Any]:
        """A pipeline's CONFIG row."""
        row = self.tables.get(NAMES.control, f"PIPELINE#{pipeline}", "CONFIG")
        assert row is not None
        return row

    def cursors(self) -> list[dict[str, Any]]:
        """The cursor rows of the checks."""
        return list(self.tables.query(NAMES.control, "WATCHDOG"))

    def tick(self, at: str, *only: str) -> dict[str, int]:
        """One tick, of all checks or some, at a moment (UTC)."""
        self.now = utc(at)
        checks = {name: check for name, check in self.checks.items() if not only or name in only}
        return {name: count for name, count in run_tick(checks, self, self.now).found.items() if count}

    def ticks(self, since: str, until: str, *only: str) -> None:
        """Ticks every five minutes."""
        at = utc(since)
        while at <= utc(until):
            self.tick(f"{at:%Y-%m-%d %H:%M}", *only)
            at += timedelta(minutes=5)

    def ran(
        self,
        date: str,
        status: RunStatus = RunStatus.COMPLETED,
        *,
        at: str,
        schedule: str = "stream",
        attempt: int = 0,
    ) -> Run:
        """A date that has run."""
        run = Run(key(date, schedule), status, attempt, "token", utc(at), evaluated_at=utc(at), closed_at=utc(at))
        self.tables.transact([Put(NAMES.control, closed_row(run))])
        return run

    def sense(self, sensor: str, **fields: object) -> None:
        self.store.put_sensor("p", sensor, fields)

    def log(self, run: RunKey, event: str, at: str) -> None:
        """A row of the joblog."""
        self.tables.transact([Put(NAMES.joblog, entry_row(JobEntry(run, utc(at), event)))])

    def corrupt_text(self, pk: str = "PIPELINE#p", text: str = "{broken") -> str:
        """Make a config or calendar unreadable. The result is its text before."""
        row = self.tables.get(NAMES.control, pk, "CONFIG")
        assert row is not None
        self.tables.transact([Update(NAMES.control, pk, "CONFIG", set={"config": text})])
        return str(row["config"])

    def run(self, date: str, schedule: str = "stream") -> Run | None:
        return self.store.run(key(date, schedule))


def key(date: str, schedule: str = "stream") -> RunKey:
    return RunKey("p", schedule, parse_execution_date(date))


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


READY = "trigger: {key: ready, check: equals, field: ok, value: true}"


class TestCronStarts:
    """The watchdog starts cron pipelines without a trigger."""

    def test_a_due_fire_becomes_a_run_of_its_local_date(self, deployment: Deployment) -> None:
        deployment.push('cron: "30 1 * * *", timezone: America/New_York')
        deployment.tick("2026-03-03 06:25", "cron-starts")
        assert deployment.tick("2026-03-03 06:30", "cron-starts") == {"cron-starts": 1}
        run = deployment.run("2026-03-03", "cron")
        assert run is not None
        assert (run.status, run.reason) == (RunStatus.RUNNING, "schedule")
        assert deployment.tick("2026-03-03 06:35", "cron-starts") == {}

    def test_several_fires_a_day_name_hours(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 */6 * * *"')
        deployment.ticks("2026-03-02 00:00", "2026-03-02 12:00", "cron-starts")
        hours = [str(run.key.date) for run in deployment.store.runs("p")]
        assert hours == ["2026-03-02T00", "2026-03-02T06", "2026-03-02T12"]

    def test_after_an_outage_only_the_latest_fire_is_started(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *"')
        deployment.tick("2026-03-02 00:00", "cron-starts")
        deployment.tick("2026-03-06 09:00", "cron-starts")
        assert [str(run.key.date) for run in deployment.store.runs("p")] == ["2026-03-06"]

    def test_fires_before_the_pipelines_creation_are_not_replayed(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *"', created=utc("2026-03-03 08:01"))
        deployment.tick("2026-03-03 08:05", "cron-starts")
        assert list(deployment.store.runs("p")) == []

    @pytest.mark.parametrize("rest", ["dryRun: true", ""])
    def test_excluded_days_and_dry_runs_start_nothing(self, deployment: Deployment, rest: str) -> None:
        trigger = ", " + READY if rest else ", exclude: {weekends: true}"
        deployment.push('cron: "0 8 * * *"' + trigger, rest)
        deployment.tick("2026-03-06 23:55", "cron-starts")
        before = list(deployment.store.runs("p"))
        deployment.ticks("2026-03-07 07:55", "2026-03-08 09:00", "cron-starts")
        assert list(deployment.store.runs("p")) == before

    def test_a_watch_that_is_switched_off_still_starts(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *"', "watch: {enabled: false}")
        assert deployment.tick("2026-03-02 08:00", "cron-starts") == {"cron-starts": 1}

    def test_a_fire_is_not_lost_when_its_tick_failed(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *"')
        deployment.tick("2026-03-02 07:55", "cron-starts")
        deployment.tables.broken_partition = "CONFIG"
        with pytest.raises(TickFailed):
            deployment.tick("2026-03-02 08:00", "cron-starts")
        deployment.tables.broken_partition = ""
        assert deployment.tick("2026-03-02 08:05", "cron-starts") == {"cron-starts": 1}


class TestMissedSchedules:
    """Cron pipelines with a trigger, and inclusion dates."""

    def test_a_fire_without_a_trigger_is_reported_once(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY)
        deployment.ticks("2026-03-02 08:00", "2026-03-02 12:00", "missed-schedules")
        assert deployment.emitted == [("SCHEDULE_MISSED", "p", "2026-03-02")]

    @pytest.mark.parametrize("date", ["2026-03-02", "2026-03-01"])
    def test_a_run_of_the_date_or_since_the_fire_is_no_miss(self, deployment: Deployment, date: str) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY)
        deployment.ran(date, at="2026-03-02 08:03", schedule="cron")
        deployment.ticks("2026-03-02 08:00", "2026-03-02 12:00", "missed-schedules")
        assert deployment.emitted == []

    @pytest.mark.parametrize(
        ("began", "missed"),
        [("2026-03-03 07:59:30", False), ("2026-03-03 07:55", False), ("2026-03-03 07:54:59", True)],
    )
    def test_a_run_shortly_before_its_fire_is_no_miss(self, deployment: Deployment, began: str, missed: bool) -> None:
        """Yesterday's run began seconds before the fire. The fire of the day before has a run of its own."""
        deployment.push('cron: "0 8 * * *", ' + READY)
        deployment.ran("2026-03-01", at="2026-03-02 08:00:30", schedule="cron")
        deployment.ran("2026-03-02", at=began, schedule="cron")
        deployment.ticks("2026-03-02 08:00", "2026-03-03 12:00", "missed-schedules")
        assert deployment.emitted == ([("SCHEDULE_MISSED", "p", "2026-03-03")] if missed else [])

    def test_the_late_run_of_a_missed_fire_is_not_the_next_fires(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY)
        deployment.ticks("2026-03-02 08:00", "2026-03-03 07:55", "missed-schedules")
        deployment.ran("2026-03-02", at="2026-03-03 07:59:30", schedule="cron")
        deployment.ticks("2026-03-03 08:00", "2026-03-03 12:00", "missed-schedules")
        assert deployment.emitted == [("SCHEDULE_MISSED", "p", "2026-03-02"), ("SCHEDULE_MISSED", "p", "2026-03-03")]

    def test_fires_before_creation_or_on_excluded_days_are_no_miss(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *", exclude: {weekends: true}, ' + READY, created=utc("2026-03-06 09:00"))
        deployment.ticks("2026-03-06 08:30", "2026-03-08 23:55", "missed-schedules")
        assert deployment.emitted == []

    def test_an_inclusion_date_without_a_run_is_reported_at_its_end(self, deployment: Deployment) -> None:
        deployment.push("include: {dates: [2026-03-03, 2026-03-10]}, timezone: Asia/Tokyo, " + READY)
        deployment.ticks("2026-03-03 14:00", "2026-03-03 15:00", "missed-schedules")
        assert deployment.emitted == []
        deployment.tick("2026-03-03 15:05", "missed-schedules")
        assert deployment.emitted == [("IRREGULAR_SCHEDULE_MISSED", "p", "2026-03-03")]

    @pytest.mark.parametrize("rest", ["watch: {enabled: false}", "dryRun: true"])
    def test_pipelines_that_are_not_watched_are_not_reported(self, deployment: Deployment, rest: str) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY, rest)
        deployment.tick("2026-03-02 09:00", "missed-schedules")
        assert deployment.emitted == []

    def test_how_long_a_start_may_be_overdue_can_be_chosen(self, deployment: Deployment) -> None:
        deployment.missed_after = timedelta(minutes=1)
        deployment.wire()
        deployment.push('cron: "0 8 * * *", ' + READY)
        deployment.tick("2026-03-02 08:00", "missed-schedules")
        assert deployment.emitted == []
        deployment.ticks("2026-03-02 08:01", "2026-03-02 09:01", "missed-schedules")
        assert deployment.emitted == [("SCHEDULE_MISSED", "p", "2026-03-02")]

    def test_a_missed_tick_only_delays_the_report(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY)
        deployment.tick("2026-03-02 07:00", "missed-schedules")
        deployment.tick("2026-03-04 23:00", "missed-schedules")
        assert [date for _, _, date in deployment.emitted] == ["2026-03-02", "2026-03-03", "2026-03-04"]


def test_an_edit_without_known_terms_is_an_ordinary_edit(deployment: Deployment) -> None:
    """The notes of the row are corrupted. Unknown terms hold nothing back."""
    deployment.push(f'cron: "0 8 * * *", {READY}')
    deployment.tick("2026-03-02 07:30")
    deployment.store.put_config(deployment.config('cron: "0 7 * * *", ' + READY))
    deployment.store.index_config("p", deployment.row(), utc("2026-03-02 07:31"))
    deployment.tables.transact([Update(NAMES.control, "PIPELINE#p", "CONFIG", set={"inForce": "?"})])
    deployment.tick("2026-03-02 07:35")
    assert deployment.emitted == [("SCHEDULE_MISSED", "p", "2026-03-02")]


@pytest.mark.parametrize(("status", "starts"), [(RunStatus.FAILED_FINAL, 1), (RunStatus.COMPLETED, 0)])
def test_a_failed_run_of_the_former_schedule_does_not_count(
    deployment: Deployment, status: RunStatus, starts: int
) -> None:
    deployment.push('cron: "0 8 * * *"')
    deployment.tick("2026-03-02 07:55")
    deployment.ran("2026-03-02", status, at="2026-03-02 07:00", schedule="stream")
    assert deployment.tick("2026-03-02 08:00").get("cron-starts", 0) == starts


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


class TestTriggerDeadlines:
    """The end of the auto-trigger window fails the date."""

    def test_a_date_that_nothing_triggered_is_failed_once(self, deployment: Deployment) -> None:
        deployment.push('trigger: {key: ready, check: exists, deadline: "10:00"}')
        deployment.ticks("2026-03-02 09:00", "2026-03-02 12:00", "trigger-deadlines")
        run = deployment.run("2026-03-01")
        assert run is not None
        assert run.status is RunStatus.FAILED_FINAL
        assert deployment.emitted == [("SENSOR_DEADLINE_EXPIRED", "p", "2026-03-01")]

    def test_a_date_with_a_run_is_left_alone(self, deployment: Deployment) -> None:
        deployment.push('trigger: {key: ready, check: exists, deadline: "10:00"}')
        deployment.ran("2026-03-01", at="2026-03-01 20:00")
        deployment.tick("2026-03-02 12:00", "trigger-deadlines")
        assert deployment.emitted == []

    def test_an_sla_that_is_past_by_then_is_breached_with_it(self, deployment: Deployment) -> None:
        deployment.push('trigger: {key: ready, check: exists, deadline: "10:00"}', 'sla: {deadline: "09:00"}')
        deployment.tick("2026-03-02 10:02", "trigger-deadlines")
        assert [name for name, _, _ in deployment.emitted] == ["SENSOR_DEADLINE_EXPIRED", "SLA_BREACH"]

    def test_a_concurrent_verdict_delays_the_expiry_by_a_tick(self, deployment: Deployment) -> None:
        deployment.push('trigger: {key: ready, check: exists, deadline: "10:00"}', 'sla: {deadline: "09:00"}')
        deployment.tick("2026-03-02 09:55", "trigger-deadlines")
        deployment.tables.contended, deployment.tables.times = "VERDICT#stream#2026-03-01", 1
        assert deployment.tick("2026-03-02 10:02", "trigger-deadlines") == {}
        assert deployment.tick("2026-03-02 10:07", "trigger-deadlines") == {"trigger-deadlines": 1}


class TestSlaTimers:
    """Absolute clocks get their timers ahead of time."""

    SLA = 'sla: {deadline: "10:00", expectedDuration: 30m}'

    def test_timers_of_an_expected_date_are_made_once_and_in_time(self, deployment: Deployment) -> None:
        deployment.push(READY, self.SLA)
        made = sum(deployment.tick(f"2026-03-02 {hour:02}:00", "sla-timers").get("sla-timers", 0) for hour in range(24))
        names = sorted(deployment.timers)
        assert "p-stream-2026-03-01-sla-breach-202603021000" in names
        assert "p-stream-2026-03-01-sla-warning-202603020930" in names
        assert made == len(names)

    def test_an_edited_deadline_gets_new_timers(self, deployment: Deployment) -> None:
        deployment.push(READY, self.SLA)
        deployment.tick("2026-03-02 08:00", "sla-timers")
        deployment.push(READY, self.SLA.replace("10:00", "09:30"), created=utc("2026-03-02 08:01"))
        deployment.tick("2026-03-02 08:05", "sla-timers")
        assert "p-stream-2026-03-01-sla-breach-202603020930" in deployment.timers

    @pytest.mark.parametrize("rest", ["watch: {enabled: false}", "dryRun: true"])
    def test_pipelines_that_are_not_watched_get_none(self, deployment: Deployment, rest: str) -> None:
        deployment.push(READY, f"{self.SLA}\n{rest}")
        deployment.tick("2026-03-02 08:00", "sla-timers")
        assert deployment.timers == {}

    def test_timers_are_made_after_an_outage_of_the_scheduler(self, deployment: Deployment) -> None:
        deployment.push(READY, self.SLA)
        deployment.scheduler_is_down = True
        said = r"sla-timers: 3 could not be looked at: p: ConnectionError: no scheduler$"
        with pytest.raises(TickFailed, match=said):
            deployment.tick("2026-03-02 08:00", "sla-timers")
        assert deployment.bus == ["WATCHDOG_DEGRADED"]
        deployment.scheduler_is_down = False
        deployment.tick("2026-03-02 08:05", "sla-timers")
        assert "p-stream-2026-03-01-sla-breach-202603021000" in deployment.timers


class TestDroppedTimers:
    """The alert of a lost timer is emitted two minutes after its moment."""

    SLA = 'sla: {deadline: "10:00", expectedDuration: 30m}'

    def test_a_date_that_never_ran_gets_its_warning_and_its_breach(self, deployment: Deployment) -> None:
        deployment.push(READY, self.SLA)
        deployment.ticks("2026-03-02 09:00", "2026-03-02 12:00", "dropped-timers")
        assert deployment.emitted == [("SLA_WARNING", "p", "2026-03-01"), ("SLA_BREACH", "p", "2026-03-01")]

    def test_a_date_with_a_corrupted_verdict_is_judged_once_more(self, deployment: Deployment) -> None:
        deployment.push(READY, self.SLA)
        row = Update(NAMES.control, "PIPELINE#p", "VERDICT#stream#2026-03-01", set={"absolute": {"outcome": "fine"}})
        deployment.tables.transact([row])
        deployment.ticks("2026-03-02 10:30", "2026-03-02 12:00", "dropped-timers")
        assert deployment.emitted == [("SLA_BREACH", "p", "2026-03-01")]
        assert deployment.store.verdict(key("2026-03-01")).clocks[Clock.ABSOLUTE].outcome is Outcome.BREACH

    @pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED_FINAL])
    def test_a_closed_run_is_silent(self, deployment: Deployment, status: RunStatus) -> None:
        deployment.push(READY, self.SLA)
        run = deployment.ran("2026-03-01", status, at="2026-03-02 08:00")
        if status is RunStatus.COMPLETED:
            met = {Clock.ABSOLUTE: ClockVerdict(Outcome.MET, utc("2026-03-02 10:00"), utc("2026-03-02 08:00"))}
            deployment.store.commit(RecordBreach(run.key, run, Verdict(run.key), met, ()))
        deployment.ticks("2026-03-02 09:00", "2026-03-02 12:00", "dropped-timers")
        assert deployment.emitted == []

    @pytest.mark.parametrize(("logged", "emitted"), [("09:59", "SLA_MET"), ("10:00", "SLA_BREACH")])
    def test_a_run_without_verdict_is_judged_by_its_success(
        self, deployment: Deployment, logged: str, emitted: str
    ) -> None:
        deployment.push(READY, self.SLA)
        run = deployment.ran("2026-03-01", at="2026-03-02 10:02")
        deployment.log(run.key, "success", f"2026-03-02 {logged}")
        deployment.log(run.key, "success", "2026-03-02 10:01")
        deployment.ticks("2026-03-02 09:00", "2026-03-02 12:00", "dropped-timers")
        assert deployment.emitted == [(emitted, "p", "2026-03-01")]

    def test_nothing_is_reported_of_the_time_before_the_pipeline(self, deployment: Deployment) -> None:
        deployment.push(READY, self.SLA, created=utc("2026-03-02 11:00"))
        deployment.ticks("2026-03-02 11:00", "2026-03-03 09:00", "dropped-timers")
        assert deployment.emitted == []
        deployment.tick("2026-03-03 10:02", "dropped-timers")
        assert deployment.emitted == [("SLA_BREACH", "p", "2026-03-02")]

    def test_a_calendar_that_changes_is_seen_at_the_next_tick(self, deployment: Deployment) -> None:
        deployment.store.put_calendar(Calendar("us"))
        deployment.push("calendar: us, " + READY, self.SLA)
        deployment.tick("2026-03-02 09:00", "dropped-timers")
        deployment.store.put_calendar(Calendar("us", dates=frozenset({utc("2026-03-01").date()})))
        deployment.tick("2026-03-02 12:00", "dropped-timers")
        assert deployment.emitted == []

    def test_another_process_goes_on_where_the_last_one_ended(self, deployment: Deployment) -> None:
        deployment.push(READY, self.SLA)
        deployment.tick("2026-03-02 12:00", "dropped-timers")
        deployment.wire()
        deployment.tick("2026-03-03 12:00", "dropped-timers")
        assert [date for name, _, date in deployment.emitted if name == "SLA_BREACH"] == ["2026-03-01", "2026-03-02"]

    def test_an_outage_is_looked_back_on_for_25_days(self, deployment: Deployment) -> None:
        deployment.push(READY, self.SLA)
        deployment.tick("2026-03-01 12:00", "dropped-timers")
        deployment.tick("2026-05-01 12:00", "dropped-timers")
        breached = [date for name, _, date in deployment.emitted if name == "SLA_BREACH"]
        assert (breached[0], breached[-1], len(breached)) == ("2026-04-06", "2026-04-30", 25)


class TestRelativeSlas:
    """Runs in progress past their relative clock."""

    def started(self, deployment: Deployment, at: str) -> None:
        opened = open_run(key("2026-03-02"), decided_at=utc(at), execution_timeout=TIMEOUT, arrived_at=utc(at))
        deployment.store.commit(opened)
        decision = decide_started(opened.run, opened.run.run_token, now=utc(at), execution_timeout=TIMEOUT)
        deployment.store.commit(decision)  # type: ignore[arg-type]

    def test_a_run_under_way_is_warned_of_and_breaches_once(self, deployment: Deployment) -> None:
        deployment.push(READY, "sla: {maxDuration: 1h, expectedDuration: 20m}")
        self.started(deployment, "2026-03-02 08:00")
        deployment.emitted.clear()
        deployment.ticks("2026-03-02 08:00", "2026-03-02 10:00", "relative-slas")
        assert [name for name, _, _ in deployment.emitted] == ["RELATIVE_SLA_WARNING", "RELATIVE_SLA_BREACH"]

    def test_a_closed_run_is_silent(self, deployment: Deployment) -> None:
        deployment.push(READY, "sla: {maxDuration: 1h}")
        deployment.ran("2026-03-02", at="2026-03-02 08:00")
        deployment.ticks("2026-03-02 08:00", "2026-03-02 10:00", "relative-slas")
        assert deployment.emitted == []


class TestMissingPostRun:
    """Completed runs without their post-run sensors."""

    POST_RUN = "postRun: {sensorTimeout: 1h, rules: [{key: audit, check: exists}, {key: ledger, check: exists}]}"

    def completed(self, deployment: Deployment, date: str, at: str) -> None:
        run = deployment.ran(date, at=at)
        row = {**closed_row(run), "GSI1PK": "POSTRUN", "GSI1SK": format_time(utc(at))}
        deployment.tables.transact([Put(NAMES.control, row)])

    @pytest.mark.parametrize("date", ["2026-03-02", "2026-03-02T07", "2026-02-01"])
    def test_they_are_reported_once_for_any_date(self, deployment: Deployment, date: str) -> None:
        deployment.push(READY, self.POST_RUN)
        self.completed(deployment, date, "2026-03-02 08:00")
        deployment.sense("audit", rows=1)
        deployment.ticks("2026-03-02 08:00", "2026-03-02 08:55", "missing-post-run")
        assert deployment.emitted == []
        deployment.ticks("2026-03-02 09:00", "2026-03-02 12:00", "missing-post-run")
        assert deployment.emitted == [("POST_RUN_SENSOR_MISSING", "p", date)]

    def test_a_run_that_was_judged_awaits_nothing(self, deployment: Deployment) -> None:
        deployment.push(READY, self.POST_RUN)
        deployment.ran("2026-03-02", at="2026-03-02 08:00")
        deployment.tick("2026-03-02 12:00", "missing-post-run")
        assert deployment.emitted == []


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


class TestConfigsThatTheRouterHasNotNoted:
    """The watchdog knows the creation of a pipeline even if the stream is down for a day."""

    SLA = 'sla: {deadline: "10:00", expectedDuration: 30m}'

    def unnoted(self, deployment: Deployment, schedule: str, rest: str = "") -> None:
        """Push again without a note of the router."""
        deployment.push(schedule, rest, created=None)

    def test_a_new_pipeline_is_noted_and_its_dates_are_answered_for(self, deployment: Deployment) -> None:
        self.unnoted(deployment, 'cron: "0 8 * * *", ' + READY, self.SLA)
        deployment.ticks("2026-03-02 07:00", "2026-03-02 11:00")
        names = [name for name, _, _ in deployment.emitted]
        assert names == ["SCHEDULE_MISSED", "SLA_WARNING", "SLA_BREACH"]
        assert deployment.store.config("p").created_at == utc("2026-03-02 07:00")

    def test_what_fell_between_the_push_and_the_note_is_not_lost(self, deployment: Deployment) -> None:
        """The router notes the true time of the push even after the watchdog's look."""
        deployment.push(READY, pipeline="q")
        deployment.tick("2026-03-02 07:55")
        self.unnoted(deployment, 'cron: "0 8 * * *"')
        row = deployment.row()
        deployment.store.index_config("p", row, utc("2026-03-02 07:59"))
        deployment.tick("2026-03-02 08:03")
        assert deployment.run("2026-03-02", "cron") is not None

    def test_a_fire_before_the_pipeline_was_seen_is_not_replayed(self, deployment: Deployment) -> None:
        self.unnoted(deployment, 'cron: "0 8 * * *"')
        deployment.ticks("2026-03-02 08:01", "2026-03-02 09:00")
        assert list(deployment.store.runs("p")) == []

    def test_an_edit_that_only_the_watchdog_sees_gets_its_timers(self, deployment: Deployment) -> None:
        deployment.push(READY, self.SLA)
        deployment.tick("2026-03-02 08:00")
        self.unnoted(deployment, READY, self.SLA.replace("10:00", "09:30"))
        deployment.ticks("2026-03-02 08:05", "2026-03-02 08:10", "sla-timers")
        assert "p-stream-2026-03-01-sla-breach-202603020930" in deployment.timers

    def test_the_routers_late_record_changes_nothing(self, deployment: Deployment) -> None:
        self.unnoted(deployment, READY)
        image = deployment.row()
        deployment.tick("2026-03-02 08:00")
        deployment.store.index_config("p", image, utc("2026-03-02 07:00"))
        assert deployment.store.config("p").created_at == utc("2026-03-02 08:00")


class TestDryRunsThatGoLive:
    """The checks cover a pipeline from its first live day."""

    SLA = 'sla: {deadline: "10:00"}'
    CRON = 'cron: "0 8 * * *", ' + READY

    def live_since(self, deployment: Deployment, at: str, schedule: str) -> None:
        deployment.push(schedule, f"{self.SLA}\ndryRun: true")
        deployment.ticks("2026-03-02 00:00", "2026-03-02 00:10")
        deployment.push(schedule, self.SLA, created=utc(at))

    def test_fires_of_its_dry_days_are_not_missed(self, deployment: Deployment) -> None:
        self.live_since(deployment, "2026-03-04 09:00", self.CRON)
        deployment.ticks("2026-03-04 09:05", "2026-03-05 08:00")
        assert deployment.emitted == []
        deployment.ticks("2026-03-05 08:05", "2026-03-05 10:05")
        assert [name for name, _, _ in deployment.emitted] == ["SCHEDULE_MISSED", "SLA_BREACH"]

    def test_sensors_of_its_dry_days_start_nothing(self, deployment: Deployment) -> None:
        deployment.push(READY, "dryRun: true")
        deployment.store.note_periods("p")
        for day in range(1, 9):
            deployment.sense(f"ready#202603{day:02}", ok=True, date=f"2026-03-{day:02}")
        deployment.push(READY, created=utc("2026-03-10 09:00"))
        deployment.ticks("2026-03-10 09:05", "2026-03-10 10:00", "stranded-sensors")
        assert list(deployment.store.runs("p")) == []

    def test_going_dry_again_silences_what_was_ahead(self, deployment: Deployment) -> None:
        deployment.push(READY, self.SLA)
        deployment.tick("2026-03-02 08:00")
        deployment.push(READY, f"{self.SLA}\ndryRun: true", created=utc("2026-03-02 08:01"))
        deployment.ticks("2026-03-02 08:05", "2026-03-02 12:00")
        assert deployment.emitted == []


class TestEdits:
    """Today's config decides about due moments."""

    SLA = 'sla: {deadline: "10:00"}'

    def test_a_deadline_edited_into_the_past_is_reported(self, deployment: Deployment) -> None:
        deployment.push(READY, self.SLA)
        deployment.ticks("2026-03-02 08:00", "2026-03-02 09:30")
        deployment.push(READY, self.SLA.replace("10:00", "09:00"), created=utc("2026-03-02 09:31"))
        deployment.tick("2026-03-02 09:35")
        assert deployment.emitted == [("SLA_BREACH", "p", "2026-03-01")]

    @pytest.mark.parametrize(
        ("zone", "before", "after", "edited", "date"),
        [
            # From the last minute of a day to its first: the deadline of the day moves by nearly a day.
            ("UTC", "23:59", "00:01", "2026-03-02 23:30", "2026-03-01"),
            # A day of 25 hours.
            ("Europe/Berlin", "23:59", "00:01", "2026-10-25 22:30", "2026-10-24"),
        ],
    )
    def test_an_edit_may_move_a_deadline_by_a_whole_day(
        self, deployment: Deployment, zone: str, before: str, after: str, edited: str, date: str
    ) -> None:
        schedule = f"timezone: {zone}, {READY}"
        deployment.push(schedule, self.SLA.replace("10:00", before))
        last = utc(edited) - timedelta(minutes=5)
        deployment.tick(f"{last:%Y-%m-%d %H:%M}", "dropped-timers")
        deployment.emitted.clear()
        deployment.push(schedule, self.SLA.replace("10:00", after), created=utc(edited))
        deployment.tick(f"{utc(edited) + timedelta(minutes=1):%Y-%m-%d %H:%M}", "dropped-timers")
        assert ("SLA_BREACH", "p", date) in deployment.emitted

    def test_an_edit_does_not_repeat_a_breach(self, deployment: Deployment) -> None:
        deployment.push(READY, self.SLA)
        deployment.ticks("2026-03-02 09:55", "2026-03-02 10:05")
        deployment.push(READY, self.SLA.replace("10:00", "11:00"), created=utc("2026-03-02 10:06"))
        deployment.ticks("2026-03-02 10:10", "2026-03-02 12:00")
        assert deployment.emitted == [("SLA_BREACH", "p", "2026-03-01")]

    def test_an_edited_deadline_makes_no_timers_of_an_ended_date(self, deployment: Deployment) -> None:
        deployment.push(READY, self.SLA)
        deployment.ran("2026-03-01", at="2026-03-02 01:00")
        deployment.push(READY, self.SLA.replace("10:00", "09:30"), created=utc("2026-03-02 08:01"))
        deployment.tick("2026-03-02 08:05", "sla-timers")
        assert not [name for name in deployment.timers if "2026-03-01" in name]

    @pytest.mark.parametrize("trigger", ["", ", " + READY])
    def test_an_index_that_lags_behind_an_edit_loses_no_fire(self, deployment: Deployment, trigger: str) -> None:
        deployment.push('cron: "0 8 * * *"' + trigger)
        deployment.tick("2026-03-02 07:55")
        deployment.tables.frozen = [deployment.row()]
        deployment.push('cron: "1 8 * * *"' + trigger, created=utc("2026-03-02 07:59"))
        deployment.tick("2026-03-02 08:06")
        assert (deployment.emitted, list(deployment.store.runs("p"))) == ([], [])
        deployment.tables.frozen = None
        deployment.tick("2026-03-02 08:11")
        found = [name for name, _, _ in deployment.emitted] + [run.reason for run in deployment.store.runs("p")]
        assert found == ["SCHEDULE_MISSED" if trigger else "schedule"]


class TestReruns:
    """A retry, rerun or recovery is not a trigger."""

    def test_a_rerun_of_yesterday_hides_no_missed_schedule(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY)
        deployment.ran("2026-03-01", at="2026-03-02 08:01", schedule="cron", attempt=1)
        deployment.ticks("2026-03-02 08:00", "2026-03-02 09:00", "missed-schedules")
        assert deployment.emitted == [("SCHEDULE_MISSED", "p", "2026-03-02")]

    def test_a_retried_run_that_came_after_the_fire_is_no_miss(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY)
        deployment.ran("2026-03-01", at="2026-03-02 08:03", schedule="cron", attempt=1)
        arrival = {"arrivedAt": "2026-03-02T08:01:00Z"}
        deployment.store.put_sensor("p", "first-sensor-arrival#2026-03-01", arrival)
        deployment.ticks("2026-03-02 08:00", "2026-03-02 09:00", "missed-schedules")
        assert deployment.emitted == []

    def test_a_run_recovered_after_the_fire_does_not_count(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY)
        run = deployment.ran("2026-03-01", at="2026-03-02 08:03", schedule="cron")
        deployment.tables.transact([Put(NAMES.control, closed_row(replace(run, recoveries=1)))])
        deployment.ticks("2026-03-02 08:00", "2026-03-02 09:00", "missed-schedules")
        assert deployment.emitted == [("SCHEDULE_MISSED", "p", "2026-03-02")]

    def test_a_repair_shortly_before_a_fire_hides_no_miss(self, deployment: Deployment) -> None:
        deployment.push('cron: "0 8 * * *", ' + READY)
        corrupted = {"PK": "PIPELINE#p", "SK": "TRIGGER#cron#2026-02-20", "status": "RUNNING", "reason": "sensor"}
        deployment.tables.transact(
            [Put(NAMES.control, {**corrupted, "GSI1PK": "PENDING", "GSI1SK": "2026-02-20T00:00:00Z"})]
        )
        deployment.ticks("2026-03-02 07:55", "2026-03-02 09:00")
        assert [name for name, _, _ in deployment.emitted] == ["INFRA_FAILURE", "SCHEDULE_MISSED"]


class TestUnjudgedRuns:
    """Runs that were completed while their config was unreadable are judged after its correction."""

    SLA = 'sla: {deadline: "10:00"}'

    @pytest.mark.parametrize(
        ("closed_at", "emitted"),
        [
            # The tick's index may lag behind the config that the close read.
            ("2026-03-02 08:57", [("SLA_MET", "p", "2026-03-01")]),
            ("2026-03-02 08:50:01", [("SLA_MET", "p", "2026-03-01")]),
            # An earlier tick covered it.
            ("2026-03-02 08:50", []),
        ],
    )
    def test_runs_that_no_earlier_tick_has_seen_are_judged(
        self, deployment: Deployment, closed_at: str, emitted: list[tuple[str, str, str]]
    ) -> None:
        deployment.push(READY, self.SLA)
        deployment.tick("2026-03-02 09:00", "unjudged-runs")
        deployment.ran("2026-03-01", at=closed_at)
        deployment.push(READY, self.SLA.replace("}", ", critical: true}"), created=utc("2026-03-02 09:03"))
        deployment.tick("2026-03-02 09:05", "unjudged-runs")
        assert deployment.emitted == emitted


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


def test_a_fire_before_an_excluded_day_starts_on_the_next_one(deployment: Deployment) -> None:
    deployment.push('cron: "58 23 * * *", exclude: {weekends: true}', created=utc("2026-03-06 12:00"))
    deployment.tick("2026-03-06 23:55")
    deployment.ticks("2026-03-07 00:00", "2026-03-08 23:55")
    assert list(deployment.store.runs("p")) == []
    deployment.tick("2026-03-09 00:00")
    assert [str(run.key.date) for run in deployment.store.runs("p")] == ["2026-03-06"]


class TestPostRunLeftOvers:
    """The reads of a tick stay bounded, and only true findings are reported."""

    completed = TestMissingPostRun.completed
    POST_RUN = TestMissingPostRun.POST_RUN

    def waiting(self, deployment: Deployment) -> int:
        return len(list(deployment.tables.query(NAMES.control, "POSTRUN", index="GSI1")))

    def test_reports_that_are_there_are_not_missing(self, deployment: Deployment) -> None:
        deployment.push(READY, self.POST_RUN)
        self.completed(deployment, "2026-03-02", "2026-03-02 08:00")  # type: ignore[arg-type]
        for sensor in ("audit", "ledger"):
            deployment.sense(sensor, updatedAt="2026-03-02T08:30:00Z")
        deployment.ticks("2026-03-02 09:00", "2026-03-02 10:00", "missing-post-run")
        assert (deployment.emitted, self.waiting(deployment)) == ([], 0)

    def test_runs_of_pipelines_without_reports_leave_the_index(self, deployment: Deployment) -> None:
        deployment.push(READY, self.POST_RUN, pipeline="q")
        deployment.push(READY, f"{self.POST_RUN}\nwatch: {{enabled: false}}")
        self.completed(deployment, "2026-03-02", "2026-03-02 08:00")  # type: ignore[arg-type]
        deployment.tick("2026-03-03 07:00", "missing-post-run")
        assert self.waiting(deployment) == 1
        deployment.tick("2026-03-03 09:00", "missing-post-run")
        assert (deployment.emitted, self.waiting(deployment)) == ([], 0)

    def test_runs_of_a_pipeline_that_watches_nothing_leave_the_index(self, deployment: Deployment) -> None:
        deployment.push(READY, "postRun: {sensorTimeout: 3h, rules: []}")
        self.completed(deployment, "2026-03-02", "2026-03-02 08:00")  # type: ignore[arg-type]
        deployment.tick("2026-03-03 07:00", "missing-post-run")
        assert (deployment.emitted, self.waiting(deployment)) == ([], 1)
        deployment.tick("2026-03-03 08:00", "missing-post-run")
        assert (deployment.emitted, self.waiting(deployment)) == ([], 0)

    def test_a_completed_rerun_awaits_its_post_run_sensors(self, deployment: Deployment) -> None:
        deployment.push(READY, self.POST_RUN)
        for attempt, at in ((0, "2026-03-02 08:00"), (1, "2026-03-02 12:00")):
            run = deployment.ran("2026-03-02", at=at, attempt=attempt)
            row = {**closed_row(run), "GSI1PK": "POSTRUN", "GSI1SK": format_time(utc(at))}
            deployment.tables.transact([Put(NAMES.control, row)])
            deployment.ticks(at, f"2026-03-02 {int(at[11:13]) + 2}:00", "missing-post-run")
        assert [name for name, _, _ in deployment.emitted] == ["POST_RUN_SENSOR_MISSING"] * 2


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

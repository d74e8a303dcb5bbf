"""A fire without a run is reported once, whatever the ticks and edits are."""

from datetime import timedelta

import pytest
from watch_bench import NAMES, READY, Deployment, utc

from interlock_lifecycle import RunStatus
from interlock_store._write import Update


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


def test_a_fire_before_an_excluded_day_starts_on_the_next_one(deployment: Deployment) -> None:
    deployment.push('cron: "58 23 * * *", exclude: {weekends: true}', created=utc("2026-03-06 12:00"))
    deployment.tick("2026-03-06 23:55")
    deployment.ticks("2026-03-07 00:00", "2026-03-08 23:55")
    assert list(deployment.store.runs("p")) == []
    deployment.tick("2026-03-09 00:00")
    assert [str(run.key.date) for run in deployment.store.runs("p")] == ["2026-03-06"]

"""The check starts the runs of a cron schedule."""

import pytest
from watch_bench import READY, Deployment, utc

from interlock_controller.watch import TickFailed
from interlock_lifecycle import RunStatus


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

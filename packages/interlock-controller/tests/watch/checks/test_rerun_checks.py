"""Reruns, retries and recoveries hide no missed fire."""

from msgspec.structs import replace
from watch_bench import NAMES, READY, Deployment

from interlock_store._rows import closed_row
from interlock_store._write import Put


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

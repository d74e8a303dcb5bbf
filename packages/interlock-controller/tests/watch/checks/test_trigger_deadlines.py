"""A date without its sensor ends at the deadline of its trigger."""

from watch_bench import Deployment

from interlock_lifecycle import RunStatus


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

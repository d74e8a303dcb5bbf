"""The check makes timers, and emits warnings and breaches in their place."""

import pytest
from watch_bench import NAMES, READY, TIMEOUT, Deployment, key, utc

from interlock_controller.watch import TickFailed
from interlock_lifecycle import ClockVerdict, RecordBreach, RunStatus, Verdict
from interlock_lifecycle.runs import decide_started, open_run
from interlock_sla import Calendar, Clock, Outcome
from interlock_store._write import Update


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

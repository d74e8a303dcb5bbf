"""Edits of a pipeline that the router has not noted, and a dry run that goes live."""

from datetime import timedelta

import pytest
from watch_bench import READY, Deployment, utc


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

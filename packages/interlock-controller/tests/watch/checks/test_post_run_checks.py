"""The check reports an absent post-run sensor, and removes what a post-run left."""

import pytest
from watch_bench import NAMES, READY, Deployment, utc

from interlock_store import format_time
from interlock_store._rows import closed_row
from interlock_store._write import Put


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

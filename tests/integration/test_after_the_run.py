"""After a run: late data, drift, post-run rules and reruns, through real streams and executions."""

import json
from datetime import UTC, datetime

from integration.conftest import Outside, await_that, pipeline, until_exists

from interlock_lifecycle import Run, RunKey, RunStatus
from interlock_sla import parse_execution_date

DATE = "2026-03-03"
POST_RUN = "postRun: {driftField: rows, driftThreshold: 5, rules: [{key: audit, check: gte, field: rows, value: 10}]}"


def key(name: str) -> RunKey:
    return RunKey(name, "stream", parse_execution_date(DATE))


def reported(outside: Outside, name: str, event: str) -> list[dict[str, object]]:
    rows = [row for row in outside.store.events(name) if row["eventType"] == event]
    return [json.loads(row["detail"]) if isinstance(row.get("detail"), str) else row for row in rows]


def completed(outside: Outside, name: str, attempt: int) -> Run:
    def ended() -> Run | None:
        run = outside.run(name, DATE)
        return run if run is not None and run.attempt == attempt and not run.is_running else None

    run = await_that(ended, f"the end of attempt {attempt} of {name}", state=lambda: outside.state(name))
    assert run.status is RunStatus.COMPLETED
    return run


def test_late_data_is_reported_and_causes_one_rerun(outside: Outside) -> None:
    outside.push("latecomer", pipeline(outside.folder, "latecomer"))
    outside.put("latecomer", "ready", ready=True, count=10, date=DATE)
    completed(outside, "latecomer", 0)
    outside.put("latecomer", "ready", ready=True, count=20, date=DATE)
    completed(outside, "latecomer", 1)
    assert outside.starts("latecomer") == [f"{DATE} 0", f"{DATE} 1"]
    assert [rerun.reason for rerun in outside.store.reruns(key("latecomer"))] == ["late-data"]
    outside.put("latecomer", "ready", ready=True, count=30, date=DATE)
    await_that(lambda: reported(outside, "latecomer", "RERUN_REJECTED"), "the rejection: the budget is one")
    outside.stack.drain()
    assert len(outside.starts("latecomer")) == 2
    assert len(reported(outside, "latecomer", "LATE_DATA_ARRIVAL")) == 2
    events = [entry.event for entry in outside.store.entries(key("latecomer"))]
    assert events.count("late-data-arrival") == 2
    assert events.count("success") == 2


def test_drift_after_run_causes_rerun_with_new_baseline(outside: Outside) -> None:
    outside.push("drifter", pipeline(outside.folder, "drifter", more=POST_RUN))
    outside.put("drifter", "audit", rows=100, date=DATE)
    outside.put("drifter", "ready", ready=True, count=10, date=DATE)
    completed(outside, "drifter", 0)
    outside.put("drifter", "audit", rows=104, date=DATE)
    await_that(lambda: reported(outside, "drifter", "POST_RUN_PASSED"), "the verdict of the post-run rules")
    outside.put("drifter", "audit", rows=0, date=DATE)
    completed(outside, "drifter", 1)
    (row,) = [row for row in outside.store.events("drifter") if row["eventType"] == "POST_RUN_DRIFT"]
    assert "100" in row["message"]
    assert [rerun.reason for rerun in outside.store.reruns(key("drifter"))] == ["data-drift"]
    assert outside.store.baseline(key("drifter")) == {"audit": {"rows": 0, "date": DATE}}
    outside.put("drifter", "audit", rows=3, date=DATE)
    await_that(lambda: reported(outside, "drifter", "POST_RUN_FAILED"), "the failed post-run rule")


def test_drift_during_job_is_only_reported(outside: Outside) -> None:
    go = outside.folder / "inflight.go"
    text = pipeline(outside.folder, "inflight", work=until_exists(go), more=POST_RUN)
    outside.push("inflight", text)
    outside.put("inflight", "audit", rows=100, date=DATE)
    outside.put("inflight", "ready", ready=True, count=10, date=DATE)
    await_that(lambda: outside.starts("inflight"), "the job")
    outside.put("inflight", "audit", rows=500, date=DATE)
    await_that(lambda: reported(outside, "inflight", "POST_RUN_DRIFT_INFLIGHT"), "the drift")
    go.touch()
    completed(outside, "inflight", 0)
    outside.stack.drain()
    assert outside.starts("inflight") == [f"{DATE} 0"]


def test_rerun_is_accepted_in_budget_and_rejected_during_run(outside: Outside) -> None:
    go = outside.folder / "again-please.go"
    work = f'test "$INTERLOCK_ATTEMPT" = 0 || {until_exists(go)}'
    outside.push("again-please", pipeline(outside.folder, "again-please", work=work))
    outside.put("again-please", "ready", ready=True, count=10, date=DATE)
    completed(outside, "again-please", 0)
    outside.interlock("rerun", "again-please", DATE, "--reason", "backfill")
    await_that(lambda: len(outside.starts("again-please")) == 2, "the rerun's job")
    assert "already running" in outside.interlock("rerun", "again-please", DATE, code=1).stdout
    outside.request("again-please", DATE)
    await_that(
        lambda: [r for r in outside.store.events("again-please") if "already running" in str(r.get("message"))],
        "the rejection",
    )
    go.touch()
    completed(outside, "again-please", 1)
    outside.request("again-please", DATE)
    await_that(
        lambda: [r for r in outside.store.events("again-please") if "1 of 1 used" in str(r.get("message"))],
        "the used-up budget",
    )
    assert len(outside.starts("again-please")) == 2


def test_rerun_of_unchanged_data_is_rejected_by_breaker(outside: Outside) -> None:
    outside.push("unchanged", pipeline(outside.folder, "unchanged", job="maxManualReruns: 5"))
    # The watchdog starts the run of a sensor whose record is lost only if the sensor's time is recent.
    fields = {"ready": True, "count": 10, "date": DATE, "updatedAt": datetime.now(UTC).isoformat()}
    outside.put("unchanged", "ready", **fields)
    completed(outside, "unchanged", 0)
    outside.request("unchanged", DATE)
    await_that(
        lambda: [r for r in outside.store.events("unchanged") if "no sensor was updated" in str(r.get("message"))],
        "the open circuit",
    )
    assert outside.starts("unchanged") == [f"{DATE} 0"]


def test_dry_run_reports_all_steps_and_starts_no_job(outside: Outside) -> None:
    more = f"dryRun: true\nsla: {{maxDuration: 10m, expectedDuration: 1m}}\n{POST_RUN}"
    outside.push("observed", pipeline(outside.folder, "observed", more=more))
    outside.put("observed", "audit", rows=100, date=DATE)
    outside.put("observed", "ready", ready=True, count=3, date=DATE)
    outside.put("observed", "ready", ready=True, count=10, date=DATE)
    observed = {"DRY_RUN_WOULD_TRIGGER", "DRY_RUN_SLA_PROJECTION", "DRY_RUN_COMPLETED"}
    await_that(lambda: observed <= set(outside.events("observed", DATE)), "the observation")
    outside.put("observed", "ready", ready=True, count=12, date=DATE)
    outside.put("observed", "audit", rows=0, date=DATE)
    outside.interlock("rerun", "observed", DATE)
    client = outside.stack.client("dynamodb")
    for millisecond, event in ((1, "fail"), (2, "fail")):
        item = {"PK": "PIPELINE#observed", "SK": f"JOB#stream#{DATE}#177254280000{millisecond}", "event": event}
        client.put_item(TableName=outside.store.names.joblog, Item={name: {"S": value} for name, value in item.items()})
    later = {"DRY_RUN_LATE_DATA", "DRY_RUN_DRIFT", "DRY_RUN_WOULD_RERUN", "DRY_RUN_RETRY_EXHAUSTED"}
    await_that(lambda: later <= set(outside.events("observed", DATE)), "the later observations")
    outside.stack.drain()
    assert outside.events("observed", DATE).count("DRY_RUN_WOULD_TRIGGER") == 1
    assert outside.run("observed", DATE) is None
    assert outside.starts("observed") == []
    assert outside.stack.schedules("observed") == []

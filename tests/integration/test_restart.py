"""The local stack, stopped and started again on the same data, loses no data and starts no job twice."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from integration.conftest import Outside, await_that, pipeline

from interlock_lifecycle import RunKey, RunStatus
from interlock_lifecycle.runs import open_run
from interlock_local.site import StackSettings
from interlock_local.stack import LocalStack
from interlock_sla import parse_execution_date
from interlock_store import Commit

SETTINGS = StackSettings(orchestrator_timeout=20, pending_grace="1s", probe_after="1s")


def test_configs_history_pending_and_running_work_survive(tmp_path: Path) -> None:
    data = tmp_path / "state"
    with LocalStack(data_dir=data, settings=SETTINGS) as stack:
        outside = Outside(stack, stack.store(), tmp_path)
        outside.push("kept", pipeline(tmp_path, "kept"))
        outside.put("kept", "ready", ready=True, count=10, date="2026-03-01")
        outside.closed("kept", "2026-03-01")
        outside.put("kept", "ready", ready=True, count=1, date="2026-03-02")
        await_that(lambda: (run := outside.run("kept", "2026-03-02")) and run.started_token, "a run in flight")
        await_that(lambda: "JOB_COMPLETED" in outside.events("kept", "2026-03-01"), "the history")
        history = outside.events("kept", "2026-03-01")
        # A router commits this run and dies with its stream, so that no component acts upon it before the stop.
        stack.pump.stop()
        key = RunKey("kept", "stream", parse_execution_date("2026-03-03"))
        outside.store.put_sensor("kept", "ready#2026-03-03", {"ready": True, "count": 10, "date": "2026-03-03"})
        now = datetime.now(UTC)
        start = open_run(key, decided_at=now, execution_timeout=timedelta(hours=4), arrived_at=now)
        assert outside.store.commit(start) is Commit.COMMITTED

    with LocalStack(data_dir=data, settings=SETTINGS) as stack:
        outside = Outside(stack, stack.store(), tmp_path)
        assert outside.store.pipelines() == ["kept"]
        # Events in the queue at the stop arrive later, also older ones.
        assert Counter(history) <= Counter(outside.events("kept", "2026-03-01"))
        assert outside.closed("kept", "2026-03-03").status is RunStatus.COMPLETED
        outside.put("kept", "ready", ready=True, count=10, date="2026-03-02")
        assert outside.closed("kept", "2026-03-02").status is RunStatus.COMPLETED
        await_that(lambda: "TRIGGER_RECOVERED" in outside.events("kept", "2026-03-02"), "the recovery's event")
    assert sorted(outside.starts("kept")) == ["2026-03-01 0", "2026-03-02 0", "2026-03-03 0"]

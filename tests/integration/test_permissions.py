"""A run with enforced policies: the role of each Lambda allows all its calls."""

from pathlib import Path

from integration.conftest import Outside, await_that, pipeline

from interlock_lifecycle import RunKey, RunStatus
from interlock_local.site import StackSettings
from interlock_local.stack import LocalStack
from interlock_sla import parse_execution_date


def test_policies_allow_held_run_with_sla_and_retry(tmp_path: Path) -> None:
    with LocalStack(settings=StackSettings(orchestrator_timeout=20), enforce_iam=True) as stack:
        outside = Outside(stack, stack.store(), tmp_path)
        more = "sla: {maxDuration: 10m, expectedDuration: 1m}"
        text = pipeline(tmp_path, "strict", work='test "$INTERLOCK_ATTEMPT" = 1', more=more, job="maxRetries: 1")
        outside.push("strict", text)
        outside.put("strict", "ready", ready=True, count=1, date="2026-03-03")
        key = RunKey("strict", "stream", parse_execution_date("2026-03-03"))
        await_that(lambda: (wait := outside.store.waits.of_run(key)) and wait.task_token, "the wait of the held run")
        outside.put("strict", "ready", ready=True, count=10, date="2026-03-03")

        def completed() -> bool:
            run = outside.run("strict", "2026-03-03")
            return run is not None and run.status is RunStatus.COMPLETED and run.attempt == 1

        await_that(completed, "the retry's completion")
        await_that(lambda: "SLA_MET" in outside.events("strict", "2026-03-03"), "the verdict")
        await_that(lambda: not stack.schedules("strict"), "the deleted timers")
        assert "INFRA_FAILURE" not in outside.events("strict", "2026-03-03"), "the timers could not be created"
        await_that(lambda: [one for one in stack.slack_messages() if "SLA_MET" in one["text"]], "the alert")
        # The watchdog creates timers too, for an hourly deadline those of the next day.
        outside.push("ahead", pipeline(tmp_path, "ahead", more='sla: {deadline: ":59"}'))
        await_that(lambda: outside.store.config("ahead").noted, "the router's note")
        found = stack.invoke("watchdog", {})["found"]
        assert stack.schedules("ahead")
        assert {"pending", "stranded-sensors", "sla-timers", "dropped-timers", "missing-post-run"} <= set(found)
        assert "AccessDenied" not in stack.log_path.read_text()

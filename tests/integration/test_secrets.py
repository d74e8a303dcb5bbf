"""A job whose secret cannot be read: its run is held with the reason, and goes on when the secret is there."""

import json
from pathlib import Path

from integration.conftest import Outside, await_that, pipeline

VALUE = "s3cr3t-of-the-job"


def test_run_is_held_until_its_secret_is_there(outside: Outside, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    work = f"printf %s ${{secret:jobs/load#token}} > {seen}"
    outside.push("secretive", pipeline(tmp_path, "secretive", work=work))
    outside.put("secretive", "ready", ready=True, count=10, date="2026-03-03")

    def reason() -> str:
        (shown,) = json.loads(outside.interlock("status", "secretive", "--json").stdout)
        return "".join(run["reason"] for run in shown["runs"] if run["progress"] == "held")

    held = await_that(reason, "the hold")
    assert held == "${secret:jobs/load#token} cannot be read: ResourceNotFoundException"
    secret = json.dumps({"token": VALUE})
    outside.stack.client("secretsmanager").create_secret(Name="jobs/load", SecretString=secret)
    await_that(lambda: "JOB_COMPLETED" in outside.events("secretive", "2026-03-03"), "the end of the job")
    assert seen.read_text() == VALUE
    held_events = [row for row in outside.store.events("secretive") if row["eventType"] == "RUN_HELD"]
    assert [row["message"] for row in held_events] == [held]
    assert VALUE not in outside.stack.log_path.read_text(errors="replace")
    assert VALUE not in str(outside.store.events("secretive"))

"""One service is deployed alone while runs are in flight: each run ends right, with one job and no dead letter.

The local server kills the invocations of a function whose code changes. AWS lets them end.
"""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from integration.conftest import Outside, await_that, pipeline

from interlock_lifecycle import RunKey, RunStatus
from interlock_local import find_checkout
from interlock_local.zips import Target, build_zips
from interlock_sla import parse_execution_date

DATE = "2026-03-03"


pytestmark = pytest.mark.skipif(os.environ.get("INTERLOCK_REDEPLOY") != "1", reason="on demand: INTERLOCK_REDEPLOY=1")


def next_version(zipped: Path, service: str, announcement: Path) -> bytes:
    """The zip of a service whose handler creates a file when it is imported."""
    package, buffer = f"interlock_{service.replace('-', '_')}/", io.BytesIO()
    with zipfile.ZipFile(zipped) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == f"{package}handler.py":
                content += f"\nopen({str(announcement)!r}, 'w').close()\n".encode()
            # The bytecode of the old handler would win over the new source.
            if not entry.filename.startswith(f"{package}__pycache__/handler."):
                new.writestr(entry, content)
    return buffer.getvalue()


def put_code(outside: Outside, service: str, content: bytes) -> None:
    """The update that Terraform makes of a function with a new zip."""
    functions, name = outside.stack.client("lambda"), f"local-interlock-{service}"
    before = functions.get_function_configuration(FunctionName=name)["CodeSha256"]
    functions.update_function_code(FunctionName=name, ZipFile=content)
    found = await_that(
        lambda: (
            (one := functions.get_function_configuration(FunctionName=name))["LastUpdateStatus"] == "Successful" and one
        ),
        "the end of the update",
    )
    assert found["CodeSha256"] != before


class Job:
    """A job that runs outside of Interlock: a state machine that waits for the test."""

    def __init__(self, outside: Outside, name: str) -> None:
        self.states: Any = outside.stack.client("stepfunctions")
        self.activity = self.states.create_activity(name=name)["activityArn"]
        work = {"Type": "Task", "Resource": self.activity, "End": True}
        definition = json.dumps({"StartAt": "Work", "States": {"Work": work}})
        role = "arn:aws:iam::000000000000:role/local-interlock-sfn"
        self.machine = self.states.create_state_machine(name=name, definition=definition, roleArn=role)[
            "stateMachineArn"
        ]

    def executions(self) -> list[str]:
        found = self.states.list_executions(stateMachineArn=self.machine)["executions"]
        return [one["status"] for one in found]

    def finish(self) -> None:
        token = self.states.get_activity_task(activityArn=self.activity)["taskToken"]
        self.states.send_task_success(taskToken=token, output="{}")


@pytest.mark.parametrize("service", ["orchestrator", "stream-router", "event-sink"])
def test_runs_in_flight_survive_the_deployment_of_a_service(outside: Outside, service: str) -> None:
    held, running = f"deploy-held-{service}", f"deploy-job-{service}"
    letters = outside.stack.dead_letters()
    job = Job(outside, running)
    outside.push(held, pipeline(outside.folder, held))
    config = json.dumps({"stateMachineArn": job.machine})
    text = pipeline(outside.folder, running).partition("job:")[0] + f"job: {{type: step-function, config: {config}}}\n"
    outside.push(running, text)
    outside.put(held, "ready", ready=True, count=1, date=DATE)
    outside.put(running, "ready", ready=True, count=10, date=DATE)
    key = RunKey(held, "stream", parse_execution_date(DATE))
    await_that(lambda: (wait := outside.store.waits.of_run(key)) and wait.task_token, "the wait of the held run")
    await_that(lambda: job.executions() == ["RUNNING"], "the start of the job")
    original = build_zips(find_checkout(), Target.host(), services=[service])[service]
    announcement = outside.folder / f"next-{service}"
    put_code(outside, service, next_version(original, service, announcement))
    try:
        outside.put(held, "ready", ready=True, count=10, date=DATE)
        job.finish()
        for name in (held, running):
            assert outside.closed(name, DATE).status is RunStatus.COMPLETED
        await_that(announcement.exists, "the new code")
    finally:
        put_code(outside, service, original.read_bytes())
    assert outside.starts(held) == [f"{DATE} 0"]
    assert job.executions() == ["SUCCEEDED"]
    for name in (held, running):
        await_that(lambda name=name: "JOB_COMPLETED" in outside.events(name, DATE), "the event of the success")
        assert not {"JOB_FAILED", "INFRA_FAILURE", "SFN_TIMEOUT"} & set(outside.events(name, DATE))
    assert outside.stack.drain()
    assert outside.stack.dead_letters() == letters

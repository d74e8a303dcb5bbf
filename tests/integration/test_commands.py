"""Commands that read more than the tables: `logs` of jobs at a provider, and the ids that a shell offers."""

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

from integration.conftest import Outside, await_that

from interlock_lifecycle import RunStatus

DATE = "2026-03-03"
CODE = "def handle(event, _):\n    print('loading', event['day'])\n    raise ValueError('no space left')\n"
PIPELINE = """
pipeline: {id: NAME}
schedule: {dates: {back: 0, ahead: 0}, trigger: {key: ready, check: exists}}
validation: {rules: [{key: ready, check: exists}]}
job: JOB
"""


def start(outside: Outside, name: str, job: dict[str, Any]) -> None:
    outside.push(name, PIPELINE.replace("NAME", name).replace("JOB", json.dumps(job)))
    outside.put(name, "ready", date=DATE)


def logs(outside: Outside, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(outside.interlock("logs", name, DATE, "--json").stdout)
    return found


def test_logs_of_a_failed_function_are_its_lines(outside: Outside) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("load.py", CODE)
    outside.stack.client("lambda").create_function(
        FunctionName="load-orders",
        Runtime=f"python3.{sys.version_info.minor}",
        Role="arn:aws:iam::000000000000:role/load",
        Handler="load.handle",
        Code={"ZipFile": packed.getvalue()},
    )
    start(
        outside, "logs-lambda", {"type": "lambda", "config": {"functionName": "load-orders", "payload": {"day": DATE}}}
    )
    assert outside.closed("logs-lambda", DATE).status is RunStatus.FAILED_FINAL
    found = logs(outside, "logs-lambda")
    assert found["state"] == "fail"
    assert "no space left" in found["error"]
    assert found["output"]["source"] == "/aws/lambda/load-orders"
    assert f"loading {DATE}" in found["output"]["lines"]
    assert found["links"] == []


def test_logs_of_a_glue_job_are_its_stream(outside: Outside) -> None:
    outside.stack.client("glue").create_job(
        Name="load-orders",
        Role="arn:aws:iam::000000000000:role/load",
        Command={"Name": "pythonshell", "ScriptLocation": "s3://code/load.py"},
    )
    start(outside, "logs-glue", {"type": "glue", "config": {"jobName": "load-orders"}})
    outside.closed("logs-glue", DATE)
    found = logs(outside, "logs-glue")
    assert "no output in /aws-glue/jobs/output" in found["output"]["problem"]
    client, place = outside.stack.client("logs"), {"logGroupName": "/aws-glue/jobs/output"}
    client.create_log_group(**place)
    client.create_log_stream(**place, logStreamName=found["run_id"])
    written = [{"timestamp": int(time.time() * 1000), "message": f"wrote file {number}"} for number in range(60)]
    client.put_log_events(**place, logStreamName=found["run_id"], logEvents=written)
    assert logs(outside, "logs-glue")["output"]["lines"] == [f"wrote file {number}" for number in range(10, 60)]


def test_a_shell_offers_the_pipelines_of_the_stack(outside: Outside, tmp_path: Path) -> None:
    outside.push(
        "offered", PIPELINE.replace("NAME", "offered").replace("JOB", '{type: command, config: {command: "true"}}')
    )
    asked = {
        "_INTERLOCK_COMPLETE": "bash_complete",
        "COMP_WORDS": f"interlock why --endpoint-url {outside.stack.endpoint_url} off",
        "COMP_CWORD": "4",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }

    def offered() -> list[str]:
        words = [sys.executable, "-m", "interlock_cli"]
        done = subprocess.run(
            words, cwd=tmp_path, env={**os.environ, **asked}, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        return done.stdout.split()

    assert offered() == []
    assert await_that(offered, "the ids of the stack") == ["plain,offered"]

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

from interlock_dlq import SqsRouter, make_letter
from interlock_lifecycle import RunStatus

DATE = "2026-03-03"
CODE = "def handle(event, _):\n    print('loading', event['day'])\n    raise ValueError('no space left')\n"
PIPELINE = """
pipeline: {id: NAME}
schedule: {dates: {back: 0, ahead: 0}, trigger: {key: ready, check: exists}}
validation: {rules: [{key: ready, check: exists}]}
job: JOB
"""


def packed(module: str, code: str) -> bytes:
    """A zip with one module."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(f"{module}.py", code)
    return made.getvalue()


def start(outside: Outside, name: str, job: dict[str, Any]) -> None:
    outside.push(name, PIPELINE.replace("NAME", name).replace("JOB", json.dumps(job)))
    outside.put(name, "ready", date=DATE)


def logs(outside: Outside, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(outside.interlock("logs", name, DATE, "--json").stdout)
    return found


def test_logs_of_a_failed_function_are_its_lines(outside: Outside) -> None:
    outside.stack.client("lambda").create_function(
        FunctionName="load-orders",
        Runtime=f"python3.{sys.version_info.minor}",
        Role="arn:aws:iam::000000000000:role/load",
        Handler="load.handle",
        Code={"ZipFile": packed("load", CODE)},
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
    glue = outside.stack.client("glue")
    glue.create_job(
        Name="load-orders",
        Role="arn:aws:iam::000000000000:role/load",
        Command={"Name": "pythonshell", "ScriptLocation": "s3://code/load.py"},
    )
    start(outside, "logs-glue", {"type": "glue", "config": {"jobName": "load-orders"}})

    def ended() -> dict[str, Any] | None:
        runs = glue.get_job_runs(JobName="load-orders")["JobRuns"]
        return runs[0] if runs and runs[0]["JobRunState"] == "SUCCEEDED" else None

    # The event that AWS emits, and the local server does not. A job that outlasts the look after its start is looked at
    # again after 10 minutes only.
    detail = {"jobName": "load-orders", "jobRunId": await_that(ended, "the job's end")["Id"], "state": "SUCCEEDED"}
    event = {"source": "aws.glue", "detail-type": "Glue Job State Change", "detail": detail}
    queues = outside.stack.client("sqs")
    queue = queues.get_queue_url(QueueName="local-interlock-job-events")["QueueUrl"]
    queues.send_message(QueueUrl=queue, MessageBody=json.dumps(event))
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


def test_a_redrive_runs_the_version_of_the_alias(outside: Outside, tmp_path: Path) -> None:
    """With SnapStart the code of the last apply may not run. Only the alias has the version that the invokers run."""
    functions, queues, name = (
        outside.stack.client("lambda"),
        outside.stack.client("sqs"),
        "aliased-interlock-stream-router",
    )
    url = queues.create_queue(QueueName="aliased-interlock-sr-control-dlq")["QueueUrl"]
    router = SqsRouter(url, queues)
    functions.create_function(
        FunctionName=name,
        Runtime=f"python3.{sys.version_info.minor}",
        Role="arn:aws:iam::000000000000:role/router",
        Handler="router.handle",
        Code={"ZipFile": packed("router", "def handle(event, _):\n    return {'batchItemFailures': []}\n")},
        Publish=True,
    )
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    functions.update_function_code(FunctionName=name, ZipFile=packed("router", "raise ValueError('no start')\n"))

    def redriven(code: int) -> dict[str, Any]:
        router.route(make_letter({"n": 1}, KeyError("no PK"), source="arn:stream"))
        words = ("dlq", "redrive", "-e", "aliased", "--apply", "--ledger", str(tmp_path / str(code)), "--json")
        found: dict[str, Any] = json.loads(outside.interlock(*words, code=code).stdout)
        return dict(found["queues"]["sr-control-dlq"])

    assert redriven(0)["resent"] == 1
    # Without an alias the function itself runs, and fails here.
    functions.delete_alias(FunctionName=name, Name="live")
    assert redriven(1)["failed"] == 1

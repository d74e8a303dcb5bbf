"""The AWS types through boto3's own clients against moto, an independent implementation of the APIs."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from interlock_triggers import Attempt, Category, Clients, Started, StartRejected, State, Status, check, find, start

ATTEMPT = Attempt("bronze", "stream", "2026-03-03T07", 0, "k-1")
RESUMED = Attempt("bronze", "stream", "2026-03-03T07", 0, "k-1", resumed=True)
ROLE = "arn:aws:iam::123456789012:role/jobs"
REGION = "eu-central-1"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield


def _client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


def _start(job_type: str, config: dict[str, Any], attempt: Attempt = ATTEMPT) -> Started:
    return start(job_type, config, attempt, until=time.time() + 60, clients=Clients(environment={}))


def _check(job_type: str, config: dict[str, Any], run_id: str) -> Status:
    return check(job_type, config, run_id, until=time.time() + 60, clients=Clients(environment={}))


def test_a_glue_job_is_started_once_and_followed_to_success() -> None:
    glue = _client("glue")
    command = {"Name": "glueetl", "ScriptLocation": "s3://code/load.py"}
    glue.create_job(Name="load", Role=ROLE, Command=command, ExecutionProperty={"MaxConcurrentRuns": 5})
    config = {"jobName": "load", "arguments": {"--table": "orders"}}
    started = _start("glue", config)
    assert _start("glue", config, RESUMED) == started
    (run,) = glue.get_job_runs(JobName="load")["JobRuns"]
    assert run["Arguments"] == {
        "--table": "orders",
        "--par_day": "20260303",
        "--par_hour": "07",
        "--interlock_key": "k-1",
    }
    states = [_check("glue", config, started.run_id).state for _ in range(4)]
    assert states[-1] is State.SUCCEEDED


def test_a_glue_success_with_an_error_in_its_log_is_a_failure() -> None:
    glue, logs = _client("glue"), _client("logs")
    command = {"Name": "glueetl", "ScriptLocation": "s3://code/load.py"}
    glue.create_job(
        Name="load",
        Role=ROLE,
        Command=command,
        DefaultArguments={"--continuous-log-logGroup": "/mine"},
    )
    config = {"jobName": "load"}
    run_id = _start("glue", config).run_id
    logs.create_log_group(logGroupName="/mine")
    logs.create_log_stream(logGroupName="/mine", logStreamName=run_id)
    now = int(time.time() * 1000)
    lines = ("26/03/03 08:00:00 INFO A: begun", "26/03/03 08:00:01 ERROR Launcher: Error from Python")
    events = [{"timestamp": now + place, "message": line} for place, line in enumerate(lines)]
    logs.put_log_events(logGroupName="/mine", logStreamName=run_id, logEvents=events)
    status = Status(State.RUNNING)
    for _ in range(5):
        if status.state is State.RUNNING:
            status = _check("glue", config, run_id)
    assert (status.state, status.category) == (State.FAILED, Category.TRANSIENT)
    assert "ERROR Launcher" in status.reason


def test_an_unknown_glue_job_is_rejected() -> None:
    with pytest.raises(StartRejected) as rejected:
        _start("glue", {"jobName": "nowhere"})
    assert rejected.value.category is Category.PERMANENT


def test_an_emr_step_is_added_once() -> None:
    emr = _client("emr")
    instances = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True}
    cluster = emr.run_job_flow(Name="c", Instances=instances, JobFlowRole="r", ServiceRole="r")["JobFlowId"]
    config = {"clusterId": cluster, "stepName": "load", "command": "spark-submit s3://code/load.py"}
    started = _start("emr", config)
    assert _start("emr", config, RESUMED) == started
    (step,) = emr.list_steps(ClusterId=cluster)["Steps"]
    assert step["Name"] == "load [k-1]"
    assert step["Config"]["Args"] == ["spark-submit", "s3://code/load.py"]
    assert _check("emr", config, started.run_id).state in (State.RUNNING, State.SUCCEEDED)


def test_an_emr_serverless_run_is_started() -> None:
    """moto does not deduplicate by client token. The contract suite tests this part."""
    serverless = _client("emr-serverless")
    application = serverless.create_application(releaseLabel="emr-7.0.0", type="SPARK", name="a")["applicationId"]
    config = {
        "applicationId": application,
        "executionRoleArn": ROLE,
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/load.py"}},
    }
    started = _start("emr-serverless", config)
    run = serverless.get_job_run(applicationId=application, jobRunId=started.run_id)["jobRun"]
    assert run["name"] == "bronze 2026-03-03T07"
    assert _check("emr-serverless", config, started.run_id).state in (State.RUNNING, State.SUCCEEDED)


def test_an_execution_is_started_once_and_found() -> None:
    states = _client("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    machine = states.create_state_machine(name="load", definition=definition, roleArn=ROLE)["stateMachineArn"]
    config = {"stateMachineArn": machine, "arguments": {"table": "orders"}}
    until, clients = time.time() + 60, Clients(environment={})
    assert find("step-function", config, ATTEMPT, until=until, clients=clients) is None
    started = _start("step-function", config)
    assert _start("step-function", config, RESUMED) == started
    assert find("step-function", config, ATTEMPT, until=until, clients=clients) == started
    assert len(states.list_executions(stateMachineArn=machine)["executions"]) == 1
    assert _check("step-function", config, started.run_id).state in (State.RUNNING, State.SUCCEEDED)
    changed = config | {"arguments": {"table": "others"}}
    assert _start("step-function", changed, RESUMED) == started


def test_a_function_is_invoked() -> None:
    _client("iam").create_role(RoleName="jobs", AssumeRolePolicyDocument="{}", Path="/")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("f.py", "def handler(event, context): return event")
    _client("lambda").create_function(
        FunctionName="load",
        Runtime="python3.13",
        Role=ROLE,
        Handler="f.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    status = _start("lambda", {"functionName": "load", "payload": {"a": 1}}).status
    assert status is not None
    assert status.state is State.SUCCEEDED

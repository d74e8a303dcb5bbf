"""`interlock logs` over the tables and the CloudWatch Logs of moto: the output, its place, and the pages."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from interlock_cli import main

REGION = "eu-west-3"
# CloudWatch Logs takes no events of more than two weeks ago.
JOB = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
DAY = JOB.date().isoformat()
CONSOLE = f"https://{REGION}.console.aws.amazon.com"
EXECUTION = (
    f"{CONSOLE}/states/home?region={REGION}#/v2/executions/details/arn:aws:states:{REGION}:123456789012:"
    f"execution:prod-interlock-pipeline:p-stream-{DAY}-token"
)
PIPELINE = {
    "pipeline": {"id": "p"},
    "schedule": {"trigger": {"key": "landing", "check": "exists"}},
    "validation": {"rules": [{"key": "landing", "check": "exists"}]},
    "job": {"type": "command", "config": {"command": "true"}},
}
Put = Callable[..., None]
INDEX = ("GSI1PK", "GSI1SK")


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Iterator[Put]:
    """The deployment `prod` on AWS, and a function that writes the run of two days ago with its intents."""
    for name, value in {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        boto3.DEFAULT_SESSION = None
        resource = boto3.resource("dynamodb", region_name=REGION)
        for name in ("control", "joblog", "rerun", "events"):
            table = resource.create_table(
                TableName=f"prod-interlock-{name}",
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("PK", "SK", *INDEX)],
                GlobalSecondaryIndexes=[
                    {
                        "IndexName": "GSI1",
                        "KeySchema": [
                            {"AttributeName": key, "KeyType": kind}
                            for key, kind in zip(INDEX, ("HASH", "RANGE"), strict=True)
                        ],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
            )
            if name == "control":
                control = table
        config = {"PK": "PIPELINE#p", "SK": "CONFIG", "config": json.dumps(PIPELINE)}
        control.put_item(Item={**config, **dict(zip(INDEX, ("CONFIG", "p"), strict=True))})

        def write(*intents: dict[str, Any], **attributes: Any) -> None:
            row = {
                "PK": "PIPELINE#p",
                "SK": f"TRIGGER#stream#{DAY}",
                "status": "RUNNING",
                "attempt": len(intents) - 1 if intents else 0,
                "runToken": "token",
                "startedToken": "token",
                "startedAt": JOB.isoformat(),
                "leaseUntil": (JOB + timedelta(hours=6)).isoformat(),
                "committedAt": JOB.isoformat(),
                "reason": "sensor",
                "recoveries": 0,
            }
            names = ("previousJob", "jobIntent") if len(intents) > 1 else ("jobIntent",)
            jobs = {name: json.dumps(intent) for name, intent in zip(names, intents, strict=False)}
            control.put_item(Item={**row, **jobs, **attributes})

        yield write
    boto3.DEFAULT_SESSION = None


def intent(type: str, config: dict[str, Any], run_id: str | None = None, **more: Any) -> dict[str, Any]:  # noqa: A002
    return {
        "attempt": 0,
        "key": "p-0-x",
        "until": (JOB + timedelta(hours=1)).isoformat(),
        "type": type,
        "config": config,
        "committed_at": JOB.isoformat(),
        "started_at": JOB.isoformat(),
        "run_id": run_id,
        **more,
    }


def invoke(*words: str, code: int = 0, date: str = DAY) -> Result:
    done = CliRunner().invoke(main, ["logs", "p", date, "-e", "prod", *words], env={"NO_COLOR": "1"})
    assert done.exit_code == code, done.output
    return done


def document(*words: str) -> dict[str, Any]:
    found = json.loads(invoke(*words, "--json").stdout)
    assert isinstance(found, dict)
    return found


def log(group: str, stream: str, *messages: str, at: datetime = JOB) -> None:
    client = boto3.client("logs", region_name=REGION)
    for create, names in ((client.create_log_group, {}), (client.create_log_stream, {"logStreamName": stream})):
        try:
            create(logGroupName=group, **names)
        except client.exceptions.ResourceAlreadyExistsException:
            continue
    events = [{"timestamp": int(at.timestamp() * 1000) + n, "message": text} for n, text in enumerate(messages)]
    client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def outcome(event: str, **more: Any) -> dict[str, Any]:
    return {"event": event, "run_id": "sync", "at": (JOB + timedelta(seconds=5)).isoformat(), **more}


def test_output_of_a_command_is_in_the_row_of_the_run(put: Put) -> None:
    failed = outcome("fail", error="sh: exit code 3: no space", duration=4.0, category="TRANSIENT")
    details = {"output": "one\ntwo\nno space \x1b[31m\n", "exit_code": "3"}
    put(intent("command", {"command": "sh x"}, "sync", details=details, outcome=failed))
    assert invoke().stdout == (
        f"p {DAY}, attempt 0: command fail after 4s\n"
        "run id: sync\n"
        "error: sh: exit code 3: no space\n"
        "Step Functions execution: " + EXECUTION + "\n"
        "output (the row of the run):\n"
        "  one\n"
        "  two\n"
        "  no space \\u001b[31m\n"
    )
    assert document("--lines", "1")["output"]["lines"] == ["no space \x1b[31m"]


def test_output_of_a_glue_run_is_read_from_its_stream(put: Put) -> None:
    put(intent("glue", {"jobName": "load-${INTERLOCK_PAR_DAY}"}, "jr_8"))
    log("/aws-glue/jobs/output", "jr_8", "read 5 files", "wrote 12 rows\nend")
    log("/aws-glue/jobs/output", "jr_9", "of another run")
    found = document("--lines", "2")
    assert found["output"] == {
        "source": "/aws-glue/jobs/output, jr_8",
        "lines": ["wrote 12 rows", "end"],
        "problem": None,
    }
    assert [(link["label"], link["url"]) for link in found["links"]] == [
        ("Glue run", f"{CONSOLE}/gluestudio/home?region={REGION}#/job/load-{DAY.replace('-', '')}/run/jr_8"),
        (
            "CloudWatch logs",
            f"{CONSOLE}/cloudwatch/home?region={REGION}"
            "#logsV2:log-groups/log-group/$252Faws-glue$252Fjobs$252Foutput$3FlogStreamNameFilter$3Djr_8",
        ),
        ("Step Functions execution", EXECUTION),
    ]


def test_next_group_counts_if_the_first_is_empty(put: Put) -> None:
    put(intent("glue", {"jobName": "load"}, "jr_8"))
    log("/aws-glue/jobs/error", "jr_8", "ERROR no such table")
    assert document()["output"]["lines"] == ["ERROR no such table"]


def test_output_of_a_function_is_that_of_the_time_of_its_job(put: Put) -> None:
    put(intent("lambda", {"functionName": "load"}, "sync", outcome=outcome("success", duration=5.0)))
    log("/aws/lambda/load", "a", "of the hour before", at=JOB - timedelta(hours=1))
    log("/aws/lambda/load", "b", "loaded")
    log("/aws/lambda/load", "c", "of the hour after", at=JOB + timedelta(hours=1))
    assert document()["output"] == {"source": "/aws/lambda/load", "lines": ["loaded"], "problem": None}


def test_output_that_is_nowhere_has_its_reason(put: Put) -> None:
    put(intent("glue", {"jobName": "load"}, "jr_8"))
    said = invoke().stdout
    assert "note: no output in /aws-glue/jobs/output, /aws-glue/jobs/error, /aws-glue/jobs/logs-v2\n" in said
    put(intent("databricks", {"workspaceUrl": "https://a.example", "jobId": 1}, "7"))
    said = invoke().stdout
    assert "Databricks run: https://a.example/jobs/1/runs/7\n" in said
    assert "note: Interlock knows no place of the output of a job of the type databricks\n" in said


def test_newest_attempt_is_shown_and_another_can_be_named(put: Put) -> None:
    first = intent("glue", {"jobName": "load"}, "jr_1")
    put(first, intent("glue", {"jobName": "load"}, "jr_2", attempt=1))
    assert document()["run_id"] == "jr_2"
    assert document("--attempt", "0")["run_id"] == "jr_1"
    assert invoke("--attempt", "2", code=2).stderr == (
        f"error: --attempt is 2, must be one of the known attempts of p {DAY}: 0, 1\n"
    )


def test_date_without_a_job_has_exit_code_1(put: Put) -> None:
    assert invoke(code=1).stderr == f"error: p has no run of {DAY}\n"
    put()
    assert f"no job was started. `interlock why -e prod p {DAY}` explains it" in invoke(code=1).stderr


def test_unknown_names_are_errors(put: Put) -> None:
    done = CliRunner().invoke(main, ["logs", "q", DAY, "-e", "prod"])
    assert (done.exit_code, done.stderr) == (2, "error: there is no pipeline 'q' in 'prod'; known: p\n")
    assert "'x' is not valid" in invoke(date="x", code=2).stderr


def test_endpoint_of_its_own_has_no_console(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock_cli._deployment._deployment.Deployment._check_reachable", lambda _: None)
    put(intent("emr", {"clusterId": "j-1"}, "s-1"))
    assert [link["label"] for link in document()["links"]] == ["EMR cluster", "Step Functions execution"]
    assert document("--endpoint-url", f"https://dynamodb.{REGION}.amazonaws.com")["links"] == []

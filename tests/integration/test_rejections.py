"""Rejections, and runs that end without success, through real streams and executions."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from integration.conftest import Outside, await_that, pipeline, today_and_tomorrow

from interlock_lifecycle import RunKey, RunStatus, execution_name
from interlock_sla import parse_execution_date

DATE = "2026-03-03"


def key(name: str) -> RunKey:
    return RunKey(name, "stream", parse_execution_date(DATE))


def logged(outside: Outside, name: str) -> list[str]:
    return [entry.event for entry in outside.store.entries(key(name))]


def with_job(name: str, job: str, more: str = "") -> str:
    return f"""
pipeline: {{id: {name}}}
schedule:
  trigger: {{key: ready, check: equals, field: ready, value: true}}
  evaluation: {{window: 10m, interval: 1s}}
{more}
validation: {{rules: [{{key: ready, check: gte, field: count, value: 10}}]}}
job: {job}
"""


@pytest.fixture(scope="module")
def sleeper(outside: Outside) -> Iterator[str]:
    """A state machine that outlasts every poll window, as a job target."""
    client = outside.stack.client("stepfunctions")
    definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
    arn = client.create_state_machine(
        name="sleeper", definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/sleeper"
    )["stateMachineArn"]
    yield arn
    client.delete_state_machine(stateMachineArn=arn)


@pytest.fixture(scope="module")
def outlasting(outside: Outside, sleeper: str) -> str:
    """A run whose job outlasts its poll window of a minute. It begins early, before other tests need its end."""
    job = f"{{type: step-function, config: {{stateMachineArn: {sleeper}}}, jobPollWindowSeconds: 60}}"
    outside.push("outlasts", with_job("outlasts", job))
    outside.put("outlasts", "ready", ready=True, count=10, date=DATE)
    return "outlasts"


@pytest.fixture(scope="module")
def rejected(outside: Outside) -> str:
    """A run whose target rejects connections. It begins early, since the state machine waits 30 s between tries."""
    outside.push("rejected", with_job("rejected", '{type: http, config: {url: "http://127.0.0.1:9/start"}}'))
    outside.put("rejected", "ready", ready=True, count=10, date=DATE)
    return "rejected"


@pytest.mark.usefixtures("outlasting", "rejected")
def test_sensor_on_excluded_day_is_reported_without_run(outside: Outside) -> None:
    days = ", ".join(map(str, today_and_tomorrow()))
    text = pipeline(outside.folder, "dormant").replace(
        "trigger: {key: ready", f"exclude: {{dates: [{days}]}}\n  trigger: {{key: ready"
    )
    outside.push("dormant", text)
    outside.put("dormant", "ready", ready=True, count=10, date=DATE)
    await_that(lambda: outside.events("dormant", DATE) == ["PIPELINE_EXCLUDED"], "the exclusion")
    assert outside.run("dormant", DATE) is None


def test_a_rerun_of_an_excluded_date_is_rejected(outside: Outside) -> None:
    text = pipeline(outside.folder, "holiday").replace(
        "trigger: {key: ready", f"exclude: {{dates: [{DATE}]}}\n  trigger: {{key: ready"
    )
    outside.push("holiday", text)
    assert "is excluded" in outside.interlock("rerun", "holiday", DATE, code=1).stdout
    assert outside.events("holiday", DATE) == []
    outside.request("holiday", DATE)
    await_that(lambda: len(outside.events("holiday", DATE)) == 2, "both events")
    assert sorted(outside.events("holiday", DATE)) == ["PIPELINE_EXCLUDED", "RERUN_REJECTED"]


def test_sensor_of_pipeline_without_config_starts_no_run(outside: Outside) -> None:
    outside.store.put_sensor("stranger", "ready", {"ready": True, "count": 10, "date": DATE})
    outside.stack.drain()
    assert outside.run("stranger", DATE) is None
    assert outside.events("stranger", DATE) == []


def write_config(outside: Outside, name: str, text: str) -> None:
    outside.stack.client("dynamodb").update_item(
        TableName=outside.store.names.control,
        Key={"PK": {"S": f"PIPELINE#{name}"}, "SK": {"S": "CONFIG"}},
        UpdateExpression="SET config = :text",
        ExpressionAttributeValues={":text": {"S": text}},
    )


@pytest.mark.parametrize(("name", "becomes"), [("corrupted", "invalid"), ("muted", "dry")])
def test_config_that_becomes_invalid_or_dry_starts_no_job(outside: Outside, name: str, becomes: str) -> None:
    outside.push(name, pipeline(outside.folder, name))
    outside.put(name, "ready", ready=True, count=1, date=DATE)
    await_that(lambda: (run := outside.run(name, DATE)) and run.started_token, "the held run")
    if becomes == "invalid":
        write_config(outside, name, '{"pipeline": {"id": "corrupted"}}')
    else:
        outside.push(name, pipeline(outside.folder, name, more="dryRun: true"))
    run = outside.closed(name, DATE)
    assert run.status is RunStatus.FAILED_FINAL
    await_that(lambda: "CONFIG_INVALID" in outside.events(name, DATE), "the reason")
    assert outside.starts(name) == []


def test_a_permanent_failure_has_its_own_budget(outside: Outside) -> None:
    job = "config: {functionName: missing}\n  maxRetries: 5\n  maxCodeRetries: 0"
    outside.push("wrong-target", with_job("wrong-target", "\n  type: lambda\n  " + job))
    outside.put("wrong-target", "ready", ready=True, count=10, date=DATE)
    run = outside.closed("wrong-target", DATE)
    assert (run.status, run.attempt) == (RunStatus.FAILED_FINAL, 0)
    (entry,) = outside.store.entries(run.key)
    assert (entry.event, entry.category) == ("fail", "PERMANENT")
    await_that(
        lambda: sorted(set(outside.events("wrong-target", DATE)) & {"JOB_FAILED", "RETRY_EXHAUSTED"}),
        "both events",
    )


def test_report_of_external_process_closes_attempt(outside: Outside, sleeper: str) -> None:
    job = f"{{type: step-function, config: {{stateMachineArn: {sleeper}}}, jobPollWindowSeconds: 600}}"
    outside.push("reported", with_job("reported", job))
    outside.put("reported", "ready", ready=True, count=10, date=DATE)
    await_that(lambda: (run := outside.run("reported", DATE)) and run.job_intent and run.job_intent.run_id, "the job")
    stamp = int(datetime.now(UTC).timestamp() * 1000)
    # A failure of another job's run and a failure before the attempt do not count.
    for at, fields in (
        (stamp - 3_600_000, {"event": "fail"}),
        (stamp, {"event": "fail", "runId": "another"}),
        (stamp + 1, {"event": "success"}),
    ):
        row = {"PK": "PIPELINE#reported", "SK": f"JOB#stream#{DATE}#{at}", **fields}
        item: dict[str, Any] = {name: {"S": value} for name, value in row.items()}
        outside.stack.client("dynamodb").put_item(TableName=outside.store.names.joblog, Item=item)
    run = outside.closed("reported", DATE)
    assert (run.status, run.attempt) == (RunStatus.COMPLETED, 0)
    assert logged(outside, "reported").count("success") == 2
    assert logged(outside, "reported").count("fail") == 2


def test_run_fails_if_target_rejects_all_tries(outside: Outside, rejected: str) -> None:
    run = outside.closed(rejected, DATE)
    assert run.status is RunStatus.FAILED_FINAL
    assert run.job_intent is None
    assert logged(outside, rejected) == ["infra-trigger-failure", "infra-trigger-failure", "infra-trigger-exhausted"]
    await_that(lambda: "INFRA_FAILURE" in outside.events(rejected, DATE), "its event")


def test_repeatedly_aborted_execution_is_recovered_twice(outside: Outside) -> None:
    outside.push("aborted", pipeline(outside.folder, "aborted"))
    outside.put("aborted", "ready", ready=True, count=1, date=DATE)
    client, tokens = outside.stack.client("stepfunctions"), []
    for _ in range(3):
        run = await_that(
            lambda: (found := outside.run("aborted", DATE)) and found.started_token not in (None, *tokens) and found,
            "a new execution",
        )
        tokens.append(run.started_token)
        (arn,) = [
            execution["executionArn"]
            for machine in client.list_state_machines()["stateMachines"]
            for execution in client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
            if execution["name"] == execution_name(run)
        ]
        client.stop_execution(executionArn=arn)
    closed = outside.closed("aborted", DATE)
    assert (closed.status, closed.recoveries, closed.attempt) == (RunStatus.FAILED_FINAL, 2, 0)
    assert outside.starts("aborted") == []
    await_that(lambda: "INFRA_FAILURE" in outside.events("aborted", DATE), "its event")
    assert outside.events("aborted", DATE).count("TRIGGER_RECOVERED") == 2


def test_job_that_outlasts_poll_window_blocks_rerun(outside: Outside, outlasting: str) -> None:
    run = outside.closed(outlasting, DATE)
    assert run.status is RunStatus.FAILED_FINAL
    assert logged(outside, outlasting) == ["job-poll-exhausted"]
    await_that(lambda: "JOB_POLL_EXHAUSTED" in outside.events(outlasting, DATE), "its event")
    outside.interlock("rerun", outlasting, DATE)
    failed = await_that(
        lambda: [r for r in outside.store.events(outlasting) if "still runs" in str(r.get("message"))],
        "the rejection of a second start",
    )
    assert failed

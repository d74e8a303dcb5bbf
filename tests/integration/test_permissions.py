"""A run with enforced policies, those of the Terraform plan: each role may do its work, and nothing else."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from integration.conftest import Outside, await_that, pipeline

from interlock_lifecycle import RunKey, RunStatus
from interlock_local.keys import REGION
from interlock_local.site import StackSettings
from interlock_local.stack import LocalStack
from interlock_sla import parse_execution_date


@pytest.fixture(scope="module")
def strict() -> Iterator[LocalStack]:
    with LocalStack(settings=StackSettings(orchestrator_timeout=20), enforce_iam=True) as stack:
        yield stack


def test_policies_allow_held_run_with_sla_and_retry(strict: LocalStack, tmp_path: Path) -> None:
    outside = Outside(strict, strict.store(), tmp_path)
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
    await_that(lambda: not strict.schedules("strict"), "the deleted timers")
    assert "INFRA_FAILURE" not in outside.events("strict", "2026-03-03"), "the timers could not be created"
    await_that(lambda: [one for one in strict.slack_messages() if "SLA_MET" in one["text"]], "the alert")
    # The watchdog creates timers too, for an hourly deadline those of the next day.
    outside.push("ahead", pipeline(tmp_path, "ahead", more='sla: {deadline: ":59"}'))
    await_that(lambda: outside.store.config("ahead").noted, "the router's note")
    found = strict.invoke("watchdog", {})["found"]
    assert strict.schedules("ahead")
    assert {"pending", "stranded-sensors", "sla-timers", "dropped-timers", "missing-post-run"} <= set(found)
    assert "AccessDenied" not in strict.log_path.read_text()


def as_role(stack: LocalStack, role: str) -> Callable[[str], Any]:
    """Clients with the permissions of a deployed role. Its trust is opened to the stack's own key for that."""
    arn = f"arn:aws:iam::{stack.key.access_key}:role/local-interlock-{role}"
    anyone = {"Effect": "Allow", "Principal": {"AWS": stack.key.access_key}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [anyone]})
    stack.client("iam").update_assume_role_policy(RoleName=f"local-interlock-{role}", PolicyDocument=trust)
    keys = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]

    def client(service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=stack.endpoint_url,
            region_name=REGION,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    return client


KEY = {"PK": {"S": "PIPELINE#x"}, "SK": {"S": "JOB#stream#2026-03-03#1"}}
EVENT = {"Source": "interlock", "DetailType": "JOB_COMPLETED", "Detail": "{}", "EventBusName": "local-interlock-bus"}
# Per role: what it may do, and its neighbour that it may not. The logs are append-only for every service.
ACTIONS: dict[str, tuple[tuple[str, str, dict[str, Any]], tuple[str, str, dict[str, Any]]]] = {
    "stream-router": (
        ("dynamodb", "put_item", {"TableName": "local-interlock-joblog", "Item": KEY}),
        ("dynamodb", "delete_item", {"TableName": "local-interlock-joblog", "Key": KEY}),
    ),
    "orchestrator": (
        ("dynamodb", "put_item", {"TableName": "local-interlock-rerun", "Item": KEY}),
        ("events", "put_events", {"Entries": [EVENT]}),
    ),
    "sla-monitor": (
        ("dynamodb", "put_item", {"TableName": "local-interlock-control", "Item": KEY}),
        ("dynamodb", "put_item", {"TableName": "local-interlock-joblog", "Item": KEY}),
    ),
    "watchdog": (
        ("dynamodb", "put_item", {"TableName": "local-interlock-joblog", "Item": KEY}),
        ("dynamodb", "scan", {"TableName": "local-interlock-control"}),
    ),
    "event-sink": (
        ("dynamodb", "put_item", {"TableName": "local-interlock-events", "Item": KEY}),
        ("dynamodb", "get_item", {"TableName": "local-interlock-events", "Key": KEY}),
    ),
    "alert-dispatcher": (
        ("dynamodb", "get_item", {"TableName": "local-interlock-events", "Key": KEY}),
        ("dynamodb", "get_item", {"TableName": "local-interlock-control", "Key": KEY}),
    ),
}


@pytest.mark.parametrize("role", ACTIONS)
def test_an_action_outside_of_the_plan_is_rejected(strict: LocalStack, role: str) -> None:
    clients = as_role(strict, role)
    (service, action, arguments), (other, forbidden, more) = ACTIONS[role]
    getattr(clients(service), action)(**arguments)
    with pytest.raises(ClientError) as rejected:
        getattr(clients(other), forbidden)(**more)
    assert rejected.value.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}
    assert f"local-interlock-{role}" in rejected.value.response["Error"]["Message"]

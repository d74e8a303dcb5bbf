"""A deployment has the documented names and shapes, routes events, and can be repeated. Needs ministack."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from msgspec.structs import replace

from interlock_lifecycle.waits import JOBS_WITH_EVENTS, JobName, job_of_event
from interlock_local import LocalStackError, find_checkout
from interlock_local.site import Deployment, StackSettings, deploy, has_slack, kept_variables, render_definition
from interlock_local.site._policies import EXTRAS, ROLES, Identity, role_policy, trust_policy
from interlock_local.site._site import Site
from interlock_local.site._tables import Tables, _table
from interlock_local.stack import Ministack
from interlock_local.zips import SERVICES
from interlock_store import PROJECTED

ACCOUNT = "000000000000"
REGION = "us-east-1"
# AWS accepts no resource for these actions.
EVERYWHERE = {"dynamodb:ListStreams"}
IDENTITY = Identity("test", REGION, ACCOUNT)
SETTINGS = StackSettings(
    environment="test",
    job_environment={"INTERLOCK_HOME": "/data"},
    alert_environment={"INTERLOCK_WEBHOOK_KEY": "k"},
    slack_bot_token="xoxb-test",
    slack_api_url="http://s/",
)
# Each stand-in writes its events to a file that the test reads.
HANDLER = """
import json, os
def handle(event, context):
    with open(os.environ["HOME"] + "/" + os.environ["AWS_LAMBDA_FUNCTION_NAME"], "a") as file:
        file.write(json.dumps(event) + "\\n")
    return {version!r} if event.get("version?") else None
"""

Clients = Callable[[str], Any]


def stand_ins(folder: Path, version: str = "1") -> dict[str, Path]:
    zips = {}
    for service in SERVICES:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            package = f"interlock_{service.replace('-', '_')}"
            archive.writestr(f"{package}/__init__.py", "")
            archive.writestr(f"{package}/handler.py", HANDLER.replace("{version!r}", repr(version)))
        zips[service] = folder / f"{service}-{version}.zip"
        zips[service].write_bytes(buffer.getvalue())
    return zips


def roll_out(
    clients: Clients, zips: Mapping[str, Path], settings: StackSettings = SETTINGS, *, mappings: bool = False
) -> Deployment:
    template = (find_checkout() / "infra" / "statemachine" / "interlock.asl.json").read_text()
    return deploy(
        clients, zips, "python3.13", template, settings, region=REGION, account=ACCOUNT, own_server=not mappings
    )


@pytest.fixture(scope="module")
def server() -> Iterator[Ministack]:
    with Ministack() as running:
        yield running


@pytest.fixture(scope="module")
def clients(server: Ministack) -> Clients:
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = boto3.client(
                service,  # type: ignore[call-overload]
                endpoint_url=server.endpoint_url,
                region_name=REGION,
                aws_access_key_id=server.key.access_key,
                aws_secret_access_key=server.key.secret,
                config=Config(retries={"total_max_attempts": 1}, proxies={}),
            )
        return made[service]

    return client


@pytest.fixture(scope="module")
def deployment(clients: Clients, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return roll_out(clients, stand_ins(tmp_path_factory.mktemp("zips")))


@pytest.mark.parametrize(
    ("table", "stream", "indexes"),
    [
        (
            "control",
            True,
            {"GSI1": [("GSI1PK", "S"), ("GSI1SK", "S")], "GSI2": [("GSI2PK", "S"), ("GSI2SK", "S")]},
        ),
        ("joblog", True, {}),
        ("rerun", False, {}),
        ("events", False, {"GSI1": [("eventType", "S"), ("timestamp", "N")]}),
    ],
)
def test_tables_have_the_documented_shape(
    clients: Clients, deployment: Deployment, table: str, stream: bool, indexes: dict[str, list[tuple[str, str]]]
) -> None:
    found = clients("dynamodb").describe_table(TableName=f"test-interlock-{table}")["Table"]
    kinds = {one["AttributeName"]: one["AttributeType"] for one in found["AttributeDefinitions"]}
    assert [one["AttributeName"] for one in found["KeySchema"]] == ["PK", "SK"]
    assert found["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert found["DeletionProtectionEnabled"] is True
    assert found.get("StreamSpecification", {}).get("StreamViewType") == ("NEW_IMAGE" if stream else None)
    shapes = {one["IndexName"]: one for one in found.get("GlobalSecondaryIndexes", [])}
    assert shapes.keys() == indexes.keys()
    for name, index in indexes.items():
        assert [(key["AttributeName"], kinds[key["AttributeName"]]) for key in shapes[name]["KeySchema"]] == index
        projection = shapes[name]["Projection"]
        assert projection["ProjectionType"] == ("INCLUDE" if name == "GSI2" else "ALL")
        assert set(projection.get("NonKeyAttributes", [])) == set(PROJECTED.get(name, ()))
    ttl = clients("dynamodb").describe_time_to_live(TableName=f"test-interlock-{table}")["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "ttl")


@pytest.mark.parametrize(
    ("service", "timeout", "concurrency"),
    [
        ("stream-router", 60, 10),
        ("orchestrator", 300, 10),
        ("sla-monitor", 60, 5),
        ("watchdog", 240, 2),
        ("event-sink", 60, 5),
        ("alert-dispatcher", 60, 3),
    ],
)
def test_the_functions_have_their_limits(
    clients: Clients, deployment: Deployment, service: str, timeout: int, concurrency: int
) -> None:
    name = f"test-interlock-{service}"
    found = clients("lambda").get_function(FunctionName=name)
    shape = found["Configuration"]
    assert (shape["Timeout"], shape["MemorySize"]) == (timeout, 512)
    assert shape["Handler"] == f"interlock_{service.replace('-', '_')}.handler.handle"
    assert shape["Role"] == f"arn:aws:iam::{ACCOUNT}:role/{name}"
    assert found["Concurrency"]["ReservedConcurrentExecutions"] == concurrency


REQUIRED = {
    "stream-router": {"CONTROL_TABLE", "JOBLOG_TABLE", "RERUN_TABLE", "STATE_MACHINE_ARN", "EVENT_BUS_NAME"},
    "orchestrator": {"CONTROL_TABLE", "JOBLOG_TABLE", "RERUN_TABLE", "EVENT_BUS_NAME", "INTERLOCK_HOME"},
    "sla-monitor": {
        "CONTROL_TABLE",
        "JOBLOG_TABLE",
        "RERUN_TABLE",
        "EVENT_BUS_NAME",
        "SLA_MONITOR_ARN",
        "SCHEDULER_ROLE_ARN",
        "SCHEDULER_GROUP_NAME",
    },
    "watchdog": {
        "CONTROL_TABLE",
        "JOBLOG_TABLE",
        "RERUN_TABLE",
        "EVENT_BUS_NAME",
        "STATE_MACHINE_ARN",
        "SLA_MONITOR_ARN",
        "SCHEDULER_ROLE_ARN",
        "SCHEDULER_GROUP_NAME",
    },
    "event-sink": {"EVENTS_TABLE", "EVENTS_TTL_DAYS", "DLQ_QUEUE_URL"},
    "alert-dispatcher": {
        "SLACK_CHANNEL_ID",
        "EVENTS_TABLE",
        "EVENTS_TTL_DAYS",
        "SLACK_BOT_TOKEN",
        "SLACK_API_URL",
        "DLQ_QUEUE_URL",
    },
}


@pytest.mark.parametrize("service", SERVICES)
def test_functions_get_their_variables_without_those_of_jobs(
    clients: Clients, deployment: Deployment, service: str
) -> None:
    shape = clients("lambda").get_function_configuration(FunctionName=f"test-interlock-{service}")
    variables = shape["Environment"]["Variables"]
    assert variables.keys() >= REQUIRED[service]
    assert variables["PYTHONTZPATH"] == ""  # the packed zones decide, not those of the system
    assert ("INTERLOCK_HOME" in variables) == (service == "orchestrator")
    assert ("SLACK_BOT_TOKEN" in variables) == (service == "alert-dispatcher")
    assert ("INTERLOCK_WEBHOOK_KEY" in variables) == (service == "alert-dispatcher")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_its_trust_and_its_policy(clients: Clients, deployment: Deployment, role: str) -> None:
    """infra/tests compares both with the plan."""
    iam, name = clients("iam"), f"test-interlock-{role}"
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    assert trust == trust_policy(role, IDENTITY)
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["interlock"]
    policy = iam.get_role_policy(RoleName=name, PolicyName="interlock")["PolicyDocument"]
    assert policy == role_policy(role, IDENTITY, own_server=True)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("own_server", [False, True])
def test_a_role_reaches_only_its_own_deployment(role: str, own_server: bool) -> None:
    local = {one.sid for one in EXTRAS if one.own_server}
    for statement in role_policy(role, IDENTITY, own_server=own_server)["Statement"]:
        actions, resources = (listed(statement[key]) for key in ("Action", "Resource"))
        assert not any("*" in action for action in actions)
        if statement["Sid"] in local:
            assert own_server
        elif not set(actions) <= EVERYWHERE and role != "sfn":
            assert all("test-interlock-" in resource and "default" not in resource for resource in resources)


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_the_state_machine_names_the_functions(clients: Clients, deployment: Deployment) -> None:
    found = clients("stepfunctions").describe_state_machine(stateMachineArn=deployment.state_machine_arn)
    definition = json.loads(found["definition"])
    tasks = [state for state in definition["States"].values() if state["Type"] == "Task"]
    waiting = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    called = [state["Parameters"]["FunctionName"] for state in tasks if state["Resource"] == waiting]
    assert called == [deployment.functions["orchestrator"]] * 2
    resources = {state["Resource"] for state in tasks}
    assert resources == {deployment.functions["orchestrator"], deployment.functions["sla-monitor"], waiting}
    assert definition["TimeoutSeconds"] == 14400


def test_placeholder_without_a_value_is_an_error() -> None:
    with pytest.raises(LocalStackError, match="names 'no_such_thing'"):
        render_definition('{"x": "${no_such_thing}", "y.$": "$.path", "z.$": "$$.Execution.StartTime"}')


def test_paths_are_not_placeholders() -> None:
    text = '{"TimeoutSeconds": ${seconds}, "y.$": "$.path", "z.$": "$$.Execution.StartTime"}'
    assert json.loads(render_definition(text, seconds=5)) == {
        "TimeoutSeconds": 5,
        "y.$": "$.path",
        "z.$": "$$.Execution.StartTime",
    }


def received(server: Ministack, service: str, marker: str, *, patience: float = 300.0) -> list[Any]:
    """The events with the marker that a stand-in received. Waits for the first."""
    file = server.home / "home" / f"test-interlock-{service}"
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        lines = file.read_text().splitlines() if file.exists() else []
        if found := [json.loads(line) for line in lines if marker in line]:
            return found
        time.sleep(0.05)
    return []


def put_event(clients: Clients, detail_type: str, marker: str, source: str = "interlock") -> None:
    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps({"id": marker}),
        "EventBusName": "test-interlock-bus",
    }
    assert clients("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_an_alert_reaches_the_sink_and_the_dispatcher(
    clients: Clients, deployment: Deployment, server: Ministack
) -> None:
    put_event(clients, "SLA_BREACH", "an-alert")
    (batch,) = received(server, "event-sink", "an-alert")
    assert json.loads(batch["Records"][0]["body"])["detail-type"] == "SLA_BREACH"
    (batch,) = received(server, "alert-dispatcher", "an-alert")
    assert json.loads(batch["Records"][0]["body"])["detail"] == {"id": "an-alert"}


@pytest.mark.parametrize(
    "detail_type", ["JOB_TRIGGERED", "VALIDATION_PASSED", "POST_RUN_BASELINE_CAPTURED", "POST_RUN_PASSED"]
)
def test_plain_progress_reaches_the_sink_only(
    clients: Clients, deployment: Deployment, server: Ministack, detail_type: str
) -> None:
    put_event(clients, detail_type, f"progress-{detail_type}")
    assert received(server, "event-sink", f"progress-{detail_type}")
    # A later event arrives, so the earlier event would have arrived too.
    put_event(clients, "JOB_FAILED", f"after-{detail_type}")
    assert received(server, "alert-dispatcher", f"after-{detail_type}")
    assert received(server, "alert-dispatcher", f"progress-{detail_type}", patience=0.1) == []


def test_canary_reaches_the_dispatcher_only(clients: Clients, deployment: Deployment, server: Ministack) -> None:
    put_event(clients, "CANARY", "a-canary", source="interlock.canary")
    (batch,) = received(server, "alert-dispatcher", "a-canary")
    assert json.loads(batch["Records"][0]["body"])["source"] == "interlock.canary"
    # A later event arrives, so the earlier event would have arrived too.
    put_event(clients, "JOB_FAILED", "after-it")
    assert received(server, "event-sink", "after-it")
    assert received(server, "event-sink", "a-canary", patience=0.1) == []


def test_alert_rule_is_that_of_terraform(clients: Clients, deployment: Deployment) -> None:
    """The plan is tested in infra/tests. Its rule reads the same file."""
    catalogue = json.loads((find_checkout() / "infra/services/alert-dispatcher/events.json").read_text())
    rule = clients("events").describe_rule(Name="test-interlock-alerts", EventBusName="test-interlock-bus")
    assert json.loads(rule["EventPattern"]) == {
        "source": ["interlock", catalogue["canary_source"]],
        "detail-type": [{"anything-but": catalogue["progress"]}],
    }


def test_deploying_again_updates_and_keeps_the_rows(clients: Clients, deployment: Deployment, tmp_path: Path) -> None:
    row = {"PK": {"S": "PIPELINE#gold"}, "SK": {"S": "CONFIG"}}
    clients("dynamodb").put_item(TableName="test-interlock-control", Item=row)
    changed = replace(SETTINGS, slack_channel_id="C-OTHER", trigger_max_attempts=9)
    again = roll_out(clients, stand_ins(tmp_path, version="2"), changed)
    assert again == deployment
    assert "Item" in clients("dynamodb").get_item(TableName="test-interlock-control", Key=row)
    variables = clients("lambda").get_function_configuration(FunctionName="test-interlock-alert-dispatcher")[
        "Environment"
    ]
    assert variables["Variables"]["SLACK_CHANNEL_ID"] == "C-OTHER"
    answer = clients("lambda").invoke(FunctionName="test-interlock-watchdog", Payload=b'{"version?": true}')
    assert json.loads(answer["Payload"].read()) == "2"
    machine = clients("stepfunctions").describe_state_machine(stateMachineArn=again.state_machine_arn)
    assert '"MaxAttempts": 9' in machine["definition"]


def test_deploying_again_updates_the_one_mapping(clients: Clients, deployment: Deployment, tmp_path: Path) -> None:
    zips = stand_ins(tmp_path)
    roll_out(clients, zips, mappings=True)
    roll_out(clients, zips, mappings=True)
    found = clients("lambda").list_event_source_mappings()["EventSourceMappings"]
    sources = sorted(one["EventSourceArn"].partition("test-interlock-")[2].partition("/")[0] for one in found)
    assert sources == ["alerts", "control", "event-sink", "job-events", "joblog", "sensor-inbox.fifo"]
    stream = next(one for one in found if "control" in one["EventSourceArn"])
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["DestinationConfig"]["OnFailure"]["Destination"].endswith(":test-interlock-sr-control-dlq")
    # The next deployment updates a mapping of an older version.
    clients("lambda").update_event_source_mapping(UUID=stream["UUID"], BatchSize=1)
    roll_out(clients, zips, mappings=True)
    assert clients("lambda").get_event_source_mapping(UUID=stream["UUID"])["BatchSize"] == 10


@pytest.mark.parametrize(
    ("queue", "visibility", "dead_letters", "receives", "function"),
    [
        ("alerts", "360", "alert-dlq", 10, "alert-dispatcher"),
        ("event-sink", "362", "event-sink-dlq", 240, "event-sink"),
        ("sensor-inbox.fifo", "120", "sensor-inbox-dlq.fifo", 720, "stream-router"),
        ("job-events", "120", "job-events-dlq", 30, "stream-router"),
    ],
)
def test_a_queue_between_rule_and_function_is_mapped(
    clients: Clients,
    deployment: Deployment,
    queue: str,
    visibility: str,
    dead_letters: str,
    receives: int,
    function: str,
) -> None:
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:test-interlock-{queue}"
    url = clients("sqs").get_queue_url(QueueName=f"test-interlock-{queue}")["QueueUrl"]
    found = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    redrive = json.loads(found["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(f":test-interlock-{dead_letters}")
    assert (found["VisibilityTimeout"], int(redrive["maxReceiveCount"])) == (visibility, receives)
    (mapping,) = clients("lambda").list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
    assert mapping["FunctionArn"].endswith(f":function:test-interlock-{function}")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    shape = clients("lambda").get_function(FunctionName=f"test-interlock-{function}")
    limit = shape["Concurrency"]["ReservedConcurrentExecutions"]
    assert mapping["ScalingConfig"]["MaximumConcurrency"] <= limit


def test_each_minute_the_dispatcher_looks_for_slack(clients: Clients, deployment: Deployment) -> None:
    rule = clients("events").describe_rule(Name="test-interlock-alert-probe")
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    (target,) = clients("events").list_targets_by_rule(Rule="test-interlock-alert-probe")["Targets"]
    assert target["Arn"] == deployment.functions["alert-dispatcher"]
    assert json.loads(target["Input"]) == {"probe": True}


@pytest.mark.parametrize("job_type", sorted(JOBS_WITH_EVENTS))
def test_ended_jobs_reach_the_queue_of_job_events(clients: Clients, deployment: Deployment, job_type: str) -> None:
    rule = clients("events").describe_rule(Name=f"test-interlock-job-events-{job_type}")
    assert rule["State"] == "ENABLED"
    pattern = json.loads(rule["EventPattern"])
    # The router knows the events that the rule selects.
    run_ids = dict.fromkeys(("jobRunId", "stepId", "executionArn"), "r-1")
    event = {"source": pattern["source"][0], "detail-type": pattern["detail-type"][0], "detail": run_ids}
    assert job_of_event(event) == JobName(job_type, "r-1")
    (target,) = clients("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert target["Arn"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:test-interlock-job-events"


def test_ended_execution_of_another_machine_reaches_the_router(
    clients: Clients, deployment: Deployment, server: Ministack
) -> None:
    """The server puts the event itself. Interlock's own executions and running ones are no job events."""
    states = clients("stepfunctions")
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    role = f"arn:aws:iam::{ACCOUNT}:role/test-interlock-sfn"
    foreign = states.create_state_machine(name="nightly", definition=definition, roleArn=role)["stateMachineArn"]
    deployed = states.describe_state_machine(stateMachineArn=deployment.state_machine_arn)["definition"]
    states.update_state_machine(stateMachineArn=deployment.state_machine_arn, definition=definition)
    own = states.start_execution(stateMachineArn=deployment.state_machine_arn, name="own")["executionArn"]
    deadline = time.monotonic() + 60
    while states.describe_execution(executionArn=own)["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    states.update_state_machine(stateMachineArn=deployment.state_machine_arn, definition=deployed)
    job = states.start_execution(stateMachineArn=foreign, name="job")["executionArn"]
    batches = received(server, "stream-router", job)
    records = [record for batch in batches for record in batch["Records"]]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:test-interlock-job-events"
    assert {record["eventSourceARN"] for record in records} == {queue}
    (event,) = [json.loads(record["body"]) for record in records]
    assert (event["detail"]["executionArn"], event["detail"]["status"]) == (job, "SUCCEEDED")
    assert (event["account"], job_of_event(event)) == (ACCOUNT, JobName("step-function", job))
    # The event of the own execution is older, so it would have come before.
    assert received(server, "stream-router", own, patience=0.1) == []
    variables = clients("lambda").get_function_configuration(FunctionName="test-interlock-stream-router")["Environment"]
    assert variables["Variables"]["JOB_EVENTS_QUEUE_ARN"] == queue


def test_queue_with_other_attributes_is_updated(clients: Clients, deployment: Deployment, tmp_path: Path) -> None:
    url = deployment.alert_queue_url
    clients("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    roll_out(clients, stand_ins(tmp_path))
    found = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout", "RedrivePolicy"])
    assert found["Attributes"]["VisibilityTimeout"] == "360"
    assert json.loads(found["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"].endswith(":test-interlock-alert-dlq")


def test_table_of_an_interrupted_deployment_gets_its_ttl(
    clients: Clients, deployment: Deployment, tmp_path: Path
) -> None:
    name = "test-interlock-rerun"
    spec = {"Enabled": False, "AttributeName": "ttl"}
    clients("dynamodb").update_time_to_live(TableName=name, TimeToLiveSpecification=spec)
    roll_out(clients, stand_ins(tmp_path))
    found = clients("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert found["TimeToLiveStatus"] == "ENABLED"


def variables_of(clients: Clients, service: str) -> dict[str, str]:
    found = clients("lambda").get_function_configuration(FunctionName=f"test-interlock-{service}")
    variables: dict[str, str] = found["Environment"]["Variables"]
    return variables


def test_deploying_again_keeps_the_settings_that_are_not_given(clients: Clients, tmp_path: Path) -> None:
    before = replace(SETTINGS, slack_channel_id="C1", pending_grace="15s", otlp_endpoint="http://127.0.0.1:4318")
    roll_out(clients, stand_ins(tmp_path), before)
    kept = kept_variables(clients("lambda"), "test", {"SLACK_CHANNEL_ID"})
    roll_out(clients, stand_ins(tmp_path), StackSettings(environment="test", slack_channel_id="C2", kept=kept))
    alerts = variables_of(clients, "alert-dispatcher")
    assert (alerts["SLACK_BOT_TOKEN"], alerts["SLACK_CHANNEL_ID"]) == ("xoxb-test", "C2")
    assert (alerts["SLACK_API_URL"], alerts["INTERLOCK_WEBHOOK_KEY"]) == ("http://s/", "k")
    assert variables_of(clients, "orchestrator")["INTERLOCK_HOME"] == "/data"
    watchdog = variables_of(clients, "watchdog")
    assert (watchdog["PENDING_GRACE"], watchdog["OTEL_EXPORTER_OTLP_ENDPOINT"]) == ("15s", "http://127.0.0.1:4318")
    assert has_slack(kept["alert-dispatcher"], "")
    # Variables that follow from the deployment are no settings.
    assert not {"CONTROL_TABLE", "DLQ_QUEUE_URL", "PYTHONTZPATH"} & {name for found in kept.values() for name in found}
    roll_out(clients, stand_ins(tmp_path), SETTINGS)


def test_absent_functions_keep_nothing(clients: Clients) -> None:
    kept = kept_variables(clients("lambda"), "absent", set())
    assert set(map(len, kept.values())) == {0}
    assert not has_slack(kept["alert-dispatcher"], "")


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_functions_have_the_processor_of_their_zips(clients: Clients, architecture: str, tmp_path: Path) -> None:
    """The module's functions exist, with the same code and another processor."""
    zips = stand_ins(tmp_path)
    for settings in (SETTINGS, replace(SETTINGS, architecture=architecture)):
        roll_out(clients, zips, settings)
    for service in SERVICES:
        found = clients("lambda").get_function_configuration(FunctionName=f"test-interlock-{service}")
        assert found["Architectures"] == [architecture]


def test_a_table_of_an_older_version_gets_its_new_index(clients: Clients) -> None:
    client, site = clients("dynamodb"), Site(clients, replace(SETTINGS, environment="older"), REGION, ACCOUNT)
    shape = _table("older-interlock-control", "control")
    first = [one for one in shape["GlobalSecondaryIndexes"] if one["IndexName"] == "GSI1"]
    attributes = [one for one in shape["AttributeDefinitions"] if not one["AttributeName"].startswith("GSI2")]
    client.create_table(**{**shape, "GlobalSecondaryIndexes": first, "AttributeDefinitions": attributes})
    row = {"PK": "PIPELINE#a", "SK": "TRIGGER#stream#2026-03-03", "GSI2PK": "DAY#2026-03-03", "GSI2SK": "9#a"}
    client.put_item(TableName=shape["TableName"], Item={name: {"S": value} for name, value in row.items()})
    Tables(site).create()
    found = client.query(
        TableName=shape["TableName"],
        IndexName="GSI2",
        KeyConditionExpression="GSI2PK = :day",
        ExpressionAttributeValues={":day": {"S": "DAY#2026-03-03"}},
    )
    assert [one["SK"]["S"] for one in found["Items"]] == ["TRIGGER#stream#2026-03-03"]

"""The requests of `interlock deploy`, recorded without a server, as resources with the names of Terraform."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from interlock_local import find_checkout
from interlock_local.site import StackSettings, deploy

ACCOUNT, REGION = "000000000000", "eu-west-1"
Fields = dict[str, Any]
Resources = dict[str, Fields]
"""Fields by resource, such as `aws_sqs_queue test-interlock-alerts`."""

Calls = list[tuple[str, dict[str, Any]]]


class Recorder:
    """Clients of boto3 whose requests are validated and recorded, and answered without a server."""

    def __init__(self) -> None:
        self.calls: Calls = []

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
        made: Any = boto3.client(service, region_name=REGION, config=Config(), **keys)  # type: ignore[call-overload]
        made.meta.events.register("provide-client-params.*.*", self._record)
        made.meta.events.register("before-call.*.*", _answer)
        return made

    def _record(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        self.calls.append((model.name, dict(params)))
        # The handler of the answer sees the request only as HTTP.
        context["interlock"] = params

    def of(self, operation: str) -> list[dict[str, Any]]:
        return [params for name, params in self.calls if name == operation]


def _answer(model: Any, params: Mapping[str, Any], context: Mapping[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
    """The answer of an account without earlier resources. botocore sends nothing if this event has a result."""
    given = context.get("interlock", {})
    name = given.get("TableName", "")
    stream = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}/stream/1"
    streamed = name.endswith(("-control", "-joblog"))
    every = [{"IndexName": "GSI1"}, {"IndexName": "GSI2"}]
    answers: dict[str, dict[str, Any]] = {
        "DescribeTable": {
            "Table": {
                "TableStatus": "ACTIVE",
                "GlobalSecondaryIndexes": every,
                **({"LatestStreamArn": stream} if streamed else {}),
            }
        },
        "DescribeTimeToLive": {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}},
        "CreateQueue": {"QueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{given.get('QueueName')}"},
        "CreateFunction": {"FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{given.get('FunctionName')}"},
        "ListEventSourceMappings": {"EventSourceMappings": []},
    }
    metadata = {"ResponseMetadata": {"HTTPStatusCode": 200}}
    return type("Response", (), {"status_code": 200})(), {**answers.get(model.name, {}), **metadata}


def recorded(settings: StackSettings, zips: Mapping[str, Path]) -> Recorder:
    """The requests of a first deployment to an endpoint."""
    recorder = Recorder()
    template = (find_checkout() / "infra" / "statemachine" / "interlock.asl.json").read_text(encoding="utf-8")
    runtime = "python3.13"
    deploy(recorder.client, zips, runtime, template, settings, region=REGION, account=ACCOUNT, own_server=False)
    return recorder


def deployed_resources(recorder: Recorder) -> Resources:
    """The resources of the recorded requests."""
    found: Resources = {}
    for part in (_tables, _queues, _buses, _rules, _roles, _functions, _mappings, _machines, _groups):
        found |= part(recorder)
    return found


def _tables(recorder: Recorder) -> Resources:
    lives = {one["TableName"]: one["TimeToLiveSpecification"] for one in recorder.of("UpdateTimeToLive")}
    backups = {
        one["TableName"]: one["PointInTimeRecoverySpecification"] for one in recorder.of("UpdateContinuousBackups")
    }
    found = {}
    for one in recorder.of("CreateTable"):
        name, stream = one["TableName"], one.get("StreamSpecification", {})
        hash_key, range_key = (key["AttributeName"] for key in one["KeySchema"])
        found[f"aws_dynamodb_table {name}"] = {
            "attribute": {one["AttributeName"]: one["AttributeType"] for one in one["AttributeDefinitions"]},
            "billing_mode": one["BillingMode"],
            "deletion_protection_enabled": one["DeletionProtectionEnabled"],
            "global_secondary_index": {
                index["IndexName"]: [
                    *(key["AttributeName"] for key in index["KeySchema"]),
                    index["Projection"]["ProjectionType"],
                    sorted(index["Projection"].get("NonKeyAttributes", [])),
                ]
                for index in one.get("GlobalSecondaryIndexes", [])
            },
            "hash_key": hash_key,
            "range_key": range_key,
            "point_in_time_recovery": backups[name]["PointInTimeRecoveryEnabled"],
            "server_side_encryption": one["SSESpecification"]["Enabled"],
            "stream_enabled": stream.get("StreamEnabled", False),
            "stream_view_type": stream.get("StreamViewType"),
            "ttl": [lives[name]["AttributeName"], lives[name]["Enabled"]],
        }
    return found


def _queues(recorder: Recorder) -> Resources:
    found: Resources = {}
    for one in recorder.of("CreateQueue"):
        attributes = one["Attributes"]
        found[f"aws_sqs_queue {one['QueueName']}"] = {
            "deduplication_scope": attributes.get("DeduplicationScope"),
            "fifo_queue": attributes.get("FifoQueue") == "true",
            "fifo_throughput_limit": attributes.get("FifoThroughputLimit"),
            "message_retention_seconds": int(attributes["MessageRetentionPeriod"]),
            "redrive_policy": json.loads(attributes.get("RedrivePolicy", "null")),
            "sqs_managed_sse_enabled": attributes["SqsManagedSseEnabled"] == "true",
            "visibility_timeout_seconds": int(attributes.get("VisibilityTimeout", 30)),
        }
    for one in recorder.of("SetQueueAttributes"):
        name = one["QueueUrl"].rpartition("/")[2]
        found[f"aws_sqs_queue_policy {name}"] = {"policy": statements(one["Attributes"]["Policy"])}
    return found


def _buses(recorder: Recorder) -> Resources:
    return {f"aws_cloudwatch_event_bus {one['Name']}": {} for one in recorder.of("CreateEventBus")}


def _rules(recorder: Recorder) -> Resources:
    found: Resources = {}
    for one in recorder.of("PutRule"):
        found[f"aws_cloudwatch_event_rule {one['Name']}"] = {
            "event_bus_name": one["EventBusName"],
            "event_pattern": json.loads(one.get("EventPattern", "null")),
            "schedule_expression": one.get("ScheduleExpression"),
            "state": one["State"],
        }
    for one in recorder.of("PutTargets"):
        (target,) = one["Targets"]
        found[f"aws_cloudwatch_event_target {one['Rule']}"] = {
            "arn": target["Arn"],
            "dead_letter_config": target.get("DeadLetterConfig", {}).get("Arn"),
            "input": json.loads(target.get("Input", "null")),
            "target_id": target["Id"],
        }
    for one in recorder.of("AddPermission"):
        function = one["FunctionName"].rpartition(":")[2]
        found[f"aws_lambda_permission {function}/{one['StatementId']}"] = {
            "action": one["Action"],
            "principal": one["Principal"],
        }
    return found


def _roles(recorder: Recorder) -> Resources:
    found: Resources = {}
    for one in recorder.of("CreateRole"):
        trust = statements(one["AssumeRolePolicyDocument"])
        found[f"aws_iam_role {one['RoleName']}"] = {"assume_role_policy": trust}
    for one in recorder.of("PutRolePolicy"):
        found[f"aws_iam_role_policy {one['RoleName']}/{one['PolicyName']}"] = by_sid(one["PolicyDocument"])
    return found


def _functions(recorder: Recorder) -> Resources:
    reserved = {
        one["FunctionName"]: one["ReservedConcurrentExecutions"] for one in recorder.of("PutFunctionConcurrency")
    }
    found: Resources = {}
    for one in recorder.of("CreateFunction"):
        name = one["FunctionName"]
        found[f"aws_lambda_function {name}"] = {
            "architectures": one.get("Architectures", ["x86_64"]),
            "dead_letter_config": one.get("DeadLetterConfig", {}).get("TargetArn"),
            "handler": one["Handler"],
            "memory_size": one["MemorySize"],
            "reserved_concurrent_executions": reserved[name],
            "role": one["Role"],
            "runtime": one["Runtime"],
            "timeout": one["Timeout"],
            **{f"environment.{key}": value for key, value in one["Environment"]["Variables"].items()},
        }
    return found


def _mappings(recorder: Recorder) -> Resources:
    return {
        f"aws_lambda_event_source_mapping {mapping_name(one['EventSourceArn'], one['FunctionName'])}": {
            "batch_size": one["BatchSize"],
            "bisect_batch_on_function_error": one.get("BisectBatchOnFunctionError"),
            "destination_config": one.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"),
            "filter_criteria": patterns(
                [found["Pattern"] for found in one.get("FilterCriteria", {}).get("Filters", [])]
            ),
            "function_response_types": one["FunctionResponseTypes"],
            "maximum_batching_window_in_seconds": one.get("MaximumBatchingWindowInSeconds"),
            "maximum_retry_attempts": one.get("MaximumRetryAttempts"),
            "scaling_config": one.get("ScalingConfig", {}).get("MaximumConcurrency"),
            "starting_position": one.get("StartingPosition"),
        }
        for one in recorder.of("CreateEventSourceMapping")
    }


def mapping_name(source: str, function: str) -> str:
    """The name of a mapping, which has none in AWS: its table or queue, and its function."""
    thing = source.partition("/stream/")[0].rpartition(":")[2].removeprefix("table/")
    return f"{thing} to {function.rpartition(':')[2]}"


def patterns(texts: list[str]) -> list[Any]:
    """The patterns of a filter, in one order."""
    return sorted((json.loads(text) for text in texts), key=lambda found: json.dumps(found, sort_keys=True))


def _machines(recorder: Recorder) -> Resources:
    return {
        f"aws_sfn_state_machine {one['name']}": {
            "definition": json.loads(one["definition"]),
            "logging_configuration": one.get("loggingConfiguration"),
            "role_arn": one["roleArn"],
            "type": one.get("type", "STANDARD"),
        }
        for one in recorder.of("CreateStateMachine")
    }


def _groups(recorder: Recorder) -> Resources:
    return {f"aws_scheduler_schedule_group {one['Name']}": {} for one in recorder.of("CreateScheduleGroup")}


def statements(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["Statement"]
    return [{key: value for key, value in one.items() if key != "Sid"} for one in found]


def by_sid(text: str) -> Fields:
    """The statements by Sid, their actions and resources in one order."""
    found = {}
    for place, one in enumerate(json.loads(text)["Statement"]):
        lists = {key: sorted([one[key]] if isinstance(one[key], str) else one[key]) for key in ("Action", "Resource")}
        found[one.get("Sid", f"statement {place}")] = {
            key: value for key, value in {**one, **lists}.items() if key != "Sid"
        }
    return found

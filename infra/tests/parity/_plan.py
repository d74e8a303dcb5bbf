"""The resources of a plan, with the fields that the local deployment has too, in the form of _deployment.py."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from parity._deployment import Fields, Resources, by_sid, mapping_name, patterns, statements

if TYPE_CHECKING:
    from conftest import Plan

Values = Mapping[str, Any]


def planned_resources(plan: "Plan") -> Resources:
    """The planned resources. A type that the local deployment does not have is without fields."""
    found: Resources = {}
    for one in plan.resources:
        name, read = _READERS.get(one.type, (_plain_name, _no_fields))
        found[f"{one.type} {name(one.values) or one.address}"] = read(one.values)
    return found


def _plain_name(values: Values) -> str:
    return str(
        next((values[key] for key in ("name", "alarm_name", "function_name", "dashboard_name") if key in values), "")
    )


def _no_fields(values: Values) -> Fields:
    return {}


def _one(values: Values, block: str, *path: str) -> Any:
    """The value at a path below a block that occurs at most once."""
    found: Any = (values.get(block) or [None])[0]
    for step in path:
        if found is None:
            return None
        found = found[step]
        if isinstance(found, list) and step != path[-1]:
            found = found[0]
    return found


def _table(values: Values) -> Fields:
    return {
        "attribute": {one["name"]: one["type"] for one in values["attribute"]},
        "global_secondary_index": {
            one["name"]: [
                one["hash_key"],
                one["range_key"],
                one["projection_type"],
                sorted(one["non_key_attributes"] or []),
            ]
            for one in values.get("global_secondary_index") or []
        },
        "point_in_time_recovery": _one(values, "point_in_time_recovery", "enabled"),
        "server_side_encryption": _one(values, "server_side_encryption", "enabled"),
        "ttl": [_one(values, "ttl", "attribute_name"), _one(values, "ttl", "enabled")],
        **_same(values, "billing_mode", "deletion_protection_enabled", "hash_key", "range_key"),
        **_same(values, "stream_enabled", "stream_view_type"),
    }


def _queue(values: Values) -> Fields:
    return {
        "redrive_policy": json.loads(values.get("redrive_policy") or "null"),
        **_same(values, "deduplication_scope", "fifo_queue", "fifo_throughput_limit", "message_retention_seconds"),
        **_same(values, "sqs_managed_sse_enabled", "visibility_timeout_seconds"),
    }


def _rule(values: Values) -> Fields:
    return {
        "event_bus_name": values.get("event_bus_name") or "default",
        "event_pattern": json.loads(values.get("event_pattern") or "null"),
        "schedule_expression": values.get("schedule_expression"),
        "state": values.get("state") or "ENABLED",
    }


def _target(values: Values) -> Fields:
    return {
        "arn": values["arn"],
        "dead_letter_config": _one(values, "dead_letter_config", "arn"),
        "input": json.loads(values.get("input") or "null"),
        "target_id": values["target_id"],
    }


def _function(values: Values) -> Fields:
    variables = _one(values, "environment", "variables") or {}
    return {
        "dead_letter_config": _one(values, "dead_letter_config", "target_arn"),
        **_same(values, "architectures", "handler", "memory_size", "reserved_concurrent_executions"),
        **_same(values, "role", "runtime", "timeout"),
        **{f"environment.{key}": value for key, value in variables.items()},
    }


def _mapping(values: Values) -> Fields:
    filters = _one(values, "filter_criteria", "filter") or []
    return {
        "destination_config": _one(values, "destination_config", "on_failure", "destination_arn"),
        "filter_criteria": patterns([one["pattern"] for one in filters]),
        "scaling_config": _one(values, "scaling_config", "maximum_concurrency"),
        **_same(values, "batch_size", "bisect_batch_on_function_error", "function_response_types"),
        **_same(values, "maximum_batching_window_in_seconds", "maximum_retry_attempts", "starting_position"),
    }


def _machine(values: Values) -> Fields:
    logging = _one(values, "logging_configuration", "level")
    return {
        "definition": json.loads(values["definition"]),
        "logging_configuration": logging,
        "role_arn": values["role_arn"],
        "type": values.get("type") or "STANDARD",
    }


def _same(values: Values, *names: str) -> Fields:
    return {name: values.get(name) for name in names}


def _by(key: str) -> Callable[[Values], str]:
    return lambda values: str(values[key])


def _queue_of_policy(values: Values) -> str:
    """The URL of the queue is known after the apply only. The policy names the queue."""
    return str(json.loads(values["policy"])["Statement"][0]["Resource"].rpartition(":")[2])


_READERS: dict[str, tuple[Callable[[Values], str], Callable[[Values], Fields]]] = {
    "aws_cloudwatch_event_bus": (_by("name"), _no_fields),
    "aws_cloudwatch_event_bus_policy": (_by("event_bus_name"), _no_fields),
    "aws_cloudwatch_event_rule": (_by("name"), _rule),
    "aws_cloudwatch_event_target": (_by("rule"), _target),
    "aws_dynamodb_table": (_by("name"), _table),
    "aws_iam_role": (_by("name"), lambda values: {"assume_role_policy": statements(values["assume_role_policy"])}),
    "aws_iam_role_policy": (
        lambda values: f"{values['role']}/{values['name']}",
        lambda values: by_sid(values["policy"]),
    ),
    "aws_lambda_event_source_mapping": (
        # The stream of a table is known after the apply only. The name of its dead-letter queue has the table.
        lambda values: mapping_name(values.get("event_source_arn") or _table_of(values), values["function_name"]),
        _mapping,
    ),
    "aws_lambda_function": (_by("function_name"), _function),
    "aws_lambda_permission": (
        lambda values: f"{values['function_name']}/{values['statement_id']}",
        lambda values: _same(values, "action", "principal"),
    ),
    "aws_scheduler_schedule_group": (_by("name"), _no_fields),
    "aws_sfn_state_machine": (_by("name"), _machine),
    "aws_sqs_queue": (_by("name"), _queue),
    "aws_sqs_queue_policy": (_queue_of_policy, lambda values: {"policy": statements(values["policy"])}),
}


def _table_of(values: Values) -> str:
    queue = str(_one(values, "destination_config", "on_failure", "destination_arn"))
    return queue.replace("-sr-", "-").removesuffix("-dlq")

"""The connections of a deployment: the state machine, the rules of the bus and the event source mappings."""

import json
from collections.abc import Mapping
from typing import Any

from interlock_lifecycle.events import CANARY_SOURCE, PLAIN_PROGRESS
from interlock_local.pump import StreamMapping
from interlock_local.site._definition import render_definition
from interlock_local.site._site import Queue, Site

STREAM_FILTERS: dict[str, tuple[dict[str, Any], ...]] = {
    "control": (
        {"dynamodb": {"NewImage": {"PK": {"S": [{"exists": True}]}, "quiet": {"S": [{"exists": False}]}}}},
        {"dynamodb": {"Keys": {"SK": {"S": ["CONFIG"]}}}},
        {
            "dynamodb": {
                "Keys": {"SK": {"S": [{"prefix": "SENSOR#"}]}},
                "NewImage": {"PK": {"S": [{"exists": False}]}},
            }
        },
    ),
    "joblog": ({"dynamodb": {"NewImage": {"PK": {"S": [{"exists": True}]}, "runToken": {"S": [{"exists": False}]}}}},),
}
"""The filters exclude only known records, so that the router still gets an unknown kind of row.

Interlock marks its own notes (markers, cursors, kept rows) as quiet. Deleted rows have no new image and are excluded,
except configs, which must leave the cache. Interlock itself writes joblog rows with a runToken, and their events are
already committed.
"""


JOB_EVENTS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "glue": ("aws.glue", "Glue Job State Change", "state", ("FAILED", "STOPPED", "SUCCEEDED", "TIMEOUT")),
    "emr": ("aws.emr", "EMR Step Status Change", "state", ("CANCELLED", "COMPLETED", "FAILED", "INTERRUPTED")),
    "emr-serverless": (
        "aws.emr-serverless",
        "EMR Serverless Job Run State Change",
        "state",
        ("CANCELLED", "FAILED", "SUCCESS"),
    ),
    "step-function": (
        "aws.states",
        "Step Functions Execution Status Change",
        "status",
        ("ABORTED", "FAILED", "SUCCEEDED", "TIMED_OUT"),
    ),
}
"""The events of ended jobs by job type: source, detail type, the field of the state, and the states of an ended job."""


BUS_RULES = ("event-sink", "alerts")
"""The rules of the bus of the deployment."""

DEFAULT_RULES = (*(f"job-events-{job_type}" for job_type in JOB_EVENTS), "execution-status", "watchdog", "alert-probe")
"""The rules of the default bus."""


class Wiring:
    """Creates and updates the state machine, rules and mappings."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def state_machine(self, template: str, functions: Mapping[str, str], roles: Mapping[str, str]) -> str:
        client = self._site.clients("stepfunctions")
        definition = render_definition(
            template,
            orchestrator_arn=functions["orchestrator"],
            sla_monitor_arn=functions["sla-monitor"],
            timeout_seconds=self._site.settings.execution_timeout_seconds,
            trigger_max_attempts=self._site.settings.trigger_max_attempts,
            partition="aws",
        )
        arn = self._machine_arn()
        try:
            client.create_state_machine(name=self._site.name("pipeline"), definition=definition, roleArn=roles["sfn"])
        except client.exceptions.StateMachineAlreadyExists:
            client.update_state_machine(stateMachineArn=arn, definition=definition, roleArn=roles["sfn"])
        return arn

    def rules(self, functions: Mapping[str, str], queues: Mapping[str, Queue], roles: Mapping[str, str]) -> None:
        bus = self._site.name("bus")
        alerting = {
            "source": ["interlock", CANARY_SOURCE],
            "detail-type": [{"anything-but": sorted(PLAIN_PROGRESS)}],
        }
        sink, alerts, letters = queues["event-sink-dlq"], queues["alert-dlq"], queues["async-dlq"]
        self._rule("event-sink", {"source": ["interlock"]}, queues["event-sink"].arn, sink, bus=bus)
        self._rule("alerts", alerting, queues["alerts"].arn, alerts, bus=bus)
        ended = {
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {
                "status": ["ABORTED", "FAILED", "TIMED_OUT"],
                "stateMachineArn": [self._machine_arn()],
            },
        }
        for job_type in JOB_EVENTS:
            pattern = self._job_pattern(job_type)
            self._rule(f"job-events-{job_type}", pattern, queues["job-events"].arn, queues["job-events-dlq"])
        tick, probe = self._site.settings.watchdog_schedule, "rate(1 minute)"
        self._rule("execution-status", ended, functions["watchdog"], letters)
        self._rule("watchdog", None, functions["watchdog"], letters, schedule=tick)
        dispatcher = functions["alert-dispatcher"]
        self._rule("alert-probe", None, dispatcher, alerts, schedule=probe, given={"probe": True})

    def _job_pattern(self, job_type: str) -> dict[str, Any]:
        """The events of ended jobs of a type. An execution of Interlock itself is no job."""
        source, detail_type, field, ends = JOB_EVENTS[job_type]
        detail: dict[str, Any] = {field: list(ends)}
        if job_type == "step-function":
            detail["stateMachineArn"] = [{"anything-but": [self._machine_arn()]}]
        return {"source": [source], "detail-type": [detail_type], "detail": detail}

    def _machine_arn(self) -> str:
        return self._site.arn("states", f"stateMachine:{self._site.name('pipeline')}")

    def _rule(
        self,
        thing: str,
        pattern: Mapping[str, Any] | None,
        target: str,
        letters: Queue,
        *,
        bus: str = "default",
        schedule: str | None = None,
        given: Mapping[str, Any] | None = None,
    ) -> None:
        client = self._site.clients("events")
        when = {"ScheduleExpression": schedule} if schedule else {"EventPattern": json.dumps(pattern)}
        more = {"Input": json.dumps(given)} if given else {}
        to = {"Id": "interlock", "Arn": target, "DeadLetterConfig": {"Arn": letters.arn}, **more}
        client.put_rule(Name=self._site.name(thing), EventBusName=bus, State="ENABLED", **when)
        client.put_targets(Rule=self._site.name(thing), EventBusName=bus, Targets=[to])
        if ":lambda:" in target:
            rule = self._site.name(thing) if bus == "default" else f"{bus}/{self._site.name(thing)}"
            self._allow_events(target, thing, self._site.arn("events", f"rule/{rule}"))

    def _allow_events(self, function: str, thing: str, rule_arn: str) -> None:
        client = self._site.clients("lambda")
        try:
            client.add_permission(
                FunctionName=function,
                StatementId=f"events-{thing}",
                Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
                SourceArn=rule_arn,
            )
        except client.exceptions.ResourceConflictException:
            return

    def queue_mappings(self, functions: Mapping[str, str], queues: Mapping[str, Queue]) -> None:
        self._mapping(
            EventSourceArn=queues["event-sink"].arn,
            FunctionName=functions["event-sink"],
            BatchSize=100,
            MaximumBatchingWindowInSeconds=2,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            ScalingConfig={"MaximumConcurrency": 5},
        )
        self._mapping(
            EventSourceArn=queues["sensor-inbox.fifo"].arn,
            FunctionName=functions["stream-router"],
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            ScalingConfig={"MaximumConcurrency": 2},
        )
        self._mapping(
            EventSourceArn=queues["job-events"].arn,
            FunctionName=functions["stream-router"],
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            ScalingConfig={"MaximumConcurrency": 2},
        )
        self._mapping(
            EventSourceArn=queues["alerts"].arn,
            FunctionName=functions["alert-dispatcher"],
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            # One invocation is left for the probe.
            ScalingConfig={"MaximumConcurrency": 2},
        )

    def _mapping(self, **shape: Any) -> None:
        """Create or update a mapping. The search comes first, since some servers accept a second equal mapping."""
        client = self._site.clients("lambda")
        found = client.list_event_source_mappings(
            EventSourceArn=shape["EventSourceArn"], FunctionName=shape["FunctionName"]
        )["EventSourceMappings"]
        if not found:
            client.create_event_source_mapping(**shape)
            return
        fixed = {"EventSourceArn", "StartingPosition"}
        client.update_event_source_mapping(
            UUID=found[0]["UUID"], **{name: value for name, value in shape.items() if name not in fixed}
        )

    def stream_mappings(
        self, streams: Mapping[str, str], functions: Mapping[str, str], queues: Mapping[str, Queue]
    ) -> tuple[StreamMapping, ...]:
        return tuple(
            StreamMapping(
                name=table,
                stream_arn=streams[table],
                function_name=self._site.name("stream-router"),
                function_arn=functions["stream-router"],
                filters=STREAM_FILTERS[table],
                on_failure_queue_url=queues[f"sr-{table}-dlq"].url,
            )
            for table in ("control", "joblog")
        )

    def create_stream_mappings(self, mappings: tuple[StreamMapping, ...], queues: Mapping[str, Queue]) -> None:
        for mapping in mappings:
            self._mapping(
                EventSourceArn=mapping.stream_arn,
                FunctionName=mapping.function_arn,
                BatchSize=mapping.batch_size,
                StartingPosition=mapping.starting_position,
                BisectBatchOnFunctionError=True,
                MaximumRetryAttempts=mapping.maximum_retry_attempts,
                FunctionResponseTypes=["ReportBatchItemFailures"],
                FilterCriteria={"Filters": [{"Pattern": json.dumps(found)} for found in mapping.filters]},
                DestinationConfig={"OnFailure": {"Destination": queues[f"sr-{mapping.name}-dlq"].arn}},
            )

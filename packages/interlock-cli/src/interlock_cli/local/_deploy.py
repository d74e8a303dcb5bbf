"""Deploys Interlock through the AWS API: the same names and shapes as the Terraform; deploying again updates."""

import contextlib
import json
import re
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec import Struct

from interlock_cli.local._checkout import find_checkout
from interlock_cli.local._errors import LocalStackError
from interlock_cli.local._mapping import StreamMapping
from interlock_cli.local._policies import ROLES, role_policy

Progress = Callable[[str], None]
Clients = Callable[[str], Any]

_ALARM_FREE = ("JOB_TRIGGERED", "VALIDATION_PASSED", "POST_RUN_BASELINE_CAPTURED", "POST_RUN_PASSED")
"""Detail types that reach no alert channel: plain progress."""

STREAM_FILTERS: dict[str, tuple[dict[str, Any], ...]] = {
    "control": (
        {"dynamodb": {"NewImage": {"SK": {"S": [{"anything-but": {"prefix": "MARKER#"}}]}}}},
        {"dynamodb": {"Keys": {"SK": {"S": ["CONFIG"]}}}},
    ),
    "joblog": ({"dynamodb": {"NewImage": {"PK": {"S": [{"exists": True}]}, "runToken": {"S": [{"exists": False}]}}}},),
}
"""Known uninteresting records are filtered out, so that an unknown kind of row is still looked at.

Deleted rows have no new image and are not wanted, except configs, which must leave the cache. Joblog rows with a
runToken were written by Interlock; their events are committed already.
"""

_FUNCTION_PATIENCE = 60.0
_TIMEOUTS = {"watchdog": 240}
_CONCURRENCY = {
    "stream-router": 10,
    "orchestrator": 10,
    "sla-monitor": 5,
    "watchdog": 2,
    "event-sink": 5,
    "alert-dispatcher": 3,
}


class StackSettings(Struct, frozen=True, kw_only=True):
    """What a deployment may choose; durations as text, such as 2m.

    `job_environment` are INTERLOCK_ variables that job configs and commands may use.
    """

    environment: str = "local"
    job_environment: Mapping[str, str] = {}
    slack_channel_id: str = "C0LOCAL"
    slack_bot_token: str = ""
    slack_secret_arn: str = ""
    slack_api_url: str = ""
    execution_timeout_seconds: int = 14400
    trigger_max_attempts: int = 3
    orchestrator_timeout: int = 300
    watchdog_schedule: str = "rate(1 minute)"
    pending_grace: str = "2m"
    probe_after: str = "5m"
    skip_scheduler: bool = False
    events_ttl_days: int = 90


class Deployment(Struct, frozen=True):
    """What was deployed: functions by service, the state machine, queues, and the streams' mappings."""

    environment: str
    functions: Mapping[str, str]
    state_machine_arn: str
    dead_letter_queues: tuple[str, ...]
    alert_queue_url: str
    scheduler_group: str
    mappings: tuple[StreamMapping, ...]


def deploy(
    clients: Clients,
    zips: Mapping[str, Path],
    runtime: str,
    definition: str,
    settings: StackSettings,
    *,
    region: str,
    account: str,
    stream_mappings: bool,
    progress: Progress = lambda line: None,
) -> Deployment:
    """Create or update everything. `stream_mappings` False leaves the streams to a pump."""
    site = _Site(clients, settings, region, account)
    progress("tables")
    streams = site.tables()
    progress("bus, queues, roles and scheduler group")
    queues = site.queues()
    site.bus()
    roles = site.roles()
    site.scheduler_group()
    progress("functions")
    with ThreadPoolExecutor() as pool:
        deployed = {
            service: pool.submit(site.function, service, path, runtime, roles, queues) for service, path in zips.items()
        }
    functions = {service: future.result() for service, future in deployed.items()}
    progress("state machine, rules and mappings")
    machine = site.state_machine(definition, functions, roles)
    site.rules(functions, queues, roles)
    site.alert_mapping(functions, queues)
    mappings = site.stream_mappings(streams, functions, queues)
    if stream_mappings:
        site.create_stream_mappings(mappings, queues)
    return Deployment(
        environment=settings.environment,
        functions=functions,
        state_machine_arn=machine,
        dead_letter_queues=(queues["sr-control-dlq"].url, queues["sr-joblog-dlq"].url, queues["alert-dlq"].url),
        alert_queue_url=queues["alerts"].url,
        scheduler_group=site.name("sla"),
        mappings=mappings,
    )


def deploy_to(
    clients: Clients, zips: Mapping[str, Path], runtime: str, settings: StackSettings, *, progress: Progress
) -> Deployment:
    """Deploy to whatever answers the clients, with its own stream mappings and account."""
    account = str(clients("sts").get_caller_identity()["Account"])
    template = (find_checkout() / "infra" / "statemachine" / "interlock.asl.json").read_text(encoding="utf-8")
    region = str(clients("dynamodb").meta.region_name)
    return deploy(
        clients,
        zips,
        runtime,
        template,
        settings,
        region=region,
        account=account,
        stream_mappings=True,
        progress=progress,
    )


def render_definition(template: str, **values: object) -> str:
    """The state machine's definition with its `${name}` placeholders filled; `$.` and `$$.` are JSONPath."""
    try:
        return re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), template)
    except KeyError as error:
        raise LocalStackError(f"The state machine's template names {error}, which nobody fills in.") from None


class _Queue(Struct, frozen=True):
    url: str
    arn: str


class _Site:
    """Where things are put: the clients, and the names and addresses of one environment."""

    def __init__(self, clients: Clients, settings: StackSettings, region: str, account: str) -> None:
        self._clients = _made_once(clients)
        self._settings = settings
        self._region = region
        self._account = account

    def name(self, thing: str) -> str:
        return f"{self._settings.environment}-interlock-{thing}"

    def arn(self, service: str, resource: str) -> str:
        region = "" if service == "iam" else self._region
        return f"arn:aws:{service}:{region}:{self._account}:{resource}"

    # --- tables ----------------------------------------------------------------------

    def tables(self) -> dict[str, str]:
        """Create the four tables; the stream of each that has one, by table."""
        client = self._clients("dynamodb")
        streams = {}
        for table in ("control", "joblog", "rerun", "events"):
            name = self.name(table)
            with contextlib.suppress(client.exceptions.ResourceInUseException):
                client.create_table(**_table(name, table))
            client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
            self._protect_table(name)
            stream = client.describe_table(TableName=name)["Table"].get("LatestStreamArn")
            if stream:
                streams[table] = stream
        return streams

    def _protect_table(self, name: str) -> None:
        """Time to live and backups, also for a table whose deployment was cut short."""
        client = self._clients("dynamodb")
        lives = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"]
        if lives not in {"ENABLED", "ENABLING"}:
            client.update_time_to_live(
                TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}
            )
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )

    # --- bus and queues ------------------------------------------------------------------

    def bus(self) -> None:
        client = self._clients("events")
        try:
            client.create_event_bus(Name=self.name("bus"))
        except client.exceptions.ResourceAlreadyExistsException:
            return

    def queues(self) -> dict[str, _Queue]:
        found = {name: self._queue(name) for name in ("alert-dlq", "sr-control-dlq", "sr-joblog-dlq", "async-dlq")}
        redrive = json.dumps({"deadLetterTargetArn": found["alert-dlq"].arn, "maxReceiveCount": 10})
        found["alerts"] = self._queue("alerts", RedrivePolicy=redrive, VisibilityTimeout="360")
        for queue in found.values():
            policy = _queue_policy(queue.arn, self._account)
            self._clients("sqs").set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": policy})
        return found

    def _queue(self, thing: str, **attributes: str) -> _Queue:
        client = self._clients("sqs")
        fixed = {"SqsManagedSseEnabled": "true", "MessageRetentionPeriod": "1209600", **attributes}
        try:
            url = client.create_queue(QueueName=self.name(thing), Attributes=fixed)["QueueUrl"]
        except client.exceptions.QueueNameExists:
            url = client.get_queue_url(QueueName=self.name(thing))["QueueUrl"]
            client.set_queue_attributes(QueueUrl=url, Attributes=fixed)
        return _Queue(url, self.arn("sqs", self.name(thing)))

    # --- roles and scheduler ----------------------------------------------------------------

    def roles(self) -> dict[str, str]:
        """One role per Lambda, one for the state machine and one for the scheduler, each with its own policy."""
        client = self._clients("iam")
        for role, principal in ROLES.items():
            trust = {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}],
            }
            with contextlib.suppress(client.exceptions.EntityAlreadyExistsException):
                client.create_role(RoleName=self.name(role), AssumeRolePolicyDocument=json.dumps(trust))
            policy = role_policy(role, self.arn, self.name)
            client.put_role_policy(RoleName=self.name(role), PolicyName="interlock", PolicyDocument=json.dumps(policy))
        return {role: self.arn("iam", f"role/{self.name(role)}") for role in ROLES}

    def scheduler_group(self) -> None:
        client = self._clients("scheduler")
        try:
            client.create_schedule_group(Name=self.name("sla"))
        except client.exceptions.ConflictException:
            return

    # --- functions ---------------------------------------------------------------------------

    def function(
        self, service: str, path: Path, runtime: str, roles: Mapping[str, str], queues: Mapping[str, _Queue]
    ) -> str:
        """Create or update one function; its ARN."""
        client = self._clients("lambda")
        name = self.name(service)
        module = f"interlock_{service.replace('-', '_')}"
        timeout = self._settings.orchestrator_timeout if service == "orchestrator" else _TIMEOUTS.get(service, 60)
        shape: dict[str, Any] = {
            "FunctionName": name,
            "Runtime": runtime,
            "Role": roles[service],
            "Handler": f"{module}.handler.handle",
            "Timeout": timeout,
            "MemorySize": 256,
            "Environment": {"Variables": self._variables(service, queues)},
        }
        if service in {"event-sink", "sla-monitor", "watchdog"}:
            shape["DeadLetterConfig"] = {"TargetArn": queues["async-dlq"].arn}
        code = path.read_bytes()
        try:
            arn = client.create_function(Code={"ZipFile": code}, **shape)["FunctionArn"]
        except client.exceptions.ResourceConflictException:
            arn = self._update_function(code, shape)
        self._await_function(name)
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=_CONCURRENCY[service])
        return str(arn)

    def _update_function(self, code: bytes, shape: dict[str, Any]) -> str:
        client = self._clients("lambda")
        name = shape["FunctionName"]
        found = self._await_function(name)
        if found.get("CodeSha256") != b64encode(sha256(code).digest()).decode():
            client.update_function_code(FunctionName=name, ZipFile=code)
            self._await_function(name)
        return str(client.update_function_configuration(**shape)["FunctionArn"])

    def _await_function(self, name: str) -> Mapping[str, Any]:
        """The function's configuration, once an earlier change of it has taken hold."""
        client = self._clients("lambda")
        end = time.monotonic() + _FUNCTION_PATIENCE
        while time.monotonic() < end:
            found: Mapping[str, Any] = client.get_function_configuration(FunctionName=name)
            if found.get("State", "Active") == "Active" and found.get("LastUpdateStatus", "Successful") == "Successful":
                return found
            time.sleep(0.1)
        raise LocalStackError(f"The function {name} did not become active within {_FUNCTION_PATIENCE:.0f} s.")

    def _variables(self, service: str, queues: Mapping[str, _Queue]) -> dict[str, str]:
        settings = self._settings
        tables = {f"{table.upper()}_TABLE": self.name(table) for table in ("control", "joblog", "rerun")}
        common = {
            **tables,
            "EVENT_BUS_NAME": self.name("bus"),
            "SFN_TIMEOUT_SECONDS": str(settings.execution_timeout_seconds),
        }
        machine = {"STATE_MACHINE_ARN": self.arn("states", f"stateMachine:{self.name('pipeline')}")}
        timers = {
            "SLA_MONITOR_ARN": self.arn("lambda", f"function:{self.name('sla-monitor')}"),
            "SCHEDULER_ROLE_ARN": self.arn("iam", f"role/{self.name('scheduler')}"),
            "SCHEDULER_GROUP_NAME": self.name("sla"),
            "SCHEDULER_DLQ_ARN": queues["async-dlq"].arn,
            "SKIP_SCHEDULER": "true" if settings.skip_scheduler else "false",
        }
        events = {"EVENTS_TABLE": self.name("events"), "EVENTS_TTL_DAYS": str(settings.events_ttl_days)}
        patience = {"PENDING_GRACE": settings.pending_grace, "PROBE_AFTER": settings.probe_after}
        slack = {
            "SLACK_CHANNEL_ID": settings.slack_channel_id,
            "SLACK_BOT_TOKEN": settings.slack_bot_token,
            "SLACK_SECRET_ARN": settings.slack_secret_arn,
            "SLACK_API_URL": settings.slack_api_url,
        }
        variables = {
            "stream-router": {**common, **machine, "DLQ_QUEUE_URL": queues["sr-control-dlq"].url},
            "orchestrator": {**common, **settings.job_environment},
            "sla-monitor": {**common, **timers},
            "watchdog": {**common, **machine, **timers, **patience},
            "event-sink": events,
            "alert-dispatcher": {**events, **slack},
        }[service]
        return {name: value for name, value in variables.items() if value}

    # --- state machine, rules, mappings --------------------------------------------------------

    def state_machine(self, template: str, functions: Mapping[str, str], roles: Mapping[str, str]) -> str:
        client = self._clients("stepfunctions")
        definition = render_definition(
            template,
            orchestrator_arn=functions["orchestrator"],
            sla_monitor_arn=functions["sla-monitor"],
            timeout_seconds=self._settings.execution_timeout_seconds,
            trigger_max_attempts=self._settings.trigger_max_attempts,
        )
        arn = self.arn("states", f"stateMachine:{self.name('pipeline')}")
        try:
            client.create_state_machine(name=self.name("pipeline"), definition=definition, roleArn=roles["sfn"])
        except client.exceptions.StateMachineAlreadyExists:
            client.update_state_machine(stateMachineArn=arn, definition=definition, roleArn=roles["sfn"])
        return arn

    def rules(self, functions: Mapping[str, str], queues: Mapping[str, _Queue], roles: Mapping[str, str]) -> None:
        bus = self.name("bus")
        alerting = {"source": ["interlock"], "detail-type": [{"anything-but": list(_ALARM_FREE)}]}
        self._rule("event-sink", {"source": ["interlock"]}, functions["event-sink"], bus=bus)
        self._rule("alerts", alerting, queues["alerts"].arn, bus=bus)
        ended = {
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {
                "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                "stateMachineArn": [self.arn("states", f"stateMachine:{self.name('pipeline')}")],
            },
        }
        self._rule("execution-status", ended, functions["watchdog"])
        self._rule("watchdog", None, functions["watchdog"], schedule=self._settings.watchdog_schedule)

    def _rule(
        self,
        thing: str,
        pattern: Mapping[str, Any] | None,
        target: str,
        *,
        bus: str = "default",
        schedule: str | None = None,
    ) -> None:
        client = self._clients("events")
        when = {"ScheduleExpression": schedule} if schedule else {"EventPattern": json.dumps(pattern)}
        client.put_rule(Name=self.name(thing), EventBusName=bus, State="ENABLED", **when)
        client.put_targets(Rule=self.name(thing), EventBusName=bus, Targets=[{"Id": "interlock", "Arn": target}])
        if ":lambda:" in target:
            rule = self.name(thing) if bus == "default" else f"{bus}/{self.name(thing)}"
            self._allow_events(target, thing, self.arn("events", f"rule/{rule}"))

    def _allow_events(self, function: str, thing: str, rule_arn: str) -> None:
        client = self._clients("lambda")
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

    def alert_mapping(self, functions: Mapping[str, str], queues: Mapping[str, _Queue]) -> None:
        self._mapping(
            EventSourceArn=queues["alerts"].arn,
            FunctionName=functions["alert-dispatcher"],
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            ScalingConfig={"MaximumConcurrency": 3},
        )

    def _mapping(self, **shape: Any) -> None:
        """Create or update; looked for first, because not every server refuses a second mapping of the same kind."""
        client = self._clients("lambda")
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
        self, streams: Mapping[str, str], functions: Mapping[str, str], queues: Mapping[str, _Queue]
    ) -> tuple[StreamMapping, ...]:
        return tuple(
            StreamMapping(
                name=table,
                stream_arn=streams[table],
                function_name=self.name("stream-router"),
                function_arn=functions["stream-router"],
                filters=STREAM_FILTERS[table],
                on_failure_queue_url=queues[f"sr-{table}-dlq"].url,
            )
            for table in ("control", "joblog")
        )

    def create_stream_mappings(self, mappings: tuple[StreamMapping, ...], queues: Mapping[str, _Queue]) -> None:
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


def _made_once(clients: Clients) -> Clients:
    """One client per service: threads may share clients, but not make them at the same time."""
    lock = threading.Lock()
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        with lock:
            if service not in made:
                made[service] = clients(service)
            return made[service]

    return client


def _table(name: str, table: str) -> dict[str, Any]:
    """The shape of one table (contracts.md §1)."""
    keys = {"PK": "S", "SK": "S"}
    index: tuple[tuple[str, str], ...] = ()
    if table == "control":
        index = (("GSI1PK", "S"), ("GSI1SK", "S"))
    elif table == "events":
        index = (("eventType", "S"), ("timestamp", "N"))
    attributes = [*keys.items(), *index]
    shape: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
        "SSESpecification": {"Enabled": True},
        "AttributeDefinitions": [{"AttributeName": one, "AttributeType": kind} for one, kind in attributes],
        "KeySchema": _key_schema("PK", "SK"),
    }
    if index:
        schema = _key_schema(*(one for one, _ in index))
        projection = {"ProjectionType": "ALL"}
        shape["GlobalSecondaryIndexes"] = [{"IndexName": "GSI1", "KeySchema": schema, "Projection": projection}]
    if table in {"control", "joblog"}:
        shape["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    return shape


def _key_schema(hash_key: str, range_key: str) -> list[dict[str, str]]:
    return [{"AttributeName": hash_key, "KeyType": "HASH"}, {"AttributeName": range_key, "KeyType": "RANGE"}]


def _queue_policy(arn: str, account: str) -> str:
    """EventBridge of this account may send; nobody else is named."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

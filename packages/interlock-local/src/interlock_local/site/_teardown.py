"""Removes everything of a deployment that `deploy` creates. A repetition goes on where an earlier one ended."""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from interlock_local._services import SERVICES
from interlock_local.site._policies import ROLES
from interlock_local.site._queues import DEAD_LETTERS, READ_QUEUES
from interlock_local.site._settings import StackSettings
from interlock_local.site._site import Clients, Site
from interlock_local.site._tables import TABLES
from interlock_local.site._wiring import BUS_RULES, DEFAULT_RULES

_ABSENT = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchEntity",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    }
)


def teardown(
    clients: Clients,
    environment: str,
    *,
    skip_scheduler: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> tuple[str, ...]:
    """Remove a deployment with its rows. The result has the removed resources, by kind and name.

    Absent resources are left out. With `skip_scheduler` EventBridge Scheduler is not called.
    """
    account = str(clients("sts").get_caller_identity()["Account"])
    region = str(clients("dynamodb").meta.region_name)
    site = Site(clients, StackSettings(environment=environment), region, account)
    removed = []
    for name in _Removal(site, skip_scheduler).all():
        progress(f"removed {name}")
        removed.append(name)
    return tuple(removed)


class _Removal:
    """Removes the resources in an order in which none refers to a removed one."""

    def __init__(self, site: Site, skip_scheduler: bool) -> None:
        self._site = site
        self._skip_scheduler = skip_scheduler

    def all(self) -> Iterator[str]:
        """Remove everything, and yield each removed resource."""
        yield from self._mappings()
        yield from self._rules()
        yield from self._functions()
        machine = self._site.arn("states", f"stateMachine:{self._site.name('pipeline')}")
        yield from self._removed("state machine", "pipeline", "stepfunctions", self._machine(machine))
        if not self._skip_scheduler:
            name = self._site.name("sla")
            yield from self._removed("schedule group", "sla", "scheduler", lambda c: c.delete_schedule_group(Name=name))
        for queue in (*READ_QUEUES, *DEAD_LETTERS):
            yield from self._removed("queue", queue, "sqs", self._queue(self._site.name(queue)))
        yield from self._removed(
            "bus", "bus", "events", self._present_bus(lambda c, name: c.delete_event_bus(Name=name))
        )
        for table in TABLES:
            yield from self._removed("table", table, "dynamodb", self._table(self._site.name(table)))
        for role in ROLES:
            yield from self._removed("role", role, "iam", self._role(self._site.name(role)))

    def _removed(self, kind: str, thing: str, service: str, remove: Callable[[Any], object]) -> Iterator[str]:
        try:
            remove(self._site.clients(service))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT:
                raise
            return
        yield f"{kind} {self._site.name(thing)}"

    def _mappings(self) -> Iterator[str]:
        client = self._site.clients("lambda")
        for service in SERVICES:
            name = self._site.name(service)
            for found in client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]:
                client.delete_event_source_mapping(UUID=found["UUID"])
                yield f"mapping {found['EventSourceArn'].rpartition(':')[2]} of {name}"

    def _rules(self) -> Iterator[str]:
        for bus, things in ((self._site.name("bus"), BUS_RULES), ("default", DEFAULT_RULES)):
            for thing in things:
                yield from self._removed("rule", thing, "events", self._rule(self._site.name(thing), bus))

    def _functions(self) -> Iterator[str]:
        for service in SERVICES:
            name = self._site.name(service)
            yield from self._removed("function", service, "lambda", self._function(name))
            yield from self._removed("log group", service, "logs", self._logs(f"/aws/lambda/{name}"))

    def _present_bus(self, remove: Callable[[Any, str], object]) -> Callable[[Any], object]:
        """AWS removes an absent bus without an error, so the bus is described first."""

        def act(client: Any) -> None:
            client.describe_event_bus(Name=self._site.name("bus"))
            remove(client, self._site.name("bus"))

        return act

    @staticmethod
    def _machine(arn: str) -> Callable[[Any], object]:
        def act(client: Any) -> None:
            client.describe_state_machine(stateMachineArn=arn)
            client.delete_state_machine(stateMachineArn=arn)

        return act

    @staticmethod
    def _queue(name: str) -> Callable[[Any], object]:
        return lambda client: client.delete_queue(QueueUrl=client.get_queue_url(QueueName=name)["QueueUrl"])

    @staticmethod
    def _rule(name: str, bus: str) -> Callable[[Any], object]:
        def act(client: Any) -> None:
            targets = client.list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"]
            client.describe_rule(Name=name, EventBusName=bus)
            if targets:
                client.remove_targets(Rule=name, EventBusName=bus, Ids=[target["Id"] for target in targets])
            client.delete_rule(Name=name, EventBusName=bus)

        return act

    @staticmethod
    def _function(name: str) -> Callable[[Any], object]:
        return lambda client: client.delete_function(FunctionName=name)

    @staticmethod
    def _logs(group: str) -> Callable[[Any], object]:
        return lambda client: client.delete_log_group(logGroupName=group)

    @staticmethod
    def _table(name: str) -> Callable[[Any], object]:
        def act(client: Any) -> None:
            if client.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
                client.update_table(TableName=name, DeletionProtectionEnabled=False)
                client.get_waiter("table_exists").wait(TableName=name)
            client.delete_table(TableName=name)

        return act

    @staticmethod
    def _role(name: str) -> Callable[[Any], object]:
        def act(client: Any) -> None:
            for policy in client.list_role_policies(RoleName=name)["PolicyNames"]:
                client.delete_role_policy(RoleName=name, PolicyName=policy)
            client.delete_role(RoleName=name)

        return act

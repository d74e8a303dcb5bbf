"""The policies of the roles: only the actions, tables and indexes that each Lambda uses."""

from collections.abc import Callable
from typing import Any

_LAMBDA = "lambda.amazonaws.com"
ROLES = {
    "stream-router": _LAMBDA,
    "orchestrator": _LAMBDA,
    "sla-monitor": _LAMBDA,
    "watchdog": _LAMBDA,
    "event-sink": _LAMBDA,
    "alert-dispatcher": _LAMBDA,
    "sfn": "states.amazonaws.com",
    "scheduler": "scheduler.amazonaws.com",
}
"""The roles of a deployment, with the service that assumes each role."""

_READ = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query")
_WRITE = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem")

Arn = Callable[[str, str], str]
Name = Callable[[str], str]


def role_policy(role: str, arn: Arn, name: Name, *, own_server: bool = False) -> dict[str, Any]:
    """The inline policy of a role of ROLES. `own_server` adds the names that our local server checks instead."""
    return {"Version": "2012-10-17", "Statement": _Statements(arn, name, own_server).of(role)}


class _Statements:
    def __init__(self, arn: Arn, name: Name, own_server: bool) -> None:
        self._arn = arn
        self._name = name
        self._own_server = own_server

    def of(self, role: str) -> list[dict[str, Any]]:
        found: dict[str, list[dict[str, Any]]] = {
            "stream-router": [
                *self._tables(),
                self._start(),
                self._wake(),
                self._bus(),
                self._streams(),
                self._send("sr-control-dlq"),
                self._receive("sensor-inbox.fifo"),
                self._send("sensor-inbox-dlq.fifo"),
                self._receive("job-events"),
            ],
            "orchestrator": [*self._tables(), self._wake()],
            "sla-monitor": [*self._tables(), *self._timers()],
            "watchdog": [
                *self._tables(),
                self._start(),
                self._wake(),
                self._describe(),
                self._bus(),
                *self._timers(),
            ],
            "event-sink": [
                self._events(("dynamodb:PutItem",)),
                self._receive("event-sink"),
                self._send("event-sink-dlq"),
            ],
            "alert-dispatcher": [
                self._events((*_READ, "dynamodb:UpdateItem", "dynamodb:DeleteItem")),
                _allow(["dynamodb:Query"], [f"{self._table('events')}/index/GSI1"]),
                self._receive("alerts"),
                self._send("alert-dlq"),
            ],
            "sfn": [_allow(["lambda:InvokeFunction"], [self._function("orchestrator"), self._function("sla-monitor")])],
            "scheduler": [_allow(["lambda:InvokeFunction"], [self._function("sla-monitor")]), self._send("async-dlq")],
        }
        statements = found[role]
        if role in {"event-sink", "sla-monitor", "watchdog"}:
            statements.append(self._send("async-dlq"))
        if role not in {"sfn", "scheduler"}:
            statements.append(self._logs(role))
        return statements

    def _tables(self) -> list[dict[str, Any]]:
        tables = [self._table(table) for table in ("control", "joblog", "rerun")]
        index = f"{self._table('control')}/index/GSI1"
        return [_allow([*_READ, *_WRITE], tables), _allow(["dynamodb:Query"], [index])]

    def _events(self, actions: tuple[str, ...]) -> dict[str, Any]:
        return _allow(actions, [self._table("events")])

    def _table(self, table: str) -> str:
        return self._arn("dynamodb", f"table/{self._name(table)}")

    def _function(self, service: str) -> str:
        return self._arn("lambda", f"function:{self._name(service)}")

    def _streams(self) -> dict[str, Any]:
        actions = [
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
        ]
        return _allow(actions, [f"{self._table(table)}/stream/*" for table in ("control", "joblog")])

    def _start(self) -> dict[str, Any]:
        machine = self._arn("states", f"stateMachine:{self._name('pipeline')}")
        return _allow(["states:DescribeStateMachine", "states:StartExecution"], [machine])

    def _wake(self) -> dict[str, Any]:
        resources = [self._arn("states", f"stateMachine:{self._name('pipeline')}")]
        if self._own_server:  # it knows no state machine for a task token
            resources.append("*")
        return _allow(["states:SendTaskSuccess"], resources)

    def _describe(self) -> dict[str, Any]:
        return _allow(["states:DescribeExecution"], [self._arn("states", f"execution:{self._name('pipeline')}:*")])

    def _bus(self) -> dict[str, Any]:
        bus = self._name("bus")
        resources = [self._arn("events", f"event-bus/{bus}")]
        if self._own_server:  # it reads the bus of DescribeEventBus as a rule of the default bus
            resources.append(self._arn("events", f"rule/default/{bus}"))
        return _allow(["events:PutEvents", "events:DescribeEventBus"], resources)

    def _timers(self) -> list[dict[str, Any]]:
        schedules = [self._arn("scheduler", f"schedule/{self._name('sla')}/*")]
        if self._own_server:  # it reads each schedule as a schedule of the group "default"
            schedules.append(self._arn("scheduler", "schedule/default/*"))
        role = self._arn("iam", f"role/{self._name('scheduler')}")
        passing = _allow(["iam:PassRole"], [role])
        passing["Condition"] = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
        group = self._arn("scheduler", f"schedule-group/{self._name('sla')}")
        return [
            _allow(["scheduler:CreateSchedule", "scheduler:DeleteSchedule"], schedules),
            _allow(["scheduler:GetScheduleGroup"], [group]),
            passing,
        ]

    def _receive(self, queue: str) -> dict[str, Any]:
        actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        return _allow(actions, [self._arn("sqs", self._name(queue))])

    def _send(self, queue: str) -> dict[str, Any]:
        return _allow(["sqs:SendMessage"], [self._arn("sqs", self._name(queue))])

    def _logs(self, service: str) -> dict[str, Any]:
        group = self._arn("logs", f"log-group:/aws/lambda/{self._name(service)}:*")
        return _allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], [group])


def _allow(actions: tuple[str, ...] | list[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resources}

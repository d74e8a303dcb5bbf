"""The cost of a deployment by list prices, from the counts that CloudWatch and Step Functions have of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

SERVICES = ("alert-dispatcher", "event-sink", "orchestrator", "sla-monitor", "stream-router", "watchdog")
TABLES = ("control", "joblog", "rerun", "events")
GIGABYTES = 0.5
"""The memory of each function."""

PRICES = {
    "state transitions": 25.0,
    "invocations": 0.20,
    "gigabyte-seconds": 13.3334,
    "write units": 0.625,
    "read units": 0.125,
}
"""US dollars per million in us-east-1 for functions on arm64, without the free tier."""

Clients = Callable[[str], Any]


class Usage(Struct, frozen=True):
    """What a deployment has used, in the units of PRICES. The counts of the last minutes may be absent."""

    counts: dict[str, float]

    @property
    def dollars(self) -> float:
        """The list price in US dollars."""
        return sum(count * PRICES[name] / 1e6 for name, count in self.counts.items())


def usage_of(clients: Clients, environment: str, machine: str, begin: datetime, end: datetime) -> Usage:
    """The use of a deployment between two moments, which have a zone. `machine` is the ARN of its state machine."""

    def total(namespace: str, metric: str, dimension: str, names: tuple[str, ...]) -> float:
        found = 0.0
        for name in names:
            points = clients("cloudwatch").get_metric_statistics(
                Namespace=namespace,
                MetricName=metric,
                Dimensions=[{"Name": dimension, "Value": f"{environment}-interlock-{name}"}],
                StartTime=begin,
                EndTime=end + timedelta(minutes=1),
                Period=60,
                Statistics=["Sum"],
            )["Datapoints"]
            found += sum(point["Sum"] for point in points)
        return found

    milliseconds = total("AWS/Lambda", "Duration", "FunctionName", SERVICES)
    return Usage(
        {
            "state transitions": _transitions(clients("stepfunctions"), machine),
            "invocations": total("AWS/Lambda", "Invocations", "FunctionName", SERVICES),
            "gigabyte-seconds": milliseconds / 1000 * GIGABYTES,
            "write units": total("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", TABLES),
            "read units": total("AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", TABLES),
        }
    )


def _transitions(states: Any, machine: str) -> float:
    entered = 0
    for page in states.get_paginator("list_executions").paginate(stateMachineArn=machine):
        for execution in page["executions"]:
            pages = states.get_paginator("get_execution_history").paginate(executionArn=execution["executionArn"])
            entered += sum(event["type"].endswith("StateEntered") for one in pages for event in one["events"])
    return float(entered)


def cost_lines(usage: Usage) -> list[str]:
    """The counts with their prices, and the sum."""
    lines = [f"{name:18} {count:12,.0f}  {count * PRICES[name] / 1e6:.6f} USD" for name, count in usage.counts.items()]
    lines.append(f"{'sum':18} {'':12}  {usage.dollars:.6f} USD")
    lines.append("List prices of us-east-1 without the free tier. Queues, events, alarms and logs are not counted.")
    return lines

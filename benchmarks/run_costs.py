"""Counts DynamoDB requests, capacity units and state transitions of a successful run, a retry, a rerun and a drift.

`uv run nox -s bench`. The benchmark counts and does not time. The services call boto3, moto answers, and every outgoing
call is counted. A Scan is printed and fails the benchmark, and so does a count that grows with the pipeline's historic
sensor rows. Capacity units are computed from the calls and answers by the published rules (4 KB for a consistent read
unit, half for an eventually consistent read, 1 KB for a write unit, twice for transactions, once more for an index
entry), since moto's ReturnConsumedCapacity is the same for a row of 10 bytes and of 10 KB.
"""

import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import boto3
import msgspec
from botocore.config import Config
from moto import mock_aws
from rich.console import Console
from rich.table import Table
from simulation.faults import Rows
from simulation.jobs import Job
from simulation.truths import Truth
from simulation.world import World

from interlock_config import decode_yaml
from interlock_lifecycle import RunKey
from interlock_sla import parse_execution_date
from interlock_store import DynamoTables, TableNames, to_wire
from interlock_store._write import Item, Write

PIPELINE = """
pipeline: {id: p0}
schedule: {trigger: {key: ready, check: equals, field: ok, value: true}, evaluation: {window: 1h, interval: 1m}}
sla: {maxDuration: 2h}
validation: {trigger: ALL, rules: [{key: ready, check: gte, field: count, value: 10}]}
job: {type: glue, config: {jobName: j}, maxRetries: 1, maxManualReruns: 5, maxDriftReruns: 5}
postRun: {driftField: rows, rules: [{key: audit, check: exists}]}
"""
DATE = "2026-03-27"
TRUTH = Truth(parse_execution_date(DATE))
COUNTED = (
    "GetItem",
    "BatchGetItem",
    "Query",
    "TransactWriteItems",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "Scan",
    "rows written",
    "read units",
    "write units",
    "state transitions",
    "executions",
)


def make_client() -> Any:
    """A client of moto's DynamoDB."""
    return boto3.client(
        "dynamodb",
        region_name="us-east-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        config=Config(parameter_validation=False),
    )


def create_tables(client: Any, names: TableNames) -> None:
    """The tables with the keys and the index of a deployment."""
    keys = [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}]
    index = [{**key, "AttributeName": f"GSI1{key['AttributeName']}"} for key in keys]
    for name in (names.control, names.joblog, names.rerun, names.events):
        parts, more = keys, {}
        if name == names.control:
            parts, projection = [*keys, *index], {"ProjectionType": "ALL"}
            more["GlobalSecondaryIndexes"] = [{"IndexName": "GSI1", "KeySchema": index, "Projection": projection}]
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=keys,
            AttributeDefinitions=[{"AttributeName": part["AttributeName"], "AttributeType": "S"} for part in parts],
            **more,
        )


class Meter:
    """Counts every call of a client, and the units that the call would consume."""

    def __init__(self, client: Any, row: Callable[[str, Mapping[str, Any]], Item | None]) -> None:
        """row: returns the current row of a table by its key in DynamoDB's JSON."""
        self.counts: Counter[str] = Counter()
        self.is_on = False
        self.scans: list[str] = []
        self._row = row
        client.meta.events.register("provide-client-params.dynamodb", self._called)
        client.meta.events.register("after-call.dynamodb", self._answered)
        self._asked: dict[str, Any] = {}

    @contextmanager
    def on(self) -> Iterator[None]:
        """Count the calls within the block."""
        self.counts.clear()
        self.is_on = True
        yield
        self.is_on = False

    def _called(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self._asked = params

    def _answered(self, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        name, asked = model.name, self._asked
        if name == "Scan":
            self.scans.append(str(asked.get("TableName")))
        if not self.is_on:
            return
        self.counts[name] += 1
        if "Error" in parsed:
            return
        if name in ("GetItem", "BatchGetItem", "Query", "Scan"):
            self.counts["read units"] += _read_units(name, asked, parsed)
        elif name == "TransactWriteItems":
            for item in asked["TransactItems"]:
                ((kind, write),) = item.items()
                self._written(kind, write, 2)
        else:
            self._written(name.removesuffix("Item"), asked, 1)

    def _written(self, kind: str, write: Mapping[str, Any], times: int) -> None:
        key = write["Item"] if kind == "Put" else write["Key"]
        row = self._row(write["TableName"], key)
        units = max(1, -(-_size(to_wire(row) if row is not None else None) // 1024))
        is_check = kind == "ConditionCheck"
        is_indexed = not is_check and row is not None and "GSI1PK" in row
        self.counts["rows written"] += not is_check
        self.counts["write units"] += units * times + (units if is_indexed else 0) + _units_of_days(kind, write, row)


def _units_of_days(kind: str, write: Mapping[str, Any], row: Item | None) -> int:
    """Write units of the index of days, whose small entry is one unit. A change of its sort key is a second one."""
    if kind == "Put":
        return int("GSI2PK" in write["Item"])
    names = set(write.get("ExpressionAttributeNames", {}).values()) if kind == "Update" else set()
    return 0 if "GSI2SK" not in names else 1 if row is None or "GSI2SK" not in row else 2


def _read_units(name: str, asked: Mapping[str, Any], parsed: Mapping[str, Any]) -> float:
    """Read units: rows read by key are rounded up one by one, rows of a query together."""
    if name == "GetItem":
        return _blocks(_size(parsed.get("Item"))) * (1.0 if asked.get("ConsistentRead") else 0.5)
    if name == "BatchGetItem":
        units = 0.0
        for table, request in asked["RequestItems"].items():
            rows = parsed["Responses"].get(table, [])
            blocks = sum(_blocks(_size(row)) for row in rows) + len(request["Keys"]) - len(rows)
            units += blocks * (1.0 if request.get("ConsistentRead") else 0.5)
        return units
    return _blocks(sum(map(_size, parsed["Items"]))) * (1.0 if asked.get("ConsistentRead") else 0.5)


def _blocks(size: int) -> int:
    return max(1, -(-size // 4096))


def _size(row: Mapping[str, Any] | None) -> int:
    return 0 if row is None else len(msgspec.json.encode(row, enc_hook=str))


class MirroredRows(Rows):
    """The twin next to moto's tables. External writes go to both, and the twin feeds the streams."""

    def __init__(self, tables: DynamoTables, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._tables = tables

    def transact(self, writes: Sequence[Write]) -> None:
        """Apply external writes to both."""
        self._tables.transact(writes)
        self.mirror(writes)

    def mirror(self, writes: Sequence[Write]) -> None:
        """Apply writes that moto has already accepted."""
        super().transact(writes)


class CountedTables:
    """The tables of the services: moto's tables through a client with counted calls."""

    def __init__(self, tables: DynamoTables, rows: MirroredRows) -> None:
        self._tables = tables
        self._rows = rows
        self.get, self.get_many, self.query = tables.get, tables.get_many, tables.query

    def transact(self, writes: Sequence[Write]) -> None:
        """Write to the twin only after moto has accepted the write."""
        self._tables.transact(writes)
        self._rows.mirror(writes)


class CountedWorld(World):
    """A world without faults over moto's tables. The watchdog's ticks have their own benchmark."""

    def __init__(self) -> None:
        super().__init__(1, tick=timedelta(days=9))

    def _storage(self) -> tuple[Rows, Any]:
        outside, client = make_client(), make_client()
        create_tables(outside, self.names)
        rows = MirroredRows(DynamoTables(outside), self._committed, lambda: self.now)
        self.outside = outside
        self.meter = Meter(client, lambda table, key: rows.get(table, key["PK"]["S"], key["SK"]["S"]))
        return rows, CountedTables(DynamoTables(client), rows)

    def keep_history(self, rows: Iterable[Item]) -> None:
        """Add old rows without stream records."""
        wire = [{"PutRequest": {"Item": to_wire(row)}} for row in rows]
        for start in range(0, len(wire), 25):
            self.outside.batch_write_item(RequestItems={self.names.control: wire[start : start + 25]})


class Bench:
    """A world whose pipeline has `history` sensor rows of other dates, and its meter."""

    def __init__(self, history: int) -> None:
        self.world = CountedWorld()
        self.meter = self.world.meter
        self.world.jobs.outlasting = 0.0
        self.world.push(decode_yaml(PIPELINE, "p0.yaml"))
        self.world.keep_history(
            {"PK": "PIPELINE#p0", "SK": f"SENSOR#ready#old{number}", "data": {"ok": False, "count": 1}}
            for number in range(history)
        )
        self.world.sense("p0", "audit", TRUTH, rows=100, date=DATE)
        self.world.run_until(self.world.now + timedelta(hours=6))

    def cost(self, act: Callable[[], None]) -> Counter[str]:
        """The cost of an action and of all its consequences."""
        # The same random numbers for every action give equal job durations, so equal numbers of polls.
        self.world.rng.seed(1)
        executions = len(self.world.executions.all)
        steps = self._steps()
        with self.meter.on():
            act()
            self.world.run_until(self.world.now + timedelta(hours=1))
        counts = Counter(self.meter.counts)
        counts["executions"] = len(self.world.executions.all) - executions
        counts["state transitions"] = self._steps() - steps
        return counts

    def _steps(self) -> int:
        return sum(len(execution.path) for execution in self.world.executions.all.values())

    def arrive(self) -> None:
        """The data of the date arrives."""
        self.world.sense("p0", f"ready#{DATE}", TRUTH, date=DATE, ok=True, count=10)

    def fail_once(self) -> None:
        """The data of the date arrives, and its first job fails."""
        board = self.world.jobs
        board.failing, accept = 1.0, board.on_accept

        def then_succeed(job: Job) -> None:
            accept(job)
            board.failing = 0.0

        board.on_accept = then_succeed
        self.arrive()

    def ask_again(self) -> None:
        """An operator requests a rerun."""
        self.world.rerun(RunKey("p0", "stream", parse_execution_date(DATE)))

    def drift(self) -> None:
        """A post-run sensor drifts after completion."""
        self.world.sense("p0", "audit", TRUTH, rows=500, date=DATE)


def costs(history: int) -> tuple[dict[str, Counter[str]], list[str]]:
    """The cost of each story, and the scanned tables. A rerun and a drift follow a successful run."""
    with mock_aws():
        happy = Bench(history)
        found = {
            "happy run": happy.cost(happy.arrive),
            "rerun": happy.cost(happy.ask_again),
            "drift, rerun": happy.cost(happy.drift),
        }
    with mock_aws():
        retried = Bench(history)
        found["one retry"] = retried.cost(retried.fail_once)
    return found, happy.meter.scans + retried.meter.scans


def main() -> int:
    """Print the table. Exit code 1 if a count grows with the history, or a table was scanned."""
    logging.disable(logging.CRITICAL)
    (few, scans), (many, more_scans) = costs(10), costs(10_000)
    scans += more_scans
    shown = Table("", *(f"{title}" for title in few), title="Cost of one date with an SLA and post-run rules")
    flat = True
    for name in COUNTED:
        cells = []
        for title in few:
            ratio = many[title][name] / few[title][name] if few[title][name] else 1.0 + many[title][name]
            flat = flat and ratio == 1.0
            cells.append(f"{few[title][name]:g} (×{ratio:.2f})")
        shown.add_row(name, *cells)
    console = Console()
    console.print(shown)
    console.print("In brackets: with 10,000 historic sensor rows, as a ratio to 10.", style="dim")
    for table in scans:
        console.print(f"Scan of {table}", style="red")
    unknown = {name for found in (few, many) for story in found.values() for name in story} - set(COUNTED)
    for name in sorted(unknown):
        console.print(f"{name} was called but is not in the table", style="red")
    return 0 if flat and not scans and not unknown else 1


if __name__ == "__main__":
    sys.exit(main())

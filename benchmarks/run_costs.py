"""Counts what a happy run, a retry, a rerun and a drift cost: DynamoDB requests, capacity units, state transitions.

Counted, not timed: `uv run nox -s bench`. The counts must not grow with the pipeline's historic sensor rows. Capacity
units are those of the published rules (4 KB a read unit, 1 KB a write unit, twice for transactions, once more for an
index entry), reckoned from the rows as JSON.
"""

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import msgspec
from rich.console import Console
from rich.table import Table
from simulation.jobs import Job
from simulation.world import World

from interlock_config import decode_yaml
from interlock_lifecycle import RunKey
from interlock_sla import parse_execution_date
from interlock_store._write import Check, Delete, Item, Put, Update, Write, key_of

PIPELINE = """
pipeline: {id: p0}
schedule: {trigger: {key: ready, check: equals, field: ok, value: true}, evaluation: {window: 1h, interval: 1m}}
sla: {maxDuration: 2h}
validation: {trigger: ALL, rules: [{key: ready, check: gte, field: count, value: 10}]}
job: {type: glue, config: {jobName: j}, maxRetries: 1, maxManualReruns: 5, maxDriftReruns: 5}
postRun: {driftField: rows, rules: [{key: audit, check: exists}]}
"""
DATE = "2026-03-27"
COUNTED = (
    "GetItem",
    "BatchGetItem",
    "Query",
    "TransactWriteItems",
    "single writes",
    "rows written",
    "read units",
    "write units",
    "state transitions",
    "executions",
)


class Meter:
    """Counts the requests of a world's services, and the units that they would consume."""

    def __init__(self, world: World) -> None:
        self.counts: Counter[str] = Counter()
        self._rows = world.rows
        tables = world.tables
        get, get_many, query, transact = tables.get, tables.get_many, tables.query, tables.transact

        def counted_get(table: str, pk: str, sk: str) -> Item | None:
            row: Item | None = get(table, pk, sk)
            self._read("GetItem", 1, [row])
            return row

        def counted_get_many(table: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
            wanted = list(dict.fromkeys(keys))
            found: dict[tuple[str, str], Item] = get_many(table, wanted)
            self._read("BatchGetItem", -(-len(wanted) // 100), [found.get(key) for key in wanted])
            return found

        def counted_query(*arguments: Any, **named: Any) -> Iterator[Item]:
            rows = list(query(*arguments, **named))
            self.counts["Query"] += 1
            self.counts["read units"] += max(1, -(-sum(map(_size, rows)) // 4096))
            return iter(rows)

        def counted_transact(writes: Sequence[Write]) -> None:
            transact(writes)
            self._write(writes)

        tables.get, tables.get_many, tables.query = counted_get, counted_get_many, counted_query
        tables.transact = counted_transact

    def _read(self, kind: str, requests: int, rows: Sequence[Item | None]) -> None:
        self.counts[kind] += requests
        self.counts["read units"] += sum(max(1, -(-_size(row) // 4096)) for row in rows)

    def _write(self, writes: Sequence[Write]) -> None:
        alone = len(writes) == 1
        self.counts["single writes" if alone else "TransactWriteItems"] += 1
        self.counts["rows written"] += sum(not isinstance(write, Check) for write in writes)
        for write in writes:
            row = self._rows.get(*key_of(write))
            units = max(1, -(-_size(row) // 1024))
            is_indexed = isinstance(write, Put | Update | Delete) and row is not None and "GSI1PK" in row
            self.counts["write units"] += units * (1 if alone else 2) + (units if is_indexed else 0)


def _size(row: Mapping[str, Any] | None) -> int:
    return 0 if row is None else len(msgspec.json.encode(row, enc_hook=str))


class Bench:
    """A world without faults whose pipeline has `history` sensor rows of other dates, and its meter."""

    def __init__(self, history: int) -> None:
        # The watchdog's ticks have a benchmark of their own.
        self.world = World(1, tick=timedelta(days=9))
        self.world.jobs.outlasting = 0.0
        self.world.push(decode_yaml(PIPELINE, "p0.yaml"))
        for number in range(history):
            self.world.sense("p0", f"ready#old{number}", ok=False, count=1)
        self.world.sense("p0", "audit", rows=100, date=DATE)
        self.world.run_until(self.world.now + timedelta(hours=6))
        self.world.rng = random.Random(1)
        self.meter = Meter(self.world)

    def cost(self, act: Callable[[], None]) -> Counter[str]:
        """What an act costs until everything that it leads to is over."""
        # The same dice for every act: jobs that last as long, hence as many polls.
        self.world.rng.seed(1)
        executions = len(self.world.executions.all)
        steps = self._steps()
        self.meter.counts.clear()
        act()
        self.world.run_until(self.world.now + timedelta(hours=1))
        counts = Counter(self.meter.counts)
        counts["executions"] = len(self.world.executions.all) - executions
        counts["state transitions"] = self._steps() - steps
        return counts

    def _steps(self) -> int:
        return sum(len(execution.path) for execution in self.world.executions.all.values())

    def arrive(self) -> None:
        """The date's data comes."""
        self.world.sense("p0", f"ready#{DATE}", date=DATE, ok=True, count=10)

    def fail_once(self) -> None:
        """The date's data comes, and its first job fails."""
        board = self.world.jobs
        board.failing, accept = 1.0, board.on_accept

        def then_succeed(job: Job) -> None:
            accept(job)
            board.failing = 0.0

        board.on_accept = then_succeed
        self.arrive()

    def ask_again(self) -> None:
        """An operator asks for a rerun."""
        self.world.rerun(RunKey("p0", "stream", parse_execution_date(DATE)))

    def drift(self) -> None:
        """A post-run sensor moves after completion."""
        self.world.sense("p0", "audit", rows=500, date=DATE)


def costs(history: int) -> dict[str, Counter[str]]:
    """Each story's cost; a rerun and a drift follow a happy run."""
    happy, retried = Bench(history), Bench(history)
    return {
        "happy run": happy.cost(happy.arrive),
        "rerun": happy.cost(happy.ask_again),
        "drift, rerun": happy.cost(happy.drift),
        "one retry": retried.cost(retried.fail_once),
    }


def main() -> int:
    few, many = costs(10), costs(10_000)
    shown = Table("", *(f"{title}" for title in few), title="Cost of one date with an SLA and post-run rules")
    flat = True
    for name in COUNTED:
        cells = []
        for title in few:
            ratio = many[title][name] / few[title][name] if few[title][name] else 1.0
            flat = flat and ratio == 1.0
            cells.append(f"{few[title][name]} (×{ratio:.2f})")
        shown.add_row(name, *cells)
    console = Console()
    console.print(shown)
    console.print("In brackets: with 10,000 historic sensor rows, as a ratio to 10.", style="dim")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())

"""Counts what one happy run and one retry cost: DynamoDB requests by kind, Lambda invocations, state transitions.

Counted, not timed: `uv run nox -s bench`. The counts must not grow with the pipeline's historic sensor rows.
"""

import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from rich.console import Console
from rich.table import Table
from simulation.world import World

from interlock_config import decode_yaml
from interlock_store._write import Item, Write

PIPELINE = """
pipeline: {id: p0}
schedule: {trigger: {key: ready, check: exists}, evaluation: {window: 1h, interval: 1m}}
sla: {maxDuration: 2h}
validation: {trigger: ALL, rules: [{key: ready, check: gte, field: count, value: 10}]}
job: {type: glue, config: {jobName: j}, maxRetries: 1}
"""


class Counted:
    """Counts the requests of a world's tables."""

    def __init__(self, world: World) -> None:
        self.counts: Counter[str] = Counter()
        tables = world.tables
        get, get_many, query, transact = tables.get, tables.get_many, tables.query, tables.transact

        def counted_get(table: str, pk: str, sk: str) -> Item | None:
            self.counts["GetItem"] += 1
            return get(table, pk, sk)

        def counted_get_many(table: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
            wanted = list(keys)
            self.counts["BatchGetItem"] += -(-len(wanted) // 100)
            return get_many(table, wanted)

        def counted_query(*arguments: Any, **named: Any) -> Iterator[Item]:
            self.counts["Query"] += 1
            return query(*arguments, **named)

        def counted_transact(writes: Sequence[Write]) -> None:
            kind = "TransactWriteItems" if len(writes) > 1 else "single writes"
            self.counts[kind] += 1
            self.counts["rows written"] += len(writes)
            transact(writes)

        tables.get, tables.get_many = counted_get, counted_get_many  # type: ignore[method-assign]
        tables.query, tables.transact = counted_query, counted_transact  # type: ignore[method-assign, assignment]


def cost(history: int, *, fails_first: bool) -> Counter[str]:
    """One run of a pipeline that has `history` sensor rows of other dates."""
    world = World(1)
    world.push(decode_yaml(PIPELINE, "p0.yaml"))
    for number in range(history):
        world.tables._rows[world.store.names.control, "PIPELINE#p0", f"SENSOR#ready#old{number}"] = {
            "PK": "PIPELINE#p0",
            "SK": f"SENSOR#ready#old{number}",
            "data": {"count": 1},
        }
    world.run_until(world.now + timedelta(seconds=1))
    outcomes = iter([1.0, 0.0] if fails_first else [0.0])
    world.failure_rate = 0.5
    world.rng = _Scripted(lambda: 1.0 - next(outcomes))
    counted = Counted(world)
    world.sense("p0", "ready#2026-03-27", date="2026-03-27", count=10)
    counted.counts.clear()
    world.run_until(world.now + timedelta(minutes=4, seconds=50))
    paths = [state for execution in world.executions.values() for state in execution.path]
    counted.counts["state transitions"] = len(paths)
    counted.counts["executions"] = len(world.executions)
    return counted.counts


class _Scripted(random.Random):
    """Dice that say what the benchmark needs: jobs of 30 s, and outcomes in a given order."""

    def __init__(self, roll: Any) -> None:
        super().__init__(0)
        self._roll = roll

    def random(self) -> float:
        return float(self._roll())

    def randint(self, a: int, b: int) -> int:
        return a


def main() -> int:
    names = ("GetItem", "BatchGetItem", "Query", "TransactWriteItems", "single writes", "rows written")
    shown = Table("", "10 historic rows", "10,000 historic rows", "ratio", title="Cost of one run with an SLA")
    flat = True
    for title, fails_first in (("happy", False), ("one retry", True)):
        few, many = cost(10, fails_first=fails_first), cost(10_000, fails_first=fails_first)
        for name in (*names, "state transitions", "executions"):
            ratio = many[name] / few[name] if few[name] else 1.0
            flat = flat and ratio == 1.0
            shown.add_row(f"{title}: {name}", str(few[name]), str(many[name]), f"{ratio:.2f}")
    Console().print(shown)
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())

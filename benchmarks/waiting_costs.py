"""Compares the costs of runs that wait for wakes with those of runs that poll, by counts and list prices.

`uv run python benchmarks/waiting_costs.py`. Both builds run in this process, one after the other, on the same data: the
present definition of the state machine, and `tests/simulation/polling.asl.json`, the last one that polled. The present
services know both. The benchmark counts and does not time: the clock is virtual, moto answers. Exit code 1 if a
target is missed.
"""

import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import run_costs
from moto import mock_aws
from rich.console import Console
from rich.table import Table
from run_costs import Bench
from simulation import machine, services
from simulation.jobs import JobKind
from simulation.truths import Truth

from interlock_config import decode_yaml
from interlock_sla import parse_execution_date
from interlock_triggers import State, Status

POLLING = Path(machine.DEFINITION).parents[2] / "tests" / "simulation" / "polling.asl.json"

PRICES = {
    "state transitions": 25.0,
    "write units": 0.625,
    "read units": 0.125,
    "invocations": 0.20,
    "events": 1.0,
    "queue requests": 0.40,
}
"""US dollars per million in us-east-1: Step Functions (Standard), DynamoDB on demand, Lambda requests without their
duration, custom events of EventBridge, SQS."""

HELD = """
pipeline: {id: p0}
schedule: {trigger: {key: ready, check: equals, field: ok, value: true}, evaluation: {window: 3h}}
validation: {trigger: ALL, rules: [{key: ready, check: exists}, {key: volume, check: gte, field: count, value: 10}]}
job: {type: glue, config: {jobName: j}}
"""
HOURLY = """
pipeline: {id: p0}
schedule: {trigger: {key: ready, check: exists}}
validation: {trigger: ALL, rules: [{key: ready, check: exists}]}
job: {type: glue, config: {jobName: j}}
"""
TARGETS = {
    ("happy run", "cost"): 0.45,
    ("held an hour, followed ten minutes", "cost"): 0.25,
    ("held an hour, followed ten minutes", "state transitions"): 0.35,
    ("a day of an hourly pipeline", "cost"): 0.45,
}
"""The largest ratios to the polling build."""


@contextmanager
def definition(path: Path) -> Iterator[None]:
    """Let executions run by this definition."""
    before, services.MACHINE = services.MACHINE, machine.load_definition(source=path)
    yield
    services.MACHINE = before


def counted(bench: Bench, act: Callable[[], None], length: timedelta) -> Counter[str]:
    """The costs of an act and its consequences in a time."""
    world, invocations = bench.world, 0
    transitions, delivered = _transitions(bench), len(world.bus.delivered)
    queued = len(world.jobs.accepted)
    invoke = world.invoke

    def count(*arguments: Any) -> Any:
        nonlocal invocations
        invocations += 1
        return invoke(*arguments)

    world.invoke = count  # type: ignore[method-assign]
    with bench.meter.on():
        act()
        world.run_until(world.now + length)
    world.invoke = invoke  # type: ignore[method-assign]
    found = Counter(bench.meter.counts)
    found["requests"] = sum(found[name] for name in run_costs.COUNTED[:8])
    found["state transitions"] = _transitions(bench) - transitions
    found["invocations"] = invocations
    found["events"] = len(world.bus.delivered) - delivered
    # An event of a job's end is sent, received and deleted.
    found["queue requests"] = 3 * (len(world.jobs.accepted) - queued)
    return found


def _transitions(bench: Bench) -> int:
    return sum(len(execution.path) for execution in bench.world.executions.all.values())


def happy_run() -> Counter[str]:
    """A run with an SLA and a post-run baseline. Its Glue job takes ten minutes."""
    bench = _bench(run_costs.PIPELINE)
    return counted(bench, bench.arrive, timedelta(hours=2))


def held_run() -> Counter[str]:
    """A run whose second sensor comes after an hour. Its Glue job takes ten minutes."""
    bench = _bench(HELD)

    def arrive() -> None:
        world = bench.world
        bench.arrive()
        world.at(
            world.now + timedelta(minutes=60),
            lambda: world.sense("p0", f"volume#{run_costs.DATE}", run_costs.TRUTH, date=run_costs.DATE, count=10),
        )

    return counted(bench, arrive, timedelta(hours=3))


def hourly_day() -> Counter[str]:
    """24 runs of an hourly pipeline. Each Glue job takes ten minutes."""
    bench = _bench(HOURLY)

    def arrive() -> None:
        for hour in range(24):
            bench.world.at(bench.world.now + timedelta(hours=hour), lambda hour=hour: _hour(bench, hour))  # type: ignore[misc]

    return counted(bench, arrive, timedelta(hours=25))


def _hour(bench: Bench, hour: int) -> None:
    date = f"{run_costs.DATE}T{hour:02}"
    truth = Truth(parse_execution_date(date))
    bench.world.sense("p0", f"ready#{date}", truth, date=run_costs.DATE, hour=hour)


def _bench(text: str) -> Bench:
    bench = Bench(10)
    bench.world.push(decode_yaml(text, "p0.yaml"))
    bench.world.run_until(bench.world.now + timedelta(minutes=5))
    success = JobKind(Status(State.SUCCEEDED, None), timedelta(minutes=10))
    bench.world.jobs._draw = lambda able: success  # type: ignore[method-assign]
    return bench


STORIES: dict[str, Callable[[], Counter[str]]] = {
    "happy run": happy_run,
    "held an hour, followed ten minutes": held_run,
    "a day of an hourly pipeline": hourly_day,
}
SHOWN = ("state transitions", "requests", "read units", "write units", "invocations", "events", "queue requests")


def cost(counts: Counter[str]) -> float:
    """US dollars per million such runs, so micro-dollars per run."""
    return sum(counts[name] * price for name, price in PRICES.items())


def main() -> int:
    """Print a table for each story. Exit code 1 if a ratio is above its target."""
    logging.disable(logging.CRITICAL)
    console, missed = Console(), []
    for title, story in STORIES.items():
        shown = Table("", "polls", "waits", "ratio", "target", title=title)
        with mock_aws(), definition(POLLING):
            before = story()
            before["queue requests"] = 0
        with mock_aws():
            after = story()
        rows = [(name, float(before[name]), float(after[name])) for name in SHOWN]
        rows.append(("cost", cost(before), cost(after)))
        for name, polled, waited in rows:
            ratio = waited / polled if polled else float("nan")
            target = TARGETS.get((title, name))
            if target is not None and ratio > target:
                missed.append(f"{title}: {name}")
            unit = " µ$" if name == "cost" else ""
            shown.add_row(
                name,
                f"{polled:.4g}{unit}",
                f"{waited:.4g}{unit}",
                f"{ratio:.2f}",
                "" if target is None else f"{target:.2f}",
            )
        console.print(shown)
    prices = ", ".join(f"{name} {price:g}" for name, price in PRICES.items())
    console.print(f"US dollars per million, us-east-1: {prices}. Lambda's duration is not counted.", style="dim")
    for name in missed:
        console.print(f"above its target: {name}", style="red")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Measures a tick of the watchdog: table requests, CreateSchedule calls and CPU for 100 to 10,000 pipelines.

In a healthy deployment, every due date has completed, new due dates complete, and timers exist for future dates. The
troubled pipelines (1 %) have not run for two days. There are three kinds of ticks: the first tick of a deployment
(which looks back 25 days and creates the timers of a day and a half), the first tick of a process, and steady ticks
after it. A first tick runs in a process without caches. CPU is the CPU of the checks over the in-memory twin, without
the AWS client. `--profile` shows the profile of the first ticks over 1,000 pipelines.
"""

import argparse
import cProfile
import logging
import multiprocessing
import pstats
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_clock
from itertools import pairwise
from typing import Any

from msgspec import Struct

from interlock_config import PipelineConfig, decode_yaml
from interlock_controller.effects import Outbox, Wakes
from interlock_controller.records import RerunIntake
from interlock_controller.watch import Recovery, WorkerPool, all_checks
from interlock_lifecycle import ClockVerdict, Run, RunKey, RunStatus
from interlock_lifecycle.slas import Timer
from interlock_sla import Clock, ExecutionDate, Outcome, parse_execution_date
from interlock_store import MemoryTables, Overview, Store, TableNames
from interlock_store._rows import closed_row, verdict_changes
from interlock_store._write import Delete, Put

NAMES = TableNames.of_environment("bench")
START = datetime(2026, 3, 3, 0, 2, tzinfo=UTC)
TICK = timedelta(minutes=5)
STEADY_TICKS = 24
TIMEOUT = timedelta(hours=4)
PAGE_BYTES = 1_000_000
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
COUNTS = (100, 1_000, 10_000)
TROUBLES = (0.0, 0.01)
CPU_ALLOWED = 1.0
"""Seconds, for 1,000 pipelines (docs/reference/watchdog.md §2.1)."""
KINDS = (
    ("trigger: {key: ready, check: equals, field: ready, value: true}", 'deadline: "HH:MM", expectedDuration: 30m'),
    (
        'cron: "MM HH * * *", timezone: Europe/Berlin, trigger: {key: ready, check: exists}',
        'deadline: "23:00", expectedDuration: 30m',
    ),
    (
        'cron: "MM HH * * *", timezone: America/New_York',
        'deadline: "HH:MM", expectedDuration: 1h, timezone: Asia/Tokyo',
    ),
    ("trigger: {key: hourly, check: exists}", "maxDuration: 1h"),
)
"""Schedules and SLAs: sensor-triggered, cron with a trigger, cron alone, and per-period sensors."""
HOURLY = (
    ('cron: "MM */4 * * *", trigger: {key: ready, check: exists}', 'deadline: ":MM", expectedDuration: 10m'),
    ('cron: "MM 1-23/4 * * *", timezone: America/New_York', 'deadline: ":MM", expectedDuration: 10m'),
)
"""Measured separately: six dates a day, which costs the most CPU."""

Rows = list[dict[str, Any]]


Kinds = tuple[tuple[str, str], ...]


def allowed(count: int, kinds: Kinds = KINDS) -> float:
    """Table requests of a healthy tick (docs/reference/watchdog.md §2.1).

    The last term is for pipelines with per-period keys, a third at a time.
    """
    periodic = count * sum("key: hourly" in schedule for schedule, _ in kinds) / len(kinds)
    return count / 25 + 40 + periodic / 3


class CountingTables(MemoryTables):
    """The twin with a count of DynamoDB requests (batches of 100, pages of 1 MB). It also keeps the runs that begin."""

    def __init__(self) -> None:
        super().__init__(self._changed)
        self.requests: Counter[str] = Counter()
        self.begun: list[RunKey] = []
        self.reported: list[tuple[str, str]] = []

    def _changed(self, key: tuple[str, str, str], before: Any, after: Any) -> None:
        _, pk, sk = key
        if before is None and sk.startswith("EVENT#"):
            self.reported.append((pk, sk))
        if before is None and sk.startswith("TRIGGER#") and after["status"] == RunStatus.RUNNING:
            _, schedule, found = sk.split("#")
            self.begun.append(RunKey(pk.removeprefix("PIPELINE#"), schedule, parse_execution_date(found)))

    def get(self, table: str, pk: str, sk: str) -> Any:
        self.requests["GetItem"] += 1
        return super().get(table, pk, sk)

    def get_many(self, table: str, keys: Any) -> Any:
        wanted = list(dict.fromkeys(keys))
        self.requests["BatchGetItem"] += -(-len(wanted) // 100)
        single = self.requests["GetItem"]
        found = super().get_many(table, wanted)
        self.requests["GetItem"] = single  # the twin serves a batch with single reads
        return found

    def query(self, table: str, pk: str, **how: Any) -> Any:
        rows = list(super().query(table, pk, **how))
        size = sum(len(str(row)) for row in rows)
        self.requests["Query"] += 1 + size // PAGE_BYTES
        return iter(rows)

    def transact(self, writes: Any) -> None:
        self.requests["write"] += 1
        super().transact(writes)


class CountingTimers:
    """Scheduler for the watchdog: each timer is one CreateSchedule call."""

    def __init__(self) -> None:
        self.created = 0

    def create(self, key: RunKey, timer: Timer) -> None:
        self.created += 1

    def delete(self, timer: Timer) -> None: ...


class Quiet:
    """A bus that accepts all events, and executions that all run."""

    def publish(self, entries: Any) -> None: ...

    def start(self, name: str, execution_input: Any) -> None: ...

    def status(self, name: str) -> str:
        return "RUNNING"


class Cost(Struct, frozen=True):
    """The cost of one tick, and the findings of each check."""

    requests: int
    timers: int
    seconds: float
    found: dict[str, int]

    @property
    def looked(self) -> int:
        """The requests without the read and the write for each started date."""
        return self.requests - 2 * self.found["cron-starts"]


class World:
    """`count` pipelines, of which all but a share are healthy."""

    def __init__(self, count: int, trouble: float, kinds: Kinds) -> None:
        dice = random.Random(count)
        self.configs = [_pipeline(number, kinds, dice) for number in range(count)]
        self.troubled = {config.id for config in self.configs if dice.random() < trouble}

    def rows(self) -> Rows:
        """The control table of a healthy deployment at START, with the troubled pipelines."""
        tables = MemoryTables()
        store = Store(tables, NAMES)
        for config in self.configs:
            store.put_config(config)
            store.note_config(config.id, LONG_AGO)
            rule = config.trigger_rule
            if rule is not None and rule.key == "hourly":
                store.note_periods(config.id)
            # Dates that fall due with the first two ticks are already completed.
            until = START + 2 * TICK if rule is not None else START
            ran = list(self._due(config, START - timedelta(days=28), until))
            for found in ran:
                tables.transact(_completed(config, found))
            if rule is not None:
                store.put_sensor(config.id, *_sensor(rule.key, ran[-1]))
        return tables.rows_of(NAMES.control)

    def _due(self, config: PipelineConfig, after: datetime, until: datetime) -> Iterator[ExecutionDate]:
        """The dates that fell due and ran within a time, at their fires or, without a fire, at the end of their day."""
        if config.id in self.troubled:
            until = min(until, START - timedelta(days=2))
        if config.cron is not None and after < until:
            for fire in config.cron.fires_between(after, until, config.zone):
                yield config.cron.execution_date(fire, config.zone)
        elif config.cron is None:
            days = ((after + timedelta(days=step)).date() for step in range((until - after).days + 2))
            yield from (ExecutionDate(day - timedelta(days=1)) for day in days if after < _midnight(day) <= until)

    def complete(self, tables: CountingTables, after: datetime, until: datetime) -> None:
        """Advance a healthy deployment between two ticks: runs complete, the outbox is relayed."""
        for config in self.configs:
            if config.trigger_rule is not None:
                for found in self._due(config, after, until):
                    tables.transact(_completed(config, found))
        by_id = {config.id: config for config in self.configs}
        for key in tables.begun:
            tables.transact(_completed(by_id[key.pipeline_id], key.date))
        for pk, sk in tables.reported:
            tables.transact([Delete(NAMES.control, pk, sk)])
        tables.begun, tables.reported = [], []


def _pipeline(number: int, kinds: Kinds, dice: random.Random) -> PipelineConfig:
    schedule, sla = kinds[number % len(kinds)]
    text = (
        f"pipeline: {{id: p{number}}}\nschedule: {{{schedule}}}\nsla: {{{sla}}}\n"
        "validation: {rules: [{key: ready, check: exists}]}\n"
        'job: {type: command, config: {command: "true"}}\n'
    )
    at = {"HH": f"{dice.randint(0, 23):02}", "MM": f"{dice.randint(0, 59):02}"}
    for sign, value in at.items():
        text = text.replace(sign, value)
    return decode_yaml(text, f"p{number}.yaml")


def _sensor(key: str, found: ExecutionDate) -> tuple[str, dict[str, object]]:
    """The sensor of the last date that ran."""
    hour = {} if found.hour is None else {"hour": f"{found.hour:02}"}
    fields = {"ready": True, "date": f"{found.day}", **hour, "updatedAt": _midnight(found.day).isoformat()}
    return (f"{key}#{found.compact}" if key == "hourly" else key), fields


def _midnight(day: date) -> datetime:
    return datetime.combine(day, wall_clock(), UTC)


def _completed(config: PipelineConfig, found: ExecutionDate) -> list[Put]:
    """The rows of a success in time: the run and its verdict."""
    at = _midnight(found.day)
    key = RunKey(config.id, config.schedule_id, found)
    run = closed_row(Run(key, RunStatus.COMPLETED, 0, "t", at, evaluated_at=at, closed_at=at))
    met = verdict_changes({clock: ClockVerdict(Outcome.MET, at, at) for clock in Clock})
    verdict = {"PK": run["PK"], "SK": f"VERDICT#{key.schedule_id}#{key.date}", **met}
    return [Put(NAMES.control, run), Put(NAMES.control, verdict)]


class Process:
    """A new process of the watchdog over a table."""

    def __init__(self, rows: Rows, now: datetime) -> None:
        self.tables = CountingTables()
        for row in rows:
            self.tables.transact([Put(NAMES.control, row)])
        self.tables.begun, self.tables.reported = [], []
        self.now = now
        self._timers = CountingTimers()
        store, clock = Store(self.tables, NAMES), lambda: self.now
        recovery = Recovery(
            store,
            Outbox(store, Quiet(), Quiet(), now=clock, execution_timeout=TIMEOUT),
            RerunIntake(store, execution_timeout=TIMEOUT),
            Quiet(),
            Wakes(store, lambda token: False, clock),
            execution_timeout=TIMEOUT,
            pending_grace=timedelta(minutes=2),
            probe_after=TICK,
        )
        overview = Overview(self.tables, NAMES)
        self.checks = all_checks(
            store, overview, recovery, self._timers, now=clock, execution_timeout=TIMEOUT, workers=WorkerPool()
        )

    def tick(self, profile: cProfile.Profile | None = None) -> Cost:
        self.now += TICK
        self.tables.requests.clear()
        self._timers.created = 0
        began = time.process_time()
        if profile is not None:
            profile.enable()
        found = {name: check(self.now) for name, check in self.checks.items()}
        if profile is not None:
            profile.disable()
        return Cost(sum(self.tables.requests.values()), self._timers.created, time.process_time() - began, found)


def build(count: int, trouble: float, kinds: Kinds) -> Rows:
    return World(count, trouble, kinds).rows()


def begin(rows: Rows, count: int, trouble: float, kinds: Kinds) -> tuple[Cost, Rows]:
    """The first tick of a deployment, and the table after it."""
    logging.disable(logging.WARNING)  # the log lines would bury the table
    process = Process(rows, START)
    cost = process.tick()
    World(count, trouble, kinds).complete(process.tables, process.now, process.now)
    return cost, process.tables.rows_of(NAMES.control)


def go_on(rows: Rows, count: int, trouble: float, kinds: Kinds) -> list[Cost]:
    """The first tick of another process, and the steady ticks after it."""
    logging.disable(logging.WARNING)
    process = Process(rows, START + TICK)
    costs = [process.tick()]  # before the world is built, since that would fill the caches of the process
    world = World(count, trouble, kinds)
    world.complete(process.tables, process.now, process.now)
    for _ in range(STEADY_TICKS):
        world.complete(process.tables, process.now, process.now + TICK)
        costs.append(process.tick())
    return costs


def profile(rows: Rows, now: datetime) -> None:
    """Print a profile of the first tick of a process over these rows."""
    logging.disable(logging.WARNING)
    process, found = Process(rows, now), cProfile.Profile()
    process.tick(found)
    pstats.Stats(found).sort_stats("cumulative").print_stats(45)


def apart(function: Any, *arguments: Any) -> Any:
    """The function's result from a separate process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


class Measured(Struct, frozen=True):
    """The measurements of one size: the first tick of a deployment, the first of a process, the steady ticks."""

    deployment: Cost
    process: Cost
    steady: list[Cost]

    @property
    def requests(self) -> float:
        return sum(cost.requests for cost in self.steady) / len(self.steady)

    @property
    def most(self) -> int:
        """The largest number of requests of a steady tick, without the requests that start dates."""
        return max(cost.looked for cost in self.steady)

    @property
    def seconds(self) -> float:
        return sum(cost.seconds for cost in self.steady) / len(self.steady)

    def found(self) -> str:
        """The findings of the checks in all ticks."""
        total: Counter[str] = Counter()
        for cost in (self.deployment, self.process, *self.steady):
            total.update(cost.found)
        return ", ".join(f"{number} {name}" for name, number in total.items() if number)


def measure(count: int, trouble: float, kinds: Kinds = KINDS) -> Measured:
    rows = apart(build, count, trouble, kinds)
    deployment, rows = apart(begin, rows, count, trouble, kinds)
    process, *steady = apart(go_on, rows, count, trouble, kinds)
    return Measured(deployment, process, steady)


def show(count: int, trouble: float, found: Measured, kinds: Kinds = KINDS) -> None:
    of_hours = ", all with hourly dates" if kinds is HOURLY else ""
    print(f"{count:>6} pipelines{of_hours}, {trouble:.0%} in trouble, findings of all ticks: {found.found() or 'none'}")
    for name, cost in (("a deployment", found.deployment), ("a process", found.process)):
        print(
            f"    first tick of {name:<13} {cost.requests:>6} requests, {cost.timers:>6} CreateSchedule, "
            f"{cost.seconds:>6.2f} s of CPU"
        )
    timers, ticks = sum(cost.timers for cost in found.steady) / len(found.steady), len(found.steady)
    print(
        f"    steady tick, mean of {ticks}     {found.requests:>6.1f} requests, {timers:>6.1f} CreateSchedule, "
        f"{found.seconds:>6.3f} s of CPU, at most {found.most} requests, {allowed(count, kinds):.0f} allowed",
        flush=True,
    )


def show_growth(trouble: float, found: dict[int, Measured]) -> None:
    """Print each size as a ratio to the size before it. Ten times as many pipelines may cost ten times as much."""
    for small, large in pairwise(COUNTS):
        a, b = found[small], found[large]
        print(
            f"{small} -> {large}, {trouble:.0%} in trouble: requests x {b.requests / a.requests:.1f}, "
            f"CPU x {b.seconds / a.seconds:.1f}, first tick of a process: requests x "
            f"{b.process.requests / a.process.requests:.1f}, CPU x {b.process.seconds / a.process.seconds:.1f}"
        )


def show_cpu(found: Measured) -> None:
    """Print the CPU of 1,000 pipelines as a share of its budget (docs/reference/watchdog.md §2.1)."""
    print(f"1000 pipelines: {found.seconds:.3f} s of CPU a tick, {found.seconds / CPU_ALLOWED:.0%} of the budget")


def exceeded(count: int, found: Measured, kinds: Kinds = KINDS) -> list[str]:
    """The message for a steady, healthy tick with too many requests."""
    most = allowed(count, kinds)
    return [f"{found.most} requests for {count} pipelines, {most:.0f} are allowed"] if found.most > most else []


def compare(trouble: float) -> list[str]:
    """Measure and show every size with this share of troubled pipelines. Returns the messages for too many requests."""
    found: dict[int, Measured] = {}
    for count in COUNTS:
        found[count] = measure(count, trouble)
        show(count, trouble, found[count])
    show_growth(trouble, found)
    show_cpu(found[1_000])
    return [] if trouble else [words for count, one in found.items() for words in exceeded(count, one)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", action="store_true", help="only profile the first ticks")
    if parser.parse_args().profile:
        rows = apart(build, 1_000, 0.0, KINDS)
        apart(profile, rows, START)
        apart(profile, apart(begin, rows, 1_000, 0.0, KINDS)[1], START + TICK)
        return
    over = [found for trouble in TROUBLES for found in compare(trouble)]
    hourly = measure(1_000, 0.0, HOURLY)
    show(1_000, 0.0, hourly, HOURLY)
    show_cpu(hourly)
    over += exceeded(1_000, hourly, HOURLY)
    if over:
        raise SystemExit("a steady tick makes too many requests: " + "; ".join(over))


if __name__ == "__main__":
    main()

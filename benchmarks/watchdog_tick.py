"""What a tick of the watchdog costs: requests and CPU over 100 to 10,000 pipelines, healthy and with 1 % trouble."""

import logging
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from interlock_config import PipelineConfig, decode_yaml
from interlock_controller import NoTimers, Outbox, RerunDesk
from interlock_lifecycle import ClockVerdict, Run, RunKey, RunStatus
from interlock_sla import Clock, Outcome, parse_execution_date
from interlock_store import MemoryTables, Overview, Store, TableNames
from interlock_store._rows import closed_row, verdict_changes
from interlock_store._write import Put
from interlock_watchdog.checks import all_checks
from interlock_watchdog.crew import Crew
from interlock_watchdog.recovery import Recovery

NAMES = TableNames.of_environment("bench")
START = datetime(2026, 3, 3, 0, 2, tzinfo=UTC)
TICK = timedelta(minutes=5)
PAGE_BYTES = 1_000_000
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
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


class CountingTables(MemoryTables):
    """The twin, counting the requests that DynamoDB would see: batches of 100, pages of 1 MB."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()

    def get(self, table: str, pk: str, sk: str) -> Any:
        self.requests["GetItem"] += 1
        return super().get(table, pk, sk)

    def get_many(self, table: str, keys: Any) -> Any:
        wanted = list(dict.fromkeys(keys))
        self.requests["BatchGetItem"] += -(-len(wanted) // 100)
        single = self.requests["GetItem"]
        found = super().get_many(table, wanted)
        self.requests["GetItem"] = single  # the twin serves a batch by single reads
        return found

    def query(self, table: str, pk: str, **how: Any) -> Any:
        rows = list(super().query(table, pk, **how))
        size = sum(len(str(row)) for row in rows)
        self.requests["Query"] += 1 + size // PAGE_BYTES
        return iter(rows)

    def transact(self, writes: Any) -> None:
        self.requests["write"] += 1
        super().transact(writes)


class Quiet:
    """A bus that takes everything, executions that all run."""

    def publish(self, entries: Any) -> None: ...

    def start(self, name: str, execution_input: Any) -> None: ...

    def status(self, name: str) -> str:
        return "RUNNING"


def pipeline(number: int, dice: random.Random) -> PipelineConfig:
    schedule, sla = KINDS[number % len(KINDS)]
    text = (
        f"pipeline: {{id: p{number}}}\nschedule: {{{schedule}}}\nsla: {{{sla}}}\n"
        "validation: {rules: [{key: ready, check: exists}]}\n"
        'job: {type: command, config: {command: "true"}}\n'
    )
    at = {"HH": f"{dice.randint(0, 23):02}", "MM": f"{dice.randint(0, 59):02}"}
    for sign, value in at.items():
        text = text.replace(sign, value)
    return decode_yaml(text, f"p{number}.yaml")


class Deployment:
    """`count` pipelines whose dates have all run in time, but for a share of them."""

    def __init__(self, count: int, trouble: float) -> None:
        dice = random.Random(count)
        self.tables = CountingTables()
        self.store = Store(self.tables, NAMES)
        self.now = START
        self.troubled = 0
        for number in range(count):
            config = pipeline(number, dice)
            self.store.put_config(config)
            self.store.note_config(config.id, LONG_AGO)
            if config.trigger_rule is not None and config.trigger_rule.key == "hourly":
                self.store.note_periods(config.id)
            healthy = dice.random() >= trouble
            self.troubled += not healthy
            self._history(config, healthy)
        timeout = timedelta(hours=4)
        clock = lambda: self.now  # noqa: E731
        outbox = Outbox(self.store, Quiet(), Quiet(), now=clock, execution_timeout=timeout)
        recovery = Recovery(
            self.store,
            outbox,
            RerunDesk(self.store, execution_timeout=timeout),
            Quiet(),
            execution_timeout=timeout,
            pending_grace=timedelta(minutes=2),
            probe_after=TICK,
        )
        self.overview = Overview(self.tables, NAMES)
        self.checks = all_checks(
            self.store, self.overview, recovery, NoTimers(), now=clock, execution_timeout=timeout, crew=Crew()
        )

    def _history(self, config: PipelineConfig, healthy: bool) -> None:
        """The dates of a month, all completed with their verdicts, and the sensor of the last one; the troubled ones
        lack the sensor and the dates of the last two days and the next.
        """
        rule = config.trigger_rule
        if healthy and rule is not None:
            yesterday = START - timedelta(days=1)
            name = f"{rule.key}#{yesterday:%Y%m%d}" if rule.key == "hourly" else rule.key
            self.store.put_sensor(config.id, name, {"ready": True, "updatedAt": yesterday.isoformat()})
        for day in range(-28, 3):
            date = (START + timedelta(days=day)).date()
            if not healthy and day >= -2:
                continue
            key = RunKey(config.id, config.schedule_id, parse_execution_date(f"{date}"))
            at = START + timedelta(days=day)
            run = Run(key, RunStatus.COMPLETED, 0, "t", at, evaluated_at=at, closed_at=at)
            met = verdict_changes({clock: ClockVerdict(Outcome.MET, at, at) for clock in Clock})
            verdict = {"PK": f"PIPELINE#{config.id}", "SK": f"VERDICT#{key.schedule_id}#{key.date}", **met}
            self.tables.transact([Put(NAMES.control, closed_row(run)), Put(NAMES.control, verdict)])

    def tick(self) -> tuple[Counter[str], float, dict[str, int]]:
        self.now += TICK
        self.tables.requests.clear()
        began = time.process_time()
        found = {name: check(self.now) for name, check in self.checks.items()}
        return Counter(self.tables.requests), time.process_time() - began, found


def measure(count: int, trouble: float) -> tuple[float, int, float, float, dict[str, int], int]:
    deployment = Deployment(count, trouble)
    _, first, told = deployment.tick()
    totals, seconds, found, worst = Counter[str](), 0.0, Counter(told), 0
    ticks = 24
    for _ in range(ticks):
        requests, used, told = deployment.tick()
        totals.update(requests)
        worst = max(worst, sum(requests.values()))
        seconds += used
        found.update(told)
    return sum(totals.values()) / ticks, worst, seconds / ticks, first, dict(found), deployment.troubled


def main() -> None:
    logging.disable(logging.WARNING)  # what each report logs would drown the table
    print("    pipelines  troubled  requests/tick   most  allowed  CPU s/tick  first tick  found in all ticks")
    over: list[str] = []
    for trouble in (0.0, 0.01):
        for count in (100, 1_000, 10_000):
            requests, worst, seconds, first, found, troubled = measure(count, trouble)
            # One query per pipeline with per-period keys, spread over three ticks.
            allowed = count / 25 + 40 + count / len(KINDS) / 3
            shown = ", ".join(f"{number} {name}" for name, number in found.items() if number)
            cost = f"{requests:>14.1f} {worst:>6} {allowed:>8.0f} {seconds:>11.3f} {first:>11.2f}"
            row = f"{count:>13} {troubled:>9} {cost}"
            print(f"{row}  {shown}", flush=True)
            if not trouble and worst > allowed:
                over.append(f"{worst} requests for {count} healthy pipelines, {allowed:.0f} are allowed")
    if over:
        raise SystemExit("; ".join(over))


if __name__ == "__main__":
    main()

"""Measures the price of a durable local stack: latency with a data directory, a start with held runs, an event burst.

Times on shared machines are noisy. Compare the ratios of one run. The seconds are only a rough guide.
"""

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from interlock_config import decode_yaml
from interlock_lifecycle import RunKey, RunStatus
from interlock_local.stack import LocalStack
from interlock_sla import ExecutionDate
from interlock_store import Store

FIRST = date(2026, 1, 1)
RUNS = 20
HELD = 200
EVENTS = 2000


def pipeline(folder: Path, count: int) -> str:
    """A pipeline whose job writes its start time to a file. Its rule needs `count`."""
    command = f"sh -c 'date +%s.%N > {folder}/$INTERLOCK_DATE'"
    return f"""
pipeline: {{id: timed}}
schedule:
  dates: {{back: 0, ahead: 0}}
  maxOpenDates: 0
  trigger: {{key: ready, check: exists}}
  evaluation: {{window: 2h, interval: 10m}}
validation: {{trigger: ALL, rules: [{{key: ready, check: gte, field: count, value: {count}}}]}}
job: {{type: command, config: {{command: {json.dumps(command)}}}}}
"""


def run_of(store: Store, day: date) -> RunStatus | None:
    """The status of the date's run."""
    run = store.run(RunKey("timed", "stream", ExecutionDate(day)))
    return run.status if run is not None else None


def await_that(condition: Callable[[], bool], what: str, seconds: float = 300.0) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.02)


def latency(stack: LocalStack, folder: Path, day: date) -> float:
    """The seconds from the write of a sensor to the start of its job."""
    store, written = stack.store(), time.time()
    store.put_sensor("timed", f"ready#{day}", {"date": str(day), "count": 1})
    await_that(lambda: run_of(store, day) is RunStatus.COMPLETED, f"the run of {day}")
    return float((folder / str(day)).read_text()) - written


def latencies(scratch: Path, data: Path) -> tuple[list[float], list[float]]:
    """The latencies without and with a data directory, measured alternately. The first pair is a warm-up."""
    without, durable = [], []
    with LocalStack() as plain, LocalStack(data_dir=data) as kept:
        for stack in (plain, kept):
            stack.store().put_config(decode_yaml(pipeline(scratch, 1), "timed.yaml"))
        for number in range(RUNS + 1):
            day = FIRST + timedelta(days=number)
            without.append(latency(plain, scratch, day))
            (scratch / str(day)).unlink()
            durable.append(latency(kept, scratch, day))
    return without[1:], durable[1:]


def start_seconds(data: Path) -> float:
    """The seconds until a stack on this directory is ready."""
    began = time.monotonic()
    with LocalStack(data_dir=data):
        return time.monotonic() - began


def hold_runs(scratch: Path, data: Path) -> None:
    """Leave held runs in the directory."""
    with LocalStack(data_dir=data) as stack:
        store = stack.store()
        store.put_config(decode_yaml(pipeline(scratch, 10), "timed.yaml"))
        days = [FIRST + timedelta(days=number) for number in range(HELD)]
        for day in days:
            store.put_sensor("timed", f"ready#{day}", {"date": str(day), "count": 1})
        await_that(lambda: all(run_of(store, day) is RunStatus.RUNNING for day in days), "held runs")


def burst(data: Path) -> float:
    """The seconds until a burst of events is in the events table."""
    with LocalStack(data_dir=data) as stack:
        bus, store = stack.client("events"), stack.store()
        began = time.monotonic()
        for first in range(0, EVENTS, 10):
            entries = [
                {
                    "Source": "interlock",
                    "DetailType": "VALIDATION_PASSED",
                    "EventBusName": "local-interlock-bus",
                    "Detail": json.dumps(
                        {
                            "id": f"01BURST{number:019}",
                            "pipelineId": "burst",
                            "scheduleId": "stream",
                            "date": "2026-03-03",
                            "timestamp": datetime.now(UTC).isoformat(),
                            "message": "burst",
                        }
                    ),
                }
                for number in range(first, first + 10)
            ]
            bus.put_events(Entries=entries)
        await_that(lambda: len(store.events("burst")) == EVENTS, "all events")
        return time.monotonic() - began


def main() -> int:
    out = Console()
    scratch = Path(tempfile.mkdtemp(prefix="interlock-durability-"))
    try:
        without, durable = latencies(scratch, scratch / "latency")
        empty = min(start_seconds(scratch / f"empty-{number}") for number in range(2))
        hold_runs(scratch, scratch / "held")
        held = min(start_seconds(scratch / "held") for _ in range(2))
        seconds = burst(scratch / "burst")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    shown = Table("measure", "value", title="A durable local stack")
    before, after = statistics.median(without), statistics.median(durable)
    shown.add_row("sensor write to job start: with a data directory / without", f"{after / before:.2f}")
    shown.add_row("  with a data directory (median)", f"{after:.3f} s")
    shown.add_row(f"start: directory with {HELD} held runs / empty directory", f"{held / empty:.2f}")
    shown.add_row("  empty directory", f"{empty:.1f} s")
    shown.add_row(f"{EVENTS} events at once: all in the events table", f"{seconds:.1f} s")
    out.print(shown)
    return 0


if __name__ == "__main__":
    sys.exit(main())

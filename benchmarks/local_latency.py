"""Measures the local stack: time from a sensor's write to the start of its job, and stream records handled per second.

Times on shared machines are noisy. Compare the ratios of one run. The seconds are only a rough guide.
"""

import json
import statistics
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from interlock_config import decode_yaml
from interlock_lifecycle import RunKey, RunStatus
from interlock_local.stack import LocalStack
from interlock_sla import ExecutionDate
from interlock_store import Store

FIRST = date(2026, 1, 1)
ALONE, TOGETHER = 15, 40


def pipeline(folder: Path) -> str:
    """A pipeline whose job writes its start time to a file."""
    command = f"sh -c 'date +%s.%N > {folder}/$INTERLOCK_DATE'"
    return f"""
pipeline: {{id: timed}}
schedule: {{trigger: {{key: ready, check: exists}}, evaluation: {{window: 10m, interval: 5s}}}}
validation: {{trigger: ALL, rules: [{{key: ready, check: exists}}]}}
job: {{type: command, config: {{command: {json.dumps(command)}}}}}
"""


def trigger(store: Store, day: date) -> float:
    """Write the sensor of a date and return the time of the write."""
    written = time.time()
    store.put_sensor("timed", f"ready#{day}", {"date": str(day)})
    return written


def await_end(store: Store, day: date) -> None:
    """Wait until the date's run is closed."""
    key = RunKey("timed", "stream", ExecutionDate(day))
    while (run := store.run(key)) is None or run.status is RunStatus.RUNNING:
        time.sleep(0.02)


def main() -> int:
    out = Console()
    with tempfile.TemporaryDirectory() as scratch, LocalStack(progress=out.print) as stack:
        folder, store = Path(scratch), stack.store()
        store.put_config(decode_yaml(pipeline(folder), "timed.yaml"))
        alone = []
        for number in range(ALONE):
            day = FIRST + timedelta(days=number)
            written = trigger(store, day)
            await_end(store, day)
            alone.append(float((folder / str(day)).read_text()) - written)
        stack.drain()
        before, began = stack.pump.counts("control").handled, time.monotonic()
        days = [FIRST + timedelta(days=100 + number) for number in range(TOGETHER)]
        for day in days:
            trigger(store, day)
        for day in days:
            await_end(store, day)
        seconds = time.monotonic() - began
        stack.drain()
        records = stack.pump.counts("control").handled - before
    shown = Table("measure", "value", title="Local stack")
    first, rest = alone[0], alone[1:]
    shown.add_row("sensor write to job start, one at a time (median)", f"{statistics.median(rest):.3f} s")
    shown.add_row("slowest of them to the median", f"{max(rest) / statistics.median(rest):.1f}")
    shown.add_row("the first run to the median", f"{first / statistics.median(rest):.1f}")
    shown.add_row(f"{TOGETHER} runs at once", f"{seconds:.1f} s, {TOGETHER / seconds:.1f} runs/s")
    shown.add_row("control stream records meanwhile", f"{records}, {records / seconds:.0f} records/s")
    out.print(shown)
    return 0


if __name__ == "__main__":
    sys.exit(main())

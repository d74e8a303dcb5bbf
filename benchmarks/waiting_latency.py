"""Measures on the local stack how soon held runs start and followed jobs are closed: waiting against polling.

`uv run python benchmarks/waiting_latency.py`, about eight minutes. Both builds run on one stack, one after the other:
first the definition that polled (`tests/simulation/polling.asl.json`), then the present one. The interval is the
default of five minutes, so the polling build needs that long. Seconds on shared machines are noisy. The ratios of one
run count: each time is divided by the time from sensor to start of a run that is not held, of the same build.
"""

import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from interlock_config import decode_yaml
from interlock_lifecycle import Run, RunKey, RunStatus
from interlock_local.stack import LocalStack
from interlock_sla import parse_execution_date

ROOT = Path(__file__).parents[1]
POLLING = ROOT / "tests" / "simulation" / "polling.asl.json"
PIPELINE = """
pipeline: {{id: {name}}}
schedule: {{dates: {{back: 0, ahead: 0}}, trigger: {{key: ready, check: exists}}, evaluation: {{window: 1h}}}}
validation: {{trigger: ALL, rules: [{{key: ready, check: exists}}{more}]}}
job: {job}
"""
ALONE, HELD, FOLLOWED = 15, 8, 6
WAKE_TARGET, CLOSE_TARGET, START_TARGET = 2.0, 5.0, 1.05
_PAUSE = 0.02


class Build:
    """One definition on the running stack, and its pipelines."""

    def __init__(self, name: str, stack: LocalStack, folder: Path, machine: str) -> None:
        self.name, self.stack, self.store, self.folder = name, stack, stack.store(), folder
        work = f"sh -c 'date +%s.%N > {folder}/{name}-$INTERLOCK_DATE'"
        command = f"{{type: command, config: {{command: {json.dumps(work)}}}}}"
        followed = f"{{type: step-function, config: {{stateMachineArn: {json.dumps(machine)}}}}}"
        self._push("plain", "", command)
        self._push("held", ", {key: volume, check: exists}", command)
        self._push("followed", "", followed)

    def _push(self, kind: str, more: str, job: str) -> None:
        name = f"{self.name}-{kind}"
        self.store.put_config(decode_yaml(PIPELINE.format(name=name, more=more, job=job), f"{name}.yaml"))

    def sense(self, kind: str, key: str, date: str) -> float:
        """Write a sensor's row and return the time of the write."""
        written = time.time()
        self.store.put_sensor(f"{self.name}-{kind}", f"{key}#{date}", {"date": date})
        return written

    def started(self, date: str) -> float:
        """The time at which the job of a date began."""
        path = self.folder / f"{self.name}-{date}"
        await_that(path.exists)
        await_that(lambda: path.read_text().strip())
        return float(path.read_text())

    def run(self, kind: str, date: str) -> Run | None:
        """The run of a date."""
        return self.store.run(RunKey(f"{self.name}-{kind}", "stream", parse_execution_date(date)))

    def is_held(self, kind: str, date: str) -> bool:
        """Whether the execution of a run has begun, and its first look is over."""
        run = self.run(kind, date)
        return run is not None and run.started_token == run.run_token


def await_that(condition: Callable[[], object], seconds: float = 900) -> None:
    """Wait for a condition."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            raise SystemExit("the local stack did not get there in time")
        time.sleep(_PAUSE)


def sensor_to_start(build: Build) -> float:
    """The median time from a sensor to the start of its job, in seconds."""
    times = []
    for number in range(ALONE):
        date = f"2026-01-{number + 1:02}"
        written = build.sense("plain", "ready", date)
        times.append(build.started(date) - written)
    return statistics.median(times[1:])


def true_to_start(build: Build, spread: float) -> float:
    """The mean time from the last sensor of a held run to the start of its job, at random moments of the interval."""
    dates = [f"2026-02-{number + 1:02}" for number in range(HELD)]
    for date in dates:
        build.sense("held", "ready", date)
    for date in dates:
        await_that(lambda date=date: build.is_held("held", date))  # type: ignore[misc]
    rng, began, written = random.Random(1), time.monotonic() + 5, {}
    for moment, date in sorted((rng.uniform(0, spread), date) for date in dates):
        time.sleep(max(0.0, began + moment - time.monotonic()))
        written[date] = build.sense("held", "volume", date)
    return statistics.fmean(build.started(date) - written[date] for date in dates)


def end_to_close(build: Build, states: Any) -> float:
    """The mean time from the end of a followed job to the close of its run."""
    dates = [f"2026-03-{number + 1:02}" for number in range(FOLLOWED)]
    for date in dates:
        build.sense("followed", "ready", date)
    late = []
    for date in dates:
        await_that(lambda date=date: (run := build.run("followed", date)) is not None and not run.is_running)  # type: ignore[misc]
        run = build.run("followed", date)
        assert run is not None
        assert run.closed_at is not None
        assert run.job_intent is not None
        assert run.status is RunStatus.COMPLETED
        ended = states.describe_execution(executionArn=run.job_intent.run_id)["stopDate"]
        late.append((run.closed_at - ended).total_seconds())
    return statistics.fmean(late)


def define(states: Any, arn: str, template: str) -> None:
    """Let new executions of the pipelines' state machine run by a definition, with the values of the present one."""
    present = json.loads(states.describe_state_machine(stateMachineArn=arn)["definition"])
    values = {
        "orchestrator_arn": present["States"]["Evaluate"]["Resource"],
        "sla_monitor_arn": present["States"]["StartSLA"]["Resource"],
        "timeout_seconds": present["TimeoutSeconds"],
        "trigger_max_attempts": present["States"]["Trigger"]["Retry"][-1]["MaxAttempts"],
        "partition": "aws",
    }
    rendered = re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), template)
    states.update_state_machine(stateMachineArn=arn, definition=rendered)


def job_machine(states: Any, role: str) -> str:
    """A state machine as the target of followed jobs. Each execution takes 20 to 80 seconds."""
    wait = {"Type": "Wait", "SecondsPath": "$.seconds", "End": True}
    pick = {
        "Type": "Pass",
        "Parameters": {"seconds.$": "States.MathRandom(20, 80)"},
        "Next": "Work",
    }
    definition = {"StartAt": "Pick", "States": {"Pick": pick, "Work": wait}}
    made = states.create_state_machine(name="timed-jobs", definition=json.dumps(definition), roleArn=role)
    return str(made["stateMachineArn"])


def main() -> int:
    """Print the table. Exit code 1 if a ratio is above its target."""
    out = Console()
    found: dict[str, tuple[float, float, float]] = {}
    with tempfile.TemporaryDirectory() as scratch, LocalStack(progress=out.print) as stack:
        states = stack.client("stepfunctions")
        (pipelines,) = states.list_state_machines()["stateMachines"]
        arn = pipelines["stateMachineArn"]
        jobs = job_machine(states, states.describe_state_machine(stateMachineArn=arn)["roleArn"])
        present = (ROOT / "infra" / "statemachine" / "interlock.asl.json").read_text()
        for name, template, spread in (("polls", POLLING.read_text(), 300.0), ("waits", present, 30.0)):
            define(states, arn, template)
            build = Build(name, stack, Path(scratch), jobs)
            base = sensor_to_start(build)
            out.print(f"{name}: a run that is not held starts {base:.2f} s after its sensor")
            held = true_to_start(build, spread)
            out.print(f"{name}: a held run starts {held:.2f} s after its last sensor")
            found[name] = base, held, end_to_close(build, states)
            out.print(f"{name}: a run is closed {found[name][2]:.2f} s after the end of its job")
    shown = Table("", "polls", "waits", "times its own start", "target", title="Local stack, seconds")
    titles = ("sensor to start, not held", "last sensor to start, held (mean)", "job's end to close (mean)")
    targets = (None, WAKE_TARGET, CLOSE_TARGET)
    is_good = True
    for at, (title, target) in enumerate(zip(titles, targets, strict=True)):
        polled, waited = found["polls"][at], found["waits"][at]
        own = f"{polled / found['polls'][0]:.1f} / {waited / found['waits'][0]:.1f}"
        is_good = is_good and (target is None or waited / found["waits"][0] <= target)
        shown.add_row(title, f"{polled:.2f}", f"{waited:.2f}", own, "" if target is None else f"{target:g}")
    out.print(shown)
    ratio = found["waits"][0] / found["polls"][0]
    out.print(f"sensor to start, waits to polls: {ratio:.2f} (target {START_TARGET:g})")
    return 0 if is_good and ratio <= START_TARGET else 1


if __name__ == "__main__":
    sys.exit(main())

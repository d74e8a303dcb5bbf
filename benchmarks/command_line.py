"""Compares the CPU time of `interlock` with that of click and rich alone.

`uv run nox -s bench`. Each call is a whole process. The calls alternate, so that a busy machine slows all of them, and
the median of each counts. The baseline is a command with one option that prints one line with rich. Goals: at most 1.3
times for --version, --help and one TAB, and at most 2.2 times for validate.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from rich.console import Console
from rich.table import Table

RUNS = 15
BASELINE = """
import click
from rich.console import Console
from rich.table import Table

@click.group()
@click.version_option(package_name="click")
def main(): "A group."

@main.command()
@click.option("--name")
def hello(name):
    "Print a line."
    Console().print("hello")

main(prog_name="baseline")
"""
PIPELINE = """
pipeline: {id: orders}
schedule: {timezone: Europe/Berlin, trigger: {key: landing, check: exists}}
sla: {deadline: "08:00", expectedDuration: 20m}
validation: {rules: [{key: landing, check: gte, field: count, value: 1000}]}
job: {type: glue, config: {jobName: orders}}
"""
TAB = {"_INTERLOCK_COMPLETE": "bash_complete", "COMP_WORDS": "interlock st", "COMP_CWORD": "1"}
TAB_OF_ID = {"_INTERLOCK_COMPLETE": "bash_complete", "COMP_WORDS": "interlock why o", "COMP_CWORD": "2"}


class Call(Struct):
    """A call of a command, its environment, and the largest ratio that is a goal."""

    name: str
    arguments: list[str]
    environment: Mapping[str, str] = {}
    goal: float | None = None


def cpu_of(call: Call) -> float:
    """The seconds of CPU of one call, in user mode and in the kernel."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(call.arguments, check=True, capture_output=True, env={**os.environ, **call.environment})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "orders.yaml").write_text(PIPELINE)
        # As the installed script: `-m` would import one package more.
        interlock = [sys.executable, "-c", "from interlock_cli import main; main(prog_name='interlock')"]
        calls = [
            Call("click and rich", [sys.executable, "-c", BASELINE, "hello"]),
            Call("interlock --version", [*interlock, "--version"], goal=1.3),
            Call("interlock --help", [*interlock, "--help"], goal=1.3),
            Call("interlock st<TAB>", interlock, TAB, goal=1.3),
            Call("interlock why o<TAB>", interlock, TAB_OF_ID, goal=1.3),
            Call("interlock validate", [*interlock, "validate", folder], goal=2.2),
            Call("interlock status --help", [*interlock, "status", "--help"]),
        ]
        for call in calls:
            cpu_of(call)  # the first run writes the compiled modules
        measured: dict[str, list[float]] = {call.name: [] for call in calls}
        for _ in range(RUNS):
            for call in calls:
                measured[call.name].append(cpu_of(call))
    medians = {name: statistics.median(values) for name, values in measured.items()}
    shown = Table(title=f"CPU of a whole process, median of {RUNS} runs", box=None)
    for column in ("call", "CPU ms", "times the baseline", "goal"):
        shown.add_column(column, justify="left" if column == "call" else "right")
    for call in calls:
        ratio = medians[call.name] / medians[calls[0].name]
        shown.add_row(call.name, f"{medians[call.name] * 1000:.0f}", f"{ratio:.2f}", f"{call.goal or ''}")
    Console().print(shown)


if __name__ == "__main__":
    main()

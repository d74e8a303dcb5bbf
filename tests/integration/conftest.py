"""The local stack with the six real Lambdas, and the actions of the tests from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner
from msgspec import Struct

from interlock_cli import main
from interlock_lifecycle import Run, RunKey, RunStatus
from interlock_local.site import StackSettings
from interlock_local.stack import LocalStack
from interlock_sla import parse_execution_date
from interlock_store import Store

T = TypeVar("T")


PATIENCE = 300.0
"""Seconds until an expected result counts as missing. It bounds a failing test and says nothing about speed."""

# SIGINT has its default effect in the command, also if a shell started the tests in the background and ignores it.
INTERRUPTIBLE = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('interlock_cli', run_name='__main__', alter_sys=True)"
)


def await_that(
    condition: Callable[[], T | None], event: str, *, every: float = 0.05, state: Callable[[], object] = str
) -> T:
    """The condition's first true value. The test fails with the `state` when patience runs out."""
    end = time.monotonic() + PATIENCE
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"{event}: not seen within {PATIENCE:.0f} s; {state()}"
        time.sleep(every)


class Outside(Struct):
    """Access from outside: the command, the tables, the files of jobs, the processes."""

    stack: LocalStack
    store: Store
    folder: Path
    owners: dict[str, str] = {}
    """The test file of each pipeline. Files share a stack, and the rows of a pipeline stay."""

    def interlock(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the real command against the stack."""
        done = subprocess.run(
            [sys.executable, "-m", "interlock_cli", *arguments, "--endpoint-url", self.stack.endpoint_url],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == code, f"{arguments}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def push(self, name: str, text: str) -> None:
        """Write a pipeline file and push it. A pipeline belongs to the tests of one file."""
        file = os.environ["PYTEST_CURRENT_TEST"].partition("::")[0]
        assert self.owners.setdefault(name, file) == file, f"pipeline {name} belongs to {self.owners[name]}"
        path = self.folder / f"{name}.yaml"
        path.write_text(text)
        self._interlock_here("push", str(path))

    def put(self, pipeline: str, key: str, **fields: Any) -> None:
        """Write a sensor row of exactly these fields with the command."""
        given = (f"{name}={json.dumps(value)}" for name, value in fields.items())
        self._interlock_here("sensor", "put", pipeline, key, *given, "--no-timestamp")

    def _interlock_here(self, *arguments: str) -> None:
        """Run the command in this process. The start of another process takes longer than the command."""
        done = CliRunner().invoke(main, [*arguments, "--endpoint-url", self.stack.endpoint_url])
        assert done.exit_code == 0, f"{arguments}: exit code {done.exit_code}\n{done.output}"

    def request(self, pipeline: str, date: str) -> None:
        """Write a rerun request as another program does. The command writes none that would be rejected."""
        key = RunKey(pipeline, "stream", parse_execution_date(date))
        self.store.request_rerun(key, reason="manual", note=None, requested_at=datetime.now(UTC))

    def run(self, pipeline: str, date: str) -> Run | None:
        """The trigger row of a date."""
        return self.store.run(RunKey(pipeline, "stream", parse_execution_date(date)))

    def closed(self, pipeline: str, date: str) -> Run:
        """The trigger row once it is closed."""

        def ended() -> Run | None:
            run = self.run(pipeline, date)
            return run if run is not None and run.status is not RunStatus.RUNNING else None

        return await_that(ended, f"end of {pipeline} {date}", state=lambda: self.state(pipeline))

    def state(self, pipeline: str) -> str:
        """The rows of a pipeline and the counts of the pump, for the message of a failed test."""
        names = self.store.names
        rows = self.store._tables.query(names.control, f"PIPELINE#{pipeline}")
        shown = [{name: row[name] for name in ("SK", "status", "data", "detailType") if name in row} for row in rows]
        return f"rows {shown}; pump {self.stack.pump.counts('control')}"

    def starts(self, pipeline: str) -> list[str]:
        """The lines that the pipeline's jobs wrote when they started: `<date> <attempt>`."""
        path = self.folder / f"{pipeline}.starts"
        return path.read_text().splitlines() if path.exists() else []

    def events(self, pipeline: str, date: str) -> list[str]:
        """The types of the events of a date in the events table."""
        return [str(row["eventType"]) for row in self.store.events(pipeline) if row.get("date") == date]

    def kill(self, service: str) -> int:
        """Kill every worker process of a Lambda with SIGKILL, and return their number."""
        killed = 0
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and self._is_worker(process, service):
                os.kill(int(process.name), signal.SIGKILL)
                killed += 1
        return killed

    def _is_worker(self, process: Path, service: str) -> bool:
        """Whether a process is a worker of this stack's function, by its environment."""
        try:
            environment = (process / "environ").read_bytes()
            is_child = (process / "comm").read_text().strip().startswith("python")
        except OSError:
            return False
        wanted = f"AWS_LAMBDA_FUNCTION_NAME=local-interlock-{service}\0".encode()
        endpoint = f"AWS_ENDPOINT_URL={self.stack.endpoint_url}\0".encode()
        return is_child and wanted in environment and endpoint in environment


def today_and_tomorrow() -> list[date]:
    """Days to exclude in a test that must not end with its exclusion when midnight passes (UTC)."""
    today = datetime.now(UTC).date()
    return [today, today + timedelta(days=1)]


def until_exists(file: Path) -> str:
    """The work of a job that ends when a file exists. A job that sleeps may end before the test's next write."""
    return f"while [ ! -e {file} ]; do sleep 0.1; done"


JOB = """sh -c 'echo "$INTERLOCK_DATE $INTERLOCK_ATTEMPT" >> {folder}/{name}.starts; {work}'"""


def pipeline(folder: Path, name: str, *, work: str = "true", rules: str = "", more: str = "", job: str = "") -> str:
    """A pipeline file whose job writes a line for each start."""
    command = JOB.format(folder=folder, name=name, work=work)
    return f"""
pipeline: {{id: {name}}}
schedule:
  dates: {{back: 0, ahead: 0}}
  trigger: {{key: ready, check: equals, field: ready, value: true}}
  evaluation: {{window: 10m, interval: 1s}}
{more}
validation:
  trigger: ALL
  rules:
    - {rules or "{key: ready, check: gte, field: count, value: 10}"}
job:
  type: command
  config: {{command: {json.dumps(command)}}}
  {job}
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside")


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    settings = StackSettings(
        orchestrator_timeout=40,
        pending_grace="5s",
        probe_after="3s",
        trigger_max_attempts=1,
        job_environment={"INTERLOCK_TRIGGER_ALLOWED_HOSTS": "127.0.0.1"},
        alert_environment={"INTERLOCK_TRIGGER_ALLOWED_HOSTS": "127.0.0.1", "INTERLOCK_WEBHOOK_KEY": "a-key"},
    )
    with LocalStack(settings=settings) as running:
        yield running


@pytest.fixture(scope="session")
def outside(stack: LocalStack, folder: Path) -> Outside:
    return Outside(stack, stack.store(), folder)

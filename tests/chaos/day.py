"""A scripted day: pipelines, rows of producers, kills at random moments, and the statements that must hold."""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from chaos.command import PARTS, Up
from chaos.targets import Script, Start, Target
from msgspec import Struct

from interlock_lifecycle import JobEntry, Run, RunKey, RunStatus
from interlock_local.keys import key_of_home
from interlock_sla import parse_execution_date
from interlock_store import DynamoTables, Store, TableNames

DATES = ("2026-03-02", "2026-03-03", "2026-03-04")

_SETTLING_SECONDS = 420.0
# The events that each kind of joblog row has, in equal numbers.
_EVENT_OF = {
    "success": "JOB_COMPLETED",
    "fail": "JOB_FAILED",
    "timeout": "JOB_FAILED",
    "rerun-accepted": "RERUN_ACCEPTED",
    "rerun-rejected": "RERUN_REJECTED",
    "late-data-arrival": "LATE_DATA_ARRIVAL",
    "validation-exhausted": "VALIDATION_EXHAUSTED",
}


class Size(Struct, frozen=True):
    """The size of a day: pipelines, kills, and the seconds over which the producers write."""

    pipelines: int
    kills: int
    seconds: float


class Report(Struct):
    """The end of a day: its counts, and each statement that does not hold."""

    seed: int
    dates: int = 0
    starts: int = 0
    stack_starts: int = 0
    seconds: float = 0.0
    kills: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    broken: list[str] = []


class _Row(Struct, frozen=True):
    at: float
    pipeline: str
    date: str
    fields: dict[str, Any]


class Day:
    """One day with one seed, in a folder of its own."""

    def __init__(self, seed: int, size: Size, folder: Path, say: Callable[[str], None] = lambda line: None) -> None:
        self._random = random.Random(seed)
        self._size = size
        self._folder = folder
        self._data = folder / "state"
        self._say = say
        self._script = Script(folder)
        self._target = Target(seed)
        self._up = Up(self._data, folder / "up.log")
        self._report = Report(seed, kills=Counter(), statuses=Counter(), broken=[])
        self._pipelines = [f"p{number:02}" for number in range(size.pipelines)]
        self._restarted = threading.Condition()

    def play(self) -> Report:
        """Play the day to its end."""
        began = time.monotonic()
        try:
            self._up.start()
            self._push()
            producers = threading.Thread(target=self._produce, name="producers", daemon=True)
            producers.start()
            self._kill_at_random(began)
            producers.join(_SETTLING_SECONDS)
            if producers.is_alive():
                self._report.broken.append("the producers could not write all rows")
            self._settle()
            self._check()
        finally:
            self._up.stop()
            self._target.close()
        self._report.stack_starts = self._up.starts
        self._report.seconds = time.monotonic() - began
        return self._report

    # The script

    def _push(self) -> None:
        folder = self._folder / "pipelines"
        folder.mkdir()
        for number, name in enumerate(self._pipelines):
            (folder / f"{name}.yaml").write_text(self._pipeline(name, is_http=number % 2 == 0))
        words = ["push", str(folder), "--endpoint-url", self._up.endpoint]
        subprocess.run([sys.executable, "-m", "interlock_cli", *words], check=True, capture_output=True, timeout=120)

    def _pipeline(self, name: str, *, is_http: bool) -> str:
        if is_http:
            body = f'{{"pipeline": "{name}", "date": "${{INTERLOCK_DATE}}", "attempt": "${{INTERLOCK_ATTEMPT}}"}}'
            job = (
                f"{{type: http, config: {{url: '{self._target.url}/run', body: '{body}', timeout: 20}}, maxRetries: 5}}"
            )
        else:
            command = self._script.command(name).replace("'", "''")
            job = f"{{type: command, config: {{command: '{command}'}}, maxRetries: 5}}"
        return f"""
pipeline: {{id: {name}}}
schedule:
  dates: {{back: 0, ahead: 0}}
  trigger: {{key: landing, check: equals, field: open, value: true}}
  evaluation: {{window: 1h, interval: 2s}}
validation:
  trigger: ALL
  rules:
    - {{key: landing, check: gte, field: count, value: 10}}
job: {job}
"""

    def _rows(self) -> list[_Row]:
        """Each date opens with too few rows, becomes complete later, and a third of the dates gets late data."""
        rows = []
        for pipeline in self._pipelines:
            for date in DATES:
                opened = self._random.uniform(0, self._size.seconds * 0.6)
                complete = opened + self._random.uniform(0, self._size.seconds * 0.3)
                rows.append(_Row(opened, pipeline, date, {"open": True, "count": 3}))
                rows.append(_Row(complete, pipeline, date, {"open": True, "count": 12}))
                if self._random.random() < 0.33:
                    late = self._random.uniform(complete, self._size.seconds)
                    rows.append(_Row(late, pipeline, date, {"open": True, "count": 13}))
        return sorted(rows, key=lambda row: row.at)

    def _produce(self) -> None:
        """Write each row at its time, again and again until the stack has acknowledged it."""
        began = time.monotonic()
        client: Any = None
        for row in self._rows():
            time.sleep(max(0.0, began + row.at - time.monotonic()))
            while True:
                try:
                    client = client or self._client("dynamodb")
                    self._write(client, row)
                    break
                except (BotoCoreError, ClientError, OSError):
                    client = None
                    time.sleep(0.1)

    def _write(self, client: Any, row: _Row) -> None:
        data: dict[str, Any] = {"date": {"S": row.date}, "updatedAt": {"S": datetime.now(UTC).isoformat()}}
        for name, value in row.fields.items():
            data[name] = {"BOOL": value} if isinstance(value, bool) else {"N": str(value)}
        client.put_item(
            TableName="local-interlock-control",
            Item={
                "PK": {"S": f"PIPELINE#{row.pipeline}"},
                "SK": {"S": f"SENSOR#landing#{row.date}"},
                "data": {"M": data},
            },
        )

    def _kill_at_random(self, began: float) -> None:
        """Kill one process after another. A quarter of the kills hits the stack while it starts."""
        for _ in range(self._size.kills):
            time.sleep(self._random.uniform(0.5, 2 * self._size.seconds / self._size.kills))
            part = self._random.choice(PARTS)
            choice = self._random.randrange(1000)
            if not self._up.kill(part, choice):
                part = "server"
                self._up.kill(part, choice)
            self._report.kills[part] += 1
            self._say(f"{time.monotonic() - began:6.1f} s  killed {part}")
            if not self._up.runs:
                early = self._random.random() < 0.25
                self._up.start(wait=not early)
                if early:
                    time.sleep(self._random.uniform(0.3, 4))
                    self._up.kill("command", 0)
                    self._report.kills["starting command"] += 1
                    self._say(f"{time.monotonic() - began:6.1f} s  killed the command during its start")
                    self._up.start()

    # The end

    def _client(self, service: str) -> Any:
        key = key_of_home(self._data)
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self._up.endpoint,
            region_name=key.region,
            aws_access_key_id=key.access_key,
            aws_secret_access_key=key.secret,
            config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}, proxies={}),
        )

    def _store(self) -> Store:
        return Store(DynamoTables(self._client("dynamodb")), TableNames.of_environment("local"))

    def _keys(self) -> Iterator[RunKey]:
        for pipeline in self._pipelines:
            for date in DATES:
                yield RunKey(pipeline, "stream", parse_execution_date(date))

    def _settle(self) -> None:
        """Wait until each date has ended and the tables agree, as long as there is progress."""
        store = self._store()
        deadline = time.monotonic() + _SETTLING_SECONDS
        while time.monotonic() < deadline:
            open_runs = [key for key in self._keys() if not _is_ended(store.run(key))]
            if not open_runs and not store.pending(datetime.now(UTC)) and not self._differences(store):
                return
            time.sleep(1.0)

    def _check(self) -> None:
        store, report = self._store(), self._report
        for key in self._keys():
            run = store.run(key)
            report.dates += 1
            report.statuses["none" if run is None else run.status.value] += 1
            if not _is_ended(run):
                report.broken.append(f"{key} did not end: {run}")
        started = self._script.starts() + self._target.starts()
        report.starts = sum(started.values())
        report.broken += [f"{start} was started {count} times" for start, count in started.items() if count > 1]
        report.broken += self._unstarted(store, started)
        report.broken += self._differences(store)

    def _unstarted(self, store: Store, started: Counter[Start]) -> list[str]:
        """The successes without a job."""
        successes = [
            Start(key.pipeline_id, str(key.date), entry.attempt)
            for key in self._keys()
            for entry in store.entries(key)
            if entry.event == "success" and entry.attempt is not None
        ]
        return [f"{one} succeeded without a start" for one in successes if one not in started]

    def _differences(self, store: Store) -> list[str]:
        """The dates whose events differ from their joblog."""
        found = []
        for pipeline in self._pipelines:
            events = Counter((str(row.get("date")), str(row["eventType"])) for row in store.events(pipeline))
            for date in DATES:
                key = RunKey(pipeline, "stream", parse_execution_date(date))
                logged: Counter[str] = Counter()
                for entry in store.entries(key):
                    if event := _event_of(entry):
                        logged[event] += 1
                found += [
                    f"{key}: {logged[event]} {event} by the joblog, {events[date, event]} by the events table"
                    for event in sorted(set(_EVENT_OF.values()))
                    if logged[event] != events[date, event]
                ]
        return found


def _event_of(entry: JobEntry) -> str | None:
    return _EVENT_OF.get(str(entry.event))


def _is_ended(run: Run | None) -> bool:
    return run is not None and run.status is not RunStatus.RUNNING

"""Tables in memory for the commands, and a controller of their rows. The profile `fuzz` of hypothesis runs each
property for minutes."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings

from interlock_config import decode_yaml
from interlock_lifecycle import JobOutcome, RunKey
from interlock_lifecycle.reruns import RerunFacts, decide_rerun
from interlock_lifecycle.runs import CloseFacts, decide_completion, decide_started
from interlock_sla import parse_execution_date
from interlock_store import Commit, MemoryTables, Store, TableNames, read_rerun_request
from interlock_store._write import Delete, Put

# The fixtures hold no state of an example.
settings.register_profile(
    "default", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("default")


class NoQueues:
    """A client of an SQS without queues."""

    def get_queue_url(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "GetQueueUrl")


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> MemoryTables:
    """The tables that each command of this test reads and writes, in the environment `test`."""
    made = MemoryTables()
    monkeypatch.setattr("interlock_cli._deployment._aws.boto3", SimpleNamespace(client=lambda *_, **__: NoQueues()))
    monkeypatch.setattr("interlock_cli._deployment._aws.DynamoTables", lambda _: made)
    monkeypatch.setenv("INTERLOCK_ENVIRONMENT", "test")
    return made


@pytest.fixture
def relay(tables: MemoryTables) -> Callable[[], None]:
    """Take the outbox to the events table, as stream-router, bus and event-sink do."""
    names = TableNames.of_environment("test")

    def take() -> None:
        for row in tables.rows_of(names.control):
            if not row["SK"].startswith("EVENT#"):
                continue
            wire = json.loads(row["detail"])
            at = datetime.fromisoformat(wire["timestamp"])
            stored = {
                "PK": row["PK"],
                "SK": f"{round(at.timestamp() * 1000):013d}#{row['detailType']}#{wire['id']}",
                "eventType": row["detailType"],
                "scheduleId": wire["scheduleId"],
                "date": wire["date"],
                "detail": row["detail"],
            }
            tables.transact([Put(names.events, stored), Delete(names.control, row["PK"], row["SK"])])

    return take


TIMEOUT = timedelta(hours=4)
PIPELINE = """
pipeline: {{id: p}}
schedule: {schedule}
validation: {{rules: [{{key: landing, check: exists}}]}}
job: {{type: command, config: {{command: "true"}}, maxManualReruns: 1}}
"""
BY_DATA = "{trigger: {key: landing, check: exists}, exclude: {dates: ['2026-03-08']}, dates: {back: 0}}"


class Killed(BaseException):
    """The end of the process. No code catches it."""


class Controller:
    """Answers the requests and ends the runs at each pause of the command, as the Lambdas do meanwhile.

    killed_at, interrupted_at: the pause in which the command ends. stalls: the runs are held and never end.
    """

    Killed = Killed

    def __init__(self, tables: MemoryTables, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tables = tables
        self.store = Store(tables, TableNames.of_environment("test"))
        self.push(BY_DATA)
        self.open: list[RunKey] = []
        self.most_open = 0
        self.naps = 0
        self.killed_at = self.interrupted_at = 0
        self.stalls = False
        self.fails: set[str] = set()
        monkeypatch.setattr("interlock_cli._runs._backfill.time.sleep", self.nap)

    def push(self, schedule: str, more: str = "") -> None:
        self.store.put_config(decode_yaml(PIPELINE.format(schedule=schedule) + more, "p.yaml"))

    def key(self, day: str) -> RunKey:
        config = self.store.config("p").config
        assert config is not None
        return RunKey("p", config.schedule_id, parse_execution_date(day))

    def nap(self, _: float) -> None:
        self.naps += 1
        assert self.naps < 500, "the command waits for ever"
        if self.naps == self.killed_at:
            raise Killed
        if self.naps == self.interrupted_at:
            raise KeyboardInterrupt
        if not self.stalls:
            self.end_one()
        self.answer_all()

    def answer_all(self) -> None:
        rows = self.tables.rows_of(self.store.names.control)
        for row in rows:
            if row["SK"].startswith("RERUN_REQUEST#") and "handledAt" not in row:
                self.answer(row)

    def answer(self, row: dict[str, Any]) -> None:
        stored, request = self.store.config("p"), read_rerun_request(row, datetime.now(UTC))
        assert stored.config is not None
        key = request.key
        known = (self.store.run(key), stored.exclusions, self.store.entries(key), self.store.reruns(key), None)
        decision = decide_rerun(request, RerunFacts(*known), stored.config, execution_timeout=TIMEOUT)
        assert self.store.commit(decision) is Commit.COMMITTED  # type: ignore[arg-type]
        if self.store.answer_of(key, request.identity) == "accepted" and self.store.run(key) is not None:
            self.open.append(key)
            if self.stalls:
                self.hold(key)
            self.most_open = max(self.most_open, len(self.open))

    def hold(self, key: RunKey) -> None:
        """Start the execution of a run, which then waits for its rules."""
        run = self.store.run(key)
        assert run is not None
        started = decide_started(run, run.run_token, now=datetime.now(UTC), execution_timeout=TIMEOUT)
        assert self.store.commit(started) is Commit.COMMITTED  # type: ignore[arg-type]

    def end_one(self) -> None:
        if not self.open:
            return
        key = self.open.pop(0)
        run, stored = self.store.run(key), self.store.config("p")
        assert run is not None
        outcome = JobOutcome("fail" if str(key.date) in self.fails else "success", error="boom", category="TRANSIENT")
        facts = CloseFacts(run, stored.config, 9, stored.exclusions, self.store.sla(key))
        closed = decide_completion(facts, run.run_token, outcome, now=datetime.now(UTC), execution_timeout=TIMEOUT)
        assert self.store.commit(closed) is Commit.COMMITTED  # type: ignore[arg-type]

    def attempts(self) -> Counter[str]:
        """The number of accepted requests of each date."""
        rows = self.tables.rows_of(self.store.names.rerun)
        return Counter(str(row["SK"]).split("#")[2] for row in rows)


@pytest.fixture
def controller(tables: MemoryTables, monkeypatch: pytest.MonkeyPatch) -> Controller:
    return Controller(tables, monkeypatch)

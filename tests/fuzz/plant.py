"""The Lambdas' handlers around tables with fuzzed rows. Each invocation is checked when it ends."""

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from fuzz.handlers import Handlers
from fuzz.seeds import END, PIPELINES, Seed, seeds
from msgspec import ValidationError
from simulation.machine import ORCHESTRATOR, SLA_MONITOR, TaskFailed
from sla.lambdas import NAMES
from sla.stage import Jobs, Stage

from interlock_config import decode_yaml
from interlock_controller.effects import BusEntry, EventBus
from interlock_controller.runs import Mode as StepMode
from interlock_controller.runs import SubmissionFailed
from interlock_controller.slas import Mode as SlaMode
from interlock_controller.slas import TimersNotMade
from interlock_dlq import BatchResult, DeadLetter, process_stream
from interlock_sla import SlaError
from interlock_store import Contended, MalformedRow
from interlock_store._write import Put
from interlock_stream_router import handler as stream_router
from interlock_triggers import Attempt, Started

NOW = END + timedelta(days=2)
_BATCH = 10
_EXPECTED = (MalformedRow, SubmissionFailed, Contended, ValidationError, SlaError, TimersNotMade)
"""The errors that name an invalid row or an invalid date, and those after which the state machine asks again."""

_ALERT = {"alertType": "SLA_BREACH", "breachAt": "2026-03-05T07:00:00Z"}
_WINDOWS = {
    "evaluationIntervalSeconds": 60,
    "evaluationWindowSeconds": 600,
    "jobCheckIntervalSeconds": 60,
    "jobPollWindowSeconds": 600,
}


class Letters:
    """The dead-letter queue."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    def route(self, letter: DeadLetter) -> None:
        self.letters.append(letter)


class NotedJobs(Jobs):
    """Jobs that succeed after ten minutes. `attempts` has each start."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.plan = [("ok", 10)]
        self.attempts: list[Attempt] = []

    def start(self, job_type: str, config: Mapping[str, Any], attempt: Attempt, **more: Any) -> Started:
        self.attempts.append(attempt)
        return super().start(job_type, config, attempt, **more)

    def find(self, job_type: str, config: Mapping[str, Any], attempt: Attempt, **more: Any) -> Started | None:
        return None


class Plant(Stage):
    """A stage with the rows of the played story. `feed` writes rows as another program would."""

    kind = Handlers

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dead = Letters()
        self.noted = NotedJobs(self.clock)
        self.results: list[BatchResult] = []
        self.rejected = 0
        super().__init__(NOW, letters=self.dead)
        monkeypatch.setattr(stream_router, "process_stream", self._process)
        for text in PIPELINES.values():
            self.store.put_config(decode_yaml(text, "pipeline.yaml"))
        for seed in seeds():
            self.tables.transact([Put(seed.table, seed.row)])
        self.records.clear()

    def publish(self, entries: Sequence[BusEntry]) -> None:
        """The real client of the bus, over `put_events` of this stage."""
        EventBus(self, "bus", sleep=lambda _: None).publish(entries)  # type: ignore[arg-type]

    def put_events(self, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """EventBridge: it rejects an event without a type, and a detail that is no JSON object."""
        return {"Entries": [_answer(entry) for entry in Entries]}

    def open_jobs(self) -> Jobs:
        return self.noted

    def feed(self, rows: Iterable[Seed]) -> None:
        """Write the rows, and deliver all stream records. The records of one write may be in one batch with others."""
        for seed in rows:
            self.tables.transact([Put(seed.table, seed.row)])
        self._drain()

    def deliver(self, records: Sequence[dict[str, Any]]) -> None:
        """Give records to the stream-router as they are, also invalid ones."""
        answer = self.lambdas.deliver(records)
        assert answer == {"batchItemFailures": []}, f"the shard is blocked at {answer}"

    def ask_all(self) -> None:
        """Call the SLA monitor and the orchestrator for each date of the fuzzed pipelines."""
        for row in self.tables.rows_of(NAMES.control):
            kind, _, rest = row["SK"].partition("#")
            schedule, _, date = rest.partition("#")
            if kind == "TRIGGER" and row["PK"] != "PIPELINE#q":
                subject = {"pipelineId": row["PK"].partition("#")[2], "scheduleId": schedule, "date": date}
                for mode in SlaMode:
                    self._ask(SLA_MONITOR, {**subject, "mode": str(mode), **_ALERT})
                token = {"runToken": str(row.get("runToken", "")), "startedAt": self.now.isoformat()}
                # The state machine asks for a start only after the rules held.
                for step in sorted(set(StepMode) - {StepMode.TRIGGER}):
                    outcome = {"status": "finished", "event": "success"}
                    event = {**subject, **token, "mode": str(step), "config": _WINDOWS, "outcome": outcome}
                    self._ask(ORCHESTRATOR, event)

    def _ask(self, resource: str, event: dict[str, Any]) -> None:
        with contextlib.suppress(TaskFailed):
            self._invoke(resource, event)

    def _invoke(self, resource: str, event: dict[str, Any]) -> Any:
        """An invocation of a Lambda. It answers, or ends with an error that names the row or says "again"."""
        try:
            return self.lambdas.step(event) if resource == ORCHESTRATOR else self.lambdas.mind_sla(event)
        except _EXPECTED as error:
            self.rejected += 1
            raise TaskFailed(type(error).__name__, str(error)) from error

    def _process(self, records: Any, *parts: Any, **more: Any) -> BatchResult:
        result = process_stream(records, *parts, **more)
        assert result.processed + result.dlq_routed + result.batch_failures == result.total == len(records)
        self.results.append(result)
        return result

    def _drain(self) -> None:
        while self.records:
            batch, self.records = self.records[:_BATCH], self.records[_BATCH:]
            taken = self.lambdas.route(batch)
            assert taken == len(batch), f"the shard is blocked at {batch[taken][1]}"

    def _tick(self) -> None:
        """A tick of the watchdog. Here a failed check fails the test."""
        self.at(self.now + timedelta(minutes=5), self._tick)
        self.lambdas.tick()


def _answer(entry: Mapping[str, Any]) -> dict[str, str]:
    if not 0 < len(entry["DetailType"]) <= 128:
        return {"ErrorCode": "InvalidArgument"}
    try:
        detail = json.loads(entry["Detail"])
    except (ValueError, RecursionError):
        return {"ErrorCode": "MalformedDetail"}
    return {"EventId": "e"} if isinstance(detail, dict) else {"ErrorCode": "MalformedDetail"}
